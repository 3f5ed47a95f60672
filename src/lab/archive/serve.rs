//! Connections of guests: one thread each, requests answered in their order. Whatever a guest sends, it costs a bounded amount.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Mode;
use super::request::{HEAD_MAX, Head, Refusal, Wanted, decide, parse};
use super::sources::Source;
use super::store::{Fetch, Store};
use crate::image::fetch::FetchError;

/// Connections at once, of all guests; apt has one for each archive.
const CONNECTIONS_MAX: usize = 64;

/// How long a connection may wait for its next request.
const IDLE: Duration = Duration::from_secs(120);

/// How long a head may take from its first byte to its last: emulated guests are slow, but have it ready.
const HEAD_DEADLINE: Duration = Duration::from_secs(20);

/// How long a guest may leave what we send unread.
const WRITE_DEADLINE: Duration = Duration::from_secs(300);

/// The most that the log holds, bytes: a guest must not fill the disk by asking.
const LOG_MAX: usize = 16 << 20;

/// What all connections share.
pub struct Shared {
    pub sources: Vec<Source>,
    pub store: Store,
    pub fetch: Box<Fetch>,
    /// By the guest's place in lab.json.
    pub modes: Vec<Mutex<Mode>>,
    pub log: Log,
    /// Connections.
    pub open: AtomicUsize,
}

/// How long a peer may take.
#[derive(Clone, Copy)]
struct Patience {
    idle: Duration,
    head: Duration,
}

/// Serves a guest until the process ends.
pub fn serve(shared: Arc<Shared>, guest: usize, name: String, listener: UnixListener) {
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (shared, name) = (Arc::clone(&shared), name.clone());
            if shared.open.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS_MAX {
                // Closing it without an answer costs least; apt tries again.
                shared.open.fetch_sub(1, Ordering::SeqCst);
                continue;
            }
            std::thread::spawn(move || {
                let patience = Patience {
                    idle: IDLE,
                    head: HEAD_DEADLINE,
                };
                // A guest that is gone is no fault.
                let _ = Connection::new(&shared, guest, &name, stream).run(patience);
                shared.open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
}

struct Connection<'a> {
    shared: &'a Shared,
    guest: usize,
    name: &'a str,
    stream: UnixStream,
    /// What was read and not used.
    buffer: Vec<u8>,
}

/// What a read of a head came to.
enum Incoming {
    Head(Vec<u8>),
    TooLong,
    TooSlow,
    End,
}

impl<'a> Connection<'a> {
    fn new(shared: &'a Shared, guest: usize, name: &'a str, stream: UnixStream) -> Self {
        Self {
            shared,
            guest,
            name,
            stream,
            buffer: Vec::new(),
        }
    }

    fn run(&mut self, patience: Patience) -> io::Result<()> {
        self.stream.set_write_timeout(Some(WRITE_DEADLINE))?;
        loop {
            let bytes = match self.read_head(patience)? {
                Incoming::End => return Ok(()),
                Incoming::TooLong => return self.refuse("a head without end", false, 431, "Too much of a request"),
                Incoming::TooSlow => return self.refuse("half a head", false, 408, "Too slow"),
                Incoming::Head(bytes) => bytes,
            };
            let mode = self.shared.modes[self.guest].lock().unwrap_or_else(PoisonError::into_inner).clone();
            if mode == Mode::Away {
                self.shared.log.line(self.name, "away", &String::from_utf8_lossy(&bytes));
                return Ok(());
            }
            let head = match parse(&bytes) {
                Ok(head) => head,
                Err(Refusal { status, reason }) => {
                    let line = String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().to_owned();
                    return self.refuse(&line, false, status, &reason);
                }
            };
            let line = format!("{} {}", head.method, head.target);
            match decide(&head, &self.shared.sources) {
                Err(Refusal { status, reason }) => return self.refuse(&line, head.method == "HEAD", status, &reason),
                Ok(wanted) => self.answer(&head, &line, &wanted, &mode)?,
            }
            if head.close {
                return Ok(());
            }
        }
    }

    /// Reads up to the empty line behind a head.
    fn read_head(&mut self, patience: Patience) -> io::Result<Incoming> {
        let mut deadline = Instant::now() + if self.buffer.is_empty() { patience.idle } else { patience.head };
        let mut chunk = [0; 4096];
        loop {
            if let Some(end) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                if end > HEAD_MAX {
                    return Ok(Incoming::TooLong);
                }
                let rest = self.buffer.split_off(end + 4);
                let mut head = std::mem::replace(&mut self.buffer, rest);
                head.truncate(end);
                return Ok(Incoming::Head(head));
            }
            if self.buffer.len() > HEAD_MAX {
                return Ok(Incoming::TooLong);
            }
            let silent = self.buffer.is_empty();
            let gave_up = || if silent { Incoming::End } else { Incoming::TooSlow };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(gave_up());
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(Incoming::End),
                Ok(count) => {
                    if silent {
                        deadline = Instant::now() + patience.head;
                    }
                    self.buffer.extend_from_slice(&chunk[..count]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => return Ok(gave_up()),
                Err(error) => return Err(error),
            }
        }
    }

    fn answer(&mut self, head: &Head, line: &str, wanted: &Wanted, mode: &Mode) -> io::Result<()> {
        let started = Instant::now();
        let hidden = matches!(mode, Mode::Without(text) if wanted.name.contains(text.as_str()));
        let got = if hidden {
            Err(FetchError::NotFound)
        } else {
            self.shared.store.get(wanted, head.no_cache, &*self.shared.fetch)
        };
        let close = if head.close { "close" } else { "keep-alive" };
        match got {
            Ok(mut got) => {
                let how = if got.kept { "kept" } else { "fetched" };
                let outcome = format!("200 {how} {} bytes in {:.1} s", got.length, started.elapsed().as_secs_f64());
                self.shared.log.line(self.name, &outcome, line);
                write!(
                    self.stream,
                    "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\nConnection: {close}\r\n\r\n",
                    got.length
                )?;
                let sent = io::copy(&mut Read::by_ref(&mut got.file).take(got.length), &mut self.stream)?;
                if sent == got.length {
                    Ok(())
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                }
            }
            Err(error) => {
                let (status, reason) = match error {
                    FetchError::NotFound => (404, "Not Found".to_owned()),
                    FetchError::Failed(why) => (502, format!("The archive was not reached: {why}")),
                };
                self.shared.log.line(self.name, &format!("{status} {reason}"), line);
                self.send(status, &reason, close, true)
            }
        }
    }

    /// Says no, writes it down, and closes.
    fn refuse(&mut self, line: &str, head_only: bool, status: u16, reason: &str) -> io::Result<()> {
        self.shared.log.line(self.name, &format!("{status} {reason}"), line);
        self.send(status, reason, "close", !head_only)
    }

    fn send(&mut self, status: u16, reason: &str, connection: &str, body: bool) -> io::Result<()> {
        // It becomes a line, and apt shows it on a terminal.
        let reason: String = reason.chars().filter(|c| *c == ' ' || c.is_ascii_graphic()).take(300).collect();
        let text = format!("{reason}\n");
        write!(
            self.stream,
            "HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n",
            text.len()
        )?;
        if body { self.stream.write_all(text.as_bytes()) } else { Ok(()) }
    }
}

/// A line for each request.
pub struct Log {
    started: Instant,
    file: Mutex<(File, usize)>,
}

impl Log {
    /// Begins the file `path` anew.
    ///
    /// # Errors
    /// That of the file.
    pub fn new(path: &Path) -> io::Result<Self> {
        Ok(Self {
            started: Instant::now(),
            file: Mutex::new((File::create(path)?, 0)),
        })
    }

    /// Seconds since the lab's start, guest, outcome, request.
    fn line(&self, guest: &str, outcome: &str, request: &str) {
        let plain: String = request
            .chars()
            .map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' })
            .take(400)
            .collect();
        let line = format!("{:.1} {guest} {outcome}: {plain}\n", self.started.elapsed().as_secs_f64());
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if file.1 + line.len() <= LOG_MAX {
            file.1 += line.len();
            // A full disk is no reason not to answer.
            let _ = file.0.write_all(line.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
