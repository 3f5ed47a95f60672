//! What a lab's supervisor can be told over its control socket: one line of JSON each way.

use std::io::{self, BufRead, BufReader, Write};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::file::Accelerator;
use super::pairs::Pairs;
use super::state::{LabFolder, names};
use super::switch::PairCount;
use super::switch::impairment::Impairment;
use crate::wait::{Look, until};

/// The longest line, bytes: the status of some hundred hosts fits.
pub const LINE_MAX: u64 = 64 * 1024 * 1024;

/// A reset asks QEMU's monitor, which may take 10 s.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub enum Request {
    Status,
    /// Ends the host's QEMU with SIGKILL.
    Kill {
        host: String,
    },
    /// Starts the host's QEMU again, on the same disk.
    Start {
        host: String,
    },
    /// Resets the host without shutting anything down.
    Reset {
        host: String,
    },
    /// Presses the host's power button.
    PowerDown {
        host: String,
    },
    /// Freezes the host: to the others it is as silent as a dead one.
    Pause {
        host: String,
    },
    /// Lets a frozen host go on; one that is not frozen does so anyway.
    Resume {
        host: String,
    },
    /// Drops all frames of these pairs.
    Cut {
        pairs: Pairs,
    },
    /// How the package archive behaves towards a stock host.
    Archive {
        host: String,
        mode: super::archive::Mode,
    },
    /// Lets frames of these pairs through again; impaired ones stay impaired.
    Heal {
        pairs: Pairs,
    },
    /// Impairs these pairs as given and no more as before; the default of [`Impairment`] ends it.
    Impair {
        pairs: Pairs,
        impairment: Impairment,
    },
    /// Captures what goes between two hosts. Once this is [`Answer::Done`], the connection carries pcapng, until either side shuts its
    /// sending half; the supervisor then sends what waits.
    Capture {
        hosts: [String; 2],
    },
    /// Go on when the process that started the lab ends.
    Detach,
    /// End everything.
    Stop,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    Done,
    Status(LabStatus),
    Refused(String),
}

/// A lab as it is now; serialised, it is the output of `meshimg lab status --format json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LabStatus {
    pub cluster: String,
    /// The supervisor's.
    pub process: u32,
    /// Whether it goes on when the process that started it ends.
    pub detached: bool,
    pub accelerator: Accelerator,
    pub hosts: Vec<HostStatus>,
    /// Between hosts; what a machine that is no host sends is not in it.
    pub traffic: Vec<Traffic>,
}

/// One host of a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostStatus {
    pub name: String,
    /// On the underlay.
    pub address: IpAddr,
    /// On 127.0.0.1.
    pub ssh_port: u16,
    pub state: HostState,
    /// Resident memory of its QEMU, KiB.
    pub memory_kib: Option<u64>,
    /// Whether its NIC is connected to the switch.
    pub plugged: bool,
    /// Why its last connection to the switch ended, if by a fault.
    pub fault: Option<String>,
}

/// Whether a host's QEMU runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum HostState {
    Running {
        process: u32,
    },
    /// It ended by itself: the guest shut down, or QEMU failed.
    Ended {
        status: String,
    },
    /// It was killed on request.
    Killed,
}

/// What went from one host to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Traffic {
    pub from: String,
    pub to: String,
    pub cut: bool,
    pub impairment: Option<Impairment>,
    /// That arrived, second copies included.
    pub frames: u64,
    pub bytes: u64,
    /// Sent on their way twice.
    pub duplicated: u64,
    /// Held back, for later ones to overtake.
    pub reordered: u64,
    pub dropped_by_cut: u64,
    pub dropped_by_loss: u64,
    pub dropped_by_frame_limit: u64,
    /// More was under way than the switch keeps.
    pub dropped_by_full_delay: u64,
    /// The receiver was too slow.
    pub dropped_by_full_queue: u64,
}

impl Traffic {
    pub(super) fn new(from: String, to: String, count: PairCount) -> Self {
        Self {
            from,
            to,
            cut: count.cut,
            impairment: count.impairment,
            frames: count.frames,
            bytes: count.bytes,
            duplicated: count.duplicated,
            reordered: count.reordered,
            dropped_by_cut: count.dropped_by_cut,
            dropped_by_loss: count.dropped_by_loss,
            dropped_by_frame_limit: count.dropped_by_frame_limit,
            dropped_by_full_delay: count.dropped_by_full_delay,
            dropped_by_full_queue: count.dropped_by_full_queue,
        }
    }
}

/// Why a supervisor was not heard.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("the lab '{cluster}' is not up")]
    NotUp { cluster: String },
    #[error("the lab's supervisor does not answer: {0}")]
    Io(#[from] io::Error),
    #[error("the lab's supervisor said what is not understood: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{0}")]
    Refused(String),
}

/// How long a killed process may take to close its sockets.
const END_DEADLINE: Duration = Duration::from_secs(2);

/// How often to look.
const OFTEN: Duration = Duration::from_millis(10);

/// Asks the supervisor of the lab in `folder`.
///
/// # Errors
/// [`ControlError`]; a refusal is [`ControlError::Refused`].
pub fn ask(folder: &LabFolder, request: &Request) -> Result<Answer, ControlError> {
    connect(folder, request).map(|(answer, _)| answer)
}

/// Asks the supervisor of the lab in `folder`, and keeps the connection, whose reads and writes then wait 30 s at most.
///
/// # Errors
/// As [`ask`].
pub fn connect(folder: &LabFolder, request: &Request) -> Result<(Answer, BufReader<UnixStream>), ControlError> {
    match converse(folder, request) {
        // A supervisor that was killed takes connections until the kernel has closed its socket, and then answers none.
        Err(ControlError::Io(error)) if ENDED_KINDS.contains(&error.kind()) && has_ended(folder) => Err(not_up(folder)),
        other => other,
    }
}

/// What a connection ends with whose other side has ended.
pub(super) const ENDED_KINDS: [io::ErrorKind; 3] = [
    io::ErrorKind::UnexpectedEof,
    io::ErrorKind::ConnectionReset,
    io::ErrorKind::BrokenPipe,
];

/// What it means that nobody can be asked: no socket, or one that nobody listens at.
const ABSENT_KINDS: [io::ErrorKind; 2] = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];

fn not_up(folder: &LabFolder) -> ControlError {
    let cluster = folder.cluster().to_owned();
    ControlError::NotUp { cluster }
}

/// Whether nobody takes connections any more, soon.
fn has_ended(folder: &LabFolder) -> bool {
    until("the end of the supervisor", END_DEADLINE, OFTEN, || {
        match folder.connect(names::CONTROL) {
            Err(error) if ABSENT_KINDS.contains(&error.kind()) => Look::Ready(()),
            _ => Look::Pending("it takes connections".to_owned()),
        }
    })
    .is_ok()
}

fn converse(folder: &LabFolder, request: &Request) -> Result<(Answer, BufReader<UnixStream>), ControlError> {
    let stream = folder.connect(names::CONTROL).map_err(|error| match error.kind() {
        kind if ABSENT_KINDS.contains(&kind) => not_up(folder),
        _ => ControlError::Io(error),
    })?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut stream = BufReader::new(stream);
    send(stream.get_mut(), request)?;
    match receive(&mut stream)? {
        Some(Answer::Refused(text)) => Err(ControlError::Refused(text)),
        Some(answer) => Ok((answer, stream)),
        None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
    }
}

/// Writes one message.
///
/// # Errors
/// [`ControlError::Io`].
pub fn send(stream: &mut UnixStream, message: &impl Serialize) -> Result<(), ControlError> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(stream.write_all(&line)?)
}

/// Reads one message; `None` at the end.
///
/// # Errors
/// [`ControlError::Io`] or [`ControlError::Json`].
pub fn receive<T: for<'de> Deserialize<'de>>(stream: &mut BufReader<UnixStream>) -> Result<Option<T>, ControlError> {
    let mut line = Vec::new();
    io::Read::take(stream, LINE_MAX).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&line)?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// What asking says when the supervisor takes the connection, ends it without an answer, and ends itself if `ends`.
    fn asked(ends: bool) -> ControlError {
        let state = tempfile::tempdir().unwrap();
        let folder = LabFolder::new(state.path(), "demo");
        std::fs::create_dir_all(folder.path()).unwrap();
        let listener = UnixListener::bind(folder.path().join(names::CONTROL)).unwrap();
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| ask(&folder, &Request::Status).unwrap_err());
            drop(listener.accept().unwrap());
            let listener = (!ends).then_some(listener);
            let error = asking.join().unwrap();
            drop(listener);
            error
        })
    }

    #[test]
    fn a_supervisor_that_ends_instead_of_an_answer_is_not_up() {
        let error = asked(true);
        assert!(matches!(error, ControlError::NotUp { .. }), "{error}");
    }

    #[test]
    fn a_supervisor_that_lives_and_does_not_answer_is_told_from_that() {
        let error = asked(false);
        assert!(matches!(error, ControlError::Io(_)), "{error}");
    }
}
