//! `meshimg plan`.

use std::path::PathBuf;

use super::{Context, Format, load, output};
use crate::error::Error;
use crate::plan::Plan;
use crate::spec::LoopProtection;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml
    file: PathBuf,
    /// Tables for people, or JSON for programs (its `version` changes when a field changes its meaning)
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    let plan = load::plan(&arguments.file, context)?;
    match arguments.format {
        Format::Json => output::print_json(&plan),
        Format::Text => output::print(&text(&plan)),
    }
}

/// The plan as tables.
fn text(plan: &Plan) -> String {
    let containers = &plan.containers;
    let tree = &plan.spanning_tree;
    let protocol = match tree.protocol {
        LoopProtection::Rstp => "rstp",
        LoopProtection::Stp => "stp",
    };
    let parts: Vec<String> = plan
        .mtu
        .overhead
        .iter()
        .map(|part| format!("{} {}", part.header, part.bytes))
        .collect();
    let first_host = plan.hosts.first();
    let bfd = first_host.and_then(|host| host.mesh_bridge.ports.first()).and_then(|port| port.bfd);
    [
        format!(
            "Cluster {}: {} hosts, {} links\n\n",
            plan.cluster,
            plan.hosts.len(),
            plan.links.len()
        ),
        hosts(plan),
        "\n\n".to_owned(),
        links(plan),
        "\n\n".to_owned(),
        format!(
            "MTU         {} in containers: underlay {} less {}\n",
            plan.mtu.mesh,
            plan.mtu.underlay,
            parts.join(", ")
        ),
        format!(
            "Subnet      {} in {} blocks: {} held back for the bridge addresses, room for {} hosts\n",
            containers.subnet,
            containers.blocks,
            containers.held_back,
            containers.blocks - containers.held_back
        ),
        format!(
            "Tree        {protocol}, root {}, then {}; depth at most {} after a failure\n",
            tree.root, tree.stand_in, tree.depth_after_failure
        ),
        format!(
            "Timers      hello {} s, max age {} s, forward delay {} s{}\n",
            tree.hello,
            tree.max_age,
            tree.forward_delay,
            tree.transmit_hold_count
                .map(|count| format!(", hold count {count}"))
                .unwrap_or_default()
        ),
        match bfd {
            Some(bfd) => format!(
                "Detection   BFD every {} ms, a link is down after {} missed: {} ms\n",
                bfd.interval_ms,
                bfd.multiplier,
                u64::from(bfd.interval_ms) * u64::from(bfd.multiplier)
            ),
            None => "Detection   none: a dead link is noticed by the spanning tree's timers alone\n".to_owned(),
        },
    ]
    .concat()
}

fn hosts(plan: &Plan) -> String {
    let mut table = output::table(&[
        "#",
        "host",
        "underlay",
        "os",
        "bridge",
        "priority",
        "docker bridge",
        "address",
        "slice",
    ]);
    for host in &plan.hosts {
        let bridge = &host.container_bridge;
        table.add_row([
            host.number.to_string(),
            host.name.to_string(),
            host.address.to_string(),
            host.os.to_string(),
            host.mesh_bridge.name.to_string(),
            host.mesh_bridge.priority.to_string(),
            bridge.name.to_string(),
            format!("{}/{}", bridge.address, bridge.prefix_length),
            bridge.slice.to_string(),
        ]);
    }
    table.to_string()
}

fn links(plan: &Plan) -> String {
    let mut table = output::table(&["link", "kind", "from", "to"]);
    for link in &plan.links {
        let kind = plan
            .hosts
            .iter()
            .flat_map(|host| &host.mesh_bridge.ports)
            .find(|port| port.name == link.name)
            .map_or("", |port| port.kind);
        table.add_row([link.name.as_str(), kind, link.hosts[0].as_str(), link.hosts[1].as_str()]);
    }
    table.to_string()
}
