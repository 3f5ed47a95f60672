//! The power of all hosts is cut at once, and comes back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::clones::{self, Originals};
use super::measure::containers;
use super::steps::{COMEBACK_DEADLINE, UNDERLAY_UNIT, ask, not_happened, undone, wait_for};
use crate::lab::LabError;
use crate::lab::session::Session;
use crate::machine::probe::BootLimits;
use crate::machine::report::Scenario;
use crate::machine::{Machine, on_each, ssh};
use crate::spec::HostName;

/// A host that boots.
const BOOT_DEADLINE: Duration = Duration::from_secs(600);

const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

/// A file that was flushed to the disk before the power cut.
const NOTE: &str = "/root/.meshimg-power-cut";

/// Began to start and was up, of the unit that brings the underlay up.
fn unit_times() -> String {
    format!("systemctl show --property InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic --value \"$({UNDERLAY_UNIT})\"")
}

/// A power cut of all hosts: kill -9 of every QEMU, then all are started on their disks. What else is amiss when they boot:
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PowerCut {
    /// Each host is cut off from all others until it has booted, and joins them afterwards without help.
    pub alone: bool,
    /// All have the machine-id of the first, as clones of one disk do.
    pub one_machine_id: bool,
}

/// All hosts lose their power at once.
pub(super) fn power_cut(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    PowerCut::default().cause(session, scenario)
}

/// Each host boots alone.
pub(super) fn boot_without_peers(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let alone = true;
    PowerCut {
        alone,
        ..PowerCut::default()
    }
    .cause(session, scenario)
}

/// All hosts boot with one machine-id.
pub(super) fn same_machine_id(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let one_machine_id = true;
    PowerCut {
        one_machine_id,
        ..PowerCut::default()
    }
    .cause(session, scenario)
}

impl PowerCut {
    /// Causes it and waits until the mesh is whole; links and machine-ids are as before at the end.
    ///
    /// # Errors
    /// [`LabError`]: what was not as it should be, or could not be undone.
    pub fn cause(self, session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
        scenario.what = self.what();
        scenario.by_design = Some(
            "no two containers stay connected, so there is no outage to measure: all end with their hosts, and come back only with a \
             restart policy"
                .to_owned(),
        );
        let mut originals = Originals::default();
        undone(
            &mut (session, &mut originals),
            |(session, originals)| {
                if self.one_machine_id {
                    clones::make(&session.all(), originals)?;
                }
                self.cycle(session)?;
                if self.one_machine_id { clones::check(session) } else { Ok(()) }
            },
            |(session, originals)| clones::restore(&session.all(), originals),
        )
    }

    fn what(self) -> String {
        let mut what = "kill -9 of all hosts at once".to_owned();
        if self.one_machine_id {
            what += ", which come back as clones with one machine-id";
        }
        if self.alone {
            what += ", each of which boots cut off from the others";
        }
        what
    }

    fn cycle(self, session: &mut Session<'_>) -> Result<(), LabError> {
        let boots = leave_notes(session)?;
        let started = undone(
            session,
            |session| {
                if self.alone {
                    session.lab.cut_all()?;
                }
                let usual = on_each(&session.all(), |machine| took(&ask(machine, &unit_times()).ok()?));
                let started = restart(session, &boots)?;
                if self.alone {
                    session.wait_until_settled(started)?;
                    check_alone(session, usual.into_values().flatten().max())?;
                }
                Ok(started)
            },
            |session| if self.alone { session.lab.heal() } else { Ok(()) },
        )?;
        session.wait_for_mesh(started)?;
        session.wait_until_settled(started)?;
        find_notes(session, &boots)
    }
}

/// Writes each host's boot id to its disk, flushed, and returns it by host.
fn leave_notes(session: &Session<'_>) -> Result<BTreeMap<HostName, String>, LabError> {
    let script = format!("{BOOT_ID} | tee {NOTE}\nsync {NOTE} /root");
    let mut boots = BTreeMap::new();
    for machine in &session.machines {
        boots.insert(machine.name().clone(), ask(machine, &script)?);
    }
    Ok(boots)
}

/// Kills all guests, starts them, and waits until each answers from another boot than that of `boots`. Returns when they got power.
fn restart(session: &Session<'_>, boots: &BTreeMap<HostName, String>) -> Result<Instant, LabError> {
    for host in &session.plan.hosts {
        session.lab.kill(host.name.as_str())?;
    }
    for machine in &session.machines {
        // The connection to the machine that was killed is still there and would take the first command to its grave.
        let _ = machine.close();
    }
    let started = Instant::now();
    for host in &session.plan.hosts {
        session.lab.start(host.name.as_str())?;
    }
    for machine in &session.machines {
        let gone = || session.lab.ended(machine.name().as_str());
        let boot = boots.get(machine.name()).map_or("", String::as_str);
        ssh::wait_for_reboot(machine, boot, BOOT_DEADLINE, gone)?;
    }
    Ok(started)
}

/// What was flushed before the power cut must be there.
fn find_notes(session: &Session<'_>, boots: &BTreeMap<HostName, String>) -> Result<(), LabError> {
    for machine in &session.machines {
        find_note(machine, boots.get(machine.name()).map_or("", String::as_str))?;
    }
    Ok(())
}

fn find_note(machine: &dyn Machine, boot: &str) -> Result<(), LabError> {
    let found = ask(machine, &format!("cat {NOTE} 2>&1 || true\nrm -f {NOTE}"))?;
    if found == boot {
        return Ok(());
    }
    Err(LabError::Broken {
        fault: "the power cut",
        why: format!("{} has lost what was flushed to its disk: {found:?}", machine.name()),
    })
}

/// Each host has no peer, and has booted all the same: in time, with ssh, Docker and a container. `usual`: how long networking.service took
/// when there were peers.
fn check_alone(session: &Session<'_>, usual: Option<Duration>) -> Result<(), LabError> {
    let limit = limit(usual);
    let results = on_each(&session.all(), |machine| {
        let peers: Vec<String> = session
            .plan
            .hosts
            .iter()
            .filter(|host| host.name != *machine.name())
            .map(|host| host.address.to_string())
            .collect();
        alone(machine, &peers, limit)
    });
    for (_, result) in results {
        result?;
    }
    for (host, container) in containers(session) {
        if let Err(why) = container {
            return Err(broken(&host, &format!("starts no container: {why}")));
        }
    }
    Ok(())
}

/// How long networking.service may take: the closed loop that it could be held up by takes minutes, a busy emulator twice as long as usual.
fn limit(usual: Option<Duration>) -> Duration {
    let default = BootLimits::default();
    2 * usual.unwrap_or_default().max(default.networking_without_mesh) + default.mesh_may_add
}

fn broken(host: &HostName, why: &str) -> LabError {
    LabError::Broken {
        fault: "booting alone",
        why: format!("{host} {why}"),
    }
}

fn alone(machine: &dyn Machine, peers: &[String], limit: Duration) -> Result<(), LabError> {
    let host = machine.name();
    for peer in peers {
        let script = format!("if ping -c 1 -W 1 {peer} >/dev/null 2>&1; then echo reached; fi");
        if !ask(machine, &script)?.is_empty() {
            return Err(not_happened("boot-without-peers", host, &format!("it reaches {peer}")));
        }
    }
    wait_for(
        machine,
        "Docker",
        COMEBACK_DEADLINE,
        "systemctl is-active docker.service || true",
        |state| match state {
            "active" => Ok(()),
            other => Err(other.to_owned()),
        },
    )?;
    let state = ask(machine, "systemctl is-system-running || true")?;
    if state != "running" {
        let failed = ask(machine, "systemctl list-units --failed --plain --no-legend --no-pager")?;
        return Err(broken(host, &format!("is {state}: {failed}")));
    }
    let times = ask(machine, &unit_times())?;
    match took(&times) {
        Some(took) if took <= limit => Ok(()),
        Some(took) => Err(broken(
            host,
            &format!(
                "took {:.1} s to bring its network up, the limit is {} s",
                took.as_secs_f64(),
                limit.as_secs()
            ),
        )),
        None => Err(broken(host, &format!("has not brought its network up: {times:?}"))),
    }
}

/// From two lines, microseconds since the boot in either order; `None` when a unit has not started.
fn took(times: &str) -> Option<Duration> {
    let times: Vec<u64> = times
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .filter(|time| *time > 0)
        .collect();
    let [one, other] = times[..] else { return None };
    Some(Duration::from_micros(one.abs_diff(other)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::sample::Scripted;

    const LIMIT: Duration = Duration::from_secs(10);

    /// A host that has booted alone, but for what `other` says.
    fn booted(other: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static) -> Scripted {
        Scripted::new("host1", move |script| {
            let usual = match script {
                script if script.contains("is-active docker") => "active\n",
                script if script.contains("is-system-running") => "running\n",
                script if script == unit_times() => "20000000\n22000000\n",
                _ => "",
            };
            Ok(other(script).unwrap_or(usual).to_owned())
        })
    }

    fn judge(other: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static) -> Result<(), String> {
        alone(&booted(other), &["192.0.2.2".to_owned()], LIMIT).map_err(|error| error.to_string())
    }

    #[test]
    fn networking_may_take_what_is_usual() {
        assert_eq!(limit(None), Duration::from_secs(15));
        assert_eq!(limit(Some(Duration::from_secs(2))), Duration::from_secs(15));
        assert_eq!(limit(Some(Duration::from_secs(20))), Duration::from_secs(45));
    }

    #[test]
    fn a_host_that_booted_alone_is_fine() {
        assert_eq!(judge(|_| None), Ok(()));
    }

    #[test]
    fn a_host_with_peers_is_not_alone() {
        let reached = judge(|script| script.contains("ping").then_some("reached"));
        assert_eq!(
            reached.unwrap_err(),
            "boot-without-peers did not happen: host1: it reaches 192.0.2.2"
        );
    }

    #[test]
    fn a_boot_that_was_held_up_is_told() {
        let slow = judge(|script| (script == unit_times()).then_some("20000000\n320000000\n"));
        assert_eq!(
            slow.unwrap_err(),
            "after booting alone: host1 took 300.0 s to bring its network up, the limit is 10 s"
        );
        let never = judge(|script| (script == unit_times()).then_some("0\n0\n"));
        assert!(never.unwrap_err().contains("has not brought its network up"));
    }

    #[test]
    fn a_failed_unit_is_told() {
        let failed = judge(|script| match script {
            script if script.contains("is-system-running") => Some("degraded\n"),
            script if script.contains("--failed") => Some("meshimg-mesh.service loaded failed\n"),
            _ => None,
        });
        assert_eq!(
            failed.unwrap_err(),
            "after booting alone: host1 is degraded: meshimg-mesh.service loaded failed"
        );
    }

    #[test]
    fn a_note_that_is_gone_is_told() {
        let kept = Scripted::new("host1", |_| Ok("one\n".into()));
        find_note(&kept, "one").unwrap();
        assert!(
            find_note(&kept, "two")
                .unwrap_err()
                .to_string()
                .contains("has lost what was flushed to its disk")
        );
    }
}
