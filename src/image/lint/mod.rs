//! The boot-order lint: a service that runs in the boot and, while it starts, starts another unit and waits for it, which has to wait for
//! the service. systemd sees no cycle there, because the script's call is no dependency, and the boot stands still until a limit ends it.
//! Nothing is run: units and scripts are read. Pure, over a [`Root`].

mod boot;
mod ifupdown;
mod load;
mod scripts;
mod shell;
mod unit;

use std::collections::{BTreeMap, BTreeSet};

use boot::{Order, Why};
use load::Units;
use scripts::Start;

use super::check::{Code, Finding};
use super::tree::{Laid, Root};

/// When cloud-init runs a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// bootcmd.
    Network,
    /// runcmd.
    Final,
}

impl Stage {
    /// The units that are not done before the command is; before cloud-init 24.3 the first stage had another name.
    fn units(self) -> &'static [&'static str] {
        match self {
            Self::Network => &["cloud-init-network.service", "cloud-init.service"],
            Self::Final => &["cloud-final.service"],
        }
    }

    /// The key in user-data.
    fn key(self) -> &'static str {
        match self {
            Self::Network => "bootcmd",
            Self::Final => "runcmd",
        }
    }
}

/// A command that cloud-init runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub stage: Stage,
    /// Program and arguments.
    pub words: Vec<String>,
}

/// What a host's user-data does to its boot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserData {
    /// Laid over the image.
    pub files: Vec<Laid>,
    pub commands: Vec<Command>,
}

/// Looks for units of `root` that hold up its boot. `commands`: what cloud-init runs in it.
pub fn boot_order(root: Root<'_>, commands: &[Command]) -> Vec<Finding> {
    let units = Units::new(root);
    let Some(target) = boot::target(&units) else {
        let help = "install systemd-sysv, and do not mask default.target: systemctl set-default multi-user.target";
        return vec![Finding::new(Code::NoBootTarget, "systemd has no default.target to boot to", help)];
    };
    let jobs = boot::jobs(&units, &[target]);
    let interfaces = ifupdown::read(root);
    let mut starts: BTreeMap<String, Vec<Start>> = BTreeMap::new();
    for unit in jobs
        .iter()
        .filter(|name| boot::is_service(name))
        .filter_map(|name| units.get(name))
        .filter(|unit| boot::may_run(root, unit))
    {
        let own: Vec<&Command> = commands
            .iter()
            .filter(|command| command.stage.units().contains(&unit.name.as_str()))
            .collect();
        starts.insert(unit.name.clone(), scripts::starts(root, &interfaces, &unit, &own));
    }
    let mut findings = deadlocks(&units, &jobs, &starts);
    findings.extend(boot::cycles(&boot::order(&units, &jobs)).into_iter().map(cycle));
    findings
}

/// The names of the units that a boot of `root` starts, without aliases; none if it has no default.target.
pub fn jobs(root: Root<'_>) -> BTreeSet<String> {
    let units = Units::new(root);
    boot::target(&units).map(|target| boot::jobs(&units, &[target])).unwrap_or_default()
}

/// A unit's part in a deadlock.
struct Deadlock<'a> {
    service: &'a str,
    start: &'a Start,
    /// From the unit that is started to the service; empty if it starts itself.
    way: Vec<(String, Why)>,
}

fn deadlocks(units: &Units<'_>, jobs: &BTreeSet<String>, starts: &BTreeMap<String, Vec<Start>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen: BTreeSet<(String, String, bool)> = BTreeSet::new();
    // What scripts start has a job, too.
    let certain = starts.values().flatten().filter(|start| start.lacks.is_empty());
    let mut started = jobs.clone();
    started.extend(boot::jobs(units, &certain.map(|start| start.unit.clone()).collect::<Vec<_>>()));
    for (service, own) in starts {
        for start in own {
            let Some(unit) = units.get(&start.unit) else { continue };
            let name = unit.name.clone();
            let mut all = started.clone();
            all.extend(boot::jobs(units, std::slice::from_ref(&name)));
            let mut order = boot::order(units, &all);
            // Other services wait for what they start, too.
            others(&mut order, units, service, starts);
            let way = match *service == name {
                true => Some(Vec::new()),
                false => boot::way(&order, &name, service),
            };
            let is_latent = !start.lacks.is_empty();
            if let Some(way) = way.filter(|_| seen.insert((service.clone(), name.clone(), is_latent))) {
                findings.push(deadlock(units, &name, &Deadlock { service, start, way }));
            }
        }
    }
    findings
}

fn others(order: &mut Order, units: &Units<'_>, service: &str, starts: &BTreeMap<String, Vec<Start>>) {
    for (other, theirs) in starts.iter().filter(|(other, _)| *other != service) {
        for start in theirs.iter().filter(|start| start.lacks.is_empty()) {
            let name = units.canonical(&start.unit);
            if order.contains_key(&name) && name != *other {
                let waits = order.entry(other.clone()).or_default();
                waits
                    .entry(name)
                    .or_insert_with(|| Why::Starts(start.command.clone(), start.place.clone()));
            }
        }
    }
}

fn deadlock(units: &Units<'_>, name: &str, found: &Deadlock<'_>) -> Finding {
    let service = found.service;
    let limit = units.get(service).and_then(|unit| boot::start_limit(&unit));
    let waits = match &limit {
        Some(limit) => format!("for {limit} at every boot (its start limit)"),
        None => "without end at every boot (it has no start limit)".to_owned(),
    };
    let start = found.start;
    let (code, when) = match start.lacks.as_slice() {
        [] => (Code::Deadlock, String::new()),
        lacks => {
            let options: Vec<String> = lacks
                .iter()
                .map(|name| name.trim_start_matches("IF_").to_ascii_lowercase())
                .collect();
            (Code::LatentDeadlock, format!(", as soon as a stanza has {}", options.join(", ")))
        }
    };
    let mut message = format!("{service} would wait for itself {waits}{when}\n{service}");
    message += &format!("\n-> runs `{}`, {}", start.command, start.place);
    if let Some(stanza) = &start.stanza {
        message += &format!(", for {stanza}");
    }
    message += &format!("\n-> {name}");
    for (next, why) in &found.way {
        message += &format!("\n-> waits for {next}: {why}");
    }
    Finding::new(code, message, advice(name, found))
}

fn advice(name: &str, found: &Deadlock<'_>) -> String {
    match found.way.first() {
        Some((_, Why::Default)) => format!(
            "put into /etc/systemd/system/{name}.d/boot-order.conf:\n[Unit]\nDefaultDependencies=no\nConflicts=shutdown.target\nBefore=shutdown.target"
        ),
        Some((next, _)) => format!("take away that {name} waits for {next}, or call systemctl with --no-block"),
        None => "call systemctl with --no-block, or leave the call out".to_owned(),
    }
}

fn cycle(way: Vec<(String, Why)>) -> Finding {
    let first = way.last().map_or("", |(name, _)| name.as_str());
    let mut message = format!("units wait for each other, and systemd drops the start of one of them\n{first}");
    for (next, why) in &way {
        message += &format!("\n-> waits for {next}: {why}");
    }
    Finding::new(
        Code::Cycle,
        message,
        "take one of these Before= or After= away, in a copy of its unit below /etc/systemd/system",
    )
}

#[cfg(test)]
mod tests;
