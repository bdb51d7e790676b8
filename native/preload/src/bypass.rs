//! Lets the calls that Node itself makes go past this library, which `@dyad-ts/dyad/register`
//! manages, and manages those of everything that Node loads: addons that open files themselves.

use crate::elf::Loaded;
use crate::real;
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, Ordering};
use libc::dl_phdr_info;

static IS_DONE: AtomicBool = AtomicBool::new(false);

/// Points the calls of the program's own file, and those of the file that has libuv, at the C
/// library. Returns 1, or 0 where that is not possible. `@dyad-ts/dyad/register` finds this by
/// dlsym.
#[unsafe(no_mangle)]
pub extern "C" fn dyad_preload_let_node_pass() -> c_int {
    if IS_DONE.load(Ordering::Acquire) {
        return 1;
    }
    let mut passing = Passing {
        // SAFETY: the name is a C string.
        libuv: unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"uv_fs_open".as_ptr()) } as usize,
        is_first: true,
        is_done: true,
    };
    // SAFETY: the callback takes what it is given here.
    unsafe { libc::dl_iterate_phdr(Some(let_pass), (&raw mut passing).cast()) };
    IS_DONE.store(passing.is_done, Ordering::Release);
    c_int::from(passing.is_done)
}

struct Passing {
    /// Where a function of libuv is; 0 where nobody has it.
    libuv: usize,
    is_first: bool,
    is_done: bool,
}

unsafe extern "C" fn let_pass(info: *mut dl_phdr_info, _: usize, data: *mut c_void) -> c_int {
    // SAFETY: dl_iterate_phdr gives both.
    let (info, passing) = unsafe { (&*info, &mut *data.cast::<Passing>()) };
    // The loader names the program first.
    let is_program = core::mem::replace(&mut passing.is_first, false);
    // SAFETY: libuv and the program stay loaded.
    match unsafe { Loaded::of(info) } {
        Some(loaded) if is_program || loaded.holds(passing.libuv) => {
            passing.is_done &= loaded.redirect(|name| {
                let function = real::behind(name)?;
                (!function.is_null()).then_some(function as usize)
            });
        }
        None if is_program => passing.is_done = false,
        _ => {}
    }
    0
}
