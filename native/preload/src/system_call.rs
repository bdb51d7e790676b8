//! syscall: programs open files by it that the C library has no function for.

use crate::program::Target;
use crate::real::{self, Strings};
use core::ffi::{c_char, c_int, c_long, c_uint};

/// The beginning of what openat2 takes.
#[repr(C)]
struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn syscall(
    number: c_long,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> c_long {
    // SAFETY: the program's own call.
    let call = || unsafe { real::syscall(number, a, b, c, d, e, f) } as c_long;
    // SAFETY: the program gives what the call takes.
    let opening = |dirfd: usize, path: usize, flags: c_int| unsafe {
        c_long::from(crate::open::around(dirfd as c_int, path as *const c_char, flags, || {
            call() as c_int
        }))
    };
    #[cfg(target_arch = "x86_64")]
    const HERE: usize = libc::AT_FDCWD as usize;
    match number {
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => opening(HERE, a, b as c_int),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_creat => opening(HERE, a, crate::open::CREAT),
        libc::SYS_openat => opening(a, b, c as c_int),
        libc::SYS_openat2 if c != 0 && d >= size_of::<OpenHow>() => {
            // SAFETY: the program says that there are as many bytes.
            opening(a, b, unsafe { (*(c as *const OpenHow)).flags } as c_int)
        }
        libc::SYS_chdir | libc::SYS_fchdir => {
            let changed = call();
            crate::elsewhere::forget();
            changed
        }
        libc::SYS_fcntl => {
            crate::locks::note(b as c_int);
            call()
        }
        // SAFETY: these calls are the functions of the same names.
        libc::SYS_close => c_long::from(unsafe { crate::close::close(a as c_int) }),
        libc::SYS_close_range => {
            // SAFETY: as above.
            let closed = unsafe { crate::close::close_range(a as c_uint, b as c_uint, c as c_int) };
            c_long::from(closed)
        }
        libc::SYS_renameat2 => {
            let (from, to) = (b as *const c_char, d as *const c_char);
            // SAFETY: as above.
            let renamed =
                unsafe { crate::rename::renameat2(a as c_int, from, c as c_int, to, e as c_uint) };
            c_long::from(renamed)
        }
        libc::SYS_execve => {
            let target = Target::At(libc::AT_FDCWD, a as *const c_char);
            // SAFETY: as above.
            let failed = unsafe {
                crate::exec::around(target, c as Strings, |environment| {
                    real::syscall(number, a, b, environment as usize, d, e, f) as c_int
                })
            };
            c_long::from(failed)
        }
        libc::SYS_execveat => {
            let target = Target::At(a as c_int, b as *const c_char);
            // SAFETY: as above.
            let failed = unsafe {
                crate::exec::around(target, d as Strings, |environment| {
                    real::syscall(number, a, b, c, environment as usize, e, f) as c_int
                })
            };
            c_long::from(failed)
        }
        libc::SYS_recvmsg => {
            // SAFETY: as above.
            let received =
                unsafe { crate::received::recvmsg(a as c_int, b as *mut libc::msghdr, c as c_int) };
            received as c_long
        }
        libc::SYS_pidfd_getfd => c_long::from(crate::received::got(call() as c_int)),
        // SAFETY: as above.
        libc::SYS_exit_group => unsafe { crate::exit::_exit(a as c_int) },
        _ => call(),
    }
}
