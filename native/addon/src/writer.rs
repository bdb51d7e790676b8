//! Whether a file has a writer.

use dyad_client::{PathText, Writers, writers};
use napi_derive::napi;

/// Returns whether a process of this host has a file open for writing: `none`, `left`, `gone` where
/// the path names no regular file any more, or `unknown` where the file system does not tell.
#[napi]
pub fn writers_of(path: String) -> &'static str {
    let mut text = PathText::new();
    if text.set(path.as_bytes()).is_err() {
        return "unknown";
    }
    match writers(&text, None) {
        Writers::None => "none",
        Writers::Left => "left",
        Writers::Gone => "gone",
        Writers::Unknown => "unknown",
    }
}
