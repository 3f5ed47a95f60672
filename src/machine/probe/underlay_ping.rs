//! Probe `underlay-ping`: each host pings each other at its planned address.

use super::{Probe, Verdict, between, never_empty, pairs};
use crate::machine::{Machine, ping};
use crate::plan::Plan;

const HELP: &str = "the tunnels need this: check the underlay's cabling, addresses and firewall; on the host: `ip route get` and `ping`";

/// All ordered pairs; the measured value is the mean time until the reply, ms.
pub fn underlay_ping(plan: &Plan, machines: &[&dyn Machine]) -> Vec<Verdict> {
    let answers = pairs::run(machines, |host| {
        let others = plan.hosts.iter().filter(|other| other.name != *host);
        others.map(|other| ping::reach(&other.name, other.address, None)).collect()
    });
    let mut verdicts = Vec::new();
    for from in &plan.hosts {
        for to in plan.hosts.iter().filter(|to| to.name != from.name) {
            let pings = answers.get(&from.name, to.name.as_str());
            verdicts.push(judge(Probe::UnderlayPing, between(&from.name, &to.name), pings, HELP));
        }
    }
    never_empty(Probe::UnderlayPing, verdicts)
}

/// Green when everything was answered.
pub(super) fn judge(probe: Probe, subject: super::Subject, pings: Result<ping::Pings, String>, help: &str) -> Verdict {
    let pings = match pings {
        Ok(pings) => pings,
        Err(why) => return Verdict::red(probe, subject, why, super::UNKNOWN_HELP),
    };
    if !pings.all_answered() {
        return Verdict::red(probe, subject, pings.summary(), help);
    }
    let verdict = Verdict::green(probe, subject, pings.summary());
    match pings.mean_ms {
        Some(mean) => verdict.measured(mean, "ms"),
        None => verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::probe::{State, Subject};
    use crate::machine::sample::{self, Scripted};

    #[test]
    fn every_ordered_pair_has_a_verdict() {
        let plan = sample::plan();
        let hosts: Vec<Scripted> = plan
            .hosts
            .iter()
            .map(|host| Scripted::new(host.name.as_str(), |script| Ok(sample::answer(script))))
            .collect();
        let verdicts = underlay_ping(&plan, &sample::machines(&hosts));
        assert_eq!(verdicts.len(), 6);
        assert!(verdicts.iter().all(|verdict| verdict.state == State::Green), "{verdicts:?}");
        assert_eq!(verdicts[0].subject.to_string(), "host1 -> host2");
        assert_eq!(verdicts[0].measured.as_ref().unwrap().unit, "ms");
        // One call per host, to the planned addresses.
        assert!(hosts.iter().all(|host| host.calls() == 1));
        assert!(hosts[0].last_script().contains("start host2 ping -n -c 3 -i 0.2 -W 2 192.0.2.2\n"));
    }

    #[test]
    fn lost_packets_unreached_hosts_and_missing_machines_are_red() {
        let plan = sample::plan();
        let one = Scripted::new("host1", |script| Ok(sample::answer(script).replace("3 received", "2 received")));
        let two = Scripted::new("host2", |_| Err("connection refused".into()));
        let verdicts = underlay_ping(&plan, &[&one, &two]);
        let summaries: Vec<&str> = verdicts.iter().map(|verdict| verdict.summary.as_str()).collect();
        assert!(verdicts.iter().all(Verdict::is_red));
        assert_eq!(summaries[0], "2 of 3 answered");
        assert_eq!(summaries[2], "host2 was not reached: connection refused");
        assert_eq!(summaries[4], "host3 is not running");
    }

    #[test]
    fn no_pairs_are_red() {
        let mut plan = sample::plan();
        plan.hosts.truncate(1);
        let verdicts = underlay_ping(&plan, &[]);
        assert_eq!(verdicts.len(), 1);
        assert!(verdicts[0].is_red() && verdicts[0].subject == Subject::Cluster);
    }
}
