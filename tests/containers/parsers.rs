//! Who reads what: for each program a script for the container, and what its answer must be.

use std::collections::BTreeSet;

use meshimg::plan::HostPlan;
use meshimg::spec::{Api, Network};
use sha2::{Digest, Sha256};

use super::container::Ended;
use super::host::{Host, Release, SEED};
use super::{openvswitch, stanzas};

/// A program that reads artifacts, or what user-data writes.
///
/// Its script prints a line for each thing that it has read, so that reading nothing is seen, and `wrong: ...` for what is wrong.
pub struct Parser {
    pub name: &'static str,
    pub script: &'static str,
    /// Whether it reads the artifact of this name, or the file at this path of a host.
    pub reads: fn(&str) -> bool,
    /// What is wrong.
    pub read: fn(&Host, &Ended) -> Vec<String>,
}

/// All, in the order in which they run: the first makes what the others read.
pub const ALL: &[Parser] = &[
    Parser {
        name: "cloud-init",
        script: include_str!("scripts/cloud-init.sh"),
        reads: |name| matches!(name, "user-data" | "meta-data"),
        read: |host, ended| ended.against(&written(host)),
    },
    Parser {
        name: "schema",
        script: include_str!("scripts/schema.sh"),
        reads: |name| matches!(name, "user-data" | "network-config"),
        read: |host, ended| ended.against(&valid(host)),
    },
    Parser {
        name: "ifquery",
        script: include_str!("scripts/ifquery.sh"),
        reads: |name| name == "network-config" || name.starts_with("/etc/network/interfaces.d/"),
        read: |host, ended| ended.against(&stanzas::wanted(host)),
    },
    Parser {
        name: "dockerd",
        script: include_str!("scripts/dockerd.sh"),
        reads: |name| name == "/etc/docker/daemon.json",
        read: dockerd,
    },
    Parser {
        name: "systemd-analyze",
        script: include_str!("scripts/systemd-analyze.sh"),
        reads: |name| name.starts_with("/etc/systemd/system/"),
        read: |host, ended| ended.against(&units(host)),
    },
    Parser {
        name: "openvswitch",
        script: include_str!("scripts/openvswitch.sh"),
        reads: |name| name.starts_with("/etc/network/interfaces.d/"),
        read: openvswitch::read,
    },
    Parser {
        name: "sh",
        script: include_str!("scripts/sh.sh"),
        reads: |name| name.starts_with("/usr/local/lib/meshimg/") || name == "/etc/meshimg/host.conf",
        read: |host, ended| ended.against(&scripts(host)),
    },
    Parser {
        name: "udevadm",
        script: include_str!("scripts/udevadm.sh"),
        reads: |name| name.starts_with("/etc/udev/rules.d/"),
        read: |host, ended| ended.against(&paths(host, "rules", "/etc/udev/rules.d/")),
    },
    Parser {
        name: "systemd-sysctl",
        script: include_str!("scripts/systemd-sysctl.sh"),
        reads: |name| name.starts_with("/etc/sysctl.d/"),
        read: |host, ended| ended.against(&paths(host, "values", "/etc/sysctl.d/")),
    },
    Parser {
        name: "seed",
        script: include_str!("scripts/seed.sh"),
        reads: |name| name == SEED,
        read: |host, ended| ended.against(&seed(host)),
    },
];

impl Ended {
    /// What went wrong with the script itself, and what it says is wrong.
    pub fn complaints(&self) -> Vec<String> {
        let status = (self.status != 0).then(|| format!("status {}", self.status));
        let said = self.stdout.lines().filter_map(|line| line.strip_prefix("wrong: "));
        status
            .into_iter()
            .chain(said.chain(self.stderr.lines()).map(str::to_owned))
            .collect()
    }

    /// The lines that are no complaints.
    pub fn facts(&self) -> BTreeSet<String> {
        let facts = self.stdout.lines().filter(|line| !line.starts_with("wrong: "));
        facts.map(str::to_owned).collect()
    }

    /// Its complaints, and in what its facts are not those that are wanted.
    pub fn against(&self, wanted: &BTreeSet<String>) -> Vec<String> {
        let mut findings = self.complaints();
        findings.extend(differences(wanted, &self.facts()));
        findings
    }
}

/// What is in one and not in the other.
pub fn differences(wanted: &BTreeSet<String>, found: &BTreeSet<String>) -> Vec<String> {
    let missing = wanted.difference(found).map(|line| format!("missing: {line}"));
    let more = found.difference(wanted).map(|line| format!("not wanted: {line}"));
    missing.chain(more).collect()
}

fn set(lines: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    lines.into_iter().collect()
}

fn written(host: &Host) -> BTreeSet<String> {
    let HostPlan { name, authorized_keys, .. } = &host.plan;
    let file = |file: &meshimg::render::HostFile| {
        let hash: String = Sha256::digest(&file.text).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("file {:04o} {hash} {}", file.mode, file.path)
    };
    let mut lines = set(host.files.iter().map(file));
    lines.extend([
        format!("instance meshimg-{}-{name}", host.cluster.cluster),
        format!("hostname {name}"),
        "systemctl daemon-reload".to_owned(),
        "systemctl start --no-block meshimg-mesh.service".to_owned(),
    ]);
    lines.extend(authorized_keys.iter().map(|key| format!("key {}", key.as_str())));
    lines
}

fn valid(host: &Host) -> BTreeSet<String> {
    let has_schema = |name: &&str| *name == "user-data" || host.release() == Release::Debian13;
    let names = ["user-data", "network-config"].into_iter().filter(has_schema);
    set(names
        .filter(|name| host.artifacts.contains_key(*name))
        .map(|name| format!("valid {name}")))
}

/// Whether dockerd has taken its configuration.
fn dockerd(host: &Host, ended: &Ended) -> Vec<String> {
    let mut findings = ended.complaints();
    let (lines, said): (Vec<_>, Vec<_>) = ended.stdout.lines().partition(|line| line.starts_with("line "));
    let taken = match host.release() {
        Release::Debian12 => "said dockerd needs to be started with root privileges.",
        Release::Debian13 => "said configuration OK",
    };
    if !said.last().is_some_and(|last| last.starts_with(taken)) {
        findings.extend(said.into_iter().map(str::to_owned));
    }
    let listeners: Vec<&str> = lines
        .iter()
        .flat_map(|line| line.split_whitespace())
        .filter(|word| word.contains("://"))
        .collect();
    let tcp = match host.plan.docker.api {
        Api::None => None,
        Api::Tls { port, .. } | Api::UnsafeWithoutTls { port } => Some(format!("tcp://{}:{port}", host.plan.container_bridge.address)),
    };
    let wanted: Vec<&str> = ["fd://"].into_iter().chain(tcp.as_deref()).collect();
    if listeners != wanted {
        findings.push(format!("listens at {listeners:?} instead of {wanted:?}"));
    }
    findings
}

fn units(host: &Host) -> BTreeSet<String> {
    let unit = |path: &str| {
        let name = path.strip_prefix("/etc/systemd/system/")?.split('/').next()?;
        Some(format!("unit {}", name.trim_end_matches(".d")))
    };
    let mut lines = set(host.files.iter().filter_map(|file| unit(&file.path)));
    let mut first = vec!["docker", "meshimg-mesh"];
    if host.plan.network == Network::Ifupdown {
        first.extend(["networking", "openvswitch-switch"]);
    }
    lines.extend(first.into_iter().map(|name| format!("first {name}.service")));
    lines
}

fn scripts(host: &Host) -> BTreeSet<String> {
    let is_script = |file: &&meshimg::render::HostFile| file.text.starts_with("#!") || file.path == "/etc/meshimg/host.conf";
    let mut lines = set(host.files.iter().filter(is_script).map(|file| format!("script {}", file.path)));
    lines.insert("script bootcmd".to_owned());
    lines
}

fn paths(host: &Host, word: &str, folder: &str) -> BTreeSet<String> {
    let paths = host.files.iter().filter(|file| file.path.starts_with(folder));
    set(paths.map(|file| format!("{word} {}", file.path)))
}

fn seed(host: &Host) -> BTreeSet<String> {
    let names = host.artifacts.keys().filter(|name| *name != SEED);
    let mut lines = set(names.map(|name| format!("file {name}")));
    lines.extend(["LABEL cidata".to_owned(), "TYPE vfat".to_owned()]);
    lines
}
