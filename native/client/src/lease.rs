//! Tells whether a file is open for writing on this host.

use crate::sys::{self, FileId};
use crate::text::PathText;

/// What the system says of the writers of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Writers {
    /// Nobody has the file open for writing, or mapped so.
    None,
    /// Somebody has.
    Left,
    /// The file system does not tell, or not this user.
    Unknown,
    /// The path names another file by now, or none.
    Gone,
}

/// Returns whether a process has the file at `path` open for writing: the system refuses a read
/// lease while there is a writer. The lease is given back at once. With `file`, the path is to name
/// that very file.
pub fn writers(path: &PathText, file: Option<FileId>) -> Writers {
    let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_NOCTTY;
    // SAFETY: a text has a NUL behind it.
    let fd = match unsafe { sys::openat(libc::AT_FDCWD, path.as_ptr(), flags) } {
        Ok(fd) => fd,
        Err(libc::ENOENT | libc::ENOTDIR | libc::ELOOP) => return Writers::Gone,
        Err(_) => return Writers::Unknown,
    };
    let found = match (file, sys::look_at(fd)) {
        (_, Err(_)) => Writers::Unknown,
        (Some(file), Ok(look)) if look.file != file => Writers::Gone,
        (_, Ok(look)) if !look.is_regular() => Writers::Gone,
        (_, Ok(_)) => writers_of(fd),
    };
    let _ = sys::close(fd);
    found
}

#[repr(C)]
struct SignalOwner {
    kind: i32,
    id: i32,
}

const F_SETSIG: i32 = 10;
const F_SETOWN_EX: i32 = 15;
const F_OWNER_TID: i32 = 0;

fn writers_of(fd: i32) -> Writers {
    // Who opens the file while the lease is held makes the system send a signal to its holder. It
    // is one that a program ignores unless it asks for it, to this thread alone.
    let owner = SignalOwner { kind: F_OWNER_TID, id: sys::gettid() };
    let prepared = sys::fcntl(fd, F_SETSIG, libc::SIGURG as usize)
        .and_then(|_| sys::fcntl(fd, F_SETOWN_EX, &raw const owner as usize));
    if prepared.is_err() {
        return Writers::Unknown;
    }
    match sys::fcntl(fd, libc::F_SETLEASE, libc::F_RDLCK as usize) {
        Ok(_) => {
            let _ = sys::fcntl(fd, libc::F_SETLEASE, libc::F_UNLCK as usize);
            Writers::None
        }
        Err(libc::EAGAIN) => Writers::Left,
        Err(_) => Writers::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, remove_file, rename};
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn a_writer_is_seen_until_it_closes() {
        let name = std::format!("dyad-lease-{}", sys::getpid());
        let path = std::env::temp_dir().join(name);
        let mut text = PathText::new();
        text.set(path.as_os_str().as_bytes()).unwrap();
        assert_eq!(writers(&text, None), Writers::Gone);
        let file = File::create(&path).unwrap();
        // SAFETY: the text has a NUL behind it.
        let look = unsafe { sys::look(libc::AT_FDCWD, text.as_ptr(), 0) }.unwrap();
        assert_eq!(writers(&text, Some(look.file)), Writers::Left);
        drop(file);
        assert_eq!(writers(&text, Some(look.file)), Writers::None);
        let other = path.with_extension("other");
        drop(File::create(&other).unwrap());
        rename(&other, &path).unwrap();
        assert_eq!(writers(&text, Some(look.file)), Writers::Gone);
        remove_file(&path).unwrap();
    }
}
