//! What a failure leaves behind for whoever looks into it: a folder with the logs and states of the lab.
//!
//! States of hosts are fetched right after each of the first failures, when they still show it; logs and the report at the end. Nothing
//! of it can fail a run: what could not be fetched is noted in the folder.

mod fetch;
mod folder;
mod readme;
mod recording;
mod redact;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use fetch::FILES;
pub use folder::{FolderError, KEPT};
pub use recording::Recording;

use self::redact::redact;
use super::session::Session;
use super::state::{LabFolder, names, state_folder};
use crate::machine::{Machine, on_each, report::Report, ssh};
use crate::plan::Plan;
use crate::render::{self, Artifact, Artifacts};
use crate::ui::Ui;

/// After how many failures the states of the hosts are fetched: each time takes emulated hosts up to a minute, and what fails later mostly
/// fails for the same reason.
pub const MOMENTS_MAX: usize = 3;

/// One host's states, all of them.
const FETCH_DEADLINE: Duration = Duration::from_secs(240);

/// Names of files of the folder.
const README: &str = "README.txt";
const MISSING: &str = "missing.txt";

/// A bundle, or the place for one as long as nothing has failed.
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    /// What was made of it, by moment: `1-probes`.
    moments: Vec<String>,
    missing: Vec<String>,
    /// Whether the folder could be made.
    begun: bool,
}

impl Bundle {
    /// A bundle of `cluster` in `wanted`, or in a new folder of the state folder. Nothing is made before something fails.
    ///
    /// # Errors
    /// [`FolderError`] when `wanted` has something in it, or there is no state folder.
    pub fn new(wanted: Option<&Path>, cluster: &str) -> Result<Self, FolderError> {
        Ok(Self {
            path: folder::choose(wanted, cluster)?,
            moments: Vec::new(),
            missing: Vec::new(),
            begun: false,
        })
    }

    /// The folder, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.begun.then_some(self.path.as_path())
    }

    /// Fetches the states of all hosts after the failure of `what`, which `recording` saw.
    pub fn moment(&mut self, what: &str, session: &Session<'_>, recording: Option<Recording>) {
        if !self.begin(session.plan, session.ui) || self.moments.len() >= MOMENTS_MAX {
            return;
        }
        let moment = format!("{}-{what}", self.moments.len() + 1);
        session.ui.line(&format!("fetching logs and states of all hosts after {what} ..."));
        let status = session.lab.status().map_err(|error| error.to_string());
        let status = status.and_then(|status| serde_json::to_vec_pretty(&status).map_err(|error| error.to_string()));
        let mut found = vec![("lab-status.json".to_owned(), status)];
        found.extend(recording.map(Recording::finish).into_iter().flatten());
        found.extend(hosts(session.plan, &session.all()));
        self.states(moment, found, session.ui);
    }

    fn states(&mut self, moment: String, found: Vec<(String, Result<Vec<u8>, String>)>, ui: &Ui) {
        let mut files = Artifacts::default();
        for (path, found) in found {
            match found {
                Ok(bytes) => put(&mut files, format!("{moment}/{path}"), bytes),
                Err(why) => self.missing.push(format!("{moment}/{path}: {why}")),
            }
        }
        self.moments.push(moment);
        self.write(files, ui);
    }

    /// Adds what is about the whole run, if anything failed: the lab's logs, the plan, the report; and says what is where.
    pub fn finish(&mut self, plan: &Plan, report: &Report, ui: &Ui) {
        if !self.begun {
            return;
        }
        let mut files = Artifacts::default();
        put(&mut files, "report.txt".to_owned(), report.text(false).into_bytes());
        let jsons = [("report.json", report.json()), ("plan.json", serde_json::to_string_pretty(plan))];
        for (name, json) in jsons {
            match json {
                Ok(json) => put(&mut files, name.to_owned(), json.into_bytes()),
                Err(error) => self.missing.push(format!("{name}: {error}")),
            }
        }
        match state_folder() {
            Ok(state) => self.logs(plan, &LabFolder::new(&state, plan.cluster.as_str()), &mut files),
            Err(error) => self.missing.push(format!("lab: {error}")),
        }
        self.write(files, ui);
        let pruned = folder::prune(&self.path, plan.cluster.as_str());
        if pruned > 0 {
            ui.line(&format!(
                "removed older logs of failures of {}: the last {KEPT} are kept",
                plan.cluster
            ));
        }
    }

    /// Makes the folder, unless it is there; false when that cannot be.
    fn begin(&mut self, plan: &Plan, ui: &Ui) -> bool {
        if !self.begun {
            match folder::make(&self.path) {
                Ok(()) => self.begun = true,
                Err(error) => ui.line(&format!("no logs of the failure of {}: {error}", plan.cluster)),
            }
        }
        self.begun
    }

    /// A failure before any host could be asked: only logs are to be had.
    pub fn without_hosts(&mut self, plan: &Plan, ui: &Ui) {
        self.begin(plan, ui);
    }

    fn logs(&mut self, plan: &Plan, lab: &LabFolder, files: &mut Artifacts) {
        let mut logs = vec![names::SUPERVISOR_LOG.to_owned()];
        for host in &plan.hosts {
            logs.push(names::serial_log(host.name.as_str()));
            logs.push(names::qemu_log(host.name.as_str()));
        }
        for name in logs {
            match std::fs::read(lab.file(&name)) {
                Ok(bytes) => put(files, format!("lab/{name}"), redact(&bytes)),
                Err(error) => self.missing.push(format!("lab/{name}: {error}")),
            }
        }
    }

    /// Writes `files`, and what is known so far of the folder itself.
    fn write(&mut self, mut files: Artifacts, ui: &Ui) {
        put(&mut files, README.to_owned(), readme::readme(&self.moments).into_bytes());
        if !self.missing.is_empty() {
            put(&mut files, MISSING.to_owned(), (self.missing.join("\n") + "\n").into_bytes());
        }
        // Also after Ctrl-C: it is little, and what was asked for.
        if let Err(error) = render::write(&self.path, &files, || false) {
            ui.line(&format!("logs of the failure are not whole: {error}"));
        }
    }
}

/// Nobody but the owner has to read logs.
fn put(files: &mut Artifacts, name: String, bytes: Vec<u8>) {
    files.0.insert(name, Artifact { bytes, secret: true });
}

/// The files of all hosts by path, or why one is not there.
fn hosts(plan: &Plan, machines: &[&dyn Machine]) -> Vec<(String, Result<Vec<u8>, String>)> {
    let mut found = on_each(machines, |machine| {
        let host = plan.hosts.iter().find(|host| host.name == *machine.name());
        let bridge = host.map(|host| &host.mesh_bridge.name).ok_or("not in the plan")?;
        let finished = machine.run(&fetch::script(bridge), FETCH_DEADLINE);
        let finished = finished.map_err(|error| format!("not reached: {}", ssh::last_words(&error)))?;
        Ok(fetch::files(&finished.stdout_text()))
    });
    let mut files = Vec::new();
    for host in plan.hosts.iter().map(|host| &host.name) {
        let no_machine = || Err("no such machine is running".to_owned());
        match found.remove(host).unwrap_or_else(no_machine) {
            Err(why) => files.push((host.to_string(), Err(why))),
            Ok((of_host, missing)) => {
                files.extend(of_host.into_iter().map(|(name, bytes)| (format!("{host}/{name}"), Ok(bytes))));
                files.extend(missing.into_iter().map(|line| {
                    let (name, why) = line.split_once(": ").unwrap_or((&line, "missing"));
                    (format!("{host}/{name}"), Err(why.to_owned()))
                }));
            }
        }
    }
    files
}

#[cfg(test)]
#[path = "bundle/tests.rs"]
mod tests;
