//! The calling thread's errno.

use core::ffi::c_int;

pub fn get() -> c_int {
    // SAFETY: the C library gives each thread a valid place.
    unsafe { *libc::__errno_location() }
}

pub fn set(value: c_int) {
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = value }
}

/// Fails a call as C functions fail.
pub fn fail(value: c_int) -> c_int {
    set(value);
    -1
}
