//! mkstemp and its kin: the C library opens by calls of its own, at a name that it chooses.

use crate::open::mark_by_device;
use crate::start::{is_active, settings};
use crate::{errno, real};
use core::ffi::{c_char, c_int};

fn made(fd: c_int) -> c_int {
    if fd < 0 || !is_active() || !settings().producer.is_set() {
        return fd;
    }
    match mark_by_device(fd) {
        Ok(()) => fd,
        Err(failed) => errno::fail(failed),
    }
}

macro_rules! temporary_files {
    ($($name:ident($($arg:ident: $type:ty),*);)*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($arg: $type),*) -> c_int {
                // SAFETY: the program's own call.
                made(unsafe { real::$name($($arg),*) })
            }
        )*
    };
}

temporary_files! {
    mkstemp(template: *mut c_char);
    mkstemp64(template: *mut c_char);
    mkostemp(template: *mut c_char, flags: c_int);
    mkostemp64(template: *mut c_char, flags: c_int);
    mkstemps(template: *mut c_char, ending: c_int);
    mkstemps64(template: *mut c_char, ending: c_int);
    mkostemps(template: *mut c_char, ending: c_int, flags: c_int);
    mkostemps64(template: *mut c_char, ending: c_int, flags: c_int);
}
