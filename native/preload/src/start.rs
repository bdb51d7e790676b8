//! Begins with the program, before its main function and most constructors of its libraries.

use crate::{adopt, exit, real, say, variables};
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int};
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use dyad_client::{Client, Settings, Unusable};

struct Cell(UnsafeCell<Settings>);

// SAFETY: the settings are written by the constructor alone, before `STARTED` says that they may
// be read.
unsafe impl Sync for Cell {}

static SETTINGS: Cell = Cell(UnsafeCell::new(Settings::new()));
pub static CLIENT: Client = Client::new();
/// The library has managed directories, and does its part.
static ACTIVE: AtomicBool = AtomicBool::new(false);
/// The library has managed directories, also while it stands aside.
static STARTED: AtomicBool = AtomicBool::new(false);
/// Why no request can be made: what is wrong with the environment.
static FAULT: AtomicPtr<&'static str> = AtomicPtr::new(core::ptr::null_mut());

/// The settings; those of an environment without any until the library is active.
pub fn settings() -> &'static Settings {
    // SAFETY: nobody writes them any more, or yet.
    unsafe { &*SETTINGS.0.get() }
}

#[inline]
pub fn is_active() -> bool {
    ACTIVE.load(Ordering::Acquire)
}

pub fn has_started() -> bool {
    STARTED.load(Ordering::Acquire)
}

pub fn set_active(active: bool) {
    ACTIVE.store(active && has_started(), Ordering::Release);
}

/// What is wrong with the environment.
pub fn fault() -> Option<&'static str> {
    // SAFETY: the pointer is null, or that of a static.
    unsafe { FAULT.load(Ordering::Acquire).as_ref() }.copied()
}

#[used]
#[unsafe(link_section = ".init_array")]
static START: unsafe extern "C" fn(c_int, *const *const c_char, *const *const c_char) = start;

unsafe extern "C" fn start(
    _count: c_int,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) {
    real::find_all();
    // SAFETY: the system's loader calls this once, in the only thread, with the environment, which
    // stays as it is until main begins.
    let (settings, entries) = unsafe { (&mut *SETTINGS.0.get(), Entries { next: environment }) };
    let mut words = Entries { next: arguments };
    settings.set_program(words.next().unwrap_or_default());
    match settings.read(entries) {
        Ok(false) => return,
        Ok(true) => {}
        Err(Unusable(why)) => refuse(why),
    }
    if CLIENT.begin().is_err() {
        refuse(&"the system is too old: it cannot mark memory for forked children");
    }
    STARTED.store(true, Ordering::Release);
    exit::register();
    variables::begin();
    adopt::adopt();
    set_active(true);
}

fn refuse(why: &'static &'static str) {
    FAULT.store(core::ptr::from_ref(why).cast_mut(), Ordering::Release);
    say::debug(&[why.as_bytes()]);
}

/// The entries of an environment, or the words of a command.
#[derive(Clone)]
struct Entries {
    next: *const *const c_char,
}

impl Iterator for Entries {
    type Item = &'static [u8];

    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY: both are arrays of C strings that end with a null.
        unsafe {
            if self.next.is_null() || (*self.next).is_null() {
                return None;
            }
            let entry = CStr::from_ptr(*self.next).to_bytes();
            self.next = self.next.add(1);
            Some(entry)
        }
    }
}
