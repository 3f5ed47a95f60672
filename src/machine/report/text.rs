//! The report as people read it: what, how well, what is wrong, how fast; the answer in the last line.

mod boot;
mod links;
mod repeated;

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{HostTimings, Report, Scenario};
use crate::machine::probe::{Measured, Probe, State, Subject, Verdict};
use crate::spec::HostName;

/// Widest host name a column of the matrix shows whole.
const COLUMN_MAX: usize = 20;

/// Colours, where they are wanted (ECMA-48 8.3.117). Every coloured word says the same without its colour.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    pub color: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn state(self, state: State, text: &str) -> String {
        match state {
            State::Green => self.with("32", text),
            State::Red => self.with("1;31", text),
            State::Skipped => self.with("2", text),
        }
    }

    fn title(self, text: &str) -> String {
        self.with("1", text)
    }
}

/// The whole text.
pub fn report(report: &Report, paint: Paint) -> String {
    let mut text = String::new();
    let hosts = report.hosts.len();
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        text,
        "{}: {hosts} hosts on {}",
        paint.title(report.cluster.as_str()),
        report.machines
    );
    text.push_str(&matrix(report, &report.verdicts, paint));
    text.push_str(&probes(&report.verdicts, paint));
    text.push_str(&details(&report.verdicts, paint));
    if let Some(topology) = &report.topology {
        text.push_str(&links::links(topology, paint));
    }
    text.push_str(&timings(report, paint));
    text.push_str(&boots(&report.verdicts, paint));
    text.push_str(&boot::slowest_units(report, paint));
    text.push_str(&scenarios(report, paint));
    text.push_str(&repeated::repeated(report, paint));
    text.push('\n');
    if let Some(folder) = &report.bundle {
        let _ = writeln!(text, "logs and states of the failure: {}", folder.display());
    }
    text.push_str(&last_line(report, paint));
    text
}

fn last_line(report: &Report, paint: Paint) -> String {
    let line = match report.red_count() {
        0 if report.is_green() => paint.state(State::Green, "all green"),
        0 => paint.state(State::Red, "nothing was checked"),
        reds => paint.state(State::Red, &format!("{reds} red")),
    };
    line + "\n"
}

/// Container to container: from the host of the row to the host of the column.
fn matrix(report: &Report, verdicts: &[Verdict], paint: Paint) -> String {
    let find = |from: &HostName, to: &HostName| {
        verdicts.iter().find(|verdict| {
            verdict.probe == Probe::ContainerPing && matches!(&verdict.subject, Subject::Pair { from: f, to: t } if f == from && t == to)
        })
    };
    let none = !report
        .hosts
        .iter()
        .any(|from| report.hosts.iter().any(|to| find(from, to).is_some()));
    if none {
        return String::new();
    }
    let short = |host: &HostName| host.as_str().chars().take(COLUMN_MAX).collect::<String>();
    let width = report
        .hosts
        .iter()
        .map(|host| short(host).len())
        .max()
        .unwrap_or(0)
        .max("1234.5 ms".len());
    let mut text = format!("\n{}\n", paint.title("Ping from container to container (row to column)"));
    let _ = write!(text, "  {:width$}", "");
    for to in &report.hosts {
        let _ = write!(text, "  {:>width$}", short(to));
    }
    text.push('\n');
    for from in &report.hosts {
        let _ = write!(text, "  {:width$}", short(from));
        for to in &report.hosts {
            let (state, word) = match find(from, to) {
                Some(verdict) => (verdict.state, cell(verdict)),
                None if from == to => (State::Skipped, "-".to_owned()),
                None => (State::Red, "?".to_owned()),
            };
            // Padded before it is painted: escape sequences have no width.
            let _ = write!(text, "  {}", paint.state(state, &format!("{word:>width$}")));
        }
        text.push('\n');
    }
    text
}

fn cell(verdict: &Verdict) -> String {
    match (verdict.state, &verdict.measured) {
        (State::Red, _) => "FAILED".to_owned(),
        (_, Some(measured)) => number(measured),
        (_, None) => "ok".to_owned(),
    }
}

fn number(measured: &Measured) -> String {
    let Measured { value, unit } = measured;
    match *unit {
        "ms" | "s" => format!("{value:.1} {unit}"),
        _ => format!("{value:.0} {unit}"),
    }
}

/// One line per probe.
fn probes(verdicts: &[Verdict], paint: Paint) -> String {
    let lines: String = Probe::ALL.iter().filter_map(|probe| probe_line(*probe, verdicts, paint)).collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("\n{}\n{lines}", paint.title("Probes"))
}

fn probe_line(probe: Probe, verdicts: &[Verdict], paint: Paint) -> Option<String> {
    let of_probe: Vec<&Verdict> = verdicts.iter().filter(|verdict| verdict.probe == probe).collect();
    let count = |state| of_probe.iter().filter(|verdict| verdict.state == state).count();
    let (green, red) = (count(State::Green), count(State::Red));
    let state = match (of_probe.len(), green, red) {
        (0, ..) => return None,
        (_, _, 1..) => State::Red,
        (_, 0, 0) => State::Skipped,
        _ => State::Green,
    };
    let word = match state {
        State::Green => "green",
        State::Red => "RED",
        State::Skipped => "skipped",
    };
    let counts = match state {
        State::Green => format!("{green} of {green}"),
        State::Red => format!("{red} of {} red", green + red),
        State::Skipped => "not planned".to_owned(),
    };
    let numbers = range(&of_probe).map(|range| format!("  [{range}]")).unwrap_or_default();
    let word = paint.state(state, &format!("{word:<7}"));
    Some(format!("  {word}  {:<14}  {counts:<14}  {}{numbers}\n", probe.name(), probe.what()))
}

/// Smallest and largest of what was measured.
fn range(verdicts: &[&Verdict]) -> Option<String> {
    let mut measured: Vec<&Measured> = verdicts.iter().filter_map(|verdict| verdict.measured.as_ref()).collect();
    measured.sort_by(|one, other| one.value.total_cmp(&other.value));
    let (least, most) = (number(measured.first()?), number(measured.last()?));
    Some(if least == most { least } else { format!("{least} to {most}") })
}

/// Every red verdict; each help once, after the first verdicts that share it.
fn details(verdicts: &[Verdict], paint: Paint) -> String {
    let reds: Vec<&Verdict> = verdicts.iter().filter(|verdict| verdict.is_red()).collect();
    if reds.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", paint.title("What is wrong"));
    let mut given = BTreeSet::new();
    for (index, red) in reds.iter().enumerate() {
        let head = paint.state(State::Red, &format!("{} ({})", red.probe, red.subject));
        let _ = writeln!(text, "  {head}: {}", red.summary.replace('\n', "\n    "));
        let shared = reds.get(index + 1).is_some_and(|next| next.help == red.help);
        if let Some(help) = red.help.as_ref().filter(|_| !shared)
            && given.insert(help)
        {
            let _ = writeln!(text, "    help: {help}");
        }
    }
    text
}

fn timings(report: &Report, paint: Paint) -> String {
    if report.timings.is_empty() {
        return String::new();
    }
    let name_width = report.timings.keys().map(|host| host.as_str().len()).max().unwrap_or(0);
    let columns = ["ssh", "cloud-init done", "mesh ready", "container runs"];
    let mut text = format!("\n{}\n  {:name_width$}", paint.title("Boot, seconds after power-on"), "");
    for column in columns {
        let _ = write!(text, "  {column:>15}");
    }
    text.push('\n');
    for host in report.hosts.iter().filter(|host| report.timings.contains_key(*host)) {
        let timings = report.timings.get(host).copied().unwrap_or_default();
        let HostTimings {
            ssh_seconds,
            cloud_init_done_seconds,
            mesh_ready_seconds,
            container_running_seconds,
        } = timings;
        let _ = write!(text, "  {:name_width$}", host.as_str());
        for value in [ssh_seconds, cloud_init_done_seconds, mesh_ready_seconds, container_running_seconds] {
            let shown = value.map_or_else(|| "?".to_owned(), |value| format!("{value:.1}"));
            let _ = write!(text, "  {shown:>15}");
        }
        text.push('\n');
    }
    text
}

/// Where the time went, from the probe `boot`; what is red there was said already.
fn boots(verdicts: &[Verdict], paint: Paint) -> String {
    let is_fine = |verdict: &&Verdict| verdict.probe == Probe::Boot && verdict.state == State::Green;
    let line = |verdict: &Verdict| format!("  {}: {}\n", verdict.subject, verdict.summary);
    let lines: String = verdicts.iter().filter(is_fine).map(line).collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("\n{}\n{lines}", paint.title("Where the time went, from the kernel's start"))
}

fn scenarios(report: &Report, paint: Paint) -> String {
    if report.scenarios.is_empty() {
        return String::new();
    }
    let mut text = format!("\n{}\n", paint.title("Faults"));
    for scenario in &report.scenarios {
        text.push_str(&scenario_lines(scenario, paint));
    }
    text
}

fn scenario_lines(scenario: &Scenario, paint: Paint) -> String {
    let complaint = scenario.complaint();
    let reds = scenario.verdicts.iter().filter(|verdict| verdict.is_red()).count();
    let (state, word) = if complaint.is_none() && reds == 0 {
        (State::Green, "green")
    } else {
        (State::Red, "RED")
    };
    let word = paint.state(state, &format!("{word:<7}"));
    let mut text = format!("  {word}  {:<14}  {}\n", scenario.label(), scenario.what);
    if let Some(outage) = &scenario.outage {
        let bound = if outage.at_least.is_some() { "at least " } else { "" };
        let limit = scenario.limit().map(|limit| format!(" ({limit})")).unwrap_or_default();
        let duplicates = match outage.duplicates {
            0 => String::new(),
            count => format!(", {count} duplicates"),
        };
        let _ = writeln!(
            text,
            "    outage between containers: {bound}{:.2} s{limit}, {} of {} pings answered{duplicates}",
            outage.outage_seconds, outage.received, outage.sent
        );
    }
    if let Some(complaint) = complaint {
        let _ = writeln!(text, "    {}", paint.state(State::Red, &complaint));
    }
    if reds == 0 && !scenario.verdicts.is_empty() {
        text.push_str("    afterwards: all probes green\n");
    } else if reds > 0 {
        let _ = writeln!(text, "    afterwards: {reds} of {} verdicts red", scenario.verdicts.len());
        for red in scenario.verdicts.iter().filter(|verdict| verdict.is_red()) {
            let _ = writeln!(
                text,
                "      {} ({}): {}",
                red.probe,
                red.subject,
                red.summary.replace('\n', "\n        ")
            );
        }
    }
    text
}
