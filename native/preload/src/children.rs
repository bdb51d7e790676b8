//! Children that hold copies of all descriptors for a moment. A close that comes in between is not
//! the last, and would leave the publishing to nobody: it waits for them, and looks again.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use dyad_client::sys;

/// How many such children there are at this moment: those that began in an even epoch, and those of
/// an odd one. A wait begins a new epoch: later children do not hold what was closed before it.
pub struct Children {
    running: [AtomicU32; 2],
    epoch: AtomicU32,
    any: AtomicBool,
}

/// One of them.
pub struct Child {
    count: &'static AtomicU32,
}

impl Children {
    pub const fn new() -> Self {
        Self {
            running: [const { AtomicU32::new(0) }; 2],
            epoch: AtomicU32::new(0),
            any: AtomicBool::new(false),
        }
    }

    fn running_in(&self, epoch: u32) -> &AtomicU32 {
        let [even, odd] = &self.running;
        if epoch.is_multiple_of(2) { even } else { odd }
    }

    /// Counts a child that is about to begin, until its `end`.
    pub fn begin(&'static self) -> Child {
        let count = self.running_in(self.epoch.load(Ordering::SeqCst));
        count.fetch_add(1, Ordering::SeqCst);
        self.any.store(true, Ordering::SeqCst);
        Child { count }
    }

    /// Waits for the end of those that have begun, or that long.
    pub fn wait(&self, nanoseconds: u64) {
        if !self.any.load(Ordering::SeqCst) {
            return;
        }
        let count = self.running_in(self.epoch.fetch_add(1, Ordering::SeqCst));
        let until = sys::now() + nanoseconds;
        loop {
            let running = count.load(Ordering::SeqCst);
            let now = sys::now();
            if running == 0 || now >= until {
                return;
            }
            sys::wait_while(count, running, until - now);
        }
    }
}

impl Child {
    pub fn end(self) {
        self.count.fetch_sub(1, Ordering::SeqCst);
        sys::wake_all(self.count);
    }
}
