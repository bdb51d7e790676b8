//! Before a file of the producer-managed directory changes: no new consumer gets the old version.

use crate::agent::{ask, tell};
use crate::descriptors::writer_left;
use crate::start::settings;
use core::ffi::{c_char, c_int};
use dyad_client::sys::{self, Errno, FileId};
use dyad_client::{Answer, PathText, Request, Writers, path_of};

/// A file whose record is withdrawn.
pub struct Changed {
    path: PathText,
    file: FileId,
    had_record: bool,
}

impl Changed {
    /// Withdraws the record of the regular file that stands at `path`, links followed. None where
    /// nothing stands there, or nothing of the managed directory.
    ///
    /// # Safety
    /// `path` is a C string.
    pub unsafe fn begin(dirfd: c_int, path: *const c_char) -> Result<Option<Self>, Errno> {
        // SAFETY: the caller gives a C string.
        unsafe { Self::begin_with(dirfd, path, 0) }
    }

    /// As above, and a link is not followed with O_NOFOLLOW in `flags`.
    ///
    /// # Safety
    /// `path` is a C string.
    pub unsafe fn begin_with(
        dirfd: c_int,
        path: *const c_char,
        flags: c_int,
    ) -> Result<Option<Self>, Errno> {
        // SAFETY: the caller gives a C string.
        let opened = unsafe { sys::openat(dirfd, path, libc::O_PATH | flags) };
        let Ok(fd) = opened else { return Ok(None) };
        let changed = Self::begin_at(fd);
        let _ = sys::close(fd);
        changed
    }

    /// As above, for the file of a descriptor.
    pub fn begin_at(fd: c_int) -> Result<Option<Self>, Errno> {
        let mut real = PathText::new();
        let (Ok(look), Ok(())) = (sys::look_at(fd), path_of(fd, &mut real)) else {
            return Ok(None);
        };
        if !look.is_regular() || look.links == 0 {
            return Ok(None);
        }
        let Some(name) = settings().producer.name_in(real.as_bytes()) else { return Ok(None) };
        let had_record = ask(Request::Change { name })? == Answer::Done;
        Ok(Some(Self { path: real, file: look.file, had_record }))
    }

    /// Publishes the file again if it was published before, unless somebody writes it.
    pub fn publish_again(&self) -> Result<(), Errno> {
        if self.had_record { self.publish_unless_written() } else { Ok(()) }
    }

    /// Publishes the file again, unless somebody still writes it.
    pub fn publish_unless_written(&self) -> Result<(), Errno> {
        let name = settings().producer.name_in(self.path.as_bytes());
        match (name, writer_left(&self.path, Some(self.file))) {
            (Some(name), Writers::None) => tell(Request::Produce { name }),
            _ => Ok(()),
        }
    }
}
