//! The plan: every decision about every host, made once. Serialised, it is the contract of `meshimg plan --format json`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use serde::Serialize;

use crate::spec::{
    Api, ArchiveUrl, AuthorizedKey, Bfd, ClusterName, HostName, InterfaceName, Lock, LoopProtection, Network, OpenVSwitchSource, Os,
    PackageName, Tunnel, UnderlayInterface, UserName,
};

/// The format of the JSON; raised when a field changes its meaning or goes.
pub const PLAN_VERSION: u32 = 1;

/// Everything that is decided about a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    pub version: u32,
    pub cluster: ClusterName,
    pub mtu: MtuPlan,
    pub spanning_tree: SpanningTree,
    pub containers: ContainerPlan,
    pub tunnel: Tunnel,
    pub links: Vec<Link>,
    pub hosts: Vec<HostPlan>,
    /// What has come of a lock; nothing where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
    /// What the hosts are to keep: the content of a cluster.lock.yaml. All that programs want to know of it is above.
    #[serde(skip)]
    pub lock: Lock,
}

/// How a plan differs from the lock that it was made with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Growth {
    /// Hosts that the lock does not know, in the order of the file.
    pub new: Vec<HostName>,
    /// Hosts of the lock that the file does not have, by name.
    pub gone: Vec<HostName>,
    /// Hosts that have a smaller slice than in the lock, so that new ones get one.
    pub shrunk: Vec<Shrunk>,
}

/// A slice that is smaller than it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shrunk {
    pub host: HostName,
    pub from: Ipv4Net,
    pub to: Ipv4Net,
    /// The new hosts that have the rest.
    pub given_to: Vec<HostName>,
}

/// Where the bytes of a frame on the underlay go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MtuPlan {
    /// MTU of the underlay, bytes.
    pub underlay: u16,
    /// What a tunnel takes from it, in the order of the headers.
    pub overhead: Vec<Overhead>,
    /// MTU of br0, docker0 and every container: underlay less the overhead, bytes.
    pub mesh: u16,
}

/// One header and its length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Overhead {
    pub header: &'static str,
    pub bytes: u16,
    /// Where the figure is from.
    pub source: &'static str,
}

/// The spanning tree all bridges take part in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SpanningTree {
    pub protocol: LoopProtection,
    pub root: HostName,
    pub stand_in: HostName,
    /// Seconds.
    pub hello: u8,
    /// Seconds.
    pub max_age: u8,
    /// Seconds.
    pub forward_delay: u8,
    /// Frames in a burst; RSTP only.
    pub transmit_hold_count: Option<u8>,
    /// Most links between the root and any bridge after any one host or link failed.
    pub depth_after_failure: u32,
}

/// How the container subnet is cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ContainerPlan {
    pub subnet: Ipv4Net,
    /// How many equal blocks the subnet is cut in, a power of two.
    pub blocks: u32,
    /// Blocks at the start that hold the bridge addresses and are never handed out.
    pub held_back: u32,
    /// How many hosts there is room for; with a lock, what the file says.
    pub capacity: u32,
}

/// One tunnel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Link {
    /// The port's name at both ends.
    pub name: InterfaceName,
    pub hosts: [HostName; 2],
}

/// What one host gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostPlan {
    /// Place in the file, from 1; with a lock, what that says.
    pub number: u32,
    pub name: HostName,
    /// Address on the underlay.
    pub address: IpAddr,
    pub os: Os,
    pub network: Network,
    pub underlay_interface: Option<UnderlayInterface>,
    pub mesh_bridge: MeshBridge,
    pub container_bridge: ContainerBridge,
    pub docker: DockerPlan,
    /// All packages the host needs, sorted.
    pub packages: Vec<PackageName>,
    pub archive: Option<ArchiveUrl>,
    pub open_vswitch: OpenVSwitchSource,
    pub user: UserName,
    pub authorized_keys: Vec<AuthorizedKey>,
}

/// The Open vSwitch bridge of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MeshBridge {
    pub name: InterfaceName,
    pub mac: MacAddress,
    /// A multiple of 4096; the lowest in the mesh is the root.
    pub priority: u16,
    /// The longest time between two rounds in which Open vSwitch counts the packets of its flows, milliseconds (ovs-vswitchd.conf.db(5)).
    pub max_revalidator_ms: u32,
    pub ports: Vec<TunnelPort>,
}

/// One end of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TunnelPort {
    pub name: InterfaceName,
    pub peer: HostName,
    /// Value of Open vSwitch's `type` column: gre, ip6gre, vxlan or geneve.
    pub kind: &'static str,
    pub remote: IpAddr,
    pub path_cost: u32,
    pub bfd: Option<Bfd>,
}

/// The Linux bridge of a host's Docker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ContainerBridge {
    pub name: InterfaceName,
    pub mac: MacAddress,
    pub address: Ipv4Addr,
    /// Of the container subnet.
    pub prefix_length: u8,
    /// The addresses that this host's Docker hands out.
    pub slice: Ipv4Net,
}

/// Docker on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DockerPlan {
    /// The whole content of /etc/docker/daemon.json.
    pub daemon: BTreeMap<String, serde_json::Value>,
    pub api: Api,
}

/// An Ethernet address, locally administered and unicast (IEEE 802-2014 8.2.2), derived from the names of cluster and host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MacAddress([u8; 6]);

impl MacAddress {
    /// Sets the local bit and clears the group bit of `octets`.
    pub fn local(mut octets: [u8; 6]) -> Self {
        octets[0] = (octets[0] | 0x02) & !0x01;
        Self(octets)
    }

    /// As it stands in a frame.
    pub fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl std::fmt::Display for MacAddress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(formatter, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

impl Serialize for MacAddress {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
