//! The files that go on a Debian or Ubuntu host.

use std::sync::LazyLock;

use serde::Serialize;

use super::engine::{Seen, TemplateError, Templates};
use super::rules::{Numbers, numbers};
use super::{open_vswitch, ovs};
use crate::plan::{HostPlan, Plan};
use crate::spec::{Api, Network, OpenVSwitchSource};

/// One file on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFile {
    pub path: String,
    /// Octal, as in `chmod`.
    pub mode: u16,
    pub text: String,
}

/// A template or a static file, embedded when meshimg is built.
macro_rules! embedded {
    ($name:literal) => {
        ($name, include_str!(concat!("../../cloud-init/", $name)))
    };
}

const INTERFACES: (&str, &str) = embedded!("interfaces.tera");
const HOST_CONF: (&str, &str) = embedded!("host.conf.tera");
const DOCKER_API: (&str, &str) = embedded!("docker-api.conf.tera");
const NETWORKING: (&str, &str) = embedded!("networking.conf.tera");
const DOCKER_HOLD: (&str, &str) = embedded!("docker-hold.conf.tera");

static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| Templates::new(&[INTERFACES, HOST_CONF, DOCKER_API, NETWORKING, DOCKER_HOLD]));

/// The drop-in that keeps Open vSwitch, where ifupdown is, out of the loop that would hold up the boot.
const OPEN_VSWITCH_DROP_IN: &str = include_str!("../../cloud-init/openvswitch-switch.conf");

/// The same for the socket that Open vSwitch 4 has.
const OVSDB_SOCKET_DROP_IN: &str = include_str!("../../cloud-init/ovsdb-server-socket.conf");

/// Path and text of the files that an image with Open vSwitch and ifupdown has before any user-data: without them its first boot would not come to
/// the user-data.
pub const OF_IMAGES: &[(&str, &str)] = &[
    // By other names than a host's own, which has the one only with ifupdown, and the other only where its Open vSwitch may be such a one.
    (
        "/etc/systemd/system/openvswitch-switch.service.d/boot-order.conf",
        OPEN_VSWITCH_DROP_IN,
    ),
    ("/etc/systemd/system/ovsdb-server.socket.d/boot-order.conf", OVSDB_SOCKET_DROP_IN),
];

/// Path, mode and text of a file that is the same on every host.
type StaticFile = (&'static str, u16, &'static str);

/// The unit that brings up the bridges.
fn mesh_unit(host: &HostPlan) -> String {
    let (unit, rules) = match host.network {
        Network::Ifupdown => (
            include_str!("../../cloud-init/meshimg-mesh.service"),
            include_str!("../../cloud-init/meshimg-mesh-rules.conf"),
        ),
        Network::Systemd => (
            include_str!("../../cloud-init/meshimg-mesh-systemd.service"),
            include_str!("../../cloud-init/meshimg-mesh-systemd-rules.conf"),
        ),
    };
    // A section may come twice (systemd.syntax(7)).
    if has_rules(host) {
        unit.to_owned() + rules
    } else {
        unit.to_owned()
    }
}

/// Whether the host's bridge forwards by rules: those of a direct fabric.
fn has_rules(host: &HostPlan) -> bool {
    !host.mesh_bridge.paths.is_empty()
}

/// Whatever brings the mesh up.
const COMMON: &[StaticFile] = &[
    (
        "/etc/systemd/system/docker.service.d/meshimg.conf",
        0o644,
        include_str!("../../cloud-init/docker.conf"),
    ),
    (
        "/usr/local/lib/meshimg/first-boot",
        0o755,
        include_str!("../../cloud-init/first-boot"),
    ),
    (
        "/etc/systemd/system/meshimg-setup.service",
        0o644,
        include_str!("../../cloud-init/meshimg-setup.service"),
    ),
    (
        "/etc/systemd/system/ovs-vswitchd.service.d/meshimg.conf",
        0o644,
        include_str!("../../cloud-init/openvswitch-daemon.conf"),
    ),
    (
        "/etc/systemd/system/ovs-vswitchd.service.d/meshimg-scheduling.conf",
        0o644,
        include_str!("../../cloud-init/ovs-vswitchd-scheduling.conf"),
    ),
    (
        "/etc/systemd/system/ovsdb-server.service.d/meshimg.conf",
        0o644,
        include_str!("../../cloud-init/openvswitch-daemon.conf"),
    ),
    ("/etc/sysctl.d/60-meshimg.conf", 0o644, include_str!("../../cloud-init/sysctl.conf")),
    (
        "/etc/udev/rules.d/60-meshimg.rules",
        0o644,
        include_str!("../../cloud-init/udev.rules"),
    ),
    ("/usr/local/lib/meshimg/setup", 0o755, include_str!("../../cloud-init/setup")),
    (
        "/usr/local/lib/meshimg/wait-for-container-bridge",
        0o755,
        include_str!("../../cloud-init/wait-for-container-bridge"),
    ),
];

/// Where ifupdown does.
const IFUPDOWN: &[StaticFile] = &[
    (
        "/etc/systemd/system/openvswitch-switch.service.d/meshimg.conf",
        0o644,
        OPEN_VSWITCH_DROP_IN,
    ),
    (
        "/usr/local/lib/meshimg/container-ports",
        0o755,
        include_str!("../../cloud-init/container-ports"),
    ),
    ("/usr/local/lib/meshimg/mesh-up", 0o755, include_str!("../../cloud-init/mesh-up")),
    (
        "/usr/local/lib/meshimg/wait-for-open-vswitch",
        0o755,
        include_str!("../../cloud-init/wait-for-open-vswitch"),
    ),
];

/// Where systemd does: the script that NixOS hosts run too.
const SYSTEMD: &[StaticFile] = &[("/usr/local/lib/meshimg/mesh", 0o755, include_str!("../../modules/mesh"))];

/// Where a bridge forwards by rules.
const RULES: &[StaticFile] = &[
    (
        "/etc/systemd/system/ovs-vswitchd.service.d/meshimg-rules.conf",
        0o644,
        include_str!("../../cloud-init/ovs-vswitchd-rules.conf"),
    ),
    ("/usr/local/lib/meshimg/mesh-rules", 0o755, include_str!("../../modules/mesh-rules")),
];

/// What the templates see.
#[derive(Serialize)]
struct Values<'a> {
    cluster: &'a str,
    host: NameOnly<'a>,
    mtu: u16,
    mesh: Mesh<'a>,
    bridge_settings: String,
    /// Of a direct fabric; nothing where there is a tree.
    rules: Option<Numbers>,
    containers: Containers<'a>,
    netmask: String,
    address_with_prefix: String,
    ports: String,
    /// A line for each tunnel; nothing where ifupdown makes them.
    tunnels: String,
    packages: String,
    /// What the packages must have brought before the mesh can be made.
    programs: &'static str,
    /// What makes the archive of Open vSwitch ready for apt; nothing where it comes with the release, or in the image.
    open_vswitch_archive: &'static str,
    port: u16,
}

#[derive(Serialize)]
struct NameOnly<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct Mesh<'a> {
    name: &'a str,
    max_revalidator_ms: u32,
    ports: Vec<Port<'a>>,
}

#[derive(Serialize)]
struct Port<'a> {
    name: &'a str,
    peer: &'a str,
    kind: &'a str,
    tunnel_options: String,
    port_settings: String,
    interface_settings: String,
}

#[derive(Serialize)]
struct Containers<'a> {
    name: &'a str,
    address: String,
    mac: String,
}

fn values<'a>(plan: &'a Plan, host: &'a HostPlan) -> Values<'a> {
    let bridge = &host.container_bridge;
    let tunnels = || {
        host.mesh_bridge
            .ports
            .iter()
            .map(|port| ovs::tunnel(port, plan))
            .collect::<Vec<_>>()
    };
    let (tunnels, programs) = match host.network {
        Network::Ifupdown => (String::new(), "ifup brctl"),
        Network::Systemd => (tunnels().join("\n"), "ip ovs-vsctl"),
    };
    let port = |port: &'a crate::plan::TunnelPort| Port {
        name: port.name.as_str(),
        peer: port.peer.as_str(),
        kind: port.kind,
        tunnel_options: ovs::tunnel_options(port),
        port_settings: ovs::port_settings(port, plan),
        interface_settings: ovs::interface_settings(port),
    };
    Values {
        cluster: plan.cluster.as_str(),
        host: NameOnly { name: host.name.as_str() },
        mtu: plan.mtu.mesh,
        mesh: Mesh {
            name: host.mesh_bridge.name.as_str(),
            max_revalidator_ms: host.mesh_bridge.max_revalidator_ms,
            ports: host.mesh_bridge.ports.iter().map(port).collect(),
        },
        bridge_settings: ovs::bridge_settings(&host.mesh_bridge, plan).join(" "),
        rules: numbers(plan, host),
        containers: Containers {
            name: bridge.name.as_str(),
            address: bridge.address.to_string(),
            mac: bridge.mac.to_string(),
        },
        netmask: plan.containers.subnet.netmask().to_string(),
        address_with_prefix: format!("{}/{}", bridge.address, bridge.prefix_length),
        ports: host
            .mesh_bridge
            .ports
            .iter()
            .map(|port| port.name.as_str())
            .collect::<Vec<_>>()
            .join(" "),
        tunnels,
        programs,
        open_vswitch_archive: open_vswitch::command(&host.open_vswitch),
        packages: host.packages.iter().map(|package| package.as_str()).collect::<Vec<_>>().join(" "),
        port: match host.docker.api {
            Api::None => 0,
            Api::Tls { port, .. } | Api::UnsafeWithoutTls { port } => port,
        },
    }
}

/// What the templates see of `host`.
///
/// # Errors
/// Never in practice.
pub(super) fn seen(plan: &Plan, host: &HostPlan) -> Result<Seen, RenderFilesError> {
    Ok(Seen::new(&values(plan, host))?)
}

/// Every file that `host` gets, sorted by path.
///
/// # Errors
/// [`RenderFilesError`]: a mistake of ours in a template.
pub fn host_files(plan: &Plan, host: &HostPlan) -> Result<Vec<HostFile>, RenderFilesError> {
    files(host, &seen(plan, host)?)
}

/// As [`host_files`], of what [`seen`] gave for `host`.
pub(super) fn files(host: &HostPlan, seen: &Seen) -> Result<Vec<HostFile>, RenderFilesError> {
    let file = |path: &str, mode: u16, text: String| HostFile {
        path: path.to_owned(),
        mode,
        text,
    };
    let own = match host.network {
        Network::Ifupdown => IFUPDOWN,
        Network::Systemd => SYSTEMD,
    };
    let mut files: Vec<HostFile> = COMMON
        .iter()
        .chain(own)
        .chain(if has_rules(host) { RULES } else { &[] })
        .map(|(path, mode, text)| file(path, *mode, (*text).to_owned()))
        .collect();
    files.push(file("/etc/systemd/system/meshimg-mesh.service", 0o644, mesh_unit(host)));
    if host.network == Network::Ifupdown {
        files.push(file(
            "/etc/network/interfaces.d/60-meshimg",
            0o644,
            TEMPLATES.fill(INTERFACES.0, seen)?,
        ));
        let networking = TEMPLATES.fill(NETWORKING.0, seen)?;
        files.push(file("/etc/systemd/system/networking.service.d/meshimg.conf", 0o644, networking));
    }
    if matches!(host.open_vswitch, OpenVSwitchSource::Archive { .. }) {
        // No release has the socket in its own packages, and an image with packages that were built has this already.
        files.push(file(
            "/etc/systemd/system/ovsdb-server.socket.d/meshimg.conf",
            0o644,
            OVSDB_SOCKET_DROP_IN.to_owned(),
        ));
    }
    files.extend(open_vswitch::files(&host.open_vswitch)?);
    files.push(file("/etc/meshimg/host.conf", 0o644, TEMPLATES.fill(HOST_CONF.0, seen)?));
    files.push(file(
        "/etc/docker/daemon.json",
        0o644,
        serde_json::to_string_pretty(&host.docker.daemon)? + "\n",
    ));
    if host.docker.api != Api::None {
        let path = "/etc/systemd/system/docker.service.d/meshimg-api.conf";
        files.push(file(path, 0o644, TEMPLATES.fill(DOCKER_API.0, seen)?));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Unit files for /run that must be there before cloud-init has written those in /etc: by path.
///
/// # Errors
/// As [`host_files`].
pub(super) fn first_boot_units(host: &HostPlan, seen: &Seen) -> Result<Vec<(&'static str, String)>, RenderFilesError> {
    let mut units = vec![
        (
            "/run/systemd/system/docker.service.d/meshimg.conf",
            TEMPLATES.fill(DOCKER_HOLD.0, seen)?,
        ),
        ("/run/systemd/system/meshimg-mesh.service", mesh_unit(host)),
    ];
    if host.network == Network::Ifupdown {
        units.push((
            "/run/systemd/system/networking.service.d/meshimg.conf",
            TEMPLATES.fill(NETWORKING.0, seen)?,
        ));
        units.push((
            "/run/systemd/system/openvswitch-switch.service.d/meshimg.conf",
            OPEN_VSWITCH_DROP_IN.to_owned(),
        ));
    }
    Ok(units)
}

/// Why a file of a host could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderFilesError {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("daemon.json: {0}")]
    Json(#[from] serde_json::Error),
}
