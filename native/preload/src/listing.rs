//! The descriptors of a process, as /proc lists them.

use core::ffi::{CStr, c_int};
use dyad_client::sys;
use syscalls::{Sysno, syscall};

/// Calls `use_number` with the directory that lists the descriptors, open, and with each of them.
pub fn each_descriptor(directory: &CStr, mut use_number: impl FnMut(c_int, c_int)) {
    let flags = libc::O_RDONLY | libc::O_DIRECTORY;
    // SAFETY: the path is a C string.
    let opened = unsafe { sys::openat(libc::AT_FDCWD, directory.as_ptr(), flags) };
    let Ok(list) = opened else { return };
    let mut entries = Entries { bytes: [0; 2048] };
    loop {
        let room = entries.bytes.len();
        // SAFETY: the system writes no more than there is room for.
        let read = unsafe { syscall!(Sysno::getdents64, list, entries.bytes.as_mut_ptr(), room) };
        match read {
            Ok(len) if len > 0 => entries.each(len, |fd| use_number(list, fd)),
            _ => break,
        }
    }
    let _ = sys::close(list);
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
