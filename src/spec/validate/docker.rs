//! Rules of Docker's options: what the mesh owns stays its own, and no listener gives root away by accident.

use std::collections::BTreeMap;

use super::{Host, Rules, in_range};
use crate::spec::diagnostic::{Code, Diagnostic};
use crate::spec::field::{Field, Placed, shown};
use crate::spec::nearest::{SUGGESTED_MAX, nearest};
use crate::spec::raw::{RawCluster, RawHost};
use crate::spec::raw_docker::RawApi;
use crate::spec::types::Api;

/// Options that the mesh sets or that would undo it, and what to do instead.
const OWNED: &[(&str, &str)] = &[
    ("bridge", "set `containers.bridge`"),
    ("bip", "set `containers.first-address`, or `containers.address` of a host"),
    ("bip6", "the container network is IPv4"),
    ("fixed-cidr", "set `containers.subnet`, or `containers.slice` of a host"),
    ("fixed-cidr-v6", "all hosts would hand out the same IPv6 addresses on one switch"),
    ("mtu", "set `underlay.mtu`; the tunnels' overhead is taken from it"),
    ("default-gateway", "each host's container bridge is its containers' gateway"),
    ("default-gateway-v6", "each host's container bridge is its containers' gateway"),
];

/// Options that open a listener or say how.
const LISTENER: &[&str] = &["hosts", "tls", "tlsverify", "tlscacert", "tlscert", "tlskey"];

/// Options of daemon.json that dockerd documents (dockerd(8), Docker 20.10 to 29). It refuses to start with any other.
const KNOWN: &[&str] = &[
    "allow-direct-routing",
    "allow-nondistributable-artifacts",
    "api-cors-header",
    "authorization-plugins",
    "bridge-accept-fwmark",
    "builder",
    "cgroup-parent",
    "containerd",
    "containerd-namespace",
    "containerd-plugins-namespace",
    "cpu-rt-period",
    "cpu-rt-runtime",
    "data-root",
    "debug",
    "default-address-pools",
    "default-cgroupns-mode",
    "default-ipc-mode",
    "default-network-opts",
    "default-runtime",
    "default-shm-size",
    "default-ulimits",
    "dns",
    "dns-opts",
    "dns-search",
    "exec-opts",
    "exec-root",
    "experimental",
    "features",
    "firewall-backend",
    "group",
    "host-gateway-ip",
    "host-gateway-ips",
    "http-proxy",
    "https-proxy",
    "icc",
    "init",
    "init-path",
    "insecure-registries",
    "ip",
    "ip-forward",
    "ip-forward-no-drop",
    "ip-masq",
    "ip6tables",
    "iptables",
    "ipv6",
    "labels",
    "live-restore",
    "log-driver",
    "log-format",
    "log-level",
    "log-opts",
    "max-concurrent-downloads",
    "max-concurrent-uploads",
    "max-download-attempts",
    "metrics-addr",
    "min-api-version",
    "no-new-privileges",
    "no-proxy",
    "node-generic-resources",
    "oom-score-adjust",
    "pidfile",
    "proxies",
    "raw-logs",
    "registry-mirrors",
    "rootless",
    "runtimes",
    "seccomp-profile",
    "selinux-enabled",
    "shutdown-timeout",
    "storage-driver",
    "storage-opts",
    "swarm-default-advertise-addr",
    "userland-proxy",
    "userland-proxy-path",
    "userns-remap",
];

/// Judges the daemon options of the cluster and of each host.
pub(super) fn check(rules: &mut Rules<'_>) {
    let of_hosts = rules.hosts.iter().map(|host| &host.keys.docker);
    let dockers: Vec<_> = std::iter::once(&rules.cluster.docker).chain(of_hosts).collect();
    for options in dockers
        .into_iter()
        .filter_map(|docker| docker.then(|docker| &docker.daemon).given())
    {
        for (name, option) in &options.value.0 {
            let is_few = rules.problems.len() < SUGGESTED_MAX;
            rules.problems.extend(check_option(name, option, is_few));
        }
    }
}

/// The options of a host over those of the cluster, key by key.
pub(super) fn daemon(cluster: &RawCluster, host: &RawHost) -> BTreeMap<String, serde_json::Value> {
    let fields = [&cluster.docker, &host.docker].map(|docker| docker.then(|docker| &docker.daemon).given());
    let options = fields.into_iter().flatten().flat_map(|daemon| &daemon.value.0);
    options.map(|(name, option)| (name.clone(), option.value.clone())).collect()
}

fn check_option(name: &str, option: &Placed<serde_json::Value>, suggest: bool) -> Option<Diagnostic> {
    if let Some((_, instead)) = OWNED.iter().find(|(owned, _)| *owned == name) {
        let message = format!("the mesh owns the daemon option '{name}'");
        return Some(option.error(Code::DockerOwnedOption, message, *instead));
    }
    if LISTENER.contains(&name) {
        let message = format!("'{name}' in `docker.daemon` would open a listener past the checks of `docker.api`");
        let help = "use `docker.api: {tls: {ca: ..., certificate: ..., key: ...}}`, which listens on the container bridge only";
        return Some(option.error(Code::DockerDaemonListener, message, help));
    }
    if name == "icc" && option.value == serde_json::Value::Bool(false) {
        let message = "`icc: false` drops what containers send each other, which is all that the mesh carries";
        return Some(option.error(Code::DockerIsolatesContainers, message, "remove it"));
    }
    if !KNOWN.contains(&name) {
        let message = format!(
            "dockerd is not known to have the option '{}', and refuses to start with one it lacks",
            shown(name)
        );
        let help = match suggest.then(|| nearest(name, KNOWN.iter().copied())).flatten() {
            Some(near) => format!("did you mean '{near}'?"),
            None => "see dockerd(8) for the options of daemon.json".to_owned(),
        };
        return Some(option.warning(Code::DockerUnknownOption, message, help));
    }
    None
}

/// The listener of a host; `None` after a problem.
pub(super) fn api(rules: &mut Rules<'_>, host: Host<'_>) -> Option<Api> {
    let field = host
        .keys
        .docker
        .then(|docker| &docker.api)
        .or(rules.cluster.docker.then(|docker| &docker.api));
    let listener = match field {
        Field::Absent => return Some(Api::None),
        Field::Broken => return None,
        Field::Given(given) => match &given.value {
            RawApi::None => return Some(Api::None),
            RawApi::Listener(listener) => listener,
        },
    };
    let mut port = |field: &Field<i64>, default: u16| match field {
        Field::Absent => Some(default),
        Field::Broken => None,
        Field::Given(port) => in_range(
            &mut rules.problems,
            Code::DockerPort,
            port,
            1,
            u16::MAX.into(),
            "give a TCP port from 1 to 65535",
        ),
    };
    if let Some(tls) = listener.tls.given().map(|tls| &tls.value) {
        return Some(Api::Tls {
            port: port(&tls.port, 2376)?,
            ca: tls.ca.given()?.value.clone(),
            certificate: tls.certificate.given()?.value.clone(),
            key: tls.key.given()?.value.clone(),
        });
    }
    let port = port(listener.unsafe_without_tls.then(|unsafe_listener| &unsafe_listener.port), 2375)?;
    Some(Api::UnsafeWithoutTls { port })
}
