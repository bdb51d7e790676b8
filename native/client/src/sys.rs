//! System calls, made directly: errno stays what the program's own calls left there, and no
//! interposed function sees them.

use core::ffi::{c_char, c_int};
use core::mem::MaybeUninit;
use syscalls::{Sysno, syscall};

/// A number of the system's for what went wrong.
pub type Errno = i32;
pub type Result<T> = core::result::Result<T, Errno>;

fn number(value: core::result::Result<usize, syscalls::Errno>) -> Result<usize> {
    value.map_err(syscalls::Errno::into_raw)
}

fn descriptor(value: core::result::Result<usize, syscalls::Errno>) -> Result<c_int> {
    number(value).map(|value| value as c_int)
}

fn nothing(value: core::result::Result<usize, syscalls::Errno>) -> Result<()> {
    number(value).map(|_| ())
}

/// # Safety
/// `path` is a C string, or leads nowhere, which the system answers with EFAULT.
pub unsafe fn openat(dirfd: c_int, path: *const c_char, flags: c_int) -> Result<c_int> {
    // SAFETY: the system reads the path alone, and answers EFAULT where it is none.
    descriptor(unsafe { syscall!(Sysno::openat, dirfd, path, flags | libc::O_CLOEXEC, 0) })
}

pub fn close(fd: c_int) -> Result<()> {
    // SAFETY: close touches no memory; the caller owns the descriptor.
    nothing(unsafe { syscall!(Sysno::close, fd) })
}

/// Mode, links, owner, group, device and inode of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Look {
    pub mode: u32,
    pub links: u32,
    pub user: u32,
    pub group: u32,
    pub file: FileId,
}

/// Which file it is, on this host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileId {
    pub device: u64,
    pub inode: u64,
}

impl Look {
    pub fn is_regular(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFREG
    }

    pub fn is_socket(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFSOCK
    }

    pub fn is_directory(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFDIR
    }
}

/// # Safety
/// `path` is a C string.
pub unsafe fn look(dirfd: c_int, path: *const c_char, flags: c_int) -> Result<Look> {
    let mut found = MaybeUninit::<libc::statx>::uninit();
    let mask = libc::STATX_BASIC_STATS;
    // SAFETY: the system reads the path, and writes a whole statx where it succeeds.
    nothing(unsafe { syscall!(Sysno::statx, dirfd, path, flags, mask, found.as_mut_ptr()) })?;
    // SAFETY: the call succeeded, so all of it is written.
    let found = unsafe { found.assume_init() };
    let device = u64::from(found.stx_dev_major) << 32 | u64::from(found.stx_dev_minor);
    let file = FileId { device, inode: found.stx_ino };
    Ok(Look {
        mode: u32::from(found.stx_mode),
        links: found.stx_nlink,
        user: found.stx_uid,
        group: found.stx_gid,
        file,
    })
}

pub fn look_at(fd: c_int) -> Result<Look> {
    // SAFETY: the path is a literal.
    unsafe { look(fd, c"".as_ptr(), libc::AT_EMPTY_PATH) }
}

/// # Safety
/// `path` is a C string.
pub unsafe fn readlinkat(dirfd: c_int, path: *const c_char, into: &mut [u8]) -> Result<usize> {
    // SAFETY: the system reads the path, and writes no more than the length of the slice.
    number(unsafe { syscall!(Sysno::readlinkat, dirfd, path, into.as_mut_ptr(), into.len()) })
}

/// Writes the path of the working directory; returns its length, without the NUL.
pub fn getcwd(into: &mut [u8]) -> Result<usize> {
    // SAFETY: the system writes no more than the length of the slice.
    number(unsafe { syscall!(Sysno::getcwd, into.as_mut_ptr(), into.len()) })
        .map(|len| len.saturating_sub(1))
}

pub fn fcntl(fd: c_int, command: c_int, argument: usize) -> Result<c_int> {
    // SAFETY: this crate gives commands that take numbers, or a pointer to something that lives.
    descriptor(unsafe { syscall!(Sysno::fcntl, fd, command, argument) })
}

pub fn getpid() -> c_int {
    // SAFETY: getpid touches no memory.
    number(unsafe { syscall!(Sysno::getpid) }).unwrap_or(0) as c_int
}

pub fn getppid() -> c_int {
    // SAFETY: getppid touches no memory.
    number(unsafe { syscall!(Sysno::getppid) }).unwrap_or(0) as c_int
}

/// Reads bytes at a place of a file; returns how many there were.
pub fn read_at(fd: c_int, into: &mut [u8], offset: u64) -> Result<usize> {
    // SAFETY: the system writes no more than the length of the slice.
    number(unsafe { syscall!(Sysno::pread64, fd, into.as_mut_ptr(), into.len(), offset) })
}

pub fn gettid() -> c_int {
    // SAFETY: gettid touches no memory.
    number(unsafe { syscall!(Sysno::gettid) }).unwrap_or(0) as c_int
}

pub fn getuid() -> u32 {
    // SAFETY: getuid touches no memory.
    number(unsafe { syscall!(Sysno::getuid) }).unwrap_or(0) as u32
}

pub fn geteuid() -> u32 {
    // SAFETY: geteuid touches no memory.
    number(unsafe { syscall!(Sysno::geteuid) }).unwrap_or(0) as u32
}

/// Writes to a descriptor what it takes at once; what it does not take is lost.
pub fn write_line(fd: c_int, text: &[u8]) {
    // SAFETY: the system reads no more than the length of the slice.
    let _ = unsafe { syscall!(Sysno::write, fd, text.as_ptr(), text.len()) };
}

pub fn exit_group(status: c_int) -> ! {
    loop {
        // SAFETY: the call ends the process.
        let _ = unsafe { syscall!(Sysno::exit_group, status) };
    }
}

/// The limit of descriptors of this process.
pub fn descriptor_limit() -> u64 {
    let mut limit = MaybeUninit::<libc::rlimit64>::uninit();
    // SAFETY: the system writes the whole limit where it succeeds.
    let asked =
        unsafe { syscall!(Sysno::prlimit64, 0, libc::RLIMIT_NOFILE, 0usize, limit.as_mut_ptr()) };
    // SAFETY: the call succeeded, so the limit is written.
    if asked.is_ok() { unsafe { limit.assume_init() }.rlim_cur } else { 1024 }
}

/// Nanoseconds of a clock that only goes forward.
pub fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the system writes one timespec.
    let _ = unsafe { syscall!(Sysno::clock_gettime, libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Sleeps that long, or until a signal comes.
pub fn sleep(nanoseconds: u64) {
    let time = libc::timespec {
        tv_sec: (nanoseconds / 1_000_000_000) as libc::time_t,
        tv_nsec: (nanoseconds % 1_000_000_000) as libc::c_long,
    };
    // SAFETY: the system reads one timespec.
    let _ = unsafe { syscall!(Sysno::nanosleep, &raw const time, 0usize) };
}

/// Writes the name of the host; returns its length.
pub fn host_name(into: &mut [u8]) -> Result<usize> {
    let mut names = MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: the system writes one utsname.
    nothing(unsafe { syscall!(Sysno::uname, names.as_mut_ptr()) })?;
    // SAFETY: it was zeroed and then written; all values are valid.
    let name = unsafe { names.assume_init() }.nodename;
    let mut len = 0;
    for (to, &from) in into.iter_mut().zip(name.iter().take_while(|&&byte| byte != 0)) {
        *to = from as u8;
        len += 1;
    }
    Ok(len)
}

/// A page of memory of this process alone. A child of fork finds zeros there. A child of vfork
/// shares the memory and finds its parent's bytes.
pub fn page_wiped_on_fork() -> Result<*mut u8> {
    const LEN: usize = 4096;
    let (access, kind) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: the system chooses the place of new memory.
    let page = number(unsafe { syscall!(Sysno::mmap, 0usize, LEN, access, kind, usize::MAX, 0) })?;
    // SAFETY: the page is new and this process's own.
    nothing(unsafe { syscall!(Sysno::madvise, page, LEN, libc::MADV_WIPEONFORK) })?;
    Ok(page as *mut u8)
}

pub fn page_size() -> usize {
    // SAFETY: the call only asks.
    let size = unsafe { libc::getauxval(libc::AT_PAGESZ) } as usize;
    if size.is_power_of_two() { size } else { 4096 }
}

/// Changes how pages of the memory may be used.
///
/// # Safety
/// Nobody relies on their former protection.
pub unsafe fn protect(start: usize, length: usize, access: c_int) -> Result<()> {
    // SAFETY: the caller says so.
    nothing(unsafe { syscall!(Sysno::mprotect, start, length, access) })
}

pub fn seek(fd: c_int, offset: i64, whence: c_int) -> Result<i64> {
    // SAFETY: lseek touches no memory.
    number(unsafe { syscall!(Sysno::lseek, fd, offset, whence) }).map(|offset| offset as i64)
}

/// Opens the file of a descriptor anew.
pub fn open_again(fd: c_int, flags: c_int) -> Result<c_int> {
    crate::descriptor::through_link(fd, |link| {
        // SAFETY: a text has a NUL behind it.
        unsafe { openat(libc::AT_FDCWD, link.as_ptr(), flags) }
    })
}

/// Makes a copy of a descriptor at a number, closed by exec.
pub fn duplicate(fd: c_int, wanted: c_int) -> Result<c_int> {
    // SAFETY: dup3 touches no memory; the caller owns both descriptors.
    descriptor(unsafe { syscall!(Sysno::dup3, fd, wanted, libc::O_CLOEXEC) })
}

/// Waits until the value at the place is another than this one, or that long.
pub fn wait_while(place: &core::sync::atomic::AtomicU32, value: u32, nanoseconds: u64) {
    let time = libc::timespec {
        tv_sec: (nanoseconds / 1_000_000_000) as libc::time_t,
        tv_nsec: (nanoseconds % 1_000_000_000) as libc::c_long,
    };
    let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the place and the time live as long as the call.
    let _ = unsafe {
        syscall!(Sysno::futex, place.as_ptr(), operation, value, &raw const time, 0usize, 0)
    };
}

/// Wakes all who wait at the place.
pub fn wake_all(place: &core::sync::atomic::AtomicU32) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the system uses the place as a number alone.
    let _ =
        unsafe { syscall!(Sysno::futex, place.as_ptr(), operation, i32::MAX, 0usize, 0usize, 0) };
}

pub fn getegid() -> u32 {
    // SAFETY: getegid touches no memory.
    number(unsafe { syscall!(Sysno::getegid) }).unwrap_or(0) as u32
}

/// Whether the file at a path, or that of the descriptor where the path is empty, may be executed.
///
/// # Safety
/// `path` is a C string, or leads nowhere, which the system answers with EFAULT.
pub unsafe fn may_execute(dirfd: c_int, path: *const c_char) -> bool {
    let flags = libc::AT_EACCESS | libc::AT_EMPTY_PATH;
    // SAFETY: the system reads the path alone.
    let told = unsafe { syscall!(Sysno::faccessat2, dirfd, path, libc::X_OK, flags) };
    // A system that cannot tell has not said no.
    matches!(told, Ok(_) | Err(syscalls::Errno::ENOSYS))
}

/// A pipe that exec closes, at numbers out of the way: its reading and its writing end.
pub fn high_pipe() -> Result<[c_int; 2]> {
    let mut low = [-1; 2];
    // SAFETY: the system writes two descriptors.
    nothing(unsafe { syscall!(Sysno::pipe2, low.as_mut_ptr(), libc::O_CLOEXEC) })?;
    let high = low.map(move_high);
    match high {
        [Ok(reader), Ok(writer)] => Ok([reader, writer]),
        [Err(failed), other] | [other, Err(failed)] => {
            let _ = other.map(close);
            Err(failed)
        }
    }
}

/// Moves a descriptor to a number that programs do not choose, closed by exec. The former one is
/// closed in any case.
pub fn move_high(fd: c_int) -> Result<c_int> {
    const HIGH: u64 = 768;
    let limit = descriptor_limit();
    let least = if limit > HIGH + 8 { HIGH } else { limit.saturating_sub(8).max(3) };
    let moved = fcntl(fd, libc::F_DUPFD_CLOEXEC, least as usize)
        .or_else(|_| fcntl(fd, libc::F_DUPFD_CLOEXEC, 3));
    let _ = close(fd);
    moved
}

/// Waits until the other end of a pipe is closed everywhere, or that long.
pub fn wait_for_end(reader: c_int, nanoseconds: u64) {
    let until = now() + nanoseconds;
    loop {
        let rest = until.saturating_sub(now());
        let mut watched = libc::pollfd { fd: reader, events: libc::POLLIN, revents: 0 };
        let time = libc::timespec {
            tv_sec: (rest / 1_000_000_000) as libc::time_t,
            tv_nsec: (rest % 1_000_000_000) as libc::c_long,
        };
        // SAFETY: the descriptor's entry and the time live as long as the call.
        let told =
            unsafe { syscall!(Sysno::ppoll, &raw mut watched, 1, &raw const time, 0usize, 0usize) };
        if told != Err(syscalls::Errno::EINTR) || rest == 0 {
            return;
        }
    }
}

/// Blocks all signals of the calling thread; returns those that were blocked before.
pub fn block_signals() -> u64 {
    change_signals(u64::MAX)
}

/// Blocks these signals of the calling thread, and no others.
pub fn restore_signals(blocked: u64) {
    change_signals(blocked);
}

fn change_signals(blocked: u64) -> u64 {
    let mut before = 0_u64;
    let size = size_of::<u64>();
    // SAFETY: the system reads and writes one set of signals, which are 64.
    let _ = unsafe {
        syscall!(
            Sysno::rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const blocked,
            &raw mut before,
            size
        )
    };
    before
}

/// Forgets a child that has ended and was made without a signal for its end.
pub fn reap_clone(pid: c_int) {
    // SAFETY: the system writes nothing where it gets null pointers.
    let _ = unsafe { syscall!(Sysno::wait4, pid, 0usize, libc::__WCLONE, 0usize) };
}
