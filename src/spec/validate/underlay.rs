//! Rules of the underlay: its MTU, and the interface that carries it.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::{Host, Rules, in_range};
use crate::plan::overhead;
use crate::spec::diagnostic::Code;
use crate::spec::field::Field;
use crate::spec::raw::{RawCluster, RawHost};
use crate::spec::scalar::Management;
use crate::spec::types::{Fabric, InterfaceName, Tunnel, UnderlayInterface};

/// The interface that stays reachable unless the file says otherwise: the first by the kernel's own naming.
pub(super) const MANAGEMENT: &str = "eth0";

/// What Ethernet between hosts carries without being asked (IEEE 802.3).
const MTU_DEFAULT: u16 = 1500;

/// Above this few switches go: common jumbo frames are 9000 to 9216 bytes.
const MTU_USUAL_MAX: u16 = 9216;

/// Least MTU that the mesh must have: what every IPv4 host accepts (RFC 791), and over IPv6 its own least (RFC 8200).
const MESH_MTU_MIN: u16 = 576;
const MESH_MTU_MIN_IPV6: u16 = 1280;

/// The underlay's MTU, if it leaves enough for the mesh.
pub(super) fn mtu(rules: &mut Rules<'_>, tunnel: Tunnel, fabric: Fabric) -> Option<u16> {
    let Some(field) = rules.cluster.underlay.then(|underlay| &underlay.mtu).given() else {
        return Some(MTU_DEFAULT);
    };
    let help = "give the smallest MTU between any two hosts in bytes, usually 1500";
    // An IP packet's length has 16 bits; 68 is the least MTU of a link (RFC 791).
    let mtu: u16 = in_range(&mut rules.problems, Code::UnderlayMtu, field, 68, u16::MAX.into(), help)?;
    let address = rules.hosts.iter().find_map(|host| host.keys.address.given());
    let address = address.map_or(Ipv4Addr::UNSPECIFIED.into(), |address| address.value);
    let least = if address.is_ipv6() { MESH_MTU_MIN_IPV6 } else { MESH_MTU_MIN };
    let taken: u16 = overhead(tunnel, fabric, address).iter().map(|part| part.bytes).sum();
    if mtu < least + taken {
        let message = format!(
            "an MTU of {mtu} leaves {} for the mesh, less than the {least} it needs",
            mtu.saturating_sub(taken)
        );
        let help = format!("the tunnel takes {taken} bytes: the underlay must carry at least {}", least + taken);
        rules.report(field.error(Code::UnderlayMtuTooSmall, message, help));
    }
    if mtu > MTU_USUAL_MAX {
        let message = format!("an MTU of {mtu} is more than networks usually carry");
        let help = format!("make sure that frames of this size pass between all hosts; {MTU_USUAL_MAX} is the usual limit");
        rules.report(field.warning(Code::UnderlayMtuUnusual, message, help));
    }
    Some(mtu)
}

/// The host's own interface, else the cluster's.
pub(super) fn interface_field<'a>(cluster: &'a RawCluster, host: &'a RawHost) -> &'a Field<InterfaceName> {
    host.underlay
        .then(|underlay| &underlay.interface)
        .or(cluster.underlay.then(|underlay| &underlay.interface))
}

/// The host's own management interface, else the cluster's.
pub(super) fn management_field<'a>(cluster: &'a RawCluster, host: &'a RawHost) -> &'a Field<Management> {
    host.underlay
        .then(|underlay| &underlay.management)
        .or(cluster.underlay.then(|underlay| &underlay.management))
}

fn prefix_length_field<'a>(cluster: &'a RawCluster, host: &'a RawHost) -> &'a Field<i64> {
    host.underlay
        .then(|underlay| &underlay.prefix_length)
        .or(cluster.underlay.then(|underlay| &underlay.prefix_length))
}

/// The host's own gateway, else the cluster's.
pub(super) fn gateway_field<'a>(cluster: &'a RawCluster, host: &'a RawHost) -> &'a Field<IpAddr> {
    host.underlay
        .then(|underlay| &underlay.gateway)
        .or(cluster.underlay.then(|underlay| &underlay.gateway))
}

/// The host's address with the length of its network's prefix; `None` if either is not usable.
pub(super) fn network(cluster: &RawCluster, host: &RawHost) -> Option<IpNet> {
    let address = host.address.given()?.value;
    let length = match prefix_length_field(cluster, host) {
        Field::Given(length) => u8::try_from(length.value).ok().filter(|length| *length > 0)?,
        Field::Absent if address.is_ipv4() => 24,
        Field::Absent => 64,
        Field::Broken => return None,
    };
    IpNet::new(address, length).ok()
}

/// The interface that the seed is to configure, if the file names one.
pub(super) fn interface(rules: &mut Rules<'_>, host: Host<'_>) -> Option<UnderlayInterface> {
    let (cluster, keys) = (rules.cluster, host.keys);
    let address = keys.address.given()?;
    let prefix_length = prefix_length_field(cluster, keys);
    if let Some(length) = prefix_length.given() {
        let most = if address.value.is_ipv4() { 32 } else { 128 };
        let help = "give the number of leading bits that all addresses of the underlay network share, such as 24";
        in_range::<u8>(&mut rules.problems, Code::UnderlayPrefixLength, length, 1, most, help)?;
    }
    let (gateway, management) = (gateway_field(cluster, keys), management_field(cluster, keys));
    let name = match interface_field(cluster, keys) {
        Field::Given(name) => &name.value,
        Field::Broken => return None,
        Field::Absent => {
            let message = "this has no effect: no interface is named";
            let help = "name the interface that gets the host's address, `underlay: {interface: eth1}`, or remove this";
            let warnings = [
                prefix_length
                    .given()
                    .map(|field| field.warning(Code::UnderlayWithoutInterface, message, help)),
                gateway
                    .given()
                    .map(|field| field.warning(Code::UnderlayWithoutInterface, message, help)),
                management
                    .given()
                    .map(|field| field.warning(Code::UnderlayWithoutInterface, message, help)),
            ];
            rules.problems.extend(warnings.into_iter().flatten());
            return None;
        }
    };
    let network = network(cluster, keys)?;
    check_network(rules, host, network);
    let management = match management.given().map(|field| &field.value) {
        Some(Management::None) => None,
        Some(Management::Interface(name)) => Some(name.clone()),
        None => MANAGEMENT.parse().ok().filter(|management| management != name),
    };
    Some(UnderlayInterface {
        name: name.clone(),
        prefix_length: network.prefix_len(),
        gateway: gateway.given().map(|gateway| gateway.value),
        management,
    })
}

fn check_network(rules: &mut Rules<'_>, host: Host<'_>, network: IpNet) {
    let Some(address) = host.keys.address.given() else { return };
    let name = Rules::name_of(host);
    // RFC 3021: with /31 both addresses are hosts.
    let has_broadcast = network.addr().is_ipv4() && network.prefix_len() < 31;
    if has_broadcast && (address.value == network.network() || address.value == network.broadcast()) {
        let message = format!(
            "{} is the network's own or its broadcast address in {}",
            address.value,
            network.trunc()
        );
        let help = "give another address, or the right `underlay.prefix-length`";
        rules.report(address.error(Code::UnderlayNetworkAddress, message, help));
    }
    match gateway_field(rules.cluster, host.keys) {
        Field::Given(gateway) => {
            let problem = match gateway.value {
                next_hop if next_hop == address.value => Some(format!("{next_hop} is {name} itself")),
                next_hop if !network.contains(&next_hop) => Some(format!("{next_hop} is not on the network {} of {name}", network.trunc())),
                _ => None,
            };
            if let Some(message) = problem {
                let help = "give a router on the host's own network, or the right `underlay.prefix-length`";
                rules.report(gateway.error(Code::UnderlayGateway, message, help));
            }
        }
        Field::Absent => {
            let off_link = rules.addresses.first_outside(&network);
            if let Some(other) = off_link {
                let message = format!("{name} has no route to {other}: it is not on the network {}", network.trunc());
                let help = "give `underlay.gateway`, or a shorter `underlay.prefix-length`, unless another route leads there";
                rules.report(address.warning(Code::UnderlayOffLinkHost, message, help));
            }
        }
        Field::Broken => {}
    }
}

/// The hosts' addresses of the first one's family, to be asked by each host in little time.
#[derive(Default)]
pub(super) struct Addresses {
    /// Address, and the least and the greatest of those up to it, in the order of the file.
    list: Vec<(IpAddr, IpAddr, IpAddr)>,
}

impl Addresses {
    pub fn new(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let mut list: Vec<(IpAddr, IpAddr, IpAddr)> = Vec::new();
        for address in addresses {
            let (first, least, most) = list.last().copied().unwrap_or((address, address, address));
            if first.is_ipv4() == address.is_ipv4() {
                list.push((address, least.min(address), most.max(address)));
            }
        }
        Self { list }
    }

    /// The first that is not in `network`; those of another family are no matter. A network has all addresses between two of its own, so it has the first so
    /// many where it has the least and the greatest of them.
    fn first_outside(&self, network: &IpNet) -> Option<IpAddr> {
        let first = self
            .list
            .first()
            .filter(|(first, ..)| first.is_ipv4() == network.addr().is_ipv4())?;
        debug_assert!(first.1 <= first.2);
        let inside = self
            .list
            .partition_point(|(_, least, most)| network.contains(least) && network.contains(most));
        self.list.get(inside).map(|(address, ..)| *address)
    }
}
