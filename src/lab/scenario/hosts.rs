//! Faults of whole hosts, and of what runs on them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::measure::{COMMAND_DEADLINE, container, containers, outage_of, survivors, wait_until_steady};
use super::tree::{SETTLE_DEADLINE, settled};
use crate::exec::ExecError;
use crate::lab::session::Session;
use crate::lab::{Lab, LabError};
use crate::machine::Machine;
use crate::machine::report::Scenario;
use crate::machine::ssh::{self, SshMachine};
use crate::plan::promise;
use crate::spec::HostName;

/// A host that is rebooted.
const REBOOT_DEADLINE: Duration = Duration::from_secs(600);

/// kill -9 of the QEMU of the root bridge's host: a power cut. It is started again afterwards.
pub(super) fn host_down(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let victim = session.plan.head().clone();
    scenario.what = format!("kill -9 of {}", session.plan.head_in_words());
    silence(session, scenario, &victim, Lab::kill)?;
    come_back(session, &victim)
}

/// Has `kill` make `victim` fall silent, and measures between two others what that costs, if there are two.
pub(super) fn silence(
    session: &mut Session<'_>,
    scenario: &mut Scenario,
    victim: &HostName,
    kill: fn(&Lab, &str) -> Result<(), LabError>,
) -> Result<(), LabError> {
    let survivors = survivors(session.plan, &[victim]);
    let [from, to, ..] = survivors[..] else {
        // Of two hosts one is left, and nobody to ping.
        return kill(&session.lab, victim.as_str());
    };
    scenario.limit_seconds = promise::root_loss(session.plan, survivors.len());
    let containers = containers(session);
    outage_of(session, scenario, &containers, [from, to], |session| {
        kill(&session.lab, victim.as_str())
    })
}

/// The root's host, whose power was cut, starts again and becomes the root again.
pub(super) fn host_back(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let victim = session.plan.head().clone();
    scenario.what = format!("{} comes back after a power cut", session.plan.head_as_subject());
    let containers = containers(session);
    session.lab.kill(victim.as_str())?;
    let [from, to, ..] = survivors(session.plan, &[&victim])[..] else {
        return come_back(session, &victim);
    };
    let (source, target) = (container(&containers, from)?, container(&containers, to)?);
    wait_until_steady(session, from, &source, target.address)?;
    outage_of(session, scenario, &containers, [from, to], |session| come_back(session, &victim))
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
    session.wait_until_settled(started)?;
    settled(session, SETTLE_DEADLINE)
}

/// `systemctl reboot` on all hosts at once.
pub(super) fn reboot_all(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
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
