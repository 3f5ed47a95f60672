//! The plan in NixOS's language: a flake with a file of data for each host, and the modules that give the data their meaning.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ipnet::Ipv4Net;
use serde::Serialize;

use super::engine::{Seen, Templates};
use super::nix::{self, NixError, Value};
use super::rules::numbers;
use super::{Artifact, Artifacts, RenderError};
use crate::plan::{HostPlan, Plan};
use crate::spec::{Api, LoopProtection, OpenVSwitchSource, Sha256Hash, Tunnel};

const FLAKE: (&str, &str) = ("flake.nix.tera", include_str!("../../nixos/flake.nix.tera"));

/// What the mesh decides of Docker's options, by their names in daemon.json: the modules say it anew.
const OWNED: [&str; 7] = ["bridge", "fixed-cidr", "mtu", "tlsverify", "tlscacert", "tlscert", "tlskey"];

/// A file of `modules/`, embedded when meshimg is built.
macro_rules! embedded {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../modules/", $name)))),+]
    };
}

/// The NixOS modules, by file name, as they are in `modules/`: static, whatever the cluster.
pub const MODULES: &[(&str, &str)] = embedded![
    "access.nix",
    "cluster-test.nix",
    "cluster.nix",
    "default.nix",
    "docker.nix",
    "firewall.nix",
    "flake.nix",
    "image.nix",
    "lib.nix",
    "mend-open-vswitch",
    "mesh",
    "mesh-rules",
    "mesh.nix",
    "open-vswitch.nix",
    "underlay.nix",
    "vm_test.py",
    "words.nix",
];

/// `flake.nix`, `hosts/<name>.nix` for every host, and the modules as `meshimg/`, a flake that the first has as an input.
///
/// # Errors
/// [`RenderError::Nix`] when Docker's options have what Nix cannot say.
pub fn nixos(plan: &Plan) -> Result<Artifacts, RenderError> {
    let mut artifacts = BTreeMap::new();
    let mut add = |name: String, text: String| {
        let artifact = Artifact {
            bytes: text.into_bytes(),
            secret: false,
        };
        artifacts.insert(name, artifact);
    };
    add("flake.nix".to_owned(), flake(plan)?);
    for host in &plan.hosts {
        let text = host_file(plan, host, open_vswitch(host)?).map_err(|source| RenderError::Nix {
            host: host.name.clone(),
            source,
        })?;
        add(format!("hosts/{}.nix", host.name), text);
    }
    for (name, text) in MODULES {
        add(format!("meshimg/{name}"), (*text).to_owned());
    }
    Ok(Artifacts(artifacts))
}

#[derive(Serialize)]
struct Flake<'a> {
    cluster: &'a str,
    /// String literals of Nix.
    name: String,
    description: String,
    /// The name of a host, for examples.
    first: &'a str,
    hosts: Vec<FlakeHost<'a>>,
}

#[derive(Serialize)]
struct FlakeHost<'a> {
    name: &'a str,
    attribute: String,
}

fn flake(plan: &Plan) -> Result<String, RenderError> {
    let cluster = plan.cluster.as_str();
    let names = || plan.hosts.iter().map(|host| host.name.as_str());
    let host = |name| {
        let attribute = nix::name(name)?;
        Ok(FlakeHost { name, attribute })
    };
    let values = || -> Result<Flake<'_>, NixError> {
        Ok(Flake {
            cluster,
            name: nix::string(cluster)?,
            description: nix::string(&format!("Cluster {cluster}: Docker hosts on one mesh"))?,
            first: names().next().unwrap_or_default(),
            hosts: names().map(host).collect::<Result<_, NixError>>()?,
        })
    };
    let values = values().map_err(RenderError::NixFlake)?;
    let seen = Seen::new(&values).map_err(super::RenderFilesError::from)?;
    let text = Templates::new(&[FLAKE]).fill(FLAKE.0, &seen);
    Ok(text.map_err(super::RenderFilesError::from)?)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Peer {
    address: IpAddr,
    container_address: Ipv4Addr,
    slice: Ipv4Net,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Underlay<'a> {
    mtu: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix_length: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    management: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Mesh<'a> {
    bridge: &'a str,
    mac: String,
    mtu: u16,
    overhead: u16,
    tunnel: Tunnel,
    links: BTreeMap<&'a str, Link<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_cost: Option<u32>,
    max_revalidator: u32,
    /// None in a direct fabric, and neither priority nor timers.
    loop_protection: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timers: Option<Timers>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<Rules>,
    bfd: Bfd,
}

/// What the rules of a direct fabric are made from.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rules {
    number: u16,
    paths: Vec<String>,
    mac_age: u16,
    mac_limit: u32,
}

#[derive(Serialize)]
struct Link<'a> {
    peer: &'a str,
    /// Of the port in OpenFlow, in a direct fabric.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u16>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Timers {
    /// RSTP's is fixed in Open vSwitch.
    #[serde(skip_serializing_if = "Option::is_none")]
    hello: Option<u8>,
    max_age: u8,
    forward_delay: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    transmit_hold_count: Option<u8>,
}

#[derive(Serialize)]
struct Bfd {
    enable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multiplier: Option<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Containers<'a> {
    bridge: &'a str,
    mac: String,
    address: Ipv4Addr,
    prefix_length: u8,
    slice: Ipv4Net,
}

#[derive(Serialize)]
struct Docker<'a> {
    settings: BTreeMap<&'a str, &'a serde_json::Value>,
    api: &'a Api,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Access<'a> {
    user: &'a str,
    authorized_keys: Vec<&'a str>,
}

/// What nixpkgs' recipe builds.
#[derive(Serialize)]
struct Source<'a> {
    version: &'a str,
    url: &'a str,
    hash: String,
}

/// `{ services.meshimg = { ... }; }`: the whole of what is generated for a host.
fn host_file(plan: &Plan, host: &HostPlan, open_vswitch: Option<Source<'_>>) -> Result<String, NixError> {
    let containers = &host.container_bridge;
    let others = plan.hosts.iter().filter(|other| other.name != host.name);
    let peers: BTreeMap<&str, Peer> = others
        .map(|other| {
            let peer = Peer {
                address: other.address,
                container_address: other.container_bridge.address,
                slice: other.container_bridge.slice,
            };
            (other.name.as_str(), peer)
        })
        .collect();
    let interface = host.underlay_interface.as_ref();
    let underlay = Underlay {
        mtu: plan.mtu.underlay,
        interface: interface.map(|interface| interface.name.as_str()),
        prefix_length: interface.map(|interface| interface.prefix_length),
        gateway: interface.and_then(|interface| interface.gateway),
        management: interface.and_then(|interface| interface.management.as_ref().map(|name| name.as_str())),
    };
    let containers = Containers {
        bridge: containers.name.as_str(),
        mac: containers.mac.to_string(),
        address: containers.address,
        prefix_length: containers.prefix_length,
        slice: containers.slice,
    };
    let daemon = host.docker.daemon.iter();
    let docker = Docker {
        settings: daemon
            .map(|(key, value)| (key.as_str(), value))
            .filter(|(key, _)| !OWNED.contains(key))
            .collect(),
        api: &host.docker.api,
    };
    let access = Access {
        user: host.user.as_str(),
        authorized_keys: host.authorized_keys.iter().map(|key| key.as_str()).collect(),
    };
    let field = |name: &str, value: Value| (name.to_owned(), value);
    let fields = vec![
        field("enable", Value::Bool(true)),
        field("cluster", Value::Text(plan.cluster.to_string())),
        field("host", Value::Text(host.name.to_string())),
        field("address", Value::Text(host.address.to_string())),
        field("underlay", Value::new(&underlay)?),
        field("mesh", Value::new(&mesh(plan, host))?),
        field("containers", Value::new(&containers)?),
        field("docker", Value::new(&docker)?),
        field("access", Value::new(&access)?),
        field("peers", Value::new(&peers)?),
    ];
    let fields = match open_vswitch {
        Some(source) => [
            fields,
            vec![field("openVSwitch", Value::Set(vec![field("source", Value::new(&source)?)]))],
        ]
        .concat(),
        None => fields,
    };
    let whole = Value::Set(vec![field("services", Value::Set(vec![field("meshimg", Value::Set(fields))]))]);
    let introduction = format!("# {} of cluster {}. Written by meshimg.\n", host.name, plan.cluster);
    Ok(introduction + &whole.to_nix()? + "\n")
}

/// The source that NixOS builds Open vSwitch from; `None`: that of nixpkgs.
fn open_vswitch(host: &HostPlan) -> Result<Option<Source<'_>>, RenderError> {
    let refuse = |why| {
        Err(RenderError::NixOpenVSwitch {
            host: host.name.clone(),
            why,
        })
    };
    match &host.open_vswitch {
        OpenVSwitchSource::Distribution => Ok(None),
        OpenVSwitchSource::Archive { .. } => refuse("an archive of Debian packages"),
        OpenVSwitchSource::Build { url, .. } if url.as_str().ends_with(".dsc") => refuse("a source package of Debian"),
        OpenVSwitchSource::Build { version, url, sha256 } => Ok(Some(Source {
            version: version.as_str(),
            url: url.as_str(),
            hash: subresource_integrity(sha256),
        })),
    }
}

/// A hash as Nix and browsers write it (W3C Subresource Integrity, section 3.1).
fn subresource_integrity(sha256: &Sha256Hash) -> String {
    let digits = sha256.as_str().as_bytes().chunks(2);
    let bytes = digits.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    format!("sha256-{}", BASE64_STANDARD.encode(bytes.collect::<Vec<u8>>()))
}

fn mesh<'a>(plan: &'a Plan, host: &'a HostPlan) -> Mesh<'a> {
    let bridge = &host.mesh_bridge;
    let bfd = bridge.ports.iter().find_map(|port| port.bfd);
    Mesh {
        bridge: bridge.name.as_str(),
        mac: bridge.mac.to_string(),
        mtu: plan.mtu.mesh,
        overhead: plan.mtu.underlay - plan.mtu.mesh,
        tunnel: plan.tunnel,
        links: bridge
            .ports
            .iter()
            .map(|port| {
                (
                    port.name.as_str(),
                    Link {
                        peer: port.peer.as_str(),
                        number: port.number,
                    },
                )
            })
            .collect(),
        path_cost: bridge.ports.first().and_then(|port| port.path_cost),
        max_revalidator: bridge.max_revalidator_ms,
        loop_protection: match plan.tree().map(|tree| tree.protocol) {
            Some(LoopProtection::Rstp) => "rstp",
            Some(LoopProtection::Stp) => "stp",
            None => "none",
        },
        priority: bridge.priority,
        timers: plan.tree().map(|tree| Timers {
            hello: (tree.protocol == LoopProtection::Stp).then_some(tree.hello),
            max_age: tree.max_age,
            forward_delay: tree.forward_delay,
            transmit_hold_count: tree.transmit_hold_count,
        }),
        rules: numbers(plan, host).map(|numbers| Rules {
            number: numbers.own,
            paths: numbers.paths,
            mac_age: numbers.mac_age,
            mac_limit: numbers.mac_limit,
        }),
        bfd: Bfd {
            enable: bfd.is_some(),
            interval: bfd.map(|bfd| bfd.interval_ms),
            multiplier: bfd.map(|bfd| bfd.multiplier),
        },
    }
}
