//! The program's POSIX record locks. The system drops all of a process on a file when the process
//! closes any descriptor of that file, so a program that has locks gets no file opened and closed
//! behind its back: a child does that, whose locks are others.

use crate::children::Children;
use crate::start::CLIENT;
use crate::{errno, real};
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};
use dyad_client::sys::{self, FileId};
use dyad_client::{PathText, Writers};
use libc::off_t;

/// Whether the program has ever asked for such a lock.
static ANY: AtomicBool = AtomicBool::new(false);
static LOOKING: Children = Children::new();
/// How long a look waits for those of other threads.
const PATIENCE: u64 = 200_000_000;

/// Notes a call of fcntl.
#[inline]
pub fn note(command: c_int) {
    if matches!(command, libc::F_SETLK | libc::F_SETLKW) {
        ANY.store(true, Ordering::Release);
    }
}

macro_rules! locks {
    ($($name:ident)*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name(fd: c_int, command: c_int, length: off_t) -> c_int {
                ANY.store(true, Ordering::Release);
                // SAFETY: the program's own call.
                unsafe { real::$name(fd, command, length) }
            }
        )*
    };
}

locks! { lockf lockf64 }

/// Tells of the writers of a file, and leaves the program its locks.
pub fn writers(path: &PathText, file: Option<FileId>) -> Writers {
    if !ANY.load(Ordering::Acquire) {
        return dyad_client::writers(path, file);
    }
    let told = writers_aside(path, file);
    if told != Writers::Left {
        return told;
    }
    // The child of another thread holds copies of all descriptors, those closed by now too.
    LOOKING.wait(PATIENCE);
    writers_aside(path, file)
}

struct Look<'a> {
    path: &'a PathText,
    file: Option<FileId>,
    told: Writers,
}

#[repr(align(16))]
struct Stack {
    _bytes: [u8; 8_192],
}

/// Looks from a child that shares the memory and nothing else, and is gone by the return.
#[inline(never)]
fn writers_aside(path: &PathText, file: Option<FileId>) -> Writers {
    let mut look = Look { path, file, told: Writers::Unknown };
    let mut stack = MaybeUninit::<Stack>::uninit();
    let before = errno::get();
    let child = CLIENT.owns_memory().then(|| LOOKING.begin());
    let blocked = sys::block_signals();
    // SAFETY: the child runs on a stack of its own, makes system calls alone, and has ended once
    // clone returns. It sends no signal when it ends, so that no handler and no wait of the program
    // hears of it.
    let pid = unsafe {
        libc::clone(
            look_in_child,
            stack.as_mut_ptr().add(1).cast(),
            libc::CLONE_VM | libc::CLONE_VFORK,
            (&raw mut look).cast(),
        )
    };
    if pid > 0 {
        sys::reap_clone(pid);
    }
    sys::restore_signals(blocked);
    if let Some(child) = child {
        child.end();
    }
    errno::set(before);
    look.told
}

extern "C" fn look_in_child(look: *mut c_void) -> c_int {
    // SAFETY: it is that of `writers_aside`, which sleeps meanwhile.
    let look = unsafe { &mut *look.cast::<Look>() };
    look.told = dyad_client::writers(look.path, look.file);
    0
}
