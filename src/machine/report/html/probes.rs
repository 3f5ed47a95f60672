//! Each probe in a line, and each host against each probe.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::parts::{Tone, number, scrolling};
use crate::machine::probe::{Measured, Probe, State, Subject, Verdict};
use crate::machine::report::Report;
use crate::spec::HostName;

pub fn body(report: &Report) -> Option<Markup> {
    let probes: Vec<Probe> = Probe::ALL
        .into_iter()
        .filter(|probe| report.verdicts.iter().any(|verdict| verdict.probe == *probe))
        .collect();
    if probes.is_empty() {
        return None;
    }
    Some(html! {
        div.card { (scrolling("Table of the probes", &summary(report, &probes))) }
        div.card {
            p.muted { "What was found about a pair of hosts counts for both." }
            (scrolling("Table of hosts by probes", &by_host(report, &probes)))
        }
    })
}

fn summary(report: &Report, probes: &[Probe]) -> Markup {
    html! {
        table.probes {
            caption { "What was checked before any fault" }
            thead { tr {
                th scope="col" { "probe" } th scope="col" { "verdict" } th.number scope="col" { "green" } th.number scope="col" { "measured" }
                th scope="col" { "what it checks" }
            } }
            tbody {
                @for probe in probes {
                    @let verdicts: Vec<&Verdict> = report.verdicts.iter().filter(|verdict| verdict.probe == *probe).collect();
                    @let tally = Tally::of(&verdicts);
                    tr {
                        th scope="row" { (probe.name()) }
                        td { (tally.tone().chip()) }
                        td.number { @if tally.checked() == 0 { "not planned" } @else { (tally.green) " of " (tally.checked()) } }
                        td.number { (range(&verdicts)) }
                        td.wide { (probe.what()) }
                    }
                }
            }
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    green: usize,
    red: usize,
}

impl Tally {
    fn of(verdicts: &[&Verdict]) -> Self {
        let mut tally = Self::default();
        verdicts.iter().for_each(|verdict| tally.add(verdict.state));
        tally
    }

    fn add(&mut self, state: State) {
        match state {
            State::Green => self.green += 1,
            State::Red => self.red += 1,
            State::Skipped => {}
        }
    }

    fn checked(&self) -> usize {
        self.green + self.red
    }

    fn tone(&self) -> Tone {
        match (self.red, self.green) {
            (1.., _) => Tone::Red,
            (0, 1..) => Tone::Green,
            _ => Tone::Skipped,
        }
    }
}

/// Smallest and largest of what was measured.
fn range(verdicts: &[&Verdict]) -> String {
    let mut measured: Vec<&Measured> = verdicts.iter().filter_map(|verdict| verdict.measured.as_ref()).collect();
    measured.sort_by(|one, other| one.value.total_cmp(&other.value));
    match (measured.first(), measured.last()) {
        (Some(least), Some(most)) if number(least) == number(most) => number(least),
        (Some(least), Some(most)) => format!("{} to {}", number(least), number(most)),
        _ => String::new(),
    }
}

/// By host, `None` for what is about the whole cluster, and probe.
type Tallies<'a> = BTreeMap<(Option<&'a HostName>, Probe), Tally>;

fn tallies(report: &Report) -> Tallies<'_> {
    let mut tallies = Tallies::new();
    for verdict in &report.verdicts {
        let about = match &verdict.subject {
            Subject::Cluster => vec![None],
            Subject::Host { host } => vec![Some(host)],
            Subject::Pair { from, to } => vec![Some(from), Some(to)],
        };
        for host in about {
            tallies.entry((host, verdict.probe)).or_default().add(verdict.state);
        }
    }
    tallies
}

fn by_host(report: &Report, probes: &[Probe]) -> Markup {
    let tallies = tallies(report);
    html! {
        table.matrix.upright {
            caption { "Verdicts by host and probe" }
            thead { tr {
                th scope="col" { "host" }
                @for probe in probes { th scope="col" { span { (probe.name()) } } }
            } }
            tbody {
                @for host in &report.hosts { tr {
                    th scope="row" { (host) }
                    @for probe in probes { (cell(*probe, tallies.get(&(Some(host), *probe)))) }
                } }
                @if tallies.keys().any(|(host, _)| host.is_none()) { tr {
                    th scope="row" { "whole cluster" }
                    @for probe in probes { (cell(*probe, tallies.get(&(None, *probe)))) }
                } }
            }
        }
    }
}

fn cell(probe: Probe, tally: Option<&Tally>) -> Markup {
    let Some(tally) = tally else {
        return html! { td.none { span.hidden { "nothing" } } };
    };
    let tone = tally.tone();
    html! {
        td class={ "mark " (tone.word()) } {
            @if tone == Tone::Red {
                a href={ "#wrong-" (probe.name()) } {
                    span aria-hidden="true" { (tone.sign()) " " }
                    span.hidden { (probe.name()) ": " } (tally.red) span.hidden { " red" }
                }
            } @else {
                span aria-hidden="true" { (tone.sign()) } span.hidden { (tone.word()) }
            }
        }
    }
}
