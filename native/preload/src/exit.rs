//! The end of the program: what it leaves open is closed by its end, and published.

use crate::publish::Written;
use crate::start::has_started;
use crate::{descriptors, errno, errno_name, mmap, real, say};
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use dyad_client::{decimal, sys};

unsafe extern "C" {
    fn __cxa_atexit(
        handler: unsafe extern "C" fn(*mut c_void),
        argument: *mut c_void,
        object: *mut c_void,
    ) -> c_int;
    fn __cxa_at_quick_exit(
        handler: unsafe extern "C" fn(*mut c_void),
        object: *mut c_void,
    ) -> c_int;
}

/// Registers what is done at exit and quick_exit. Handlers run in the reverse order of their
/// registration, and this one comes before those of the program and the one that runs the
/// destructors of all libraries: so it is the last, after what they still write. It belongs to no
/// object, so that the end of none runs it.
pub fn register() {
    // SAFETY: the handlers live as long as the process, since this library is never unloaded.
    unsafe {
        __cxa_atexit(at_exit, null_mut(), null_mut());
        __cxa_at_quick_exit(at_quick_exit, null_mut());
    }
}

unsafe extern "C" fn at_exit(_: *mut c_void) {
    if descriptors::none_written() && mmap::none_mapped() {
        return;
    }
    // The C library would flush its streams after this.
    // SAFETY: a null stands for all streams.
    let flushed = unsafe { libc::fflush(null_mut()) };
    let is_lost = flushed != 0
        && matches!(errno::get(), libc::ENOSPC | libc::EDQUOT | libc::EIO | libc::EFBIG);
    end_with_failure(close_all(is_lost));
}

unsafe extern "C" fn at_quick_exit(_: *mut c_void) {
    end_with_failure(close_all(false));
}

/// Ends the process where something could not be published: nothing else could tell of it.
fn end_with_failure(is_published: bool) {
    if !is_published {
        sys::exit_group(1);
    }
}

/// Closes all descriptors that write, and publishes their files; returns whether all went well.
/// `is_lost`: the last bytes of one of them, nobody knows which, could not be written.
pub fn close_all(is_lost: bool) -> bool {
    let mut is_published = true;
    let mut first = 0;
    while let Some(fd) = descriptors::next_written(first) {
        let written = Written::at(fd);
        descriptors::forget(fd);
        let closed = sys::close(fd);
        if let Some(mut written) = written {
            if is_lost {
                written.damage();
            }
            let outcome = match closed {
                Ok(()) => written.publish_at_end(),
                Err(failed) => Err(failed),
            };
            is_published &= tell(&written, outcome);
        }
        first = fd + 1;
    }
    mmap::end_all() && is_published
}

fn tell(written: &Written, outcome: Result<(), c_int>) -> bool {
    if let Err(failed) = outcome {
        let mut digits = [0; 10];
        let why: &[u8] = if written.is_damaged() {
            b"a write to it failed"
        } else {
            errno_name::of(failed).unwrap_or_else(|| decimal(failed.unsigned_abs(), &mut digits))
        };
        say::line(&[written.path(), b" is not published: ", why]);
    }
    outcome.is_ok()
}

/// Ends the process at once, as `_exit` does.
unsafe fn end(status: c_int) -> ! {
    let has_something = !descriptors::none_written() || !mmap::none_mapped();
    let status = if has_started() && has_something && !close_all(false) { 1 } else { status };
    // SAFETY: the program's own call, which does not return.
    unsafe { real::_exit(status) };
    sys::exit_group(status)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn _exit(status: c_int) -> ! {
    // SAFETY: the program's own call.
    unsafe { end(status) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Exit(status: c_int) -> ! {
    // SAFETY: as above.
    unsafe { end(status) }
}
