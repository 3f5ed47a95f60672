//! Probe `quiet`: with no traffic offered the mesh is all but silent, so nothing circles in it.

use std::collections::BTreeMap;

use super::{Facts, Probe, Subject, UNKNOWN_HELP, Verdict, never_empty, on};
use crate::plan::Plan;
use crate::spec::HostName;

const HELP: &str = "a loop multiplies what broadcasts there are: see the probe loop-free, and `ovs-appctl rstp/show` on each host. With a tree \
                    that is whole, some container sends: `ovs-ofctl dump-ports br0` twice on each host, then `tcpdump -n -e -i br0`";

/// Frames per second on all links together that a mesh at rest stays below.
const LIMIT: f64 = 50.0;

/// A shorter span says nothing, seconds: BPDUs come every two.
const SHORTEST: f64 = 2.0;

/// Frames sent into all tunnels in a second of the span in which facts were gathered, BPDUs too but BFD not, fewer than 50; for the
/// cluster. In a mesh of so many links that BPDUs alone are half of that, twice what they make is the limit.
pub fn quiet(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> Vec<Verdict> {
    let mut unknown = Vec::new();
    let mut rates: Vec<(&HostName, f64)> = Vec::new();
    for host in &plan.hosts {
        match facts.get(&host.name).ok_or("no facts were gathered").and_then(rate) {
            Ok(rate) => rates.push((&host.name, rate)),
            Err(why) => unknown.push(Verdict::red(Probe::Quiet, on(&host.name), format!("frames: {why}"), UNKNOWN_HELP)),
        }
    }
    if !unknown.is_empty() || rates.is_empty() {
        return never_empty(Probe::Quiet, unknown);
    }
    let total: f64 = rates.iter().map(|(_, rate)| rate).sum();
    // The designated bridge of each link sends one each hello time (802.1D-2004 17.14).
    let bpdus = plan
        .tree()
        .map_or(0.0, |tree| plan.links.len() as f64 / f64::from(tree.hello.max(1)));
    let limit = LIMIT.max(2.0 * bpdus);
    let verdict = if total < limit {
        let summary = format!("{total:.1} frames/s on all links together, fewer than {limit:.0}");
        Verdict::green(Probe::Quiet, Subject::Cluster, summary)
    } else {
        let hosts: Vec<String> = rates.iter().map(|(host, rate)| format!("{host} sends {rate:.0}")).collect();
        let summary = format!(
            "{total:.0} frames/s where nothing was offered, the limit is {limit:.0}: {}",
            hosts.join(", ")
        );
        Verdict::red(Probe::Quiet, Subject::Cluster, summary, HELP)
    };
    vec![verdict.measured(total, "frames/s")]
}

/// Sent in a second.
fn rate(facts: &Facts) -> Result<f64, &str> {
    let traffic = facts.traffic.known()?;
    if traffic.seconds < SHORTEST {
        return Err("they were counted over too short a span");
    }
    Ok((traffic.forwarded + traffic.bpdus) as f64 / traffic.seconds)
}
