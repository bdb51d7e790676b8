//! The variables by which a program takes part, for children whose environment lacks them.

use crate::real::Strings;
use crate::start::{is_active, settings};
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr::null;
use dyad_client::{PathText, Text};

/// An environment of more entries stays as it is.
const MOST: usize = 1_024;
const PRELOAD: &[u8] = b"LD_PRELOAD=";

struct Own(UnsafeCell<Text<4096>>);

// SAFETY: the constructor alone writes it, before the library is active.
unsafe impl Sync for Own {}

/// The entry that loads this library; empty where its path is not known.
static OWN: Own = Own(UnsafeCell::new(Text::new()));

/// Notes where this library is. Called once, at the start.
pub fn begin() {
    let mut found = MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: the system's loader writes all of it where it succeeds, and nobody reads the entry
    // yet.
    unsafe {
        let here: fn() = begin;
        if libc::dladdr(here as *const c_void, found.as_mut_ptr()) == 0 {
            return;
        }
        let path = CStr::from_ptr(found.assume_init().dli_fname).to_bytes();
        let own = &mut *OWN.0.get();
        let written = own.set(PRELOAD).and_then(|()| own.push(path));
        if written.is_err() || !path.starts_with(b"/") {
            own.clear();
        }
    }
}

fn name_of(entry: &[u8]) -> &[u8] {
    let end = entry.iter().position(|&byte| byte == b'=').map_or(entry.len(), |at| at + 1);
    entry.get(..end).unwrap_or_default()
}

/// The entry of an environment that begins so.
///
/// # Safety
/// `environment` is an array of C strings that ends with a null, or a null.
unsafe fn entry(environment: Strings, beginning: &[u8]) -> Option<&'static [u8]> {
    // SAFETY: the caller says so.
    unsafe { entries(environment) }
        .map(|entry| {
            // SAFETY: as above.
            unsafe { CStr::from_ptr(entry) }.to_bytes()
        })
        .find(|entry| entry.starts_with(beginning))
}

/// # Safety
/// As above.
unsafe fn entries(environment: Strings) -> impl Iterator<Item = *const c_char> {
    let mut next = environment;
    core::iter::from_fn(move || {
        // SAFETY: as above.
        unsafe {
            if next.is_null() || (*next).is_null() {
                return None;
            }
            let entry = *next;
            next = next.add(1);
            Some(entry)
        }
    })
}

/// Calls with the environment and what it lacks of the variables.
///
/// # Safety
/// `environment` is an array of C strings that ends with a null, or a null.
pub unsafe fn with(environment: Strings, call: &dyn Fn(Strings) -> c_int) -> c_int {
    // SAFETY: nobody writes it any more.
    let own = unsafe { &*OWN.0.get() };
    if !is_active() || own.is_empty() {
        return call(environment);
    }
    let mut all = [null(); MOST];
    let mut places = all.iter_mut().take(MOST - 1);
    let mut fits = true;
    let mut put = |entry: *const c_char| match places.next() {
        Some(place) => *place = entry,
        None => fits = false,
    };
    let mut lacks = false;
    for variable in settings().variables() {
        // SAFETY: the caller says so.
        if unsafe { entry(environment, name_of(variable)) }.is_none() {
            put(variable.as_ptr().cast());
            lacks = true;
        }
    }
    let mut joined = PathText::new();
    // SAFETY: as above.
    let theirs = unsafe { entry(environment, PRELOAD) };
    let path = own.as_bytes().get(PRELOAD.len()..).unwrap_or_default();
    let is_loaded = theirs.is_some_and(|theirs| {
        let list = theirs.get(PRELOAD.len()..).unwrap_or_default();
        list.split(|&byte| byte == b':' || byte == b' ').any(|library| library == path)
    });
    if !is_loaded {
        lacks = true;
        let rest = theirs.and_then(|theirs| theirs.get(PRELOAD.len()..)).unwrap_or_default();
        let written = joined.set(own.as_bytes()).and_then(|()| {
            if rest.is_empty() {
                Ok(())
            } else {
                joined.push(b":").and_then(|()| joined.push(rest))
            }
        });
        if written.is_err() {
            return call(environment);
        }
        put(joined.as_ptr());
    }
    if !lacks {
        return call(environment);
    }
    // SAFETY: as above.
    for given in unsafe { entries(environment) } {
        // SAFETY: as above.
        let is_replaced =
            !is_loaded && unsafe { CStr::from_ptr(given) }.to_bytes().starts_with(PRELOAD);
        if !is_replaced {
            put(given);
        }
    }
    if fits { call(all.as_ptr()) } else { call(environment) }
}
