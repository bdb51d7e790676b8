//! A set of descriptors that threads, signal handlers and forked children may use at any moment.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

const WORDS: usize = 16_384;

/// A set of descriptors below 1,048,576, the most that the system gives a process unless its
/// administrator raises fs.nr_open. An empty one takes no memory but zero pages.
pub struct Bitmap {
    words: [AtomicU64; WORDS],
    count: AtomicUsize,
}

impl Bitmap {
    pub const fn new() -> Self {
        Self { words: [const { AtomicU64::new(0) }; WORDS], count: AtomicUsize::new(0) }
    }

    fn word(&self, descriptor: i32) -> Option<(&AtomicU64, u64)> {
        let index = usize::try_from(descriptor).ok()?;
        Some((self.words.get(index / 64)?, 1 << (index % 64)))
    }

    pub fn has(&self, descriptor: i32) -> bool {
        self.word(descriptor).is_some_and(|(word, bit)| word.load(Ordering::Acquire) & bit != 0)
    }

    /// Adds the descriptor; returns false where the set cannot hold it.
    pub fn add(&self, descriptor: i32) -> bool {
        let Some((word, bit)) = self.word(descriptor) else { return false };
        if word.fetch_or(bit, Ordering::AcqRel) & bit == 0 {
            self.count.fetch_add(1, Ordering::AcqRel);
        }
        true
    }

    /// Removes the descriptor; returns whether it was there. Of several threads one hears true.
    pub fn take(&self, descriptor: i32) -> bool {
        let Some((word, bit)) = self.word(descriptor) else { return false };
        let was_there = word.fetch_and(!bit, Ordering::AcqRel) & bit != 0;
        if was_there {
            self.count.fetch_sub(1, Ordering::AcqRel);
        }
        was_there
    }

    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// The least descriptor of the set from `first` on.
    pub fn next(&self, first: i32) -> Option<i32> {
        if self.is_empty() {
            return None;
        }
        let first = usize::try_from(first).ok()?;
        let mut mask = u64::MAX << (first % 64);
        for (index, word) in self.words.iter().enumerate().skip(first / 64) {
            let bits = word.load(Ordering::Acquire) & mask;
            if bits != 0 {
                return i32::try_from(index * 64 + bits.trailing_zeros() as usize).ok();
            }
            mask = u64::MAX;
        }
        None
    }
}

impl Default for Bitmap {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_descriptors() {
        static SET: Bitmap = Bitmap::new();
        for descriptor in [0, 63, 64, 1_048_575] {
            assert!(SET.add(descriptor));
        }
        assert!(!SET.add(1_048_576));
        assert!(!SET.add(-1));
        assert!(SET.has(63) && !SET.has(62) && !SET.has(-1));
        assert_eq!(SET.next(0), Some(0));
        assert_eq!(SET.next(1), Some(63));
        assert_eq!(SET.next(65), Some(1_048_575));
        assert!(SET.take(1_048_575) && !SET.take(1_048_575));
        assert_eq!(SET.next(65), None);
        assert!(SET.take(0) && SET.take(63) && SET.take(64));
        assert!(SET.is_empty());
    }
}
