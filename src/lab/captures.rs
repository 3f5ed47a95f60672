//! Captures of a running lab: the supervisor sends pcapng over the connection that asked for it, and whoever asked writes the file. So the
//! file belongs to its user, a slow disk holds up nobody, and the capture ends with the process that wanted it.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::control::{Answer, Request, connect, send};
use super::error::LabError;
use super::file::LabFile;
use super::pairs::{Pairs, PairsError};
use super::state::LabFolder;
use super::switch::Switch;
use super::switch::pcapng::{Limits, Summary, copy_block};
use crate::exec::interrupt;

/// The supervisor's side.
#[derive(Clone)]
pub(super) struct Captures {
    lab: Arc<LabFile>,
    switch: Switch,
}

impl Captures {
    pub fn new(lab: &LabFile, switch: &Switch) -> Self {
        Self {
            lab: Arc::new(lab.clone()),
            switch: switch.clone(),
        }
    }

    /// Answers a request for a capture between `hosts`, and serves it until it ends.
    pub fn serve(&self, mut stream: BufReader<UnixStream>, hosts: &[String; 2]) {
        let [a, b] = hosts;
        // Whoever asked may have gone: then there is nobody to tell of an error.
        let _ = match self.ports(a, b) {
            Err(error) => send(stream.get_mut(), &Answer::Refused(error.to_string())),
            Ok((from, to)) => self.capture(stream.get_mut(), from, to, &[format!("{a} to {b}"), format!("{b} to {a}")]),
        };
    }

    fn ports(&self, a: &str, b: &str) -> Result<(usize, usize), PairsError> {
        let pairs = Pairs::one_way(a, b).ports(&self.lab)?;
        pairs.first().copied().ok_or_else(|| PairsError::NoHost(a.to_owned()))
    }

    fn capture(&self, stream: &mut UnixStream, from: usize, to: usize, names: &[String; 2]) -> Result<(), super::control::ControlError> {
        let mut watched = stream.try_clone()?;
        let capture = self.switch.capture(from, to);
        let (switch, watched_capture) = (self.switch.clone(), Arc::clone(&capture));
        std::thread::spawn(move || {
            // Nothing more is said: a read returns when the other side wants no more, or is gone.
            while let Ok(1..) = watched.read(&mut [0]) {}
            switch.end_capture(&watched_capture);
        });
        let written = send(stream, &Answer::Done).and_then(|()| Ok(capture.write(stream, names)?));
        self.switch.end_capture(&capture);
        // Ends the thread, if it was we who ended.
        let _ = stream.shutdown(Shutdown::Both);
        written
    }
}

/// A capture that goes on; it ends when this is dropped.
#[derive(Debug)]
pub struct CaptureStream(BufReader<UnixStream>);

impl CaptureStream {
    pub(super) fn start(folder: &LabFolder, a: &str, b: &str) -> Result<Self, LabError> {
        let request = Request::Capture {
            hosts: [a.to_owned(), b.to_owned()],
        };
        Ok(Self(connect(folder, &request)?.1))
    }

    /// Writes the capture to `target` until `length` has passed, a signal asks this process to end, or the lab ends. What arrives is
    /// written at once, whole blocks only, so that the file is right at any time. `name` is the target's, for errors.
    ///
    /// # Errors
    /// [`LabError::Capture`].
    pub fn write_to(mut self, target: &mut impl Write, length: Option<Duration>, name: &str) -> Result<Summary, LabError> {
        let error = |source| LabError::Capture {
            target: name.to_owned(),
            source,
        };
        let started = Instant::now();
        let mut summary = Summary::default();
        let mut ending = false;
        loop {
            if !ending && self.0.buffer().is_empty() {
                target.flush().map_err(error)?;
                let left = length.map_or(Duration::MAX, |length| length.saturating_sub(started.elapsed()));
                let readable = !left.is_zero() && interrupt::wait_readable(Some(self.0.get_ref()), left);
                if left.is_zero() || interrupt::requested() {
                    // What is on its way still comes, and then the end.
                    self.0.get_ref().shutdown(Shutdown::Write).map_err(error)?;
                    ending = true;
                } else if !readable {
                    continue;
                }
            }
            if !copy_block(&mut self.0, target, Limits::NONE, &mut summary).map_err(error)? {
                target.flush().map_err(error)?;
                return Ok(summary);
            }
        }
    }

    /// Writes the capture to a new file `path` in the background, within `limits`.
    ///
    /// # Errors
    /// [`LabError::Capture`] if there can be no such file.
    pub fn into_file(mut self, path: &Path, limits: Limits) -> Result<CaptureFile, LabError> {
        let target = path.display().to_string();
        let error = |source| LabError::Capture {
            target: target.clone(),
            source,
        };
        let mut file = File::create(path).map_err(error)?;
        let stop = self.0.get_ref().try_clone().map_err(error)?;
        // A quiet link is no error; the end of the lab ends the read.
        stop.set_read_timeout(None).map_err(error)?;
        let thread = std::thread::spawn(move || {
            let mut summary = Summary::default();
            while copy_block(&mut self.0, &mut file, limits, &mut summary)? {}
            Ok(summary)
        });
        Ok(CaptureFile {
            stop,
            thread: Some(thread),
            target,
        })
    }
}

/// A capture that goes to a file in the background; it ends when this is dropped.
#[derive(Debug)]
pub struct CaptureFile {
    stop: UnixStream,
    thread: Option<JoinHandle<io::Result<Summary>>>,
    target: String,
}

impl CaptureFile {
    /// Ends it and waits until all is in the file.
    ///
    /// # Errors
    /// [`LabError::Capture`], also for what went wrong before.
    pub fn finish(mut self) -> Result<Summary, LabError> {
        let result = self.end();
        result.map_err(|source| LabError::Capture {
            target: self.target.clone(),
            source,
        })
    }

    fn end(&mut self) -> io::Result<Summary> {
        // ENOTCONN: the lab has ended already.
        let _ = self.stop.shutdown(Shutdown::Write);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            _ => Err(io::Error::other("the thread that wrote it is gone")),
        }
    }
}

impl Drop for CaptureFile {
    fn drop(&mut self) {
        if self.thread.is_some() {
            let _ = self.end();
        }
    }
}
