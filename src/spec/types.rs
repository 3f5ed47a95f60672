//! The validated cluster: what `cluster.yaml` says, with every default filled in and every rule checked.
//!
//! A [`Spec`] can only come from [`super::validate`]; the planner may rely on everything that is promised here.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::digital_ocean::DigitalOcean;
use super::lock::Lock;

/// A string that breaks the rule of its type; the text says the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidName(pub String);

/// A string newtype with one rule, checked by `FromStr`, the only way in.
macro_rules! checked_string {
    ($(#[$meta:meta])* $name:ident, $check:path) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The checked text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::spec::InvalidName;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $check(text).map_err($crate::spec::InvalidName)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

pub(super) use checked_string;

checked_string!(
    /// A host's name: one label of RFC 1123 section 2.1, lower case, 1 to 63 characters.
    HostName,
    super::names::check_label
);
checked_string!(
    /// The cluster's name, under the same rule as a host's: it becomes part of file and container names.
    ClusterName,
    super::names::check_label
);
checked_string!(
    /// The name of a place where hosts stand: a label as a host's name is.
    SiteName,
    super::names::check_label
);
checked_string!(
    /// A Linux network interface name: 1 to 15 characters (IFNAMSIZ less the NUL, `linux/if.h`) of letters, digits, `-`, `_`
    /// and `.`, starting with a letter.
    InterfaceName,
    super::names::check_interface
);
checked_string!(
    /// A Debian package name (Debian Policy 5.6.1): at least two of lower case letters, digits, `+`, `-` and `.`.
    PackageName,
    super::names::check_package
);
checked_string!(
    /// A user name as `useradd` takes it: `[a-z_][a-z0-9_-]{0,31}`.
    UserName,
    super::names::check_user
);
checked_string!(
    /// One line of authorized_keys (sshd(8)): key type, base64 blob, optional comment; no options and no control characters.
    AuthorizedKey,
    super::names::check_authorized_key
);
checked_string!(
    /// An absolute path on a host, of letters, digits and `/._+-` only, so that it means the same in every file format.
    HostPath,
    super::names::check_host_path
);
checked_string!(
    /// An http, https or file URL of a package archive, without white space, quotes or control characters.
    ArchiveUrl,
    super::names::check_archive_url
);

checked_string!(
    /// A SHA-256 as sha256sum(1) prints it: 64 hexadecimal digits, lower case.
    Sha256Hash,
    super::names::check_sha256
);
checked_string!(
    /// A version of Open vSwitch as its daemon says it: numbers with dots between them, such as 4.0.0.
    OpenVSwitchVersion,
    super::names::check_open_vswitch_version
);
checked_string!(
    /// An OpenPGP public key in ASCII armour (RFC 9580 section 6.2), lines without blanks at their ends.
    SigningKey,
    super::names::check_signing_key
);

/// The release a host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Os {
    /// Debian 12 "bookworm".
    #[serde(rename = "debian-12")]
    Debian12,
    /// Debian 13 "trixie".
    #[serde(rename = "debian-13")]
    Debian13,
    /// Ubuntu 22.04 "jammy": rendered and checked; no image of it was booted.
    #[serde(rename = "ubuntu-22.04")]
    Ubuntu2204,
    /// Ubuntu 24.04 "noble": rendered and checked; no image of it was booted.
    #[serde(rename = "ubuntu-24.04")]
    Ubuntu2404,
}

impl fmt::Display for Os {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Debian12 => "debian-12",
            Self::Debian13 => "debian-13",
            Self::Ubuntu2204 => "ubuntu-22.04",
            Self::Ubuntu2404 => "ubuntu-24.04",
        })
    }
}

/// What brings the mesh up on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// Stanzas of interfaces(5), read by ifupdown.
    Ifupdown,
    /// A unit of systemd that calls ovs-vsctl(8) and ip(8).
    Systemd,
}

impl Network {
    /// What a host gets whose file does not say. Ubuntu's images have netplan and no ifupdown.
    pub fn usual_for(os: Os) -> Self {
        match os {
            Os::Debian12 | Os::Debian13 => Self::Ifupdown,
            Os::Ubuntu2204 | Os::Ubuntu2404 => Self::Systemd,
        }
    }
}

/// How frames travel between hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tunnel {
    /// GRE (RFC 2784): IP protocol 47.
    Gre,
    /// VXLAN (RFC 7348): UDP port 4789.
    Vxlan,
    /// Geneve (RFC 8926): UDP port 6081.
    Geneve,
}

/// Which hosts are linked, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TopologyWord {
    /// Each host with each.
    Full,
    /// Each host with the next, and the last with the first.
    Ring,
    /// Each host with each of the hubs, these included.
    Hub,
    /// As many links as it takes to survive `mesh.survive` failures with short ways.
    Sparse,
}

/// Which hosts are linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// Each host with each.
    Full,
    /// Each host with the next, and the last with the first.
    Ring,
    /// Each host with each of these, these included; at least one, none twice.
    Hub(Vec<HostName>),
    /// As many links as it takes to survive `survive` failures with short ways.
    Sparse,
    /// These and no others: two different hosts each, no two the same.
    Links(Vec<[HostName; 2]>),
}

/// How the mesh stays free of loops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fabric {
    /// A spanning tree blocks the links that would close a loop.
    SpanningTree,
    /// No link is blocked: a frame takes the direct link to the host it is for, or goes through one other host where BFD has found that link
    /// dead. Needs BFD.
    Direct,
}

/// Which spanning tree protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LoopProtection {
    /// Rapid spanning tree (IEEE 802.1D-2004 clause 17): fails over in well under a second with BFD.
    Rstp,
    /// Spanning tree (IEEE 802.1D-1998 clause 8), as in the classic recipe: tens of seconds.
    Stp,
}

/// Timers of the spanning tree protocol, in seconds; `None` leaves the choice to the plan.
///
/// Where all are given, `2 * (hello + 1) <= max_age <= 2 * (forward_delay - 1)` holds (802.1D-2004 17.14).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Timers {
    /// Seconds between hellos, 1 to 10 (STP only: Open vSwitch cannot set RSTP's, which is 2).
    pub hello: Option<u8>,
    /// Seconds after which a bridge forgets what it heard, 6 to 40.
    pub max_age: Option<u8>,
    /// Seconds in listening and in learning, 4 to 30.
    pub forward_delay: Option<u8>,
    /// Frames a port may send in a burst, 1 to 10 (RSTP only).
    pub transmit_hold_count: Option<u8>,
}

/// Bidirectional forwarding detection (RFC 5880) on each link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bfd {
    /// Milliseconds between control packets in both directions, at least 1.
    pub interval_ms: u32,
    /// Packets that may be missed before the link is down, 1 to 255.
    pub multiplier: u8,
}

/// Docker's API listener besides the unix socket; it listens on the host's docker0 address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Api {
    /// The unix socket only.
    None,
    /// TCP with mutual TLS; the files are on the host already.
    Tls {
        port: u16,
        ca: HostPath,
        certificate: HostPath,
        key: HostPath,
    },
    /// TCP without TLS: whoever reaches the port is root on the host.
    UnsafeWithoutTls { port: u16 },
}

/// Where a host's Open vSwitch is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "source")]
pub enum OpenVSwitchSource {
    /// The packages of the host's own release.
    Distribution,
    /// Packages built once from source, and baked into the image that the host boots from.
    Build {
        version: OpenVSwitchVersion,
        /// A release of upstream (.tar.gz, .tar.xz) or a source package of Debian (.dsc).
        url: ArchiveUrl,
        /// Of the file at `url`.
        sha256: Sha256Hash,
    },
    /// A flat package archive, from which the host installs it at its first boot.
    Archive { url: ArchiveUrl, trust: ArchiveTrust },
}

/// Why a host believes a package archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArchiveTrust {
    /// Of its file Release, which has the hashes of all others.
    Sha256(Sha256Hash),
    /// Of who signs its InRelease.
    SigningKey(SigningKey),
}

/// The NIC that carries the tunnels, where the seed is to configure it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnderlayInterface {
    pub name: InterfaceName,
    /// Length of the on-link prefix, 1 to 32 (IPv6: 128).
    pub prefix_length: u8,
    /// Next hop of the default route, in the family of the host's address.
    pub gateway: Option<IpAddr>,
    /// A second NIC that gets its address by DHCP, so that the host stays reachable by it.
    pub management: Option<InterfaceName>,
}

/// One host, with the cluster's values where it has none of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostSpec {
    pub name: HostName,
    /// Address on the underlay; one family for the whole cluster. `None` for a droplet whose address nobody knows yet; then there is no plan.
    pub address: Option<IpAddr>,
    /// Where it stands; hosts without one stand together.
    pub site: Option<SiteName>,
    pub os: Os,
    pub network: Network,
    /// `None`: the machine's own network configuration stays as it is.
    pub underlay_interface: Option<UnderlayInterface>,
    /// Open vSwitch bridge.
    pub mesh_bridge: InterfaceName,
    /// Spanning tree priority, a multiple of 4096 up to 61440; `None` leaves the choice to the plan.
    pub priority: Option<u16>,
    pub bfd: Option<Bfd>,
    /// Linux bridge of Docker.
    pub container_bridge: InterfaceName,
    /// The address of the container bridge, inside `containers.subnet`; `None` leaves the choice to the plan.
    pub container_address: Option<Ipv4Addr>,
    /// The host's part of `containers.subnet`; `None` leaves the choice to the plan.
    pub slice: Option<Ipv4Net>,
    /// Options merged into daemon.json; none of those that the mesh owns.
    pub docker_daemon: BTreeMap<String, serde_json::Value>,
    pub docker_api: Api,
    /// Packages besides those that the mesh needs, sorted, no duplicates.
    pub packages: Vec<PackageName>,
    /// Package archive for apt; `None`: the machine's own.
    pub archive: Option<ArchiveUrl>,
    pub open_vswitch: OpenVSwitchSource,
    pub user: UserName,
    pub authorized_keys: Vec<AuthorizedKey>,
}

/// A cluster that passed every check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spec {
    pub name: ClusterName,
    /// In the order of the file; a host's number is its index plus one. At least two.
    pub hosts: Vec<HostSpec>,
    /// Smallest MTU that the underlay carries between any two hosts, in bytes.
    pub underlay_mtu: u16,
    pub subnet: Ipv4Net,
    /// First container bridge address as the file gives it.
    pub first_address: Option<Ipv4Addr>,
    /// How many hosts to cut slices for, at least `hosts.len()`.
    pub capacity: u32,
    pub tunnel: Tunnel,
    pub topology: Topology,
    /// How many hosts and links may fail, any, and the rest stays connected; at most two less than there are hosts.
    pub survive: u32,
    pub fabric: Fabric,
    pub loop_protection: LoopProtection,
    pub timers: Timers,
    /// The host to be the root of the spanning tree, and the one to take over.
    pub root: Option<HostName>,
    pub stand_in: Option<HostName>,
    /// The droplets that the hosts are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digital_ocean: Option<DigitalOcean>,
    /// What hosts were given before, and keep. It contradicts nothing above, and has room for every host.
    #[serde(skip)]
    pub lock: Option<Lock>,
}
