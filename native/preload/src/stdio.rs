//! fopen, freopen and fclose: the C library opens and closes by calls of its own.

use crate::open::around;
use crate::publish::Written;
use crate::start::is_active;
use crate::{descriptors, errno, real};
use core::ffi::{CStr, c_char, c_int};
use core::ptr::null_mut;
use libc::FILE;

/// The flags of open that a mode of fopen stands for.
///
/// # Safety
/// `mode` is a C string.
unsafe fn flags_of(mode: *const c_char) -> c_int {
    // SAFETY: the caller gives a C string.
    let mode = unsafe { CStr::from_ptr(mode) }.to_bytes();
    let mode = mode.split(|&byte| byte == b',').next().unwrap_or_default();
    let both = mode.contains(&b'+');
    let access = |alone| if both { libc::O_RDWR } else { alone };
    let exclusive = if mode.contains(&b'x') { libc::O_EXCL } else { 0 };
    match mode.first() {
        Some(b'w') => access(libc::O_WRONLY) | libc::O_CREAT | libc::O_TRUNC | exclusive,
        Some(b'a') => access(libc::O_WRONLY) | libc::O_CREAT | libc::O_APPEND | exclusive,
        _ => access(libc::O_RDONLY),
    }
}

/// Has a function that opens a stream do so, as an open of its descriptor.
unsafe fn stream_around(
    path: *const c_char,
    mode: *const c_char,
    call: impl Fn() -> *mut FILE,
) -> *mut FILE {
    if !is_active() || path.is_null() || mode.is_null() {
        return call();
    }
    let opened = core::cell::Cell::new(null_mut());
    // SAFETY: the program gives C strings; a stream that was opened has a descriptor.
    let fd = unsafe {
        around(libc::AT_FDCWD, path, flags_of(mode), || {
            opened.set(call());
            if opened.get().is_null() { -1 } else { libc::fileno(opened.get()) }
        })
    };
    let stream = opened.get();
    if fd < 0 && !stream.is_null() {
        // It was opened, and could not be used: its descriptor is closed already.
        let failed = errno::get();
        // SAFETY: nobody else has the stream yet.
        unsafe { real::fclose(stream) };
        errno::set(failed);
        return null_mut();
    }
    if fd < 0 { null_mut() } else { stream }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fopen(path: *const c_char, mode: *const c_char) -> *mut FILE {
    // SAFETY: the program's own call.
    unsafe { stream_around(path, mode, || real::fopen(path, mode)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fopen64(path: *const c_char, mode: *const c_char) -> *mut FILE {
    // SAFETY: the program's own call.
    unsafe { stream_around(path, mode, || real::fopen64(path, mode)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn freopen(
    path: *const c_char,
    mode: *const c_char,
    stream: *mut FILE,
) -> *mut FILE {
    // SAFETY: the program's own call.
    unsafe { reopen(path, mode, stream, || real::freopen(path, mode, stream)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn freopen64(
    path: *const c_char,
    mode: *const c_char,
    stream: *mut FILE,
) -> *mut FILE {
    // SAFETY: the program's own call.
    unsafe { reopen(path, mode, stream, || real::freopen64(path, mode, stream)) }
}

unsafe fn reopen(
    path: *const c_char,
    mode: *const c_char,
    stream: *mut FILE,
    call: impl Fn() -> *mut FILE,
) -> *mut FILE {
    if !is_active() || stream.is_null() {
        return call();
    }
    // SAFETY: the program gives an open stream.
    let closing = unsafe { Closing::begin(stream) };
    let closing = closing.map(|(fd, closing)| {
        descriptors::forget(fd);
        closing
    });
    // SAFETY: the program gives C strings.
    let reopened = unsafe { stream_around(path, mode, &call) };
    if path.is_null() && !reopened.is_null() {
        // The same file in another mode.
        // SAFETY: the stream is open.
        let fd = unsafe { libc::fileno(reopened) };
        // SAFETY: the program gives a C string.
        if unsafe { flags_of(mode) } & libc::O_ACCMODE != libc::O_RDONLY {
            let _ = crate::outside::written(fd);
        }
    }
    if let Some(Err(failed)) = closing.map(|closing| closing.end(0)) {
        errno::set(failed);
        return null_mut();
    }
    reopened
}

/// A stream that writes and is about to be closed.
struct Closing {
    written: Option<Written>,
    is_whole: bool,
}

impl Closing {
    /// Writes out what the stream holds. None where it writes no managed file.
    unsafe fn begin(stream: *mut FILE) -> Option<(c_int, Self)> {
        let before = errno::get();
        // SAFETY: the program gives an open stream.
        let fd = unsafe { libc::fileno(stream) };
        if !descriptors::is_written(fd) {
            errno::set(before);
            return None;
        }
        // SAFETY: as above.
        let is_whole = unsafe { libc::fflush(stream) == 0 && libc::ferror(stream) == 0 };
        Some((fd, Self { written: Written::at(fd), is_whole }))
    }

    /// Publishes what was written, unless a write or the close failed.
    fn end(self, closed: c_int) -> Result<(), c_int> {
        if closed != 0 {
            return Err(errno::get());
        }
        match self.written {
            Some(mut written) => {
                if !self.is_whole {
                    written.damage();
                }
                written.publish()
            }
            None if self.is_whole => Ok(()),
            None => Err(libc::EIO),
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fclose(stream: *mut FILE) -> c_int {
    if !is_active() || stream.is_null() {
        // SAFETY: the program's own call.
        return unsafe { real::fclose(stream) };
    }
    // SAFETY: as above.
    unsafe { close_stream(stream) }
}

#[inline(never)]
unsafe fn close_stream(stream: *mut FILE) -> c_int {
    // SAFETY: the program gives an open stream.
    let Some((fd, closing)) = (unsafe { Closing::begin(stream) }) else {
        // SAFETY: as above.
        return unsafe { real::fclose(stream) };
    };
    descriptors::forget(fd);
    // SAFETY: as above.
    let closed = unsafe { real::fclose(stream) };
    match closing.end(closed) {
        Ok(()) => closed,
        Err(failed) => errno::fail(failed),
    }
}
