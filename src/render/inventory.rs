//! The hosts as an inventory of Ansible.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::RenderError;
use super::cloud_init::yaml;
use crate::plan::{HostPlan, Plan};

#[derive(Serialize)]
struct Inventory<'a> {
    all: All<'a>,
}

#[derive(Serialize)]
struct All<'a> {
    children: BTreeMap<String, Group<'a>>,
}

#[derive(Serialize)]
struct Group<'a> {
    hosts: BTreeMap<&'a str, Host<'a>>,
    vars: Variables<'a>,
}

#[derive(Serialize)]
struct Variables<'a> {
    meshimg_cluster: &'a str,
    meshimg_mtu: u16,
    meshimg_subnet: String,
}

#[derive(Serialize)]
struct Host<'a> {
    ansible_host: IpAddr,
    ansible_user: &'a str,
    meshimg_number: u32,
    /// Of the container bridge.
    meshimg_address: String,
    meshimg_slice: String,
    /// Hosts that it has a link with.
    meshimg_peers: Vec<&'a str>,
}

fn host(host: &HostPlan) -> Host<'_> {
    Host {
        ansible_host: host.address,
        ansible_user: host.user.as_str(),
        meshimg_number: host.number,
        meshimg_address: host.container_bridge.address.to_string(),
        meshimg_slice: host.container_bridge.slice.to_string(),
        meshimg_peers: host.mesh_bridge.ports.iter().map(|port| port.peer.as_str()).collect(),
    }
}

/// The content of an inventory file in YAML: all hosts in one group, `meshimg_` and the name of the cluster.
///
/// # Errors
/// Never in practice: there is nothing in it that YAML could not say.
pub fn inventory(plan: &Plan) -> Result<String, RenderError> {
    let group = Group {
        hosts: plan.hosts.iter().map(|of| (of.name.as_str(), host(of))).collect(),
        vars: Variables {
            meshimg_cluster: plan.cluster.as_str(),
            meshimg_mtu: plan.mtu.mesh,
            meshimg_subnet: plan.containers.subnet.to_string(),
        },
    };
    // A group's name is an identifier of Python.
    let name = format!("meshimg_{}", plan.cluster.as_str().replace('-', "_"));
    let inventory = Inventory {
        all: All {
            children: BTreeMap::from([(name, group)]),
        },
    };
    let introduction = format!(
        "# Hosts of cluster {}. Written by meshimg {}.\n",
        plan.cluster,
        env!("CARGO_PKG_VERSION")
    );
    Ok(introduction + &yaml(&inventory)?)
}
