//! What a guest of the lab reads besides its own user-data, which stays as it is for a real host: meta-data, network-config and
//! vendor-data of cloud-init's NoCloud data source. Pure.
//!
//! JSON is YAML, and is what a serializer writes without doubt; cloud-init reads all of these as YAML.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::image::Boot;

use super::file::{GuestFile, LabFile, Nic};

/// Key pairs of a guest, as ssh-keygen(1) writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// The guest's own, made before it boots: its public half is known beforehand, and no time goes into making one.
    pub host_private: String,
    pub host_public: String,
    /// The one the lab logs in with.
    pub login_public: String,
}

/// The files of a guest's seed, by name.
pub fn files(lab: &LabFile, guest: &GuestFile, keys: &Keys, user_data: &[u8]) -> BTreeMap<&'static str, Vec<u8>> {
    let network_config = line(&network_config(lab, guest));
    let vendor_data = vendor_data(lab, guest, keys);
    let mut hash = Sha256::new();
    for part in [user_data, network_config.as_bytes(), vendor_data.as_bytes()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let hash: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let mut meta_data = json!({
        "instance-id": format!("meshimg-lab-{}-{}-{hash}", lab.cluster, guest.name),
        "local-hostname": guest.name,
    });
    if lab.local_seed {
        meta_data["dsmode"] = json!("local");
    }
    let meta_data = line(&meta_data);
    BTreeMap::from([
        ("meta-data", meta_data.into_bytes()),
        ("network-config", network_config.into_bytes()),
        ("user-data", user_data.to_vec()),
        ("vendor-data", vendor_data.into_bytes()),
    ])
}

fn line(value: &serde_json::Value) -> String {
    format!("{value}\n")
}

/// Version 1 of cloud-init's network configuration: two NICs, known by their addresses, none with a gateway. Version 1 because the
/// ENI renderer of cloud-init 22 to 25 takes it as it is.
fn network_config(lab: &LabFile, guest: &GuestFile) -> serde_json::Value {
    let (kind, length) = match guest.address {
        IpAddr::V4(_) => ("static", 32),
        IpAddr::V6(_) => ("static6", 128),
    };
    json!({
        "version": 1,
        "config": [
            {
                "type": "physical",
                "name": guest.management_interface,
                "mac_address": lab.mac(&guest.name, Nic::Management).to_string(),
                "subnets": [{
                    "type": "static",
                    "address": format!("{}/{}", lab.management_address(), lab.management.prefix_len()),
                }],
            },
            {
                "type": "physical",
                "name": guest.underlay_interface,
                "mac_address": lab.mac(&guest.name, Nic::Underlay).to_string(),
                "mtu": lab.underlay_mtu,
                "subnets": [{ "type": kind, "address": format!("{}/{length}", guest.address) }],
            },
        ],
    })
}

/// Two parts. The settings are those that user-data does not make. The boothook is right before
/// and after the network is configured, and its files are not lost when user-data has `write_files` of its own, as a `write_files` here would be.
fn vendor_data(lab: &LabFile, guest: &GuestFile, keys: &Keys) -> String {
    // A disk that a kernel is given is all partition, and has its size.
    let grows = !matches!(guest.boot, Boot::Kernel { .. });
    let config = json!({
        "disable_root": false,
        // Of the last two stages what our user-data needs, in cloud-init's own order: three emulated hosts on two cores spend half a
        // minute in the others, which find nothing to do.
        "cloud_config_modules": ["apt-configure", "runcmd"],
        "cloud_final_modules": ["write-files-deferred", "scripts-user", "final-message"],
        "growpart": { "mode": if grows { "auto" } else { "off" } },
        "resize_rootfs": grows,
        "ssh_deletekeys": true,
        "ssh_genkeytypes": ["ed25519"],
        "ssh_keys": { "ed25519_private": keys.host_private, "ed25519_public": keys.host_public },
    });
    let archive = json!([
        { "type": "text/cloud-config", "filename": "lab-config", "content": format!("#cloud-config\n{config}\n") },
        { "type": "text/cloud-boothook", "filename": "lab-boothook", "content": boothook(lab, guest, &keys.login_public) },
    ]);
    format!("#cloud-config-archive\n{archive}\n")
}

/// Writes what cloud-init cannot say: routes to the peers without a gateway (its ENI renderer needs one, and calls route(8), which
/// Debian no longer installs), and a login for root whatever user-data says of root.
///
/// Everything put in here went through a checked type: names, addresses and base64, nothing that a shell would look at.
fn boothook(lab: &LabFile, guest: &GuestFile, login_public: &str) -> String {
    let interface = &guest.underlay_interface;
    let family = match guest.address {
        IpAddr::V4(_) => ("inet", "-4", 32),
        IpAddr::V6(_) => ("inet6", "-6", 128),
    };
    let (inet, option, length) = family;
    let peers = lab.guests.iter().filter(|peer| peer.name != guest.name).map(|peer| peer.address);
    // The stranger's too: what a host does not say to it for want of a route proves nothing.
    let addresses: Vec<IpAddr> = peers.chain(lab.stranger).collect();
    let now: String = addresses
        .iter()
        .map(|address| format!("ip {option} route replace {address}/{length} dev {interface} 2>/dev/null || true\n"))
        .collect();
    let routes: String = addresses
        .iter()
        .map(|address| format!("    up ip {option} route replace {address}/{length} dev {interface}\n"))
        .collect();
    format!(
        "#cloud-boothook\n\
         #!/bin/sh\n\
         # Made by meshimg for a guest of its lab; real hosts have none of this.\n\
         set -eu\n\
         {archive}\
         if test -d /etc/network/interfaces.d; then\n\
         cat > /etc/network/interfaces.d/60-meshimg-lab <<'END'\n\
         # The other hosts are on the same wire, whatever their addresses look like.\n\
         iface {interface} {inet} manual\n\
         {routes}\
         END\n\
         fi\n\
         # With a seed that is read after the network came up, for this one boot; before it, there is no link yet.\n\
         {now}\
         mkdir -p /etc/ssh/sshd_config.d\n\
         cat > /etc/ssh/meshimg-lab-login.pub <<'END'\n\
         {login}\n\
         END\n\
         cat > /etc/ssh/sshd_config.d/00-meshimg-lab.conf <<'END'\n\
         Match User root\n\
         \x20   AuthorizedKeysFile /etc/ssh/meshimg-lab-login.pub .ssh/authorized_keys\n\
         \x20   PermitRootLogin prohibit-password\n\
         END\n",
        login = login_public.trim(),
        archive = lab.archive.as_ref().map_or_else(String::new, |archive| format!(
            "cat > /etc/apt/apt.conf.d/90meshimg-lab <<'END'\n\
             // The lab passes requests for packages, and nothing else.\n\
             {}\
             END\n",
            archive.apt_conf()
        )),
    )
}
