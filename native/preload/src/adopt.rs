//! At the start: what the program inherited open for writing, from a shell's redirection or from
//! whatever started it, is its own from then on.

use crate::descriptors;
use crate::start::settings;
use core::ffi::c_int;
use dyad_client::{PathText, path_of, sys};
use syscalls::{Sysno, syscall};

/// Marks all descriptors that write regular files of the producer-managed directory.
pub fn adopt() {
    if !settings().producer.is_set() {
        return;
    }
    // SAFETY: the path is a literal.
    let opened = unsafe {
        sys::openat(libc::AT_FDCWD, c"/proc/self/fd".as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY)
    };
    let Ok(list) = opened else { return };
    let mut entries = Entries { bytes: [0; 2048] };
    loop {
        let room = entries.bytes.len();
        // SAFETY: the system writes no more than there is room for.
        let read = unsafe { syscall!(Sysno::getdents64, list, entries.bytes.as_mut_ptr(), room) };
        match read {
            Ok(len) if len > 0 => entries.each(len, |fd| {
                if fd != list {
                    adopt_one(fd);
                }
            }),
            _ => break,
        }
    }
    let _ = sys::close(list);
}

fn adopt_one(fd: c_int) {
    let writes = sys::fcntl(fd, libc::F_GETFL, 0)
        .is_ok_and(|flags| flags & libc::O_PATH == 0 && flags & libc::O_ACCMODE != libc::O_RDONLY);
    if !writes || !sys::look_at(fd).is_ok_and(|look| look.is_regular()) {
        return;
    }
    let mut path = PathText::new();
    if path_of(fd, &mut path).is_ok() && settings().producer.name_in(path.as_bytes()).is_some() {
        descriptors::mark(fd);
    }
}

/// The entries of a directory as the system writes them: inode and offset of 8 bytes each, the
/// length of the entry of 2, the kind of 1, and the name with a NUL.
#[repr(align(8))]
struct Entries {
    bytes: [u8; 2048],
}

impl Entries {
    fn each(&self, len: usize, mut use_number: impl FnMut(c_int)) {
        const NAME: usize = 19;
        let mut rest = self.bytes.get(..len).unwrap_or_default();
        while let Some(&[low, high]) = rest.get(16..18) {
            let entry = usize::from(u16::from_le_bytes([low, high]));
            let name = rest.get(NAME..entry).unwrap_or_default();
            if let Some(number) = number_of(name) {
                use_number(number);
            }
            rest = rest.get(entry.max(NAME)..).unwrap_or_default();
        }
    }
}

fn number_of(name: &[u8]) -> Option<c_int> {
    let digits = name.split(|&byte| byte == 0).next().filter(|digits| !digits.is_empty())?;
    digits.iter().try_fold(0 as c_int, |number, &digit| {
        let value = c_int::from(digit.checked_sub(b'0').filter(|&value| value < 10)?);
        number.checked_mul(10)?.checked_add(value)
    })
}
