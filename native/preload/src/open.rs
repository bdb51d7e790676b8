//! open and its kin.

use crate::change::Changed;
use crate::consume::{before_read, reads};
use crate::elsewhere::Parent;
use crate::start::{is_active, settings};
use crate::{descriptors, errno, outside, own, real};
use core::ffi::{CStr, c_char, c_int};
use dyad_client::sys::{self, Errno};
use dyad_client::{Place, locate};
use libc::mode_t;

/// Whether an open with these flags may change a file.
pub fn writes(flags: c_int) -> bool {
    flags & libc::O_PATH == 0
        && (flags & libc::O_ACCMODE != libc::O_RDONLY || flags & libc::O_TRUNC != 0)
}

/// Does what an open needs before and after the call itself, which returns a descriptor or -1.
///
/// # Safety
/// `path` is a C string, or `call` can bear that it is none.
#[inline]
pub unsafe fn around(
    dirfd: c_int,
    path: *const c_char,
    flags: c_int,
    call: impl Fn() -> c_int,
) -> c_int {
    if !is_active() || path.is_null() || (!settings_concern(flags)) {
        return call();
    }
    // SAFETY: the caller gives a C string.
    unsafe { around_managed(dirfd, path, flags, &call) }
}

/// Whether an open with these flags concerns a directory that is set, of which there is one at
/// least.
fn settings_concern(flags: c_int) -> bool {
    writes(flags) || (settings().consumer.is_set() && reads(flags))
}

#[inline(never)]
unsafe fn around_managed(
    dirfd: c_int,
    path: *const c_char,
    flags: c_int,
    call: &dyn Fn() -> c_int,
) -> c_int {
    // SAFETY: the caller gives a C string.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    let parent = Parent::of(dirfd, bytes);
    let is_absolute = bytes.starts_with(b"/");
    if !dyad_client::may_be_managed(settings(), bytes) || !is_absolute && parent.is_elsewhere() {
        // SAFETY: as above.
        return unsafe { outside::open(dirfd, path, flags, &parent, call) };
    }
    // SAFETY: as above.
    unsafe { perhaps_managed(dirfd, path, bytes, flags, &parent, call) }
}

#[inline(never)]
unsafe fn perhaps_managed(
    dirfd: c_int,
    path: *const c_char,
    bytes: &[u8],
    flags: c_int,
    parent: &Parent,
    call: &dyn Fn() -> c_int,
) -> c_int {
    let mut place = Place::new();
    if !locate(settings(), dirfd, bytes, &mut place) || place.names_directory {
        let is_joined = dirfd != libc::AT_FDCWD && !bytes.starts_with(b"/");
        let joined = || Parent::of_joined(place.path().as_bytes(), bytes);
        let parent = if is_joined { &joined() } else { parent };
        // SAFETY: the caller gives a C string.
        return unsafe { outside::open(dirfd, path, flags, parent, call) };
    }
    // SAFETY: as above.
    match unsafe { managed(dirfd, path, flags, &place, call) } {
        Ok(fd) => fd,
        Err(failed) => errno::fail(failed),
    }
}

unsafe fn managed(
    dirfd: c_int,
    path: *const c_char,
    flags: c_int,
    place: &Place,
    call: &dyn Fn() -> c_int,
) -> Result<c_int, Errno> {
    if reads(flags) {
        // SAFETY: the caller gives a C string.
        unsafe { before_read(dirfd, path, flags, place) }?;
    }
    const NEW: c_int = libc::O_CREAT | libc::O_EXCL;
    let is_written = writes(flags) && place.producer_name().is_some();
    let changed = if is_written && flags & NEW != NEW {
        // SAFETY: the caller gives a C string.
        unsafe { Changed::begin(dirfd, path) }?
    } else {
        None
    };
    let fd = call();
    if fd < 0 {
        let failed = errno::get();
        if let Some(changed) = changed {
            // The program hears of its own failure; that of the publish would hide it.
            let _ = changed.publish_unless_written();
        }
        return Err(failed);
    }
    if writes(flags) && sys::look_at(fd).is_ok_and(|look| look.is_regular()) {
        let marked = if !is_written || descriptors::mark(fd) { Ok(()) } else { Err(libc::EMFILE) };
        marked.and_then(|()| own::tell_of(place)).inspect_err(|_| {
            let _ = sys::close(fd);
        })?;
    }
    Ok(fd)
}

macro_rules! opens {
    ($($name:ident($($arg:ident: $type:ty),*) at $dirfd:expr, $path:ident, $flags:expr;)*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($arg: $type),*) -> c_int {
                // SAFETY: the program gives what the function takes.
                unsafe { around($dirfd, $path, $flags, || real::$name($($arg),*)) }
            }
        )*
    };
}

opens! {
    open(path: *const c_char, flags: c_int, mode: mode_t) at libc::AT_FDCWD, path, flags;
    open64(path: *const c_char, flags: c_int, mode: mode_t) at libc::AT_FDCWD, path, flags;
    openat(dirfd: c_int, path: *const c_char, flags: c_int, mode: mode_t) at dirfd, path, flags;
    openat64(dirfd: c_int, path: *const c_char, flags: c_int, mode: mode_t) at dirfd, path, flags;
    creat(path: *const c_char, mode: mode_t) at libc::AT_FDCWD, path, CREAT;
    creat64(path: *const c_char, mode: mode_t) at libc::AT_FDCWD, path, CREAT;
    __open_2(path: *const c_char, flags: c_int) at libc::AT_FDCWD, path, flags;
    __open64_2(path: *const c_char, flags: c_int) at libc::AT_FDCWD, path, flags;
    __openat_2(dirfd: c_int, path: *const c_char, flags: c_int) at dirfd, path, flags;
    __openat64_2(dirfd: c_int, path: *const c_char, flags: c_int) at dirfd, path, flags;
}

/// What creat means.
pub const CREAT: c_int = libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC;
