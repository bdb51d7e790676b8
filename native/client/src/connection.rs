//! One connection to the agent.

use crate::sys::{self, Errno};
use crate::text::{PathText, Text};
use core::ffi::c_int;
use syscalls::{Sysno, syscall};

/// How long connecting may take where the agent hangs, or thousands connect at once.
const CONNECT_SECONDS: i64 = 60;

/// Why there is no connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoConnection {
    /// Nobody listens there.
    NoAgent,
    /// Another user listens there.
    Stranger,
    /// This process cannot make one.
    Here(Errno),
}

/// A connected socket of this library.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Connection {
    pub socket: c_int,
    /// The inode of the socket, by which it is known from others at the same descriptor. The option
    /// SO_COOKIE is made for this, but gVisor and QEMU's user mode do not have it.
    pub inode: u64,
}

impl Connection {
    pub fn open(path: &PathText) -> Result<Self, NoConnection> {
        let low = new_socket().map_err(NoConnection::Here)?;
        let socket = sys::move_high(low).map_err(NoConnection::Here)?;
        let connection = connect(socket, path).and_then(|()| {
            if !is_trusted(socket) {
                return Err(NoConnection::Stranger);
            }
            inode_of(socket).map(|inode| Self { socket, inode }).map_err(NoConnection::Here)
        });
        if connection.is_err() {
            let _ = sys::close(socket);
        }
        connection
    }

    /// Whether the descriptor still is this connection: the program may have closed it by a call
    /// that nobody sees.
    pub fn is_ours(&self) -> bool {
        inode_of(self.socket) == Ok(self.inode)
    }

    /// Ends it, also for a forked child that has a copy of the descriptor.
    pub fn end(&self) {
        // SAFETY: shutdown touches no memory.
        let _ = unsafe { syscall!(Sysno::shutdown, self.socket, libc::SHUT_RDWR) };
        let _ = sys::close(self.socket);
    }
}

fn new_socket() -> sys::Result<c_int> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    // SAFETY: socket touches no memory.
    unsafe { syscall!(Sysno::socket, libc::AF_UNIX, kind, 0) }
        .map(|fd| fd as c_int)
        .map_err(syscalls::Errno::into_raw)
}

fn connect(socket: c_int, path: &PathText) -> Result<(), NoConnection> {
    let patience = libc::timeval { tv_sec: CONNECT_SECONDS, tv_usec: 0 };
    // SAFETY: the option is a timeval that lives as long as the call.
    let _ = unsafe {
        syscall!(
            Sysno::setsockopt,
            socket,
            libc::SOL_SOCKET,
            libc::SO_SNDTIMEO,
            &raw const patience,
            size_of_val(&patience)
        )
    };
    // SAFETY: zeros are an address without a path.
    let mut address: libc::sockaddr_un = unsafe { core::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let mut short = Text::<107>::new();
    let folder = shorten(path, &mut short)?;
    for (to, &from) in address.sun_path.iter_mut().zip(short.as_bytes()) {
        *to = from as libc::c_char;
    }
    let connected = loop {
        // SAFETY: the address lives as long as the call.
        let connected =
            unsafe { syscall!(Sysno::connect, socket, &raw const address, size_of_val(&address)) };
        // A signal came while the agent had no room for one more.
        if connected != Err(syscalls::Errno::EINTR) {
            break connected;
        }
    };
    if let Some(folder) = folder {
        let _ = sys::close(folder);
    }
    match connected.map_err(syscalls::Errno::into_raw) {
        Ok(_) => Ok(()),
        Err(libc::ENOMEM | libc::ENOBUFS) => Err(NoConnection::Here(libc::ENOMEM)),
        Err(_) => Err(NoConnection::NoAgent),
    }
}

/// Writes a path that an address of a socket has room for. A long one leads through the descriptor
/// of its directory, which is to be closed once it is connected.
fn shorten(path: &PathText, short: &mut Text<107>) -> Result<Option<c_int>, NoConnection> {
    if short.set(path.as_bytes()).is_ok() {
        return Ok(None);
    }
    let bytes = path.as_bytes();
    let slash = bytes.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    let (parent, name) = bytes.split_at(slash);
    let mut folder = PathText::new();
    let _ = folder.set(parent);
    // SAFETY: a text has a NUL behind it.
    let fd = unsafe { sys::openat(libc::AT_FDCWD, folder.as_ptr(), libc::O_PATH) }
        .map_err(|_| NoConnection::NoAgent)?;
    let mut link = Text::new();
    crate::descriptor::link_of(b"/proc/thread-self/fd/", fd, &mut link);
    match short.set(link.as_bytes()).and_then(|()| short.push(name)) {
        Ok(()) => Ok(Some(fd)),
        Err(_) => {
            let _ = sys::close(fd);
            Err(NoConnection::NoAgent)
        }
    }
}

fn option<T: Default>(socket: c_int, name: c_int) -> sys::Result<T> {
    let mut value = T::default();
    let mut len = size_of::<T>() as libc::socklen_t;
    // SAFETY: the system writes no more than `len` bytes into the value.
    unsafe {
        syscall!(Sysno::getsockopt, socket, libc::SOL_SOCKET, name, &raw mut value, &raw mut len)
    }
    .map_err(syscalls::Errno::into_raw)?;
    Ok(value)
}

/// The inode of a socket; ENOTSOCK for anything else.
fn inode_of(fd: c_int) -> sys::Result<u64> {
    let look = sys::look_at(fd)?;
    if look.is_socket() { Ok(look.file.inode) } else { Err(libc::ENOTSOCK) }
}

/// Whether this user or root listens at the other end.
fn is_trusted(socket: c_int) -> bool {
    // Process, user and group: three numbers of four bytes.
    option::<[u32; 3]>(socket, libc::SO_PEERCRED)
        .is_ok_and(|[_, user, _]| user == 0 || user == sys::geteuid())
}
