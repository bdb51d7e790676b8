//! The agent's answers, as objects of JavaScript.

use dyad_client::{Answer as Answered, Failure};
use napi::bindgen_prelude::BigInt;
use napi_derive::napi;

/// What the agent answers; which fields it has is up to its kind.
#[napi(object)]
#[derive(Default)]
pub struct Answer {
    /// `done`, `absent`, `record`, `failed`, or `missing` where no agent is in reach.
    pub kind: String,
    pub size: Option<BigInt>,
    pub mtime_ns: Option<BigInt>,
    pub mode: Option<u32>,
    pub errno: Option<i32>,
    /// The code of docs/errors.md and the message, with `: ` between them, cut off where it is
    /// long.
    pub message: Option<String>,
}

impl Answer {
    pub fn failed(failure: Failure, said: &[u8]) -> Self {
        Self {
            kind: if failure.no_agent { "missing" } else { "failed" }.into(),
            errno: Some(failure.errno),
            message: Some(String::from_utf8_lossy(said).into_owned()),
            ..Self::default()
        }
    }
}

impl From<Answered> for Answer {
    fn from(answered: Answered) -> Self {
        let kind = match answered {
            Answered::Done => "done",
            Answered::Absent => "absent",
            Answered::Record(_) => "record",
        };
        let mut answer = Self { kind: kind.into(), ..Self::default() };
        if let Answered::Record(record) = answered {
            answer.size = Some(record.size.into());
            answer.mtime_ns = Some(record.modified.into());
            answer.mode = Some(record.permissions);
        }
        answer
    }
}
