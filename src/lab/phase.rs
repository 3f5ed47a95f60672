//! How far the boot of each host is: read from its serial console, then seen over ssh.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::spec::HostName;
use crate::ui::{Progress, Ui};

/// How often the consoles are read.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Something that a boot gets to. cloud-init, the login prompt and ssh are not in step, so the order of these is that of a list, not of
/// time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Power,
    Kernel,
    Systemd,
    CloudInitLocal,
    CloudInitNetwork,
    Login,
    Ssh,
    CloudInitConfig,
    CloudInitFinal,
    CloudInitDone,
    Mesh,
    Container,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Power,
        Self::Kernel,
        Self::Systemd,
        Self::CloudInitLocal,
        Self::CloudInitNetwork,
        Self::Login,
        Self::Ssh,
        Self::CloudInitConfig,
        Self::CloudInitFinal,
        Self::CloudInitDone,
        Self::Mesh,
        Self::Container,
    ];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Kernel => "kernel",
            Self::Systemd => "systemd",
            Self::CloudInitLocal => "cloud-init, local stage",
            Self::CloudInitNetwork => "cloud-init, network stage",
            Self::Login => "login prompt",
            Self::Ssh => "ssh",
            Self::CloudInitConfig => "cloud-init, config stage",
            Self::CloudInitFinal => "cloud-init, final stage",
            Self::CloudInitDone => "cloud-init done",
            Self::Mesh => "mesh",
            Self::Container => "container",
        }
    }
}

/// Which phases a serial console shows since the kernel started last. Never fails: a console may hold anything, and cut lines.
pub fn phases(console: &[u8]) -> BTreeSet<Phase> {
    let text = String::from_utf8_lossy(console);
    let mut phases = BTreeSet::from([Phase::Power]);
    // A carriage return ends a line too: firmware and systemd use it to draw over what they wrote.
    for line in text.split(['\n', '\r']) {
        match phase(line) {
            // After a reboot all begins anew.
            Some(Phase::Kernel) => phases = BTreeSet::from([Phase::Power, Phase::Kernel]),
            Some(phase) => drop(phases.insert(phase)),
            None => {}
        }
    }
    phases
}

/// The phase that `line` begins, after the kernel's time stamp if it has one.
fn phase(line: &str) -> Option<Phase> {
    let plain = without_time(line);
    if plain.starts_with("Linux version ") {
        return Some(Phase::Kernel);
    }
    // It resets the terminal first, in the same line.
    if plain.contains("systemd[1]: systemd ") && plain.contains(" running in system mode") {
        return Some(Phase::Systemd);
    }
    if let Some((_, said)) = plain.split_once("Cloud-init v. ").filter(|(before, _)| is_cloud_init(before)) {
        return cloud_init(said);
    }
    // agetty(8): the host's name, then this.
    let (name, rest) = plain
        .split_once(" login: ")
        .or_else(|| Some((plain.strip_suffix(" login:")?, "")))?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    (is_name && (rest.is_empty() || rest.starts_with('['))).then_some(Phase::Login)
}

/// `[   53.824600] text` to `text`.
fn without_time(line: &str) -> &str {
    let time = |text: &str| text.trim().parse::<f64>().is_ok();
    match line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((stamp, rest)) if time(stamp) => rest,
        _ => line,
    }
}

/// It says this of itself, by way of the journal or not.
fn is_cloud_init(before: &str) -> bool {
    before.is_empty() || (before.starts_with("cloud-init[") && before.ends_with("]: "))
}

/// `25.1.4 running 'modules:final' at Tue, ...` or `25.1.4 finished at ...`: the same from 22.4 to 25.1.
fn cloud_init(said: &str) -> Option<Phase> {
    let (_, event) = said.split_once(' ')?;
    if event.starts_with("finished at ") {
        return Some(Phase::CloudInitDone);
    }
    match event.strip_prefix("running '")?.split_once('\'')?.0 {
        "init-local" => Some(Phase::CloudInitLocal),
        "init" => Some(Phase::CloudInitNetwork),
        "modules:config" => Some(Phase::CloudInitConfig),
        "modules:final" => Some(Phase::CloudInitFinal),
        _ => None,
    }
}

/// What every host has got to, shown as it changes.
pub struct Board {
    progress: Progress,
    reached: Mutex<BTreeMap<HostName, BTreeSet<Phase>>>,
}

impl Board {
    /// For the boot of `hosts`, which have power since `power_on`.
    pub fn new(ui: &Ui, hosts: &[HostName], power_on: Instant) -> Self {
        let names: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
        Self {
            progress: Progress::new(ui, &names, Phase::ALL.len() as u64, power_on),
            reached: Mutex::default(),
        }
    }

    /// Shows what is new in `seen`: the hosts of one phase together.
    pub fn reach(&self, seen: impl IntoIterator<Item = (HostName, Phase)>) {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        let mut news: BTreeMap<Phase, Vec<(HostName, u64)>> = BTreeMap::new();
        for (host, phase) in seen {
            let phases = reached.entry(host.clone()).or_default();
            if phases.insert(phase) {
                news.entry(phase).or_default().push((host, phases.len() as u64));
            }
        }
        for (phase, hosts) in news {
            let hosts: Vec<(&str, u64)> = hosts.iter().map(|(host, count)| (host.as_str(), *count)).collect();
            // Power and the mesh are of all hosts at once, and said by whoever gave or waited for them.
            self.progress
                .reached(phase.name(), &hosts, !matches!(phase, Phase::Power | Phase::Mesh));
        }
    }

    /// Reads the consoles `logs` until `work` is done, and shows what they say.
    pub fn watch<T>(&self, logs: &[(HostName, PathBuf)], work: impl FnOnce() -> T) -> T {
        let (over, is_over) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while let Err(RecvTimeoutError::Timeout) = is_over.recv_timeout(LOOK_INTERVAL) {
                    self.look(logs);
                }
            });
            let result = work();
            // Ends the thread at once.
            drop(over);
            result
        })
    }

    fn look(&self, logs: &[(HostName, PathBuf)]) {
        let seen = logs.iter().flat_map(|(host, log)| {
            // What cannot be read now can be at the next look.
            let phases = phases(&std::fs::read(log).unwrap_or_default());
            phases.into_iter().map(|phase| (host.clone(), phase))
        });
        self.reach(seen.collect::<Vec<_>>());
        self.progress.tick();
    }
}

#[cfg(test)]
#[path = "phase_tests.rs"]
mod tests;
