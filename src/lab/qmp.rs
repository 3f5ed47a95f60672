//! The few words of the QEMU machine protocol (qemu-qmp-ref(7)) that a lab needs.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Value, json};

/// QEMU answers from its main loop: later than this, it hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest answer that is read, bytes.
const ANSWER_MAX: usize = 1024 * 1024;

/// Why QEMU did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    #[error("QEMU's monitor: {0}")]
    Io(#[from] io::Error),
    #[error("QEMU's monitor said what is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("QEMU refused {command}: {text}")]
    Refused { command: &'static str, text: String },
}

/// A connection to one QEMU's monitor. QEMU serves one at a time, so it is kept no longer than needed.
#[derive(Debug)]
pub struct Monitor {
    stream: BufReader<UnixStream>,
}

impl Monitor {
    /// Takes the greeting and leaves negotiation mode.
    ///
    /// # Errors
    /// [`QmpError`].
    pub fn new(stream: UnixStream) -> Result<Self, QmpError> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut monitor = Self {
            stream: BufReader::new(stream),
        };
        monitor.read()?;
        monitor.command("qmp_capabilities")?;
        Ok(monitor)
    }

    /// The state of the guest: `running`, `paused`, `shutdown` and so on (RunState of qemu-qmp-ref(7)).
    ///
    /// # Errors
    /// [`QmpError`].
    pub fn status(&mut self) -> Result<String, QmpError> {
        let answer = self.command("query-status")?;
        Ok(answer["status"].as_str().unwrap_or("unknown").to_owned())
    }

    /// Presses the power button: the guest's operating system shuts down.
    ///
    /// # Errors
    /// [`QmpError`].
    pub fn power_down(&mut self) -> Result<(), QmpError> {
        self.command("system_powerdown").map(|_| ())
    }

    /// Presses the reset button: the guest starts again without having stopped anything, as after a power cut.
    ///
    /// # Errors
    /// [`QmpError`].
    pub fn reset(&mut self) -> Result<(), QmpError> {
        self.command("system_reset").map(|_| ())
    }

    /// Freezes the guest: its processors stand still, and it answers nothing.
    ///
    /// # Errors
    /// [`QmpError`].
    pub fn pause(&mut self) -> Result<(), QmpError> {
        self.command("stop").map(|_| ())
    }

    /// Lets a frozen guest go on where it stood.
    ///
    /// # Errors
    /// [`QmpError`].
    pub fn resume(&mut self) -> Result<(), QmpError> {
        self.command("cont").map(|_| ())
    }

    /// Ends QEMU.
    ///
    /// # Errors
    /// [`QmpError`].
    pub fn quit(&mut self) -> Result<(), QmpError> {
        self.command("quit").map(|_| ())
    }

    fn command(&mut self, command: &'static str) -> Result<Value, QmpError> {
        let line = format!("{}\n", json!({ "execute": command }));
        self.stream.get_mut().write_all(line.as_bytes())?;
        loop {
            let mut answer = self.read()?;
            if let Some(error) = answer.get("error") {
                let text = error["desc"].as_str().unwrap_or("no reason given").to_owned();
                return Err(QmpError::Refused { command, text });
            }
            if let Some(answer) = answer.get_mut("return") {
                return Ok(answer.take());
            }
            // Anything else is an event.
        }
    }

    fn read(&mut self) -> Result<Value, QmpError> {
        let mut line = Vec::new();
        let mut limited = io::Read::take(&mut self.stream, ANSWER_MAX as u64);
        limited.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(serde_json::from_slice(&line)?)
    }
}
