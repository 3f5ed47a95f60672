//! What can go wrong in a run of meshimg, and the exit code that says so.

use std::process::ExitCode;

use crate::exec::ExecError;
use crate::image::ImageError;
use crate::lab::LabError;
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
    #[error("{file}: {errors} error(s), {warnings} warning(s)")]
    Spec { file: String, errors: usize, warnings: usize },
    #[error("cannot read {file}: {source}")]
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
    #[error(transparent)]
    Supervisor(#[from] crate::lab::supervisor::SupervisorError),
    #[error("interrupted")]
    Interrupted,
    /// `--check` found differences, printed already.
    #[error("{count} file(s) in {folder} differ from what {file} gives; to write them: meshimg cloud-init {file} -o {folder}")]
    Differs { count: usize, folder: String, file: String },
    /// The report is printed already.
    #[error("{red} probe(s) red")]
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
            Self::Spec { .. } | Self::Read { .. } | Self::Render(RenderError::TooLarge { .. }) => Exit::File,
            Self::UnknownHost { .. } | Self::Usage(_) => Exit::Usage,
            Self::Exec(error) => exec_exit(error),
            Self::Differs { .. } | Self::Red { .. } => Exit::ProbeFailed,
            Self::Image(error) => image_exit(error),
            Self::Lab(error) => lab_exit(error),
            Self::Interrupted => Exit::Interrupted,
            Self::Seed(_) | Self::Supervisor(_) | Self::Plan(_) | Self::Render(_) | Self::Write(_) | Self::Output(_) | Self::Json(_) => {
                Exit::Internal
            }
        }
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

fn image_exit(error: &ImageError) -> Exit {
    match error {
        ImageError::Exec(error) => exec_exit(error),
        ImageError::Wait(error) => wait_exit(error),
        ImageError::NotDebian => Exit::File,
        _ => Exit::Internal,
    }
}

fn lab_exit(error: &LabError) -> Exit {
    match error {
        LabError::Exec(error) => exec_exit(error),
        LabError::Wait(error) => wait_exit(error),
        LabError::GuestNotStarted { .. } => Exit::CommandFailed,
        LabError::State(_) | LabError::Control(_) => Exit::Usage,
        _ => Exit::Internal,
    }
}
