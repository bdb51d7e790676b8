//! What a loaded file calls other files by: its dynamic section, as the system's loader left it.

use core::ffi::CStr;
use dyad_client::sys;
use libc::dl_phdr_info;

const STRINGS: u64 = 5;
const SYMBOLS: u64 = 6;
const SLOTS: u64 = 7;
const SLOTS_SIZE: u64 = 8;
const CALL_SLOTS: u64 = 23;
const CALL_SLOTS_SIZE: u64 = 2;

/// The kinds of slots that hold the address of a function: those of pointers, of the table of
/// addresses, and of calls.
#[cfg(target_arch = "x86_64")]
const ADDRESSES: [u64; 3] = [1, 6, 7];
#[cfg(target_arch = "aarch64")]
const ADDRESSES: [u64; 3] = [257, 1025, 1026];

#[repr(C)]
struct Entry {
    tag: u64,
    value: u64,
}

#[repr(C)]
struct Relocation {
    offset: u64,
    symbol_and_kind: u64,
    addend: i64,
}

#[repr(C)]
struct Symbol {
    name: u32,
    info: u8,
    other: u8,
    section: u16,
    value: u64,
    size: u64,
}

/// A part of the memory, and how it may be used.
#[derive(Clone, Copy)]
pub struct Part {
    start: usize,
    length: usize,
    access: i32,
}

impl Part {
    fn holds(&self, address: usize) -> bool {
        address.wrapping_sub(self.start) < self.length
    }

    /// Makes whole pages writable as well, or what they were.
    fn set_writable(&self, writable: bool) -> bool {
        let page = sys::page_size();
        let start = self.start & !(page - 1);
        // The loader protects no page of which a part stays writable.
        let end = (self.start + self.length) & !(page - 1);
        let access = if writable { self.access | libc::PROT_WRITE } else { self.access };
        // SAFETY: the pages belong to the file, and nothing but their protection changes.
        end <= start || unsafe { sys::protect(start, end - start, access) }.is_ok()
    }
}

/// A loaded file.
pub struct Loaded<'a> {
    base: usize,
    headers: &'a [libc::Elf64_Phdr],
    entries: *const Entry,
}

impl<'a> Loaded<'a> {
    /// # Safety
    /// The loader gives the information, and its file stays loaded.
    pub unsafe fn of(info: &'a dl_phdr_info) -> Option<Self> {
        let base = info.dlpi_addr as usize;
        // SAFETY: the caller says so.
        let headers =
            unsafe { core::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
        let dynamic = headers.iter().find(|header| header.p_type == libc::PT_DYNAMIC)?;
        Some(Self { base, headers, entries: (base + dynamic.p_vaddr as usize) as *const Entry })
    }

    pub fn holds(&self, address: usize) -> bool {
        self.headers
            .iter()
            .any(|header| header.p_type == libc::PT_LOAD && self.part(header).holds(address))
    }

    fn part(&self, header: &libc::Elf64_Phdr) -> Part {
        Part {
            start: self.base + header.p_vaddr as usize,
            length: header.p_memsz as usize,
            access: libc::PROT_READ,
        }
    }

    /// Keeps the loader from taking the program's own stub of a function for the function: a
    /// program at a fixed address that uses the address of the function has such a stub, and
    /// libraries that are loaded later would call it.
    ///
    /// # Safety
    /// `symbol` is one of this file, which does not define it.
    unsafe fn hide_stub(&self, symbol: *mut Symbol) {
        // SAFETY: the caller says so.
        if unsafe { (*symbol).value } == 0 {
            return;
        }
        let page = sys::page_size();
        let start = symbol as usize & !(page - 1);
        let end = (symbol as usize + size_of::<Symbol>()).next_multiple_of(page);
        let is_read_only = self.headers.iter().any(|header| {
            let is_plain = header.p_type == libc::PT_LOAD && header.p_flags == libc::PF_R;
            is_plain && self.part(header).holds(symbol as usize)
        });
        let pages = Part { start, length: end - start, access: libc::PROT_READ };
        if is_read_only && pages.set_writable(true) {
            // SAFETY: the page may be written now.
            unsafe { (&raw mut (*symbol).value).write_volatile(0) };
            pages.set_writable(false);
        }
    }

    /// The part that the loader has made read-only after it wrote the slots.
    fn protected(&self) -> Option<Part> {
        let header = self.headers.iter().find(|header| header.p_type == libc::PT_GNU_RELRO)?;
        Some(self.part(header))
    }

    fn entry(&self, tag: u64) -> Option<u64> {
        let mut entry = self.entries;
        // SAFETY: an entry of tag 0 ends the section.
        unsafe {
            while (*entry).tag != 0 {
                if (*entry).tag == tag {
                    return Some((*entry).value);
                }
                entry = entry.add(1);
            }
        }
        None
    }

    /// The address of a table; some loaders leave addresses as they are in the file.
    fn table(&self, tag: u64) -> Option<usize> {
        let value = self.entry(tag)? as usize;
        Some(if value < self.base { self.base + value } else { value })
    }

    fn relocations(&self, tag: u64, size: u64) -> &[Relocation] {
        match (self.table(tag), self.entry(size)) {
            (Some(start), Some(bytes)) => {
                let count = bytes as usize / size_of::<Relocation>();
                // SAFETY: the loader has read the same table.
                unsafe { core::slice::from_raw_parts(start as *const Relocation, count) }
            }
            _ => &[],
        }
    }

    /// Puts other addresses into the slots of functions of other files; `address_of` tells them by
    /// name. Returns false where the system keeps the slots from being written.
    pub fn redirect(&self, address_of: impl Fn(&[u8]) -> Option<usize>) -> bool {
        let (Some(symbols), Some(strings)) = (self.table(SYMBOLS), self.table(STRINGS)) else {
            return false;
        };
        let protected = self.protected();
        if protected.is_some_and(|part| !part.set_writable(true)) {
            return false;
        }
        for (table, size) in [(SLOTS, SLOTS_SIZE), (CALL_SLOTS, CALL_SLOTS_SIZE)] {
            for relocation in self.relocations(table, size) {
                let (index, kind) =
                    (relocation.symbol_and_kind >> 32, relocation.symbol_and_kind & 0xffff_ffff);
                if index == 0 || !ADDRESSES.contains(&kind) {
                    continue;
                }
                // SAFETY: the loader has used the same symbol, name and slot.
                unsafe {
                    let symbol = (symbols as *mut Symbol).add(index as usize);
                    if (*symbol).section != 0 {
                        continue;
                    }
                    let name = CStr::from_ptr((strings + (*symbol).name as usize) as *const _);
                    if let Some(address) = address_of(name.to_bytes()) {
                        let slot = (self.base + relocation.offset as usize) as *mut usize;
                        slot.write_volatile(address);
                        self.hide_stub(symbol);
                    }
                }
            }
        }
        if let Some(part) = protected {
            part.set_writable(false);
        }
        true
    }
}
