//! Where paths lead once their links are resolved.

use crate::elsewhere::Parent;
use crate::start::settings;
use core::ffi::{CStr, c_char, c_int};
use dyad_client::sys;
use dyad_client::{PathText, Place, Text, locate, path_of};

/// Links that the system follows in one path.
const MOST_LINKS: usize = 40;

/// Writes the place of a path with the links of its directory resolved, and not its own. Returns
/// false where it has no managed name.
///
/// # Safety
/// `path` is a C string.
pub unsafe fn locate_real(dirfd: c_int, path: *const c_char, place: &mut Place) -> bool {
    // SAFETY: the caller gives a C string.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    if bytes.is_empty() {
        return false;
    }
    let parent = Parent::of(dirfd, bytes);
    if !bytes.starts_with(b"/") && parent.is_elsewhere() {
        return false;
    }
    if locate(settings(), dirfd, bytes, place) {
        resolve_directory(place);
        return is_managed(place);
    }
    if parent.is_elsewhere() || !write_whole(dirfd, bytes, place) {
        return false;
    }
    if resolve_directory(place) {
        parent.note(place.path().as_bytes());
    }
    is_managed(place)
}

/// As [`locate_real`], in the producer-managed directory.
///
/// # Safety
/// `path` is a C string.
pub unsafe fn locate_produced(dirfd: c_int, path: *const c_char, place: &mut Place) -> bool {
    // SAFETY: the caller gives a C string.
    let is_managed = unsafe { locate_real(dirfd, path, place) };
    is_managed && place.producer_name().is_some()
}

fn is_managed(place: &Place) -> bool {
    place.producer_name().is_some() || place.consumer_name().is_some()
}

/// Writes a path from the root on. Returns false where that cannot be.
fn write_whole(dirfd: c_int, path: &[u8], place: &mut Place) -> bool {
    let written = place.decide(settings(), |text| {
        if !path.starts_with(b"/") {
            if dirfd == libc::AT_FDCWD {
                text.fill(sys::getcwd)?;
            } else {
                path_of(dirfd, text)?;
            }
        }
        text.join(path).map(|_| ()).map_err(|_| libc::ENAMETOOLONG)
    });
    written.is_ok()
}

/// Resolves the links of the directory of a place. Returns false where there is no such directory.
fn resolve_directory(place: &mut Place) -> bool {
    let mut directory = PathText::new();
    let mut name = Text::<256>::new();
    let (parent, rest) = parts(place.path().as_bytes());
    if directory.set(parent).is_err() || name.set(rest).is_err() {
        return false;
    }
    // SAFETY: a text has a NUL behind it.
    let opened = unsafe { sys::openat(libc::AT_FDCWD, directory.as_ptr(), libc::O_PATH) };
    let Ok(fd) = opened else { return false };
    let found = path_of(fd, &mut directory);
    let _ = sys::close(fd);
    found.is_ok() && {
        let decided = place.decide(settings(), |path| {
            let joined = path.set(directory.as_bytes()).and_then(|()| path.join(name.as_bytes()));
            joined.map(|_| ()).map_err(|_| libc::ENAMETOOLONG)
        });
        decided.is_ok()
    }
}

/// The directory of an absolute, plain path, and the name in it.
fn parts(path: &[u8]) -> (&[u8], &[u8]) {
    let slash = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    let (parent, rest) = path.split_at(slash);
    (if parent.is_empty() { b"/" } else { parent }, rest.get(1..).unwrap_or_default())
}

/// Writes the place in the consumer-managed directory to which the links of a path lead, its last
/// one as well, whether or not anything stands there. Returns false where they lead to none.
///
/// # Safety
/// `path` is a C string.
pub unsafe fn leads_into_consumer(
    dirfd: c_int,
    path: *const c_char,
    parent: &Parent,
    place: &mut Place,
) -> bool {
    // SAFETY: the caller gives a C string.
    if !write_whole(dirfd, unsafe { CStr::from_ptr(path) }.to_bytes(), place) {
        return false;
    }
    for links in 0..MOST_LINKS {
        if !resolve_directory(place) {
            return false;
        }
        if links == 0 {
            parent.note(place.path().as_bytes());
        }
        if place.consumer_name().is_some() {
            return true;
        }
        let mut target = PathText::new();
        let link = place.path().as_ptr();
        // SAFETY: a text has a NUL behind it.
        let found = target.fill(|room| unsafe { sys::readlinkat(libc::AT_FDCWD, link, room) });
        if found.is_err() || !follow(place, &target) {
            return false;
        }
    }
    false
}

/// Goes from a link to its target.
fn follow(place: &mut Place, target: &PathText) -> bool {
    let mut directory = PathText::new();
    if directory.set(parts(place.path().as_bytes()).0).is_err() {
        return false;
    }
    let decided = place.decide(settings(), |path| {
        let joined = path.set(directory.as_bytes()).and_then(|()| path.join(target.as_bytes()));
        joined.map(|_| ()).map_err(|_| libc::ENAMETOOLONG)
    });
    decided.is_ok()
}
