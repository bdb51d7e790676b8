//! posix_spawn and popen: their children hold copies of all descriptors until their exec, made by
//! the C library itself.

use crate::children::Children;
use crate::open::writes;
use crate::program::Target;
use crate::real::Strings;
use crate::start::{is_active, settings};
use crate::stat::before_run;
use crate::{change, consume, descriptors, errno, real, variables};
use core::ffi::{CStr, c_char, c_int};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use dyad_client::sys::{self, Errno};
use dyad_client::{Place, Writers, locate};
use libc::{FILE, mode_t, pid_t, posix_spawn_file_actions_t, posix_spawnattr_t};

/// How long a close waits for the exec of a child at most.
const PATIENCE: u64 = 2_000_000_000;
/// How long after its exec a child may hold what that closes.
const SETTLED: u64 = 20_000_000;

static STARTING: Children = Children::new();
/// When the last call ended that started a child.
static LAST_END: AtomicU64 = AtomicU64::new(0);

/// Runs a call that starts a child, and returns after its exec. The call itself returns a little
/// before exec closes what it closes. So the child gets the end of a pipe as well, at a number
/// above those of most files: its end tells.
fn starting<T>(call: impl FnOnce() -> T) -> T {
    if !is_active() || !settings().producer.is_set() {
        return call();
    }
    let child = STARTING.begin();
    let pipe = sys::high_pipe();
    let result = call();
    if let Ok([reader, writer]) = pipe {
        let _ = sys::close(writer);
        sys::wait_for_end(reader, PATIENCE);
        let _ = sys::close(reader);
    }
    LAST_END.store(sys::now(), Ordering::SeqCst);
    child.end();
    result
}

/// Tells again whether a writer is left, once the exec of each child has closed what it closes that
/// is being started at this moment. The child of another thread holds a copy of each descriptor: a
/// close that comes in between is not the last, and would leave the publishing to nobody. Children
/// that are started later do not hold it, and are not waited for: they count in the next epoch.
pub fn look_after_exec(look: impl Fn() -> Writers) -> Writers {
    STARTING.wait(PATIENCE);
    // The system closes what exec closes on the way back to the child's first instruction, in an
    // order of its own, and has no event for the last.
    let until = LAST_END.load(Ordering::SeqCst) + SETTLED;
    let mut rest = 20_000;
    loop {
        let told = look();
        if told != Writers::Left || sys::now() >= until {
            return told;
        }
        sys::sleep(rest);
        rest *= 2;
    }
}

/// Whether the actions of a child have ever opened a file of the producer-managed directory.
static OPENS: AtomicBool = AtomicBool::new(false);

/// Calls with the environment of a child, and with what it needs to publish what it may inherit.
///
/// # Safety
/// `environment` is as the program gave it.
unsafe fn with_variables(environment: Strings, call: impl Fn(Strings) -> c_int) -> c_int {
    if is_active() && (!descriptors::none_written() || OPENS.load(Ordering::Relaxed)) {
        // SAFETY: the caller says so.
        return unsafe { variables::with(environment, &call) };
    }
    call(environment)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_spawn(
    pid: *mut pid_t,
    path: *const c_char,
    actions: *const posix_spawn_file_actions_t,
    attributes: *const posix_spawnattr_t,
    arguments: Strings,
    environment: Strings,
) -> c_int {
    // SAFETY: the program gives a C string.
    if let Err(failed) = unsafe { before_run(libc::AT_FDCWD, path) } {
        return failed;
    }
    // SAFETY: the program's own call.
    starting(|| unsafe {
        with_variables(environment, |its| {
            real::posix_spawn(pid, path, actions, attributes, arguments, its)
        })
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_spawnp(
    pid: *mut pid_t,
    file: *const c_char,
    actions: *const posix_spawn_file_actions_t,
    attributes: *const posix_spawnattr_t,
    arguments: Strings,
    environment: Strings,
) -> c_int {
    // SAFETY: the program gives a C string.
    if let Target::At(dirfd, path) = unsafe { Target::named(file) }
        // SAFETY: as above.
        && let Err(failed) = unsafe { before_run(dirfd, path) }
    {
        return failed;
    }
    // SAFETY: the program's own call.
    starting(|| unsafe {
        with_variables(environment, |its| {
            real::posix_spawnp(pid, file, actions, attributes, arguments, its)
        })
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn popen(command: *const c_char, mode: *const c_char) -> *mut FILE {
    // SAFETY: the program's own call.
    starting(|| unsafe { real::popen(command, mode) })
}

/// The C library opens the file in the child, by a call of its own: what comes before an open is
/// done here. What the child writes, its program finds open when it starts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_spawn_file_actions_addopen(
    actions: *mut posix_spawn_file_actions_t,
    fd: c_int,
    path: *const c_char,
    flags: c_int,
    mode: mode_t,
) -> c_int {
    if is_active() && !path.is_null() {
        let before = errno::get();
        // SAFETY: the program gives a C string.
        if let Err(failed) = unsafe { before_open(path, flags) } {
            return failed;
        }
        errno::set(before);
    }
    // SAFETY: the program's own call.
    unsafe { real::posix_spawn_file_actions_addopen(actions, fd, path, flags, mode) }
}

unsafe fn before_open(path: *const c_char, flags: c_int) -> Result<(), Errno> {
    let mut place = Place::new();
    // SAFETY: the caller gives a C string.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    if !locate(settings(), libc::AT_FDCWD, bytes, &mut place) || place.names_directory {
        return Ok(());
    }
    if consume::reads(flags) {
        // SAFETY: as above.
        unsafe { consume::before_read(libc::AT_FDCWD, path, flags, &place) }?;
    }
    if writes(flags) && place.producer_name().is_some() {
        OPENS.store(true, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { change::Changed::begin(libc::AT_FDCWD, path) }?;
    }
    Ok(())
}
