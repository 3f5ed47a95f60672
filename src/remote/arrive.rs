//! Droplets that were just made, until each answers to ssh and cloud-init has done its work there.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;

use super::host_keys::KeptKeys;
use super::session::reach_at;
use crate::machine::ssh::{self, HostKeys, SshAccess, SshTarget};
use crate::machine::{Machine, SshMachine};
use crate::parallel;
use crate::plan::{HostPlan, Plan};
use crate::render::{self, WriteError};
use crate::spec::HostName;
use crate::wait::{self, Look, WaitError};

/// How many hosts are waited for at a time: all droplets that are made at a time.
const AT_A_TIME: usize = 32;

/// One question.
const ASK_DEADLINE: Duration = Duration::from_secs(60);

/// Prints what [`State::parse`] reads.
const READY: &str = include_str!("ready.sh");

/// What cloud-init's modules have printed last.
const LOG: &str = "tail -n 12 /var/log/cloud-init-output.log";

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For an answer to ssh.
    pub ssh: Duration,
    /// Then for the end of cloud-init, which installs packages.
    pub cloud_init: Duration,
    /// Between two looks.
    pub interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ssh: Duration::from_secs(10 * 60),
            cloud_init: Duration::from_secs(30 * 60),
            interval: Duration::from_secs(2),
        }
    }
}

/// Why a host is not ready.
#[derive(Debug, thiserror::Error)]
pub enum ArrivalError {
    #[error(transparent)]
    Wait(#[from] WaitError),
    #[error("its host key is another one than at the first connection: {said}\n  if it was made anew on purpose, remove {line}")]
    OtherKey {
        said: String,
        /// Where the other one stands.
        line: String,
    },
    /// Of a droplet that was made without a key that Digital Ocean knows.
    #[error(
        "ssh runs nothing there before the password is changed: {0}\n  Digital Ocean gives one to droplets without `digital-ocean.ssh-keys`: name a key there, \
         destroy this droplet, and have it made again"
    )]
    Password(String),
    #[error(
        "cloud-init has failed there: {}; the end of its output:\n{log}\n  mend it there and reboot it, or destroy this droplet",
        errors.join("; ")
    )]
    CloudInit { errors: Vec<String>, log: String },
    #[error(transparent)]
    Keys(#[from] WriteError),
    #[error("{0}: it keeps the keys of droplets; make it a file that you may read")]
    ReadKeys(std::io::Error),
    #[error("no folder for the sockets of ssh: {0}")]
    Folder(#[from] std::io::Error),
}

/// A host that is to come up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaited {
    /// Number of the droplet.
    pub droplet: u64,
    /// Whether this run has not made it: what cloud-init says of a later boot of a host that has its mesh is no matter then.
    pub was_there: bool,
}

/// Where keys of droplets are kept, and how they are reached.
pub struct Arrivals<'a> {
    pub plan: &'a Plan,
    /// cluster.known_hosts, which need not be there.
    pub known_hosts: &'a Path,
    pub ssh_config: Option<&'a Path>,
    pub limits: Limits,
    /// Hears what each host waits for.
    pub say: &'a (dyn Fn(&HostName, &str) + Sync),
}

impl Arrivals<'_> {
    /// Waits for all of `awaited`, each for itself. Keys that are seen first are written to the file at once.
    pub fn wait(&self, awaited: &BTreeMap<HostName, Awaited>) -> BTreeMap<HostName, Result<(), ArrivalError>> {
        let folder = tempfile::Builder::new().prefix("meshimg-").tempdir();
        let droplets = awaited.values().map(|awaited| awaited.droplet).collect();
        let keys = self.read_keys().map(|mut keys| {
            keys.retain(&droplets);
            Mutex::new(keys)
        });
        let hosts: Vec<&HostPlan> = self.plan.hosts.iter().filter(|host| awaited.contains_key(&host.name)).collect();
        let results = parallel::each(&hosts, AT_A_TIME, |host| {
            let copy = |error: &std::io::Error| std::io::Error::new(error.kind(), error.to_string());
            let folder = folder.as_ref().map_err(|error| ArrivalError::Folder(copy(error)))?.path();
            let keys = keys.as_ref().map_err(|error| ArrivalError::ReadKeys(copy(error)))?;
            self.one(host, awaited[&host.name], folder, keys)
        });
        hosts.iter().map(|host| host.name.clone()).zip(results).collect()
    }

    fn named(&self, error: Unanswered, address: IpAddr) -> ArrivalError {
        match error {
            Unanswered::Wait(error) => error.into(),
            Unanswered::Password(said) => ArrivalError::Password(said),
            Unanswered::OtherKey(said) => ArrivalError::OtherKey {
                said,
                line: format!("the line of {address} from {}", self.known_hosts.display()),
            },
        }
    }

    fn read_keys(&self) -> std::io::Result<KeptKeys> {
        match std::fs::read_to_string(self.known_hosts) {
            Ok(text) => Ok(KeptKeys::parse(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(KeptKeys::default()),
            Err(error) => Err(error),
        }
    }

    fn one(&self, host: &HostPlan, awaited: Awaited, folder: &Path, keys: &Mutex<KeptKeys>) -> Result<(), ArrivalError> {
        let address = reach_at(self.plan, host);
        let is_known = keys.lock().unwrap_or_else(PoisonError::into_inner).knows(address, awaited.droplet);
        let first = folder.join(format!("{}.key", host.name));
        let machine = SshMachine::new(SshTarget {
            host: host.name.clone(),
            address,
            user: host.user.clone(),
            access: SshAccess::Own {
                config: self.ssh_config.map(PathBuf::from),
                host_keys: if is_known {
                    HostKeys::Kept(self.known_hosts.to_owned())
                } else {
                    HostKeys::First(first.clone())
                },
            },
            control_folder: folder.to_owned(),
        })?;
        answers(&machine, &self.limits, self.say, || {
            // A connection that hangs would hold up the next attempt.
            let _ = machine.close();
        })
        .map_err(|error| self.named(error, address))?;
        if !is_known {
            // ssh itself has written it. Where a shared connection or a key of the whole network stands for it there is none.
            let learned = std::fs::read_to_string(&first).unwrap_or_default();
            let mut keys = keys.lock().unwrap_or_else(PoisonError::into_inner);
            if keys.keep(address, awaited.droplet, &learned) {
                render::write_over(self.known_hosts, keys.text().as_bytes())?;
            }
        }
        cloud_init_done(&machine, &self.limits, awaited.was_there, self.say)?;
        (self.say)(&host.name, "ready");
        Ok(())
    }
}

/// Why a host was not reached.
#[derive(Debug)]
enum Unanswered {
    Wait(WaitError),
    /// With what ssh said.
    OtherKey(String),
    Password(String),
}

/// What ssh says when a later attempt changes nothing.
fn for_good(said: &str) -> Option<Unanswered> {
    if said.contains("Host key verification failed") {
        Some(Unanswered::OtherKey(said.to_owned()))
    } else if said.contains("Password change required") {
        Some(Unanswered::Password(said.to_owned()))
    } else {
        None
    }
}

/// Waits until `machine` runs a command; `failed` is called after each attempt that fails.
fn answers(machine: &dyn Machine, limits: &Limits, say: &(dyn Fn(&HostName, &str) + Sync), failed: impl Fn()) -> Result<(), Unanswered> {
    let host = machine.name();
    say(host, "waiting for ssh");
    let mut last = None;
    let end = wait::until(&format!("ssh to {host}"), limits.ssh, limits.interval, || {
        match machine.run("true", ASK_DEADLINE.min(limits.ssh)) {
            Ok(_) => Look::Ready(()),
            Err(error @ crate::exec::ExecError::Missing { .. }) => Look::Gone(error.to_string()),
            Err(error) => {
                failed();
                let said = ssh::last_words(&error);
                last = for_good(&said);
                if last.is_some() { Look::Gone(said) } else { Look::Pending(said) }
            }
        }
    });
    match last {
        Some(unanswered) => Err(unanswered),
        None => end.map_err(Unanswered::Wait),
    }
}

/// What a host says of cloud-init.
#[derive(Debug, PartialEq, Eq)]
enum State {
    /// It does nothing there.
    None,
    /// At this stage.
    Running(String),
    Done {
        errors: Vec<String>,
        /// The host has been told of its mesh.
        is_past: bool,
    },
}

/// result.json of cloud-init, as far as it matters.
#[derive(Deserialize)]
struct ResultFile {
    v1: ResultV1,
}

#[derive(Deserialize)]
struct ResultV1 {
    #[serde(default)]
    errors: Vec<String>,
}

impl State {
    /// # Errors
    /// What was said instead.
    fn parse(output: &str) -> Result<Self, String> {
        let (line, rest) = output.split_once('\n').unwrap_or((output, ""));
        match line.split_once(' ').unwrap_or((line, "")) {
            ("none", _) => Ok(Self::None),
            ("running", stage) => Ok(Self::Running(stage.trim().to_owned())),
            (word @ ("done" | "past"), _) => {
                let file: ResultFile = serde_json::from_str(rest).map_err(|error| format!("result.json of cloud-init: {error}"))?;
                Ok(Self::Done {
                    errors: file.v1.errors,
                    is_past: word == "past",
                })
            }
            _ => Err(format!("it says of cloud-init: {line:?}")),
        }
    }
}

/// Waits until cloud-init is done, and well.
fn cloud_init_done(
    machine: &dyn Machine,
    limits: &Limits,
    was_there: bool,
    say: &(dyn Fn(&HostName, &str) + Sync),
) -> Result<(), ArrivalError> {
    let host = machine.name();
    say(host, "waiting for cloud-init");
    let mut stage = String::new();
    let errors = wait::until(
        &format!("the end of cloud-init on {host}"),
        limits.cloud_init,
        limits.interval,
        || {
            let state = match machine.run(READY, ASK_DEADLINE.min(limits.cloud_init)) {
                Ok(finished) => State::parse(&finished.stdout_text()),
                Err(error) => Err(ssh::last_words(&error)),
            };
            match state {
                Ok(State::None) => Look::Ready(Vec::new()),
                Ok(State::Done { is_past: true, .. }) if was_there => Look::Ready(Vec::new()),
                Ok(State::Done { errors, .. }) => Look::Ready(errors),
                Ok(State::Running(now)) => {
                    let words = format!("cloud-init is at {}", if now.is_empty() { "its beginning" } else { &now });
                    if now != stage {
                        say(host, &words);
                        stage = now;
                    }
                    Look::Pending(words)
                }
                Err(why) => Look::Pending(why),
            }
        },
    )?;
    if errors.is_empty() {
        return Ok(());
    }
    let log = match machine.run(LOG, ASK_DEADLINE) {
        Ok(finished) => finished
            .stdout_text()
            .trim_end()
            .lines()
            .map(|line| format!("    {line}"))
            .collect::<Vec<_>>()
            .join("\n"),
        Err(error) => format!("    cannot be read: {}", ssh::last_words(&error)),
    };
    Err(ArrivalError::CloudInit { errors, log })
}

#[cfg(test)]
#[path = "arrive_tests.rs"]
mod tests;
