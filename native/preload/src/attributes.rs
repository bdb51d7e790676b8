//! chmod, utime and their kin: the record has the permissions and the time of the file, so a file
//! that was published before its attributes changed is published again.

use crate::change::Changed;
use crate::descriptors::is_written;
use crate::real_path::locate_produced;
use crate::start::{is_active, settings};
use crate::{errno, real};
use core::ffi::{c_char, c_int};
use dyad_client::Place;
use dyad_client::sys::Errno;
use libc::{mode_t, timespec, timeval, utimbuf};

const HERE: c_int = libc::AT_FDCWD;

/// Which link of a path a call follows: not the last one.
fn no_follow(flags: c_int) -> c_int {
    if flags & libc::AT_SYMLINK_NOFOLLOW != 0 { libc::O_NOFOLLOW } else { 0 }
}

#[inline]
unsafe fn at_path(
    dirfd: c_int,
    path: *const c_char,
    flags: c_int,
    call: impl Fn() -> c_int,
) -> c_int {
    if !is_active() || !settings().producer.is_set() || path.is_null() {
        return call();
    }
    // SAFETY: the program gives a C string.
    unsafe { at_managed_path(dirfd, path, flags, &call) }
}

#[inline(never)]
unsafe fn at_managed_path(
    dirfd: c_int,
    path: *const c_char,
    flags: c_int,
    call: &dyn Fn() -> c_int,
) -> c_int {
    // SAFETY: the caller gives a C string.
    if !unsafe { locate_produced(dirfd, path, &mut Place::new()) } {
        return call();
    }
    // SAFETY: as above.
    around(unsafe { Changed::begin_with(dirfd, path, flags) }, call)
}

/// A descriptor that writes publishes with its close.
#[inline]
fn at_descriptor(fd: c_int, call: impl Fn() -> c_int) -> c_int {
    if !is_active() || !settings().producer.is_set() || is_written(fd) {
        return call();
    }
    around(Changed::begin_at(fd), &call)
}

#[inline(never)]
fn around(changed: Result<Option<Changed>, Errno>, call: &dyn Fn() -> c_int) -> c_int {
    let changed = match changed {
        Ok(changed) => changed,
        Err(failed) => return errno::fail(failed),
    };
    let result = call();
    let failed = errno::get();
    match changed.map_or(Ok(()), |changed| changed.publish_again()) {
        Ok(()) => {
            errno::set(failed);
            result
        }
        Err(failed) => errno::fail(failed),
    }
}

macro_rules! at_paths {
    ($($name:ident($($arg:ident: $type:ty),*) at $dirfd:expr, $path:ident, $flags:expr;)*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($arg: $type),*) -> c_int {
                // SAFETY: the program's own call.
                unsafe { at_path($dirfd, $path, $flags, || real::$name($($arg),*)) }
            }
        )*
    };
}

macro_rules! at_descriptors {
    ($($name:ident($fd:ident, $arg:ident: $type:ty);)*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($fd: c_int, $arg: $type) -> c_int {
                // SAFETY: the program's own call.
                at_descriptor($fd, || unsafe { real::$name($fd, $arg) })
            }
        )*
    };
}

at_paths! {
    chmod(path: *const c_char, mode: mode_t) at HERE, path, 0;
    fchmodat(dirfd: c_int, path: *const c_char, mode: mode_t, flags: c_int)
        at dirfd, path, no_follow(flags);
    utime(path: *const c_char, times: *const utimbuf) at HERE, path, 0;
    utimes(path: *const c_char, times: *const timeval) at HERE, path, 0;
    lutimes(path: *const c_char, times: *const timeval) at HERE, path, libc::O_NOFOLLOW;
    futimesat(dirfd: c_int, path: *const c_char, times: *const timeval) at dirfd, path, 0;
    utimensat(dirfd: c_int, path: *const c_char, times: *const timespec, flags: c_int)
        at dirfd, path, no_follow(flags);
}

at_descriptors! {
    fchmod(fd, mode: mode_t);
    futimes(fd, times: *const timeval);
    futimens(fd, times: *const timespec);
}
