//! One ssh connection to each host, for as long as a command of meshimg runs.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::exec::{ExecError, Finished, interrupt};
use crate::lab::scenario::Ground;
use crate::machine::probe::container::Containers;
use crate::machine::probe::own_container::{self, RunId};
use crate::machine::ssh::{self, HostKeys, SshAccess, SshMachine, SshTarget};
use crate::machine::{Machine, on_each};
use crate::plan::{HostPlan, Plan};
use crate::spec::HostName;
use crate::ui::Ui;

/// A connection over a jump host or two, and sudo.
const CONNECT_DEADLINE: Duration = Duration::from_secs(45);

/// What a run on real machines can fail with before anything was asked of them.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    #[error(transparent)]
    Exec(#[from] ExecError),
    #[error("no folder for the sockets of ssh: {0}")]
    Folder(std::io::Error),
}

/// Which hosts, and how.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// All of them if it is empty.
    pub hosts: BTreeSet<HostName>,
    /// The file that `ssh -F` takes, in the place of the user's own.
    pub ssh_config: Option<PathBuf>,
    /// cluster.known_hosts, where it is there: it has the keys of droplets.
    pub known_hosts: Option<PathBuf>,
}

impl Connection {
    /// By which key `host` is known: those that were reached as droplets have theirs in a file of their own.
    fn host_keys(&self, plan: &Plan, host: &HostPlan) -> HostKeys {
        match &self.known_hosts {
            Some(file) if public(plan, host).is_some() => HostKeys::Kept(file.clone()),
            _ => HostKeys::Own,
        }
    }
}

/// What ssh is told to connect to: the public address of a droplet, where the lock has one, else the address in cluster.yaml.
pub fn reach_at(plan: &Plan, host: &HostPlan) -> IpAddr {
    public(plan, host).unwrap_or(host.address)
}

fn public(plan: &Plan, host: &HostPlan) -> Option<IpAddr> {
    plan.lock.hosts.get(&host.name)?.public
}

/// The hosts of a plan, or some of them, each reached or known not to be.
pub struct Remote<'a> {
    pub plan: &'a Plan,
    pub ui: &'a Ui,
    machines: Vec<Reached>,
    run: RunId,
    /// Whether there may be something of ours on the machines.
    used: std::sync::atomic::AtomicBool,
    /// Holds the sockets; goes after the machines.
    _folder: tempfile::TempDir,
}

/// A machine, or why there is none. That is not tried again at each question: it would cost a connection's time limit each time.
struct Reached {
    machine: SshMachine,
    /// What ssh or sudo said against it.
    refused: Option<String>,
}

impl Machine for Reached {
    fn name(&self) -> &HostName {
        self.machine.name()
    }

    fn run(&self, script: &str, deadline: Duration) -> Result<Finished, ExecError> {
        match &self.refused {
            None => self.machine.run(script, deadline),
            Some(why) => Err(ExecError::Failed {
                command_line: format!("ssh {}", self.machine.target().address),
                status: "exit status: 255".to_owned(),
                stderr_tail: why.clone(),
            }),
        }
    }
}

impl<'a> Remote<'a> {
    /// Connects to the hosts. One that is not reached, or lets nobody be root, is said so on the way; what it is asked later fails with that reason.
    ///
    /// # Errors
    /// [`RemoteError`]: ssh is not installed, or Ctrl-C.
    pub fn connect(plan: &'a Plan, connection: &Connection, ui: &'a Ui) -> Result<Self, RemoteError> {
        crate::exec::require(&["ssh"])?;
        let folder = tempfile::Builder::new().prefix("meshimg-").tempdir().map_err(RemoteError::Folder)?;
        let run = folder
            .path()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .replace("meshimg-", "");
        let mut machines = Vec::new();
        for host in plan.hosts.iter().filter(|host| is_meant(connection, host)) {
            let target = SshTarget {
                host: host.name.clone(),
                address: reach_at(plan, host),
                user: host.user.clone(),
                access: SshAccess::Own {
                    config: connection.ssh_config.clone(),
                    host_keys: connection.host_keys(plan, host),
                },
                control_folder: folder.path().to_owned(),
            };
            let machine = SshMachine::new(target).map_err(RemoteError::Folder)?;
            machines.push(Reached {
                machine,
                refused: Some("not tried yet".to_owned()),
            });
        }
        let mut remote = Self {
            plan,
            ui,
            machines,
            run: RunId::new(&run),
            used: false.into(),
            _folder: folder,
        };
        remote.try_again(CONNECT_DEADLINE);
        if interrupt::requested() {
            let command_line = "ssh".to_owned();
            return Err(RemoteError::Exec(ExecError::Interrupted { command_line }));
        }
        for reached in &remote.machines {
            if let Some(why) = &reached.refused {
                let target = reached.machine.target();
                let host = &target.host;
                ui.line(&format!("{host} is not reached: {why}\n  to try it by hand: {}", by_hand(target)));
            }
        }
        Ok(remote)
    }

    /// Tries those that were not reached, for `deadline` each.
    pub fn try_again(&mut self, deadline: Duration) {
        let left: Vec<&dyn Machine> = self
            .machines
            .iter()
            .filter(|reached| reached.refused.is_some())
            .map(|reached| &reached.machine as &dyn Machine)
            .collect();
        let answers = on_each(&left, |machine| machine.run("true", deadline).err());
        for reached in &mut self.machines {
            if let Some(answer) = answers.get(reached.machine.name()) {
                reached.refused = answer.as_ref().map(ssh::last_words);
            }
        }
    }

    /// Notes that `host` answers no more, and why. A connection that hangs would hold up the next attempt.
    pub fn lost(&mut self, host: &HostName, why: &str) {
        if let Some(reached) = self.machines.iter_mut().find(|reached| reached.machine.name() == host) {
            let _ = reached.machine.close();
            reached.refused = Some(why.to_owned());
        }
    }

    /// Has the next call to `host` make a connection of its own.
    pub fn reconnect(&self, host: &HostName) {
        for reached in self.machines.iter().filter(|reached| reached.machine.name() == host) {
            let _ = reached.machine.close();
        }
    }

    /// All machines that were asked for, as probes take them.
    pub fn all(&self) -> Vec<&dyn Machine> {
        self.machines.iter().map(|machine| machine as &dyn Machine).collect()
    }

    /// Those that were reached.
    pub fn reached(&self) -> Vec<&dyn Machine> {
        let reached = self.machines.iter().filter(|machine| machine.refused.is_none());
        reached.map(|machine| machine as &dyn Machine).collect()
    }

    /// The hosts that were asked for.
    pub fn names(&self) -> BTreeSet<HostName> {
        self.machines.iter().map(|machine| machine.name().clone()).collect()
    }

    /// Whether these are all hosts of the plan.
    pub fn is_whole(&self) -> bool {
        self.machines.len() == self.plan.hosts.len()
    }

    /// Has a probe container run on each host, under a name of this run alone.
    pub fn containers(&self) -> Containers {
        self.used.store(true, std::sync::atomic::Ordering::SeqCst);
        own_container::start(self.plan, &self.all(), &self.run)
    }

    /// Removes what this run has put on the hosts, also after Ctrl-C. What stays is said; the containers end by themselves within an hour.
    pub fn clean_up(&self) {
        if !self.used.swap(false, std::sync::atomic::Ordering::SeqCst) {
            return;
        }
        let _shield = interrupt::shield();
        if let Err(error) = own_container::clean_up(&self.reached(), &self.run) {
            self.ui.line(&format!("{error}; they end by themselves within an hour"));
        }
    }
}

impl<'a> Ground<'a> for Remote<'a> {
    fn plan(&self) -> &'a Plan {
        self.plan
    }

    fn machines(&self) -> Vec<&dyn Machine> {
        self.all()
    }

    /// Nobody but they themselves can say.
    fn any_ended(&self) -> Option<String> {
        None
    }

    fn containers(&self) -> Containers {
        Remote::containers(self)
    }

    fn container(&self) -> String {
        self.run.container()
    }
}

impl Drop for Remote<'_> {
    fn drop(&mut self) {
        self.clean_up();
    }
}

fn is_meant(connection: &Connection, host: &HostPlan) -> bool {
    connection.hosts.is_empty() || connection.hosts.contains(&host.name)
}

/// What a person types to see what ssh says.
fn by_hand(target: &SshTarget) -> String {
    let (user, address) = (target.user.as_str(), target.address);
    let mut options = String::new();
    if let SshAccess::Own { config, host_keys } = &target.access {
        if let Some(config) = config {
            options += &format!("-F {} ", config.display());
        }
        if let HostKeys::Kept(file) = host_keys {
            options += &format!("-o UserKnownHostsFile={} -o HostKeyAlias={address} ", file.display());
        }
    }
    let root = if user == "root" { "" } else { " sudo -n true" };
    format!("ssh {options}{user}@{address}{root}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_can_try_what_was_tried() {
        let target = |user: &str, address: &str, config: Option<&str>, host_keys| SshTarget {
            host: "host1".parse().unwrap(),
            address: address.parse().unwrap(),
            user: user.parse().unwrap(),
            access: SshAccess::Own {
                config: config.map(PathBuf::from),
                host_keys,
            },
            control_folder: PathBuf::new(),
        };
        assert_eq!(by_hand(&target("root", "192.0.2.1", None, HostKeys::Own)), "ssh root@192.0.2.1");
        assert_eq!(
            by_hand(&target("debian", "2001:db8::1", Some("lab.conf"), HostKeys::Own)),
            "ssh -F lab.conf debian@2001:db8::1 sudo -n true"
        );
        assert_eq!(
            by_hand(&target("root", "203.0.113.7", None, HostKeys::Kept("cluster.known_hosts".into()))),
            "ssh -o UserKnownHostsFile=cluster.known_hosts -o HostKeyAlias=203.0.113.7 root@203.0.113.7"
        );
    }

    /// Droplets alone, and where their keys are kept.
    #[test]
    fn a_droplet_is_reached_at_its_public_address_and_known_by_its_kept_key() {
        let mut plan = crate::machine::sample::plan();
        let host = plan.hosts[0].clone();
        let connection = Connection {
            known_hosts: Some("cluster.known_hosts".into()),
            ..Connection::default()
        };
        assert_eq!(reach_at(&plan, &host), host.address);
        assert_eq!(connection.host_keys(&plan, &host), HostKeys::Own);
        plan.lock.hosts.get_mut(&host.name).unwrap().public = "203.0.113.7".parse().ok();
        assert_eq!(reach_at(&plan, &host).to_string(), "203.0.113.7");
        assert_eq!(connection.host_keys(&plan, &host), HostKeys::Kept("cluster.known_hosts".into()));
        assert_eq!(Connection::default().host_keys(&plan, &host), HostKeys::Own);
    }

    #[test]
    fn without_names_all_hosts_are_meant() {
        let plan = crate::machine::sample::plan();
        let some = Connection {
            hosts: [plan.hosts[1].name.clone()].into(),
            ..Connection::default()
        };
        let meant = |connection: &Connection| plan.hosts.iter().filter(|host| is_meant(connection, host)).count();
        assert_eq!((meant(&Connection::default()), meant(&some)), (3, 1));
    }
}
