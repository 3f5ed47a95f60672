//! One run of a scenario.

use maud::{Markup, html};

use super::parts::{Tone, count, plain, scrolling, seconds};
use super::{problems, timeline};
use crate::machine::outage::Outage;
use crate::machine::probe::{State, Verdict};
use crate::machine::report::Scenario;

/// `number` is its place in the report, from 1. `alone` or one of several, which share what they have in common above them.
pub fn run(number: usize, scenario: &Scenario, alone: bool, shared: &Shared<'_>) -> Markup {
    let id = format!("run-{number}");
    html! {
        div.run id=(id) {
            @if !alone { h4 { "Run " (scenario.repetition) " " (Tone::of_scenario(scenario).chip()) } }
            @if shared.what.is_none() { (what(scenario)) }
            @if let Some(complaint) = scenario.complaint() {
                p.complaint { span aria-hidden="true" { "✕ " } strong { "Red: " } span.output { (plain(&complaint)) } }
            }
            @if let Some(outage) = &scenario.outage { (measured(scenario, outage, &id)) }
            @else { p.muted { "No outage was measured." } }
            @if shared.by_design.is_none() { (by_design(scenario)) }
            (afterwards(scenario))
        }
    }
}

/// What all runs of a scenario have in common, and so is said once.
pub struct Shared<'a> {
    what: Option<&'a Scenario>,
    by_design: Option<&'a Scenario>,
}

impl<'a> Shared<'a> {
    pub fn of(runs: &[(usize, &'a Scenario)]) -> Self {
        let first = runs.first().map(|(_, run)| *run);
        let same = |alike: fn(&Scenario, &Scenario) -> bool| first.filter(|first| runs.iter().all(|(_, run)| alike(first, run)));
        Self {
            what: same(|one, other| one.what == other.what),
            by_design: same(|one, other| one.by_design == other.by_design),
        }
    }

    /// Above the runs.
    pub fn markup(&self) -> Markup {
        html! {
            @if let Some(scenario) = self.what { (what(scenario)) }
            @if let Some(scenario) = self.by_design { (by_design(scenario)) }
        }
    }
}

fn what(scenario: &Scenario) -> Markup {
    html! { @if !scenario.what.is_empty() { p { "Done: " span.output { (plain(&scenario.what)) } "." } } }
}

fn by_design(scenario: &Scenario) -> Markup {
    html! { @if let Some(why) = &scenario.by_design { p.note { strong { "By design: " } span.output { (plain(why)) } } } }
}

fn measured(scenario: &Scenario, outage: &Outage, id: &str) -> Markup {
    let bound = if outage.at_least.is_some() { "at least " } else { "" };
    let lost = outage.sent.saturating_sub(outage.received);
    html! {
        p {
            "Outage " strong { (bound) (seconds(outage.outage_seconds)) }
            @if let Some([from, to]) = &scenario.between { " from a container on " (from) " to one on " (to) }
            @if let Some(limit) = scenario.limit() { ", " (limit) }
            "; " (lost) " of " (count(usize::try_from(outage.sent).unwrap_or(usize::MAX), "ping")) " lost"
            @if outage.duplicates > 0 { ", " (outage.duplicates) " answered more than once" }
            "."
        }
        @if let Some(drawing) = timeline::drawing(outage, scenario.limit_seconds, id) {
            figure.time { (drawing) }
            details {
                summary { "The timeline as a table" }
                (scrolling(&format!("Table of lost pings of {}, run {}", plain(&scenario.name), scenario.repetition), &lost_table(outage)))
            }
        }
    }
}

/// What the signs of the timelines mean; nothing where there is none.
pub fn legend(runs: &[(usize, &Scenario)]) -> Markup {
    let outages = || runs.iter().filter_map(|(_, run)| Some((*run, run.outage.as_ref()?)));
    let drawn = outages().any(|(_, outage)| outage.timeline.length_seconds > 0.0);
    let faults = outages().any(|(_, outage)| outage.timeline.fault_at_seconds.is_some());
    html! {
        @if drawn {
            ul.legend {
                li { span.swatch.answered {} "pings answered" }
                li { (lost_swatch()) "no reply" }
                @if faults {
                    li { span.swatch.fault {} "the fault" }
                    @if runs.iter().any(|(_, run)| run.limit_seconds.is_some()) { li { span.swatch.limit {} "the limit" } }
                }
            }
        }
    }
}

fn lost_swatch() -> Markup {
    html! { svg width="22" height="14" aria-hidden="true" focusable="false" { rect.lost x="0.5" y="0.5" width="21" height="13" {} } }
}

fn lost_table(outage: &Outage) -> Markup {
    html! {
        table {
            caption { "Seconds after the first ping. " (timeline::sentence(outage)) }
            thead { tr { th scope="col" { "what" } th scope="col" { "from" } th scope="col" { "to" } th scope="col" { "length" } } }
            tbody {
                @if let Some(fault) = outage.timeline.fault_at_seconds {
                    tr { th scope="row" { "fault" } td.number { (seconds(fault)) } td.number { "–" } td.number { "–" } }
                }
                @for [from, to] in &outage.timeline.lost {
                    tr { th scope="row" { "no reply" } td.number { (seconds(*from)) } td.number { (seconds(*to)) } td.number { (seconds(to - from)) } }
                }
                tr {
                    th scope="row" { "all pings" } td.number { (seconds(0.0)) }
                    td.number { (seconds(outage.timeline.length_seconds)) } td.number { (seconds(outage.timeline.length_seconds)) }
                }
            }
        }
    }
}

fn afterwards(scenario: &Scenario) -> Markup {
    let reds: Vec<&Verdict> = scenario.verdicts.iter().filter(|verdict| verdict.is_red()).collect();
    let green = scenario.verdicts.iter().filter(|verdict| verdict.state == State::Green).count();
    html! {
        @if reds.is_empty() && green > 0 {
            p { span.good { span aria-hidden="true" { "✓ " } "Afterwards: " (count(green, "verdict")) ", all green." } }
        } @else if !reds.is_empty() {
            details open {
                summary { "Afterwards: " (reds.len()) " of " (scenario.verdicts.len()) " verdicts red" }
                @for probe in crate::machine::probe::Probe::ALL {
                    @let of_probe: Vec<&Verdict> = reds.iter().copied().filter(|red| red.probe == probe).collect();
                    @if !of_probe.is_empty() {
                        p.probe { strong { (probe.name()) } }
                        (problems::findings(&of_probe))
                    }
                }
            }
        }
    }
}
