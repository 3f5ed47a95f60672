//! Why Spaces did not do what it was asked.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum SpacesError {
    /// In the server's own words, its code first.
    #[error("Spaces refused {call}: {status} {message}{}", advice(*status, message, variable))]
    Refused {
        call: String,
        status: u16,
        message: String,
        variable: &'static str,
    },
    #[error("Spaces did not do {call} within {} s of trying; last: {last}", deadline.as_secs())]
    Deadline { call: String, deadline: Duration, last: String },
    #[error("Spaces answered {call} with what is not understood: {why}")]
    Nonsense { call: String, why: String },
    #[error("cannot read {}: {source}; it must not change while it is sent", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("interrupted at {call}")]
    Interrupted { call: String },
}

fn advice(status: u16, message: &str, variable: &str) -> String {
    let code = message.split(':').next().unwrap_or_default();
    match (code, status) {
        ("InvalidAccessKeyId" | "SignatureDoesNotMatch", _) => format!("; are the keys right of which {variable} is one, and still valid?"),
        ("NoSuchBucket", _) => "; name a bucket that is there, and its region: --bucket, --bucket-region".to_owned(),
        ("RequestTimeTooSkewed", _) => "; is this machine's clock right?".to_owned(),
        (_, 403) => format!("; the key in {variable} must be allowed to list, write, read and delete in the bucket"),
        _ => String::new(),
    }
}
