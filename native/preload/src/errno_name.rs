//! Names of errors of the system, for what the library says.

use core::ffi::c_int;

/// The name of an error; None for one that neither the agent nor a close has.
pub fn of(errno: c_int) -> Option<&'static [u8]> {
    Some(match errno {
        libc::EACCES => b"EACCES",
        libc::EADDRINUSE => b"EADDRINUSE",
        libc::EBADMSG => b"EBADMSG",
        libc::EBUSY => b"EBUSY",
        libc::EDQUOT => b"EDQUOT",
        libc::EEXIST => b"EEXIST",
        libc::EFBIG => b"EFBIG",
        libc::EHOSTUNREACH => b"EHOSTUNREACH",
        libc::EINTR => b"EINTR",
        libc::EINVAL => b"EINVAL",
        libc::EIO => b"EIO",
        libc::EMFILE => b"EMFILE",
        libc::ENETUNREACH => b"ENETUNREACH",
        libc::ENODEV => b"ENODEV",
        libc::ENOENT => b"ENOENT",
        libc::ENOMEM => b"ENOMEM",
        libc::ENOSPC => b"ENOSPC",
        libc::ENOSYS => b"ENOSYS",
        libc::ENOTCONN => b"ENOTCONN",
        libc::ENXIO => b"ENXIO",
        libc::EPERM => b"EPERM",
        libc::EPROTO => b"EPROTO",
        libc::EPROTONOSUPPORT => b"EPROTONOSUPPORT",
        libc::EROFS => b"EROFS",
        libc::ESTALE => b"ESTALE",
        libc::ETIMEDOUT => b"ETIMEDOUT",
        _ => return None,
    })
}
