//! Faults of hosts over which nobody has power: what scripts on them can cause, and take back.

use std::net::IpAddr;
use std::time::Duration;

use super::ground::{Ground, on};
use super::measure::{COMMAND_DEADLINE, containers, outage_of};
use super::services;
use super::steps::{ask, undone};
use super::tree::{InUse, SETTLE_DEADLINE, link_in_use, look, settled};
use crate::lab::LabError;
use crate::machine::Machine;
use crate::machine::report::Scenario;
use crate::plan::{Plan, promise};
use crate::spec::{HostName, Tunnel};
use crate::wait::{Look, until};

/// Which fault. The others of [`super::Fault`] need a lab: power over hosts, or a switch between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disruption {
    LinkDown,
    HalfLink,
    OvsRestart,
    OvsKill,
    DockerRestart,
}

impl Disruption {
    /// All, in the order in which they are caused.
    pub const ALL: [Self; 5] = [Self::LinkDown, Self::HalfLink, Self::OvsRestart, Self::OvsKill, Self::DockerRestart];

    /// That of the lab's scenario.
    pub fn name(self) -> &'static str {
        match self {
            Self::LinkDown => "link-down",
            Self::HalfLink => "half-link",
            Self::OvsRestart => "ovs-restart",
            Self::OvsKill => "ovs-kill",
            Self::DockerRestart => "docker-restart",
        }
    }

    /// Causes it, measures, and takes it back; what goes wrong is in the scenario, whose probes are the caller's.
    pub fn cause<'a>(self, ground: &mut impl Ground<'a>) -> Scenario {
        let mut scenario = Scenario::new(self.name());
        let caused = match self {
            Self::LinkDown => cut(ground, &mut scenario, true),
            Self::HalfLink => cut(ground, &mut scenario, false),
            Self::OvsRestart => services::ovs_restart(ground, &mut scenario),
            Self::OvsKill => services::ovs_kill(ground, &mut scenario),
            Self::DockerRestart => services::docker_restart(ground, &mut scenario),
        };
        scenario.error = caused.err().map(|error| error.to_string());
        scenario
    }
}

/// Seconds after which a host lets frames through again by itself; longer than a tree takes to find its way around.
const HEALS_SECONDS: u32 = 300;

/// BFD's packets come all the time, hellos every two seconds.
const CAUSED_DEADLINE: Duration = Duration::from_secs(10);

/// The firewall's words for what comes by the tunnel from `peer`, and the program that takes them.
fn rule(tunnel: Tunnel, peer: IpAddr) -> (&'static str, String) {
    let program = if peer.is_ipv4() { "iptables" } else { "ip6tables" };
    let protocol = match tunnel {
        Tunnel::Gre => "-p 47",
        Tunnel::Vxlan => "-p udp --dport 4789",
        Tunnel::Geneve => "-p udp --dport 6081",
    };
    let words = format!("INPUT -s {peer} {protocol} -m comment --comment meshimg-cut -j DROP");
    (program, words)
}

/// Drops what comes from `peer`; the host itself undoes it should we not come back.
fn cut_script(tunnel: Tunnel, peer: IpAddr) -> String {
    let (program, words) = rule(tunnel, peer);
    format!(
        "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin\n\
         systemd-run --quiet --collect --unit=meshimg-cut --on-active={HEALS_SECONDS} \"$(command -v {program})\" -w -D {words}\n\
         {program} -w -I {words}\n"
    )
}

fn heal_script(tunnel: Tunnel, peer: IpAddr) -> String {
    let (program, words) = rule(tunnel, peer);
    format!(
        "PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin\n\
         systemctl stop meshimg-cut.timer 2>/dev/null || true\n\
         while {program} -w -D {words} 2>/dev/null; do :; done\n"
    )
}

/// Prints how many packets the rule has dropped; nothing if it is not there.
fn count_script(tunnel: Tunnel, peer: IpAddr) -> String {
    let (program, _) = rule(tunnel, peer);
    format!("PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin\n{program} -w -nvxL INPUT | awk '/meshimg-cut/ {{ print $1 }}'\n")
}

/// A link in use is cut by the firewall of one of its ends, or of both.
fn cut<'a, G: Ground<'a>>(ground: &mut G, scenario: &mut Scenario, both: bool) -> Result<(), LabError> {
    settled(ground, SETTLE_DEADLINE)?;
    let plan = ground.plan();
    let InUse { link, replaceable } = link_in_use(plan, &look(ground)).ok_or(LabError::NoLinkInUse)?;
    let [a, b] = &link.hosts;
    let (how, ends) = match both {
        true => (format!("between {a} and {b} is cut, both ways"), vec![(a, b), (b, a)]),
        false => (format!("is cut from {a} to {b} only"), vec![(b, a)]),
    };
    scenario.what = format!("{} {how}, by the firewall", link.name);
    if replaceable {
        scenario.limit_seconds = promise::link_loss(plan);
    } else {
        scenario.what += "; the mesh has no other path, so it is healed before pings are answered again";
    }
    let name = scenario.name.clone();
    let containers = containers(ground);
    undone(
        ground,
        |ground: &mut G| {
            outage_of(ground, scenario, &containers, [a, b], |ground| {
                for (host, peer) in &ends {
                    on(ground, host)?.run(&cut_script(plan.tunnel, address(plan, peer)?), COMMAND_DEADLINE)?;
                }
                for (host, peer) in &ends {
                    caused(on(ground, host)?, &name, &count_script(plan.tunnel, address(plan, peer)?))?;
                }
                if replaceable { Ok(()) } else { heal(ground, &ends) }
            })
        },
        |ground| heal(ground, &ends),
    )?;
    settled(ground, SETTLE_DEADLINE)
}

fn heal<'a>(ground: &mut impl Ground<'a>, ends: &[(&HostName, &HostName)]) -> Result<(), LabError> {
    let _shield = crate::exec::interrupt::shield();
    let plan = ground.plan();
    let mut first = Ok(());
    // All ends are tried, whatever becomes of the first.
    for (host, peer) in ends {
        let healed = on(ground, host)?.run(&heal_script(plan.tunnel, address(plan, peer)?), COMMAND_DEADLINE);
        first = first.and(healed.map(|_| ()).map_err(LabError::from));
    }
    first
}

/// Waits until the firewall has dropped something: a fault that was not caused shows nothing.
fn caused(machine: &dyn Machine, fault: &str, count: &str) -> Result<(), LabError> {
    let looked = until(
        "packets that the cut drops",
        CAUSED_DEADLINE,
        Duration::from_millis(200),
        || match ask(machine, count) {
            Ok(count) if count.parse::<u64>().is_ok_and(|count| count > 0) => Look::Ready(()),
            Ok(count) => Look::Pending(format!("{count:?} packets")),
            Err(error) => Look::Pending(error.to_string()),
        },
    );
    looked.map_err(|error| LabError::NotHappened {
        fault: fault.to_owned(),
        why: format!("{}: {error}", machine.name()),
    })
}

fn address(plan: &Plan, host: &HostName) -> Result<IpAddr, LabError> {
    let found = plan.hosts.iter().find(|planned| planned.name == *host);
    found.map(|planned| planned.address).ok_or_else(|| LabError::NoHost {
        cluster: plan.cluster.to_string(),
        host: host.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::scenario::Fault;
    use crate::machine::sample::Scripted;

    #[test]
    fn each_has_the_name_of_a_scenario_of_the_lab() {
        for disruption in Disruption::ALL {
            disruption.name().parse::<Fault>().unwrap();
        }
    }

    #[test]
    fn a_cut_heals_by_itself_and_is_of_the_tunnel_alone() {
        let script = cut_script(Tunnel::Gre, "192.0.2.1".parse().unwrap());
        insta::assert_snapshot!(script, @r#"
        PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
        systemd-run --quiet --collect --unit=meshimg-cut --on-active=300 "$(command -v iptables)" -w -D INPUT -s 192.0.2.1 -p 47 -m comment --comment meshimg-cut -j DROP
        iptables -w -I INPUT -s 192.0.2.1 -p 47 -m comment --comment meshimg-cut -j DROP
        "#);
        let six = heal_script(Tunnel::Vxlan, "2001:db8::1".parse().unwrap());
        assert!(six.contains("ip6tables -w -D INPUT -s 2001:db8::1 -p udp --dport 4789 "), "{six}");
        assert_eq!(rule(Tunnel::Geneve, "192.0.2.1".parse().unwrap()).1.split(' ').nth(6), Some("6081"));
    }

    #[test]
    fn a_cut_that_drops_nothing_has_not_happened() {
        caused(&Scripted::new("host1", |_| Ok("12\n".into())), "link-down", "").unwrap();
        // In the test's own time.
        let machine = Scripted::new("host1", |_| Ok("0\n".into()));
        let error = caused(&machine, "link-down", "").unwrap_err().to_string();
        assert!(
            error.starts_with("link-down did not happen: host1: ") && error.ends_with("last seen: \"0\" packets"),
            "{error}"
        );
    }
}
