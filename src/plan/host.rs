//! What one host gets.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{ContainerBridge, DockerPlan, MacAddress};
use crate::spec::{Api, ClusterName, HostName, HostSpec, InvalidName, Network, Os, PackageName};

/// The MAC address of a bridge: the same on every run, different for every cluster, host and bridge, so that clones of one disk
/// can't collide.
pub fn mac(cluster: &ClusterName, host: &HostName, interface: &str) -> MacAddress {
    // NUL can be in no name, so different triples never hash the same text.
    let digest = Sha256::digest(format!("meshimg\0{cluster}\0{host}\0{interface}"));
    let mut octets = [0; 6];
    octets.copy_from_slice(&digest[..6]);
    MacAddress::local(octets)
}

/// The packages that the mesh needs on a release by what brings it up, and those that the file asks for.
///
/// # Errors
/// Never in practice: our own names are package names.
pub fn packages(host: &HostSpec) -> Result<Vec<PackageName>, InvalidName> {
    let mut needed = vec!["docker.io", "iproute2", "iputils-ping", "openvswitch-switch"];
    if host.network == Network::Ifupdown {
        needed.extend(["bridge-utils", "ifupdown"]);
    }
    if host.os == Os::Debian13 {
        // From Debian 13 on the docker command has a package of its own, which docker.io only recommends.
        needed.push("docker-cli");
    }
    let mut packages = host.packages.clone();
    for name in needed {
        packages.push(name.parse()?);
    }
    packages.sort();
    packages.dedup();
    Ok(packages)
}

/// Docker's configuration: what the mesh needs over what the file asks for.
pub fn docker(host: &HostSpec, bridge: &ContainerBridge, mtu: u16) -> DockerPlan {
    let mut daemon: BTreeMap<String, Value> = host.docker_daemon.clone();
    daemon.insert("bridge".into(), json!(bridge.name.as_str()));
    daemon.insert("fixed-cidr".into(), json!(bridge.slice.to_string()));
    daemon.insert("mtu".into(), json!(mtu));
    if let Api::Tls { ca, certificate, key, .. } = &host.docker_api {
        daemon.insert("tlsverify".into(), json!(true));
        daemon.insert("tlscacert".into(), json!(ca.as_str()));
        daemon.insert("tlscert".into(), json!(certificate.as_str()));
        daemon.insert("tlskey".into(), json!(key.as_str()));
    }
    DockerPlan {
        daemon,
        api: host.docker_api.clone(),
    }
}
