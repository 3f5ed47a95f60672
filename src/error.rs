//! What can go wrong in a run of meshimg, and the exit code that says so.

use std::process::ExitCode;

use crate::exec::ExecError;
use crate::image::ImageError;
use crate::lab::LabError;
use crate::lab::accel::AccelError;
use crate::lab::control::ControlError;
use crate::lab::state::StateError;
use crate::render::{RenderError, WriteError};
use crate::spec::HostName;
use crate::wait::WaitError;

/// Exit codes, a contract with scripts: documented in `meshimg --help` and the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All went well.
    Fine = 0,
    /// A mistake of meshimg itself, or of the machine it runs on (a full disk).
    Internal = 1,
    /// The command line is wrong (clap uses the same).
    Usage = 2,
    /// The cluster.yaml is wrong.
    File = 3,
    /// A program is not installed.
    ToolMissing = 4,
    /// An external program failed.
    CommandFailed = 5,
    /// A probe is red, or `--check` found a difference.
    ProbeFailed = 6,
    /// Ended by Ctrl-C: 128 + SIGINT, as shells have it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a run ended early. `main` prints it once; [`Error::exit`] is the status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The diagnostics are printed already.
    #[error("{file} has {}; correct the file, then: meshimg check {file}", found(*errors, *warnings))]
    Spec { file: String, errors: usize, warnings: usize },
    #[error("cannot read {file}: {source}; {}", read_advice(source))]
    Read { file: String, source: std::io::Error },
    #[error("there is no host {name} in {file}; it has {known}")]
    UnknownHost { name: HostName, file: String, known: String },
    /// A message for a command line that clap can't see is wrong.
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Plan(#[from] crate::plan::PlanError),
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Exec(#[from] ExecError),
    #[error(transparent)]
    Seed(#[from] crate::image::SeedError),
    #[error(transparent)]
    Image(#[from] crate::image::ImageError),
    #[error(transparent)]
    Lab(#[from] crate::lab::LabError),
    #[error("the lab '{cluster}' is not up; to start it: meshimg lab up {file}")]
    NotUp { cluster: String, file: String },
    #[error(transparent)]
    Supervisor(#[from] crate::lab::supervisor::SupervisorError),
    #[error("interrupted")]
    Interrupted,
    /// `--check` found differences, printed already.
    #[error("{folder} is not as planned in {}; to write: meshimg {verb} {file} -o {folder}", counted(*count, "file"))]
    Differs {
        count: usize,
        folder: String,
        file: String,
        verb: &'static str,
    },
    /// The report is printed already.
    #[error("{} red", counted(*red, "probe"))]
    Red { red: usize },
    #[error("cannot write to standard output: {0}")]
    Output(#[from] std::io::Error),
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Error {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Spec { .. } | Self::Read { .. } | Self::Render(RenderError::TooLarge { .. } | RenderError::Nix { .. }) => Exit::File,
            Self::UnknownHost { .. } | Self::Usage(_) | Self::NotUp { .. } => Exit::Usage,
            Self::Exec(error) => exec_exit(error),
            Self::Differs { .. } | Self::Red { .. } => Exit::ProbeFailed,
            Self::Image(error) => image_exit(error),
            Self::Lab(error) => lab_exit(error),
            Self::Interrupted | Self::Write(WriteError::Interrupted) => Exit::Interrupted,
            Self::Seed(_) | Self::Supervisor(_) | Self::Plan(_) | Self::Render(_) | Self::Write(_) | Self::Output(_) | Self::Json(_) => {
                Exit::Internal
            }
        }
    }
}

/// `1 file`, `2 files`.
pub fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// What was found in a file that is refused.
fn found(errors: usize, warnings: usize) -> String {
    match (errors, warnings) {
        (0, _) => format!("{}, which --strict makes an error", counted(warnings, "warning")),
        (_, 0) => counted(errors, "error"),
        _ => format!("{} and {}", counted(errors, "error"), counted(warnings, "warning")),
    }
}

fn read_advice(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::NotFound => "`meshimg init cluster.yaml` writes one to start from",
        std::io::ErrorKind::IsADirectory => "give the file in that folder",
        _ => "give a cluster.yaml that you may read",
    }
}

/// The exit code of a process that did not do what it should.
pub fn exec_exit(error: &ExecError) -> Exit {
    match error {
        ExecError::Missing { .. } => Exit::ToolMissing,
        ExecError::Interrupted { .. } => Exit::Interrupted,
        ExecError::Start { .. } | ExecError::Failed { .. } | ExecError::Deadline { .. } => Exit::CommandFailed,
    }
}

fn wait_exit(error: &WaitError) -> Exit {
    match error {
        WaitError::Interrupted { .. } => Exit::Interrupted,
        WaitError::Deadline { .. } | WaitError::Gone { .. } => Exit::CommandFailed,
    }
}

fn state_exit(error: &StateError) -> Exit {
    match error {
        StateError::NoFolder | StateError::Busy { .. } => Exit::Usage,
        StateError::Io { .. } => Exit::Internal,
    }
}

fn accelerator_exit(error: &AccelError) -> Exit {
    match error {
        AccelError::Wish(_) => Exit::Usage,
        AccelError::Kvm(_) => Exit::CommandFailed,
        AccelError::State(error) => state_exit(error),
        AccelError::Exec(error) => exec_exit(error),
        AccelError::Wait(error) => wait_exit(error),
    }
}

fn image_exit(error: &ImageError) -> Exit {
    match error {
        ImageError::Exec(error) => exec_exit(error),
        ImageError::Wait(error) => wait_exit(error),
        ImageError::NotDebian => Exit::File,
        ImageError::NoCacheFolder | ImageError::TemporaryFolder { .. } => Exit::Usage,
        _ => Exit::Internal,
    }
}

fn lab_exit(error: &LabError) -> Exit {
    match error {
        LabError::Exec(error) => exec_exit(error),
        LabError::Upstream(error) => exec_exit(&error.0),
        LabError::ArchiveScheme { .. } => Exit::File,
        LabError::Wait(error) => wait_exit(error),
        LabError::GuestNotStarted { .. } => Exit::CommandFailed,
        LabError::NoLinkInUse | LabError::NotHappened { .. } | LabError::NotMeasured { .. } => Exit::ProbeFailed,
        LabError::Accelerator(error) => accelerator_exit(error),
        LabError::State(error) => state_exit(error),
        LabError::Control(ControlError::NotUp { .. } | ControlError::Refused(_)) | LabError::NoHost { .. } | LabError::NotRemade { .. } => {
            Exit::Usage
        }
        _ => Exit::Internal,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use super::*;

    fn missing() -> ExecError {
        ExecError::Missing {
            programs: vec!["tool".to_owned()],
            packages: vec!["tools".to_owned()],
        }
    }

    fn failed() -> ExecError {
        ExecError::Start {
            command_line: "tool".to_owned(),
            source: io::ErrorKind::PermissionDenied.into(),
        }
    }

    fn interrupted() -> ExecError {
        ExecError::Interrupted {
            command_line: "tool".to_owned(),
        }
    }

    fn late() -> WaitError {
        WaitError::Deadline {
            what: "ssh".to_owned(),
            deadline: Duration::from_secs(1),
            last: "refused".to_owned(),
        }
    }

    fn wait_interrupted() -> WaitError {
        WaitError::Interrupted { what: "ssh".to_owned() }
    }

    fn full() -> io::Error {
        io::ErrorKind::StorageFull.into()
    }

    fn state() -> StateError {
        StateError::Io {
            path: "state".into(),
            source: full(),
        }
    }

    fn busy() -> StateError {
        StateError::Busy {
            cluster: "demo".to_owned(),
            process: "1".to_owned(),
        }
    }

    fn not_up() -> ControlError {
        ControlError::NotUp {
            cluster: "demo".to_owned(),
        }
    }

    fn host() -> HostName {
        "host1".parse().unwrap()
    }

    /// The numbers are a contract with scripts.
    #[test]
    fn the_numbers_stay() {
        let numbers = [
            Exit::Fine,
            Exit::Internal,
            Exit::Usage,
            Exit::File,
            Exit::ToolMissing,
            Exit::CommandFailed,
            Exit::ProbeFailed,
            Exit::Interrupted,
        ];
        assert_eq!(numbers.map(|exit| exit as u8), [0, 1, 2, 3, 4, 5, 6, 130]);
    }

    #[test]
    fn every_cause_has_its_exit_code() {
        let file = || "cluster.yaml".to_owned();
        let cases: Vec<(Exit, Vec<Error>)> = vec![
            (
                Exit::Internal,
                vec![
                    full().into(),
                    WriteError::Write {
                        path: "out".into(),
                        source: full(),
                    }
                    .into(),
                    WriteError::Escapes { path: "out".into() }.into(),
                    LabError::State(state()).into(),
                    LabError::Accelerator(AccelError::State(state())).into(),
                    LabError::Control(ControlError::Io(full())).into(),
                    ImageError::File {
                        path: "cache".into(),
                        source: full(),
                    }
                    .into(),
                    crate::plan::PlanError::NoSlice(1).into(),
                    crate::image::SeedError::TooLarge { bytes: 1 }.into(),
                ],
            ),
            (
                Exit::Usage,
                vec![
                    Error::Usage("no".to_owned()),
                    Error::UnknownHost {
                        name: host(),
                        file: file(),
                        known: String::new(),
                    },
                    Error::NotUp {
                        cluster: "demo".to_owned(),
                        file: file(),
                    },
                    LabError::State(busy()).into(),
                    LabError::State(StateError::NoFolder).into(),
                    LabError::Control(not_up()).into(),
                    LabError::Accelerator(AccelError::Wish("fast".to_owned())).into(),
                    ImageError::NoCacheFolder.into(),
                ],
            ),
            (
                Exit::File,
                vec![
                    Error::Spec {
                        file: file(),
                        errors: 1,
                        warnings: 0,
                    },
                    Error::Read {
                        file: file(),
                        source: io::ErrorKind::NotFound.into(),
                    },
                    RenderError::TooLarge { host: host(), bytes: 1 }.into(),
                    ImageError::NotDebian.into(),
                    LabError::ArchiveScheme { uri: file() }.into(),
                ],
            ),
            (
                Exit::ToolMissing,
                vec![
                    missing().into(),
                    LabError::Exec(missing()).into(),
                    LabError::Upstream(missing().into()).into(),
                    LabError::Accelerator(AccelError::Exec(missing())).into(),
                    ImageError::Exec(missing()).into(),
                ],
            ),
            (
                Exit::CommandFailed,
                vec![
                    failed().into(),
                    LabError::Exec(failed()).into(),
                    LabError::Wait(late()).into(),
                    LabError::Accelerator(AccelError::Kvm("no".to_owned())).into(),
                    LabError::GuestNotStarted {
                        host: "host1".to_owned(),
                        status: "exit status: 1".to_owned(),
                        said: String::new(),
                    }
                    .into(),
                    ImageError::Exec(failed()).into(),
                    ImageError::Wait(late()).into(),
                ],
            ),
            (
                Exit::ProbeFailed,
                vec![
                    Error::Red { red: 1 },
                    Error::Differs {
                        count: 1,
                        folder: "out".to_owned(),
                        file: file(),
                        verb: "nixos",
                    },
                ],
            ),
            (
                Exit::Interrupted,
                vec![
                    Error::Interrupted,
                    WriteError::Interrupted.into(),
                    interrupted().into(),
                    LabError::Exec(interrupted()).into(),
                    LabError::Wait(wait_interrupted()).into(),
                    LabError::Accelerator(AccelError::Wait(wait_interrupted())).into(),
                    ImageError::Exec(interrupted()).into(),
                    ImageError::Wait(wait_interrupted()).into(),
                ],
            ),
        ];
        for (exit, errors) in cases {
            for error in errors {
                assert_eq!(error.exit(), exit, "{error:?}");
            }
        }
    }

    #[test]
    fn counts_agree_with_their_nouns() {
        assert_eq!(
            [counted(0, "file"), counted(1, "file"), counted(2, "file")],
            ["0 files", "1 file", "2 files"]
        );
        assert_eq!(found(1, 0), "1 error");
        assert_eq!(found(2, 1), "2 errors and 1 warning");
        assert_eq!(found(0, 1), "1 warning, which --strict makes an error");
    }
}
