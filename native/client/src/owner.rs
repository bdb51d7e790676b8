//! Whose memory this is. A child of fork has a copy; one of vfork shares it with its parent.

use crate::sys;
use core::ffi::c_int;
use core::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

/// In which process the code runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Process {
    /// In the one that began with this memory.
    Own,
    /// In a child of fork, for the first time.
    Forked,
    /// In a child of vfork or of posix_spawn: the memory is its parent's.
    Borrowed,
}

/// Notes the process that the memory belongs to, in a page that the kernel wipes in a child of
/// fork.
pub struct Owner {
    pid: AtomicPtr<AtomicI32>,
}

impl Owner {
    pub const fn new() -> Self {
        Self { pid: AtomicPtr::new(core::ptr::null_mut()) }
    }

    /// Notes this process as the owner. Called once, before all others.
    pub fn begin(&self) -> sys::Result<()> {
        let page = sys::page_wiped_on_fork()?.cast::<AtomicI32>();
        // SAFETY: the page is new, zeroed, aligned, and is never given back.
        unsafe { &*page }.store(sys::getpid(), Ordering::Release);
        self.pid.store(page, Ordering::Release);
        Ok(())
    }

    /// Tells in which process the code runs. The first caller in a child of fork hears `Forked`.
    pub fn process(&self) -> Process {
        let page = self.pid.load(Ordering::Acquire);
        if page.is_null() {
            return Process::Borrowed;
        }
        // SAFETY: the page was stored by `begin`, and is never given back.
        let noted: &AtomicI32 = unsafe { &*page };
        let pid: c_int = sys::getpid();
        match noted.load(Ordering::Acquire) {
            same if same == pid => Process::Own,
            0 if noted.compare_exchange(0, pid, Ordering::AcqRel, Ordering::Acquire).is_ok() => {
                Process::Forked
            }
            0 => Process::Own,
            _ => Process::Borrowed,
        }
    }
}

impl Default for Owner {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_child_owns_its_copy_and_a_vforked_one_does_not() {
        let owner = Owner::new();
        owner.begin().unwrap();
        assert_eq!(owner.process(), Process::Own);
        // SAFETY: the child makes system calls alone and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let as_expected = owner.process() == Process::Forked && owner.process() == Process::Own;
            sys::exit_group(i32::from(!as_expected));
        }
        let mut status = -1;
        // SAFETY: waits for the child of above.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!(status, 0);
        assert_eq!(owner.process(), Process::Own);
    }
}
