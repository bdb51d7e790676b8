//! The program that an exec is to start.

use crate::reach;
use core::ffi::{CStr, c_char, c_int};
use dyad_client::{PathText, path_of, sys};

/// How a program is named.
#[derive(Clone, Copy)]
pub enum Target {
    /// By its path, or by the descriptor where the path is empty.
    At(c_int, *const c_char),
    /// By its name, searched for as execvp does.
    Named(*const c_char),
}

impl Target {
    /// What execvp takes.
    ///
    /// # Safety
    /// `file` is a C string or a null.
    pub unsafe fn named(file: *const c_char) -> Self {
        // SAFETY: the caller gives a C string.
        let is_path = file.is_null() || unsafe { CStr::from_ptr(file) }.to_bytes().contains(&b'/');
        if is_path { Self::At(libc::AT_FDCWD, file) } else { Self::Named(file) }
    }

    /// The place of the program: its directory and its path, which may stand in `found`. None where
    /// there is none.
    ///
    /// # Safety
    /// The program gives C strings, or those that the system answers with EFAULT.
    pub unsafe fn find(self, found: &mut PathText) -> Option<(c_int, *const c_char)> {
        let name = match self {
            Self::At(dirfd, path) => {
                // SAFETY: the caller says so.
                let is_there = unsafe { sys::may_execute(dirfd, path) };
                return (is_there && !path.is_null()).then_some((dirfd, path));
            }
            Self::Named(name) => name,
        };
        // SAFETY: as above.
        let bytes = unsafe { CStr::from_ptr(name) }.to_bytes();
        // SAFETY: the name is a literal; the value stays while nobody changes the environment.
        let places = unsafe {
            let value = libc::getenv(c"PATH".as_ptr());
            if value.is_null() { &b"/bin:/usr/bin"[..] } else { CStr::from_ptr(value).to_bytes() }
        };
        let is_found = places.split(|&byte| byte == b':').any(|place| {
            let place = if place.is_empty() { b"." } else { place };
            let joined =
                found.set(place).and_then(|()| found.push(b"/")).and_then(|()| found.push(bytes));
            // SAFETY: a text has a NUL behind it.
            joined.is_ok() && unsafe { sys::may_execute(libc::AT_FDCWD, found.as_ptr()) }
        });
        is_found.then_some((libc::AT_FDCWD, found.as_ptr()))
    }
}

/// Calls `use_both` with the path of a program that loads no library, and with the reason.
///
/// # Safety
/// `path` is a C string.
pub unsafe fn if_unreachable(
    (dirfd, path): (c_int, *const c_char),
    use_both: impl FnOnce(&[u8], &[u8]),
) -> bool {
    let mut own = PathText::new();
    // SAFETY: the caller gives a C string.
    let Some(why) = (unsafe { reach::unreachable(dirfd, path) }) else { return false };
    // SAFETY: as above.
    let mut name = unsafe { CStr::from_ptr(path) }.to_bytes();
    if name.is_empty() && path_of(dirfd, &mut own).is_ok() {
        name = own.as_bytes();
    }
    // The loader itself has none, and loads libraries all the same.
    let is_loader = name.rsplit(|&byte| byte == b'/').next().is_some_and(|n| n.starts_with(b"ld-"));
    if !is_loader {
        use_both(name, why);
    }
    !is_loader
}
