//! The frames of the agent's protocol, as docs/agent-protocol.md has them.

use crate::sys::Errno;
use crate::text::{Text, TooLong};

/// Longest frame, without its length field.
pub(crate) const LONGEST_FRAME: usize = 65_536;
/// Bytes in front of the body: length, kind and id.
pub(crate) const HEADER: usize = 9;
/// Longest name that the protocol takes.
pub(crate) const LONGEST_NAME: usize = 3_800;
/// The id of HELLO. The agent speaks of the connection as a whole by the id 0.
pub(crate) const HELLO_ID: u32 = 1;

const VERSION: u16 = 1;

/// What a client asks for. Names are relative to the producer-managed or consumer-managed
/// directory.
#[derive(Clone, Copy)]
pub enum Request<'a> {
    Consume {
        name: &'a [u8],
        wait: bool,
    },
    Look {
        name: &'a [u8],
        wait: bool,
    },
    Produce {
        name: &'a [u8],
    },
    Change {
        name: &'a [u8],
    },
    /// A write to the file failed, and another process may be the last to close it.
    Damaged {
        name: &'a [u8],
    },
    /// `directory`: the name was that of a directory; all files below it are withdrawn.
    Remove {
        name: &'a [u8],
        directory: bool,
    },
    /// The program writes this file of the consumer-managed directory itself.
    Own {
        name: &'a [u8],
    },
    /// A name that is empty stands for a place that is not managed. `directory`: the names are
    /// those of a directory.
    Move {
        from: &'a [u8],
        to: &'a [u8],
        directory: bool,
    },
}

impl<'a> Request<'a> {
    fn parts(&self) -> (u8, u8, &'a [u8], Option<&'a [u8]>) {
        match *self {
            Request::Consume { name, wait } => (2, u8::from(wait), name, None),
            Request::Look { name, wait } => (3, u8::from(wait), name, None),
            Request::Produce { name } => (4, 0, name, None),
            Request::Change { name } => (5, 0, name, None),
            Request::Damaged { name } => (5, 1, name, None),
            Request::Remove { name, directory } => (6, u8::from(directory), name, None),
            Request::Own { name } => (9, 0, name, None),
            Request::Move { from, to, directory } => (7, u8::from(directory), from, Some(to)),
        }
    }

    /// The name to speak of in a message.
    pub fn name(&self) -> &'a [u8] {
        let (first, second) = self.names();
        if first.is_empty() { second } else { first }
    }

    /// The names that it tells of.
    fn names(&self) -> (&'a [u8], &'a [u8]) {
        let (_, _, name, second) = self.parts();
        (name, second.unwrap_or_default())
    }

    /// Whether it may wait as long as it takes; the others end within the agent's limits.
    pub(crate) fn waits(&self) -> bool {
        matches!(self, Request::Consume { .. } | Request::Look { .. })
    }

    pub(crate) fn has_long_name(&self) -> bool {
        let (first, second) = self.names();
        first.len() > LONGEST_NAME || second.len() > LONGEST_NAME
    }

    /// Calls `send` with the pieces of the frame, whose names are not copied.
    pub(crate) fn encode<T>(&self, id: u32, send: impl FnOnce([&[u8]; 4]) -> T) -> T {
        let (kind, flags, first, second) = self.parts();
        let second_len = (second.map_or(0, <[u8]>::len) as u16).to_le_bytes();
        let between: &[u8] = if second.is_some() { &second_len } else { &[] };
        let last = second.unwrap_or_default();
        let length = 5 + 1 + 2 + first.len() + between.len() + last.len();
        let mut head = [0; HEADER + 3];
        head[..4].copy_from_slice(&(length as u32).to_le_bytes());
        head[4] = kind;
        head[5..9].copy_from_slice(&id.to_le_bytes());
        head[9] = flags;
        head[10..].copy_from_slice(&(first.len() as u16).to_le_bytes());
        send([&head, first, between, last])
    }
}

/// The size, time and permissions of a published file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Record {
    pub size: u64,
    /// Nanoseconds since 1970.
    pub modified: u64,
    pub permissions: u32,
}

/// What the agent answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    Done,
    /// The file is not published.
    Absent,
    Record(Record),
}

/// An answer as it arrived.
pub(crate) enum Decoded {
    Answer(Answer),
    Failed(Errno),
}

/// Reads the body of an answer; `text` gets what the agent says of a failure. None where the frame
/// is none of the protocol.
pub(crate) fn decode<const N: usize>(kind: u8, body: &[u8], text: &mut Text<N>) -> Option<Decoded> {
    match (kind, body.len()) {
        (128, 0) => Some(Decoded::Answer(Answer::Done)),
        (129, 0) => Some(Decoded::Answer(Answer::Absent)),
        (130, 20) => {
            let size = u64::from_le_bytes(body.get(..8)?.try_into().ok()?);
            let modified = u64::from_le_bytes(body.get(8..16)?.try_into().ok()?);
            let permissions = u32::from_le_bytes(body.get(16..20)?.try_into().ok()?);
            Some(Decoded::Answer(Answer::Record(Record { size, modified, permissions })))
        }
        (132, 6..) => {
            let errno = u32::from_le_bytes(body.get(..4)?.try_into().ok()?);
            let (code, rest) = split_text(body.get(4..)?);
            text.clear();
            text.push_what_fits(code);
            text.push_what_fits(b": ");
            text.push_what_fits(split_text(rest).0);
            // A failure never becomes a success, nor a number that libc takes for one.
            let errno = Errno::try_from(errno).ok().filter(|errno| (1..4096).contains(errno));
            Some(Decoded::Failed(errno.unwrap_or(libc::EIO)))
        }
        _ => None,
    }
}

/// A text and what follows; as much of it as there is, since long messages are cut off.
fn split_text(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Some((len, rest)) = bytes.split_first_chunk::<2>() else { return (&[], &[]) };
    rest.split_at(usize::from(u16::from_le_bytes(*len)).min(rest.len()))
}

/// The frame HELLO, made once.
pub(crate) struct Hello {
    frame: Text<{ 4 + LONGEST_FRAME + 1 }>,
    /// Where the number of variables stands.
    count_at: usize,
    count: u16,
    /// Length, version and number, in front of the frame and behind the id of the run.
    numbers: [[u8; 4]; 2],
}

impl Hello {
    pub const fn new() -> Self {
        Self { frame: Text::new(), count_at: 0, count: 0, numbers: [[0; 4]; 2] }
    }

    pub fn begin(&mut self, run: &[u8]) -> Result<(), TooLong> {
        self.frame.clear();
        self.count = 0;
        self.frame.push(&[1])?;
        self.frame.push(&HELLO_ID.to_le_bytes())?;
        self.frame.push(&VERSION.to_le_bytes())?;
        self.push_text(run)?;
        self.count_at = self.frame.as_bytes().len();
        Ok(())
    }

    pub fn push_variable(&mut self, name: &[u8], value: &[u8]) -> Result<(), TooLong> {
        self.count += 1;
        self.push_text(name)?;
        self.push_text(value)
    }

    fn push_text(&mut self, text: &[u8]) -> Result<(), TooLong> {
        self.frame.push(&u16::try_from(text.len()).map_err(|_| TooLong)?.to_le_bytes())?;
        self.frame.push(text)
    }

    pub fn end(&mut self) -> Result<(), TooLong> {
        let length = self.frame.as_bytes().len() + 2;
        if length > LONGEST_FRAME {
            return Err(TooLong);
        }
        self.numbers[0] = (length as u32).to_le_bytes();
        self.numbers[1][..2].copy_from_slice(&self.count.to_le_bytes());
        Ok(())
    }

    /// The pieces of the frame.
    pub fn parts(&self) -> [&[u8]; 4] {
        let (before, after) = self.frame.as_bytes().split_at(self.count_at);
        [&self.numbers[0], before, &self.numbers[1][..2], after]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn requests_are_as_the_protocol_has_them() {
        let frame = Request::Consume { name: b"a/b", wait: true }.encode(7, |parts| parts.concat());
        assert_eq!(frame, b"\x0b\0\0\0\x02\x07\0\0\0\x01\x03\0a/b");
        let frame = Request::Move { from: b"", to: b"x", directory: true }
            .encode(2, |parts| parts.concat());
        assert_eq!(frame, b"\x0b\0\0\0\x07\x02\0\0\0\x01\0\0\x01\0x");
    }

    #[test]
    fn hello_carries_the_run_and_the_variables() {
        let mut hello = Hello::new();
        hello.begin(b"r").unwrap();
        hello.push_variable(b"DYAD_X", b"1").unwrap();
        hello.end().unwrap();
        let frame: Vec<u8> = hello.parts().concat();
        assert_eq!(frame, b"\x17\0\0\0\x01\x01\0\0\0\x01\0\x01\0r\x01\0\x06\0DYAD_X\x01\x001");
    }

    #[test]
    fn answers_that_the_protocol_does_not_have_are_none() {
        let mut text = Text::<64>::new();
        for (kind, body) in [(128, &b"x"[..]), (130, b"short"), (132, b"\x05\0"), (127, b"")] {
            assert!(decode(kind, body, &mut text).is_none(), "{kind}");
        }
    }

    #[test]
    fn a_failure_is_an_errno_and_a_text() {
        let mut text = Text::<64>::new();
        let failed = decode(132, b"\x6e\0\0\0\x01\0C\x03\0why", &mut text);
        assert!(matches!(failed, Some(Decoded::Failed(110))));
        assert_eq!(text.as_bytes(), b"C: why");
        for errno in [[0, 0, 0, 0], [0, 0, 0, 0x80], [0, 0x10, 0, 0]] {
            let failed = decode(132, &[&errno[..], b"\0\0\0\0"].concat(), &mut text);
            assert!(matches!(failed, Some(Decoded::Failed(libc::EIO))));
        }
    }
}
