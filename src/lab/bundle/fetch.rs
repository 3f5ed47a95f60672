//! What is fetched from a host after a failure.

use std::collections::BTreeMap;

use super::redact::redact;
use crate::machine::facts::Sections;
use crate::spec::InterfaceName;

/// Prints all of them, in sections.
const SCRIPT: &str = include_str!("fetch.sh");

/// The files of a host, and what is in each.
pub const FILES: &[(&str, &str)] = &[
    ("boot-blame.txt", "how long each unit took to start, slowest first"),
    ("boot-chain.txt", "what the boot waited for"),
    ("cloud-init-output.log", "what the commands that cloud-init ran said"),
    ("cloud-init-status.txt", "what cloud-init thinks of its work"),
    ("cloud-init.log", "what cloud-init did"),
    ("docker-info.txt", "Docker's own state"),
    ("docker-networks.txt", "Docker's networks, with the slice and the containers"),
    ("docker-ps.txt", "all containers"),
    ("journal.txt", "the journal of all boots, its last 30000 lines"),
    ("network.txt", "addresses, routes, bridge ports"),
    ("ovs-bfd.txt", "BFD on each link: is the peer heard?"),
    ("ovs-fdb.txt", "the MAC addresses the mesh bridge has learnt"),
    ("ovs-ports.txt", "frames and drops of each port of the mesh bridge"),
    ("ovs-show.txt", "Open vSwitch's bridges and ports"),
    ("ovs-tree.txt", "the spanning tree as the mesh bridge sees it: root, roles, states"),
    ("ovs-vswitchd.log", "the log of Open vSwitch"),
    ("resources.txt", "load, memory, disks, processes"),
    ("units.txt", "failed units, jobs, all units"),
];

/// The script for a host whose mesh bridge is `bridge`.
pub fn script(bridge: &InterfaceName) -> String {
    // A name of an interface has no sign that a shell would take for another.
    format!("bridge={bridge}\n{SCRIPT}")
}

/// What [`script`] printed, as files by name, private keys left out; and a line for each that is not there or not whole.
pub fn files(output: &str) -> (BTreeMap<&'static str, Vec<u8>>, Vec<String>) {
    let sections = Sections::parse(output);
    let (mut files, mut missing) = (BTreeMap::new(), Vec::new());
    for (name, _) in FILES {
        let section = match sections.get(name) {
            Ok(section) => section,
            Err(_) => {
                missing.push(format!("{name}: the host did not get so far"));
                continue;
            }
        };
        if section.status != 0 {
            let said = section.errors.trim().lines().next().unwrap_or("nothing").to_owned();
            let why = match section.status {
                124 if section.errors.is_empty() => "it did not end in time".to_owned(),
                124 => said,
                status => format!("status {status}, it said: {said}"),
            };
            missing.push(format!("{name}: {why}"));
        }
        let mut text = section.output.clone();
        if !section.errors.is_empty() {
            text = format!("{text}--- on stderr:\n{}", section.errors);
        }
        if !text.is_empty() {
            files.insert(*name, redact(text.as_bytes()));
        }
    }
    (files, missing)
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
