//! Probe `boot`: the host came up whole, and the mesh did not hold it up.

use std::collections::BTreeMap;
use std::time::Duration;

use super::check::Check;
use super::{Facts, Probe, UNKNOWN_HELP, Verdict, for_each_host, on};
use crate::machine::facts::{Boot, CloudInit};
use crate::plan::Plan;
use crate::spec::HostName;

const HELP: &str = "on the host: `systemctl --failed`, `systemd-analyze critical-chain`, `cloud-init status --long`; networking.service taking \
                    minutes is the closed loop of Open vSwitch's unit and cloud-init's network stage";

/// How long networking.service may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootLimits {
    /// What it takes on such a machine without the mesh.
    pub networking_without_mesh: Duration,
    /// What the mesh may add.
    pub mesh_may_add: Duration,
    /// Whether a host without cloud-init is red: one that was given its mesh otherwise needs none.
    pub needs_cloud_init: bool,
}

impl Default for BootLimits {
    /// 5 s without the mesh, a guess for DHCP on one NIC of an emulated machine (measure it with the same base image and no mesh),
    /// and 5 s for the mesh, which is promised.
    fn default() -> Self {
        Self {
            networking_without_mesh: Duration::from_secs(5),
            mesh_may_add: Duration::from_secs(5),
            needs_cloud_init: true,
        }
    }
}

/// System running, no failed unit, networking.service within its limit, cloud-init done and its user-data valid; per host. The measured
/// value is what networking.service took.
pub fn boot(plan: &Plan, facts: &BTreeMap<HostName, Facts>, limits: &BootLimits) -> Vec<Verdict> {
    for_each_host(Probe::Boot, plan, facts, |host, facts| match facts.boot.known() {
        Ok(boot) => judge(&host.name, boot, limits),
        Err(why) => Verdict::red(Probe::Boot, on(&host.name), format!("systemd: {why}"), UNKNOWN_HELP),
    })
}

fn judge(host: &HostName, boot: &Boot, limits: &BootLimits) -> Verdict {
    let mut check = Check::default();
    check.holds(boot.state == "running", format!("systemctl is-system-running says {}", boot.state));
    for unit in &boot.failed {
        let last = unit.log.lines().last().unwrap_or("no log");
        check.holds(false, format!("{} failed: {last}", unit.name));
    }
    let limit = limits.networking_without_mesh.saturating_add(limits.mesh_may_add).as_secs_f64();
    let unit = boot.units.get("networking.service");
    let networking = unit.and_then(|unit| unit.took_seconds());
    // ifupdown that was installed since the boot: its service takes part from the next one on, and has held up nothing.
    let installed_since = unit.is_some_and(|unit| unit.active_state == "inactive" && unit.inactive_exit_us.is_none());
    match networking {
        None if installed_since => {}
        None => check.holds(false, "networking.service has not started"),
        Some(took) => check.holds(
            took <= limit,
            format!("networking.service took {took:.1} s, the limit is {limit:.1} s"),
        ),
    }
    match boot.cloud_init.known() {
        Ok(status) => cloud_init(&mut check, status),
        // As gather_boot.sh says it.
        Err("cloud-init is not installed") if !limits.needs_cloud_init => {}
        Err(why) => check.holds(false, format!("cloud-init: {why}")),
    }
    let span = |microseconds: Option<u64>| microseconds.map_or_else(|| "?".to_owned(), |value| format!("{:.1} s", value as f64 / 1e6));
    let slowest: Vec<String> = boot
        .slowest
        .iter()
        .take(3)
        .map(|unit| format!("{} {:.1} s", unit.name, unit.milliseconds as f64 / 1e3))
        .collect();
    let took = networking.map_or_else(
        || "not part of this boot".to_owned(),
        |took| format!("{took:.1} s (limit {limit:.1} s)"),
    );
    let summary = format!(
        "userspace after {}, all up after {}, networking.service {took}, slowest: {}",
        span(boot.userspace_start_us),
        span(boot.finish_us),
        slowest.join(", ")
    );
    let verdict = check.verdict(Probe::Boot, on(host), summary, HELP);
    match networking {
        Some(took) => verdict.measured(took, "s"),
        None => verdict,
    }
}

/// Warnings that cloud-init recovered from (deprecated keys, say) are no failure; errors are.
fn cloud_init(check: &mut Check, status: &CloudInit) {
    check.holds(status.status == "done", format!("cloud-init status is {}", status.status));
    for error in &status.errors {
        check.holds(false, format!("cloud-init: {error}"));
    }
    for level in ["ERROR", "CRITICAL"] {
        for error in status.recoverable_errors.get(level).into_iter().flatten() {
            check.holds(false, format!("cloud-init recovered from: {error}"));
        }
    }
    if let Some(error) = &status.schema_error {
        check.holds(false, format!("cloud-init schema: {error}"));
    }
}
