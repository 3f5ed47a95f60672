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
    /// Whether networking.service had started before the mesh's configuration was written, and so had no mesh to bring up.
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

/// What `cloud-init status` makes of status.json and result.json, 22.4 to 25.1; what a release does not write is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CloudInit {
    /// not started, running, done, error.
    pub status: String,
    pub errors: Vec<String>,
    /// Messages by level (WARNING, ERROR, ...).
    pub recoverable_errors: BTreeMap<String, Vec<String>>,
    /// What cloud-init's schema says against the user-data; `None` when it is valid.
    pub schema_error: Option<String>,
}

/// status.json: stages by name, and beside them the datasource and the stage that runs now.
#[derive(Deserialize)]
struct RawStatus {
    v1: BTreeMap<String, serde_json::Value>,
}

/// One stage of status.json.
#[derive(Deserialize)]
struct RawStage {
    #[serde(default)]
    errors: Vec<String>,
    #[serde(default)]
    recoverable_errors: BTreeMap<String, Vec<String>>,
    /// Seconds since 1970; `None` while it has not begun.
    start: Option<f64>,
    /// `None` while it runs.
    finished: Option<f64>,
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

fn cloud_init(sections: &Sections) -> Result<CloudInit, String> {
    let text = sections.text("cloud-init")?;
    let raw: RawStatus = serde_json::from_str(text).map_err(|error| format!("status.json of cloud-init: {error}"))?;
    let mut found = CloudInit::default();
    let (mut begun, mut running) = (false, sections.text("cloud-init-result").is_err());
    // What is no stage has none of its fields.
    for stage in raw
        .v1
        .into_values()
        .filter_map(|value| serde_json::from_value::<RawStage>(value).ok())
    {
        begun |= stage.start.is_some();
        running |= stage.start.is_some() && stage.finished.is_none();
        found.errors.extend(stage.errors);
        for (level, messages) in stage.recoverable_errors {
            found.recoverable_errors.entry(level).or_default().extend(messages);
        }
    }
    found.status = match (begun, running, found.errors.is_empty()) {
        (false, ..) => "not started",
        (_, _, false) => "error",
        (_, true, _) => "running",
        (_, false, true) => "done",
    }
    .to_owned();
    let schema = sections.get("cloud-init-schema")?;
    let words = format!("{}{}", schema.output, schema.errors);
    found.schema_error = (schema.status != 0).then(|| words.trim().to_owned());
    Ok(found)
}
