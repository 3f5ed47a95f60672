//! How a host booted: systemd and cloud-init.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sections::Sections;

/// How many of the slowest units are kept.
const SLOWEST: usize = 10;

/// What happened from the kernel's start on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Boot {
    /// `systemctl is-system-running`: running, degraded, starting, ...
    pub state: String,
    pub failed: Vec<FailedUnit>,
    /// networking.service and docker.service, by name.
    pub units: BTreeMap<String, UnitTimes>,
    /// Whether networking.service had started before the mesh's stanzas were written, and so had no mesh to bring up.
    #[serde(default)]
    pub networking_had_no_mesh: bool,
    /// From the kernel's start to the initrd's, microseconds; `None` without an initrd.
    pub initrd_start_us: Option<u64>,
    /// From the kernel's start to that of the system's own systemd, microseconds.
    pub userspace_start_us: Option<u64>,
    /// From the kernel's start to the end of the boot, microseconds; `None` while it goes on.
    pub finish_us: Option<u64>,
    /// The ten slowest units, slowest first.
    pub slowest: Vec<SlowUnit>,
    /// As far as it is installed and answers; else why not.
    pub cloud_init: super::Found<CloudInit>,
    pub kernel: String,
    /// PRETTY_NAME of os-release(5).
    pub os: String,
    /// Kernel parameters by path below /proc/sys; what is not there, because no module made it, is missing.
    pub sysctls: BTreeMap<String, String>,
}

/// A unit that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailedUnit {
    pub name: String,
    /// The last lines of its journal.
    pub log: String,
}

/// When a unit started, microseconds after the kernel's start; `None` where it did not (org.freedesktop.systemd1(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct UnitTimes {
    pub load_state: String,
    pub active_state: String,
    /// systemd began to start it.
    pub inactive_exit_us: Option<u64>,
    /// Its main process started.
    pub main_start_us: Option<u64>,
    /// It was up.
    pub active_enter_us: Option<u64>,
}

impl UnitTimes {
    /// Seconds from the start of its starting to being up.
    pub fn took_seconds(&self) -> Option<f64> {
        let span = self.active_enter_us?.checked_sub(self.inactive_exit_us?)?;
        Some(span as f64 / 1e6)
    }
}

/// A unit and how long its start took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SlowUnit {
    pub name: String,
    pub milliseconds: u64,
}

/// `cloud-init status --format json`, 22.4 to 25.1; what a release does not print is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CloudInit {
    /// not started, running, done, error, degraded, disabled.
    pub status: String,
    pub errors: Vec<String>,
    /// Messages by level (WARNING, ERROR, ...).
    pub recoverable_errors: BTreeMap<String, Vec<String>>,
    /// What `cloud-init schema --system` says against the user-data; `None` when it is valid.
    pub schema_error: Option<String>,
}

#[derive(Deserialize)]
struct RawStatus {
    status: String,
    #[serde(default)]
    errors: Vec<String>,
    #[serde(default)]
    recoverable_errors: BTreeMap<String, Vec<String>>,
}

pub fn parse(sections: &Sections) -> Result<Boot, String> {
    let system = sections.get("system")?;
    let manager = properties(sections.text("manager").unwrap_or_default());
    let state = system.output.trim();
    Ok(Boot {
        state: if state.is_empty() {
            system.errors.trim().to_owned()
        } else {
            state.to_owned()
        },
        failed: failed(sections)?,
        units: units(sections.text("units").unwrap_or_default()),
        networking_had_no_mesh: sections
            .text("mesh-written")
            .is_ok_and(|text| text.trim().parse().is_ok_and(|seconds: i64| seconds > 0)),
        initrd_start_us: microseconds(&manager, "InitRDTimestampMonotonic"),
        userspace_start_us: microseconds(&manager, "UserspaceTimestampMonotonic"),
        finish_us: microseconds(&manager, "FinishTimestampMonotonic"),
        slowest: slowest(sections.text("blame").unwrap_or_default()),
        cloud_init: cloud_init(sections).into(),
        kernel: sections.text("kernel").unwrap_or_default().trim().to_owned(),
        os: properties(sections.text("os-release").unwrap_or_default())
            .get("PRETTY_NAME")
            .map(|name| name.trim_matches(['"', '\'']).to_owned())
            .unwrap_or_default(),
        sysctls: properties(sections.text("sysctl").unwrap_or_default()),
    })
}

fn properties(text: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    text.lines().filter_map(pair).collect()
}

/// systemd writes 0 for what has not happened.
fn microseconds(properties: &BTreeMap<String, String>, name: &str) -> Option<u64> {
    properties.get(name)?.parse().ok().filter(|value| *value > 0)
}

fn failed(sections: &Sections) -> Result<Vec<FailedUnit>, String> {
    let names = sections.text("failed")?.lines().filter_map(|line| line.split_whitespace().next());
    let unit = |name: &str| FailedUnit {
        name: name.to_owned(),
        log: sections.text(&format!("log:{name}")).unwrap_or_default().trim().to_owned(),
    };
    Ok(names.map(unit).collect())
}

/// `systemctl show` puts a blank line between units.
fn units(text: &str) -> BTreeMap<String, UnitTimes> {
    let unit = |block: &str| {
        let properties = properties(block);
        let text = |name: &str| properties.get(name).cloned().unwrap_or_default();
        let times = UnitTimes {
            load_state: text("LoadState"),
            active_state: text("ActiveState"),
            inactive_exit_us: microseconds(&properties, "InactiveExitTimestampMonotonic"),
            main_start_us: microseconds(&properties, "ExecMainStartTimestampMonotonic"),
            active_enter_us: microseconds(&properties, "ActiveEnterTimestampMonotonic"),
        };
        Some((properties.get("Id")?.clone(), times))
    };
    text.split("\n\n").filter_map(unit).collect()
}

/// `systemd-analyze blame` is sorted already: `1min 2.345s name.service`.
fn slowest(text: &str) -> Vec<SlowUnit> {
    let unit = |line: &str| {
        let (span, name) = line.trim().rsplit_once(' ')?;
        Some(SlowUnit {
            name: name.to_owned(),
            milliseconds: milliseconds(span)?,
        })
    };
    text.lines().filter_map(unit).take(SLOWEST).collect()
}

/// A span as systemd prints it (systemd.time(7)).
fn milliseconds(span: &str) -> Option<u64> {
    let mut total = 0.0;
    for word in span.split_whitespace() {
        let digits = word.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, unit) = word.split_at(digits);
        let factor = match unit {
            "us" => 0.001,
            "ms" => 1.0,
            "s" => 1000.0,
            "min" => 60_000.0,
            "h" => 3_600_000.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * factor;
    }
    Some(total as u64)
}

/// A status other than 0 is no failure of the command: 1 means that cloud-init crashed, 2 that it recovered from errors.
fn cloud_init(sections: &Sections) -> Result<CloudInit, String> {
    let section = sections.get("cloud-init")?;
    let raw: RawStatus = match serde_json::from_str(&section.output) {
        Ok(raw) => raw,
        Err(_) if section.output.trim().is_empty() => {
            let why = sections.text("cloud-init").err();
            return Err(why.unwrap_or_else(|| "cloud-init status says nothing".to_owned()));
        }
        Err(error) => return Err(format!("cloud-init status: {error}")),
    };
    let schema = sections.get("cloud-init-schema")?;
    let words = format!("{}{}", schema.output, schema.errors);
    Ok(CloudInit {
        status: raw.status,
        errors: raw.errors,
        recoverable_errors: raw.recoverable_errors,
        schema_error: (schema.status != 0).then(|| words.trim().to_owned()),
    })
}
