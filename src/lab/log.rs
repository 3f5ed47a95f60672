//! The ends of logs, for errors.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// How much of the end of a log is looked at, bytes, and shown, lines.
const TAIL_BYTES: u64 = 16 * 1024;
const TAIL_LINES: usize = 15;

/// The last lines of a log; empty if there is none.
pub fn tail(path: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    // A serial console has carriage returns and, at times, colours: a terminal must not obey them.
    let clean: String = text.chars().filter(|c| *c == '\n' || *c == '\t' || !c.is_control()).collect();
    let lines: Vec<&str> = clean.trim_end().lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
