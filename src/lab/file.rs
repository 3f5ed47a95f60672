//! lab.json: everything the supervisor needs to run a lab, written by `up` before it starts one.

use std::net::IpAddr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::archive::ArchiveFile;
use crate::image::Boot;
use crate::plan::MacAddress;

/// How QEMU runs a guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accelerator {
    /// The processor itself, by /dev/kvm.
    Kvm,
    /// QEMU's translator: works everywhere, ten to twenty times slower.
    Tcg,
}

impl std::fmt::Display for Accelerator {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Kvm => "KVM",
            Self::Tcg => "TCG",
        })
    }
}

/// A lab as it was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LabFile {
    pub cluster: String,
    pub accelerator: Accelerator,
    /// MTU of the underlay NICs, bytes.
    pub underlay_mtu: u16,
    /// Subnet of the management NICs; each guest is alone in its own.
    pub management: Ipv4Net,
    /// Memory of each guest, MiB.
    pub memory_mib: u32,
    /// Processors of each guest.
    pub processors: u32,
    /// Whether cloud-init reads its user-data before the network comes up (NoCloud's `dsmode: local`), not after it.
    pub local_seed: bool,
    /// On the underlay, of the machine that is no host of the cluster: guests have a route to it. `None`: no address was left.
    #[serde(default)]
    pub stranger: Option<IpAddr>,
    /// The way to the package archive, where the guests need one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveFile>,
    /// In the order of cluster.yaml; the place in the list is the port of the switch.
    pub guests: Vec<GuestFile>,
}

/// One guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GuestFile {
    pub name: String,
    /// On the underlay.
    pub address: IpAddr,
    /// On 127.0.0.1, forwarded to the guest's sshd.
    pub ssh_port: u16,
    pub boot: Boot,
    /// Names of the NICs in the guest.
    pub management_interface: String,
    pub underlay_interface: String,
}

impl LabFile {
    /// The port of the switch, and place in `guests`, of the host `name`.
    pub fn port(&self, name: &str) -> Option<usize> {
        self.guests.iter().position(|guest| guest.name == name)
    }

    /// Ports of the switch: one for each guest, then one for a machine that is no host of the cluster.
    pub fn ports(&self) -> usize {
        self.guests.len() + 1
    }

    /// The MAC of the host's NIC `nic`, a different one for every cluster, host and NIC.
    pub fn mac(&self, host: &str, nic: Nic) -> MacAddress {
        mac(&self.cluster, host, nic)
    }

    /// The MAC of the stranger's port; no host has an empty name.
    pub fn stranger_mac(&self) -> MacAddress {
        mac(&self.cluster, "", Nic::Underlay)
    }

    /// The guest's address in the management subnet; QEMU itself has the second (qemu(1), `-netdev user`).
    pub fn management_address(&self) -> std::net::Ipv4Addr {
        std::net::Ipv4Addr::from_bits(self.management.network().to_bits() + 15)
    }
}

/// A NIC of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nic {
    Management,
    Underlay,
}

/// Names cannot contain the NUL that separates them, so no two NICs share a hash input.
pub(super) fn mac(cluster: &str, host: &str, nic: Nic) -> MacAddress {
    let nic = match nic {
        Nic::Management => "management",
        Nic::Underlay => "underlay",
    };
    let hash = Sha256::digest(format!("{cluster}\0{host}\0{nic}"));
    let mut octets = [0; 6];
    octets.copy_from_slice(&hash[..6]);
    MacAddress::local(octets)
}
