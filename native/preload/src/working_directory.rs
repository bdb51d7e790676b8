//! What changes the working directory: relative paths lead elsewhere then.

use crate::{elsewhere, real};
use core::ffi::{c_char, c_int, c_void};

#[unsafe(no_mangle)]
pub unsafe extern "C" fn chdir(path: *const c_char) -> c_int {
    // SAFETY: the program's own call.
    let changed = unsafe { real::chdir(path) };
    elsewhere::forget();
    changed
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fchdir(fd: c_int) -> c_int {
    // SAFETY: the program's own call.
    let changed = unsafe { real::fchdir(fd) };
    elsewhere::forget();
    changed
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn daemon(stays: c_int, keeps_output: c_int) -> c_int {
    elsewhere::wander();
    // SAFETY: the program's own call.
    unsafe { real::daemon(stays, keeps_output) }
}

/// Functions that walk through a tree, and may do so by the working directory.
macro_rules! walks {
    ($($name:ident($($arg:ident: $type:ty),*) -> $result:ty;)*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($arg: $type),*) -> $result {
                elsewhere::wander();
                // SAFETY: the program's own call.
                unsafe { real::$name($($arg),*) }
            }
        )*
    };
}

walks! {
    nftw(path: *const c_char, each: *const c_void, depth: c_int, flags: c_int) -> c_int;
    nftw64(path: *const c_char, each: *const c_void, depth: c_int, flags: c_int) -> c_int;
    fts_open(paths: real::Strings, flags: c_int, order: *const c_void) -> *mut c_void;
    fts64_open(paths: real::Strings, flags: c_int, order: *const c_void) -> *mut c_void;
}
