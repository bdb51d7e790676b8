//! symlink and symlinkat: a directory may lead into a managed one from now on.

use crate::{elsewhere, real};
use core::ffi::{c_char, c_int};

#[unsafe(no_mangle)]
pub unsafe extern "C" fn symlink(target: *const c_char, path: *const c_char) -> c_int {
    // SAFETY: the program's own call.
    let made = unsafe { real::symlink(target, path) };
    elsewhere::forget();
    made
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn symlinkat(
    target: *const c_char,
    dirfd: c_int,
    path: *const c_char,
) -> c_int {
    // SAFETY: the program's own call.
    let made = unsafe { real::symlinkat(target, dirfd, path) };
    elsewhere::forget();
    made
}
