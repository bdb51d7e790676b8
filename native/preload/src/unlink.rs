//! unlink and its kin: the record goes with the file.

use crate::agent::tell;
use crate::real_path::locate_produced;
use crate::start::{is_active, settings};
use crate::{errno, real};
use core::ffi::{c_char, c_int};
use dyad_client::{Place, Request};

#[inline]
unsafe fn around(dirfd: c_int, path: *const c_char, call: impl Fn() -> c_int) -> c_int {
    if !is_active() || !settings().producer.is_set() || path.is_null() {
        return call();
    }
    // SAFETY: the program gives a C string.
    unsafe { around_managed(dirfd, path, &call) }
}

#[inline(never)]
unsafe fn around_managed(dirfd: c_int, path: *const c_char, call: &dyn Fn() -> c_int) -> c_int {
    let mut place = Place::new();
    // SAFETY: the caller gives a C string.
    let is_managed = unsafe { locate_produced(dirfd, path, &mut place) };
    let result = call();
    match place.producer_name() {
        Some(name) if result == 0 && is_managed => {
            match tell(Request::Remove { name, directory: false }) {
                Ok(()) => result,
                Err(failed) => errno::fail(failed),
            }
        }
        _ => result,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the program's own call.
    unsafe { around(libc::AT_FDCWD, path, || real::unlink(path)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlinkat(dirfd: c_int, path: *const c_char, flags: c_int) -> c_int {
    if flags & libc::AT_REMOVEDIR != 0 {
        // SAFETY: the program's own call. A directory that can be removed has no files.
        return unsafe { real::unlinkat(dirfd, path, flags) };
    }
    // SAFETY: as above.
    unsafe { around(dirfd, path, || real::unlinkat(dirfd, path, flags)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn remove(path: *const c_char) -> c_int {
    // SAFETY: the program's own call.
    unsafe { around(libc::AT_FDCWD, path, || real::remove(path)) }
}
