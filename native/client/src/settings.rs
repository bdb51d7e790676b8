//! The environment of the program, as it was at its start: a program may change or overwrite it
//! later.

use crate::managed::Directory;
use crate::protocol::Hello;
use crate::sys;
use crate::text::{PathText, Text, TooLong};
use crate::variables::{is_of_clients, is_path, is_read};

/// Endings of names for which no open and no stat waits, unless DYAD_NO_WAIT has others.
const NO_WAIT: &[u8] = b"-journal:-wal:-shm:.lock:.lck:.swp:.tmp:.pyc:~";

/// What the opens and closes of managed paths do where no agent is in reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AgentMissing {
    /// They fail with ENOTCONN.
    Fail,
    /// They pass through, with one warning a process.
    Pass,
}

/// Programs whose stat waits, unless DYAD_STAT_WAIT has others.
const STAT_WAIT: &[u8] = b"cp:mv:install:tar:rsync:gzip:bzip2:xz:zstd:zip:unzip:scp:diff";

/// What stat and access of a consumer-managed file that is not here do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stat {
    /// They fetch it if it is published.
    Fetch,
    /// They wait for the file and fetch it.
    Wait,
    /// They answer from its record, without transfer.
    Record,
    /// They tell of what is here alone.
    Plain,
}

/// Why the environment cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unusable(pub &'static &'static str);

impl From<TooLong> for Unusable {
    fn from(_: TooLong) -> Self {
        Unusable(&"a variable that begins with DYAD_ is too long")
    }
}

/// What the environment says. It is large: it belongs into a static, where it takes no memory until
/// it is read.
pub struct Settings {
    pub producer: Directory,
    pub consumer: Directory,
    /// The path of the agent's socket.
    pub agent: PathText,
    pub agent_missing: AgentMissing,
    pub stat: Stat,
    /// Each failure is to be told on stderr.
    pub debug: bool,
    no_wait: Text<1024>,
    program: Text<256>,
    pub(crate) hello: Hello,
    kept: Text<KEPT>,
}

/// Room for the variables of the environment.
const KEPT: usize = 65_536;

impl Settings {
    pub const fn new() -> Self {
        Self {
            producer: Directory::new(),
            consumer: Directory::new(),
            agent: PathText::new(),
            agent_missing: AgentMissing::Fail,
            stat: Stat::Fetch,
            debug: false,
            no_wait: Text::new(),
            program: Text::new(),
            hello: Hello::new(),
            kept: Text::new(),
        }
    }

    /// Notes the name that the program was started by, before its environment is read.
    pub fn set_program(&mut self, path: &[u8]) {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        self.program.clear();
        self.program.push_what_fits(name);
    }

    fn is_one_of(&self, names: &[u8]) -> bool {
        !self.program.is_empty()
            && names.split(|&byte| byte == b':').any(|name| name == self.program.as_bytes())
    }

    /// Reads an environment, given as its `NAME=VALUE` entries. Returns whether a directory is
    /// managed: where none is, nothing else is read.
    pub fn read<'a>(
        &mut self,
        entries: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Result<bool, Unusable> {
        let get = |name: &str| value_of(entries.clone(), name);
        let mut path = PathText::new();
        if let Some(given) = get("DYAD_PATH_PRODUCER") {
            absolute(given, &mut path)?;
            self.producer.set(&path);
        }
        if let Some(given) = get("DYAD_PATH_CONSUMER") {
            absolute(given, &mut path)?;
            self.consumer.set(&path);
        }
        if !self.producer.is_set() && !self.consumer.is_set() {
            return Ok(false);
        }
        self.agent_missing = match get("DYAD_AGENT_MISSING") {
            None | Some(b"fail") => AgentMissing::Fail,
            Some(b"pass") => AgentMissing::Pass,
            Some(_) => return Err(Unusable(&"DYAD_AGENT_MISSING is neither 'fail' nor 'pass'")),
        };
        self.stat = match get("DYAD_STAT") {
            None | Some(b"fetch") if self.is_one_of(get("DYAD_STAT_WAIT").unwrap_or(STAT_WAIT)) => {
                Stat::Wait
            }
            None | Some(b"fetch") => Stat::Fetch,
            Some(b"wait") => Stat::Wait,
            Some(b"record") => Stat::Record,
            Some(b"plain") => Stat::Plain,
            Some(_) => return Err(Unusable(&"DYAD_STAT is none of fetch, wait, record, plain")),
        };
        self.debug = get("DYAD_SYNC_DEBUG").is_some_and(is_on);
        self.no_wait.set(get("DYAD_NO_WAIT").unwrap_or(NO_WAIT))?;
        self.find_agent(&get)?;
        self.say_hello(entries.clone(), get("DYAD_RUN").unwrap_or_default())?;
        Ok(true)
    }

    /// Tells whether an absolute, plain path is a managed directory, or lies in one.
    pub fn surround(&self, path: &[u8]) -> bool {
        self.producer.range_in(path).is_some() || self.consumer.range_in(path).is_some()
    }

    /// Tells whether an open of this name does not wait for its publication.
    pub fn waits_for(&self, name: &[u8]) -> bool {
        !self
            .no_wait
            .as_bytes()
            .split(|&byte| byte == b':')
            .any(|ending| !ending.is_empty() && name.ends_with(ending))
    }

    /// The variables of DYAD as they were at the start, those that are paths made absolute: entries
    /// `NAME=VALUE` with a NUL behind each.
    pub fn variables(&self) -> impl Iterator<Item = &[u8]> {
        self.kept.as_bytes().split_inclusive(|&byte| byte == 0)
    }

    fn find_agent<'a>(&mut self, get: &impl Fn(&str) -> Option<&'a [u8]>) -> Result<(), Unusable> {
        if let Some(given) = get("DYAD_AGENT") {
            return absolute(given, &mut self.agent);
        }
        match get("DYAD_STATE_DIR") {
            Some(given) => absolute(given, &mut self.agent)?,
            None => {
                absolute(b"/tmp/dyad-", &mut self.agent)?;
                push_number(&mut self.agent, sys::getuid())?;
            }
        }
        let mut host = Text::<65>::new();
        let node = match get("DYAD_NODE") {
            Some(node) => node,
            None => {
                let _ = host.fill(sys::host_name);
                host.as_bytes()
            }
        };
        self.agent.push(b"/agents/")?;
        self.agent.push(&hexadecimal(fnv_1a(node)))?;
        self.agent.push(b".sock")?;
        Ok(())
    }

    fn say_hello<'a>(
        &mut self,
        entries: impl Iterator<Item = &'a [u8]> + Clone,
        run: &[u8],
    ) -> Result<(), Unusable> {
        let mut path = PathText::new();
        self.hello.begin(run)?;
        self.kept.clear();
        for entry in entries.filter(|entry| entry.starts_with(b"DYAD_")) {
            let Some(equals) = entry.iter().position(|&byte| byte == b'=') else { continue };
            let (name, value) = entry.split_at(equals);
            let mut value = value.get(1..).unwrap_or_default();
            if is_path(name) && !value.is_empty() {
                absolute(value, &mut path)?;
                value = path.as_bytes();
            }
            if is_read(name) {
                self.hello.push_variable(name, value)?;
            }
            if is_read(name) || is_of_clients(name) {
                for part in [name, b"=", value, b"\0"] {
                    self.kept.push(part)?;
                }
            }
        }
        self.hello.end()?;
        Ok(())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

/// The value of a variable; one that is empty counts as not set.
fn value_of<'a>(mut entries: impl Iterator<Item = &'a [u8]>, name: &str) -> Option<&'a [u8]> {
    entries
        .find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
        .filter(|value| !value.is_empty())
}

fn is_on(value: &[u8]) -> bool {
    [&b"1"[..], b"true", b"yes", b"on"].iter().any(|on| value.eq_ignore_ascii_case(on))
}

/// Writes a path relative to the working directory as an absolute and plain one.
fn absolute(given: &[u8], into: &mut PathText) -> Result<(), Unusable> {
    if !given.starts_with(b"/") {
        into.fill(sys::getcwd).map_err(|_| Unusable(&"the working directory has no path"))?;
    }
    into.join(given)?;
    Ok(())
}

fn push_number(text: &mut PathText, number: u32) -> Result<(), TooLong> {
    if number >= 10 {
        push_number(text, number / 10)?;
    }
    text.push(&[b'0' + (number % 10) as u8])
}

fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn hexadecimal(number: u64) -> [u8; 16] {
    core::array::from_fn(|index| b"0123456789abcdef"[(number >> (60 - 4 * index)) as usize & 15])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entries: &[&str]) -> (Result<bool, Unusable>, std::boxed::Box<Settings>) {
        let mut settings = std::boxed::Box::new(Settings::new());
        let outcome = settings.read(entries.iter().map(|entry| entry.as_bytes()));
        (outcome, settings)
    }

    fn agent(entries: &[&str]) -> std::string::String {
        let with_directory = [&["DYAD_PATH_CONSUMER=/c"][..], entries].concat();
        let (outcome, settings) = read(&with_directory);
        assert_eq!(outcome, Ok(true));
        std::str::from_utf8(settings.agent.as_bytes()).unwrap().into()
    }

    #[test]
    fn without_a_managed_directory_nothing_is_read() {
        let entries = ["DYAD_NODE=A", "DYAD_STAT=nonsense", "DYAD_PATH_PRODUCER="];
        assert_eq!(read(&entries).0, Ok(false));
    }

    #[test]
    fn the_agent_listens_where_the_protocol_says() {
        assert_eq!(agent(&["DYAD_AGENT=/run/a.sock"]), "/run/a.sock");
        // The hash of the empty text, and that of "a", from the definition of FNV-1a.
        assert_eq!(fnv_1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(
            agent(&["DYAD_NODE=a", "DYAD_STATE_DIR=/s/"]),
            "/s/agents/af63dc4c8601ec8c.sock"
        );
        let uid = sys::getuid();
        assert_eq!(
            agent(&["DYAD_NODE=a", "XDG_RUNTIME_DIR=/run/user/1", "TMPDIR=/t/"]),
            std::format!("/tmp/dyad-{uid}/agents/af63dc4c8601ec8c.sock")
        );
    }

    #[test]
    fn variables_that_the_agent_does_not_read_are_not_sent() {
        let others: std::vec::Vec<_> =
            (0..70_000).map(|number| std::format!("DYAD_X{number}=x")).collect();
        let mut entries = std::vec!["DYAD_PATH_PRODUCER=/p", "DYAD_KVS=here"];
        entries.extend(others.iter().map(|entry| entry.as_str()));
        let (outcome, settings) = read(&entries);
        assert_eq!(outcome, Ok(true));
        let frame: std::vec::Vec<u8> = settings.hello.parts().concat();
        let sent = b"\x02\0\x12\0DYAD_PATH_PRODUCER\x02\0/p\x08\0DYAD_KVS\x04\0here";
        assert!(frame.ends_with(sent), "{frame:?}");
        let kept: std::vec::Vec<_> = settings.variables().collect();
        assert_eq!(kept, [&b"DYAD_PATH_PRODUCER=/p\0"[..], b"DYAD_KVS=here\0"]);
    }

    #[test]
    fn values_that_mean_nothing_are_refused() {
        for entry in ["DYAD_STAT=soon", "DYAD_AGENT_MISSING=panic"] {
            assert!(read(&["DYAD_PATH_PRODUCER=/p", entry]).0.is_err(), "{entry}");
        }
        let long = std::format!("DYAD_TOKEN={}", "x".repeat(70_000));
        assert!(read(&["DYAD_PATH_PRODUCER=/p", &long]).0.is_err());
    }

    #[test]
    fn the_stat_of_some_programs_waits() {
        for (program, more, stat) in [
            ("/bin/cp", "X=", Stat::Wait),
            ("cp", "DYAD_STAT=fetch", Stat::Wait),
            ("cp", "DYAD_STAT=plain", Stat::Plain),
            ("cp", "DYAD_STAT_WAIT=cat:sort", Stat::Fetch),
            ("sort", "DYAD_STAT_WAIT=cat:sort", Stat::Wait),
            ("cpio", "X=", Stat::Fetch),
            ("", "DYAD_STAT_WAIT=:", Stat::Fetch),
        ] {
            let mut settings = std::boxed::Box::new(Settings::new());
            settings.set_program(program.as_bytes());
            let entries = ["DYAD_PATH_CONSUMER=/c", more];
            assert_eq!(settings.read(entries.iter().map(|entry| entry.as_bytes())), Ok(true));
            assert_eq!(settings.stat, stat, "{program} {more}");
        }
    }

    #[test]
    fn some_names_are_not_waited_for() {
        let (_, settings) = read(&["DYAD_PATH_CONSUMER=/c"]);
        assert!(settings.waits_for(b"frames.db"));
        assert!(!settings.waits_for(b"frames.db-journal"));
        let (_, settings) = read(&["DYAD_PATH_CONSUMER=/c", "DYAD_NO_WAIT=.x::.y"]);
        assert!(settings.waits_for(b"frames.db-journal") && !settings.waits_for(b"a.y"));
    }
}
