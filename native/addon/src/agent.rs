//! The requests to the agent.

use crate::answer::Answer;
use dyad_client::{Client, Request, Said, Settings};
use napi::{Error, Result, Status};
use napi_derive::napi;
use std::sync::Mutex;

/// A client and what it was made with. Threads with the same environment share one, and the last of
/// them does not end it: a process has one environment, or a few.
struct Shared {
    entries: Vec<String>,
    client: Client,
    settings: Settings,
}

static ALL: Mutex<Vec<&'static Shared>> = Mutex::new(Vec::new());

fn shared(entries: Vec<String>) -> Result<&'static Shared> {
    let mut all = ALL.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(found) = all.iter().find(|shared| shared.entries == entries) {
        return Ok(found);
    }
    let mut new =
        Box::new(Shared { entries: Vec::new(), client: Client::new(), settings: Settings::new() });
    let is_managed = new.settings.read(entries.iter().map(|entry| entry.as_bytes()));
    match is_managed {
        Ok(true) => {}
        Ok(false) => return Err(Error::from_reason("no directory is managed")),
        Err(unusable) => return Err(Error::from_reason(unusable.0.to_string())),
    }
    let begun = new.client.begin();
    begun.map_err(|errno| Error::new(Status::GenericFailure, format!("error {errno}")))?;
    new.entries = entries;
    let new: &'static Shared = Box::leak(new);
    all.push(new);
    Ok(new)
}

/// The agent, as a program with these variables asks it.
#[napi]
pub struct Agent {
    shared: &'static Shared,
}

#[napi]
impl Agent {
    /// `entries`: the variables of the program that begin with `DYAD_`, as `NAME=VALUE`.
    #[napi(constructor)]
    pub fn new(entries: Vec<String>) -> Result<Self> {
        Ok(Self { shared: shared(entries)? })
    }

    #[napi]
    pub fn consume_sync(&self, name: String, wait: bool) -> Answer {
        self.ask(&Request::Consume { name: name.as_bytes(), wait })
    }

    #[napi]
    pub fn look_sync(&self, name: String, wait: bool) -> Answer {
        self.ask(&Request::Look { name: name.as_bytes(), wait })
    }

    #[napi]
    pub fn produce_sync(&self, name: String) -> Answer {
        self.ask(&Request::Produce { name: name.as_bytes() })
    }

    #[napi]
    pub fn change_sync(&self, name: String) -> Answer {
        self.ask(&Request::Change { name: name.as_bytes() })
    }

    #[napi]
    pub fn own_sync(&self, name: String) -> Answer {
        self.ask(&Request::Own { name: name.as_bytes() })
    }

    #[napi]
    pub fn remove_sync(&self, name: String, is_directory: bool) -> Answer {
        self.ask(&Request::Remove { name: name.as_bytes(), directory: is_directory })
    }

    #[napi]
    pub fn move_sync(&self, from: String, to: String, is_directory: bool) -> Answer {
        let (from, to) = (from.as_bytes(), to.as_bytes());
        self.ask(&Request::Move { from, to, directory: is_directory })
    }

    fn ask(&self, request: &Request) -> Answer {
        let Shared { client, settings, .. } = self.shared;
        let mut said = Said::new();
        loop {
            match client.ask(settings, request, &mut said) {
                Ok(answer) => return answer.into(),
                // Node's own calls go on after a signal, whose listeners run once they are done.
                Err(failure) if failure.errno == libc::EINTR => {}
                Err(failure) => return Answer::failed(failure, said.as_bytes()),
            }
        }
    }
}
