//! The keys of a cluster.yaml. The doc comments and examples here become the JSON Schema and docs/cluster-yaml.md.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use super::diagnostic::{Code, Diagnostic};
use super::field::{Field, FromNode, raw_maps};
use super::node::{Node, Place};
use super::raw_digital_ocean::{RawDigitalOcean, RawHostDigitalOcean};
use super::raw_docker::RawDocker;
use super::raw_open_vswitch::RawOpenVSwitch;
use super::raw_topology::RawTopology;
use super::scalar::{BridgeName, Interval, Management, OrNone, Subnet};
use super::types::{
    ArchiveUrl, AuthorizedKey, ClusterName, Fabric, HostName, InterfaceName, LoopProtection, Network, Os, PackageName, SiteName, Tunnel,
    UserName,
};

/// A cluster.yaml as it was read: typed values with their places, and the problems met so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RawSpec {
    pub keys: RawCluster,
    /// Where the map of the file begins.
    pub(crate) place: Place,
    pub(crate) problems: Vec<Diagnostic>,
}

impl RawSpec {
    /// Takes the lines of `hosts` out of the file, as somebody would by hand.
    pub fn remove_hosts(&mut self, hosts: &BTreeSet<HostName>) {
        if let Field::Given(list) = &mut self.keys.hosts {
            let name = |host: &Field<RawHost>| Some(&host.given()?.value.name.given()?.value).cloned();
            list.value.retain(|host| !name(host).is_some_and(|name| hosts.contains(&name)));
        }
    }
}

impl FromNode for RawSpec {
    fn from_node(node: &Node, path: &str, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let keys = RawCluster::from_node(node, path, problems)?;
        if !keys.digital_ocean.is_absent() {
            problems.retain(|problem| problem.code != Code::KeyMissing || !is_address_of_host(&problem.path));
        }
        Some(Self { keys, ..Self::default() })
    }
}

/// Whether this is the path of a host's own address, `hosts[1].address`: what droplets get only when they are made.
fn is_address_of_host(path: &str) -> bool {
    let number = path.strip_prefix("hosts[").and_then(|rest| rest.strip_suffix("].address"));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

raw_maps! {
    /// One cluster: Docker hosts whose containers share one switch.
    #[schemars(rename = "Cluster")]
    RawCluster
    required ["version", "name", "hosts"]
    cluster_wide []
    {
        /// Version of this file's format; `1` is the only one.
        #[schemars(range(min = 1, max = 1), extend("examples" = [1]))]
        version: i64,
        /// Name of the cluster. Part of file names and of the seed of every generated MAC address.
        #[schemars(extend("examples" = ["demo"]))]
        name: ClusterName,
        /// The hosts, at least two. A host's number is its place in this list, from 1: moving a host changes its addresses, unless there is a
        /// lock (docs/growth.md).
        #[schemars(extend("minItems" = 2, "examples" = [[{"name": "host1", "address": "192.0.2.1"}, {"name": "host2", "address": "192.0.2.2"}]]))]
        hosts: Vec<Field<RawHost>>,
        /// Operating system of the hosts.
        #[schemars(extend("default" = "debian-13", "examples" = ["debian-12"]))]
        os: Os,
        /// What brings the mesh up on the hosts: stanzas for ifupdown, or a unit that needs systemd, `ovs-vsctl` and `ip` alone. What
        /// configures the underlay is another matter. Default: `ifupdown` on Debian, `systemd` on Ubuntu, whose images have no ifupdown.
        #[schemars(extend("examples" = ["systemd"]))]
        network: Network,
        /// Packages to install besides those that the mesh needs. Those of a host are added to those of the cluster.
        #[schemars(extend("default" = [], "examples" = [["htop", "tcpdump"]]))]
        packages: Vec<Field<PackageName>>,
        /// Package archive for apt. Without it hosts use the one their image has.
        #[schemars(extend("examples" = ["https://archive.example/debian"]))]
        archive: ArchiveUrl,
        /// The network that already connects the hosts.
        #[schemars(extend("examples" = [{"mtu": 1500, "interface": "eth1"}]))]
        underlay: RawUnderlay,
        /// The network of the containers.
        #[schemars(extend("examples" = [{"subnet": "10.20.0.0/16", "capacity": 8}]))]
        containers: RawContainers,
        /// The tunnels between the hosts, and what keeps them free of loops.
        #[schemars(extend("examples" = [{"tunnel": "vxlan", "root": "host1", "stand-in": "host2"}]))]
        mesh: RawMesh,
        /// Docker on the hosts.
        #[schemars(extend("examples" = [{"daemon": {"log-driver": "journald"}}]))]
        docker: RawDocker,
        /// Where the hosts' Open vSwitch is from.
        #[schemars(extend("default" = {"source": "distribution"}, "examples" = [{"source": "build", "version": "4.0.0", "url": "https://www.openvswitch.org/releases/openvswitch-4.0.0.tar.gz", "sha256": "2b4d75ed077e94bc649ffbc9be5f9f822db82cf266c920cb3060f94db9d6d796"}]))]
        open_vswitch: RawOpenVSwitch,
        /// Who may log in to the hosts.
        #[schemars(extend("examples" = [{"user": "admin"}]))]
        access: RawAccess,
        /// The hosts are droplets of Digital Ocean (docs/digital-ocean.md). Without it they are machines that are there already.
        #[schemars(extend("examples" = [{"region": "ams3", "size": "s-1vcpu-1gb"}]))]
        digital_ocean: RawDigitalOcean,
    }

    /// One host. Except for `name` and `address`, its keys override those of the cluster for this host.
    #[schemars(rename = "Host")]
    RawHost
    required ["name", "address"]
    cluster_wide ["version"]
    {
        /// Host name: one label of lower case letters, digits and `-`.
        #[schemars(extend("examples" = ["host1"]))]
        name: HostName,
        /// Address on the underlay, IPv4 or IPv6, the same family for all hosts. Required, but for droplets, which get theirs in their VPC when they
        /// are made: then the lock has it.
        #[schemars(extend("examples" = ["192.0.2.1", "2001:db8::1"]))]
        address: IpAddr,
        /// Where the host stands. With `topology: sparse` there are many links inside a site and few between sites, as many as `survive`
        /// needs. Without it the host is at one place with all others that have none.
        #[schemars(extend("examples" = ["north"]))]
        site: SiteName,
        /// Operating system of this host. Default: the cluster's.
        #[schemars(extend("examples" = ["debian-12"]))]
        os: Os,
        /// What brings the mesh up on this host. Default: the cluster's.
        #[schemars(extend("examples" = ["systemd"]))]
        network: Network,
        /// Packages besides the cluster's.
        #[schemars(extend("default" = [], "examples" = [["tcpdump"]]))]
        packages: Vec<Field<PackageName>>,
        /// Package archive of this host. Default: the cluster's.
        #[schemars(extend("examples" = ["https://archive.example/debian"]))]
        archive: ArchiveUrl,
        /// This host's interface on the underlay.
        #[schemars(extend("examples" = [{"interface": "ens3", "gateway": "192.0.2.254"}]))]
        underlay: RawHostUnderlay,
        /// This host's part of the container network.
        #[schemars(extend("examples" = [{"address": "172.17.42.9", "slice": "172.17.64.0/18"}]))]
        containers: RawHostContainers,
        /// This host's part of the mesh.
        #[schemars(extend("examples" = [{"priority": 4096}]))]
        mesh: RawHostMesh,
        /// Docker on this host. Daemon options are merged over the cluster's.
        #[schemars(extend("examples" = [{"daemon": {"debug": true}}]))]
        docker: RawDocker,
        /// Where this host's Open vSwitch is from, in the place of what the cluster says.
        #[schemars(extend("examples" = [{"source": "distribution"}]))]
        open_vswitch: RawOpenVSwitch,
        /// Who may log in to this host. Its authorized keys are added to the cluster's.
        #[schemars(extend("examples" = [{"user": "admin"}]))]
        access: RawAccess,
        /// This host as a droplet of Digital Ocean. Its tags and ssh keys are added to the cluster's.
        #[schemars(extend("examples" = [{"size": "s-2vcpu-4gb"}]))]
        digital_ocean: RawHostDigitalOcean,
    }

    /// The underlay of the cluster.
    #[schemars(rename = "Underlay")]
    RawUnderlay
    required []
    cluster_wide []
    {
        /// Smallest MTU in bytes between any two hosts. The mesh has this less what the tunnel adds.
        #[schemars(range(min = 614, max = 65535), extend("default" = 1500, "examples" = [9000]))]
        mtu: i64,
        /// Interface that gets the host's address, by the file network-config of the seed (NoCloud); providers that take
        /// user-data alone configure the network themselves. Without it there is no such file, and the hosts' own configuration
        /// of the underlay stays as it is.
        #[schemars(extend("examples" = ["eth1"]))]
        interface: InterfaceName,
        /// Length of the prefix of the underlay network. Default: 24, with IPv6 64.
        #[schemars(range(min = 1, max = 128), extend("examples" = [24]))]
        prefix_length: i64,
        /// Next hop of the default route. Without it there is no default route by this interface.
        #[schemars(extend("examples" = ["192.0.2.254"]))]
        gateway: IpAddr,
        /// A second interface that gets its address by DHCP (IPv4), so that the host stays reachable by it; or `none`. It must
        /// exist: network-config configures it and the underlay's interface and no other, so with `none` the host is reached
        /// by the underlay alone. Used only where `interface` is given. Default: `eth0` unless that is the underlay's interface.
        #[schemars(extend("examples" = ["none", "ens4"]))]
        management: Management,
    }

    /// The underlay of one host. `mtu` is cluster-wide: one value must fit all hosts.
    #[schemars(rename = "HostUnderlay")]
    RawHostUnderlay
    required []
    cluster_wide ["mtu"]
    {
        /// As the cluster's `underlay.interface`, for this host.
        #[schemars(extend("examples" = ["ens3"]))]
        interface: InterfaceName,
        /// As the cluster's `underlay.prefix-length`, for this host.
        #[schemars(range(min = 1, max = 128), extend("examples" = [24]))]
        prefix_length: i64,
        /// As the cluster's `underlay.gateway`, for this host.
        #[schemars(extend("examples" = ["192.0.2.254"]))]
        gateway: IpAddr,
        /// As the cluster's `underlay.management`, for this host.
        #[schemars(extend("examples" = ["none"]))]
        management: Management,
    }

    /// The container network of the cluster.
    #[schemars(rename = "Containers")]
    RawContainers
    required []
    cluster_wide []
    {
        /// Linux bridge that Docker uses.
        #[schemars(extend("default" = "docker0", "examples" = ["docker0"]))]
        bridge: BridgeName,
        /// IPv4 network that all containers and container bridges share. Each host's Docker hands out one slice of it.
        #[schemars(extend("default" = "172.17.0.0/16", "examples" = ["10.20.0.0/16"]))]
        subnet: Subnet,
        /// Address of the first host's container bridge; the others follow. Default: 42.1 above the start of the subnet, or its
        /// first address where the subnet is too small for that.
        #[schemars(extend("examples" = ["172.17.42.1"]))]
        first_address: Ipv4Addr,
        /// How many hosts to cut slices for, ahead of time: raising it later changes the slices. With a lock it has no effect. Default: the
        /// number of hosts.
        #[schemars(range(min = 2), extend("examples" = [8]))]
        capacity: i64,
    }

    /// The container network on one host. The subnet and its cutting are cluster-wide.
    #[schemars(rename = "HostContainers")]
    RawHostContainers
    required []
    cluster_wide ["subnet", "first-address", "capacity"]
    {
        /// As the cluster's `containers.bridge`, for this host.
        #[schemars(extend("examples" = ["docker0"]))]
        bridge: BridgeName,
        /// Address of this host's container bridge. Default: by the host's number.
        #[schemars(extend("examples" = ["172.17.42.9"]))]
        address: Ipv4Addr,
        /// The part of the subnet that this host's Docker hands out. Default: by the host's number.
        #[schemars(extend("examples" = ["172.17.64.0/18"]))]
        slice: Subnet,
    }

    /// The mesh of the cluster.
    #[schemars(rename = "Mesh")]
    RawMesh
    required []
    cluster_wide []
    {
        /// Open vSwitch bridge.
        #[schemars(extend("default" = "br0", "examples" = ["br0"]))]
        bridge: BridgeName,
        /// How frames travel between hosts.
        #[schemars(extend("default" = "gre", "examples" = ["vxlan"]))]
        tunnel: Tunnel,
        /// Which hosts are linked: `full`, each with each; `ring`, each with the next; `hub`, each with each of `hubs`; `sparse`, as few as
        /// survive what `survive` says, with short ways; or the links themselves. Default: `full` for up to 8 hosts and with `fabric: direct`, else `sparse`;
        /// beside a lock a mesh stays full or sparse (docs/growth.md).
        #[schemars(extend("examples" = ["sparse", {"links": [["host1", "host2"], ["host2", "host3"]]}]))]
        topology: RawTopology,
        /// Names of the hosts that all others are linked to, and they with each other. Without it there is no topology `hub`, and with
        /// another they are not allowed.
        #[schemars(extend("examples" = [["host1", "host2"]]))]
        hubs: Vec<Field<HostName>>,
        /// How many hosts or links may fail at once, any, and the others stay connected. `sparse` is planned for it (for 1 where it is 0); of other
        /// topologies it is checked, as an error where it is given. Default: 1, or 0 for two hosts. `fabric: direct` goes with at most 2.
        #[schemars(range(min = 0, max = 7), extend("examples" = [2]))]
        survive: i64,
        /// How the mesh stays free of loops.
        #[schemars(extend("default" = "spanning-tree", "examples" = ["spanning-tree"]))]
        fabric: Fabric,
        /// Which spanning tree protocol. This key, `timers`, `root`, `stand-in` and a host's `priority` go with `fabric: spanning-tree` alone.
        #[schemars(extend("default" = "rstp", "examples" = ["stp"]))]
        loop_protection: LoopProtection,
        /// Timers of the spanning tree protocol. `2 * (hello + 1) <= max-age <= 2 * (forward-delay - 1)` must hold.
        #[schemars(extend("examples" = [{"max-age": 20, "forward-delay": 15}]))]
        timers: RawTimers,
        /// Name of the host to be the root of the spanning tree. Default: the plan chooses.
        #[schemars(extend("examples" = ["host1"]))]
        root: HostName,
        /// Name of the host that becomes the root when the root is gone. Default: the plan chooses.
        #[schemars(extend("examples" = ["host2"]))]
        stand_in: HostName,
        /// Bidirectional forwarding detection on each link, or `none`, with which `fabric: direct` does not go.
        #[schemars(extend("default" = {"interval": "100ms", "multiplier": 3}, "examples" = [{"interval": "1s"}, "none"]))]
        bfd: OrNone<RawBfd>,
    }

    /// The mesh on one host. What all hosts must agree on is cluster-wide.
    #[schemars(rename = "HostMesh")]
    RawHostMesh
    required []
    cluster_wide ["tunnel", "topology", "hubs", "survive", "fabric", "loop-protection", "timers", "root", "stand-in"]
    {
        /// As the cluster's `mesh.bridge`, for this host.
        #[schemars(extend("examples" = ["br0"]))]
        bridge: BridgeName,
        /// Spanning tree priority: a multiple of 4096 up to 61440, the lowest is the root. Default: the plan chooses.
        #[schemars(range(min = 0, max = 61440), extend("multipleOf" = 4096, "examples" = [4096]))]
        priority: i64,
        /// As the cluster's `mesh.bfd`, for the links' ends at this host. Default: the cluster's.
        #[schemars(extend("examples" = [{"interval": "1s"}]))]
        bfd: OrNone<RawBfd>,
    }

    /// Timers of the spanning tree protocol.
    #[schemars(rename = "Timers")]
    RawTimers
    required []
    cluster_wide []
    {
        /// Seconds between hellos; stp only, as Open vSwitch has no such setting for rstp, whose hello is 2 s. Default: 2.
        #[schemars(range(min = 1, max = 10), extend("examples" = [2]))]
        hello: i64,
        /// Seconds after which a bridge forgets what it heard, and with rstp how many links from the root it reaches. Default: rstp 6, stp 20, or
        /// as much more as the tree is deep after failures.
        #[schemars(range(min = 6, max = 40), extend("examples" = [20]))]
        max_age: i64,
        /// Seconds in listening and in learning. Default: stp 15 or what the depth needs, rstp the shortest that `max-age` allows (4 with 6).
        #[schemars(range(min = 4, max = 30), extend("examples" = [15]))]
        forward_delay: i64,
        /// Frames that a port may send in a burst; rstp only. Default: 10.
        #[schemars(range(min = 1, max = 10), extend("examples" = [10]))]
        transmit_hold_count: i64,
    }

    /// Bidirectional forwarding detection (RFC 5880).
    #[schemars(rename = "Bfd")]
    RawBfd
    required []
    cluster_wide []
    {
        /// Time between control packets, `1ms` to `60s`.
        #[schemars(extend("default" = "100ms", "examples" = ["100ms", "1s"]))]
        interval: Interval,
        /// Packets that may be missed before the link is down.
        #[schemars(range(min = 1, max = 255), extend("default" = 3, "examples" = [3]))]
        multiplier: i64,
    }

    /// Who may log in by ssh. A host's authorized keys are added to the cluster's.
    #[schemars(rename = "Access")]
    RawAccess
    required []
    cluster_wide []
    {
        /// User that gets the authorized keys. Default: `root`.
        #[schemars(extend("examples" = ["admin"]))]
        user: UserName,
        /// Public ssh keys, each the line of an id_*.pub file.
        #[schemars(extend(
            "default" = [],
            "examples" = [["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA demo@example"]]
        ))]
        authorized_keys: Vec<Field<AuthorizedKey>>,
    }
}
