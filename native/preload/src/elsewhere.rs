//! Directories that lead to no managed one, whatever links are on the way: most opens of a program
//! are in few directories, and asking the system each time where a descriptor leads costs more than
//! the open itself.

use crate::start::{CLIENT, settings};
use core::ffi::{c_char, c_int};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use dyad_client::{leads_as_written, sys};

const PLACES: usize = 256;
/// Bits of a note that tell the second of its making; the others are those of a digest.
const SECONDS: u64 = 0xff_ffff;

static NOTES: [AtomicU64; PLACES] = [const { AtomicU64::new(0) }; PLACES];
/// How often this process may have changed where directories lead: older notes do not count.
static CHANGES: AtomicU64 = AtomicU64::new(0);
/// The C library itself may change the working directory at any time.
static WANDERS: AtomicBool = AtomicBool::new(false);

/// The directory of a path, by its text.
pub struct Parent {
    digest: Option<u64>,
}

impl Parent {
    /// The directory of a path as the program gave it: absolute, or relative to the working
    /// directory. One that cannot be told by its text is never known.
    pub fn of(dirfd: c_int, path: &[u8]) -> Self {
        let end = path.iter().rposition(|&byte| byte == b'/');
        if path.starts_with(b"/") {
            return Self::named(path.get(..end.unwrap_or(0)).unwrap_or_default());
        }
        // An absolute one has a slash in the place of the space.
        let digest = || digest_of(b' ', path.get(..end.unwrap_or(0)).unwrap_or_default());
        Self { digest: (dirfd == libc::AT_FDCWD && !WANDERS.load(Ordering::Relaxed)).then(digest) }
    }

    /// The directory of a path that is joined of a real one and of `path`.
    pub fn of_joined(whole: &[u8], path: &[u8]) -> Self {
        let end = whole.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        let parent = whole.get(..end).filter(|_| leads_as_written(path));
        parent.map_or(Self::UNKNOWN, Self::named)
    }

    /// A directory that is never known.
    pub const UNKNOWN: Self = Self { digest: None };

    fn named(text: &[u8]) -> Self {
        // What links of /proc lead to changes with the process, and /dev/fd is one of them. Files
        // in /dev/shm are as stable as others.
        let is_stable = !text.starts_with(b"/proc/") && !text.starts_with(b"/dev/fd");
        Self { digest: is_stable.then(|| digest_of(b'/', text)) }
    }

    fn place(&self) -> Option<(&'static AtomicU64, u64)> {
        let digest = self.digest?;
        let place = NOTES.get((digest >> 56) as usize % PLACES)?;
        Some((place, digest & !SECONDS | now() & SECONDS))
    }

    /// Whether the directory led elsewhere within this second. Another process may have exchanged
    /// it for a link since; this one has not.
    pub fn is_elsewhere(&self) -> bool {
        self.place().is_some_and(|(place, note)| place.load(Ordering::Relaxed) == note)
    }

    /// Notes that the directory leads to the real path of a file in it, if that is elsewhere. A
    /// child of vfork may have another working directory than its parent, whose memory it uses.
    pub fn note(&self, real: &[u8]) {
        if let Some((place, note)) = self.place()
            && !settings().surround(real)
            && CLIENT.owns_memory()
        {
            place.store(note, Ordering::Relaxed);
        }
    }
}

/// Forgets all: a directory may lead to another one now, or the working directory is another.
pub fn forget() {
    CHANGES.fetch_add(1, Ordering::Relaxed);
}

/// From now on relative paths are never known.
pub fn wander() {
    WANDERS.store(true, Ordering::Relaxed);
}

/// Whether a path ends with a link.
///
/// # Safety
/// `path` is a C string.
pub unsafe fn is_link(dirfd: c_int, path: *const c_char) -> bool {
    // SAFETY: the caller gives a C string.
    unsafe { sys::readlinkat(dirfd, path, &mut [0]) }.is_ok()
}

fn digest_of(kind: u8, text: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let begin = CHANGES.load(Ordering::Relaxed).wrapping_mul(FACTOR) ^ u64::from(kind);
    text.chunks(8).fold(begin ^ (text.len() as u64) << 8, |digest, chunk| {
        let word = chunk.iter().fold(0u64, |word, &byte| word << 8 | u64::from(byte));
        let mixed = (digest ^ word).wrapping_mul(FACTOR);
        mixed ^ mixed >> 32
    })
}

/// Seconds of a clock that the program reads without a system call.
fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the C library writes one timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
    time.tv_sec as u64
}
