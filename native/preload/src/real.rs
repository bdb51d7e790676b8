//! The functions behind ours: those that the program would call without this library.

use crate::errno;
use core::ffi::{c_char, c_int, c_long, c_uint, c_void};
use core::sync::atomic::{AtomicPtr, Ordering};
use libc::{
    FILE, dev_t, iovec, mmsghdr, mode_t, msghdr, off_t, pid_t, posix_spawn_file_actions_t,
    posix_spawnattr_t, size_t, ssize_t, timespec, timeval, utimbuf,
};

pub type Strings = *const *const c_char;

/// What a function returns that the C library does not have.
pub trait Missing {
    fn missing() -> Self;
}

impl Missing for c_int {
    fn missing() -> Self {
        errno::fail(libc::ENOSYS)
    }
}

impl Missing for ssize_t {
    fn missing() -> Self {
        errno::fail(libc::ENOSYS) as ssize_t
    }
}

impl Missing for () {
    fn missing() -> Self {}
}

impl<T> Missing for *mut T {
    fn missing() -> Self {
        errno::set(libc::ENOSYS);
        core::ptr::null_mut()
    }
}

fn find(pointer: &AtomicPtr<c_void>, name: &str) -> *mut c_void {
    // SAFETY: the names of the table end with a NUL.
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr().cast()) };
    pointer.store(found, Ordering::Release);
    found
}

macro_rules! real_functions {
    ($( fn $name:ident($($arg:ident: $type:ty),*) -> $result:ty; )*) => {
        mod pointers {
            $(
                #[allow(non_upper_case_globals)]
                pub static $name: super::AtomicPtr<super::c_void> =
                    super::AtomicPtr::new(core::ptr::null_mut());
            )*
        }

        /// Looks all functions up, so that none is looked up in a signal handler or after a fork.
        pub fn find_all() {
            $( find(&pointers::$name, concat!(stringify!($name), "\0")); )*
        }

        /// The function of the C library by this name, if it is one of the table.
        pub fn behind(name: &[u8]) -> Option<*mut c_void> {
            $(
                if name == stringify!($name).as_bytes() {
                    return Some(pointers::$name.load(Ordering::Acquire));
                }
            )*
            None
        }

        $(
            #[inline]
            pub unsafe fn $name($($arg: $type),*) -> $result {
                let mut pointer = pointers::$name.load(Ordering::Acquire);
                if pointer.is_null() {
                    pointer = find(&pointers::$name, concat!(stringify!($name), "\0"));
                    if pointer.is_null() {
                        return <$result as Missing>::missing();
                    }
                }
                // SAFETY: the C library has the function with this signature; one with a variable
                // number of arguments takes these in the same registers.
                unsafe {
                    core::mem::transmute::<
                        *mut c_void,
                        unsafe extern "C" fn($($type),*) -> $result,
                    >(pointer)($($arg),*)
                }
            }
        )*
    };
}

real_functions! {
    fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int;
    fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int;
    fn openat(dirfd: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int;
    fn openat64(dirfd: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int;
    fn creat(path: *const c_char, mode: mode_t) -> c_int;
    fn creat64(path: *const c_char, mode: mode_t) -> c_int;
    fn __open_2(path: *const c_char, flags: c_int) -> c_int;
    fn __open64_2(path: *const c_char, flags: c_int) -> c_int;
    fn __openat_2(dirfd: c_int, path: *const c_char, flags: c_int) -> c_int;
    fn __openat64_2(dirfd: c_int, path: *const c_char, flags: c_int) -> c_int;
    fn fopen(path: *const c_char, mode: *const c_char) -> *mut FILE;
    fn fopen64(path: *const c_char, mode: *const c_char) -> *mut FILE;
    fn freopen(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE;
    fn freopen64(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE;
    fn fclose(stream: *mut FILE) -> c_int;
    fn mkstemp(template: *mut c_char) -> c_int;
    fn mkstemp64(template: *mut c_char) -> c_int;
    fn mkostemp(template: *mut c_char, flags: c_int) -> c_int;
    fn mkostemp64(template: *mut c_char, flags: c_int) -> c_int;
    fn mkstemps(template: *mut c_char, ending: c_int) -> c_int;
    fn mkstemps64(template: *mut c_char, ending: c_int) -> c_int;
    fn mkostemps(template: *mut c_char, ending: c_int, flags: c_int) -> c_int;
    fn mkostemps64(template: *mut c_char, ending: c_int, flags: c_int) -> c_int;
    fn close(fd: c_int) -> c_int;
    fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int;
    fn closefrom(first: c_int) -> ();
    fn dup(fd: c_int) -> c_int;
    fn dup2(fd: c_int, wanted: c_int) -> c_int;
    fn dup3(fd: c_int, wanted: c_int, flags: c_int) -> c_int;
    fn fcntl(fd: c_int, command: c_int, argument: usize) -> c_int;
    fn fcntl64(fd: c_int, command: c_int, argument: usize) -> c_int;
    fn lockf(fd: c_int, command: c_int, length: off_t) -> c_int;
    fn lockf64(fd: c_int, command: c_int, length: off_t) -> c_int;
    fn rename(from: *const c_char, to: *const c_char) -> c_int;
    fn renameat(fromfd: c_int, from: *const c_char, tofd: c_int, to: *const c_char) -> c_int;
    fn renameat2(fromfd: c_int, from: *const c_char, tofd: c_int, to: *const c_char, flags: c_uint) -> c_int;
    fn link(from: *const c_char, to: *const c_char) -> c_int;
    fn linkat(fromfd: c_int, from: *const c_char, tofd: c_int, to: *const c_char, flags: c_int) -> c_int;
    fn symlink(target: *const c_char, path: *const c_char) -> c_int;
    fn symlinkat(target: *const c_char, dirfd: c_int, path: *const c_char) -> c_int;
    fn chdir(path: *const c_char) -> c_int;
    fn fchdir(fd: c_int) -> c_int;
    fn daemon(stays: c_int, keeps_output: c_int) -> c_int;
    fn nftw(path: *const c_char, each: *const c_void, depth: c_int, flags: c_int) -> c_int;
    fn nftw64(path: *const c_char, each: *const c_void, depth: c_int, flags: c_int) -> c_int;
    fn fts_open(paths: Strings, flags: c_int, order: *const c_void) -> *mut c_void;
    fn fts64_open(paths: Strings, flags: c_int, order: *const c_void) -> *mut c_void;
    fn unlink(path: *const c_char) -> c_int;
    fn unlinkat(dirfd: c_int, path: *const c_char, flags: c_int) -> c_int;
    fn remove(path: *const c_char) -> c_int;
    fn truncate(path: *const c_char, length: off_t) -> c_int;
    fn truncate64(path: *const c_char, length: off_t) -> c_int;
    fn ftruncate(fd: c_int, length: off_t) -> c_int;
    fn ftruncate64(fd: c_int, length: off_t) -> c_int;
    fn chmod(path: *const c_char, mode: mode_t) -> c_int;
    fn fchmod(fd: c_int, mode: mode_t) -> c_int;
    fn fchmodat(dirfd: c_int, path: *const c_char, mode: mode_t, flags: c_int) -> c_int;
    fn utime(path: *const c_char, times: *const utimbuf) -> c_int;
    fn utimes(path: *const c_char, times: *const timeval) -> c_int;
    fn lutimes(path: *const c_char, times: *const timeval) -> c_int;
    fn futimes(fd: c_int, times: *const timeval) -> c_int;
    fn futimesat(dirfd: c_int, path: *const c_char, times: *const timeval) -> c_int;
    fn utimensat(dirfd: c_int, path: *const c_char, times: *const timespec, flags: c_int) -> c_int;
    fn futimens(fd: c_int, times: *const timespec) -> c_int;
    fn fsync(fd: c_int) -> c_int;
    fn fdatasync(fd: c_int) -> c_int;
    fn write(fd: c_int, from: *const c_void, count: size_t) -> ssize_t;
    fn pwrite(fd: c_int, from: *const c_void, count: size_t, offset: off_t) -> ssize_t;
    fn pwrite64(fd: c_int, from: *const c_void, count: size_t, offset: off_t) -> ssize_t;
    fn writev(fd: c_int, from: *const iovec, count: c_int) -> ssize_t;
    fn pwritev(fd: c_int, from: *const iovec, count: c_int, offset: off_t) -> ssize_t;
    fn pwritev64(fd: c_int, from: *const iovec, count: c_int, offset: off_t) -> ssize_t;
    fn pwritev2(fd: c_int, from: *const iovec, count: c_int, offset: off_t, flags: c_int) -> ssize_t;
    fn pwritev64v2(fd: c_int, from: *const iovec, count: c_int, offset: off_t, flags: c_int) -> ssize_t;
    fn sendfile(to: c_int, from: c_int, offset: *mut off_t, count: size_t) -> ssize_t;
    fn sendfile64(to: c_int, from: c_int, offset: *mut off_t, count: size_t) -> ssize_t;
    fn copy_file_range(from: c_int, from_offset: *mut off_t, to: c_int, to_offset: *mut off_t, count: size_t, flags: c_uint) -> ssize_t;
    fn splice(from: c_int, from_offset: *mut off_t, to: c_int, to_offset: *mut off_t, count: size_t, flags: c_uint) -> ssize_t;
    fn mmap(address: *mut c_void, length: size_t, access: c_int, flags: c_int, fd: c_int, offset: off_t) -> *mut c_void;
    fn munmap(address: *mut c_void, length: size_t) -> c_int;
    fn mremap(address: *mut c_void, length: size_t, new_length: size_t, flags: c_int, new_address: *mut c_void) -> *mut c_void;
    fn stat(path: *const c_char, into: *mut libc::stat) -> c_int;
    fn stat64(path: *const c_char, into: *mut libc::stat) -> c_int;
    fn lstat(path: *const c_char, into: *mut libc::stat) -> c_int;
    fn lstat64(path: *const c_char, into: *mut libc::stat) -> c_int;
    fn fstatat(dirfd: c_int, path: *const c_char, into: *mut libc::stat, flags: c_int) -> c_int;
    fn fstatat64(dirfd: c_int, path: *const c_char, into: *mut libc::stat, flags: c_int) -> c_int;
    fn __xstat(version: c_int, path: *const c_char, into: *mut libc::stat) -> c_int;
    fn __xstat64(version: c_int, path: *const c_char, into: *mut libc::stat) -> c_int;
    fn __lxstat(version: c_int, path: *const c_char, into: *mut libc::stat) -> c_int;
    fn __lxstat64(version: c_int, path: *const c_char, into: *mut libc::stat) -> c_int;
    fn __fxstatat(version: c_int, dirfd: c_int, path: *const c_char, into: *mut libc::stat, flags: c_int) -> c_int;
    fn __fxstatat64(version: c_int, dirfd: c_int, path: *const c_char, into: *mut libc::stat, flags: c_int) -> c_int;
    fn statx(dirfd: c_int, path: *const c_char, flags: c_int, mask: c_uint, into: *mut libc::statx) -> c_int;
    fn access(path: *const c_char, mode: c_int) -> c_int;
    fn faccessat(dirfd: c_int, path: *const c_char, mode: c_int, flags: c_int) -> c_int;
    fn euidaccess(path: *const c_char, mode: c_int) -> c_int;
    fn eaccess(path: *const c_char, mode: c_int) -> c_int;
    fn execve(path: *const c_char, arguments: Strings, environment: Strings) -> c_int;
    fn execvpe(file: *const c_char, arguments: Strings, environment: Strings) -> c_int;
    fn fexecve(fd: c_int, arguments: Strings, environment: Strings) -> c_int;
    fn execveat(dirfd: c_int, path: *const c_char, arguments: Strings, environment: Strings, flags: c_int) -> c_int;
    fn posix_spawn(pid: *mut pid_t, path: *const c_char, actions: *const posix_spawn_file_actions_t, attributes: *const posix_spawnattr_t, arguments: Strings, environment: Strings) -> c_int;
    fn posix_spawnp(pid: *mut pid_t, file: *const c_char, actions: *const posix_spawn_file_actions_t, attributes: *const posix_spawnattr_t, arguments: Strings, environment: Strings) -> c_int;
    fn posix_spawn_file_actions_addopen(actions: *mut posix_spawn_file_actions_t, fd: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int;
    fn popen(command: *const c_char, mode: *const c_char) -> *mut FILE;
    fn recvmsg(socket: c_int, message: *mut msghdr, flags: c_int) -> ssize_t;
    fn recvmmsg(socket: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int, timeout: *mut timespec) -> c_int;
    fn pidfd_getfd(process: c_int, theirs: c_int, flags: c_uint) -> c_int;
    fn _exit(status: c_int) -> c_int;
    fn syscall(number: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> ssize_t;
}

/// The device of a file as stat has it, for a record that has none.
pub const NO_DEVICE: dev_t = 0;
