//! Decides whether a path is managed, by its text.

use crate::descriptor::path_of;
use crate::settings::Settings;
use crate::sys;
use crate::text::PathText;
use core::ffi::c_int;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

/// What the names of the temporary files of DYAD begin with; they are never managed.
const TEMPORARY_PREFIX: &[u8] = b".dyad-";
/// Longest component of a name, as Linux file systems have it.
const LONGEST_COMPONENT: usize = 255;

/// A managed directory: as it is given, and with its symbolic links resolved.
pub struct Directory {
    given: PathText,
    real: PathText,
    device: AtomicU64,
}

impl Directory {
    pub const fn new() -> Self {
        Self { given: PathText::new(), real: PathText::new(), device: AtomicU64::new(0) }
    }

    pub fn is_set(&self) -> bool {
        !self.given.is_empty()
    }

    /// The absolute path of the directory, as it is given.
    pub fn path(&self) -> &[u8] {
        self.given.as_bytes()
    }

    /// Sets the directory, which need not exist yet. `path` is absolute and plain.
    pub(crate) fn set(&mut self, path: &PathText) {
        let _ = self.given.set(path.as_bytes());
        resolve_what_exists(path, &mut self.real);
    }

    /// Tells whether a file on this device may lie in the directory.
    pub fn may_hold(&self, device: u64) -> bool {
        let mut own = self.device.load(Ordering::Relaxed);
        if own == 0 && self.is_set() {
            // SAFETY: a text has a NUL behind it.
            let found = unsafe { sys::look(libc::AT_FDCWD, self.given.as_ptr(), 0) };
            own = found.map(|look| look.file.device).unwrap_or(0);
            self.device.store(own, Ordering::Relaxed);
        }
        own == device
    }

    /// The range of `path` that is relative to this directory; empty for the directory itself.
    pub(crate) fn range_in(&self, path: &[u8]) -> Option<Range<usize>> {
        below(self.given.as_bytes(), path).or_else(|| below(self.real.as_bytes(), path))
    }

    /// The name of the file that an absolute, plain path names.
    pub fn name_in<'a>(&self, path: &'a [u8]) -> Option<&'a [u8]> {
        let name = path.get(self.range_in(path)?)?;
        is_managed(name).then_some(name)
    }
}

impl Default for Directory {
    fn default() -> Self {
        Self::new()
    }
}

fn below(directory: &[u8], path: &[u8]) -> Option<Range<usize>> {
    if directory.is_empty() || !path.starts_with(directory) {
        return None;
    }
    match path.get(directory.len()) {
        _ if directory == b"/" => Some(1..path.len()),
        None => Some(path.len()..path.len()),
        Some(b'/') => Some(directory.len() + 1..path.len()),
        Some(_) => None,
    }
}

fn is_managed(name: &[u8]) -> bool {
    !name.is_empty()
        && name.split(|&byte| byte == b'/').all(|component| {
            component.len() <= LONGEST_COMPONENT && !component.starts_with(TEMPORARY_PREFIX)
        })
}

/// Where a path leads.
pub struct Place {
    path: PathText,
    producer: Option<(usize, usize)>,
    consumer: Option<(usize, usize)>,
    /// The path ends as the name of a directory does.
    pub names_directory: bool,
}

impl Place {
    pub const fn new() -> Self {
        Self { path: PathText::new(), producer: None, consumer: None, names_directory: false }
    }

    /// The absolute path.
    pub fn path(&self) -> &PathText {
        &self.path
    }

    /// The name in the producer-managed directory.
    pub fn producer_name(&self) -> Option<&[u8]> {
        self.producer.and_then(|(start, end)| self.path.as_bytes().get(start..end))
    }

    /// The name in the consumer-managed directory.
    pub fn consumer_name(&self) -> Option<&[u8]> {
        self.consumer.and_then(|(start, end)| self.path.as_bytes().get(start..end))
    }

    /// Decides anew, for the path that `write` writes.
    pub fn decide(
        &mut self,
        settings: &Settings,
        write: impl FnOnce(&mut PathText) -> sys::Result<()>,
    ) -> sys::Result<()> {
        (self.producer, self.consumer) = (None, None);
        write(&mut self.path).inspect_err(|_| self.path.clear())?;
        let path = self.path.as_bytes();
        let range = |directory: &Directory| {
            let range = directory.range_in(path)?;
            is_managed(path.get(range.clone())?).then_some((range.start, range.end))
        };
        self.producer = range(&settings.producer);
        self.consumer = range(&settings.consumer);
        Ok(())
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

/// Tells whether a path needs a closer look. Most do not, and this costs them no system call, no
/// copy and next to no stack.
pub fn may_be_managed(settings: &Settings, path: &[u8]) -> bool {
    if path.first() != Some(&b'/') {
        return true;
    }
    let is_plain = !path.windows(2).any(|pair| matches!(pair, b"//" | b"/."));
    !is_plain
        || settings.producer.range_in(path).is_some()
        || settings.consumer.range_in(path).is_some()
}

/// Tells whether a relative path leads where its text says, whatever of it are links: it has no
/// `..` behind a name.
pub fn leads_as_written(path: &[u8]) -> bool {
    let mut components =
        path.split(|&byte| byte == b'/').skip_while(|&name| matches!(name, b"" | b"." | b".."));
    components.all(|name| name != b"..")
}

/// Writes where `path` leads, relative to a directory's descriptor or AT_FDCWD. Returns false where
/// it leads to no managed name; the path is empty then where nothing can be said of it.
pub fn locate(settings: &Settings, dirfd: c_int, path: &[u8], place: &mut Place) -> bool {
    if path.is_empty() || !may_be_managed(settings, path) {
        return false;
    }
    let mut names_directory = false;
    let decided = place.decide(settings, |text| {
        if path.first() != Some(&b'/') {
            if dirfd == libc::AT_FDCWD {
                text.fill(sys::getcwd)?;
            } else {
                path_of(dirfd, text)?;
            }
        }
        names_directory = text.join(path).map_err(|_| libc::ENAMETOOLONG)?;
        Ok(())
    });
    place.names_directory = names_directory;
    decided.is_ok() && (place.producer.is_some() || place.consumer.is_some())
}

/// Writes `path` with the symbolic links of as much of it as exists resolved.
fn resolve_what_exists(path: &PathText, into: &mut PathText) {
    let mut existing = PathText::new();
    let _ = existing.set(path.as_bytes());
    loop {
        // SAFETY: a text has a NUL behind it.
        let opened = unsafe { sys::openat(libc::AT_FDCWD, existing.as_ptr(), libc::O_PATH) };
        if let Ok(fd) = opened {
            let found = path_of(fd, into);
            let _ = sys::close(fd);
            if found.is_ok() {
                break;
            }
        }
        let parent = existing.as_bytes().iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        if parent == 0 {
            let _ = into.set(path.as_bytes());
            return;
        }
        existing.truncate(parent);
    }
    let rest = path.as_bytes().get(existing.as_bytes().len()..).unwrap_or_default();
    if into.push(rest).is_err() {
        let _ = into.set(path.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> std::boxed::Box<Settings> {
        let mut settings = std::boxed::Box::new(Settings::new());
        settings.producer.given.set(b"/p/data").unwrap();
        settings.producer.real.set(b"/real/data").unwrap();
        settings.consumer.given.set(b"/c").unwrap();
        settings
    }

    fn names(path: &str) -> (Option<std::string::String>, Option<std::string::String>) {
        let mut place = Place::new();
        locate(&settings(), libc::AT_FDCWD, path.as_bytes(), &mut place);
        let text = |name: Option<&[u8]>| name.map(|name| std::str::from_utf8(name).unwrap().into());
        (text(place.producer_name()), text(place.consumer_name()))
    }

    #[test]
    fn every_spelling_names_the_same_file() {
        for path in ["/p/data/a/b", "/p//data/./a/x/../b", "/real/data/a/b", "/c/../p/data/a/b"] {
            assert_eq!(names(path), (Some("a/b".into()), None), "{path}");
        }
        assert_eq!(names("/c/x"), (None, Some("x".into())));
    }

    #[test]
    fn a_path_elsewhere_is_not_managed() {
        for path in [
            "/p/data",
            "/p/data/",
            "/p/database",
            "/p",
            "/",
            "/x/c/y",
            "/p/data/../x",
            "/c/.dyad-1/x",
        ] {
            assert_eq!(names(path), (None, None), "{path}");
        }
    }

    #[test]
    fn a_name_before_two_dots_may_be_a_link() {
        for (path, is_so) in
            [("a/b", true), (".././../a/..b", true), ("", true), ("a/../b", false), ("a/..", false)]
        {
            assert_eq!(leads_as_written(path.as_bytes()), is_so, "{path}");
        }
    }

    #[test]
    fn a_plain_absolute_path_elsewhere_needs_no_closer_look() {
        let settings = settings();
        assert!(!may_be_managed(&settings, b"/usr/lib/libc.so.6"));
        assert!(may_be_managed(&settings, b"/p/data/x"));
        assert!(may_be_managed(&settings, b"/usr/../c/x"));
        assert!(may_be_managed(&settings, b"relative"));
    }
}
