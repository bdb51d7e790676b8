//! Before an open for reading: the agent brings the file.

use crate::agent::ask;
use crate::descriptors;
use crate::start::settings;
use core::ffi::{c_char, c_int};
use dyad_client::sys::{self, Errno, Look};
use dyad_client::{Place, Request};

/// Whether an open with these flags reads what stands at its path.
pub fn reads(flags: c_int) -> bool {
    const NOT: c_int = libc::O_TRUNC | libc::O_PATH | libc::O_DIRECTORY | libc::O_TMPFILE;
    const NEW: c_int = libc::O_CREAT | libc::O_EXCL;
    flags & libc::O_ACCMODE != libc::O_WRONLY && flags & NOT == 0 && flags & NEW != NEW
}

/// Has the file brought that an open for reading is to open. The open goes on where nothing is
/// published, and says itself what it finds.
///
/// # Safety
/// `path` is a C string.
pub unsafe fn before_read(
    dirfd: c_int,
    path: *const c_char,
    flags: c_int,
    place: &Place,
) -> Result<(), Errno> {
    if place.consumer_name().is_none() {
        return Ok(());
    }
    // SAFETY: the caller gives a C string.
    bring(flags, place, unsafe { sys::look(dirfd, path, 0) }.ok())
}

/// As above, where the caller has looked at what stands there.
pub fn bring(flags: c_int, place: &Place, stands: Option<Look>) -> Result<(), Errno> {
    let Some(name) = place.consumer_name() else { return Ok(()) };
    let is_produced = place.producer_name().is_some();
    let mut wait = settings().waits_for(name) && !(is_produced && flags & libc::O_CREAT != 0);
    if let Some(look) = stands {
        if !look.is_regular() {
            return Ok(());
        }
        // A program that reads what it is writing would wait for itself.
        wait &= !(is_produced && descriptors::writes(look.file));
    }
    ask(Request::Consume { name, wait }).map(|_| ())
}
