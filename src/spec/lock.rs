//! cluster.lock.yaml: what the hosts of a cluster were given, so that they keep it. The text is here, in both directions.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_yaml::{FlowMap, FlowSeq};

use super::types::{ClusterName, HostName};

/// The version of the format that [`lock_text`] writes, and the newest that is read.
pub const LOCK_VERSION: i64 = 1;

const HEAD: &str = "\
# What `meshimg plan --lock` gave to the hosts of the cluster.yaml beside this file, and what they keep. Put it under version control together
# with that file, and leave it to meshimg: docs/growth.md says what stands here, and what to do where the two contradict each other.
";

/// What hosts were given: numbers, bridge addresses, slices, link numbers and priorities, and what is needed to give more of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    pub cluster: ClusterName,
    pub subnet: Ipv4Net,
    /// Bridge address of host number 1; number N has the one N - 1 above it, unless the file named another.
    pub first_address: Ipv4Addr,
    /// The first address that may be in a slice; those before it are for bridges.
    pub slices_from: Ipv4Addr,
    /// What a new host gets where there is room: a slice with this length of prefix.
    pub slice_prefix_length: u8,
    /// All numbers from here on were never given to a host.
    pub next_number: u32,
    /// All numbers from here on were never given to a link.
    pub next_link: u32,
    pub hosts: BTreeMap<HostName, LockedHost>,
    /// Number of each link by its two hosts, sorted by name. The link's name is the prefix of its kind and this: gre1.
    pub links: BTreeMap<[HostName; 2], u32>,
    /// Disjoint parts of the subnet that hosts had which are gone.
    pub retired_slices: Vec<Ipv4Net>,
    /// What kind of mesh the links make.
    pub topology: LockedTopology,
    /// How many failures they were planned to survive.
    pub survive: u32,
}

/// [`super::Topology`] without its hosts, and `links` for links that the file names itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LockedTopology {
    Full,
    Ring,
    Hub,
    Sparse,
    Links,
}

impl LockedTopology {
    /// As it stands in the lock and in the plan.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Ring => "ring",
            Self::Hub => "hub",
            Self::Sparse => "sparse",
            Self::Links => "links",
        }
    }
}

/// What one host was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockedHost {
    /// From 1.
    pub number: u32,
    /// Address on the underlay: as the file had it, only for `meshimg diff`; of a droplet the one that it has got.
    pub underlay: IpAddr,
    /// By which it is reached from elsewhere, where that is another one: of a droplet on the Internet.
    pub public: Option<IpAddr>,
    /// Of the container bridge.
    pub address: Ipv4Addr,
    pub slice: Ipv4Net,
    /// Spanning tree priority, also where the fabric has no tree for the time being.
    pub priority: u16,
}

/// The two hosts of a link in the order of [`Lock::links`].
pub fn link_key(a: &HostName, b: &HostName) -> [HostName; 2] {
    if a < b { [a.clone(), b.clone()] } else { [b.clone(), a.clone()] }
}

/// Why there is no text: a mistake of ours.
#[derive(Debug, thiserror::Error)]
#[error("cluster.lock.yaml: {0}")]
pub struct LockTextError(#[from] serde_yaml::ser::Error);

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Text<'a> {
    version: i64,
    cluster: &'a str,
    subnet: Ipv4Net,
    first_address: Ipv4Addr,
    slices_from: Ipv4Addr,
    slice_prefix_length: u8,
    next_number: u32,
    next_link: u32,
    topology: LockedTopology,
    survive: u32,
    hosts: Vec<FlowMap<HostText<'a>>>,
    links: Vec<FlowMap<LinkText<'a>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    retired_slices: Vec<Ipv4Net>,
}

#[derive(Serialize)]
struct HostText<'a> {
    name: &'a str,
    number: u32,
    underlay: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    public: Option<IpAddr>,
    address: Ipv4Addr,
    slice: Ipv4Net,
    priority: u16,
}

#[derive(Serialize)]
struct LinkText<'a> {
    number: u32,
    hosts: FlowSeq<[&'a str; 2]>,
}

/// The text of cluster.lock.yaml: a comment, then one line for each host and each link by number, so that version control shows what
/// changed. The same lock gives the same bytes.
///
/// # Errors
/// Never in practice: there is nothing in it that YAML could not say.
pub fn lock_text(lock: &Lock) -> Result<String, LockTextError> {
    let mut hosts: Vec<_> = lock.hosts.iter().collect();
    hosts.sort_by_key(|(_, host)| host.number);
    let mut links: Vec<_> = lock.links.iter().collect();
    links.sort_by_key(|(_, number)| **number);
    let text = Text {
        version: LOCK_VERSION,
        cluster: lock.cluster.as_str(),
        subnet: lock.subnet,
        first_address: lock.first_address,
        slices_from: lock.slices_from,
        slice_prefix_length: lock.slice_prefix_length,
        next_number: lock.next_number,
        next_link: lock.next_link,
        topology: lock.topology,
        survive: lock.survive,
        hosts: hosts
            .into_iter()
            .map(|(name, host)| {
                FlowMap(HostText {
                    name: name.as_str(),
                    number: host.number,
                    underlay: host.underlay,
                    public: host.public,
                    address: host.address,
                    slice: host.slice,
                    priority: host.priority,
                })
            })
            .collect(),
        links: links
            .into_iter()
            .map(|([a, b], number)| {
                FlowMap(LinkText {
                    number: *number,
                    hosts: FlowSeq([a.as_str(), b.as_str()]),
                })
            })
            .collect(),
        retired_slices: lock.retired_slices.clone(),
    };
    Ok(HEAD.to_owned() + serde_yaml::to_string(&text)?.trim_end() + "\n")
}
