//! exec closes what is marked so; what was written by such a descriptor is published before.

use crate::adopt::writes_managed;
use crate::listing::has_open;
use crate::program::{Target, if_unreachable};
use crate::publish::close_and_publish;
use crate::real::Strings;
use crate::start::{CLIENT, is_active, settings};
use crate::stat::before_run;
use crate::{descriptors, errno, real, say, variables};
use core::ffi::{c_char, c_int};
use dyad_client::{PathText, path_of, sys};

/// How many descriptors are opened again where exec fails.
const KEPT: usize = 8;

/// Has a program brought that is consumer-managed; closes the descriptors that exec would close,
/// and publishes what they wrote; calls exec; and opens them again where it fails. A program that
/// cannot be started closes nothing. One that inherits what was written gets the variables to take
/// part.
///
/// # Safety
/// `target` is as the program gave it, and so is `environment`.
#[inline]
pub unsafe fn around(
    target: Target,
    environment: Strings,
    call: impl Fn(Strings) -> c_int,
) -> c_int {
    if !is_active() {
        return call(environment);
    }
    // SAFETY: the caller says so.
    unsafe { around_managed(target, environment, &call) }
}

#[inline(never)]
unsafe fn around_managed(
    target: Target,
    environment: Strings,
    call: &dyn Fn(Strings) -> c_int,
) -> c_int {
    if let Target::At(dirfd, path) = target {
        // SAFETY: the caller says so.
        if let Err(failed) = unsafe { before_run(dirfd, path) } {
            return errno::fail(failed);
        }
    }
    // What a child of vfork has opened is not noted.
    let may_write =
        !descriptors::none_written() || (settings().producer.is_set() && !CLIENT.owns_memory());
    let mut found = PathText::new();
    // SAFETY: as above.
    let program = if may_write { unsafe { target.find(&mut found) } } else { None };
    match program {
        None => call(environment),
        // SAFETY: as above.
        Some(program) => unsafe { around_written(program, environment, call) },
    }
}

unsafe fn around_written(
    program: (c_int, *const c_char),
    environment: Strings,
    call: &dyn Fn(Strings) -> c_int,
) -> c_int {
    let mut kept = [const { None }; KEPT];
    let closed = close_on_exec(&mut kept);
    let result = match closed {
        // SAFETY: the caller says so.
        Ok(()) => unsafe { with_what_stays(program, environment, call) },
        Err(failed) => errno::fail(failed),
    };
    let failed = errno::get();
    for again in kept.iter().flatten() {
        again.open();
    }
    errno::set(failed);
    result
}

/// Calls exec so that the program publishes what it inherits; says what it will not.
unsafe fn with_what_stays(
    program: (c_int, *const c_char),
    environment: Strings,
    call: &dyn Fn(Strings) -> c_int,
) -> c_int {
    let mut stays = None;
    each_that_stays(|fd| stays = stays.or(Some(fd)));
    let Some(fd) = stays else { return call(environment) };
    // SAFETY: the caller gives C strings.
    let is_unreachable = unsafe { if_unreachable(program, |name, why| say(fd, name, why)) };
    if is_unreachable {
        return call(environment);
    }
    // SAFETY: as above.
    unsafe { variables::with(environment, call) }
}

/// Calls `use_fd` with each descriptor that writes and that exec leaves open.
fn each_that_stays(mut use_fd: impl FnMut(c_int)) {
    let stays = |fd| sys::fcntl(fd, libc::F_GETFD, 0).is_ok_and(|it| it & libc::FD_CLOEXEC == 0);
    let is_own = CLIENT.owns_memory();
    if !is_own {
        // The notes are its parent's, which it may have copied to these.
        (0..=2).filter(|&fd| stays(fd) && writes_managed(fd)).for_each(&mut use_fd);
    }
    let mut first = if is_own { 0 } else { 3 };
    while let Some(fd) = descriptors::next_written(first) {
        if stays(fd) && (is_own || writes_managed(fd)) {
            use_fd(fd);
        }
        first = fd + 1;
    }
}

/// Says that nobody publishes a file, unless the parent has it open as well and closes it later.
fn say(fd: c_int, program: &[u8], why: &[u8]) {
    let mut path = PathText::new();
    let Ok(look) = sys::look_at(fd) else { return };
    // Where the program's own stderr is that file, the line would become a part of it.
    let is_stderr = sys::look_at(2).is_ok_and(|it| it.file == look.file);
    if is_stderr
        || look.links == 0
        || has_open(sys::getppid(), look.file)
        || path_of(fd, &mut path).is_err()
    {
        return;
    }
    let middle = b" is not published: ";
    let end = b", which has it open, loads no library (";
    say::line(&[path.as_bytes(), middle, program, end, why, b")"]);
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
    ($($name:ident($($arg:ident: $type:ty),*) of $target:expr, $environment:expr,
        by $real:ident($($given:expr),*);)*) => {
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($arg: $type),*) -> c_int {
                // SAFETY: the program's own call.
                unsafe {
                    around($target, $environment, |its| real::$real($($given),*, its))
                }
            }
        )*
    };
}

unsafe extern "C" {
    static environ: Strings;
}

const HERE: c_int = libc::AT_FDCWD;

execs! {
    execve(path: *const c_char, arguments: Strings, environment: Strings)
        of Target::At(HERE, path), environment, by execve(path, arguments);
    execv(path: *const c_char, arguments: Strings)
        of Target::At(HERE, path), environ, by execve(path, arguments);
    execvp(file: *const c_char, arguments: Strings)
        of Target::named(file), environ, by execvpe(file, arguments);
    execvpe(file: *const c_char, arguments: Strings, environment: Strings)
        of Target::named(file), environment, by execvpe(file, arguments);
    fexecve(fd: c_int, arguments: Strings, environment: Strings)
        of Target::At(fd, c"".as_ptr()), environment, by fexecve(fd, arguments);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn execveat(
    dirfd: c_int,
    path: *const c_char,
    arguments: Strings,
    environment: Strings,
    flags: c_int,
) -> c_int {
    // SAFETY: the program's own call.
    unsafe {
        around(Target::At(dirfd, path), environment, |its| {
            real::execveat(dirfd, path, arguments, its, flags)
        })
    }
}
