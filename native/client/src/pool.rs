//! The connections of a process: a few idle ones, and those in use.

use crate::bitmap::Bitmap;
use crate::connection::Connection;
use crate::sys;
use core::ffi::c_int;
use core::sync::atomic::{AtomicI32, AtomicU64, Ordering};

const IDLE: usize = 4;

/// A place for an idle connection. Who takes the socket out of it may read the inode.
struct Slot {
    socket: AtomicI32,
    inode: AtomicU64,
}

/// Connections have high descriptors, so that 0 is free, and an empty pool takes no memory.
const EMPTY: c_int = 0;
const BUSY: c_int = -1;

pub struct Pool {
    idle: [Slot; IDLE],
    /// The descriptors of all connections, idle or in use.
    ours: Bitmap,
}

impl Pool {
    pub const fn new() -> Self {
        Self {
            idle: [const { Slot { socket: AtomicI32::new(EMPTY), inode: AtomicU64::new(0) } };
                IDLE],
            ours: Bitmap::new(),
        }
    }

    /// Whether the descriptor is that of a connection.
    pub fn holds(&self, fd: c_int) -> bool {
        self.ours.has(fd)
    }

    /// The least descriptor of a connection from `first` on.
    pub fn next(&self, first: c_int) -> Option<c_int> {
        self.ours.next(first)
    }

    /// Notes a new connection. One whose descriptor is too high to be noted is not kept idle.
    pub fn note(&self, connection: Connection) {
        self.ours.add(connection.socket);
    }

    /// Takes an idle connection that is still alive as far as this side knows.
    pub fn take(&self) -> Option<Connection> {
        for slot in &self.idle {
            let socket = slot.socket.load(Ordering::Acquire);
            if socket <= 0 {
                continue;
            }
            let taken =
                slot.socket.compare_exchange(socket, BUSY, Ordering::AcqRel, Ordering::Acquire);
            if taken.is_err() {
                continue;
            }
            let connection = Connection { socket, inode: slot.inode.load(Ordering::Acquire) };
            slot.socket.store(EMPTY, Ordering::Release);
            if connection.is_ours() {
                return Some(connection);
            }
            self.ours.take(socket);
        }
        None
    }

    /// Gives a connection back, which stays idle if there is room.
    pub fn give_back(&self, connection: Connection) {
        if self.ours.has(connection.socket) {
            for slot in &self.idle {
                let reserved =
                    slot.socket.compare_exchange(EMPTY, BUSY, Ordering::AcqRel, Ordering::Acquire);
                if reserved.is_ok() {
                    slot.inode.store(connection.inode, Ordering::Release);
                    slot.socket.store(connection.socket, Ordering::Release);
                    return;
                }
            }
        }
        self.end(connection);
    }

    /// Ends a connection that the caller has taken.
    pub fn end(&self, connection: Connection) {
        self.ours.take(connection.socket);
        if connection.is_ours() {
            connection.end();
        }
    }

    /// Closes an idle connection, for a program that wants its descriptor. Returns false where the
    /// descriptor is that of one in use.
    pub fn vacate(&self, fd: c_int) -> bool {
        for slot in &self.idle {
            let taken = slot.socket.compare_exchange(fd, BUSY, Ordering::AcqRel, Ordering::Acquire);
            if taken.is_ok() {
                let connection =
                    Connection { socket: fd, inode: slot.inode.load(Ordering::Acquire) };
                slot.socket.store(EMPTY, Ordering::Release);
                self.end(connection);
                return true;
            }
        }
        !self.ours.has(fd)
    }

    /// Closes a forked child's copies of its parent's connections, which go on there.
    pub fn forget(&self) {
        for slot in &self.idle {
            slot.socket.store(EMPTY, Ordering::Release);
        }
        let mut first = 0;
        while let Some(fd) = self.ours.next(first) {
            self.ours.take(fd);
            let _ = sys::close(fd);
            first = fd + 1;
        }
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self::new()
    }
}
