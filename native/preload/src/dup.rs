//! Copies of descriptors: a copy writes the same file.

use crate::publish::Written;
use crate::start::{CLIENT, is_active};
use crate::{descriptors, errno, locks, real};
use core::ffi::c_int;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn dup(fd: c_int) -> c_int {
    // SAFETY: the program's own call.
    copied(fd, unsafe { real::dup(fd) })
}

fn copied(from: c_int, to: c_int) -> c_int {
    if to >= 0 && is_active() {
        descriptors::copy(from, to);
    }
    to
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn dup2(fd: c_int, wanted: c_int) -> c_int {
    // SAFETY: the program's own call.
    onto(fd, wanted, || unsafe { real::dup2(fd, wanted) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn dup3(fd: c_int, wanted: c_int, flags: c_int) -> c_int {
    // SAFETY: the program's own call.
    onto(fd, wanted, || unsafe { real::dup3(fd, wanted, flags) })
}

/// Makes a copy at a number of the program's choice, which closes what was there.
#[inline]
fn onto(from: c_int, to: c_int, call: impl Fn() -> c_int) -> c_int {
    if !is_active() || from == to {
        return call();
    }
    if !CLIENT.vacate(to) {
        return errno::fail(libc::EBUSY);
    }
    if !descriptors::is_written(to) {
        return copied(from, call());
    }
    onto_written(from, to, &call)
}

#[inline(never)]
fn onto_written(from: c_int, to: c_int, call: &dyn Fn() -> c_int) -> c_int {
    let written = Written::at(to);
    let copy = copied(from, call());
    match written {
        Some(written) if copy >= 0 => match written.publish() {
            Ok(()) => copy,
            Err(failed) => errno::fail(failed),
        },
        _ => copy,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fcntl(fd: c_int, command: c_int, argument: usize) -> c_int {
    locks::note(command);
    // SAFETY: the program's own call.
    controlled(fd, command, unsafe { real::fcntl(fd, command, argument) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fcntl64(fd: c_int, command: c_int, argument: usize) -> c_int {
    locks::note(command);
    // SAFETY: the program's own call.
    controlled(fd, command, unsafe { real::fcntl64(fd, command, argument) })
}

#[inline]
fn controlled(fd: c_int, command: c_int, result: c_int) -> c_int {
    match command {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => copied(fd, result),
        _ => result,
    }
}
