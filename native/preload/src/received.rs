//! Descriptors that come from other processes: what they write in the producer-managed directory is
//! this program's own from then on, as what it inherited is.

use crate::adopt::adopt_one;
use crate::real;
use crate::start::{is_active, settings};
use core::ffi::{c_int, c_uint};
use libc::{mmsghdr, msghdr, ssize_t, timespec};

fn may_adopt() -> bool {
    is_active() && settings().producer.is_set()
}

/// Adopts the descriptors of a message.
///
/// # Safety
/// The system has filled the message in.
unsafe fn adopt_from(message: *const msghdr) {
    // SAFETY: the caller says so; the system writes whole headers, and their lengths.
    unsafe {
        let mut part = libc::CMSG_FIRSTHDR(message);
        while !part.is_null() {
            if (*part).cmsg_level == libc::SOL_SOCKET && (*part).cmsg_type == libc::SCM_RIGHTS {
                let numbers = libc::CMSG_DATA(part).cast::<c_int>();
                let len = ((*part).cmsg_len as usize).saturating_sub(libc::CMSG_LEN(0) as usize);
                for index in 0..len / size_of::<c_int>() {
                    adopt_one(numbers.add(index).read_unaligned());
                }
            }
            part = libc::CMSG_NXTHDR(message, part);
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn recvmsg(socket: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    // SAFETY: the program's own call, which fills the message in.
    unsafe {
        let received = real::recvmsg(socket, message, flags);
        if received >= 0 && (*message).msg_controllen > 0 && may_adopt() {
            adopt_from(message);
        }
        received
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn recvmmsg(
    socket: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
    timeout: *mut timespec,
) -> c_int {
    // SAFETY: the program's own call, which fills as many messages in as it tells.
    unsafe {
        let received = real::recvmmsg(socket, messages, count, flags, timeout);
        if received > 0 && may_adopt() {
            for index in 0..received as usize {
                adopt_from(&raw const (*messages.add(index)).msg_hdr);
            }
        }
        received
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn pidfd_getfd(process: c_int, theirs: c_int, flags: c_uint) -> c_int {
    // SAFETY: the program's own call.
    got(unsafe { real::pidfd_getfd(process, theirs, flags) })
}

/// Adopts a descriptor that a call has returned.
pub fn got(fd: c_int) -> c_int {
    if fd >= 0 && may_adopt() {
        adopt_one(fd);
    }
    fd
}
