//! mkstemp and its kin: the C library opens by calls of its own, at a name that it chooses.

use crate::open::mark_by_device;
use crate::start::{is_active, settings};
use crate::{errno, own, real};
use core::ffi::{c_char, c_int};
use dyad_client::sys;

unsafe fn made(fd: c_int, path: *const c_char) -> c_int {
    if fd < 0 || !is_active() {
        return fd;
    }
    let marked = if settings().producer.is_set() { mark_by_device(fd) } else { Ok(()) };
    let told = marked.and_then(|()| {
        // SAFETY: the call has written the name of the file there.
        unsafe { own::tell_of_path(libc::AT_FDCWD, path) }.inspect_err(|_| {
            let _ = sys::close(fd);
        })
    });
    match told {
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
                unsafe { made(real::$name($template $(, $arg)*), $template) }
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
