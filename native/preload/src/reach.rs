//! Whether a program loads this library.

use core::ffi::{c_char, c_int};
use dyad_client::sys;

/// The longest table of segments that is looked through.
const MOST: usize = 64;
const PT_INTERP: u32 = 3;
const PT_NOTE: u32 = 4;
#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = 62;
#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = 183;

/// Why the program at a path, or that of the descriptor where the path is empty, loads no library
/// of its caller, or makes its calls without it. None where it takes part, as far as its file
/// tells.
///
/// # Safety
/// `path` is a C string.
pub unsafe fn unreachable(dirfd: c_int, path: *const c_char) -> Option<&'static [u8]> {
    // SAFETY: the caller gives a C string.
    let look = unsafe { sys::look(dirfd, path, libc::AT_EMPTY_PATH) }.ok()?;
    if look.mode & libc::S_ISUID != 0 && look.user != sys::getuid() {
        return Some(b"set-user-id");
    }
    const GROUP: u32 = libc::S_ISGID | libc::S_IXGRP;
    if look.mode & GROUP == GROUP && look.group != sys::getegid() {
        return Some(b"set-group-id");
    }
    // SAFETY: as above.
    let fd = unsafe {
        if *path == 0 {
            sys::open_again(dirfd, libc::O_RDONLY | libc::O_NONBLOCK)
        } else {
            sys::openat(dirfd, path, libc::O_RDONLY | libc::O_NONBLOCK)
        }
    };
    let fd = fd.ok()?;
    let told = told_by(fd);
    let _ = sys::close(fd);
    told
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn told_by(fd: c_int) -> Option<&'static [u8]> {
    let mut head = [0; 64];
    if sys::read_at(fd, &mut head, 0) != Ok(head.len()) || !head.starts_with(b"\x7fELF") {
        return None;
    }
    // Of 64 bits, and of this processor.
    if head.get(4) != Some(&2) || u16::from_le_bytes(number(&head, 18)?) != MACHINE {
        return Some(b"for another processor");
    }
    let start = u64::from_le_bytes(number(&head, 32)?);
    let size = u64::from(u16::from_le_bytes(number(&head, 54)?));
    let count = usize::from(u16::from_le_bytes(number(&head, 56)?));
    let mut has_loader = false;
    for index in 0..count.min(MOST) {
        let mut segment = [0; 56];
        let at = start.checked_add(size * index as u64)?;
        if sys::read_at(fd, &mut segment, at) != Ok(segment.len()) {
            return None;
        }
        match u32::from_le_bytes(number(&segment, 0)?) {
            PT_INTERP => {
                has_loader = true;
                let mut loader = [0; 64];
                let bytes = content_of(fd, &segment, &mut loader)?;
                if bytes.windows(4).any(|part| part == b"musl") {
                    return Some(b"linked with musl");
                }
            }
            PT_NOTE => {
                let mut notes = [0; 512];
                if has_note_of_go(content_of(fd, &segment, &mut notes)?) {
                    return Some(b"Go");
                }
            }
            _ => {}
        }
    }
    (!has_loader).then_some(b"static")
}

/// The beginning of what a segment holds.
fn content_of<'a>(fd: c_int, segment: &[u8], into: &'a mut [u8]) -> Option<&'a [u8]> {
    let at = u64::from_le_bytes(number(segment, 8)?);
    let size = usize::try_from(u64::from_le_bytes(number(segment, 32)?)).ok()?;
    let room = size.min(into.len());
    let into = into.get_mut(..room)?;
    let len = sys::read_at(fd, into, at).ok()?;
    into.get(..len)
}

/// Whether one of the notes is that which the linker of Go writes. A note has the lengths of its
/// name and of its content, a type, and both, filled up to four bytes.
fn has_note_of_go(mut notes: &[u8]) -> bool {
    let length = |bytes: &[u8], at| number(bytes, at).map(|it| u32::from_le_bytes(it) as usize);
    while let (Some(name), Some(content)) = (length(notes, 0), length(notes, 4)) {
        let rest = notes.get(12..).unwrap_or_default();
        if name == 4 && rest.starts_with(b"Go\0\0") {
            return true;
        }
        let end = name.next_multiple_of(4).saturating_add(content.next_multiple_of(4));
        notes = rest.get(end..).unwrap_or_default();
    }
    false
}
