//! `meshimg plan`.

mod growth;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::{Context, Format, load, output};
use crate::error::Error;
use crate::plan::spanning_tree;
use crate::plan::{DirectFabric, FabricPlan, Figure, Plan, Proof, SpanningTree};
use crate::render::{self, USER_DATA_MAX};
use crate::spec::{ArchiveTrust, Bfd, HostName, LoopProtection, OpenVSwitchSource, Timers, lock_text};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml
    file: PathBuf,
    /// Tables for people, or JSON for programs (its `version` changes when a field changes its meaning)
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write cluster.lock.yaml beside the file: numbers, link names, slices and bridge addresses, which all hosts keep from then on. Every
    /// command reads it
    #[arg(long)]
    lock: bool,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    let plan = match arguments.lock {
        true => load::plan_alone(&arguments.file, context)?,
        false => load::plan(&arguments.file, context)?,
    };
    if arguments.lock {
        let path = load::lock_path(&arguments.file);
        let written = render::write_over(&path, lock_text(&plan.lock)?.as_bytes())?;
        let what = if written { "wrote" } else { "as it was:" };
        context.ui.line(&format!("{what} {}", path.display()));
    }
    let bytes = render::user_data_bytes(&plan)?;
    match arguments.format {
        Format::Json => output::print_json(&WithSizes {
            user_data_bytes: plan.hosts.iter().map(|host| &host.name).zip(bytes).collect(),
            plan: &plan,
        }),
        Format::Text => output::print(&text(&plan, &bytes)),
    }
}

/// The plan, and how long each host's user-data will be.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct WithSizes<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    user_data_bytes: BTreeMap<&'a HostName, usize>,
}

/// The plan as tables; `user_data_bytes` in the order of the hosts.
fn text(plan: &Plan, user_data_bytes: &[usize]) -> String {
    let containers = &plan.containers;
    let parts: Vec<String> = plan
        .mtu
        .overhead
        .iter()
        .map(|part| format!("{} {}", part.header, part.bytes))
        .collect();
    [
        format!(
            "Cluster {}: {} hosts, {} links\n\n",
            plan.cluster,
            plan.hosts.len(),
            plan.links.len()
        ),
        hosts(plan),
        "\n".to_owned(),
        links(plan),
        "\n".to_owned(),
        format!(
            "MTU         {} in containers: underlay {} less {}\n",
            plan.mtu.mesh,
            plan.mtu.underlay,
            parts.join(", ")
        ),
        match plan.growth {
            None => format!(
                "Subnet      {} in {} blocks: {} held back for the bridge addresses, room for {} hosts\n",
                containers.subnet,
                containers.blocks,
                containers.held_back,
                containers.blocks - containers.held_back
            ),
            Some(_) => format!(
                "Subnet      {}: bridge addresses before {}, slices from there on, /{} where there is room\n",
                containers.subnet, plan.lock.slices_from, plan.lock.slice_prefix_length
            ),
        },
        topology(plan),
        match &plan.fabric {
            FabricPlan::SpanningTree(tree) => tree_lines(plan, tree),
            FabricPlan::Direct(fabric) => direct_lines(plan, fabric),
        },
        detection(plan),
        open_vswitch(plan),
        user_data(plan, user_data_bytes),
        growth::lines(plan),
    ]
    .concat()
}

fn tree_lines(plan: &Plan, tree: &SpanningTree) -> String {
    let protocol = match tree.protocol {
        LoopProtection::Rstp => "rstp",
        LoopProtection::Stp => "stp",
    };
    let count = tree.transmit_hold_count.map(|count| format!(", hold count {count}"));
    format!(
        "Tree        {protocol}, root {}, then {}; depth at most {} after {}\n\
         Timers      hello {} s, max age {} s, forward delay {} s{}{}\n",
        tree.root,
        tree.stand_in,
        tree.depth_after_failure,
        failures(plan.topology.survive.max(1)),
        tree.hello,
        tree.max_age,
        tree.forward_delay,
        count.unwrap_or_default(),
        raised(tree)
    )
}

fn direct_lines(plan: &Plan, fabric: &DirectFabric) -> String {
    let paths = || plan.hosts.iter().flat_map(|host| &host.mesh_bridge.paths);
    let instead = match paths().map(|path| path.relays.len()).max() {
        None | Some(0) => "no other host is there to go through where one is dead".to_owned(),
        Some(1) => "where one is dead, frames go through another host".to_owned(),
        Some(count) => format!("where one is dead, frames go through another host, the first of {count} that is heard"),
    };
    // Each pair has a path in both directions.
    let apart = match paths().filter(|path| !path.linked).count() / 2 {
        0 => String::new(),
        1 => "; one pair of hosts has no link, and its frames always do".to_owned(),
        pairs => format!("; {pairs} pairs of hosts have no link, and their frames always do"),
    };
    format!(
        "Fabric      direct: all links are in use; {instead}{apart}\n\
         Addresses   a host remembers {} MACs, each for {} s since it was last heard\n",
        fabric.mac_limit, fabric.mac_age
    )
}

fn failures(count: u32) -> String {
    match count {
        1 => "a failure".to_owned(),
        count => format!("{count} failures"),
    }
}

/// What it costs that the tree is deep, where it does. When the root dies, what is known of it goes around until it is max age links old, and a port that nobody
/// answers waits for twice the forward delay.
fn raised(tree: &SpanningTree) -> String {
    let [_, usual, usual_delay] = spanning_tree::timers(tree.protocol, &Timers::default(), 0);
    if tree.max_age <= usual || tree.depth_after_failure <= u32::from(usual) {
        return String::new();
    }
    format!(
        "; for the depth, instead of {usual} s and {usual_delay} s: a port that gets no answer waits {} s, not {}",
        2 * tree.forward_delay,
        2 * usual_delay
    )
}

/// What the links are good for: three lines.
fn topology(plan: &Plan) -> String {
    let topology = &plan.topology;
    let hosts = plan.hosts.len();
    let per_host = match (topology.least_links_per_host, topology.most_links_per_host) {
        (least, most) if least == most => most.to_string(),
        (least, most) => format!("{least} to {most}"),
    };
    let links = |count: u32| {
        if count == 1 {
            "1 link".to_owned()
        } else {
            format!("{count} links")
        }
    };
    let survived = match topology.survive {
        0 => format!("the least that connects {hosts} hosts is {}", topology.fewest_links),
        survive => format!("the least that survives {} is {}", failures(survive), topology.fewest_links),
    };
    let after = match topology.diameter_after_failures {
        Some(after) => format!(
            "{} after {}{}",
            after.value,
            failures(topology.survive.max(1)),
            proof(&after, "at most")
        ),
        None => format!("no bound after {}", failures(topology.survive.max(1))),
    };
    let after = if topology.survive == 0 {
        String::new()
    } else {
        format!(", {after}")
    };
    let connectivity = topology.connectivity;
    [
        format!(
            "Topology    {}, {}, {per_host} per host; {survived}\n",
            topology.kind,
            links(count(plan.links.len()))
        ),
        format!(
            "Distances   at most {}{}{after}; Moore bound {}\n",
            links(topology.diameter.value),
            proof(&topology.diameter, "at most"),
            topology.moore_diameter
        ),
        format!(
            "Connected   until {} of {hosts} hosts are lost{}\n",
            connectivity.value,
            proof(&connectivity, "at least")
        ),
    ]
    .concat()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// How a figure is known, in brackets; nothing where it is plain.
fn proof(figure: &Figure, bound: &str) -> String {
    let how = match figure.proof {
        Proof::FullMesh => return String::new(),
        Proof::EachCase => "each case looked at",
        Proof::EachLossOfHosts => "each loss of hosts looked at, and a link more for that of links",
        Proof::Symmetry => "seen from one host, as all see the same",
        Proof::MaximumFlow => "by maximum flows",
        Proof::CutHosts => "no single host cuts others off",
        Proof::Watkins => "as all hosts see the same",
        Proof::MovedWays => "by the ways beside each",
        Proof::Menger => "by the number of ways",
        Proof::TwiceTheDepth => "by way of the root",
    };
    match figure.exact {
        true => format!(" ({how})"),
        false => format!(" ({bound}: {how})"),
    }
}

/// How long user-data is: one line for the longest, and how many hosts have more than providers take.
fn user_data(plan: &Plan, bytes: &[usize]) -> String {
    let most = bytes.iter().copied().max().unwrap_or_default();
    let over = bytes.iter().filter(|bytes| **bytes > USER_DATA_MAX).count();
    let names: Vec<&str> = plan
        .hosts
        .iter()
        .zip(bytes)
        .filter(|(_, bytes)| **bytes == most)
        .map(|(host, _)| host.name.as_str())
        .collect();
    let whose = match names[..] {
        [one] => one.to_owned(),
        [first, ..] => format!("{first} and {} more", names.len() - 1),
        [] => String::new(),
    };
    let verdict = match over {
        0 => String::new(),
        1 => "; 1 host has too much".to_owned(),
        _ => format!("; {over} hosts have too much"),
    };
    format!(
        "User-data   at most {} KiB ({whose}) of the {} that providers take{verdict}\n",
        most.div_ceil(1024),
        USER_DATA_MAX / 1024
    )
}

/// Where Open vSwitch is from: nothing where all hosts have that of their release, else a line for each source and its hosts.
fn open_vswitch(plan: &Plan) -> String {
    let mut sources: Vec<(&OpenVSwitchSource, Vec<&str>)> = Vec::new();
    for host in &plan.hosts {
        match sources.iter_mut().find(|(source, _)| **source == host.open_vswitch) {
            Some((_, hosts)) => hosts.push(host.name.as_str()),
            None => sources.push((&host.open_vswitch, vec![host.name.as_str()])),
        }
    }
    if matches!(sources[..], [] | [(OpenVSwitchSource::Distribution, _)]) {
        return String::new();
    }
    let several = sources.len() > 1;
    let line = |(index, (source, hosts)): (usize, (&OpenVSwitchSource, Vec<&str>))| {
        let whose = if several {
            format!("{}: ", hosts.join(", "))
        } else {
            String::new()
        };
        let how = match source {
            OpenVSwitchSource::Distribution => "that of the release".to_owned(),
            OpenVSwitchSource::Build { version, url, .. } => format!("{version}, built from {url}, in the image"),
            OpenVSwitchSource::Archive { url, trust } => {
                let by = match trust {
                    ArchiveTrust::Sha256(_) => "the SHA-256 of its Release",
                    ArchiveTrust::SigningKey(_) => "its signature",
                };
                format!("installed at first boot from {url}, checked by {by}")
            }
        };
        let title = if index == 0 { "OVS from" } else { "" };
        format!("{title:<12}{whose}{how}\n")
    };
    sources.into_iter().enumerate().map(line).collect()
}

/// How dead links are noticed: one line for all hosts, or one for each choice and its hosts.
fn detection(plan: &Plan) -> String {
    let mut choices: Vec<(Option<Bfd>, Vec<&str>)> = Vec::new();
    for host in &plan.hosts {
        let bfd = host.mesh_bridge.ports.first().and_then(|port| port.bfd);
        match choices.iter_mut().find(|(choice, _)| *choice == bfd) {
            Some((_, hosts)) => hosts.push(host.name.as_str()),
            None => choices.push((bfd, vec![host.name.as_str()])),
        }
    }
    let several = choices.len() > 1;
    let line = |(index, (bfd, hosts)): (usize, (Option<Bfd>, Vec<&str>))| {
        let title = if index == 0 { "Detection" } else { "" };
        let whose = if several {
            format!("{}: ", hosts.join(", "))
        } else {
            String::new()
        };
        let how = match bfd {
            Some(bfd) => format!(
                "BFD every {} ms, a link is down after {} missed: {} ms",
                bfd.interval_ms,
                bfd.multiplier,
                u64::from(bfd.interval_ms) * u64::from(bfd.multiplier)
            ),
            None => "none: a dead link is noticed by the spanning tree's timers alone".to_owned(),
        };
        format!("{title:<12}{whose}{how}\n")
    };
    choices.into_iter().enumerate().map(line).collect()
}

fn hosts(plan: &Plan) -> String {
    let header = [
        "#",
        "host",
        "underlay",
        "os",
        "bridge",
        "priority",
        "docker bridge",
        "address",
        "slice",
    ];
    let rows = plan.hosts.iter().map(|host| {
        let bridge = &host.container_bridge;
        [
            host.number.to_string(),
            host.name.to_string(),
            host.address.to_string(),
            host.os.to_string(),
            host.mesh_bridge.name.to_string(),
            host.mesh_bridge.priority.map_or("-".to_owned(), |priority| priority.to_string()),
            bridge.name.to_string(),
            format!("{}/{}", bridge.address, bridge.prefix_length),
            bridge.slice.to_string(),
        ]
    });
    output::table(header, rows)
}

fn links(plan: &Plan) -> String {
    let ports = plan.hosts.iter().flat_map(|host| &host.mesh_bridge.ports);
    let kinds: BTreeMap<&str, &str> = ports.map(|port| (port.name.as_str(), port.kind)).collect();
    let rows = plan.links.iter().map(|link| {
        let kind = kinds.get(link.name.as_str()).copied().unwrap_or_default();
        [link.name.as_str(), kind, link.hosts[0].as_str(), link.hosts[1].as_str()].map(str::to_owned)
    });
    output::table(["link", "kind", "from", "to"], rows)
}
