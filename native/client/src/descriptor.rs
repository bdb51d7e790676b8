//! The path of an open descriptor.

use crate::sys;
use crate::text::{PathText, Text};
use core::ffi::c_int;

/// Writes the name of a descriptor's link in /proc.
pub(crate) fn link_of(fd: c_int, into: &mut Text<32>) {
    let mut digits = [0u8; 10];
    let mut rest = fd.unsigned_abs();
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let _ = into.set(b"/proc/self/fd/");
    let _ = into.push(&digits[start..]);
}

/// Writes the path at which the system knows the file of a descriptor, whatever it was opened by:
/// with its renames followed and its links resolved. The path of a file that is removed ends with
/// ` (deleted)`.
pub fn path_of(fd: c_int, into: &mut PathText) -> sys::Result<()> {
    let mut link = Text::new();
    link_of(fd, &mut link);
    // SAFETY: the link is a text, which has a NUL behind it.
    let len = into.fill(|room| unsafe { sys::readlinkat(libc::AT_FDCWD, link.as_ptr(), room) })?;
    if len >= 4095 { Err(libc::ENAMETOOLONG) } else { Ok(()) }
}
