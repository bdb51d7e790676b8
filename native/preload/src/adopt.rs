//! At the start: what the program inherited open for writing, from a shell's redirection or from
//! whatever started it, is its own from then on.

use crate::descriptors;
use crate::listing::{each_descriptor, number_of};
use crate::start::settings;
use core::ffi::c_int;
use dyad_client::{PathText, path_of, sys};

/// Marks all descriptors that write regular files of the producer-managed directory.
pub fn adopt() {
    if !settings().producer.is_set() {
        return;
    }
    each_descriptor(c"/proc/self/fd", |list, name| {
        if let Some(fd) = number_of(name).filter(|&fd| fd != list) {
            adopt_one(fd);
        }
    });
}

/// Marks a descriptor if it is one of those.
pub fn adopt_one(fd: c_int) {
    if writes_managed(fd) {
        descriptors::mark(fd);
    }
}

/// Whether a descriptor writes a regular file of the producer-managed directory, as the system has
/// it.
pub fn writes_managed(fd: c_int) -> bool {
    let writes = sys::fcntl(fd, libc::F_GETFL, 0)
        .is_ok_and(|flags| flags & libc::O_PATH == 0 && flags & libc::O_ACCMODE != libc::O_RDONLY);
    if !writes || !sys::look_at(fd).is_ok_and(|look| look.is_regular()) {
        return false;
    }
    let mut path = PathText::new();
    path_of(fd, &mut path).is_ok() && settings().producer.name_in(path.as_bytes()).is_some()
}
