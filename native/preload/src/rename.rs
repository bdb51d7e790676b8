//! rename and its kin: the record goes with the name.

use crate::agent::tell;
use crate::descriptors::writer_left;
use crate::real_path::locate_produced;
use crate::start::{is_active, settings};
use crate::stat::before_move;
use crate::{elsewhere, errno, own, real};
use core::ffi::{c_char, c_int, c_uint};
use dyad_client::sys::{self, Errno};
use dyad_client::{Place, Request, Writers};

const EXCHANGE: c_uint = libc::RENAME_EXCHANGE;

#[inline]
unsafe fn around(
    from: (c_int, *const c_char),
    to: (c_int, *const c_char),
    flags: c_uint,
    call: impl Fn() -> c_int,
) -> c_int {
    if !is_active() || from.1.is_null() || to.1.is_null() {
        return call();
    }
    // SAFETY: the program gives C strings.
    if let Err(failed) = unsafe { before_move(from.0, from.1) } {
        return errno::fail(failed);
    }
    let result = if settings().producer.is_set() {
        // SAFETY: the program gives C strings.
        unsafe { around_managed(from, to, flags, &call) }
    } else {
        call()
    };
    elsewhere::forget();
    // SAFETY: as above.
    match if result == 0 { unsafe { own::tell_of_path(to.0, to.1) } } else { Ok(()) } {
        Ok(()) => result,
        Err(failed) => errno::fail(failed),
    }
}

#[inline(never)]
unsafe fn around_managed(
    from: (c_int, *const c_char),
    to: (c_int, *const c_char),
    flags: c_uint,
    call: &dyn Fn() -> c_int,
) -> c_int {
    let (mut old, mut new) = (Place::new(), Place::new());
    // SAFETY: the caller gives C strings.
    let is_managed = unsafe {
        let old_is_managed = locate_produced(from.0, from.1, &mut old);
        let new_is_managed = locate_produced(to.0, to.1, &mut new);
        old_is_managed || new_is_managed
    };
    let result = call();
    if result != 0 || !is_managed {
        return result;
    }
    match after(&old, &new, to, flags) {
        Ok(()) => result,
        Err(failed) => errno::fail(failed),
    }
}

fn after(old: &Place, new: &Place, to: (c_int, *const c_char), flags: c_uint) -> Result<(), Errno> {
    let from = old.producer_name().unwrap_or_default();
    let to_name = new.producer_name().unwrap_or_default();
    if from == to_name {
        return Ok(());
    }
    if stays(old, to) {
        return Ok(());
    }
    // SAFETY: the program gave a C string.
    let found = unsafe { sys::look(to.0, to.1, libc::AT_SYMLINK_NOFOLLOW) };
    let directory = found.is_ok_and(|look| look.is_directory());
    if flags & EXCHANGE != 0 {
        return publish(from).and(publish(to_name));
    }
    if to_name.is_empty() {
        return tell(Request::Move { from, to: to_name, directory });
    }
    match found {
        Ok(look) if look.is_regular() => {
            if writer_left(new.path(), Some(look.file)) == Writers::Left {
                // The last close publishes it.
                return remove(from).and(tell(Request::Change { name: to_name }));
            }
            tell(Request::Move { from, to: to_name, directory })
        }
        Ok(_) if directory => tell(Request::Move { from, to: to_name, directory }),
        _ => remove(from).and(remove(to_name)),
    }
}

/// Publishes what stands at a name: a file, or all files of a directory.
fn publish(name: &[u8]) -> Result<(), Errno> {
    if name.is_empty() {
        Ok(())
    } else {
        tell(Request::Move { from: b"", to: name, directory: false })
    }
}

fn remove(name: &[u8]) -> Result<(), Errno> {
    if name.is_empty() { Ok(()) } else { tell(Request::Remove { name, directory: false }) }
}

/// Two links of one file stay both.
fn stays(old: &Place, to: (c_int, *const c_char)) -> bool {
    if old.producer_name().is_none() {
        return false;
    }
    let flags = libc::AT_SYMLINK_NOFOLLOW;
    // SAFETY: a text has a NUL behind it, and the program gave a C string.
    let (old, new) = unsafe {
        (sys::look(libc::AT_FDCWD, old.path().as_ptr(), flags), sys::look(to.0, to.1, flags))
    };
    matches!((old, new), (Ok(old), Ok(new)) if old.file == new.file)
}

const HERE: c_int = libc::AT_FDCWD;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the program's own call.
    unsafe { around((HERE, from), (HERE, to), 0, || real::rename(from, to)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn renameat(
    fromfd: c_int,
    from: *const c_char,
    tofd: c_int,
    to: *const c_char,
) -> c_int {
    // SAFETY: the program's own call.
    unsafe { around((fromfd, from), (tofd, to), 0, || real::renameat(fromfd, from, tofd, to)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn renameat2(
    fromfd: c_int,
    from: *const c_char,
    tofd: c_int,
    to: *const c_char,
    flags: c_uint,
) -> c_int {
    // SAFETY: the program's own call.
    unsafe {
        around((fromfd, from), (tofd, to), flags, || real::renameat2(fromfd, from, tofd, to, flags))
    }
}
