//! The one way to wait for something that we cannot be told about: ask again until a deadline.

use std::time::{Duration, Instant};

use crate::exec::interrupt;

/// What one look found.
#[derive(Debug)]
pub enum Look<T> {
    /// It is there.
    Ready(T),
    /// Not yet; the text says what was seen instead.
    Pending(String),
    /// It will never be; the text says why.
    Gone(String),
}

/// Why a wait ended without what was waited for.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    #[error("{what}: not within {} s; last seen: {last}", deadline.as_secs())]
    Deadline { what: String, deadline: Duration, last: String },
    #[error("{what}: {why}")]
    Gone { what: String, why: String },
    #[error("interrupted while waiting for {what}")]
    Interrupted { what: String },
}

/// Looks every `interval` until `look` is ready, says that it is in vain, or `deadline` passed. Ctrl-C ends it at once.
///
/// # Errors
/// [`WaitError`] with the last state that was seen.
pub fn until<T>(what: &str, deadline: Duration, interval: Duration, mut look: impl FnMut() -> Look<T>) -> Result<T, WaitError> {
    let started = Instant::now();
    loop {
        let last = match look() {
            Look::Ready(value) => return Ok(value),
            Look::Gone(why) => {
                return Err(WaitError::Gone {
                    what: what.to_owned(),
                    why,
                });
            }
            Look::Pending(last) => last,
        };
        if interrupt::requested() {
            return Err(WaitError::Interrupted { what: what.to_owned() });
        }
        let left = deadline.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(WaitError::Deadline {
                what: what.to_owned(),
                deadline,
                last,
            });
        }
        interrupt::pause(interval.min(left));
    }
}
