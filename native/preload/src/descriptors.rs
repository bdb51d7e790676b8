//! Which descriptors write files of the producer-managed directory. Only that is kept: their paths
//! come from the system, at the moment when they are needed, so that renames are followed.

use crate::locks;
use crate::start::CLIENT;
use core::ffi::c_int;
use dyad_client::sys::{self, FileId};
use dyad_client::{Bitmap, Writers};

/// Open for writing in the producer-managed directory.
static WRITTEN: Bitmap = Bitmap::new();
/// A write to it failed late, so that its file is not what the program meant.
static DAMAGED: Bitmap = Bitmap::new();

#[inline]
pub fn is_written(fd: c_int) -> bool {
    WRITTEN.has(fd)
}

pub fn is_damaged(fd: c_int) -> bool {
    DAMAGED.has(fd)
}

pub fn none_written() -> bool {
    WRITTEN.is_empty()
}

/// The least such descriptor from `first` on.
pub fn next_written(first: c_int) -> Option<c_int> {
    WRITTEN.next(first)
}

/// Notes a descriptor that the caller has opened. Returns false where there is no room for it.
pub fn mark(fd: c_int) -> bool {
    // In a child of vfork the notes are its parent's; what it starts looks for itself.
    if !CLIENT.owns_memory() {
        return true;
    }
    DAMAGED.take(fd);
    WRITTEN.add(fd)
}

/// Notes a failed write.
pub fn damage(fd: c_int) {
    if CLIENT.owns_memory() {
        DAMAGED.add(fd);
    }
}

/// Forgets a descriptor that is, or is about to be, closed.
pub fn forget(fd: c_int) {
    if CLIENT.owns_memory() {
        WRITTEN.take(fd);
        DAMAGED.take(fd);
    }
}

/// Notes that `to` is a copy of `from`, whatever it was before.
pub fn copy(from: c_int, to: c_int) {
    if (!WRITTEN.has(from) && !WRITTEN.has(to)) || !CLIENT.owns_memory() {
        return;
    }
    for set in [&WRITTEN, &DAMAGED] {
        if set.has(from) {
            set.add(to);
        } else {
            set.take(to);
        }
    }
}

/// Tells whether this process itself writes the file.
pub fn writes(file: FileId) -> bool {
    let mut first = 0;
    while let Some(fd) = WRITTEN.next(first) {
        if sys::look_at(fd).is_ok_and(|look| look.file == file) {
            return true;
        }
        first = fd + 1;
    }
    false
}

/// Whether a writer of the file is left, as far as one can tell.
pub fn writer_left(path: &dyad_client::PathText, file: Option<FileId>) -> Writers {
    match (locks::writers(path, file), file) {
        (Writers::Unknown, Some(file)) if writes(file) => Writers::Left,
        (Writers::Unknown, _) => Writers::None,
        (known, _) => known,
    }
}
