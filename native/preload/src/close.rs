//! close, close_range and closefrom.

use crate::publish::{Written, close_and_publish};
use crate::start::{CLIENT, is_active};
use crate::{descriptors, errno, real};
use core::ffi::{c_int, c_uint};

#[unsafe(no_mangle)]
pub unsafe extern "C" fn close(fd: c_int) -> c_int {
    if is_active() && (descriptors::is_written(fd) || CLIENT.holds(fd)) {
        return close_managed(fd);
    }
    // SAFETY: the program's own call.
    unsafe { real::close(fd) }
}

#[inline(never)]
fn close_managed(fd: c_int) -> c_int {
    if CLIENT.holds(fd) {
        return errno::fail(libc::EBADF);
    }
    let written = Written::at(fd);
    descriptors::forget(fd);
    // SAFETY: the program's own call.
    let closed = unsafe { real::close(fd) };
    // An interrupted close has closed all the same.
    if closed != 0 && errno::get() != libc::EINTR {
        return closed;
    }
    match written.map_or(Ok(()), |written| written.publish()) {
        Ok(()) => closed,
        Err(failed) => errno::fail(failed),
    }
}

const CLOSE_RANGE_CLOEXEC: c_int = 4;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    if !is_active() || flags & CLOSE_RANGE_CLOEXEC != 0 || first > last {
        // SAFETY: the program's own call.
        return unsafe { real::close_range(first, last, flags) };
    }
    let outcome = publish_range(first, last);
    // SAFETY: as above, in pieces.
    let closed = unsafe { close_around_connections(first, last, flags) };
    match outcome {
        Err(failed) if closed == 0 => errno::fail(failed),
        _ => closed,
    }
}

/// Closes the descriptors of the range that write.
fn publish_range(first: c_uint, last: c_uint) -> Result<(), c_int> {
    let mut outcome = Ok(());
    let mut next = c_int::try_from(first).ok();
    while let Some(fd) = next.and_then(descriptors::next_written) {
        if fd as c_uint > last {
            break;
        }
        outcome = outcome.and(close_and_publish(fd));
        next = fd.checked_add(1);
    }
    outcome
}

/// Closes what lies between the connections to the agent.
unsafe fn close_around_connections(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    let mut from = first;
    loop {
        let held = c_int::try_from(from).ok().and_then(|from| CLIENT.next_held(from));
        match held.map(|fd| fd as c_uint) {
            Some(held) if held <= last => {
                if held > from {
                    // SAFETY: the program's own call, for a part of its range.
                    let closed = unsafe { real::close_range(from, held - 1, flags) };
                    if closed != 0 {
                        return closed;
                    }
                }
                if held == last {
                    return 0;
                }
                from = held + 1;
            }
            // SAFETY: as above.
            _ => return unsafe { real::close_range(from, last, flags) },
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn closefrom(first: c_int) {
    let before = errno::get();
    // SAFETY: the program's own call, which closefrom is a form of.
    let closed = unsafe { close_range(first.max(0) as c_uint, c_uint::MAX, 0) };
    if closed != 0 && errno::get() == libc::ENOSYS {
        // SAFETY: as above; what writes is closed by now, and connections are not missed long.
        unsafe { real::closefrom(first) };
    }
    errno::set(before);
}
