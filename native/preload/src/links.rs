//! link and linkat: a file gets a further name.

use crate::agent::tell;
use crate::descriptors::writer_left;
use crate::real_path::locate_produced;
use crate::start::{is_active, settings};
use crate::stat::before_move;
use crate::{aliases, errno, own, real};
use core::ffi::{c_char, c_int};
use dyad_client::sys::{self, Errno};
use dyad_client::{Place, Request, Writers};

#[inline]
unsafe fn around(
    from: (c_int, *const c_char),
    tofd: c_int,
    to: *const c_char,
    call: impl Fn() -> c_int,
) -> c_int {
    if !is_active() || to.is_null() {
        return call();
    }
    // SAFETY: the program gives C strings.
    if let Err(failed) = unsafe { before_move(from.0, from.1) } {
        return errno::fail(failed);
    }
    let result = if settings().producer.is_set() {
        // SAFETY: the program gives a C string.
        unsafe { around_managed(tofd, to, &call) }
    } else {
        call()
    };
    // SAFETY: as above.
    match if result == 0 { unsafe { own::tell_of_path(tofd, to) } } else { Ok(()) } {
        Ok(()) => result,
        Err(failed) => errno::fail(failed),
    }
}

#[inline(never)]
unsafe fn around_managed(tofd: c_int, to: *const c_char, call: &dyn Fn() -> c_int) -> c_int {
    let mut new = Place::new();
    // SAFETY: the caller gives a C string.
    let is_managed = unsafe { locate_produced(tofd, to, &mut new) };
    let result = call();
    if result != 0 || !is_managed {
        return result;
    }
    match after(&new) {
        Ok(()) => result,
        Err(failed) => errno::fail(failed),
    }
}

fn after(new: &Place) -> Result<(), Errno> {
    // SAFETY: a text has a NUL behind it.
    let found =
        unsafe { sys::look(libc::AT_FDCWD, new.path().as_ptr(), libc::AT_SYMLINK_NOFOLLOW) };
    let (Ok(look), Some(name)) = (found, new.producer_name()) else { return Ok(()) };
    if !look.is_regular() {
        return Ok(());
    }
    let is_written = writer_left(new.path(), Some(look.file)) == Writers::Left;
    if is_written && aliases::add(look.file, new.path().as_bytes()) {
        return Ok(());
    }
    tell(Request::Move { from: b"", to: name, directory: false })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn link(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the program's own call.
    unsafe { around((libc::AT_FDCWD, from), libc::AT_FDCWD, to, || real::link(from, to)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkat(
    fromfd: c_int,
    from: *const c_char,
    tofd: c_int,
    to: *const c_char,
    flags: c_int,
) -> c_int {
    // SAFETY: the program's own call.
    unsafe { around((fromfd, from), tofd, to, || real::linkat(fromfd, from, tofd, to, flags)) }
}
