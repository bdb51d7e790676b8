//! The writes, for their failures alone: a file that lacks bytes is not published.

use crate::start::is_active;
use crate::{descriptors, errno, real};
use core::ffi::{c_int, c_uint, c_void};
use libc::{iovec, off_t, size_t, ssize_t};

/// Notes the failure of a call that wrote to a descriptor, and passes its result on.
#[inline]
pub fn checked<T: PartialOrd + Default>(fd: c_int, result: T) -> T {
    if result < T::default() {
        note_failure(fd);
    }
    result
}

#[cold]
fn note_failure(fd: c_int) {
    let is_lost = matches!(errno::get(), libc::ENOSPC | libc::EDQUOT | libc::EIO | libc::EFBIG);
    if is_lost && is_active() && descriptors::is_written(fd) {
        descriptors::damage(fd);
    }
}

macro_rules! writes {
    ($($name:ident($($arg:ident: $type:ty),*) to $fd:ident -> $result:ty;)*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($arg: $type),*) -> $result {
                // SAFETY: the program's own call.
                checked($fd, unsafe { real::$name($($arg),*) })
            }
        )*
    };
}

writes! {
    write(fd: c_int, from: *const c_void, count: size_t) to fd -> ssize_t;
    pwrite(fd: c_int, from: *const c_void, count: size_t, offset: off_t) to fd -> ssize_t;
    pwrite64(fd: c_int, from: *const c_void, count: size_t, offset: off_t) to fd -> ssize_t;
    writev(fd: c_int, from: *const iovec, count: c_int) to fd -> ssize_t;
    pwritev(fd: c_int, from: *const iovec, count: c_int, offset: off_t) to fd -> ssize_t;
    pwritev64(fd: c_int, from: *const iovec, count: c_int, offset: off_t) to fd -> ssize_t;
    pwritev2(fd: c_int, from: *const iovec, count: c_int, offset: off_t, flags: c_int)
        to fd -> ssize_t;
    pwritev64v2(fd: c_int, from: *const iovec, count: c_int, offset: off_t, flags: c_int)
        to fd -> ssize_t;
    sendfile(to: c_int, from: c_int, offset: *mut off_t, count: size_t) to to -> ssize_t;
    sendfile64(to: c_int, from: c_int, offset: *mut off_t, count: size_t) to to -> ssize_t;
    copy_file_range(
        from: c_int, from_offset: *mut off_t, to: c_int, to_offset: *mut off_t, count: size_t,
        flags: c_uint) to to -> ssize_t;
    splice(
        from: c_int, from_offset: *mut off_t, to: c_int, to_offset: *mut off_t, count: size_t,
        flags: c_uint) to to -> ssize_t;
    fsync(fd: c_int) to fd -> c_int;
    fdatasync(fd: c_int) to fd -> c_int;
}
