//! Asks the agent.

use crate::connection::{Connection, NoConnection};
use crate::incoming::{Incoming, Trouble, send};
use crate::owner::{Owner, Process};
use crate::pool::Pool;
use crate::protocol::{Answer, Decoded, HELLO_ID, Request, decode};
use crate::settings::Settings;
use crate::sys::{self, Errno};
use crate::text::Text;
use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering};

/// How long a request whose connection was lost tries to reach the agent again.
const PATIENCE: u64 = 10_000_000_000;
/// How long it rests between two tries.
const REST: u64 = 20_000_000;

/// What there is to say of a failure, as the agent says it.
pub type Said = Text<512>;

/// Why a request failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failure {
    /// What the program's own call fails with.
    pub errno: Errno,
    /// No agent is in reach.
    pub no_agent: bool,
}

impl Failure {
    fn new(errno: Errno, words: &[u8], said: &mut Said) -> Self {
        said.clear();
        said.push_what_fits(words);
        Self { errno, no_agent: false }
    }

    fn missing(words: &[u8], said: &mut Said) -> Self {
        Self { no_agent: true, ..Self::new(libc::ENOTCONN, words, said) }
    }
}

/// What came of one exchange on one connection.
enum Exchange {
    Answer(Answer),
    Failed(Failure),
    /// As above, and so would every later request of this connection.
    FailedForGood(Failure),
    Trouble(Trouble),
}

/// The client of one process. It belongs into a static; all its methods may run in any thread, in
/// signal handlers and in children of fork and vfork.
pub struct Client {
    pool: Pool,
    owner: Owner,
    next_id: AtomicU32,
}

impl Client {
    pub const fn new() -> Self {
        Self { pool: Pool::new(), owner: Owner::new(), next_id: AtomicU32::new(0) }
    }

    /// Notes the process. Called once, before all others.
    pub fn begin(&self) -> sys::Result<()> {
        self.owner.begin()
    }

    /// Whether the memory is this process's own; in a child of vfork it is its parent's.
    pub fn owns_memory(&self) -> bool {
        match self.owner.process() {
            Process::Own => true,
            Process::Borrowed => false,
            Process::Forked => {
                self.pool.forget();
                true
            }
        }
    }

    /// Whether the descriptor is that of a connection to the agent.
    pub fn holds(&self, fd: c_int) -> bool {
        self.pool.holds(fd)
    }

    /// The least descriptor of a connection from `first` on.
    pub fn next_held(&self, first: c_int) -> Option<c_int> {
        self.pool.next(first)
    }

    /// Makes room at a descriptor that a program wants. Returns false where a request uses it.
    pub fn vacate(&self, fd: c_int) -> bool {
        !self.pool.holds(fd) || !self.owns_memory() || self.pool.vacate(fd)
    }

    /// Asks the agent and waits for its answer. Errors: `Failure`, whose errno is EINTR where a
    /// signal ended a wait for publication; `said` then has the reason.
    pub fn ask(
        &self,
        settings: &Settings,
        request: &Request,
        said: &mut Said,
    ) -> Result<Answer, Failure> {
        if request.has_long_name() {
            return Err(Failure::new(
                libc::ENAMETOOLONG,
                b"the name is longer than 3800 bytes",
                said,
            ));
        }
        let keeps = self.owns_memory();
        let mut until = None;
        loop {
            let idle = if keeps { self.pool.take() } else { None };
            let is_new = idle.is_none();
            let connection = match idle {
                Some(connection) => connection,
                None => match self.connect(settings, keeps, until, said)? {
                    Some(connection) => connection,
                    None => continue,
                },
            };
            let mut hello_answered = !is_new;
            let exchange = self.exchange(settings, connection, request, &mut hello_answered, said);
            if matches!(exchange, Exchange::Answer(_) | Exchange::Failed(_)) && keeps {
                self.pool.give_back(connection);
            } else if keeps {
                self.pool.end(connection);
            } else {
                connection.end();
            }
            match exchange {
                Exchange::Answer(answer) => return Ok(answer),
                Exchange::Failed(failure) | Exchange::FailedForGood(failure) => {
                    return Err(failure);
                }
                Exchange::Trouble(Trouble::Interrupted) => {
                    return Err(Failure::new(libc::EINTR, b"a signal came", said));
                }
                Exchange::Trouble(Trouble::Nonsense) => {
                    return Err(Failure::new(
                        libc::EPROTO,
                        b"the agent speaks another protocol",
                        said,
                    ));
                }
                Exchange::Trouble(Trouble::Lost) => {
                    // Whoever was served once is served again before long.
                    if hello_answered || until.is_none() {
                        until = Some(sys::now() + PATIENCE);
                    }
                    if is_new {
                        rest(until, said)?;
                    }
                }
            }
        }
    }

    /// Connects; None where it is to be tried again.
    fn connect(
        &self,
        settings: &Settings,
        keeps: bool,
        until: Option<u64>,
        said: &mut Said,
    ) -> Result<Option<Connection>, Failure> {
        match Connection::open(&settings.agent) {
            Ok(connection) => {
                if keeps {
                    self.pool.note(connection);
                }
                Ok(Some(connection))
            }
            Err(NoConnection::NoAgent) if until.is_some() => {
                rest(until, said)?;
                Ok(None)
            }
            Err(NoConnection::NoAgent) => {
                let failure = Failure::missing(b"no agent listens at ", said);
                said.push_what_fits(settings.agent.as_bytes());
                Err(failure)
            }
            Err(NoConnection::Stranger) => {
                Err(Failure::missing(b"the agent belongs to another user", said))
            }
            Err(NoConnection::Here(errno)) => Err(Failure::new(
                errno,
                b"there is no descriptor for a connection to the agent",
                said,
            )),
        }
    }

    fn exchange(
        &self,
        settings: &Settings,
        connection: Connection,
        request: &Request,
        hello_answered: &mut bool,
        said: &mut Said,
    ) -> Exchange {
        let id = self.new_id();
        let sent = request.encode(id, |[head, first, between, last]| {
            if *hello_answered {
                return send(connection.socket, &[head, first, between, last]);
            }
            let [length, before, count, after] = settings.hello.parts();
            let all = [length, before, count, after, head, first, between, last];
            send(connection.socket, &all)
        });
        // What the agent said before it hung up is still there.
        let could_send = sent.is_ok();
        let mut incoming = Incoming::new();
        loop {
            let frame = match incoming.next(connection.socket, request.waits()) {
                Ok(frame) => frame,
                Err(Trouble::Interrupted) if !could_send => {
                    return Exchange::Trouble(Trouble::Lost);
                }
                Err(trouble) => return Exchange::Trouble(trouble),
            };
            let Some(decoded) = decode(frame.kind, frame.body, said) else {
                return Exchange::Trouble(Trouble::Nonsense);
            };
            match (frame.id, decoded) {
                (HELLO_ID, Decoded::Answer(_)) => *hello_answered = true,
                (0 | HELLO_ID, Decoded::Failed(errno)) => {
                    return Exchange::FailedForGood(Failure { errno, no_agent: false });
                }
                (answered, Decoded::Answer(answer)) if answered == id => {
                    return Exchange::Answer(answer);
                }
                (answered, Decoded::Failed(errno)) if answered == id => {
                    return Exchange::Failed(Failure { errno, no_agent: false });
                }
                _ => return Exchange::Trouble(Trouble::Nonsense),
            }
        }
    }

    fn new_id(&self) -> u32 {
        loop {
            let id = self.next_id.fetch_add(1, Ordering::Relaxed);
            if id > HELLO_ID {
                return id;
            }
        }
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

/// Rests before another try; fails once it took too long.
fn rest(until: Option<u64>, said: &mut Said) -> Result<(), Failure> {
    if until.is_some_and(|until| sys::now() >= until) {
        return Err(Failure::missing(b"the connection to the agent was lost, for 10 s", said));
    }
    sys::sleep(REST);
    Ok(())
}
