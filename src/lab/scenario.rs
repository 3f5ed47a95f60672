//! Faults that are caused on purpose, and what came of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::LabError;
use super::session::Session;
use crate::exec::ExecError;
use crate::machine::Machine;
use crate::machine::outage::{self, Outage};
use crate::machine::probe::container::{self, Containers, ProbeContainer};
use crate::machine::report::Scenario;
use crate::machine::ssh::{self, SshMachine};
use crate::plan::Plan;
use crate::spec::{HostName, LoopProtection};
use crate::wait::{Look, until};

/// Longest outage that rapid spanning tree with BFD may cause among three hosts, seconds.
const RSTP_LIMIT_SECONDS: f64 = 1.0;

/// How long pings go on at most: spanning tree without BFD takes up to max age and twice the forward delay, 50 s.
const LONGEST_OUTAGE: Duration = Duration::from_secs(180);

/// A host that is rebooted.
const REBOOT_DEADLINE: Duration = Duration::from_secs(600);

/// One command on a host.
const COMMAND_DEADLINE: Duration = Duration::from_secs(60);

/// Which fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// kill -9 of the QEMU of the root bridge's host: a power cut. It is started again afterwards.
    HostDown,
    /// `systemctl reboot` on all hosts at once.
    RebootAll,
}

impl Fault {
    /// All, in the order in which `lab test` causes them.
    pub const ALL: &'static [Self] = &[Self::HostDown, Self::RebootAll];

    /// As in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::HostDown => "host-down",
            Self::RebootAll => "reboot-all",
        }
    }

    /// Causes it and waits until the mesh is whole again. What goes wrong is in the result.
    pub fn cause(self, session: &mut Session<'_>) -> Scenario {
        session.ui.line(&format!("scenario {} ...", self.name()));
        let mut scenario = Scenario::new(self.name());
        let result = match self {
            Self::HostDown => host_down(session, &mut scenario),
            Self::RebootAll => reboot_all(session, &mut scenario),
        };
        match result {
            Ok(()) => scenario.verdicts = session.probe(),
            Err(error) => scenario.error = Some(error.to_string()),
        }
        scenario
    }
}

fn host_down(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let victim = session.plan.spanning_tree.root.clone();
    scenario.what = format!("kill -9 of {victim}, the root");
    let containers = container::start(session.plan, &session.all());
    let survivors: Vec<&HostName> = session
        .plan
        .hosts
        .iter()
        .map(|host| &host.name)
        .filter(|name| **name != victim)
        .collect();
    let (from, to) = match survivors[..] {
        [from, to, ..] => (from.clone(), to.clone()),
        // Of two hosts one is left, and nobody to ping.
        _ => {
            session.lab.kill(victim.as_str())?;
            return come_back(session, &victim);
        }
    };
    scenario.limit_seconds = limit(session.plan);
    scenario.outage = Some(outage_of(session, &containers, &from, &to, |session| {
        session.lab.kill(victim.as_str())
    })?);
    come_back(session, &victim)
}

/// The outage that is promised, where one is.
fn limit(plan: &Plan) -> Option<f64> {
    let with_bfd = plan
        .hosts
        .iter()
        .flat_map(|host| &host.mesh_bridge.ports)
        .all(|port| port.bfd.is_some());
    (plan.spanning_tree.protocol == LoopProtection::Rstp && with_bfd).then_some(RSTP_LIMIT_SECONDS)
}

/// Pings from the container on `from` to that on `to` while `fault` is caused, until they are answered again.
fn outage_of(
    session: &Session<'_>,
    containers: &Containers,
    from: &HostName,
    to: &HostName,
    fault: impl FnOnce(&Session<'_>) -> Result<(), LabError>,
) -> Result<Outage, LabError> {
    let machine = session.machine(from).ok_or_else(|| LabError::NoHost {
        cluster: session.plan.cluster.to_string(),
        host: from.to_string(),
    })?;
    let (source, target) = (container(containers, from)?, container(containers, to)?);
    let ping = outage::start(machine, &source, target.address, LONGEST_OUTAGE)?;
    fault(session)?;
    let recovered = until(
        "pings between the survivors",
        LONGEST_OUTAGE,
        Duration::from_millis(500),
        || match machine.run(&steady(&source, target.address), COMMAND_DEADLINE) {
            Ok(_) => Look::Ready(()),
            Err(error) => Look::Pending(error.to_string()),
        },
    );
    let log = outage::stop(machine, &ping)?;
    recovered?;
    Ok(outage::outage(&log, outage::INTERVAL))
}

/// Two seconds of pings without a loss: longer than any timer that could still cut the path.
fn steady(from: &ProbeContainer, to: std::net::Ipv4Addr) -> String {
    format!(
        "nsenter --net=/proc/{}/ns/net ping -n -q -c 20 -i 0.1 -W 2 {to} | grep -F ' 0% packet loss' >&2",
        from.pid
    )
}

fn container(containers: &Containers, host: &HostName) -> Result<ProbeContainer, LabError> {
    match containers.get(host) {
        Some(Ok(container)) => Ok(*container),
        Some(Err(why)) => Err(LabError::NoContainer {
            host: host.clone(),
            why: why.clone(),
        }),
        None => Err(LabError::NoContainer {
            host: host.clone(),
            why: "no such machine is running".to_owned(),
        }),
    }
}

/// Starts `victim` again and waits for the whole mesh.
fn come_back(session: &mut Session<'_>, victim: &HostName) -> Result<(), LabError> {
    let started = Instant::now();
    session.lab.start(victim.as_str())?;
    if let Some(machine) = session.machine(victim) {
        // The connection to the machine that was killed is still there and would take the first command to its grave.
        let _ = machine.close();
        let gone = || session.lab.ended(victim.as_str());
        drop(ssh::wait_for_ssh(machine.target().clone(), REBOOT_DEADLINE, gone)?);
    }
    session.wait_for_mesh(started)?;
    session.wait_until_settled(started)
}

fn reboot_all(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    scenario.what = "systemctl reboot on all hosts at once".to_owned();
    let mut boots: BTreeMap<HostName, String> = BTreeMap::new();
    for machine in &session.machines {
        boots.insert(
            machine.name().clone(),
            machine.run("cat /proc/sys/kernel/random/boot_id", COMMAND_DEADLINE)?.stdout_text(),
        );
    }
    let started = Instant::now();
    for machine in &session.machines {
        reboot(machine)?;
    }
    for machine in &session.machines {
        let gone = || session.lab.ended(machine.name().as_str());
        let boot = boots.get(machine.name()).map_or("", String::as_str);
        ssh::wait_for_reboot(machine, boot, REBOOT_DEADLINE, gone)?;
    }
    session.wait_for_mesh(started)?;
    session.wait_until_settled(started)
}

/// Asks for a reboot; that the connection breaks before the answer is no error.
fn reboot(machine: &SshMachine) -> Result<(), ExecError> {
    match machine.run("systemctl reboot", COMMAND_DEADLINE) {
        Ok(_) => Ok(()),
        Err(error) if ssh::is_unreachable(&error) => Ok(()),
        Err(error) => Err(error),
    }
}
