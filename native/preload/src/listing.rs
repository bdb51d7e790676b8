//! The descriptors of a process, as /proc lists them.

use core::ffi::{CStr, c_int};
use dyad_client::sys::{self, FileId};
use dyad_client::{Text, decimal};
use syscalls::{Sysno, syscall};

/// Calls `use_entry` with the directory that lists the descriptors, open, and with the name of
/// each.
pub fn each_descriptor(directory: &CStr, mut use_entry: impl FnMut(c_int, &CStr)) {
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
            Ok(len) if len > 0 => entries.each(len, |name| use_entry(list, name)),
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
    fn each(&self, len: usize, mut use_name: impl FnMut(&CStr)) {
        const NAME: usize = 19;
        let mut rest = self.bytes.get(..len).unwrap_or_default();
        while let Some(&[low, high]) = rest.get(16..18) {
            let entry = usize::from(u16::from_le_bytes([low, high]));
            let name = rest.get(NAME..entry).unwrap_or_default();
            if let Ok(name) = CStr::from_bytes_until_nul(name) {
                use_name(name);
            }
            rest = rest.get(entry.max(NAME)..).unwrap_or_default();
        }
    }
}

/// The number that a name is; None for `.` and `..`.
pub fn number_of(name: &CStr) -> Option<c_int> {
    let digits = Some(name.to_bytes()).filter(|digits| !digits.is_empty())?;
    digits.iter().try_fold(0 as c_int, |number, &digit| {
        let value = c_int::from(digit.checked_sub(b'0').filter(|&value| value < 10)?);
        number.checked_mul(10)?.checked_add(value)
    })
}

/// Whether a process has the file open.
pub fn has_open(process: c_int, file: FileId) -> bool {
    let mut directory = Text::<32>::new();
    let mut digits = [0; 10];
    let number = decimal(process.unsigned_abs(), &mut digits);
    let _ = directory.set(b"/proc/");
    let _ = directory.push(number);
    let _ = directory.push(b"/fd\0");
    let Ok(directory) = CStr::from_bytes_until_nul(directory.as_bytes()) else { return false };
    let mut has = false;
    each_descriptor(directory, |list, name| {
        // SAFETY: the name is a C string.
        let found = unsafe { sys::look(list, name.as_ptr(), 0) };
        has |= found.is_ok_and(|look| look.file == file);
    });
    has
}
