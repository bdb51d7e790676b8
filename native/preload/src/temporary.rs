//! mkstemp and its kin: the C library opens by calls of its own, at a name that it chooses.

use crate::start::is_active;
use crate::{errno, outside, real};
use core::ffi::{c_char, c_int};

fn made(fd: c_int) -> c_int {
    if fd < 0 || !is_active() {
        return fd;
    }
    match outside::written(fd) {
        Ok(()) => fd,
        Err(failed) => errno::fail(failed),
    }
}

macro_rules! temporary_files {
    ($($name:ident($template:ident $(, $arg:ident)*);)*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($template: *mut c_char $(, $arg: c_int)*) -> c_int {
                // SAFETY: the program's own call.
                made(unsafe { real::$name($template $(, $arg)*) })
            }
        )*
    };
}

temporary_files! {
    mkstemp(template);
    mkstemp64(template);
    mkostemp(template, flags);
    mkostemp64(template, flags);
    mkstemps(template, ending);
    mkstemps64(template, ending);
    mkostemps(template, ending, flags);
    mkostemps64(template, ending, flags);
}
