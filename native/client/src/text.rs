//! Byte strings of a fixed capacity, for the stack and for statics.

/// A byte string of less than `N` bytes, with a NUL behind it, as the system takes it.
pub struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

/// A path as the system takes it.
pub type PathText = Text<4096>;

/// The text is too long for its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl<const N: usize> Text<N> {
    pub const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The text as the system takes it: up to its first NUL.
    pub fn as_ptr(&self) -> *const libc::c_char {
        self.bytes.as_ptr().cast()
    }

    pub fn clear(&mut self) {
        self.truncate(0);
    }

    pub fn truncate(&mut self, len: usize) {
        if len <= self.len {
            self.len = len;
            self.bytes[len] = 0;
        }
    }

    pub fn push(&mut self, more: &[u8]) -> Result<(), TooLong> {
        let end = self.len + more.len();
        if end >= N {
            return Err(TooLong);
        }
        self.bytes[self.len..end].copy_from_slice(more);
        self.bytes[end] = 0;
        self.len = end;
        Ok(())
    }

    pub fn set(&mut self, text: &[u8]) -> Result<(), TooLong> {
        self.clear();
        self.push(text)
    }

    /// Appends as much as there is room for.
    pub fn push_what_fits(&mut self, more: &[u8]) {
        let room = N - 1 - self.len;
        let _ = self.push(more.get(..room).unwrap_or(more));
    }

    /// Has a call write its text into the whole room; the call returns how many bytes it wrote.
    pub fn fill<E>(
        &mut self,
        write: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<usize, E> {
        self.clear();
        let len = write(&mut self.bytes[..N - 1])?;
        self.len = len.min(N - 1);
        self.bytes[self.len] = 0;
        Ok(len)
    }

    /// Makes an absolute path plain: without empty, `.` and `..` components. Returns whether it
    /// ended as the name of a directory does. The text is the base where the path is relative.
    pub fn join(&mut self, path: &[u8]) -> Result<bool, TooLong> {
        if path.first() == Some(&b'/') {
            self.clear();
        }
        if self.as_bytes() == b"/" {
            self.clear();
        }
        let mut names_directory = true;
        for component in path.split(|&byte| byte == b'/') {
            names_directory = matches!(component, b"" | b"." | b"..");
            match component {
                b"" | b"." => {}
                b".." => {
                    let parent = self.as_bytes().iter().rposition(|&byte| byte == b'/');
                    self.truncate(parent.unwrap_or(0));
                }
                name => {
                    self.push(b"/")?;
                    self.push(name)?;
                }
            }
        }
        if self.is_empty() {
            self.push(b"/")?;
        }
        Ok(names_directory)
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(base: &[u8], path: &[u8]) -> (std::string::String, bool) {
        let mut text = PathText::new();
        text.set(base).unwrap();
        let names_directory = text.join(path).unwrap();
        (std::str::from_utf8(text.as_bytes()).unwrap().into(), names_directory)
    }

    #[test]
    fn join_makes_paths_plain() {
        for (base, path, plain, names_directory) in [
            ("/", "a", "/a", false),
            ("/w", "a/./b//c/../d", "/w/a/b/d", false),
            ("/w", "/x//y/", "/x/y", true),
            ("/w", "../../../a", "/a", false),
            ("/w", "..", "/", true),
            ("/w", ".", "/w", true),
            ("/w", "a/.", "/w/a", true),
            ("/w", "..a", "/w/..a", false),
        ] {
            assert_eq!(joined(base.as_bytes(), path.as_bytes()), (plain.into(), names_directory));
        }
    }

    #[test]
    fn a_text_that_does_not_fit_is_refused() {
        let mut text = Text::<4>::new();
        assert_eq!(text.set(b"abcd"), Err(TooLong));
        assert_eq!(text.set(b"abc"), Ok(()));
        text.truncate(1);
        text.push_what_fits(b"xyz");
        assert_eq!(text.as_bytes(), b"axy");
    }
}
