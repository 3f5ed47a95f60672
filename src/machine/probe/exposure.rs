//! Probe `exposure`: what a machine that is no host of the cluster finds on the underlay.
//!
//! Here is what to ask and what to make of the answers. How to ask is somebody else's: in a lab [`crate::lab::stranger`] speaks Ethernet
//! at a port of the switch.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use super::container::Containers;
use super::{Facts, Probe, UNKNOWN_HELP, Verdict, never_empty, on};
use crate::machine::facts::{Listener, Transport};
use crate::plan::{HostPlan, MacAddress, Plan};
use crate::spec::{Api, HostName};

const HELP: &str = "on the host: `ss -ltunp` names the program. Bind it to an address that strangers do not reach, or let the underlay's firewall \
                    pass ssh and, from hosts of the cluster alone, the tunnels' protocol; a container needs no published port for other hosts";

/// Where sshd listens unless it is told otherwise (RFC 4250 4.1).
pub const SSH: u16 = 22;

/// Of the ports that are asked in any case: those that IANA calls system ports (RFC 6335 6).
const SYSTEM_PORTS: std::ops::RangeInclusive<u16> = 1..=1023;

/// Further ports that are asked, spread over all others.
const SAMPLE: usize = 2048;

pub use crate::plan::{GENEVE_PORT, VXLAN_PORT};

/// What to ask one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Questions {
    pub address: IpAddr,
    /// For a connection at the host's address.
    pub tcp: Vec<u16>,
    /// At the container bridge's address, by way of the underlay: a host answers at all of its addresses wherever the packet came in. The
    /// bridge's address is IPv4, so only where the underlay is.
    pub bridge_tcp: Vec<u16>,
    /// For an answer of whatever kind.
    pub udp: Vec<u16>,
    pub bridge: (Ipv4Addr, MacAddress),
    /// The probe container.
    pub container: Option<Ipv4Addr>,
    /// An address of the container subnet that nobody has: the stranger's own in a tunnel.
    pub inside: Ipv4Addr,
}

/// What came back from one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Connections could be made to.
    pub tcp: BTreeSet<u16>,
    pub bridge_tcp: BTreeSet<u16>,
    /// How many ports neither took nor refused a connection.
    pub silent: usize,
    /// Ports that sent something back; that nobody listens is nothing.
    pub udp: BTreeSet<u16>,
    /// Whatever followed from frames in a tunnel, or from a packet to a container, in words.
    pub inside: Vec<String>,
}

/// What was asked of each host and what came back, or why not.
pub type Asked = BTreeMap<HostName, Result<(Questions, Answers), String>>;

/// The questions for every host. All of 65536 ports would take emulated hosts minutes; what a host itself says of its sockets is
/// among the ports, so the sample only has to find a host that lies, or a rule that passes packets on.
///
/// A host that has not said at which sockets it listens has the reason in the place of questions.
pub fn questions(plan: &Plan, facts: &BTreeMap<HostName, Facts>, containers: &Containers) -> BTreeMap<HostName, Result<Questions, String>> {
    let one = |host: &HostPlan| {
        let facts = facts.get(&host.name).ok_or("no facts were gathered")?;
        let listeners = facts.listening.known()?;
        let reachable = |listener: &&Listener| !listener.address.is_loopback();
        let ports = |protocol| {
            let of = listeners
                .iter()
                .filter(reachable)
                .filter(move |listener| listener.protocol == protocol);
            of.map(|listener| listener.port)
        };
        let listened: BTreeSet<u16> = ports(Transport::Tcp).collect();
        let tcp: BTreeSet<u16> = SYSTEM_PORTS.chain(sample()).chain(listened.iter().copied()).collect();
        let udp: BTreeSet<u16> = ports(Transport::Udp).chain([VXLAN_PORT, GENEVE_PORT]).collect();
        Ok(Questions {
            address: host.address,
            tcp: tcp.into_iter().collect(),
            bridge_tcp: if host.address.is_ipv4() {
                listened.into_iter().collect()
            } else {
                Vec::new()
            },
            udp: udp.into_iter().collect(),
            bridge: (host.container_bridge.address, host.container_bridge.mac),
            container: match containers.get(&host.name) {
                Some(Ok(container)) => Some(container.address),
                _ => None,
            },
            inside: unused(plan),
        })
    };
    let why = |why: &str| format!("sockets: {why}");
    plan.hosts.iter().map(|host| (host.name.clone(), one(host).map_err(why))).collect()
}

/// The same ports each time, so that a result can be had again: multiples of the golden section of all ports above the system's spread
/// evenly, and 39871 has no divisor in common with their number, 64512, so none comes twice (Knuth, The Art of Computer Programming, 6.4).
fn sample() -> impl Iterator<Item = u16> {
    let ports = u32::from(u16::MAX) - u32::from(*SYSTEM_PORTS.end());
    (0..SAMPLE as u32).filter_map(move |number| u16::try_from(1024 + number * 39871 % ports).ok())
}

/// The last address of the container subnet but one, unless a host has it.
fn unused(plan: &Plan) -> Ipv4Addr {
    let last = plan.containers.subnet.broadcast().to_bits();
    let taken = |address: &Ipv4Addr| plan.hosts.iter().any(|host| host.container_bridge.address == *address);
    let mut candidates = (1..=256).filter_map(|back| last.checked_sub(back)).map(Ipv4Addr::from_bits);
    candidates.find(|address| !taken(address)).unwrap_or(Ipv4Addr::from_bits(last))
}

/// Only ssh answers, and nothing comes back from a tunnel or a container; per host. Echo replies are fine. That ssh answers is what shows
/// that the stranger is heard at all. Docker's API with TLS may answer at the container bridge's address, where it was asked for.
pub fn exposure(plan: &Plan, asked: &Asked) -> Vec<Verdict> {
    let verdict = |host: &HostPlan| match asked.get(&host.name) {
        None => Verdict::red(Probe::Exposure, on(&host.name), "nobody asked", UNKNOWN_HELP),
        Some(Err(why)) => Verdict::red(Probe::Exposure, on(&host.name), why, UNKNOWN_HELP),
        Some(Ok((questions, answers))) => judge(host, questions, answers),
    };
    never_empty(Probe::Exposure, plan.hosts.iter().map(verdict).collect())
}

fn judge(host: &HostPlan, questions: &Questions, answers: &Answers) -> Verdict {
    let mut wrong = Vec::new();
    if !answers.tcp.contains(&SSH) {
        wrong.push("not even ssh answers, so nothing is proved".to_owned());
    }
    wrong.extend(list(
        "TCP port",
        answers.tcp.iter().filter(|port| **port != SSH),
        "takes connections",
    ));
    // The daemon refuses whoever has no certificate.
    let with_tls = |port: u16| matches!(host.docker.api, Api::Tls { port: api, .. } if api == port);
    let bridge = answers.bridge_tcp.iter().filter(|port| **port != SSH && !with_tls(**port));
    let bridge = bridge.filter(|port| !answers.tcp.contains(port));
    wrong.extend(list(
        &format!("TCP port of {}", questions.bridge.0),
        bridge,
        "takes connections from the underlay",
    ));
    wrong.extend(list("UDP port", answers.udp.iter(), "answers"));
    wrong.extend(answers.inside.iter().cloned());
    if !wrong.is_empty() {
        return Verdict::red(Probe::Exposure, on(&host.name), wrong.join("; "), HELP);
    }
    let silent = match answers.silent {
        0 => String::new(),
        count => format!(", {count} of them in silence"),
    };
    let summary = format!(
        "of {} TCP and {} UDP ports only ssh answers{silent}; nothing comes out of a tunnel",
        questions.tcp.len() + questions.bridge_tcp.len(),
        questions.udp.len()
    );
    Verdict::green(Probe::Exposure, on(&host.name), summary).measured(answers.tcp.len() as f64, "open ports")
}

/// `TCP port 80, 8080 takes connections`
fn list<'a>(what: &str, ports: impl Iterator<Item = &'a u16>, does: &str) -> Option<String> {
    let ports: Vec<String> = ports.map(u16::to_string).collect();
    (!ports.is_empty()).then(|| format!("{what} {} {does}", ports.join(", ")))
}

#[cfg(test)]
#[path = "exposure_tests.rs"]
mod tests;
