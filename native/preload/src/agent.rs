//! Asks the agent for the program, and does what the environment says where there is none.

use crate::say;
use crate::start::{CLIENT, fault, settings};
use core::sync::atomic::{AtomicBool, Ordering};
use dyad_client::sys::Errno;
use dyad_client::{AgentMissing, Answer, Request, Said};

static HAS_WARNED: AtomicBool = AtomicBool::new(false);

/// Asks the agent; without one, and where the environment lets the calls of such a program pass,
/// all is as if nothing was published.
pub fn ask(request: Request) -> Result<Answer, Errno> {
    if let Some(why) = fault() {
        say::debug(&[request.name(), b": ", why.as_bytes()]);
        return Err(libc::EINVAL);
    }
    let mut said = Said::new();
    let failure = match CLIENT.ask(settings(), &request, &mut said) {
        Ok(answer) => return Ok(answer),
        Err(failure) => failure,
    };
    if failure.no_agent && settings().agent_missing == AgentMissing::Pass {
        if !HAS_WARNED.swap(true, Ordering::AcqRel) {
            say::line(&[said.as_bytes(), b"; files are neither waited for nor published"]);
        }
        return Ok(Answer::Absent);
    }
    say::debug(&[request.name(), b": ", said.as_bytes()]);
    Err(failure.errno)
}

/// Asks for something whose answer says nothing more than that it is done.
pub fn tell(request: Request) -> Result<(), Errno> {
    ask(request).map(|_| ())
}
