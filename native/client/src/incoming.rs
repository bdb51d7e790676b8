//! What arrives on a connection, frame by frame, in a buffer that fits on the stack of a signal
//! handler.

use crate::protocol::{HEADER, LONGEST_FRAME};
use crate::sys;
use core::ffi::c_int;
use syscalls::{Sysno, syscall};

/// Holds every answer but a failure with a long message, whose end nobody needs.
const CAPACITY: usize = 600;

/// Why no frame came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The connection ended.
    Lost,
    /// A signal came whose handler does not let calls go on.
    Interrupted,
    /// The other side does not speak the protocol.
    Nonsense,
}

pub struct Incoming {
    buffer: [u8; CAPACITY],
    start: usize,
    end: usize,
}

/// A frame whose body may be cut off.
pub struct Frame<'a> {
    pub kind: u8,
    pub id: u32,
    pub body: &'a [u8],
}

impl Incoming {
    pub fn new() -> Self {
        Self { buffer: [0; CAPACITY], start: 0, end: 0 }
    }

    /// Receives the next frame. `interruptible`: a signal may end the wait.
    pub fn next(&mut self, socket: c_int, interruptible: bool) -> Result<Frame<'_>, Trouble> {
        self.need(socket, HEADER, interruptible)?;
        let head = &self.buffer[self.start..self.start + HEADER];
        let number =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let length = number(0) as usize;
        let (kind, id) = (head[4], number(5));
        if !(5..=LONGEST_FRAME).contains(&length) {
            return Err(Trouble::Nonsense);
        }
        self.start += HEADER;
        let body = length - 5;
        let kept = body.min(CAPACITY - HEADER);
        self.need(socket, kept, false)?;
        let from = self.start;
        self.start += kept;
        if body > kept {
            self.skip(socket, body - kept)?;
        }
        Ok(Frame { kind, id, body: &self.buffer[from..from + kept] })
    }

    /// Makes that many bytes stand at `start`.
    fn need(&mut self, socket: c_int, bytes: usize, interruptible: bool) -> Result<(), Trouble> {
        if self.start + bytes > CAPACITY {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        while self.end - self.start < bytes {
            self.end += receive(socket, &mut self.buffer[self.end..], interruptible)?;
        }
        Ok(())
    }

    /// Receives bytes that nobody needs. All that had arrived before is used up.
    fn skip(&mut self, socket: c_int, bytes: usize) -> Result<(), Trouble> {
        let mut rest = bytes - bytes.min(self.end - self.start);
        self.start += bytes - rest;
        let mut nowhere = [0; 256];
        while rest > 0 {
            let room = rest.min(nowhere.len());
            rest -= receive(socket, &mut nowhere[..room], false)?;
        }
        Ok(())
    }
}

fn receive(socket: c_int, into: &mut [u8], interruptible: bool) -> Result<usize, Trouble> {
    loop {
        // SAFETY: the system writes no more than the length of the slice.
        let received = unsafe {
            syscall!(Sysno::recvfrom, socket, into.as_mut_ptr(), into.len(), 0, 0usize, 0usize)
        };
        match received.map_err(syscalls::Errno::into_raw) {
            Ok(0) => return Err(Trouble::Lost),
            Ok(len) => return Ok(len),
            Err(libc::EINTR) if interruptible => return Err(Trouble::Interrupted),
            Err(libc::EINTR) => {}
            Err(_) => return Err(Trouble::Lost),
        }
    }
}

/// Sends all pieces. The system tells of the end of a connection by an error alone, and not by
/// SIGPIPE.
pub fn send(socket: c_int, parts: &[&[u8]]) -> sys::Result<()> {
    const MOST: usize = 8;
    let mut pieces = [libc::iovec { iov_base: core::ptr::null_mut(), iov_len: 0 }; MOST];
    let count = parts.len().min(MOST);
    for (piece, part) in pieces.iter_mut().zip(parts) {
        *piece = libc::iovec { iov_base: part.as_ptr().cast_mut().cast(), iov_len: part.len() };
    }
    let mut first = 0;
    while first < count {
        // SAFETY: zeros are a message without a name, control data and flags.
        let mut message: libc::msghdr = unsafe { core::mem::zeroed() };
        message.msg_iov = pieces[first..].as_mut_ptr();
        message.msg_iovlen = count - first;
        // SAFETY: the message and its pieces live as long as the call, which reads alone.
        let sent =
            unsafe { syscall!(Sysno::sendmsg, socket, &raw const message, libc::MSG_NOSIGNAL) };
        let mut sent = match sent.map_err(syscalls::Errno::into_raw) {
            Ok(sent) => sent,
            Err(libc::EINTR) => continue,
            Err(errno) => return Err(errno),
        };
        while first < count && sent >= pieces[first].iov_len {
            sent -= pieces[first].iov_len;
            first += 1;
        }
        if first < count {
            let piece = &mut pieces[first];
            piece.iov_base = piece.iov_base.cast::<u8>().wrapping_add(sent).cast();
            piece.iov_len -= sent;
        }
    }
    Ok(())
}
