//! The stable codes of diagnostics. A code never changes its meaning; scripts and editors may rely on it.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[$meta:meta])* $name:ident = $text:literal,)*) => {
        /// What is wrong, for a program; serialised as its text, `area::problem`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$meta])* $name,)* }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The text, `area::problem`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// More bytes than a cluster.yaml may have.
    FileTooLarge = "file::too-large",
    FileNotUtf8 = "file::not-utf8",
    /// A character that YAML does not allow, such as NUL.
    FileControlCharacter = "file::control-character",
    /// No bytes, or nothing but comments.
    FileEmpty = "file::empty",
    FileSyntax = "file::syntax",
    FileMultipleDocuments = "file::multiple-documents",
    /// Nested too deeply, or aliases that multiply.
    FileTooComplex = "file::too-complex",
    KeyUnknown = "keys::unknown",
    KeyDuplicate = "keys::duplicate",
    KeyMissing = "keys::missing",
    WrongType = "keys::wrong-type",
    /// Text that is not one of the accepted words.
    UnknownValue = "keys::unknown-value",
    /// A key of the whole cluster, given for one host.
    ClusterWide = "keys::cluster-wide",
    /// A list or map that user-data could not hold.
    TooLong = "keys::too-long",
    NotAnAddress = "keys::not-an-address",
    NotASubnet = "keys::not-a-subnet",
    VersionUnsupported = "version::unsupported",
    NameCluster = "names::cluster",
    NameHost = "names::host",
    NameSite = "names::site",
    NameInterface = "names::interface",
    NameBridge = "names::bridge",
    /// Two interfaces of one host with one name, or a name that the links use.
    NameTaken = "names::taken",
    NamePackage = "names::package",
    NameUser = "names::user",
    NameAuthorizedKey = "names::authorized-key",
    NameArchive = "names::archive",
    NamePath = "names::path",
    NameSha256 = "names::sha256",
    NameOpenVSwitchVersion = "names::open-vswitch-version",
    NameSigningKey = "names::signing-key",
    NameSlug = "names::slug",
    NameVpc = "names::vpc",
    NameTag = "names::tag",
    NameFingerprint = "names::fingerprint",
    HostsTooFew = "hosts::too-few",
    HostsTooMany = "hosts::too-many",
    /// Warning: more hosts than one layer-2 network is good for.
    HostsLargeDomain = "hosts::large-domain",
    HostsDuplicateName = "hosts::duplicate-name",
    HostsDuplicateAddress = "hosts::duplicate-address",
    /// Loopback, multicast, link-local and the like.
    HostsUnusableAddress = "hosts::unusable-address",
    HostsMixedFamilies = "hosts::mixed-families",
    UnderlayMtu = "underlay::mtu",
    UnderlayMtuTooSmall = "underlay::mtu-too-small",
    /// Warning: more than networks usually carry.
    UnderlayMtuUnusual = "underlay::mtu-unusual",
    UnderlayPrefixLength = "underlay::prefix-length",
    UnderlayGateway = "underlay::gateway",
    /// A host's address is its network's own or broadcast address.
    UnderlayNetworkAddress = "underlay::network-address",
    /// Warning: settings of an interface that is not named.
    UnderlayWithoutInterface = "underlay::without-interface",
    /// Warning: another host is on another network and there is no gateway.
    UnderlayOffLinkHost = "underlay::off-link-host",
    ContainersHostBits = "containers::host-bits",
    ContainersReservedSubnet = "containers::reserved-subnet",
    ContainersOverlapUnderlay = "containers::overlap-underlay",
    ContainersFirstAddress = "containers::first-address",
    /// A host's container address outside the subnet.
    ContainersAddressOutside = "containers::address-outside",
    ContainersAddressInSlice = "containers::address-in-slice",
    ContainersDuplicateAddress = "containers::duplicate-address",
    ContainersSliceOutside = "containers::slice-outside",
    ContainersSliceOverlap = "containers::slice-overlap",
    ContainersSliceTooSmall = "containers::slice-too-small",
    ContainersCapacityTooSmall = "containers::capacity-too-small",
    ContainersCapacityTooBig = "containers::capacity-too-big",
    ContainersMoreHostsThanSlices = "containers::more-hosts-than-slices",
    MeshPriority = "mesh::priority",
    MeshUnknownHost = "mesh::unknown-host",
    MeshRootIsStandIn = "mesh::root-is-stand-in",
    /// Priorities that would elect another root than the one named.
    MeshRootPriority = "mesh::root-priority",
    MeshTimerRange = "mesh::timer-range",
    MeshTimers = "mesh::timers",
    MeshRstpOnly = "mesh::rstp-only",
    /// A timer that Open vSwitch cannot set for rstp.
    MeshStpOnly = "mesh::stp-only",
    /// A setting of the spanning tree in a fabric that has none.
    MeshTreeOnly = "mesh::tree-only",
    /// A fabric that cannot do without BFD.
    MeshDirectWithoutBfd = "mesh::direct-without-bfd",
    /// Two hosts that a direct fabric does not bring together.
    MeshReach = "mesh::reach",
    /// A link of a host with itself, or one given twice.
    MeshLink = "mesh::link",
    /// Hubs without a topology that has any, or the other way round.
    MeshHubs = "mesh::hubs",
    /// A host that no links lead to.
    MeshCutOff = "mesh::cut-off",
    /// A number of failures that so few hosts can't survive.
    MeshSurvive = "mesh::survive",
    /// Links that do not survive the failures that they are to survive; a warning where the file does not say how many these are.
    MeshFragile = "mesh::fragile",
    /// A tree deeper than the protocol reaches with its timers.
    MeshDepth = "mesh::depth",
    MeshBfdInterval = "mesh::bfd-interval",
    MeshBfdMultiplier = "mesh::bfd-multiplier",
    DockerOwnedOption = "docker::owned-option",
    /// Listener options in docker.daemon, which belong in docker.api.
    DockerDaemonListener = "docker::daemon-listener",
    DockerIsolatesContainers = "docker::isolates-containers",
    DockerDaemonValue = "docker::daemon-value",
    /// Warning: dockerd refuses to start with an option it does not know.
    DockerUnknownOption = "docker::unknown-option",
    DockerUnsafeListener = "docker::unsafe-listener",
    DockerListenerChoice = "docker::listener-choice",
    DockerPort = "docker::port",
    /// A key that the source of Open vSwitch needs.
    OpenVSwitchKeyMissing = "open-vswitch::key-missing",
    /// A key that does not go with the source of Open vSwitch.
    OpenVSwitchKeyNeedless = "open-vswitch::key-needless",
    /// Nothing says what an archive must be, or two things do.
    OpenVSwitchTrust = "open-vswitch::trust",
    /// A URL of no source that can be built.
    OpenVSwitchSource = "open-vswitch::source",
    /// A host for whose release nothing is built.
    OpenVSwitchNotDebian = "open-vswitch::not-debian",
    /// A host is described as a droplet, and the cluster is not.
    DigitalOceanWithoutCluster = "digital-ocean::without-cluster",
    /// A cloud firewall before a tunnel whose protocol it has no rule for.
    DigitalOceanFirewallTunnel = "digital-ocean::firewall-tunnel",
    /// A range that no VPC has, or that is too small.
    DigitalOceanVpcRange = "digital-ocean::vpc-range",
    /// The containers' subnet overlaps the VPC.
    DigitalOceanVpcOverlap = "digital-ocean::vpc-overlap",
    /// A host's address that is not in the VPC.
    DigitalOceanOutsideVpc = "digital-ocean::outside-vpc",
    /// An image of another operating system than the host's.
    DigitalOceanImage = "digital-ocean::image",
    /// Nobody could log in to a droplet.
    DigitalOceanNoKey = "digital-ocean::no-key",
    /// Warning: a droplet without a key that Digital Ocean knows gets a password, which has to be changed before ssh runs anything.
    DigitalOceanPassword = "digital-ocean::password",
    /// A tag by which meshimg finds what is its own.
    DigitalOceanOwnTag = "digital-ocean::own-tag",
    /// Warning: droplets get no network-config.
    DigitalOceanInterface = "digital-ocean::interface",
    /// Warning: stock images have netplan, and no ifupdown.
    DigitalOceanIfupdown = "digital-ocean::ifupdown",
    /// A lock in a format of another meshimg.
    LockVersion = "lock::version",
    /// A lock that nobody could have written, such as one with a number twice.
    LockInconsistent = "lock::inconsistent",
    /// The lock of another cluster.
    LockCluster = "lock::cluster",
    /// The lock was made for another subnet.
    LockSubnet = "lock::subnet",
    /// The lock counts bridge addresses from another one.
    LockFirstAddress = "lock::first-address",
    /// A host has another bridge address in the lock than in the file.
    LockAddress = "lock::address",
    /// A host has another slice in the lock than in the file.
    LockSlice = "lock::slice",
    /// A host has a number in the lock that is too high for the fabric of the file.
    LockNumber = "lock::number",
    /// A mesh that is full because it once was small.
    LockTopology = "lock::topology",
    /// A new host, and what the others keep leaves nothing for it.
    LockNoRoom = "lock::no-room",
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
