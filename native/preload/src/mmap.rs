//! Shared writable mappings: a file that is mapped so is still written after its descriptor is
//! closed. It is published once its last mapping is gone.

use crate::publish::Written;
use crate::start::{CLIENT, is_active};
use crate::{descriptors, errno, real};
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use dyad_client::sys;
use libc::off_t;

const PLACES: usize = 512;
const FREE: c_int = 0;
const BUSY: c_int = -1;

/// A mapping that is known. Its descriptor tells where the file is by then. It is of O_PATH, whose
/// close leaves the program its record locks.
struct Mapping {
    reader: AtomicI32,
    start: AtomicUsize,
    length: AtomicUsize,
    offset: AtomicUsize,
}

static MAPPINGS: [Mapping; PLACES] = [const {
    Mapping {
        reader: AtomicI32::new(FREE),
        start: AtomicUsize::new(0),
        length: AtomicUsize::new(0),
        offset: AtomicUsize::new(0),
    }
}; PLACES];
static COUNT: AtomicUsize = AtomicUsize::new(0);

pub fn none_mapped() -> bool {
    COUNT.load(Ordering::Acquire) == 0
}

impl Mapping {
    /// Takes the mapping out of the table for a moment, if it is there.
    fn hold(&self) -> Option<c_int> {
        let reader = self.reader.load(Ordering::Acquire);
        let held = reader > 0
            && self
                .reader
                .compare_exchange(reader, BUSY, Ordering::AcqRel, Ordering::Acquire)
                .is_ok();
        held.then_some(reader)
    }

    fn put_back(&self, reader: c_int) {
        self.reader.store(reader, Ordering::Release);
    }

    fn overlaps(&self, start: usize, length: usize) -> bool {
        let own = self.start.load(Ordering::Acquire);
        start < own.saturating_add(self.length.load(Ordering::Acquire))
            && own < start.saturating_add(length)
    }

    /// Publishes the file if nobody writes it any more, and forgets the mapping then, or where all
    /// of it is gone.
    fn end(&self, reader: c_int, is_gone: bool) -> Result<(), c_int> {
        let outcome =
            Written::by_reader(reader).map_or(Ok(false), |written| written.publish_if_last());
        if is_gone || outcome != Ok(false) {
            let _ = sys::close(reader);
            COUNT.fetch_sub(1, Ordering::AcqRel);
            self.put_back(FREE);
        } else {
            self.put_back(reader);
        }
        outcome.map(|_| ())
    }
}

/// Notes a mapping; false where there is no room, or no descriptor for it.
fn note(fd: c_int, start: usize, length: usize, offset: usize) -> bool {
    let Some(place) = MAPPINGS.iter().find(|place| {
        place.reader.compare_exchange(FREE, BUSY, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }) else {
        return false;
    };
    let Ok(reader) = sys::open_again(fd, libc::O_PATH).and_then(sys::move_high) else {
        place.put_back(FREE);
        return false;
    };
    place.start.store(start, Ordering::Release);
    place.length.store(length, Ordering::Release);
    place.offset.store(offset, Ordering::Release);
    COUNT.fetch_add(1, Ordering::AcqRel);
    place.put_back(reader);
    true
}

unsafe fn map(
    length: usize,
    access: c_int,
    flags: c_int,
    fd: c_int,
    offset: off_t,
    call: impl Fn() -> *mut c_void,
) -> *mut c_void {
    let mapped = call();
    const KINDS: c_int = libc::MAP_SHARED | libc::MAP_PRIVATE;
    let is_shared = flags & KINDS == libc::MAP_SHARED || flags & KINDS == KINDS;
    if !is_shared
        || access & libc::PROT_WRITE == 0
        || !is_active()
        || mapped == libc::MAP_FAILED
        || !descriptors::is_written(fd)
        || !CLIENT.owns_memory()
    {
        return mapped;
    }
    if !note(fd, mapped as usize, length, offset as usize) {
        // SAFETY: the mapping is new; the program does not know it yet.
        unsafe { real::munmap(mapped, length) };
        errno::set(libc::ENOMEM);
        return libc::MAP_FAILED;
    }
    mapped
}

macro_rules! maps {
    ($($name:ident)*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name(
                address: *mut c_void,
                length: usize,
                access: c_int,
                flags: c_int,
                fd: c_int,
                offset: off_t,
            ) -> *mut c_void {
                // SAFETY: the program's own call.
                unsafe {
                    map(length, access, flags, fd, offset, || {
                        real::mmap(address, length, access, flags, fd, offset)
                    })
                }
            }
        )*
    };
}

maps! { mmap mmap64 }

#[unsafe(no_mangle)]
pub unsafe extern "C" fn munmap(address: *mut c_void, length: usize) -> c_int {
    // SAFETY: the program's own call.
    let result = unsafe { real::munmap(address, length) };
    if result != 0 || none_mapped() || !CLIENT.owns_memory() {
        return result;
    }
    match unmapped(address as usize, length) {
        Ok(()) => result,
        Err(failed) => errno::fail(failed),
    }
}

#[inline(never)]
fn unmapped(start: usize, length: usize) -> Result<(), c_int> {
    let mut outcome = Ok(());
    for mapping in &MAPPINGS {
        let Some(reader) = mapping.hold() else { continue };
        if !mapping.overlaps(start, length) {
            mapping.put_back(reader);
            continue;
        }
        let own = mapping.start.load(Ordering::Acquire);
        let end = own + mapping.length.load(Ordering::Acquire);
        let is_gone = start <= own && end <= start.saturating_add(length);
        outcome = outcome.and(mapping.end(reader, is_gone));
    }
    outcome
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mremap(
    address: *mut c_void,
    length: usize,
    new_length: usize,
    flags: c_int,
    new_address: *mut c_void,
) -> *mut c_void {
    // SAFETY: the program's own call.
    let moved = unsafe { real::mremap(address, length, new_length, flags, new_address) };
    if moved != libc::MAP_FAILED && !none_mapped() && CLIENT.owns_memory() {
        for mapping in &MAPPINGS {
            let Some(reader) = mapping.hold() else { continue };
            if mapping.start.load(Ordering::Acquire) == address as usize {
                mapping.start.store(moved as usize, Ordering::Release);
                mapping.length.store(new_length, Ordering::Release);
            }
            mapping.put_back(reader);
        }
    }
    moved
}

/// At the end of the program: publishes what is still mapped. Other threads may still use the
/// memory, so a private copy takes the place of each mapping.
pub fn end_all() -> bool {
    let mut is_published = true;
    if none_mapped() || !CLIENT.owns_memory() {
        return true;
    }
    for mapping in &MAPPINGS {
        let Some(reader) = mapping.hold() else { continue };
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let copied = sys::open_again(reader, libc::O_RDONLY).unwrap_or(reader);
        // SAFETY: the range is one that the program has mapped from this very file.
        unsafe {
            real::mmap(
                mapping.start.load(Ordering::Acquire) as *mut c_void,
                mapping.length.load(Ordering::Acquire),
                access,
                libc::MAP_PRIVATE | libc::MAP_FIXED,
                copied,
                mapping.offset.load(Ordering::Acquire) as off_t,
            );
        }
        if copied != reader {
            let _ = sys::close(copied);
        }
        if mapping.end(reader, true).is_err() {
            crate::say::line(&[b"a mapped file is not published"]);
            is_published = false;
        }
    }
    is_published
}
