//! The plan: every decision about every host, made once. Serialised, it is the contract of `meshimg plan --format json`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use serde::Serialize;

use super::Anew;
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
    pub topology: TopologyPlan,
    /// In the JSON `spanning-tree` or `direct`.
    #[serde(flatten)]
    pub fabric: FabricPlan,
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
    /// New links between hosts that the lock knows, in place of ways that went over hosts that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links_added: Vec<[HostName; 2]>,
    /// Links between hosts that stay which are there no more: most have a new host in their middle.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links_removed: Vec<[HostName; 2]>,
    /// Why the links of the lock were not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links_anew: Option<Anew>,
}

impl Growth {
    /// Whether file and lock have the same hosts.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.new.is_empty() && self.gone.is_empty()
    }
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

impl Plan {
    /// The spanning tree, where the fabric has one.
    pub fn tree(&self) -> Option<&SpanningTree> {
        match &self.fabric {
            FabricPlan::SpanningTree(tree) => Some(tree),
            FabricPlan::Direct(_) => None,
        }
    }

    /// The spanning tree, to be changed.
    pub fn tree_mut(&mut self) -> Option<&mut SpanningTree> {
        match &mut self.fabric {
            FabricPlan::SpanningTree(tree) => Some(tree),
            FabricPlan::Direct(_) => None,
        }
    }

    /// The host whose loss the others feel most: the root of the tree. In a fabric without one all are alike, and it is the first.
    ///
    /// # Panics
    /// For a plan without hosts, which no [`crate::spec::Spec`] gives.
    pub fn head(&self) -> &HostName {
        self.tree().map_or_else(|| &self.hosts[0].name, |tree| &tree.root)
    }

    /// [`Plan::head`] with what it is: `host1, the root`.
    pub fn head_in_words(&self) -> String {
        match self.tree() {
            Some(tree) => format!("{}, the root", tree.root),
            None => self.head().to_string(),
        }
    }

    /// The same before a verb: `host1, the root,`.
    pub fn head_as_subject(&self) -> String {
        let comma = if self.tree().is_some() { "," } else { "" };
        self.head_in_words() + comma
    }
}

/// What keeps frames from circling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FabricPlan {
    SpanningTree(SpanningTree),
    Direct(DirectFabric),
}

/// A fabric without a tree: no link is blocked, and each host has rules by which it sends (docs/fabric.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DirectFabric {
    /// Most other hosts that a frame may be sent through, one at a time, where the direct link is dead.
    pub relays: usize,
    /// Seconds after which a MAC address is forgotten that has sent nothing.
    pub mac_age: u16,
    /// Most MAC addresses that a host remembers.
    pub mac_limit: u32,
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

/// What kind of graph the links make, and what it is good for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TopologyPlan {
    /// full, ring, hub, sparse or links.
    pub kind: &'static str,
    /// How many hosts and links may fail, any, and the rest is to stay connected.
    pub survive: u32,
    /// Links of the host with the fewest.
    pub least_links_per_host: u32,
    /// Links of the host with the most.
    pub most_links_per_host: u32,
    /// The fewest links with which any mesh of so many hosts survives that: (survive + 1) * hosts / 2, rounded up; hosts - 1 where that is more.
    pub fewest_links: u32,
    /// Most links between two hosts.
    pub diameter: Figure,
    /// The least diameter of any mesh of so many hosts where none has more links than here (Moore bound).
    pub moore_diameter: u32,
    /// Most links between two hosts after any failures to survive; `None` where some cut hosts off, or nothing is known.
    pub diameter_after_failures: Option<Figure>,
    /// How many hosts must go before others are cut off from each other; in a full mesh one less than there are.
    pub connectivity: Figure,
}

/// A figure about a mesh, and how it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Figure {
    pub value: u32,
    /// Whether it is exact, or a bound on the safe side: distances are at most that, connectivity is at least that.
    pub exact: bool,
    pub proof: Proof,
}

/// How a figure is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// It follows from each being linked to each.
    FullMesh,
    /// Each case was looked at.
    EachCase,
    /// All losses of hosts were looked at; that of links makes ways at most one link longer.
    EachLossOfHosts,
    /// The mesh looks the same from each host, so one was looked at.
    Symmetry,
    /// Maximum flows between hosts, of which each passes one at most.
    MaximumFlow,
    /// A search for hosts whose loss cuts others off found none, or one.
    CutHosts,
    /// A connected graph that looks the same from each host, d links each, has connectivity 2 (d + 1) / 3 or more (Watkins 1970).
    Watkins,
    /// A circulant has ways beside each shortest one, of two links more.
    MovedWays,
    /// With as many ways between two hosts as the connectivity says, the shortest that is left is not long (Menger).
    Menger,
    /// No two are farther apart than twice what one is from all.
    TwiceTheDepth,
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
    /// Most links between the root and any bridge after any failures that the mesh is to survive; at least 2 beyond two hosts in full mesh.
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
    /// A multiple of 4096; the lowest in the mesh is the root. `None` without a tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u16>,
    /// The longest time between two rounds in which Open vSwitch counts the packets of its flows, milliseconds (ovs-vswitchd.conf.db(5)).
    pub max_revalidator_ms: u32,
    pub ports: Vec<TunnelPort>,
    /// How each other host is reached in a direct fabric, by its number; empty where there is a tree.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<Path>,
}

/// The ways from one host to another in a direct fabric: the direct link, and where that is dead or there is none the first of the relays whose own link is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Path {
    /// Number of the host at the other end.
    pub to: u16,
    /// Whether the two have a link.
    pub linked: bool,
    /// Numbers of the hosts to go through.
    pub relays: Vec<u16>,
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
    /// `None` without a tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_cost: Option<u32>,
    /// Number of the port in OpenFlow, which is that of the peer; direct fabric only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u16>,
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
