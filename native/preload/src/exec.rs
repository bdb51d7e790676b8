//! exec closes what is marked so; what was written by such a descriptor is published before.

use crate::publish::close_and_publish;
use crate::real::Strings;
use crate::start::is_active;
use crate::{descriptors, errno, real};
use core::ffi::{CStr, c_char, c_int};
use dyad_client::{PathText, sys};

/// How many descriptors are opened again where exec fails.
const KEPT: usize = 8;

/// Closes the descriptors that exec would close, and publishes what they wrote; calls exec; and
/// opens them again where it fails. A program that cannot be started closes nothing: `may_start`
/// tells.
#[inline]
fn around(may_start: impl Fn() -> bool, call: impl Fn() -> c_int) -> c_int {
    if !is_active() || descriptors::none_written() || !may_start() {
        return call();
    }
    around_written(&call)
}

/// Whether there is a program at a path.
unsafe fn is_there(dirfd: c_int, path: *const c_char) -> bool {
    // SAFETY: the program gives a C string, or one that the system answers with EFAULT.
    unsafe { sys::may_execute(dirfd, path) }
}

/// Whether there is a program of that name, searched for as execvp does.
unsafe fn is_found(file: *const c_char) -> bool {
    if file.is_null() {
        return false;
    }
    // SAFETY: the program gives a C string.
    let name = unsafe { CStr::from_ptr(file) }.to_bytes();
    if name.contains(&b'/') {
        // SAFETY: as above.
        return unsafe { is_there(libc::AT_FDCWD, file) };
    }
    // SAFETY: the name is a literal, and what is found stays while nobody changes the environment.
    let places = unsafe {
        let value = libc::getenv(c"PATH".as_ptr());
        if value.is_null() { &b"/bin:/usr/bin"[..] } else { CStr::from_ptr(value).to_bytes() }
    };
    let mut path = PathText::new();
    places.split(|&byte| byte == b':').any(|place| {
        let place = if place.is_empty() { b"." } else { place };
        let joined = path.set(place).and_then(|()| path.push(b"/")).and_then(|()| path.push(name));
        // SAFETY: a text has a NUL behind it.
        joined.is_ok() && unsafe { is_there(libc::AT_FDCWD, path.as_ptr()) }
    })
}

#[inline(never)]
fn around_written(call: &dyn Fn() -> c_int) -> c_int {
    let mut kept = [const { None }; KEPT];
    let closed = close_on_exec(&mut kept);
    let result = match closed {
        Ok(()) => call(),
        Err(failed) => errno::fail(failed),
    };
    let failed = errno::get();
    for again in kept.iter().flatten() {
        again.open();
    }
    errno::set(failed);
    result
}

fn close_on_exec(kept: &mut [Option<Again>; KEPT]) -> Result<(), c_int> {
    let mut places = kept.iter_mut();
    let mut first = 0;
    while let Some(fd) = descriptors::next_written(first) {
        if sys::fcntl(fd, libc::F_GETFD, 0).is_ok_and(|flags| flags & libc::FD_CLOEXEC != 0) {
            if let Some(place) = places.next() {
                *place = Again::of(fd);
            }
            close_and_publish(fd)?;
        }
        first = fd + 1;
    }
    Ok(())
}

/// What it takes to open a file again as it was.
struct Again {
    fd: c_int,
    reader: c_int,
    flags: c_int,
    offset: i64,
}

impl Again {
    fn of(fd: c_int) -> Option<Self> {
        let flags = sys::fcntl(fd, libc::F_GETFL, 0).ok()?;
        let offset = sys::seek(fd, 0, libc::SEEK_CUR).ok()?;
        // It holds the file, whatever becomes of its name, and does not count as a writer.
        let reader = sys::open_again(fd, libc::O_PATH).ok()?;
        Some(Self { fd, reader, flags, offset })
    }

    fn open(&self) {
        const STATUS: c_int = libc::O_ACCMODE | libc::O_APPEND | libc::O_NONBLOCK;
        if let Ok(opened) = sys::open_again(self.reader, self.flags & STATUS) {
            let _ = sys::seek(opened, self.offset, libc::SEEK_SET);
            let _ = sys::duplicate(opened, self.fd);
            if opened != self.fd {
                let _ = sys::close(opened);
            }
            let _ = crate::outside::written(self.fd);
        }
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        let _ = sys::close(self.reader);
    }
}

macro_rules! execs {
    ($($name:ident($($arg:ident: $type:ty),*) if $may_start:expr;)*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($arg: $type),*) -> c_int {
                // SAFETY: the program's own call.
                around(|| unsafe { $may_start }, || unsafe { real::$name($($arg),*) })
            }
        )*
    };
}

const HERE: c_int = libc::AT_FDCWD;

execs! {
    execve(path: *const c_char, arguments: Strings, environment: Strings) if is_there(HERE, path);
    execv(path: *const c_char, arguments: Strings) if is_there(HERE, path);
    execvp(file: *const c_char, arguments: Strings) if is_found(file);
    execvpe(file: *const c_char, arguments: Strings, environment: Strings) if is_found(file);
    fexecve(fd: c_int, arguments: Strings, environment: Strings) if is_there(fd, c"".as_ptr());
    execveat(dirfd: c_int, path: *const c_char, arguments: Strings, environment: Strings,
        flags: c_int) if is_there(dirfd, path);
}
