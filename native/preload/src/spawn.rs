//! posix_spawn and popen: their children hold copies of all descriptors until their exec, made by
//! the C library itself.

use crate::open::writes;
use crate::real::Strings;
use crate::start::{is_active, settings};
use crate::{change, consume, errno, real};
use core::ffi::{CStr, c_char, c_int};
use core::sync::atomic::{AtomicU32, Ordering};
use dyad_client::sys::{self, Errno};
use dyad_client::{Place, locate};
use libc::{FILE, mode_t, pid_t, posix_spawn_file_actions_t, posix_spawnattr_t};

/// How long a close waits for the exec of a child at most.
const PATIENCE: u64 = 2_000_000_000;

/// How many children other threads are starting at this moment.
static STARTING: AtomicU32 = AtomicU32::new(0);

/// Runs a call that starts a child and returns after its exec.
fn starting<T>(call: impl FnOnce() -> T) -> T {
    if !is_active() {
        return call();
    }
    STARTING.fetch_add(1, Ordering::AcqRel);
    let result = call();
    STARTING.fetch_sub(1, Ordering::AcqRel);
    sys::wake_all(&STARTING);
    result
}

/// Waits until no other thread is starting a child. The child of one holds a copy of each
/// descriptor, also of those that its exec closes: a close that comes in between is not the last,
/// and would leave the publishing to nobody. Returns whether there was something to wait for.
pub fn wait_for_exec() -> bool {
    let until = sys::now() + PATIENCE;
    let mut has_waited = false;
    loop {
        let starting = STARTING.load(Ordering::Acquire);
        let now = sys::now();
        if starting == 0 || now >= until {
            return has_waited;
        }
        has_waited = true;
        sys::wait_while(&STARTING, starting, until - now);
    }
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
    // SAFETY: the program's own call.
    starting(|| unsafe {
        real::posix_spawn(pid, path, actions, attributes, arguments, environment)
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
    // SAFETY: the program's own call.
    starting(|| unsafe {
        real::posix_spawnp(pid, file, actions, attributes, arguments, environment)
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
        // SAFETY: as above.
        unsafe { change::Changed::begin(libc::AT_FDCWD, path) }?;
    }
    Ok(())
}
