//! What can go wrong in a run of meshimg, and the exit code that says so.

use std::collections::BTreeSet;
use std::process::ExitCode;

use crate::exec::ExecError;
use crate::image::ImageError;
use crate::image::check::CheckError;
use crate::image::import::ImportError;
use crate::image::openvswitch::OpenVSwitchError;
use crate::lab::LabError;
use crate::lab::accel::AccelError;
use crate::lab::bench::BenchError;
use crate::lab::control::ControlError;
use crate::lab::state::StateError;
use crate::plan::PlanError;
use crate::provider::ProviderError;
use crate::provider::bring_up::HostFailure;
use crate::provider::digital_ocean::spaces::SpacesError;
use crate::provider::digital_ocean::{ApiError, PushError};
use crate::remote::RemoteError;
use crate::remote::apply::ApplyError;
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
    /// The cluster.yaml, or another file that is asked about, is wrong.
    File = 3,
    /// A program is not installed.
    ToolMissing = 4,
    /// An external program failed.
    CommandFailed = 5,
    /// A probe is red, an image has errors, or `diff` or `--check` found a difference.
    ProbeFailed = 6,
    /// The provider of machines refused, or could not be reached.
    ProviderRefused = 7,
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
    /// Those of the file without some hosts.
    #[error("without {} {file} would have {}; change what needs that host, then try again", listed(hosts), found(*errors, *warnings))]
    Without {
        file: String,
        hosts: BTreeSet<HostName>,
        errors: usize,
        warnings: usize,
    },
    /// The diagnostics are printed already; at least one is about the lock.
    #[error("{lock} and {file} have {}; correct what is wrong, then: meshimg check {file}", found(*errors, *warnings))]
    Lock {
        file: String,
        lock: String,
        errors: usize,
        warnings: usize,
    },
    #[error("cannot read {file}: {source}; {}", read_advice(source))]
    Read { file: String, source: std::io::Error },
    #[error("cannot read the lock {file}: {source}; it keeps what hosts were given: make it a file that you may read")]
    ReadLock { file: String, source: std::io::Error },
    #[error("there is no host {name} in {file}; it has {known}")]
    UnknownHost { name: HostName, file: String, known: String },
    #[error("the hosts of {file} are no droplets: it has no section `digital-ocean`; docs/digital-ocean.md says what to write there")]
    NoDroplets { file: String },
    /// A message for a command line that clap can't see is wrong.
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Plan(#[from] PlanError),
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
    Check(#[from] CheckError),
    /// The report is printed already.
    #[error("{image} has {}", found(*errors, *warnings))]
    ImageFindings { image: String, errors: usize, warnings: usize },
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
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// The table is printed already.
    #[error("the mesh was not whole again within {seconds} s in {}", counted(*runs, "run"))]
    NotWhole { runs: usize, seconds: u32 },
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Something went wrong while droplets are there that cost money.
    #[error("{source}\n{standing}")]
    WithDroplets { source: Box<Error>, standing: String },
    #[error("cannot write to standard output: {0}")]
    Output(#[from] std::io::Error),
    #[error(transparent)]
    LockText(#[from] crate::spec::LockTextError),
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Error {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Spec { .. }
            | Self::Without { .. }
            | Self::Lock { .. }
            | Self::Read { .. }
            | Self::ReadLock { .. }
            | Self::NoDroplets { .. }
            | Self::Plan(PlanError::NoAddress(_))
            | Self::Render(RenderError::TooLarge { .. } | RenderError::Nix { .. } | RenderError::NixOpenVSwitch { .. }) => Exit::File,
            Self::UnknownHost { .. } | Self::Usage(_) | Self::NotUp { .. } => Exit::Usage,
            Self::Exec(error) => exec_exit(error),
            Self::Differs { .. } | Self::Red { .. } | Self::NotWhole { .. } | Self::ImageFindings { .. } => Exit::ProbeFailed,
            Self::Image(error) => image_exit(error),
            Self::Check(error) => check_exit(error),
            Self::Lab(error) => lab_exit(error),
            Self::Remote(error) => remote_exit(error),
            Self::Apply(error) => apply_exit(error),
            Self::Bench(error) => bench_exit(error),
            Self::Provider(error) => provider_exit(error),
            Self::WithDroplets { source, .. } => source.exit(),
            Self::Interrupted | Self::Write(WriteError::Interrupted) => Exit::Interrupted,
            Self::Seed(_)
            | Self::Supervisor(_)
            | Self::Plan(_)
            | Self::Render(_)
            | Self::Write(_)
            | Self::Output(_)
            | Self::LockText(_)
            | Self::Json(_) => Exit::Internal,
        }
    }
}

/// `1 file`, `2 files`.
pub fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// `host1, host2`.
pub fn listed(hosts: &BTreeSet<HostName>) -> String {
    hosts.iter().map(HostName::as_str).collect::<Vec<_>>().join(", ")
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

fn provider_exit(error: &ProviderError) -> Exit {
    match error {
        ProviderError::Token(_) | ProviderError::Api(ApiError::Address(_)) => Exit::Usage,
        ProviderError::Api(ApiError::Interrupted { .. }) => Exit::Interrupted,
        ProviderError::Push(error) => push_exit(error),
        ProviderError::Hosts { failed, .. } => {
            let of = |host: &(HostName, HostFailure)| match host.1 {
                HostFailure::Create(_) => Exit::ProviderRefused,
                HostFailure::Address { .. } | HostFailure::Refused(_) => Exit::File,
                HostFailure::Arrival(_) | HostFailure::NotAsked(_) => Exit::CommandFailed,
            };
            // What stopped the others goes before what stopped itself alone.
            let exits = [Exit::ProviderRefused, Exit::File];
            exits
                .into_iter()
                .find(|exit| failed.iter().any(|host| of(host) == *exit))
                .unwrap_or(Exit::CommandFailed)
        }
        ProviderError::Api(_) | ProviderError::Impossible(_) | ProviderError::StillThere { .. } => Exit::ProviderRefused,
    }
}

fn push_exit(error: &PushError) -> Exit {
    match error {
        PushError::Address(_) | PushError::Keys(_) => Exit::Usage,
        PushError::File(ImportError::Interrupted)
        | PushError::Spaces(SpacesError::Interrupted { .. })
        | PushError::Api(ApiError::Interrupted { .. })
        | PushError::Wait(WaitError::Interrupted { .. }) => Exit::Interrupted,
        PushError::File(_) | PushError::Spaces(SpacesError::Read { .. }) => Exit::File,
        PushError::Left { cause, .. } => push_exit(cause),
        PushError::Spaces(_) | PushError::Api(_) | PushError::Wait(_) | PushError::Region { .. } | PushError::StillThere { .. } => {
            Exit::ProviderRefused
        }
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
        ImageError::Made { .. } => Exit::CommandFailed,
        ImageError::Format { .. } | ImageError::Read { .. } => Exit::Usage,
        ImageError::OpenVSwitch(error) => open_vswitch_exit(error),
        ImageError::NoCacheFolder | ImageError::TemporaryFolder { .. } => Exit::Usage,
        _ => Exit::Internal,
    }
}

fn open_vswitch_exit(error: &OpenVSwitchError) -> Exit {
    match error {
        OpenVSwitchError::Exec(error) | OpenVSwitchError::Build { source: error, .. } => exec_exit(error),
        OpenVSwitchError::Fetch { .. } => Exit::CommandFailed,
        OpenVSwitchError::Kind { .. } | OpenVSwitchError::Read { .. } | OpenVSwitchError::Occupied { .. } => Exit::Usage,
        OpenVSwitchError::Release { .. }
        | OpenVSwitchError::Hash { .. }
        | OpenVSwitchError::Tar { .. }
        | OpenVSwitchError::NoPackaging { .. }
        | OpenVSwitchError::Dsc { .. }
        | OpenVSwitchError::Version { .. } => Exit::File,
    }
}

fn check_exit(error: &CheckError) -> Exit {
    match error {
        CheckError::Open { .. } | CheckError::NotAFile { .. } | CheckError::InUse | CheckError::UserData { .. } => Exit::File,
        CheckError::Temporary { .. } => Exit::Internal,
        CheckError::Info(_) => Exit::CommandFailed,
        CheckError::Interrupted => Exit::Interrupted,
        CheckError::Exec(error) => exec_exit(error),
        CheckError::Wait(error) => wait_exit(error),
    }
}

fn remote_exit(error: &RemoteError) -> Exit {
    match error {
        RemoteError::Exec(error) => exec_exit(error),
        RemoteError::Folder(_) => Exit::Internal,
    }
}

fn apply_exit(error: &ApplyError) -> Exit {
    match error {
        ApplyError::Refused { .. } => Exit::File,
        ApplyError::NotAsked { .. }
        | ApplyError::NotAskedToLeave { .. }
        | ApplyError::TakenBack { .. }
        | ApplyError::NotConfirmed { .. } => Exit::CommandFailed,
        ApplyError::Links { .. } => Exit::ProbeFailed,
        ApplyError::Interrupted { .. } => Exit::Interrupted,
    }
}

fn bench_exit(error: &BenchError) -> Exit {
    match error {
        BenchError::NotRoot => Exit::Usage,
        BenchError::Exec(error) => exec_exit(error),
        BenchError::Host { source, .. } => bench_exit(source),
        BenchError::Answer { .. } | BenchError::Case { .. } => Exit::CommandFailed,
        BenchError::Io { .. } => Exit::Internal,
        BenchError::Interrupted => Exit::Interrupted,
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
#[path = "error_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "error_provider_tests.rs"]
mod provider_tests;
