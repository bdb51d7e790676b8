//! Opens of paths that lie in no managed directory by their text: links may lead into one. What is
//! opened through them is consumed and published as by its own name.

use crate::consume::{before_read, bring, reads};
use crate::elsewhere::{Parent, is_link};
use crate::open::writes;
use crate::real_path::leads_into_consumer;
use crate::start::settings;
use crate::{agent, descriptors, errno, own};
use core::ffi::{c_char, c_int};
use dyad_client::sys::{self, Errno, Look};
use dyad_client::{PathText, Place, Request, path_of};

/// What the system puts behind the path of a file that is not linked there any more.
const DELETED: &[u8] = b" (deleted)";

/// Opens such a path, in the directory `parent`.
///
/// # Safety
/// `path` is a C string.
pub unsafe fn open(
    dirfd: c_int,
    path: *const c_char,
    flags: c_int,
    parent: &Parent,
    call: &dyn Fn() -> c_int,
) -> c_int {
    let before = errno::get();
    let fd = call();
    // The path of a file without a name is that of its directory.
    let is_nameless = flags & libc::O_TMPFILE == libc::O_TMPFILE;
    let parent = if is_nameless { &Parent::UNKNOWN } else { parent };
    if fd < 0 {
        if errno::get() != libc::ENOENT || !reads(flags) {
            return fd;
        }
        // SAFETY: the caller gives a C string.
        return match unsafe { bring_behind_links(dirfd, path, flags, parent) } {
            Ok(true) => {
                errno::set(before);
                call()
            }
            Ok(false) => fd,
            Err(failed) => errno::fail(failed),
        };
    }
    // SAFETY: as above.
    match unsafe { take_part(dirfd, path, flags, parent, fd) } {
        Ok(()) => fd,
        Err(failed) => {
            let _ = sys::close(fd);
            errno::fail(failed)
        }
    }
}

/// Has the file brought that a path leads to at which nothing was found. Returns whether it leads
/// to one.
#[inline(never)]
unsafe fn bring_behind_links(
    dirfd: c_int,
    path: *const c_char,
    flags: c_int,
    parent: &Parent,
) -> Result<bool, Errno> {
    // SAFETY: the caller gives a C string.
    if !settings().consumer.is_set() || parent.is_elsewhere() && !unsafe { is_link(dirfd, path) } {
        return Ok(false);
    }
    let mut place = Place::new();
    // SAFETY: as above.
    if !unsafe { leads_into_consumer(dirfd, path, parent, &mut place) } {
        return Ok(false);
    }
    // SAFETY: a text has a NUL behind it.
    unsafe { before_read(libc::AT_FDCWD, place.path().as_ptr(), flags, &place) }?;
    Ok(true)
}

unsafe fn take_part(
    dirfd: c_int,
    path: *const c_char,
    flags: c_int,
    parent: &Parent,
    fd: c_int,
) -> Result<(), Errno> {
    // SAFETY: the caller gives a C string.
    if parent.is_elsewhere() && !unsafe { is_link(dirfd, path) } {
        return Ok(());
    }
    let Some(look) = look_at(fd) else { return Ok(()) };
    // SAFETY: as above.
    let ends_with_link = || unsafe { is_link(dirfd, path) };
    if let Some(place) = place_of(fd, look, |real| {
        if !ends_with_link() {
            parent.note(real);
        }
    }) {
        if reads(flags) {
            refresh(fd, flags, &place, look)?;
        }
        if writes(flags) {
            claim(fd, &place, look)?;
        }
    }
    Ok(())
}

/// Does for a descriptor what an open for writing does, wherever its path seemed to lead. Closes it
/// where that fails.
pub fn written(fd: c_int) -> Result<(), Errno> {
    let Some(look) = look_at(fd) else { return Ok(()) };
    let Some(place) = place_of(fd, look, |_| {}) else { return Ok(()) };
    claim(fd, &place, look).inspect_err(|_| {
        let _ = sys::close(fd);
    })
}

/// Looks at a descriptor. None where it is no file, or on a device without managed directories.
fn look_at(fd: c_int) -> Option<Look> {
    let look = sys::look_at(fd).ok()?;
    let may_be_managed = || {
        let device = look.file.device;
        settings().producer.may_hold(device) || settings().consumer.may_hold(device)
    };
    (look.is_regular() && may_be_managed()).then_some(look)
}

/// Where the file of a descriptor stands, if it has a managed name; `unmanaged` gets the real path
/// of one that has none.
#[inline(never)]
fn place_of(fd: c_int, look: Look, unmanaged: impl FnOnce(&[u8])) -> Option<Place> {
    let mut place = Place::new();
    let found = place.decide(settings(), |text| {
        path_of(fd, text)?;
        // A newer version has taken its place meanwhile, or it never had one.
        let has_gone = look.links == 0 || sys::look_at(fd).is_ok_and(|look| look.links == 0);
        if has_gone && text.as_bytes().ends_with(DELETED) {
            text.truncate(text.as_bytes().len() - DELETED.len());
        }
        Ok(())
    });
    found.ok()?;
    if place.producer_name().is_some() || place.consumer_name().is_some() {
        return Some(place);
    }
    unmanaged(place.path().as_bytes());
    None
}

/// Has the newest version brought, and lets the descriptor lead there.
fn refresh(fd: c_int, flags: c_int, place: &Place, old: Look) -> Result<(), Errno> {
    if place.consumer_name().is_none() {
        return Ok(());
    }
    bring(flags, place, Some(old))?;
    // SAFETY: a text has a NUL behind it.
    let stands = unsafe { sys::look(libc::AT_FDCWD, place.path().as_ptr(), 0) };
    match stands {
        Ok(new) if new.is_regular() && new.file != old.file => reopen(fd, place.path()),
        _ => Ok(()),
    }
}

/// Opens a path, and puts it at the number of a descriptor that nobody has used yet.
fn reopen(fd: c_int, path: &PathText) -> Result<(), Errno> {
    let flags = sys::fcntl(fd, libc::F_GETFL, 0)?;
    let kept = sys::fcntl(fd, libc::F_GETFD, 0)?;
    // SAFETY: a text has a NUL behind it.
    let new = unsafe { sys::openat(libc::AT_FDCWD, path.as_ptr(), flags) }?;
    let moved = sys::duplicate(new, fd);
    let _ = sys::close(new);
    moved?;
    sys::fcntl(fd, libc::F_SETFD, kept as usize).map(|_| ())
}

/// Withdraws and marks what the program is to write and publish; tells of what it writes where it
/// consumes.
fn claim(fd: c_int, place: &Place, look: Look) -> Result<(), Errno> {
    if let Some(name) = place.producer_name() {
        if look.links > 0 {
            agent::tell(Request::Change { name })?;
        }
        if !descriptors::mark(fd) {
            return Err(libc::EMFILE);
        }
    }
    if look.links > 0 { own::tell_of(place) } else { Ok(()) }
}
