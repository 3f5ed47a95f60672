//! Faults of whole hosts, and of what runs on them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::measure::{COMMAND_DEADLINE, containers, outage_of, promised, survivors};
use crate::exec::ExecError;
use crate::lab::LabError;
use crate::lab::session::Session;
use crate::machine::Machine;
use crate::machine::report::Scenario;
use crate::machine::ssh::{self, SshMachine};
use crate::spec::HostName;

/// A host that is rebooted.
const REBOOT_DEADLINE: Duration = Duration::from_secs(600);

/// kill -9 of the QEMU of the root bridge's host: a power cut. It is started again afterwards.
pub(super) fn host_down(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let victim = session.plan.spanning_tree.root.clone();
    scenario.what = format!("kill -9 of {victim}, the root");
    let containers = containers(session);
    match survivors(session.plan, &[&victim])[..] {
        [from, to, ..] => {
            scenario.limit_seconds = promised(session.plan);
            outage_of(session, scenario, &containers, [from, to], |session| {
                session.lab.kill(victim.as_str())
            })?;
        }
        // Of two hosts one is left, and nobody to ping.
        _ => session.lab.kill(victim.as_str())?,
    }
    come_back(session, &victim)
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
