//! The hosts as droplets of Digital Ocean.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use serde::Serialize;

use super::types::{ClusterName, HostName, InvalidName, checked_string};

checked_string!(
    /// What Digital Ocean calls a region, a size or an image of its own.
    Slug,
    super::names::check_slug
);
checked_string!(
    /// The name or the UUID of a VPC.
    VpcName,
    super::names::check_vpc
);
checked_string!(
    /// A label of a droplet; case matters.
    Tag,
    super::names::check_tag
);
checked_string!(
    /// The MD5 of a public ssh key, 16 pairs of hexadecimal digits.
    Fingerprint,
    super::names::check_fingerprint
);

/// What the tag of all that meshimg makes begins with; the name of the cluster follows.
pub const OWN_TAG: &str = "meshimg:";

/// The tag of all that meshimg makes for `cluster`, and destroys again.
///
/// # Errors
/// Never in practice: every name of a cluster may be a part of a tag.
pub fn own_tag(cluster: &ClusterName) -> Result<Tag, InvalidName> {
    format!("{OWN_TAG}{cluster}").parse()
}

/// What a droplet boots from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum DropletImage {
    /// One of Digital Ocean's own.
    Slug(Slug),
    /// Any by its number: a custom image, or a snapshot.
    Id(u64),
}

/// A key that Digital Ocean knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum SshKey {
    Id(u64),
    Fingerprint(Fingerprint),
}

/// A cloud firewall before all droplets of the cluster: ssh, ICMP, and the tunnels from one droplet to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Firewall {
    /// From where ssh is let in; at least one network.
    pub ssh_from: Vec<IpNet>,
}

/// One host as a droplet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Droplet {
    pub host: HostName,
    /// What the file itself says that its address in the VPC is; what a lock keeps is not here.
    pub address: Option<IpAddr>,
    pub size: Slug,
    pub image: DropletImage,
    /// In the order of the file, each once.
    pub ssh_keys: Vec<SshKey>,
    /// Besides [`own_tag`]; sorted, each once.
    pub tags: Vec<Tag>,
    /// Whether it also gets a public IPv6 address.
    pub ipv6: bool,
    /// Whether Digital Ocean's agent is installed.
    pub monitoring: bool,
}

/// What the file says of Digital Ocean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DigitalOcean {
    /// One for all: a VPC is in one region.
    pub region: Slug,
    /// `None`: the region's default VPC.
    pub vpc: Option<VpcName>,
    /// What the file says the VPC's range is.
    pub vpc_range: Option<Ipv4Net>,
    pub firewall: Option<Firewall>,
    /// In the order of the hosts.
    pub droplets: Vec<Droplet>,
    /// Whether the file itself has each host's address, so that all of a host can be in its user-data.
    pub addresses_given: bool,
}
