//! Probe `mtu`: containers send packets of exactly the planned size to each other, and know that this is the most.

use super::container::Containers;
use super::{Probe, Verdict, between, never_empty, pairs};
use crate::machine::Machine;
use crate::machine::ping::{self, Pings};
use crate::plan::Plan;
use crate::spec::HostName;

const HELP: &str = "a smaller packet may pass where the full size does not: connections then hang. Compare the MTU of the underlay with the plan, \
                    and `ip link` in the container, docker0 and br0 on both hosts";

/// A packet of the mesh's MTU that may not be fragmented is answered, and one of a byte more is refused by the container's own interface;
/// all ordered pairs. That the larger one is lost on the way is not enough: a container that sends it has the wrong MTU.
pub fn mtu(plan: &Plan, machines: &[&dyn Machine], containers: &Containers) -> Vec<Verdict> {
    let bytes = plan.mtu.mesh;
    let get = |host: &HostName| containers.get(host).and_then(|result| result.as_ref().ok().copied());
    let answers = pairs::run(machines, |host| {
        let Some(own) = get(host) else { return Vec::new() };
        let others = plan.hosts.iter().filter(|other| other.name != *host);
        let orders = others.filter_map(|other| {
            let address = get(&other.name)?.address;
            let order = |kind: &str, bytes| ping::exact_size(format!("{}.{kind}", other.name), address, bytes, &own);
            Some([order("exact", bytes), order("over", bytes.saturating_add(1))])
        });
        orders.flatten().collect()
    });
    let mut verdicts = Vec::new();
    for from in &plan.hosts {
        for to in plan.hosts.iter().filter(|to| to.name != from.name) {
            let subject = between(&from.name, &to.name);
            let result = match (get(&from.name), get(&to.name)) {
                (None, _) => Err(format!("no container on {}", from.name)),
                (_, None) => Err(format!("no container on {}", to.name)),
                (Some(own), Some(other)) if own.address == other.address => {
                    Err(format!("both containers have the address {}", own.address))
                }
                _ => answers
                    .get(&from.name, &format!("{}.exact", to.name))
                    .and_then(|exact| Ok((exact, answers.get(&from.name, &format!("{}.over", to.name))?))),
            };
            verdicts.push(match result.map(|(exact, over)| judge(bytes, &exact, &over)) {
                Err(why) => Verdict::red(Probe::Mtu, subject, why, super::UNKNOWN_HELP),
                Ok(Err(why)) => Verdict::red(Probe::Mtu, subject, why, HELP),
                Ok(Ok(summary)) => Verdict::green(Probe::Mtu, subject, summary).measured(bytes.into(), "bytes"),
            });
        }
    }
    never_empty(Probe::Mtu, verdicts)
}

fn judge(bytes: u16, exact: &Pings, over: &Pings) -> Result<String, String> {
    let more = u32::from(bytes) + 1;
    if !exact.all_answered() {
        return Err(format!("{bytes} bytes: {}", exact.summary()));
    }
    if over.received > 0 {
        return Err(format!("{bytes} bytes pass, but {more} pass too"));
    }
    if !over.too_long {
        return Err(format!(
            "{bytes} bytes pass, but the container sends {more} too ({})",
            over.summary()
        ));
    }
    Ok(format!("{bytes} bytes pass, {more} are refused"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::sample::{self, Scripted};

    fn verdicts(answer: fn(&str) -> String) -> Vec<Verdict> {
        let hosts = ["host1", "host2", "host3"].map(|name| Scripted::new(name, move |script| Ok(answer(script))));
        mtu(&sample::plan(), &sample::machines(&hosts), &sample::containers())
    }

    #[test]
    fn the_exact_size_passes_and_one_byte_more_does_not() {
        let verdicts = verdicts(sample::answer);
        assert_eq!(verdicts.len(), 6);
        assert!(!verdicts.iter().any(Verdict::is_red), "{verdicts:?}");
        assert_eq!(verdicts[0].summary, "1462 bytes pass, 1463 are refused");
        assert_eq!(verdicts[0].measured.as_ref().unwrap().value, 1462.0);
    }

    #[test]
    fn the_payload_leaves_room_for_the_headers() {
        let host = Scripted::new("host1", |script| Ok(sample::answer(script)));
        mtu(&sample::plan(), &[&host], &sample::containers());
        let script = host.last_script();
        assert!(
            script.contains("start host2.exact nsenter -t 901 -n ping -n -c 2 -i 0.2 -W 2 -M do -s 1434 172.17.128.0\n"),
            "{script}"
        );
        assert!(script.contains("-s 1435 "), "{script}");
    }

    #[test]
    fn an_underlay_that_carries_less_is_red() {
        let verdicts = verdicts(|script| sample::answer(script).replace("2 received, 0%", "0 received, 100%"));
        assert!(verdicts.iter().all(Verdict::is_red));
        assert_eq!(verdicts[0].summary, "1462 bytes: 0 of 2 answered");
    }

    #[test]
    fn a_container_that_sends_more_is_red_whether_it_arrives_or_not() {
        let lost = verdicts(|script| sample::answer(script).replace("ping: sendmsg: Message too long", ""));
        assert!(lost.iter().all(Verdict::is_red));
        assert_eq!(
            lost[0].summary,
            "1462 bytes pass, but the container sends 1463 too (0 of 2 answered)"
        );
        let arrives = verdicts(|script| sample::answer(script).replace("0 received, +2 errors", "2 received"));
        assert!(arrives.iter().all(Verdict::is_red));
        assert_eq!(arrives[0].summary, "1462 bytes pass, but 1463 pass too");
    }

    #[test]
    fn no_containers_are_red() {
        let verdicts = mtu(&sample::plan(), &[], &Containers::new());
        assert_eq!(verdicts.len(), 6);
        assert!(verdicts.iter().all(Verdict::is_red));
        assert_eq!(verdicts[0].summary, "no container on host1");
    }
}
