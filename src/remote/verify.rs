//! The probes on real machines: those of the lab, and the same verdicts, but for what only a lab can know.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Remote;
use crate::error::counted;
use crate::machine::facts::{self, Facts, Scope};
use crate::machine::probe::container::Containers;
use crate::machine::probe::{self, BootLimits, Probe, Subject, Verdict};
use crate::plan::Plan;
use crate::spec::HostName;

/// One look at all hosts.
const GATHER_DEADLINE: Duration = Duration::from_secs(120);

/// As in the lab: how long links that are down may take to come up by themselves.
const SECOND_LOOK_DEADLINE: Duration = Duration::from_secs(40);

/// All probes on the hosts of `remote`, and what the state probes have gone by. The probe containers go with [`Remote::clean_up`].
pub fn verify(remote: &Remote<'_>) -> (BTreeMap<HostName, Facts>, Vec<Verdict>) {
    let plan = remote.plan;
    let containers = remote.containers();
    let mut facts = facts::gather(plan, &remote.all(), Scope::All, GATHER_DEADLINE);
    if remote.is_whole() && remote.reached().len() == plan.hosts.len() {
        look_at_the_links_again(remote, &mut facts);
    }
    let limits = BootLimits {
        needs_cloud_init: false,
        ..BootLimits::default()
    };
    let mut verdicts = probe::state(plan, &facts, &limits);
    verdicts.extend(active(remote, &containers));
    let names = remote.names();
    let mut verdicts: Vec<Verdict> = verdicts.into_iter().filter(|verdict| is_about(verdict, &names, plan)).collect();
    for verdict in &mut verdicts {
        of_machines_in_use(verdict, &facts);
    }
    verdicts.push(Verdict::skipped(
        Probe::Exposure,
        Subject::Cluster,
        "a stranger on the underlay is needed for it, which the lab has",
    ));
    (facts, verdicts)
}

/// See [`probe::second_look`].
fn look_at_the_links_again(remote: &Remote<'_>, facts: &mut BTreeMap<HostName, Facts>) {
    probe::second_look(remote.plan, facts, |red| {
        remote.ui.line(&format!(
            "looking at the links again, as {} ({}) is red: {}",
            red.probe, red.subject, red.summary
        ));
        probe::mesh_ready(remote.plan, &remote.all(), SECOND_LOOK_DEADLINE, || None).ok()
    });
}

/// The active probes between the hosts that were asked for; a host alone has nobody to speak to.
fn active(remote: &Remote<'_>, containers: &Containers) -> Vec<Verdict> {
    let names = remote.names();
    let mut plan = remote.plan.clone();
    plan.hosts.retain(|host| names.contains(&host.name));
    if plan.hosts.len() < 2 {
        return Vec::new();
    }
    probe::active(&plan, &remote.all(), containers)
}

/// Whether `verdict` is about `names` alone; one about the cluster is about all its hosts.
fn is_about(verdict: &Verdict, names: &BTreeSet<HostName>, plan: &Plan) -> bool {
    match &verdict.subject {
        Subject::Cluster => names.len() == plan.hosts.len(),
        Subject::Host { host } => names.contains(host),
        Subject::Pair { from, to } => names.contains(from) && names.contains(to),
    }
}

/// Takes back what is no fault of hosts that others use: a mesh that carries traffic is not quiet, and a host without cloud-init may be one without
/// Python.
fn of_machines_in_use(verdict: &mut Verdict, facts: &BTreeMap<HostName, Facts>) {
    if !verdict.is_red() {
        return;
    }
    let skipped = match verdict.probe {
        Probe::Quiet if verdict.measured.is_some() => match others(facts) {
            0 => return,
            count => format!(
                "{} of others on the mesh: what it carries says nothing of a loop",
                counted(count, "container")
            ),
        },
        Probe::Bulk if verdict.summary.contains("python3 is not installed") => {
            "python3 is not installed, which sends and receives".to_owned()
        }
        _ => return,
    };
    let measured = verdict.measured.take();
    *verdict = Verdict {
        measured,
        ..Verdict::skipped(verdict.probe, verdict.subject.clone(), skipped)
    };
}

/// How many containers on the mesh are not the probes'.
fn others(facts: &BTreeMap<HostName, Facts>) -> usize {
    let docker = facts.values().filter_map(|facts| facts.docker.known().ok());
    let names = docker.flat_map(|docker| docker.network.containers.keys());
    names.filter(|name| !name.starts_with("meshimg-probe")).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::facts::Found;
    use crate::machine::probe::State;
    use crate::machine::sample;

    fn names(of: &[&str]) -> BTreeSet<HostName> {
        of.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn of_some_hosts_only_what_is_about_them_is_told() {
        let plan = sample::plan();
        let verdicts = probe::state(&plan, &sample::facts(&plan), &BootLimits::default());
        let about = |of: &[&str]| verdicts.iter().filter(|verdict| is_about(verdict, &names(of), &plan)).count();
        assert_eq!(about(&["host1", "host2", "host3"]), verdicts.len());
        let subjects: BTreeSet<String> = verdicts
            .iter()
            .filter(|verdict| is_about(verdict, &names(&["host1", "host2"]), &plan))
            .map(|verdict| verdict.subject.to_string())
            .collect();
        assert_eq!(
            subjects.iter().map(String::as_str).collect::<Vec<_>>(),
            ["host1", "host1 -> host2", "host2"]
        );
        assert_eq!(about(&[]), 0);
    }

    #[test]
    fn a_mesh_in_use_is_not_called_loud_but_an_idle_one_is() {
        let plan = sample::plan();
        let mut facts = sample::facts(&plan);
        for facts in facts.values_mut() {
            let Found::Known(traffic) = &mut facts.traffic else {
                unreachable!()
            };
            traffic.forwarded = 80_000;
        }
        let mut loud = probe::quiet(&plan, &facts).remove(0);
        assert!(loud.is_red());
        of_machines_in_use(&mut loud, &facts);
        assert!(loud.is_red(), "the probe's own containers send nothing now");
        let docker = &mut facts.values_mut().next().unwrap().docker;
        let Found::Known(docker) = docker else { unreachable!() };
        let container = docker.network.containers["meshimg-probe"].clone();
        docker.network.containers.insert("web".into(), container);
        of_machines_in_use(&mut loud, &facts);
        assert_eq!(
            (loud.state, loud.summary.as_str()),
            (
                State::Skipped,
                "1 container of others on the mesh: what it carries says nothing of a loop"
            )
        );
        assert!(loud.measured.is_some());
        // Nobody knows is another matter.
        let mut unknown = Verdict::red(Probe::Quiet, Subject::Cluster, "frames: not reached", "");
        of_machines_in_use(&mut unknown, &facts);
        assert!(unknown.is_red());
    }

    #[test]
    fn bulk_needs_python_and_nothing_else_excuses_it() {
        for (why, red) in [("python3 is not installed", false), ("9 of 67108864 bytes arrived: reset", true)] {
            let mut verdict = Verdict::red(Probe::Bulk, Subject::Cluster, why, "");
            of_machines_in_use(&mut verdict, &BTreeMap::new());
            assert_eq!(verdict.is_red(), red, "{why}");
        }
    }
}
