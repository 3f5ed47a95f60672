//! The wait until a mesh carries traffic.

use std::time::Duration;

use super::{Facts, Verdict, bfd, docker, loop_free, tunnels};
use crate::machine::Machine;
use crate::machine::facts::{Scope, gather};
use crate::plan::Plan;
use crate::spec::HostName;
use crate::wait::{self, Look, WaitError};
use std::collections::BTreeMap;

/// Time between two looks at all hosts; each takes the hosts some work too.
const INTERVAL: Duration = Duration::from_secs(1);

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
        let facts = gather(plan, machines, Scope::Mesh, LOOK_DEADLINE.min(deadline));
        match reds(plan, &facts) {
            None => Look::Ready(facts),
            Some(reds) => Look::Pending(reds),
        }
    })
}

/// What is not ready, one line per verdict; `None` when all is.
fn reds(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> Option<String> {
    let verdicts = [tunnels(plan, facts), bfd(plan, facts), loop_free(plan, facts), docker(plan, facts)].concat();
    let line = |verdict: &Verdict| format!("\n  {} ({}): {}", verdict.probe, verdict.subject, verdict.summary);
    let reds: String = verdicts.iter().filter(|verdict| verdict.is_red()).map(line).collect();
    (!reds.is_empty()).then_some(reds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::sample;

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
