//! Probe `bfd`: the session of each link is up at both ends (RFC 5880).

use std::collections::BTreeMap;

use super::check::Check;
use super::{Facts, Probe, Subject, Verdict, between, never_empty};
use crate::plan::{Link, Plan, TunnelPort};
use crate::spec::HostName;

const HELP: &str = "on both hosts: `ovs-appctl bfd/show`; a session that is down at both ends means that the tunnel's packets do not get \
                    through the underlay (a firewall that drops protocol 47, or UDP 4789 or 6081?)";

/// State up and forwarding at both ends, with the planned interval and multiplier; per link. Skipped when no link has BFD.
pub fn bfd(plan: &Plan, facts: &BTreeMap<HostName, Facts>) -> Vec<Verdict> {
    let with_bfd: Vec<&Link> = plan
        .links
        .iter()
        .filter(|link| ends(plan, link).any(|(_, port)| port.bfd.is_some()))
        .collect();
    if with_bfd.is_empty() && !plan.links.is_empty() {
        return vec![Verdict::skipped(Probe::Bfd, Subject::Cluster, "not planned")];
    }
    never_empty(Probe::Bfd, with_bfd.into_iter().map(|link| judge(plan, facts, link)).collect())
}

/// The ports of a link, with the hosts they are on.
fn ends<'a>(plan: &'a Plan, link: &'a Link) -> impl Iterator<Item = (&'a HostName, &'a TunnelPort)> {
    plan.hosts
        .iter()
        .filter(|host| link.hosts.contains(&host.name))
        .flat_map(|host| host.mesh_bridge.ports.iter().map(move |port| (&host.name, port)))
        .filter(|(_, port)| port.name == link.name)
}

fn judge(plan: &Plan, facts: &BTreeMap<HostName, Facts>, link: &Link) -> Verdict {
    let mut check = Check::default();
    let mut count = 0;
    for (host, planned) in ends(plan, link) {
        count += 1;
        end(&mut check, plan, facts, host, planned);
    }
    check.holds(count == 2, format!("{} has {count} ends in the plan", link.name));
    let [from, to] = &link.hosts;
    check.verdict(Probe::Bfd, between(from, to), format!("{} is up at both ends", link.name), HELP)
}

fn end(check: &mut Check, plan: &Plan, facts: &BTreeMap<HostName, Facts>, host: &HostName, planned: &TunnelPort) {
    let name = &planned.name;
    let bridge = plan
        .hosts
        .iter()
        .find(|plan| plan.name == *host)
        .map(|plan| plan.mesh_bridge.name.as_str());
    let ovs = match facts.get(host).map(|facts| facts.ovs.known()) {
        Some(Ok(ovs)) => ovs,
        Some(Err(why)) => return check.holds(false, format!("{name} on {host}: {why}")),
        None => return check.holds(false, format!("{name} on {host}: no facts were gathered")),
    };
    let port = bridge.and_then(|bridge| ovs.bridges.get(bridge)?.ports.get(name.as_str()));
    let Some(interface) = port.map(|port| &port.interface) else {
        return check.holds(false, format!("{name} is not there on {host}"));
    };
    let mut equal = |what: &str, found: Option<&String>, wanted: String| check.equal(&format!("{name} on {host}: {what}"), found, wanted);
    if let Some(bfd) = planned.bfd {
        equal("min_tx", interface.bfd.get("min_tx"), bfd.interval_ms.to_string());
        equal("min_rx", interface.bfd.get("min_rx"), bfd.interval_ms.to_string());
        // 3 unless it is set (ovs-vswitchd.conf.db(5)).
        let default = "3".to_owned();
        equal(
            "mult",
            Some(interface.bfd.get("mult").unwrap_or(&default)),
            bfd.multiplier.to_string(),
        );
    }
    let mut status = |key: &str, wanted: &str| equal(key, interface.bfd_status.get(key), wanted.to_owned());
    status("state", "up");
    status("remote_state", "up");
    status("forwarding", "true");
}
