//! Two [`Plan`]s to what it takes to get from one to the other, host by host. Pure.
//!
//! It says what whoever changes hosts that run has before them: files, services, and for how long containers are cut off at most.

mod changes;
mod cut_off;
mod locked;
mod services;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::plan::{HostPlan, Plan};
use crate::render::{RenderFilesError, host_files};
use crate::spec::{HostName, lock_text};

pub use changes::Change;
pub use cut_off::{CutOff, of_services};
pub use locked::locked;
pub use services::{Action, Service};

/// The format of the JSON; raised when a field changes its meaning or goes.
pub const DIFF_VERSION: u32 = 1;

/// Everything that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    pub version: u32,
    /// Hosts that differ: those of the new plan in its order, then those that are gone.
    pub hosts: Vec<HostDifference>,
    /// Hosts for which nothing changes, in the order of the new plan.
    pub unchanged: Vec<HostName>,
    /// Whether the two locks would differ: what is kept may change where no host does.
    pub lock_differs: bool,
}

impl Difference {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }
}

/// Whether a host is in both plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    New,
    Gone,
    Changed,
}

/// What differs for one host.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostDifference {
    pub host: HostName,
    pub kind: Kind,
    pub changes: Vec<Change>,
    /// Files on a host with cloud-init, by path.
    pub files: Vec<FileChange>,
    pub services: Vec<Service>,
    /// Of the host's containers from those of other hosts.
    pub cut_off: CutOff,
    /// What somebody has to do besides.
    pub notes: Vec<String>,
}

/// One file on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileChange {
    pub path: String,
    pub kind: Kind,
}

/// What it takes to get from `old` to `new`.
///
/// # Errors
/// [`RenderFilesError`]: a mistake of ours in a template.
pub fn diff(old: &Plan, new: &Plan) -> Result<Difference, RenderFilesError> {
    let before: BTreeMap<&HostName, &HostPlan> = old.hosts.iter().map(|host| (&host.name, host)).collect();
    let after: BTreeSet<&HostName> = new.hosts.iter().map(|host| &host.name).collect();
    let mut pairs = Vec::new();
    for host in &new.hosts {
        let then = before.get(&host.name).copied();
        pairs.push((Some(host), then));
    }
    pairs.extend(
        old.hosts
            .iter()
            .filter(|host| !after.contains(&host.name))
            .map(|host| (None, Some(host))),
    );
    let mut difference = Difference {
        version: DIFF_VERSION,
        hosts: Vec::new(),
        unchanged: Vec::new(),
        lock_differs: lock_text(&old.lock).ok() != lock_text(&new.lock).ok(),
    };
    for pair in pairs {
        match pair {
            (Some(host), Some(then)) => match changed(old, then, new, host)? {
                Some(changed) => difference.hosts.push(changed),
                None => difference.unchanged.push(host.name.clone()),
            },
            (Some(host), None) => difference.hosts.push(new_host(new, host)?),
            (None, Some(then)) => difference.hosts.push(gone(then)),
            (None, None) => {}
        }
    }
    cut_off::through_others(old, new, &mut difference.hosts);
    Ok(difference)
}

fn changed(old: &Plan, then: &HostPlan, new: &Plan, now: &HostPlan) -> Result<Option<HostDifference>, RenderFilesError> {
    let changes = changes::changes(old, then, new, now);
    let files = files(old, then, new, now)?;
    if changes.is_empty() && files.is_empty() {
        return Ok(None);
    }
    let services = services::services((old, then), (new, now), &files);
    Ok(Some(HostDifference {
        host: now.name.clone(),
        kind: Kind::Changed,
        cut_off: cut_off::own((old, then), (new, now), &services),
        notes: services::notes((old, then), (new, now)),
        changes,
        files,
        services,
    }))
}

/// The files that differ, by path.
fn files(old: &Plan, then: &HostPlan, new: &Plan, now: &HostPlan) -> Result<Vec<FileChange>, RenderFilesError> {
    let by_path = |plan, host| -> Result<BTreeMap<String, (u16, String)>, RenderFilesError> {
        let files = host_files(plan, host)?.into_iter();
        Ok(files.map(|file| (file.path, (file.mode, file.text))).collect())
    };
    let (before, after) = (by_path(old, then)?, by_path(new, now)?);
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let kind = |path: &String| match (before.get(path), after.get(path)) {
        (None, Some(_)) => Some(Kind::New),
        (Some(_), None) => Some(Kind::Gone),
        (before, after) => (before != after).then_some(Kind::Changed),
    };
    let change = |path: &String| {
        let kind = kind(path)?;
        let path = path.clone();
        Some(FileChange { path, kind })
    };
    Ok(paths.into_iter().filter_map(change).collect())
}

fn new_host(plan: &Plan, host: &HostPlan) -> Result<HostDifference, RenderFilesError> {
    let file = |path| FileChange { path, kind: Kind::New };
    Ok(HostDifference {
        host: host.name.clone(),
        kind: Kind::New,
        changes: changes::of_new(host),
        files: host_files(plan, host)?.into_iter().map(|new| file(new.path)).collect(),
        services: Vec::new(),
        cut_off: CutOff::none("it is new, and has no containers yet"),
        notes: Vec::new(),
    })
}

fn gone(host: &HostPlan) -> HostDifference {
    HostDifference {
        host: host.name.clone(),
        kind: Kind::Gone,
        changes: Vec::new(),
        files: Vec::new(),
        services: Vec::new(),
        cut_off: CutOff::for_good("it is no part of the mesh any more"),
        notes: vec!["end it, or take the mesh off it (meshimg wipe, with the old file): it still has its half of each link".to_owned()],
    }
}

#[cfg(test)]
mod tests;
