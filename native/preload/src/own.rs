//! Files that the program itself writes in the consumer-managed directory: no later open waits for
//! somebody to publish them.

use crate::agent::tell;
use crate::real_path::locate_real;
use crate::start::settings;
use core::ffi::{c_char, c_int};
use dyad_client::sys::Errno;
use dyad_client::{Place, Request};

/// Tells the agent of a file that was made or changed.
pub fn tell_of(place: &Place) -> Result<(), Errno> {
    match (place.consumer_name(), place.producer_name()) {
        (Some(name), None) if !place.names_directory => tell(Request::Own { name }),
        _ => Ok(()),
    }
}

/// As above, of the file at a path.
///
/// # Safety
/// `path` is a C string.
#[inline(never)]
pub unsafe fn tell_of_path(dirfd: c_int, path: *const c_char) -> Result<(), Errno> {
    let mut place = Place::new();
    // SAFETY: the caller gives a C string.
    if settings().consumer.is_set() && unsafe { locate_real(dirfd, path, &mut place) } {
        return tell_of(&place);
    }
    Ok(())
}
