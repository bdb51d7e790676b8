//! Where paths lead once their links are resolved.

use crate::consume::before_read;
use crate::start::settings;
use core::ffi::{CStr, c_char, c_int};
use dyad_client::sys::{self, Errno};
use dyad_client::{PathText, Place, locate, path_of};

/// Calls `use_name` with the name in the producer-managed directory of an open file. A file that is
/// not linked yet has one, too: where its directory lies decides.
pub fn producer_name_of<T>(fd: c_int, use_name: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let mut path = PathText::new();
    path_of(fd, &mut path).ok()?;
    settings().producer.name_in(path.as_bytes()).map(use_name)
}

/// Writes the place of a path with the links of its directory resolved, and not its own. Returns
/// false where it has no name in the producer-managed directory.
///
/// # Safety
/// `path` is a C string.
pub unsafe fn locate_produced(dirfd: c_int, path: *const c_char, place: &mut Place) -> bool {
    // SAFETY: the caller gives a C string.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    if !locate(settings(), dirfd, bytes, place) || place.producer_name().is_none() {
        return false;
    }
    resolve_directory(place);
    place.producer_name().is_some()
}

/// Resolves the links of the directory of a place, as far as it exists.
fn resolve_directory(place: &mut Place) {
    let mut directory = PathText::new();
    let mut name = dyad_client::Text::<256>::new();
    let bytes = place.path().as_bytes();
    let slash = bytes.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    let (parent, rest) = bytes.split_at(slash);
    let parent = if parent.is_empty() { b"/" } else { parent };
    if directory.set(parent).is_err() || name.set(rest.get(1..).unwrap_or_default()).is_err() {
        return;
    }
    // SAFETY: a text has a NUL behind it.
    let opened = unsafe { sys::openat(libc::AT_FDCWD, directory.as_ptr(), libc::O_PATH) };
    let Ok(fd) = opened else { return };
    let found = path_of(fd, &mut directory);
    let _ = sys::close(fd);
    if found.is_ok() {
        let _ = place.decide(settings(), |path| {
            let joined = path.set(directory.as_bytes()).and_then(|()| path.join(name.as_bytes()));
            joined.map(|_| ()).map_err(|_| libc::ENAMETOOLONG)
        });
    }
}

/// Has the file brought that a path leads to through links outside of the managed directory.
/// Returns whether it leads there.
///
/// # Safety
/// `path` is a C string.
#[inline(never)]
pub unsafe fn leads_into_consumer(
    dirfd: c_int,
    path: *const c_char,
    flags: c_int,
) -> Result<bool, Errno> {
    if !settings().consumer.is_set() {
        return Ok(false);
    }
    let mut place = Place::new();
    // SAFETY: the caller gives a C string.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    let absolute = place.decide(settings(), |text| {
        if !bytes.starts_with(b"/") {
            if dirfd == libc::AT_FDCWD {
                text.fill(sys::getcwd)?;
            } else {
                path_of(dirfd, text)?;
            }
        }
        text.join(bytes).map(|_| ()).map_err(|_| libc::ENAMETOOLONG)
    });
    if absolute.is_err() {
        return Ok(false);
    }
    resolve_directory(&mut place);
    if place.consumer_name().is_none() {
        return Ok(false);
    }
    // SAFETY: a text has a NUL behind it.
    unsafe { before_read(libc::AT_FDCWD, place.path().as_ptr(), flags, &place) }?;
    Ok(true)
}
