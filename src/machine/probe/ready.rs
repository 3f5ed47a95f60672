//! The waits until hosts have booted and their mesh carries traffic.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Facts, Verdict, bfd, docker, loop_free, tunnels};
use crate::machine::facts::{Scope, gather};
use crate::machine::{Machine, on_each, ssh};
use crate::plan::Plan;
use crate::spec::HostName;
use crate::wait::{self, Look, WaitError};

/// Time between two looks at all hosts; each takes the hosts some work too.
const INTERVAL: Duration = Duration::from_secs(1);

/// Prints active, activating, inactive ... As long as dockerd has not even started, the machine itself looks for that, for a quarter of [`LOOK_DEADLINE`]: a
/// command over ssh, and a question to systemd, cost an emulated host a quarter of a second each.
const DOCKER_STATE: &str = "looks=0
while [ ! -e /run/docker.pid ] && [ $looks -lt 15 ]; do sleep 1; looks=$((looks + 1)); done
systemctl is-active docker.service || true";

/// How long one look may take; longer than the time limits inside the script.
const LOOK_DEADLINE: Duration = Duration::from_secs(60);

/// Waits until tunnels, bfd, loop-free and docker are green on all hosts, and returns the facts that show it. `gone` says why there is
/// no more use in waiting.
///
/// # Errors
/// [`WaitError`] with the last red verdicts.
pub fn mesh_ready(
    plan: &Plan,
    machines: &[&dyn Machine],
    deadline: Duration,
    gone: impl Fn() -> Option<String>,
) -> Result<BTreeMap<HostName, Facts>, WaitError> {
    wait::until("the mesh", deadline, INTERVAL, || {
        if let Some(why) = gone() {
            return Look::Gone(why);
        }
        // Docker comes last. Until it is up everywhere, this one question is all: the whole look costs an emulated host, which is busy
        // booting, seconds.
        let states = on_each(machines, |machine| {
            let answer = machine.run(DOCKER_STATE, LOOK_DEADLINE.min(deadline));
            answer.map_or_else(|error| ssh::last_words(&error), |finished| finished.stdout_text().trim().to_owned())
        });
        let waiting: Vec<String> = states
            .iter()
            .filter(|(_, state)| *state != "active")
            .map(|(host, state)| format!("docker.service of {host}: {state}"))
            .collect();
        if !waiting.is_empty() {
            return Look::Pending(waiting.join(", "));
        }
        let facts = gather(plan, machines, Scope::Mesh, LOOK_DEADLINE.min(deadline));
        match reds(plan, &facts) {
            None => Look::Ready(facts),
            Some(reds) => Look::Pending(reds),
        }
    })
}

/// Prints how far the boot is. `cloud-init status` would cost an emulated machine a second of Python each time; cloud-init writes this
/// file at its very end.
const BOOT_STATE: &str = "systemctl is-system-running || true
if [ -e /run/cloud-init/result.json ]; then echo cloud-init done; fi
";

/// How long one host may take to say how far it is.
const BOOT_LOOK_DEADLINE: Duration = Duration::from_secs(20);

/// Waits until systemd has finished the boot of every machine, well or not, and cloud-init its last stage; returns when that was seen, as
/// time since `power_on`. What came of the boot is the matter of the probe `boot`.
///
/// # Errors
/// [`WaitError`] with the hosts that are still at it.
pub fn boot_finished(
    machines: &[&dyn Machine],
    power_on: Instant,
    deadline: Duration,
    gone: impl Fn() -> Option<String>,
) -> Result<BTreeMap<HostName, Duration>, WaitError> {
    let mut finished = BTreeMap::new();
    wait::until("the end of the boot", deadline, INTERVAL, || {
        if let Some(why) = gone() {
            return Look::Gone(why);
        }
        let left: Vec<&dyn Machine> = machines
            .iter()
            .copied()
            .filter(|machine| !finished.contains_key(machine.name()))
            .collect();
        let states = on_each(&left, |machine| match machine.run(BOOT_STATE, BOOT_LOOK_DEADLINE.min(deadline)) {
            Ok(answer) => still_booting(&answer.stdout_text()),
            Err(error) => Some(ssh::last_words(&error)),
        });
        let mut pending = Vec::new();
        for (host, state) in states {
            match state {
                None => drop(finished.insert(host, power_on.elapsed())),
                Some(state) => pending.push(format!("{host}: {state}")),
            }
        }
        if pending.is_empty() {
            Look::Ready(())
        } else {
            Look::Pending(pending.join(", "))
        }
    })?;
    Ok(finished)
}

/// What is still going on; `None` when the boot is over.
fn still_booting(answer: &str) -> Option<String> {
    let state = answer.lines().next().unwrap_or_default();
    match state {
        "running" | "degraded" | "maintenance" if answer.contains("cloud-init done") => None,
        "running" | "degraded" | "maintenance" => Some(format!("{state}, cloud-init not done")),
        "" => Some("no answer".to_owned()),
        other => Some(other.to_owned()),
    }
}

/// The probes that look at links alone, on all hosts.
pub fn links(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> Vec<Verdict> {
    [tunnels(plan, facts), bfd(plan, facts), loop_free(plan, facts)].concat()
}

/// Has `look` wait for the links when one is red in `facts`, and takes what Open vSwitch says then from what it returns.
///
/// A link whose BFD packets came late, as an emulator that is busy sends them, is down for a second, and the tree finds another way
/// meanwhile. A look in that second says nothing of the mesh; one that is broken is so at the end of the wait, too.
pub fn second_look(plan: &Plan, facts: &mut BTreeMap<HostName, Facts>, look: impl FnOnce(&Verdict) -> Option<BTreeMap<HostName, Facts>>) {
    let verdicts = links(plan, facts);
    let Some(red) = verdicts.iter().find(|verdict| verdict.is_red()) else {
        return;
    };
    for (host, newer) in look(red).unwrap_or_default() {
        if let Some(facts) = facts.get_mut(&host) {
            facts.ovs = newer.ovs;
            facts.rules = newer.rules;
        }
    }
}

/// What is not ready, one line per verdict; `None` when all is.
fn reds(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> Option<String> {
    let verdicts = [links(plan, facts), docker(plan, facts)].concat();
    let line = |verdict: &Verdict| format!("\n  {} ({}): {}", verdict.probe, verdict.subject, verdict.summary);
    let reds: String = verdicts.iter().filter(|verdict| verdict.is_red()).map(line).collect();
    (!reds.is_empty()).then_some(reds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::facts::Found;
    use crate::machine::probe::Probe;
    use crate::machine::sample::{self, Scripted};

    #[test]
    fn a_boot_is_over_when_systemd_and_cloud_init_say_so() {
        assert_eq!(still_booting("running\ncloud-init done\n"), None);
        assert_eq!(still_booting("degraded\ncloud-init done\n"), None);
        assert_eq!(still_booting("starting\ncloud-init done\n").as_deref(), Some("starting"));
        assert_eq!(still_booting("running\n").as_deref(), Some("running, cloud-init not done"));
        assert_eq!(still_booting("").as_deref(), Some("no answer"));
    }

    #[test]
    fn hosts_that_have_booted_are_not_asked_again() {
        let looks = std::sync::atomic::AtomicUsize::new(0);
        let one = Scripted::new("host1", |_| Ok("running\ncloud-init done\n".into()));
        let two = Scripted::new("host2", move |_| match looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Ok("starting\n".into()),
            _ => Ok("running\ncloud-init done\n".into()),
        });
        let times = boot_finished(&[&one, &two], Instant::now(), Duration::from_secs(30), || None).unwrap();
        assert_eq!((one.calls(), two.calls()), (1, 2));
        let hosts: Vec<&str> = times.keys().map(HostName::as_str).collect();
        assert_eq!(hosts, ["host1", "host2"]);
        let stuck = Scripted::new("host3", |_| Ok("starting\n".into()));
        let error = boot_finished(&[&one, &stuck], Instant::now(), Duration::from_millis(20), || None).unwrap_err();
        assert!(error.to_string().ends_with("last seen: host3: starting"), "{error}");
    }

    #[test]
    fn only_a_red_link_is_looked_at_again_and_only_a_good_look_makes_it_green() {
        let plan = sample::plan();
        let red_of = |facts: &BTreeMap<HostName, Facts>| bfd(&plan, facts).iter().filter(|verdict| verdict.is_red()).count();
        let healthy = sample::facts(&plan);
        second_look(&plan, &mut healthy.clone(), |red| unreachable!("{red:?}"));

        let mut flapped = healthy.clone();
        let host = plan.hosts.first().unwrap();
        let Found::Known(ovs) = &mut flapped.get_mut(&host.name).unwrap().ovs else {
            unreachable!()
        };
        let bridge = ovs.bridges.get_mut("br0").unwrap();
        let port = bridge.ports.get_mut(host.mesh_bridge.ports.first().unwrap().name.as_str()).unwrap();
        port.interface.bfd_status.insert("state".into(), "down".into());
        assert!(red_of(&flapped) > 0);

        let mut broken = flapped.clone();
        second_look(&plan, &mut broken, |red| {
            assert_eq!(red.probe, Probe::Bfd);
            None
        });
        assert_eq!(red_of(&broken), red_of(&flapped));
        second_look(&plan, &mut broken, |_| Some(flapped.clone()));
        assert_eq!(red_of(&broken), red_of(&flapped));
        second_look(&plan, &mut broken, |_| Some(healthy.clone()));
        assert_eq!(red_of(&broken), 0);
    }

    #[test]
    fn a_healthy_mesh_is_ready_and_another_says_what_is_missing() {
        let plan = sample::plan();
        let mut facts = sample::facts(&plan);
        assert_eq!(reds(&plan, &facts), None);
        facts.insert("host2".parse().unwrap(), Facts::unknown("not reached: timed out"));
        let reds = reds(&plan, &facts).unwrap();
        assert!(reds.contains("\n  docker (host2): Docker: not reached: timed out"), "{reds}");
        assert!(reds.contains("\n  loop-free (host2): "), "{reds}");
    }

    #[test]
    fn the_error_of_the_wait_has_the_last_reds() {
        let error = mesh_ready(&sample::plan(), &[], Duration::from_millis(20), || None).unwrap_err();
        assert!(error.to_string().contains("tunnels (host1): Open vSwitch: not reached"), "{error}");
        let error = mesh_ready(&sample::plan(), &[], Duration::from_secs(60), || Some("QEMU of host1 ended".into())).unwrap_err();
        assert_eq!(error.to_string(), "the mesh: QEMU of host1 ended");
    }
}
