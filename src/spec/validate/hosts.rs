//! Rules of the list of hosts: how many, and that names and addresses are usable and different.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Rules;
use crate::plan::HOST_NUMBER_MAX;
use crate::spec::diagnostic::Code;
use crate::spec::field::Placed;
use crate::spec::raw_topology::RawTopology;
use crate::spec::types::{Fabric, LoopProtection, TopologyWord};

/// Most ports of a bridge that take part in STP (`STP_MAX_PORTS`, lib/stp.h of Open vSwitch). RSTP's 4095 are out of a full mesh's reach.
const STP_PORTS_MAX: u32 = 255;

pub(super) fn check(rules: &mut Rules<'_>) {
    if let Some(version) = rules.cluster.version.given().filter(|version| version.value != 1) {
        let message = format!("version {} of the format is not known", version.value);
        rules.report(version.error(Code::VersionUnsupported, message, "write `version: 1`"));
    }
    check_count(rules);
    check_names(rules);
    check_addresses(rules);
}

/// Most links of a cluster, all in memory at once: some hundred bytes of memory each, so tens of megabytes. Far more than a host's user-data has room for.
pub(super) const LINKS_MAX: u32 = 100_000;

/// Whether so many links are planned; if not, that is reported. `what` has them.
pub(super) fn check_links(rules: &mut Rules<'_>, links: u64, what: &str) -> bool {
    let fine = links <= LINKS_MAX.into();
    if let (false, Some(list)) = (fine, rules.cluster.hosts.given()) {
        let message = format!("with {what} there are {links} links, more than the {LINKS_MAX} that meshimg plans");
        rules.report(list.error(Code::HostsTooMany, message, "list fewer hosts, or make two clusters"));
    }
    fine
}

fn check_full_mesh(rules: &mut Rules<'_>, hosts: u32) {
    let Some(list) = rules.cluster.hosts.given() else { return };
    let links = |hosts: u64| hosts * hosts.saturating_sub(1) / 2;
    if links(hosts.into()) > LINKS_MAX.into() {
        let message = format!(
            "a full mesh of {hosts} hosts has {} links, more than the {LINKS_MAX} that meshimg plans",
            links(hosts.into())
        );
        let most = (0..hosts).take_while(|hosts| links((hosts + 1).into()) <= LINKS_MAX.into()).count();
        let help = format!("list at most {most} hosts, or choose `mesh.topology: sparse`");
        rules.report(list.error(Code::HostsTooMany, message, help));
    }
}

fn check_count(rules: &mut Rules<'_>) {
    let Some(list) = rules.cluster.hosts.given() else { return };
    let count = rules.host_count();
    if count < 2 {
        let message = format!(
            "a cluster of {count} host{} has nothing to connect",
            if count == 1 { "" } else { "s" }
        );
        rules.report(list.error(Code::HostsTooFew, message, "list at least two hosts"));
    }
    if super::fabric::of(rules.cluster) == Fabric::Direct {
        if count > u32::from(HOST_NUMBER_MAX) {
            let message = format!("a direct fabric numbers its hosts up to {HOST_NUMBER_MAX}, and these are {count}");
            let help = format!("list at most {HOST_NUMBER_MAX} hosts, or choose `mesh.fabric: spanning-tree`");
            rules.report(list.error(Code::HostsTooMany, message, help));
            return;
        }
        if full_by_word(rules, true) {
            check_full_mesh(rules, count);
        }
        return;
    }
    let protocol = super::value_or(rules.cluster.mesh.then(|mesh| &mesh.loop_protection), LoopProtection::Rstp);
    if !full_by_word(rules, false) {
        return;
    }
    if protocol == LoopProtection::Stp && count > STP_PORTS_MAX + 1 {
        let message = format!(
            "each of {count} hosts needs {} links, more than the {STP_PORTS_MAX} ports of a bridge under stp",
            count - 1
        );
        let help = format!("list at most {} hosts, or choose `mesh.loop-protection: rstp`", STP_PORTS_MAX + 1);
        rules.report(list.error(Code::HostsTooMany, message, help));
    } else {
        check_full_mesh(rules, count);
    }
}

/// Whether the file says `topology: full`, or nothing where that is `by_default`.
fn full_by_word(rules: &Rules<'_>, by_default: bool) -> bool {
    let topology = rules.cluster.mesh.then(|mesh| &mesh.topology).given();
    topology.map_or(by_default, |topology| topology.value == RawTopology::Word(TopologyWord::Full))
}

fn check_names(rules: &mut Rules<'_>) {
    let mut firsts: BTreeMap<&str, &Placed<_>> = BTreeMap::new();
    for host in rules.hosts.clone() {
        let Some(name) = host.keys.name.given() else { continue };
        if let Some(first) = firsts.get(name.value.as_str()) {
            let problem = name.error(
                Code::HostsDuplicateName,
                format!("two hosts have the name '{}'", name.value),
                "give each host a name of its own",
            );
            rules.report(problem.with_related(first.place, "first used here"));
        } else {
            firsts.insert(name.value.as_str(), name);
        }
    }
}

fn check_addresses(rules: &mut Rules<'_>) {
    let mut firsts: BTreeMap<IpAddr, &Placed<IpAddr>> = BTreeMap::new();
    let mut family: Option<&Placed<IpAddr>> = None;
    for host in rules.hosts.clone() {
        let Some(address) = host.keys.address.given() else { continue };
        if let Some(kind) = unusable(address.value) {
            let message = format!("{} is {kind}", address.value);
            let help = "give the address by which the other hosts reach this one";
            rules.report(address.error(Code::HostsUnusableAddress, message, help));
        }
        if let Some(first) = firsts.get(&address.value) {
            let problem = address.error(
                Code::HostsDuplicateAddress,
                format!("two hosts have the address {}", address.value),
                "give each host its own address on the underlay",
            );
            rules.report(problem.with_related(first.place, "first used here"));
        } else {
            firsts.insert(address.value, address);
        }
        let first = *family.get_or_insert(address);
        if first.value.is_ipv4() != address.value.is_ipv4() {
            let problem = address.error(
                Code::HostsMixedFamilies,
                "IPv4 and IPv6 addresses are mixed, and a tunnel has one family",
                "give all hosts an IPv4 address, or all an IPv6 address",
            );
            rules.report(problem.with_related(first.place, "the first host's family"));
        }
    }
}

/// Why no tunnel can end at this address (IANA special-purpose address registries, RFC 6890).
fn unusable(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => {
            let first_octet = address.octets()[0];
            match first_octet {
                _ if address.is_unspecified() => Some("the unspecified address"),
                _ if address.is_broadcast() => Some("the broadcast address"),
                0 => Some("in 0.0.0.0/8, which means 'this network'"),
                127 => Some("a loopback address"),
                224..=239 => Some("a multicast address"),
                240.. => Some("in the reserved range 240.0.0.0/4"),
                _ if address.is_link_local() => Some("a link-local address"),
                _ => None,
            }
        }
        IpAddr::V6(address) => match address {
            _ if address.is_unspecified() => Some("the unspecified address"),
            _ if address.is_loopback() => Some("the loopback address"),
            _ if address.is_multicast() => Some("a multicast address"),
            _ if address.is_unicast_link_local() => Some("a link-local address"),
            _ if address.to_ipv4_mapped().is_some() => Some("an IPv4 address in IPv6 form"),
            _ => None,
        },
    }
}
