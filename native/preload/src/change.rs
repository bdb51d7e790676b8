//! Before a file of the producer-managed directory changes: no new consumer gets the old version.

use crate::agent::tell;
use crate::descriptors::writer_left;
use crate::start::settings;
use core::ffi::{c_char, c_int};
use dyad_client::sys::{self, Errno, FileId};
use dyad_client::{PathText, Request, Writers, path_of};

/// A file whose record is withdrawn.
pub struct Changed {
    path: PathText,
    file: FileId,
}

impl Changed {
    /// Withdraws the record of the regular file that stands at `path`, links followed. None where
    /// nothing stands there, or nothing of the managed directory.
    ///
    /// # Safety
    /// `path` is a C string.
    pub unsafe fn begin(dirfd: c_int, path: *const c_char) -> Result<Option<Self>, Errno> {
        // SAFETY: the caller gives a C string.
        let Ok(fd) = (unsafe { sys::openat(dirfd, path, libc::O_PATH) }) else { return Ok(None) };
        let mut real = PathText::new();
        let look = sys::look_at(fd);
        let found = path_of(fd, &mut real);
        let _ = sys::close(fd);
        let (Ok(look), Ok(())) = (look, found) else { return Ok(None) };
        if !look.is_regular() {
            return Ok(None);
        }
        match settings().producer.name_in(real.as_bytes()) {
            Some(name) => tell(Request::Change { name })?,
            None => return Ok(None),
        }
        Ok(Some(Self { path: real, file: look.file }))
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
