//! The preload library in the same process.

use core::ffi::c_int;
use napi_derive::napi;

/// Has the preload library leave all calls of this process alone; returns whether it is loaded.
#[napi]
pub fn stand_aside() -> bool {
    // SAFETY: the name is a C string.
    let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"dyad_preload_stand_aside".as_ptr()) };
    if symbol.is_null() {
        return false;
    }
    // SAFETY: the preload library exports the function with this signature.
    let stand_aside: extern "C" fn(c_int) = unsafe { core::mem::transmute(symbol) };
    stand_aside(1);
    true
}

/// Has the preload library leave the calls of Node itself to node:fs, so that nothing is done
/// twice, and manage those of other addons; returns whether it is loaded.
#[napi]
pub fn let_node_pass() -> bool {
    // SAFETY: the name is a C string.
    let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"dyad_preload_let_node_pass".as_ptr()) };
    if symbol.is_null() {
        return stand_aside();
    }
    // SAFETY: the preload library exports the function with this signature.
    let let_node_pass: extern "C" fn() -> c_int = unsafe { core::mem::transmute(symbol) };
    let_node_pass() == 1 || stand_aside()
}
