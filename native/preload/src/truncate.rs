//! truncate: a change of a file that nobody opens.

use crate::change::Changed;
use crate::real_path::locate_produced;
use crate::start::{is_active, settings};
use crate::write::checked;
use crate::{errno, real};
use core::ffi::{c_char, c_int};
use dyad_client::Place;
use libc::off_t;

#[inline]
unsafe fn around(path: *const c_char, call: impl Fn() -> c_int) -> c_int {
    if !is_active() || !settings().producer.is_set() || path.is_null() {
        return call();
    }
    // SAFETY: the program gives a C string.
    unsafe { around_managed(path, &call) }
}

#[inline(never)]
unsafe fn around_managed(path: *const c_char, call: &dyn Fn() -> c_int) -> c_int {
    let mut place = Place::new();
    // SAFETY: the caller gives a C string.
    if !unsafe { locate_produced(libc::AT_FDCWD, path, &mut place) } {
        return call();
    }
    // SAFETY: as above.
    let changed = match unsafe { Changed::begin(libc::AT_FDCWD, path) } {
        Ok(changed) => changed,
        Err(failed) => return errno::fail(failed),
    };
    let result = call();
    let failed = errno::get();
    match changed.map_or(Ok(()), |changed| changed.publish_unless_written()) {
        Ok(()) => {
            errno::set(failed);
            result
        }
        Err(failed) => errno::fail(failed),
    }
}

macro_rules! truncates {
    ($($name:ident)*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name(path: *const c_char, length: off_t) -> c_int {
                // SAFETY: the program's own call.
                unsafe { around(path, || real::$name(path, length)) }
            }
        )*
    };
}

truncates! { truncate truncate64 }

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate(fd: c_int, length: off_t) -> c_int {
    // SAFETY: the program's own call.
    checked(fd, unsafe { real::ftruncate(fd, length) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(fd: c_int, length: off_t) -> c_int {
    // SAFETY: the program's own call.
    checked(fd, unsafe { real::ftruncate64(fd, length) })
}
