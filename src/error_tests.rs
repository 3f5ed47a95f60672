//! Tests of [`super`].

use std::io;
use std::time::Duration;

use super::*;
use crate::provider::digital_ocean::TokenError;

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

fn not_built(source: ExecError) -> Error {
    let log = "log".into();
    ImageError::from(OpenVSwitchError::Build {
        log,
        disk_was_full: false,
        source,
    })
    .into()
}

/// Sources of Open vSwitch that are wrong, out of reach, or do not build.
#[test]
fn exits_of_builds() {
    let name = || "a.dsc".to_owned();
    let exit = |error: OpenVSwitchError| Error::from(ImageError::from(error)).exit();
    let why = || "so".to_owned();
    assert_eq!(exit(OpenVSwitchError::Dsc { name: name(), why: why() }), Exit::File);
    assert_eq!(exit(OpenVSwitchError::Tar { name: name(), why: why() }), Exit::File);
    assert_eq!(exit(OpenVSwitchError::Kind { source_name: name() }), Exit::Usage);
    assert_eq!(exit(OpenVSwitchError::Fetch { url: name(), why: why() }), Exit::CommandFailed);
    let space = ImageError::Space {
        place: "/tmp".into(),
        needed: 2,
        free: 1,
        variable: "TMPDIR",
    };
    assert_eq!(Error::from(space).exit(), Exit::Internal);
    assert_eq!(not_built(failed()).exit(), Exit::CommandFailed);
    assert_eq!(exit(OpenVSwitchError::Exec(missing())), Exit::ToolMissing);
    assert_eq!(exit(OpenVSwitchError::Exec(interrupted())), Exit::Interrupted);
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
        Exit::ProviderRefused,
        Exit::Interrupted,
    ];
    assert_eq!(numbers.map(|exit| exit as u8), [0, 1, 2, 3, 4, 5, 6, 7, 130]);
}

/// Of commands that reach hosts by ssh.
#[test]
fn exits_of_changes_on_hosts() {
    use crate::remote::RemoteError;
    use crate::remote::apply::ApplyError;
    let (why, left) = (|| "so".to_owned(), Vec::new);
    let cases: Vec<(Exit, Error)> = vec![
        (Exit::ToolMissing, RemoteError::Exec(missing()).into()),
        (Exit::Interrupted, RemoteError::Exec(interrupted()).into()),
        (Exit::Internal, RemoteError::Folder(full()).into()),
        (Exit::File, ApplyError::Refused { host: host(), why: why() }.into()),
        (Exit::CommandFailed, ApplyError::NotAsked { host: host(), why: why() }.into()),
        (Exit::CommandFailed, ApplyError::NotAskedToLeave { host: host(), why: why() }.into()),
        (
            Exit::CommandFailed,
            ApplyError::TakenBack {
                host: host(),
                why: why(),
                left: left(),
            }
            .into(),
        ),
        (
            Exit::CommandFailed,
            ApplyError::NotConfirmed {
                host: host(),
                within: Default::default(),
                why: why(),
                left: left(),
            }
            .into(),
        ),
        (
            Exit::ProbeFailed,
            ApplyError::Links {
                host: host(),
                why: why(),
                left: left(),
            }
            .into(),
        ),
        (
            Exit::Interrupted,
            ApplyError::Interrupted {
                host: host(),
                left: left(),
            }
            .into(),
        ),
    ];
    for (exit, error) in cases {
        assert_eq!(error.exit(), exit, "{error}");
    }
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
                BenchError::Io {
                    what: "/run".to_owned(),
                    source: full(),
                }
                .into(),
                LabError::Accelerator(AccelError::State(state())).into(),
                LabError::Control(ControlError::Io(full())).into(),
                ImageError::File {
                    path: "cache".into(),
                    source: full(),
                }
                .into(),
                CheckError::Temporary {
                    path: "raw".into(),
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
                BenchError::NotRoot.into(),
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
                ProviderError::Token(TokenError::Missing).into(),
                ProviderError::Api(ApiError::Address(file())).into(),
            ],
        ),
        (
            Exit::File,
            vec![
                Error::Without {
                    file: file(),
                    hosts: [host()].into(),
                    errors: 1,
                    warnings: 0,
                },
                Error::Spec {
                    file: file(),
                    errors: 1,
                    warnings: 0,
                },
                Error::Read {
                    file: file(),
                    source: io::ErrorKind::NotFound.into(),
                },
                Error::Lock {
                    file: file(),
                    lock: file(),
                    errors: 1,
                    warnings: 0,
                },
                Error::ReadLock {
                    file: file(),
                    source: io::ErrorKind::IsADirectory.into(),
                },
                RenderError::TooLarge { host: host(), bytes: 1 }.into(),
                PlanError::NoAddress(vec![host()]).into(),
                Error::NoDroplets { file: file() },
                ImageError::NotDebian.into(),
                CheckError::Open {
                    path: "disk.raw".into(),
                    source: io::ErrorKind::NotFound.into(),
                }
                .into(),
                CheckError::NotAFile { path: "disk".into() }.into(),
                CheckError::InUse.into(),
                CheckError::UserData {
                    path: "user-data".into(),
                    why: String::new(),
                }
                .into(),
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
                CheckError::Exec(missing()).into(),
                BenchError::Exec(missing()).into(),
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
                CheckError::Exec(failed()).into(),
                BenchError::Case {
                    case: "4 hosts".to_owned(),
                    said: "no".to_owned(),
                }
                .into(),
            ],
        ),
        (
            Exit::ProbeFailed,
            vec![
                Error::Red { red: 1 },
                Error::NotWhole { runs: 1, seconds: 120 },
                Error::ImageFindings {
                    image: "disk.raw".to_owned(),
                    errors: 1,
                    warnings: 0,
                },
                Error::Differs {
                    count: 1,
                    folder: "out".to_owned(),
                    file: file(),
                    verb: "nixos",
                },
            ],
        ),
        (
            Exit::ProviderRefused,
            vec![
                ProviderError::Impossible(Vec::new()).into(),
                ProviderError::StillThere {
                    tag: "meshimg:demo".to_owned(),
                    failed: Vec::new(),
                }
                .into(),
                ProviderError::Api(ApiError::Refused {
                    call: "GET /v2/account".to_owned(),
                    status: 401,
                    message: String::new(),
                })
                .into(),
            ],
        ),
        (
            Exit::Interrupted,
            vec![
                ProviderError::Api(ApiError::Interrupted {
                    call: "GET /v2/account".to_owned(),
                })
                .into(),
                Error::Interrupted,
                WriteError::Interrupted.into(),
                interrupted().into(),
                LabError::Exec(interrupted()).into(),
                LabError::Wait(wait_interrupted()).into(),
                LabError::Accelerator(AccelError::Wait(wait_interrupted())).into(),
                ImageError::Exec(interrupted()).into(),
                ImageError::Wait(wait_interrupted()).into(),
                CheckError::Wait(wait_interrupted()).into(),
                CheckError::Interrupted.into(),
                BenchError::Interrupted.into(),
                BenchError::Exec(interrupted()).into(),
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
