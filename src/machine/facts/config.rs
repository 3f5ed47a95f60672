//! What a reboot would bring: files, units, Open vSwitch's database on disk, and what Docker runs with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Found;
use super::sections::Sections;
use crate::machine::openvswitch::{self, OpenVSwitch};
use crate::plan::HostPlan;
use crate::render::HostFile;

/// The configuration on disk, and by whom it is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Config {
    /// Of the files that meshimg writes; one that is missing is not there.
    pub files: BTreeMap<String, FileFacts>,
    /// By name.
    pub units: BTreeMap<String, UnitFile>,
    /// The database as it lies on the disk.
    pub ovs: Found<OpenVSwitch>,
    /// What the files of sysctl.d(5) set last, by path below /proc/sys.
    pub sysctls: BTreeMap<String, String>,
    /// What ifupdown would bring up, where it does: settings of both bridges, by key.
    pub stanzas: Found<BTreeMap<String, String>>,
    /// `docker info`, the daemon's own account of its options, where [`asks_docker`] says that there are any.
    pub docker: Found<serde_json::Value>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileFacts {
    /// SHA-256, hexadecimal.
    pub hash: String,
    /// Octal, as in `chmod`.
    pub mode: String,
}

/// As it is to be.
impl From<&HostFile> for FileFacts {
    fn from(file: &HostFile) -> Self {
        Self {
            hash: Sha256::digest(&file.text).iter().map(|byte| format!("{byte:02x}")).collect(),
            mode: format!("{:o}", file.mode),
        }
    }
}

/// A unit as systemd has loaded it (org.freedesktop.systemd1(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct UnitFile {
    /// loaded, not-found, masked, ...
    pub load_state: String,
    /// enabled, disabled, static, ...
    pub state: String,
    /// The unit's file and its drop-ins.
    pub paths: Vec<String>,
    /// A file has changed since it was loaded.
    pub needs_reload: bool,
}

/// Options of daemon.json that `docker info` shows, and where. Bridge, slice and MTU are the probe `docker`'s.
pub const DAEMON_OPTIONS: &[(&str, &str)] = &[
    ("data-root", "/DockerRootDir"),
    ("debug", "/Debug"),
    ("default-runtime", "/DefaultRuntime"),
    ("experimental", "/ExperimentalBuild"),
    ("labels", "/Labels"),
    ("live-restore", "/LiveRestoreEnabled"),
    ("log-driver", "/LoggingDriver"),
    ("storage-driver", "/Driver"),
];

/// Whether any of them is planned: `docker info` takes an emulated machine three seconds.
pub fn asks_docker(host: &HostPlan) -> bool {
    DAEMON_OPTIONS.iter().any(|(option, _)| host.docker.daemon.contains_key(*option))
}

/// What `files-hash` and `files-mode` say, by path.
///
/// # Errors
/// They were not asked for.
pub fn files(sections: &Sections) -> Result<BTreeMap<String, FileFacts>, String> {
    // Both end with 1 where a file is missing; the rest is there all the same.
    let hashes = &sections.get("files-hash")?.output;
    let modes: BTreeMap<&str, &str> = sections
        .get("files-mode")?
        .output
        .lines()
        .filter_map(|line| line.split_once(' ').map(|(mode, path)| (path, mode)))
        .collect();
    let file = |line: &str| {
        let (hash, path) = line.split_once("  ")?;
        let facts = FileFacts {
            hash: hash.to_owned(),
            mode: modes.get(path).map_or_else(String::new, |mode| (*mode).to_owned()),
        };
        Some((path.to_owned(), facts))
    };
    Ok(hashes.lines().filter_map(file).collect())
}

pub fn parse(sections: &Sections) -> Result<Config, String> {
    Ok(Config {
        files: files(sections)?,
        units: units(sections.text("unit-files")?),
        ovs: sections
            .text("ovs-disk")
            .and_then(|text| openvswitch::parse_query(text).map_err(|error| error.to_string()))
            .into(),
        sysctls: sysctls(sections.text("sysctl-files")?),
        stanzas: sections.text("stanzas").map(stanzas).into(),
        docker: sections
            .text("docker-info")
            .and_then(|text| serde_json::from_str(text).map_err(|error| format!("docker info: {error}")))
            .into(),
    })
}

/// What `systemctl show` says of units, by name; what it was not asked for is empty.
pub fn units(text: &str) -> BTreeMap<String, UnitFile> {
    let unit = |block: &str| {
        let value = |name: &str| {
            block
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
                .unwrap_or_default()
        };
        let id = value("Id");
        let paths = [value("FragmentPath"), value("DropInPaths")];
        let unit = UnitFile {
            load_state: value("LoadState").to_owned(),
            state: value("UnitFileState").to_owned(),
            paths: paths.iter().flat_map(|paths| paths.split_whitespace()).map(str::to_owned).collect(),
            needs_reload: value("NeedDaemonReload") == "yes",
        };
        (!id.is_empty()).then(|| (id.to_owned(), unit))
    };
    text.split("\n\n").filter_map(unit).collect()
}

/// `--cat-config` prints the files in the order in which they are read; the last word counts. `net.ipv4.ip_forward = 1`, with `-` before
/// it where a failure does not matter, and `/` for `.` as well.
fn sysctls(text: &str) -> BTreeMap<String, String> {
    let setting = |line: &str| {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            return None;
        }
        let (key, value) = line.split_once('=')?;
        let key = key.trim().trim_start_matches('-');
        // The first separator says which one is meant (sysctl.d(5)).
        let dots_separate = key.find(['.', '/']).is_none_or(|at| key.as_bytes()[at] == b'.');
        let swap = |c| match c {
            '.' => '/',
            '/' => '.',
            other => other,
        };
        let path: String = if dots_separate {
            key.chars().map(swap).collect()
        } else {
            key.to_owned()
        };
        Some((path, value.trim().to_owned()))
    };
    text.lines().filter_map(setting).collect()
}

/// `ifquery` prints `key: value`; bridges that are asked for together have their keys after each other.
fn stanzas(text: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| {
        line.split_once(": ")
            .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
    };
    text.lines().filter_map(pair).collect()
}
