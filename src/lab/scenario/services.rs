//! Services of the root's host that are restarted or killed.

use std::time::Duration;

use super::ground::{Ground, on};
use super::steps::{COMEBACK_DEADLINE, Own, UNDERLAY_UNIT, UNTOUCHED_SECONDS, ask, not_happened, outages_around, own_outage, wait_for};
use crate::lab::LabError;
use crate::machine::Machine;
use crate::machine::report::Scenario;
use crate::plan::{Plan, promise};
use crate::spec::HostName;

/// The process of ovs-vswitchd, if it answers.
const VSWITCHD: &str = "ovs-appctl --timeout=5 --target=ovs-vswitchd version >/dev/null && cat /run/openvswitch/ovs-vswitchd.pid";

/// Prints the process that it killed.
const KILL_VSWITCHD: &str = "pid=$(cat /run/openvswitch/ovs-vswitchd.pid)\nkill -KILL \"$pid\"\necho \"$pid\"";

const DOCKERD: &str = "systemctl is-active --quiet docker.service && systemctl show --property MainPID --value docker.service";

/// When a unit was last started, microseconds of the machine's monotonic clock.
fn started(unit: &str) -> String {
    format!("systemctl is-active --quiet {unit} && systemctl show --property ActiveEnterTimestampMonotonic --value {unit}")
}

/// The process of the probe container `name`; 0 when it has ended, nothing when there is none.
fn probe_container(name: &str) -> String {
    format!("docker container inspect --format '{{{{.State.Pid}}}}' {name} 2>/dev/null || true")
}

/// `systemctl restart openvswitch-switch`.
pub(super) fn ovs_restart<'a>(ground: &mut impl Ground<'a>, scenario: &mut Scenario) -> Result<(), LabError> {
    open_vswitch(ground, scenario, "systemctl restart openvswitch-switch", |machine| {
        let before = ask(machine, VSWITCHD)?;
        machine.run("systemctl restart openvswitch-switch", RESTART_DEADLINE)?;
        another("ovs-restart", machine, VSWITCHD, &before)
    })
}

/// kill -9 of ovs-vswitchd, which nobody starts again but the host's own systemd.
pub(super) fn ovs_kill<'a>(ground: &mut impl Ground<'a>, scenario: &mut Scenario) -> Result<(), LabError> {
    open_vswitch(ground, scenario, "kill -9 of ovs-vswitchd", |machine| {
        kill_vswitchd(machine, COMEBACK_DEADLINE)
    })
}

fn kill_vswitchd(machine: &dyn Machine, deadline: Duration) -> Result<(), LabError> {
    let killed = ask(machine, KILL_VSWITCHD)?;
    let accept = |now: &str| match now {
        same if same == killed => Err(format!("still process {same}")),
        _ => Ok(()),
    };
    wait_for(machine, "another ovs-vswitchd", deadline, VSWITCHD, accept)?;
    Ok(())
}

fn open_vswitch<'a>(
    ground: &mut impl Ground<'a>,
    scenario: &mut Scenario,
    what: &str,
    fault: impl FnOnce(&dyn Machine) -> Result<(), LabError>,
) -> Result<(), LabError> {
    let root = ground.plan().head().clone();
    scenario.what = format!("{what} on {}", ground.plan().head_in_words());
    scenario.limit_seconds = through_another(ground.plan(), promise::root_rejoin(ground.plan()));
    let own = outages_around(ground, scenario, &root, Own::Stay, |ground| fault(on(ground, &root)?))?;
    let why = "BFD is ovs-vswitchd's work, so its peers take a host without it for dead until it is back";
    scenario.by_design = own_outage(&root, own.as_ref(), why);
    Ok(())
}

/// `limit`, where there are two hosts besides the victim: what it costs the victim's own containers depends on how fast it is.
fn through_another(plan: &Plan, limit: Option<f64>) -> Option<f64> {
    limit.filter(|_| plan.hosts.len() > 2)
}

/// `systemctl restart docker`. With `live-restore` in daemon.json the containers stay.
pub(super) fn docker_restart<'a>(ground: &mut impl Ground<'a>, scenario: &mut Scenario) -> Result<(), LabError> {
    let (root, container) = (ground.plan().head().clone(), ground.container());
    let own = if live_restore(ground.plan(), &root) { Own::Stay } else { Own::End };
    scenario.what = format!("systemctl restart docker on {}", ground.plan().head_in_words());
    scenario.limit_seconds = through_another(ground.plan(), Some(UNTOUCHED_SECONDS));
    let outage = outages_around(ground, scenario, &root, own, |ground| {
        restart_docker(on(ground, &root)?, own, &container)
    })?;
    scenario.by_design = Some(match own {
        Own::End => format!(
            "containers on {root} end with dockerd, and come back only with a restart policy; \"live-restore\": true in docker.daemon keeps them running"
        ),
        Own::Stay => own_outage(&root, outage.as_ref(), "they run on without dockerd").unwrap_or_default(),
    });
    Ok(())
}

fn restart_docker(machine: &dyn Machine, own: Own, name: &str) -> Result<(), LabError> {
    let before = ask(machine, DOCKERD)?;
    let container = ask(machine, &probe_container(name))?;
    machine.run("systemctl restart docker", RESTART_DEADLINE)?;
    another("docker-restart", machine, DOCKERD, &before)?;
    let now = ask(machine, &probe_container(name))?;
    if own == Own::Stay && (now != container || now.is_empty() || now == "0") {
        return Err(LabError::Broken {
            fault: "docker-restart",
            why: format!(
                "live-restore is on for {}, and the container with process {container} has {now:?} now",
                machine.name()
            ),
        });
    }
    Ok(())
}

/// Whether dockerd leaves containers running when it ends (dockerd(8), live-restore).
fn live_restore(plan: &Plan, host: &HostName) -> bool {
    let mut hosts = plan.hosts.iter().filter(|plan| plan.name == *host);
    hosts.any(|host| host.docker.daemon.get("live-restore").and_then(serde_json::Value::as_bool) == Some(true))
}

/// `systemctl restart networking`, which takes the underlay down and up again; `systemd-networkd` on hosts without ifupdown. The same
/// containers must answer afterwards.
pub(super) fn networking_restart<'a>(ground: &mut impl Ground<'a>, scenario: &mut Scenario) -> Result<(), LabError> {
    let (root, container) = (ground.plan().head().clone(), ground.container());
    let unit = ask(on(ground, &root)?, UNDERLAY_UNIT)?;
    scenario.what = format!(
        "systemctl restart {} on {}",
        unit.trim_end_matches(".service"),
        ground.plan().head_in_words()
    );
    let own = outages_around(ground, scenario, &root, Own::Stay, |ground| {
        restart_networking(on(ground, &root)?, &unit, &container)
    })?;
    let why = "the underlay's NIC may go down and up again, and the tunnels with it; bridges and containers stay";
    scenario.by_design = own_outage(&root, own.as_ref(), why);
    Ok(())
}

fn restart_networking(machine: &dyn Machine, unit: &str, name: &str) -> Result<(), LabError> {
    let (before, containers) = (ask(machine, &started(unit))?, ask(machine, &probe_container(name))?);
    // The way to the machine goes down too: a job of systemd goes on without us.
    match machine.run(&format!("systemctl restart {unit}"), RESTART_DEADLINE) {
        Err(error) if !crate::machine::ssh::is_unreachable(&error) => return Err(error.into()),
        _ => {}
    }
    wait_for(machine, &format!("a restarted {unit}"), COMEBACK_DEADLINE, &started(unit), |now| {
        if now == before { Err("not restarted".to_owned()) } else { Ok(()) }
    })?;
    let now = ask(machine, &probe_container(name))?;
    if now == containers {
        return Ok(());
    }
    Err(LabError::Broken {
        fault: "networking-restart",
        why: format!("the container on {} had process {containers}, and has {now:?}", machine.name()),
    })
}

/// A restart of a service on an emulated host.
const RESTART_DEADLINE: Duration = Duration::from_secs(150);

/// Checks that `script` prints another process than `before`.
fn another(fault: &'static str, machine: &dyn Machine, script: &str, before: &str) -> Result<(), LabError> {
    let now = ask(machine, script)?;
    if now != before && !now.is_empty() {
        return Ok(());
    }
    let why = format!("process {before} before, {now:?} after");
    Err(not_happened(fault, machine.name(), &why))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::machine::sample::{self, Scripted};

    /// A host where `script` prints another line each time, the last one for ever; others print nothing.
    fn counting(script: impl Into<String>, lines: &'static [&'static str]) -> Scripted {
        let (asked, script) = (AtomicUsize::new(0), script.into());
        Scripted::new("host1", move |asked_script| {
            if asked_script != script {
                return Ok(String::new());
            }
            let index = asked.fetch_add(1, Ordering::SeqCst).min(lines.len() - 1);
            Ok(lines[index].to_owned())
        })
    }

    #[test]
    fn a_service_that_is_the_same_process_was_not_restarted() {
        another("ovs-restart", &counting(VSWITCHD, &["1212\n"]), VSWITCHD, "1187").unwrap();
        for (now, said) in [("1187\n", "\"1187\""), ("", "\"\"")] {
            let machine = Scripted::new("host1", move |_| Ok(now.into()));
            let error = another("ovs-restart", &machine, VSWITCHD, "1187").unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("ovs-restart did not happen: host1: process 1187 before, {said} after")
            );
        }
    }

    #[test]
    fn a_killed_ovs_vswitchd_that_stays_dead_is_told() {
        let soon = Duration::from_millis(20);
        let answers = |after: Result<&'static str, &'static str>| {
            Scripted::new("host1", move |script| match script {
                KILL_VSWITCHD => Ok("1187\n".to_owned()),
                _ => after.map(str::to_owned).map_err(str::to_owned),
            })
        };
        kill_vswitchd(&answers(Ok("1212\n")), soon).unwrap();
        let error = kill_vswitchd(&answers(Err("ovs-appctl: cannot connect")), soon)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("another ovs-vswitchd of host1: not within ") && error.contains("cannot connect"),
            "{error}"
        );
        let error = kill_vswitchd(&answers(Ok("1187\n")), soon).unwrap_err().to_string();
        assert!(error.ends_with("last seen: still process 1187"), "{error}");
    }

    #[test]
    fn live_restore_must_keep_the_container() {
        let containers: [(&'static [&'static str], bool); 3] =
            [(&["901\n", "901\n"], true), (&["901\n", "0\n"], false), (&["901\n", ""], false)];
        for (lines, fine) in containers {
            let container = counting(probe_container("p"), lines);
            let dockerd = counting(DOCKERD, &["7\n", "8\n"]);
            let machine = Scripted::new("host1", move |script| {
                let answering = if script == DOCKERD { &dockerd } else { &container };
                answering
                    .run(script, RESTART_DEADLINE)
                    .map(|finished| finished.stdout_text())
                    .map_err(|error| error.to_string())
            });
            assert_eq!(restart_docker(&machine, Own::Stay, "p").is_ok(), fine, "{lines:?}");
        }
    }

    #[test]
    fn containers_that_networking_ended_are_told() {
        const STARTED: &str = "systemctl is-active --quiet networking.service && systemctl show --property ActiveEnterTimestampMonotonic --value networking.service";
        let machine = |containers: &'static [&'static str]| {
            let container = counting(probe_container("p"), containers);
            let networking = counting(STARTED, &["20\n", "", "30\n"]);
            Scripted::new("host1", move |script| {
                let answering = if script == STARTED { &networking } else { &container };
                answering
                    .run(script, RESTART_DEADLINE)
                    .map(|finished| finished.stdout_text())
                    .map_err(|error| error.to_string())
            })
        };
        assert_eq!(started("networking.service"), STARTED);
        restart_networking(&machine(&["901\n"]), "networking.service", "p").unwrap();
        let error = restart_networking(&machine(&["901\n", "955\n"]), "networking.service", "p").unwrap_err();
        assert_eq!(
            error.to_string(),
            "after networking-restart: the container on host1 had process 901, and has \"955\""
        );
    }

    #[test]
    fn live_restore_is_read_from_the_plan() {
        let mut plan = sample::plan();
        let root = plan.head().clone();
        assert!(!live_restore(&plan, &root));
        plan.hosts[0].docker.daemon.insert("live-restore".into(), true.into());
        assert!(live_restore(&plan, &root));
        assert!(!live_restore(&plan, &plan.hosts[1].name));
    }
}
