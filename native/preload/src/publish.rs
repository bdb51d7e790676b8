//! After the last close of what was written: the agent publishes the file.

use crate::agent::tell;
use crate::start::settings;
use crate::{aliases, descriptors, spawn};
use core::ffi::c_int;
use dyad_client::sys::{self, Errno, Look};
use dyad_client::{PathText, Request, Writers, path_of};

/// What a descriptor wrote, as the system knew it right before the close.
pub struct Written {
    path: PathText,
    look: Look,
    is_damaged: bool,
    closes_on_exec: bool,
}

impl Written {
    /// Looks at a descriptor that is about to be closed. None where it is none of those that write
    /// files of the producer-managed directory.
    pub fn at(fd: c_int) -> Option<Self> {
        if !descriptors::is_written(fd) {
            return None;
        }
        let look = sys::look_at(fd).ok()?;
        let mut written = Self {
            path: PathText::new(),
            look,
            is_damaged: descriptors::is_damaged(fd),
            closes_on_exec: sys::fcntl(fd, libc::F_GETFD, 0) == Ok(libc::FD_CLOEXEC),
        };
        path_of(fd, &mut written.path).ok()?;
        Some(written)
    }

    /// The name to tell of in a message.
    pub fn path(&self) -> &[u8] {
        self.path.as_bytes()
    }

    /// Looks at a descriptor that only reads a file which a mapping writes.
    pub fn by_reader(fd: c_int) -> Option<Self> {
        let look = sys::look_at(fd).ok()?;
        let mut written =
            Self { path: PathText::new(), look, is_damaged: false, closes_on_exec: false };
        path_of(fd, &mut written.path).ok()?;
        Some(written)
    }

    /// Publishes the file, if it is closed now everywhere on this host, whole, and still has a
    /// name. EIO where a write to it failed.
    pub fn publish(&self) -> Result<(), Errno> {
        self.publish_if_last().map(|_| ())
    }

    /// As above, at the end of the program: a file that is not whole and that another process has
    /// open is not this one's to publish.
    pub fn publish_at_end(&self) -> Result<(), Errno> {
        let published = self.publish();
        if self.is_damaged && self.writer_left() == Writers::Left { Ok(()) } else { published }
    }

    /// Notes that a write to the file failed.
    pub fn damage(&mut self) {
        self.is_damaged = true;
    }

    pub fn is_damaged(&self) -> bool {
        self.is_damaged
    }

    fn writer_left(&self) -> Writers {
        descriptors::writer_left(&self.path, Some(self.look.file))
    }

    /// Has the agent refuse the publish of another process that closes the file later.
    fn tell_of_damage(&self) -> Result<(), Errno> {
        match settings().producer.name_in(self.path.as_bytes()) {
            Some(name) if self.writer_left() == Writers::Left => tell(Request::Damaged { name }),
            _ => Ok(()),
        }
    }

    /// As `publish`; returns whether nobody writes the file any more.
    pub fn publish_if_last(&self) -> Result<bool, Errno> {
        if self.look.links == 0 {
            return Ok(true);
        }
        if self.is_damaged {
            self.tell_of_damage()?;
            return Err(libc::EIO);
        }
        let look = || self.writer_left();
        let mut left = look();
        if left == Writers::Left && self.closes_on_exec {
            left = spawn::look_after_exec(look);
        }
        if left == Writers::Left {
            return Ok(false);
        }
        let name = settings().producer.name_in(self.path.as_bytes());
        if let (Some(name), Writers::None) = (name, left) {
            tell(Request::Produce { name })?;
        }
        aliases::publish(self.look.file).map(|()| true)
    }
}

/// Closes a descriptor, if it is one that writes, and publishes what it wrote.
pub fn close_and_publish(fd: c_int) -> Result<(), Errno> {
    let written = Written::at(fd);
    descriptors::forget(fd);
    sys::close(fd)?;
    written.map_or(Ok(()), |written| written.publish())
}
