//! What `meshimg up` does on this machine, and by ssh on the hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Steps;
use crate::cli::remote::{Ssh, says_yes};
use crate::cli::{Context, apply, load, verify};
use crate::diff::Kind;
use crate::error::Error;
use crate::exec::interrupt;
use crate::plan::Plan;
use crate::provider::bring_up::{Hands, HostFailure};
use crate::provider::digital_ocean::Created;
use crate::remote::Remote;
use crate::remote::apply::{self as changes, ApplyError, ConfirmWithin, Differences};
use crate::remote::arrive::{ArrivalError, Arrivals, Awaited, Limits};
use crate::render;
use crate::spec::{HostName, lock_text};

/// The user's own ssh, and the files beside the cluster.yaml.
pub struct OwnHands<'a> {
    pub file: &'a Path,
    pub ssh: &'a Ssh,
    /// Whether nobody has to be asked any more.
    pub agreed: bool,
    pub context: &'a Context,
    pub steps: &'a Steps,
}

impl OwnHands<'_> {
    /// Whether somebody wants the meshes to change that are there already.
    fn is_wanted(&self, differences: &Differences) -> Result<bool, Error> {
        let is_new = |change: &changes::HostChange| change.kind == Kind::New;
        if self.agreed || differences.hosts.iter().all(is_new) {
            return Ok(true);
        }
        crate::cli::output::print(&apply::text(differences, ConfirmWithin::default()))?;
        says_yes(&apply::question(differences))
    }
}

impl Hands for OwnHands<'_> {
    fn keep(&mut self, plan: &Plan) -> Result<(), Error> {
        let path = load::lock_path(self.file);
        if render::write_over(&path, lock_text(&plan.lock)?.as_bytes())? {
            self.context.ui.line(&format!("wrote {}", path.display()));
        }
        Ok(())
    }

    fn arrive(&mut self, plan: &Plan, droplets: &BTreeMap<HostName, Created>) -> BTreeMap<HostName, Result<(), ArrivalError>> {
        let awaited = |created: &Created| Awaited {
            droplet: created.id,
            was_there: created.was_there,
        };
        let awaited = droplets.iter().map(|(name, created)| (name.clone(), awaited(created)));
        let arrivals = Arrivals {
            plan,
            known_hosts: &load::known_hosts_path(self.file),
            ssh_config: self.ssh.config.as_deref(),
            limits: Limits::default(),
            say: &|host, words| self.steps.say(host, words),
        };
        let arrived = arrivals.wait(&awaited.collect());
        self.steps.end();
        // At once, for what comes now takes its time.
        for (host, result) in &arrived {
            if let (Err(error), false) = (result, interrupt::requested()) {
                self.context.ui.line(&format!("{host} is not up: {error}"));
            }
        }
        arrived
    }

    fn apply(&mut self, plan: &Plan, hosts: &BTreeSet<HostName>) -> Result<Vec<(HostName, HostFailure)>, Error> {
        let mut hosts = hosts.clone();
        let mut alone = Vec::new();
        // One that must be left alone keeps the others from nothing.
        while !hosts.is_empty() {
            let remote = Remote::connect(plan, &self.ssh.connection(self.file, hosts.clone()), &self.context.ui)?;
            let (host, failure) = match changes::look(&remote) {
                Ok(differences) => {
                    self.change(&remote, &differences)?;
                    break;
                }
                Err(error) if interrupt::requested() => return Err(error.into()),
                Err(ApplyError::Refused { host, why }) => (host, HostFailure::Refused(why)),
                Err(ApplyError::NotAsked { host, why }) => (host, HostFailure::NotAsked(why)),
                Err(error) => return Err(error.into()),
            };
            self.context.ui.line(&format!("{host}: {failure}"));
            hosts.remove(&host);
            alone.push((host, failure));
        }
        Ok(alone)
    }

    fn verify(&mut self, plan: &Plan, hosts: &BTreeSet<HostName>) -> Result<(), Error> {
        let mut remote = Remote::connect(plan, &self.ssh.connection(self.file, hosts.clone()), &self.context.ui)?;
        verify::prove(&mut remote, &verify::How::default(), self.context)
    }
}

impl OwnHands<'_> {
    fn change(&self, remote: &Remote<'_>, differences: &Differences) -> Result<(), Error> {
        if differences.hosts.is_empty() {
            self.context.ui.line("all hosts are as planned; nothing to change");
            return Ok(());
        }
        if !self.is_wanted(differences)? {
            self.context.ui.line("no host was changed");
            return Ok(());
        }
        for change in &differences.hosts {
            self.context.ui.line(&apply::summary(change));
        }
        Ok(changes::apply(remote, differences, ConfirmWithin::default())?)
    }
}
