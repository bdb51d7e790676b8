//! What the library says on stderr: nothing, unless it is asked to or has to.

use crate::start::settings;
use dyad_client::{Text, sys};

/// Says a line.
pub fn line(parts: &[&[u8]]) {
    let mut text = Text::<1024>::new();
    text.push_what_fits(b"dyad: ");
    for part in parts {
        text.push_what_fits(part);
    }
    text.truncate(text.as_bytes().len().min(1022));
    text.push_what_fits(b"\n");
    sys::write_line(2, text.as_bytes());
}

/// Says a line where DYAD_SYNC_DEBUG asks for it.
pub fn debug(parts: &[&[u8]]) {
    if settings().debug {
        line(parts);
    }
}
