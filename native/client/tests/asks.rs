//! The client against an agent of the tests' own, which answers as each test tells it.

use dyad_client::sys::{self, Errno};
use dyad_client::{Answer, Client, Failure, Record, Request, Said, Settings};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{JoinHandle, spawn};

static COUNT: AtomicUsize = AtomicUsize::new(0);

struct Site {
    path: PathBuf,
    settings: &'static Settings,
    client: &'static Client,
}

fn site() -> Site {
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("dyad-client-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let agent = format!("DYAD_AGENT={}", path.display());
    let mut settings = Box::new(Settings::new());
    let entries = [agent.as_str(), "DYAD_PATH_CONSUMER=/c", "DYAD_RUN=run"];
    assert_eq!(settings.read(entries.iter().map(|entry| entry.as_bytes())), Ok(true));
    let client: &'static Client = Box::leak(Box::new(Client::new()));
    client.begin().unwrap();
    Site { path, settings: Box::leak(settings), client }
}

impl Site {
    /// Serves that many connections, one after the other.
    fn serve(
        &self,
        connections: usize,
        mut serve: impl FnMut(usize, UnixStream) + Send + 'static,
    ) -> JoinHandle<()> {
        let listener = UnixListener::bind(&self.path).unwrap();
        let path = self.path.clone();
        spawn(move || {
            for index in 0..connections {
                serve(index, listener.accept().unwrap().0);
            }
            std::fs::remove_file(path).unwrap();
        })
    }

    fn consume(&self) -> Result<Answer, (Errno, String)> {
        self.ask(&Request::Consume { name: b"x", wait: true })
    }

    fn ask(&self, request: &Request) -> Result<Answer, (Errno, String)> {
        let mut said = Said::new();
        let told = self.client.ask(self.settings, request, &mut said);
        told.map_err(|Failure { errno, .. }| {
            (errno, String::from_utf8(said.as_bytes().to_vec()).unwrap())
        })
    }
}

/// Kind, id and body of the next frame; none at the end.
fn frame(stream: &mut UnixStream) -> Option<(u8, u32, Vec<u8>)> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut rest = vec![0; u32::from_le_bytes(length) as usize];
    stream.read_exact(&mut rest).ok()?;
    let id = u32::from_le_bytes(rest[1..5].try_into().unwrap());
    Some((rest[0], id, rest[5..].to_vec()))
}

fn answer(kind: u8, id: u32, body: &[u8]) -> Vec<u8> {
    let length = (5 + body.len()) as u32;
    [&length.to_le_bytes()[..], &[kind], &id.to_le_bytes(), body].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_le_bytes()[..], text.as_bytes()].concat()
}

fn failed(errno: u32, message: &str) -> Vec<u8> {
    [&errno.to_le_bytes()[..], &text("ERR"), &text(message)].concat()
}

/// Answers HELLO; returns the id of the request that follows.
fn greet(stream: &mut UnixStream) -> u32 {
    let (kind, id, _) = frame(stream).unwrap();
    assert_eq!(kind, 1);
    stream.write_all(&answer(128, id, b"")).unwrap();
    frame(stream).unwrap().1
}

#[test]
fn one_connection_is_greeted_once_and_used_again() {
    let site = site();
    let server = site.serve(1, |_, mut stream| {
        let (kind, id, body) = frame(&mut stream).unwrap();
        assert_eq!(kind, 1);
        assert_eq!(body[..2], [1, 0]);
        assert_eq!(body[2..7], text("run"));
        stream.write_all(&answer(128, id, b"")).unwrap();
        let (kind, id, body) = frame(&mut stream).unwrap();
        assert_eq!((kind, body.as_slice()), (2, &b"\x01\x01\0x"[..]));
        stream.write_all(&answer(128, id, b"")).unwrap();
        let (kind, id, _) = frame(&mut stream).unwrap();
        assert_eq!(kind, 3);
        let body = [&5u64.to_le_bytes()[..], &7u64.to_le_bytes(), &0o640u32.to_le_bytes()].concat();
        // Byte by byte.
        for byte in answer(130, id, &body) {
            stream.write_all(&[byte]).unwrap();
        }
        let (kind, id, _) = frame(&mut stream).unwrap();
        assert_eq!(kind, 4);
        stream.write_all(&answer(129, id, b"")).unwrap();
    });
    assert_eq!(site.consume(), Ok(Answer::Done));
    let record = Record { size: 5, modified: 7, permissions: 0o640 };
    let look = Request::Look { name: b"x", wait: false };
    assert_eq!(site.ask(&look), Ok(Answer::Record(record)));
    assert_eq!(site.ask(&Request::Produce { name: b"x" }), Ok(Answer::Absent));
    server.join().unwrap();
}

#[test]
fn a_long_message_is_cut_off_and_the_connection_goes_on() {
    let site = site();
    let server = site.serve(1, |_, mut stream| {
        let id = greet(&mut stream);
        stream.write_all(&answer(132, id, &failed(110, &"m".repeat(4096)))).unwrap();
        let (_, id, _) = frame(&mut stream).unwrap();
        stream.write_all(&answer(128, id, b"")).unwrap();
    });
    let (errno, said) = site.consume().unwrap_err();
    assert_eq!(errno, libc::ETIMEDOUT);
    assert!(said.starts_with("ERR: mmm") && said.len() < 600, "{said}");
    assert_eq!(site.consume(), Ok(Answer::Done));
    server.join().unwrap();
}

#[test]
fn a_failed_hello_fails_the_request_and_ends_the_connection() {
    let site = site();
    let server = site.serve(2, |index, mut stream| {
        let (_, id, _) = frame(&mut stream).unwrap();
        let kind = if index == 0 { 132 } else { 128 };
        let body = if index == 0 { failed(22, "no namespace") } else { vec![] };
        stream.write_all(&answer(kind, id, &body)).unwrap();
        let (_, id, _) = frame(&mut stream).unwrap();
        let _ = stream.write_all(&answer(kind, id, &body));
    });
    assert_eq!(site.consume(), Err((libc::EINVAL, "ERR: no namespace".into())));
    assert_eq!(site.consume(), Ok(Answer::Done));
    server.join().unwrap();
}

#[test]
fn what_is_none_of_the_protocol_ends_the_connection() {
    let answers: [fn(u32) -> Vec<u8>; 6] = [
        |_| 65_537u32.to_le_bytes().repeat(3),
        |_| 4u32.to_le_bytes().repeat(3),
        |id| answer(128, id + 1, b""),
        |id| answer(200, id, b""),
        |id| answer(130, id, b"short"),
        |id| answer(132, id, b""),
    ];
    for nonsense in answers {
        let site = site();
        let server = site.serve(1, move |_, mut stream| {
            let id = greet(&mut stream);
            stream.write_all(&nonsense(id)).unwrap();
            assert_eq!(frame(&mut stream), None);
        });
        assert_eq!(site.consume().map_err(|(errno, _)| errno), Err(libc::EPROTO));
        server.join().unwrap();
    }
}

#[test]
fn a_lost_connection_is_made_again_and_the_request_repeated() {
    let site = site();
    let server = site.serve(3, |index, mut stream| {
        if index == 0 {
            // Half an answer.
            let id = greet(&mut stream);
            stream.write_all(&answer(128, id, b"")[..6]).unwrap();
        } else if index == 2 {
            let id = greet(&mut stream);
            stream.write_all(&answer(128, id, b"")).unwrap();
        }
    });
    assert_eq!(site.consume(), Ok(Answer::Done));
    server.join().unwrap();
}

#[test]
fn without_an_agent_the_request_fails_at_once() {
    let site = site();
    let mut said = Said::new();
    let request = Request::Produce { name: b"x" };
    let failure = site.client.ask(site.settings, &request, &mut said).unwrap_err();
    assert_eq!(failure, Failure { errno: libc::ENOTCONN, no_agent: true });
}

#[test]
fn a_name_that_is_too_long_is_refused_here() {
    let site = site();
    let name = [b'n'; 3801];
    let told = site.ask(&Request::Produce { name: &name });
    assert_eq!(told.map_err(|(errno, _)| errno), Err(libc::ENAMETOOLONG));
}

#[test]
fn a_descriptor_that_became_the_programs_is_left_alone() {
    let site = site();
    let server = site.serve(2, |_, mut stream| {
        let id = greet(&mut stream);
        stream.write_all(&answer(128, id, b"")).unwrap();
        // The client's end of the first is closed behind its back.
        let _ = stream.read(&mut [0; 1]);
    });
    assert_eq!(site.consume(), Ok(Answer::Done));
    let held = site.client.next_held(0).unwrap();
    let path = site.path.with_extension("file");
    let file = File::create(&path).unwrap();
    sys::duplicate(file.as_raw_fd(), held).unwrap();
    assert_eq!(site.consume(), Ok(Answer::Done));
    assert_eq!(std::fs::read(&path).unwrap(), b"");
    assert!(!site.client.holds(held));
    std::fs::remove_file(&path).unwrap();
    sys::close(site.client.next_held(0).unwrap()).unwrap();
    server.join().unwrap();
}

#[test]
fn a_forked_child_has_a_connection_of_its_own() {
    let site = site();
    let server = site.serve(2, |_, mut stream| {
        let id = greet(&mut stream);
        stream.write_all(&answer(128, id, b"")).unwrap();
        if let Some((_, id, _)) = frame(&mut stream) {
            stream.write_all(&answer(129, id, b"")).unwrap();
        }
    });
    assert_eq!(site.consume(), Ok(Answer::Done));
    // SAFETY: the child makes system calls alone and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // The parent waits, so the second connection is that of the child.
        let told = site.consume() == Ok(Answer::Done);
        sys::exit_group(i32::from(!told));
    }
    let ended = spawn(move || {
        let mut status = -1;
        // SAFETY: waits for the child of above.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        status
    });
    // The parent's own goes on, and its server then takes the child's.
    assert_eq!(site.consume(), Ok(Answer::Absent));
    assert_eq!(ended.join().unwrap(), 0);
    server.join().unwrap();
}

#[test]
fn the_agent_of_another_user_is_not_believed() {
    if sys::geteuid() != 0 {
        eprintln!("only root can be another user");
        return;
    }
    let site = site();
    let (mut ready, mut tell) = UnixStream::pair().unwrap();
    // SAFETY: the child uses its own copy of everything, and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: setuid has no conditions; the other threads are not in the child.
        unsafe { libc::syscall(libc::SYS_setuid, 65_534) };
        let listener = UnixListener::bind(&site.path);
        let _ = tell.write_all(b".");
        if let Ok(listener) = listener {
            let _ = listener.accept().map(|(mut stream, _)| stream.read(&mut [0; 1]));
        }
        sys::exit_group(0);
    }
    ready.read_exact(&mut [0; 1]).unwrap();
    let (errno, said) = site.consume().unwrap_err();
    assert_eq!((errno, said.as_str()), (libc::ENOTCONN, "the agent belongs to another user"));
    // SAFETY: the child of above.
    unsafe {
        libc::kill(child, libc::SIGKILL);
        libc::waitpid(child, core::ptr::null_mut(), 0);
    }
    std::fs::remove_file(&site.path).unwrap();
}
