//! Further names of files that are still written: links that were made before the last close.

use crate::agent::tell;
use crate::start::settings;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicUsize, Ordering};
use dyad_client::sys::{self, Errno, FileId};
use dyad_client::{PathText, Request};

const PLACES: usize = 64;
const FREE: usize = 0;
const BUSY: usize = 1;
const TAKEN: usize = 2;

struct Alias {
    state: AtomicUsize,
    content: UnsafeCell<(FileId, PathText)>,
}

// SAFETY: whoever sets the state to BUSY alone may touch the content.
unsafe impl Sync for Alias {}

static ALIASES: [Alias; PLACES] = [const {
    Alias {
        state: AtomicUsize::new(FREE),
        content: UnsafeCell::new((FileId { device: 0, inode: 0 }, PathText::new())),
    }
}; PLACES];
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Notes a name of a file, to be published with it. Returns false where there is no room.
pub fn add(file: FileId, path: &[u8]) -> bool {
    for alias in &ALIASES {
        if alias.state.compare_exchange(FREE, BUSY, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            // SAFETY: the state is BUSY by this thread.
            let content = unsafe { &mut *alias.content.get() };
            content.0 = file;
            let is_noted = content.1.set(path).is_ok();
            alias.state.store(if is_noted { TAKEN } else { FREE }, Ordering::Release);
            COUNT.fetch_add(usize::from(is_noted), Ordering::AcqRel);
            return is_noted;
        }
    }
    false
}

/// Whether the path still is one of the file: the program may have removed or replaced it.
fn names(path: &PathText, file: FileId) -> bool {
    // SAFETY: a text has a NUL behind it.
    let found = unsafe { sys::look(libc::AT_FDCWD, path.as_ptr(), libc::AT_SYMLINK_NOFOLLOW) };
    found.is_ok_and(|look| look.file == file)
}

/// Publishes and forgets the further names of a file.
pub fn publish(file: FileId) -> Result<(), Errno> {
    if COUNT.load(Ordering::Acquire) == 0 {
        return Ok(());
    }
    let mut outcome = Ok(());
    for alias in &ALIASES {
        if alias.state.compare_exchange(TAKEN, BUSY, Ordering::AcqRel, Ordering::Acquire).is_err() {
            continue;
        }
        // SAFETY: the state is BUSY by this thread.
        let content = unsafe { &*alias.content.get() };
        let is_this = content.0 == file;
        if is_this {
            COUNT.fetch_sub(1, Ordering::AcqRel);
            if let Some(name) = settings().producer.name_in(content.1.as_bytes())
                && names(&content.1, file)
            {
                outcome = outcome.and(tell(Request::Produce { name }));
            }
        }
        alias.state.store(if is_this { FREE } else { TAKEN }, Ordering::Release);
    }
    outcome
}
