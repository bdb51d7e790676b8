//! The stat and access families on files that are not here yet.

use crate::agent::ask;
use crate::start::{is_active, settings};
use crate::{descriptors, errno, real};
use core::ffi::{CStr, c_char, c_int, c_uint};
use dyad_client::sys::{self, Errno};
use dyad_client::{Answer, Place, Record, Request, Stat, locate};

/// Has the file brought that a call is to rename or to link, which looks at it as stat does.
///
/// # Safety
/// `path` is a C string.
pub unsafe fn before_move(dirfd: c_int, path: *const c_char) -> Result<(), Errno> {
    // SAFETY: the caller gives a C string.
    unsafe { before_look(dirfd, path, LINK) }.map(|_| ())
}

/// Has the file brought that a call is to execute, where it is published.
///
/// # Safety
/// `path` is a C string.
pub unsafe fn before_run(dirfd: c_int, path: *const c_char) -> Result<(), Errno> {
    // SAFETY: the caller gives a C string.
    match unsafe { before_look(dirfd, path, 0) }? {
        None => Ok(()),
        // Its record alone cannot be executed.
        Some(_) => {
            let mut place = Place::new();
            // SAFETY: as above.
            let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
            match locate(settings(), dirfd, bytes, &mut place).then(|| place.consumer_name()) {
                Some(Some(name)) => ask(Request::Consume { name, wait: false }).map(|_| ()),
                _ => Ok(()),
            }
        }
    }
}

/// Has the file brought that a call looks at, or its record. Some: the call is answered from the
/// record.
#[inline]
unsafe fn before_look(
    dirfd: c_int,
    path: *const c_char,
    flags: c_int,
) -> Result<Option<Record>, Errno> {
    if !is_active() || path.is_null() || !settings().consumer.is_set() {
        return Ok(None);
    }
    // SAFETY: the program gives a C string.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    if bytes.is_empty() || !dyad_client::may_be_managed(settings(), bytes) {
        return Ok(None);
    }
    // SAFETY: as above.
    unsafe { before_look_managed(dirfd, path, bytes, flags & libc::AT_SYMLINK_NOFOLLOW) }
}

#[inline(never)]
unsafe fn before_look_managed(
    dirfd: c_int,
    path: *const c_char,
    bytes: &[u8],
    follow: c_int,
) -> Result<Option<Record>, Errno> {
    let mut place = Place::new();
    if !locate(settings(), dirfd, bytes, &mut place) || place.names_directory {
        return Ok(None);
    }
    let Some(name) = place.consumer_name() else { return Ok(None) };
    let is_produced = place.producer_name().is_some();
    // SAFETY: the caller gives a C string.
    let stands = unsafe { sys::look(dirfd, path, follow) };
    match (stands, settings().stat) {
        (_, Stat::Plain) => Ok(None),
        // A part of the way is a file: nothing is ever there.
        (Err(libc::ENOTDIR), _) => Ok(None),
        (Ok(look), _) if !look.is_regular() => Ok(None),
        (Ok(look), _) if is_produced && descriptors::writes(look.file) => Ok(None),
        (Ok(_), _) => ask(Request::Consume { name, wait: false }).map(|_| None),
        (Err(_), of) => {
            // Programs look whether a file that they are about to make is there.
            let wait = settings().waits_for(name) && !is_produced;
            if of != Stat::Record {
                let wait = wait && of == Stat::Wait;
                return ask(Request::Consume { name, wait }).map(|_| None);
            }
            match ask(Request::Look { name, wait })? {
                Answer::Record(record) => Ok(Some(record)),
                Answer::Done | Answer::Absent => Ok(None),
            }
        }
    }
}

/// What stat tells of a file that is not here.
fn stat_of(record: Record) -> libc::stat {
    // SAFETY: zeros are a stat.
    let mut found: libc::stat = unsafe { core::mem::zeroed() };
    found.st_dev = real::NO_DEVICE;
    found.st_mode = libc::S_IFREG | record.permissions & 0o777;
    found.st_nlink = 1;
    found.st_uid = sys::geteuid();
    found.st_gid = sys::getegid();
    found.st_size = record.size as libc::off_t;
    found.st_blksize = 4096;
    found.st_blocks = record.size.div_ceil(512) as libc::blkcnt_t;
    let (seconds, nanoseconds) = time_of(record);
    found.st_mtime = seconds;
    found.st_mtime_nsec = nanoseconds;
    found.st_atime = seconds;
    found.st_atime_nsec = nanoseconds;
    found.st_ctime = seconds;
    found.st_ctime_nsec = nanoseconds;
    found
}

fn time_of(record: Record) -> (i64, i64) {
    ((record.modified / 1_000_000_000) as i64, (record.modified % 1_000_000_000) as i64)
}

fn statx_of(record: Record) -> libc::statx {
    // SAFETY: zeros are a statx.
    let mut found: libc::statx = unsafe { core::mem::zeroed() };
    found.stx_mask = libc::STATX_BASIC_STATS;
    found.stx_mode = (libc::S_IFREG | record.permissions & 0o777) as u16;
    found.stx_nlink = 1;
    found.stx_uid = sys::geteuid();
    found.stx_gid = sys::getegid();
    found.stx_size = record.size;
    found.stx_blksize = 4096;
    found.stx_blocks = record.size.div_ceil(512);
    let (seconds, nanoseconds) = time_of(record);
    found.stx_mtime.tv_sec = seconds;
    found.stx_mtime.tv_nsec = nanoseconds as u32;
    found.stx_atime = found.stx_mtime;
    found.stx_ctime = found.stx_mtime;
    found
}

/// What access tells of a file that is not here, which will belong to this user.
fn access_of(record: Record, mode: c_int) -> c_int {
    let owner = (record.permissions >> 6 & 7) as c_int;
    if sys::geteuid() == 0 && mode & libc::X_OK == 0 || mode & !owner == 0 {
        0
    } else {
        errno::fail(libc::EACCES)
    }
}

macro_rules! looks {
    ($($name:ident($($arg:ident: $type:ty),*) at $dirfd:expr, $path:ident, $flags:expr,
        from $record:ident $answer:expr;)*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($arg: $type),*) -> c_int {
                // SAFETY: the program gives what the function takes.
                match unsafe { before_look($dirfd, $path, $flags) } {
                    // SAFETY: as above.
                    Ok(None) => unsafe { real::$name($($arg),*) },
                    Ok(Some($record)) => $answer,
                    Err(failed) => errno::fail(failed),
                }
            }
        )*
    };
}

/// Answers a call with what it asks for.
fn put<T>(into: *mut T, value: T) -> c_int {
    if into.is_null() {
        return errno::fail(libc::EFAULT);
    }
    // SAFETY: the program gives its call a place for a `T`.
    unsafe { into.write(value) };
    0
}

const HERE: c_int = libc::AT_FDCWD;
const LINK: c_int = libc::AT_SYMLINK_NOFOLLOW;

looks! {
    stat(path: *const c_char, into: *mut libc::stat) at HERE, path, 0,
        from record put(into, stat_of(record));
    stat64(path: *const c_char, into: *mut libc::stat) at HERE, path, 0,
        from record put(into, stat_of(record));
    lstat(path: *const c_char, into: *mut libc::stat) at HERE, path, LINK,
        from record put(into, stat_of(record));
    lstat64(path: *const c_char, into: *mut libc::stat) at HERE, path, LINK,
        from record put(into, stat_of(record));
    fstatat(dirfd: c_int, path: *const c_char, into: *mut libc::stat, flags: c_int)
        at dirfd, path, flags, from record put(into, stat_of(record));
    fstatat64(dirfd: c_int, path: *const c_char, into: *mut libc::stat, flags: c_int)
        at dirfd, path, flags, from record put(into, stat_of(record));
    __xstat(version: c_int, path: *const c_char, into: *mut libc::stat) at HERE, path, 0,
        from record put(into, stat_of(record));
    __xstat64(version: c_int, path: *const c_char, into: *mut libc::stat) at HERE, path, 0,
        from record put(into, stat_of(record));
    __lxstat(version: c_int, path: *const c_char, into: *mut libc::stat) at HERE, path, LINK,
        from record put(into, stat_of(record));
    __lxstat64(version: c_int, path: *const c_char, into: *mut libc::stat) at HERE, path, LINK,
        from record put(into, stat_of(record));
    __fxstatat(version: c_int, dirfd: c_int, path: *const c_char, into: *mut libc::stat, flags: c_int)
        at dirfd, path, flags, from record put(into, stat_of(record));
    __fxstatat64(version: c_int, dirfd: c_int, path: *const c_char, into: *mut libc::stat, flags: c_int)
        at dirfd, path, flags, from record put(into, stat_of(record));
    statx(dirfd: c_int, path: *const c_char, flags: c_int, mask: c_uint, into: *mut libc::statx)
        at dirfd, path, flags, from record put(into, statx_of(record));
    access(path: *const c_char, mode: c_int) at HERE, path, 0,
        from record access_of(record, mode);
    faccessat(dirfd: c_int, path: *const c_char, mode: c_int, flags: c_int)
        at dirfd, path, flags, from record access_of(record, mode);
    euidaccess(path: *const c_char, mode: c_int) at HERE, path, 0,
        from record access_of(record, mode);
    eaccess(path: *const c_char, mode: c_int) at HERE, path, 0,
        from record access_of(record, mode);
}
