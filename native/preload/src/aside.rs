//! Lets another part of the same process do this library's work.

use crate::start::set_active;
use core::ffi::c_int;

/// Makes all functions pass their calls on, or do their part again. A program whose calls are
/// not to be managed (the command `dyad` in Node) finds this by dlsym. What the process inherited
/// open is published at its end all the same.
#[unsafe(no_mangle)]
pub extern "C" fn dyad_preload_stand_aside(on: c_int) {
    set_active(on == 0);
}
