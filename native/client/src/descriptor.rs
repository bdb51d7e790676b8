//! The path of an open descriptor.

use crate::sys;
use crate::text::{PathText, Text};
use core::ffi::c_int;

/// Calls `look` with the descriptor's link in /proc. Once the main thread has ended by
/// pthread_exit, the descriptors of the process are those of its other threads alone.
pub(crate) fn through_link<T>(
    fd: c_int,
    mut look: impl FnMut(&Text<32>) -> sys::Result<T>,
) -> sys::Result<T> {
    let mut link = Text::new();
    link_of(b"/proc/self/fd/", fd, &mut link);
    look(&link).or_else(|failed| {
        if failed != libc::ENOENT {
            return Err(failed);
        }
        link_of(b"/proc/thread-self/fd/", fd, &mut link);
        look(&link)
    })
}

/// The digits of a number, written into the end of `digits`.
pub fn decimal(number: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut rest = number;
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return &digits[start..];
        }
    }
}

/// Writes the name of a descriptor's link in a directory of /proc.
pub(crate) fn link_of(place: &[u8], fd: c_int, into: &mut Text<32>) {
    let _ = into.set(place);
    let _ = into.push(decimal(fd.unsigned_abs(), &mut [0; 10]));
}

/// Writes the path at which the system knows the file of a descriptor, whatever it was opened by:
/// with its renames followed and its links resolved. The path of a file that is removed ends with
/// ` (deleted)`.
pub fn path_of(fd: c_int, into: &mut PathText) -> sys::Result<()> {
    let len = through_link(fd, |link| {
        // SAFETY: the link is a text, which has a NUL behind it.
        into.fill(|room| unsafe { sys::readlinkat(libc::AT_FDCWD, link.as_ptr(), room) })
    })?;
    if len >= 4095 { Err(libc::ENAMETOOLONG) } else { Ok(()) }
}
