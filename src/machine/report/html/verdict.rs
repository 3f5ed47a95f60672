//! The first thing to see: is all well, and if not, where to look.

use maud::{Markup, html};

use super::parts::{Tone, count, number, plain, seconds};
use crate::machine::probe::{Measured, Probe, State, Verdict};
use crate::machine::report::{LinkState, Report};

/// The answer in two words.
pub struct Headline {
    pub tone: Tone,
    pub text: String,
}

pub fn headline(report: &Report) -> Headline {
    match report.red_count() {
        0 if report.is_green() => Headline {
            tone: Tone::Green,
            text: "All green".to_owned(),
        },
        0 => Headline {
            tone: Tone::Red,
            text: "Nothing was checked".to_owned(),
        },
        reds => Headline {
            tone: Tone::Red,
            text: format!("{reds} red"),
        },
    }
}

pub fn section(report: &Report, headline: &Headline) -> Markup {
    html! {
        section id="verdict" class={ "verdict " (headline.tone.word()) } aria-labelledby="verdict-title" {
            h2 id="verdict-title" {
                span.seal aria-hidden="true" { (headline.tone.sign()) }
                (headline.text)
            }
            p { (sentence(report)) }
            (places(report))
            @if let Some(folder) = &report.bundle {
                p { "Logs and states of the failure are in " code.output { (plain(&folder.to_string_lossy())) } }
            }
            (figures(report))
        }
    }
}

/// What was looked at.
fn sentence(report: &Report) -> String {
    let verdicts = |state| report.verdicts.iter().filter(|verdict| verdict.state == state).count();
    let (green, red, skipped) = (verdicts(State::Green), verdicts(State::Red), verdicts(State::Skipped));
    let mut text = format!("{green} of {} green", count(green + red, "check"));
    if skipped > 0 {
        text += &format!(", {skipped} not planned");
    }
    let faults = report.scenarios.len();
    if faults > 0 {
        let fine = report.scenarios.iter().filter(|scenario| scenario.red_count() == 0).count();
        text += &format!("; {fine} of {} went as they should", count(faults, "fault"));
    }
    text + "."
}

/// Links to all that is red.
fn places(report: &Report) -> Markup {
    let reds = |probe: Probe| {
        report
            .verdicts
            .iter()
            .filter(|verdict| verdict.probe == probe && verdict.is_red())
            .count()
    };
    html! {
        @if report.red_count() > 0 {
            ul.places {
                @for probe in Probe::ALL {
                    @if reds(probe) > 0 {
                        li { a href={ "#wrong-" (probe.name()) } { (probe.name()) } ": " (reds(probe)) " red" }
                    }
                }
                @for (index, scenario) in report.scenarios.iter().enumerate() {
                    @if scenario.red_count() > 0 {
                        li {
                            a href={ "#run-" (index + 1) } { (plain(&scenario.name)) @if scenario.repetition > 1 { ", run " (scenario.repetition) } }
                            ": "
                            @if let Some(complaint) = scenario.complaint() { span.output { (plain(&complaint)) } }
                            @else { (count(scenario.red_count(), "red verdict")) " afterwards" }
                        }
                    }
                }
            }
        }
    }
}

/// The few numbers that people ask for first.
fn figures(report: &Report) -> Markup {
    let figures: Vec<(&str, String, String)> = [outage(report), pings(report), links(report), boot(report)]
        .into_iter()
        .flatten()
        .collect();
    html! {
        @if !figures.is_empty() {
            dl.figures {
                @for (name, value, about) in &figures {
                    div { dt { (name) } dd { strong { (value) } " " span { (plain(about)) } } }
                }
            }
        }
    }
}

fn outage(report: &Report) -> Option<(&'static str, String, String)> {
    let measured = report
        .scenarios
        .iter()
        .filter_map(|scenario| Some((scenario, scenario.outage.as_ref()?)));
    let (scenario, worst) = measured.max_by(|one, other| one.1.outage_seconds.total_cmp(&other.1.outage_seconds))?;
    let bound = if worst.at_least.is_some() { "at least " } else { "" };
    Some((
        "Worst outage",
        format!("{bound}{}", seconds(worst.outage_seconds)),
        scenario.name.clone(),
    ))
}

fn pings(report: &Report) -> Option<(&'static str, String, String)> {
    let is_ping = |verdict: &&Verdict| verdict.probe == Probe::ContainerPing && !verdict.is_red();
    let slowest: &Measured = report
        .verdicts
        .iter()
        .filter(is_ping)
        .filter_map(|verdict| verdict.measured.as_ref())
        .max_by(|one, other| one.value.total_cmp(&other.value))?;
    Some(("Slowest ping", number(slowest), "container to container".to_owned()))
}

fn links(report: &Report) -> Option<(&'static str, String, String)> {
    let links = &report.topology.as_ref()?.links;
    let of = |state| links.iter().filter(|link| link.state == state).count();
    let mut about = format!("forwarding, {} in reserve", of(LinkState::Blocked));
    let lost = of(LinkState::Down) + of(LinkState::Unknown);
    if lost > 0 {
        about += &format!(", {lost} down or unknown");
    }
    Some(("Links", of(LinkState::Forwarding).to_string(), about))
}

fn boot(report: &Report) -> Option<(&'static str, String, String)> {
    let ready = report
        .timings
        .iter()
        .filter_map(|(host, timings)| Some((host, timings.mesh_ready_seconds?)));
    let (host, last) = ready.max_by(|one, other| one.1.total_cmp(&other.1))?;
    let unknown = report
        .timings
        .values()
        .filter(|timings| timings.mesh_ready_seconds.is_none())
        .count();
    let never = if unknown > 0 {
        format!(", {} unknown", count(unknown, "host"))
    } else {
        String::new()
    };
    Some(("Mesh ready", seconds(last), format!("after power-on, {host} last{never}")))
}
