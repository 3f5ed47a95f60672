//! What a boot starts, and in what order: the jobs that default.target pulls in (systemd.unit(5), systemd.special(7)), and for each what
//! it waits for.

use std::collections::{BTreeMap, BTreeSet};

use super::load::Units;
use super::unit::{Unit, kind};
use crate::image::tree::{Kind, Root};

/// Keys that pull another unit in.
const PULLS: [&str; 4] = ["Wants", "Requires", "BindsTo", "Upholds"];

/// Why one unit waits for another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// `After=` in this file.
    After(String),
    /// `Before=` in this file, of the unit that is waited for.
    Before(String),
    /// What systemd adds to units that do not say DefaultDependencies=no.
    Default,
    /// A socket, timer or path and the service it starts.
    Triggers,
    /// It starts it by this command, at this place, and waits for the end.
    Starts(String, String),
}

impl std::fmt::Display for Why {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::After(file) => write!(formatter, "After= in {file}"),
            Self::Before(file) => write!(formatter, "its Before= in {file}"),
            Self::Default => formatter.write_str("default dependencies"),
            Self::Triggers => formatter.write_str("it is what starts it"),
            Self::Starts(command, place) => write!(formatter, "it runs `{command}`, {place}"),
        }
    }
}

/// For each unit what it waits for, among some units.
pub type Order = BTreeMap<String, BTreeMap<String, Why>>;

/// The unit that a boot is to reach; none if there is none.
pub fn target(units: &Units<'_>) -> Option<String> {
    units.get("default.target").map(|unit| unit.name.clone())
}

/// `names`, and all that they pull in, themselves and through others. Only units that are there: for others there is no job.
pub fn jobs(units: &Units<'_>, names: &[String]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left: Vec<String> = names.to_vec();
    while let Some(name) = left.pop() {
        let Some(unit) = units.get(&name) else { continue };
        if !found.insert(unit.name.clone()) {
            continue;
        }
        left.extend(pulled(&unit));
    }
    found
}

/// What `unit` pulls in.
fn pulled(unit: &Unit) -> Vec<String> {
    let mut names: Vec<String> = unit.wanted.iter().cloned().collect();
    for key in PULLS {
        names.extend(unit.names(key).into_iter().map(|(name, _)| name));
    }
    if has_defaults(unit) && ["service", "socket", "timer", "path"].contains(&unit.kind()) {
        names.push("sysinit.target".to_owned());
    }
    // A service needs its socket (systemd.socket(5)); systemd.service(5) has Sockets= for others.
    let sockets = unit.all("Service", "Sockets");
    names.extend(
        sockets
            .iter()
            .flat_map(|setting| setting.value.split_whitespace())
            .map(|name| unit.expand(name)),
    );
    names
}

fn has_defaults(unit: &Unit) -> bool {
    unit.is("Unit", "DefaultDependencies", true)
}

/// The unit that a socket, timer or path starts.
fn triggered(unit: &Unit) -> Option<String> {
    let (section, key) = match unit.kind() {
        "socket" => ("Socket", "Service"),
        "timer" => ("Timer", "Unit"),
        "path" => ("Path", "Unit"),
        _ => return None,
    };
    let stem = unit.name.rsplit_once('.')?.0;
    Some(
        unit.last(section, key)
            .map_or_else(|| format!("{stem}.service"), |name| unit.expand(name)),
    )
}

/// The order among `jobs`.
pub fn order(units: &Units<'_>, jobs: &BTreeSet<String>) -> Order {
    let mut order: Order = jobs.iter().map(|name| (name.clone(), BTreeMap::new())).collect();
    let mut waits = |who: &str, what: &str, why: Why| {
        let (who, what) = (units.canonical(who), units.canonical(what));
        if who != what
            && jobs.contains(&what)
            && let Some(known) = order.get_mut(&who)
        {
            known.entry(what).or_insert(why);
        }
    };
    for unit in jobs.iter().filter_map(|name| units.get(name)) {
        for (name, file) in unit.names("After") {
            waits(&unit.name, &name, Why::After(file.to_owned()));
        }
        for (name, file) in unit.names("Before") {
            waits(&name, &unit.name, Why::Before(file.to_owned()));
        }
        if let Some(service) = triggered(&unit) {
            waits(&service, &unit.name, Why::Triggers);
        }
        if has_defaults(&unit) {
            let (after, before): (&[&str], &[&str]) = match unit.kind() {
                "service" => (&["sysinit.target", "basic.target"], &[]),
                "socket" => (&["sysinit.target"], &["sockets.target"]),
                "timer" => (&["sysinit.target"], &["timers.target"]),
                "path" => (&["sysinit.target"], &["paths.target"]),
                "mount" | "automount" => (&["local-fs-pre.target"], &["local-fs.target"]),
                "swap" => (&[], &["swap.target"]),
                _ => (&[], &[]),
            };
            after.iter().for_each(|name| waits(&unit.name, name, Why::Default));
            before.iter().for_each(|name| waits(name, &unit.name, Why::Default));
        }
    }
    for unit in jobs
        .iter()
        .filter_map(|name| units.get(name))
        .filter(|unit| unit.kind() == "target")
    {
        target_defaults(units, &unit, &mut order);
    }
    order
}

/// A target waits for what it pulls in, unless one of the two has no default dependencies or the order is said to be the other one
/// (systemd.target(5)).
fn target_defaults(units: &Units<'_>, target: &Unit, order: &mut Order) {
    if !has_defaults(target) {
        return;
    }
    for name in pulled(target) {
        let Some(other) = units.get(&name).filter(|other| has_defaults(other) && other.name != target.name) else {
            continue;
        };
        let is_reversed = order.get(&other.name).is_none_or(|waits| waits.contains_key(&target.name));
        if let (false, Some(waits)) = (is_reversed, order.get_mut(&target.name)) {
            waits.entry(other.name.clone()).or_insert(Why::Default);
        }
    }
}

/// Units that wait for each other, each group by a way around it: the units and why each waits for the next, the first again at the end.
pub fn cycles(order: &Order) -> Vec<Vec<(String, Why)>> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut found = Vec::new();
    for name in order.keys() {
        if seen.contains(name.as_str()) {
            continue;
        }
        if let Some(way) = way(order, name, name) {
            let around: Vec<&str> = way
                .iter()
                .filter_map(|(name, _)| order.get_key_value(name))
                .map(|(name, _)| name.as_str())
                .collect();
            // One cycle for all that lie on it; another through the same unit shows itself when this one is gone.
            seen.extend(around);
            seen.insert(name);
            found.push(way);
        }
    }
    found
}

/// The shortest way along the order from `from` to `to`, at least one step: each step's end, and why its beginning waits for it.
pub fn way(order: &Order, from: &str, to: &str) -> Option<Vec<(String, Why)>> {
    let mut came: BTreeMap<&str, (&str, &Why)> = BTreeMap::new();
    let mut left = std::collections::VecDeque::from([from]);
    while let Some(here) = left.pop_front() {
        for (next, why) in order.get(here).into_iter().flatten() {
            if came.contains_key(next.as_str()) {
                continue;
            }
            came.insert(next, (here, why));
            if next == to {
                return Some(walk_back(&came, from, to));
            }
            left.push_back(next);
        }
    }
    None
}

fn walk_back(came: &BTreeMap<&str, (&str, &Why)>, from: &str, to: &str) -> Vec<(String, Why)> {
    let mut steps = Vec::new();
    let mut here = to;
    while let Some((before, why)) = came.get(here) {
        steps.push((here.to_owned(), (*why).clone()));
        here = before;
        if here == from {
            break;
        }
    }
    steps.reverse();
    steps
}

/// How long a service may take to start; none if for ever (systemd.service(5), systemd-system.conf(5)).
pub fn start_limit(unit: &Unit) -> Option<String> {
    let keys = ["TimeoutStartSec", "TimeoutSec"];
    let mut set = unit
        .settings
        .iter()
        .filter(|setting| setting.section == "Service" && keys.contains(&setting.key.as_str()) && !setting.value.is_empty());
    match set.next_back().map(|setting| setting.value.as_str()) {
        Some("0" | "infinity") => None,
        Some(value) if value.bytes().all(|byte| byte.is_ascii_digit()) => Some(format!("{value} s")),
        Some(value) => Some(value.to_owned()),
        // Only a oneshot has no limit unless it sets one.
        None if service_type(unit) == "oneshot" => None,
        None => Some("90 s".to_owned()),
    }
}

/// The Type= of a service, or what it is without.
pub fn service_type(unit: &Unit) -> &str {
    let default = || match (unit.all("Service", "ExecStart").is_empty(), unit.last("Service", "BusName")) {
        (true, _) => "oneshot",
        (_, Some(_)) => "dbus",
        _ => "simple",
    };
    unit.last("Service", "Type").unwrap_or_else(default)
}

/// Folders whose content is the same when the system runs; what is in others, such as /run, only then is known.
const LASTING: [&str; 5] = ["/etc/", "/usr/", "/lib/", "/boot/", "/opt/"];

/// Whether `unit` does anything when its turn comes, as far as files of the image decide that (systemd.unit(5), "Conditions and Asserts").
/// One that does not is done at once.
pub fn may_run(root: Root<'_>, unit: &Unit) -> bool {
    let is_executable = |path: &str| {
        root.entry(path)
            .is_some_and(|entry| entry.kind == Kind::File && entry.mode & 0o111 != 0)
    };
    let fails = |key: &str, holds: &dyn Fn(&str) -> bool| {
        unit.all("Unit", key).iter().any(|setting| {
            let value = unit.expand(&setting.value);
            // One of several that begin with | is enough: not decided here.
            let (is_negated, path) = match value.strip_prefix('!') {
                Some(path) => (true, path.trim()),
                None => (false, value.trim()),
            };
            LASTING.iter().any(|folder| path.starts_with(folder)) && holds(path) == is_negated
        })
    };
    let exists = |path: &str| root.exists(path);
    !["Condition", "Assert"].iter().any(|kind| {
        fails(&format!("{kind}PathExists"), &exists)
            || fails(&format!("{kind}FileIsExecutable"), &is_executable)
            || fails(&format!("{kind}PathIsDirectory"), &|path| {
                root.entry(path).is_some_and(|entry| entry.kind == Kind::Folder)
            })
    })
}

/// Whether this is a service.
pub fn is_service(name: &str) -> bool {
    kind(name) == "service"
}

#[cfg(test)]
#[path = "boot_tests.rs"]
mod tests;
