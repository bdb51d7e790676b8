//! What a library without unwinding does in a state that cannot be.

use dyad_client::sys;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    sys::write_line(2, b"dyad: the preload library has a fault and ends the program\n");
    // SAFETY: abort has no conditions.
    unsafe { libc::abort() }
}
