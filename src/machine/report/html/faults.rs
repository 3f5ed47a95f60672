//! The scenarios: all in one table, then each with its runs.

use maud::{Markup, html};

use super::parts::{Tone, plain, scrolling, seconds};
use super::runs;
use super::scale::median;
use crate::machine::report::{Report, Scenario};

/// The runs of one scenario, with their places in the report from 1.
pub struct Group<'a> {
    pub name: &'a str,
    pub runs: Vec<(usize, &'a Scenario)>,
}

impl Group<'_> {
    fn tone(&self) -> Tone {
        Tone::worst(self.runs.iter().map(|(_, scenario)| Tone::of_scenario(scenario)))
    }

    fn outages(&self) -> Vec<f64> {
        self.runs
            .iter()
            .filter_map(|(_, run)| Some(run.outage.as_ref()?.outage_seconds))
            .collect()
    }

    /// Whether an outage may have been longer than was seen.
    fn is_open(&self) -> bool {
        self.runs
            .iter()
            .any(|(_, run)| run.outage.as_ref().is_some_and(|outage| outage.at_least.is_some()))
    }

    fn worst(&self) -> Option<String> {
        let worst = self.outages().into_iter().max_by(f64::total_cmp)?;
        let bound = if self.is_open() { "at least " } else { "" };
        Some(format!("{bound}{}", seconds(worst)))
    }

    /// Answered and sent, over all runs.
    fn pings(&self) -> Option<(u64, u64)> {
        let outages = self.runs.iter().filter_map(|(_, run)| run.outage.as_ref());
        outages
            .map(|outage| (outage.received, outage.sent))
            .reduce(|one, other| (one.0.saturating_add(other.0), one.1.saturating_add(other.1)))
    }
}

pub fn body(report: &Report) -> Option<Markup> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (index, scenario) in report.scenarios.iter().enumerate() {
        let run = (index + 1, scenario);
        match groups.iter_mut().find(|group| group.name == scenario.name) {
            Some(group) => group.runs.push(run),
            None => groups.push(Group {
                name: &scenario.name,
                runs: vec![run],
            }),
        }
    }
    if groups.is_empty() {
        return None;
    }
    Some(html! {
        div.card { (scrolling("Table of the faults", &overview(&groups))) }
        @for group in &groups { (article(group)) }
    })
}

fn id(group: &Group<'_>) -> String {
    format!("fault-{}", group.runs.first().map_or(0, |(number, _)| *number))
}

fn overview(groups: &[Group<'_>]) -> Markup {
    let repeated = groups.iter().any(|group| group.runs.len() > 1);
    html! {
        table {
            caption { "Faults that were caused, and the outage between containers that were to stay connected" }
            thead { tr {
                th scope="col" { "fault" } th scope="col" { "verdict" }
                @if repeated { th.number scope="col" { "runs" } th.number scope="col" { "outage, p50" } th.number scope="col" { "outage, worst" } }
                @else { th.number scope="col" { "outage" } }
                th.number scope="col" { "limit" } th.number scope="col" { "pings lost" } th scope="col" { "afterwards" }
            } }
            tbody { @for group in groups { tr {
                th scope="row" { a href={ "#" (id(group)) } { (plain(group.name)) } }
                td { (group.tone().chip()) }
                @if repeated {
                    td.number { (group.runs.len()) }
                    td.number { (median(&group.outages()).map_or_else(|| "not measured".to_owned(), seconds)) }
                }
                td.number { (group.worst().unwrap_or_else(|| "not measured".to_owned())) }
                td.number { (limit(group)) }
                td.number { @match group.pings() { Some((answered, sent)) => { (sent.saturating_sub(answered)) " of " (sent) }, None => "–" } }
                td { (afterwards(group)) }
            } } }
        }
    }
}

fn limit(group: &Group<'_>) -> String {
    let limits = group.runs.iter().filter_map(|(_, run)| run.limit_seconds);
    limits.reduce(f64::min).map_or_else(|| "none".to_owned(), seconds)
}

fn afterwards(group: &Group<'_>) -> String {
    let verdicts = || group.runs.iter().flat_map(|(_, run)| &run.verdicts);
    let reds = verdicts().filter(|verdict| verdict.is_red()).count();
    match (verdicts().count(), reds) {
        (0, _) => "nothing probed".to_owned(),
        (_, 0) => "all green".to_owned(),
        (all, reds) => format!("{reds} of {all} red"),
    }
}

fn article(group: &Group<'_>) -> Markup {
    let id = id(group);
    let (tone, shared) = (group.tone(), runs::Shared::of(&group.runs));
    html! {
        article class={ "card " (tone.word()) } id=(id) aria-labelledby={ (id) "-title" } {
            h3 id={ (id) "-title" } { (plain(group.name)) " " (tone.chip()) }
            (shared.markup())
            @if group.runs.len() > 1 && !group.outages().is_empty() { (spread(group)) }
            (runs::legend(&group.runs))
            @for (number, scenario) in &group.runs { (runs::run(*number, scenario, group.runs.len() == 1, &shared)) }
        }
    }
}

fn spread(group: &Group<'_>) -> Markup {
    html! {
        dl.figures {
            div { dt { "Outage, p50" } dd { strong { (median(&group.outages()).map(seconds).unwrap_or_default()) } " " span { "the one in the middle" } } }
            div { dt { "Outage, worst" } dd { strong { (group.worst().unwrap_or_default()) } " " span { "limit " (limit(group)) } } }
            div { dt { "Runs" } dd { strong { (group.runs.len()) } " " span { (group.outages().len()) " with a measured outage" } } }
        }
    }
}
