//! Pings from container to container.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::DRAWN_HOSTS;
use super::parts::{Tone, plain, scrolling};
use super::scale::{Scale, median};
use crate::machine::probe::{Measured, Probe, Subject, Verdict};
use crate::machine::report::Report;
use crate::spec::HostName;

/// From more hosts on, names of columns stand upright.
const WIDE_COLUMNS: usize = 6;

type Pairs<'a> = BTreeMap<(&'a HostName, &'a HostName), &'a Verdict>;

pub fn body(report: &Report) -> Option<Markup> {
    let pairs: Pairs<'_> = report
        .verdicts
        .iter()
        .filter(|verdict| verdict.probe == Probe::ContainerPing)
        .filter_map(|verdict| match &verdict.subject {
            Subject::Pair { from, to } => Some(((from, to), verdict)),
            _ => None,
        })
        .collect();
    if pairs.is_empty() {
        return None;
    }
    Some(html! {
        div.card {
            @if report.hosts.len() > DRAWN_HOSTS {
                p.note { "With more than " (DRAWN_HOSTS) " hosts there is a line for each host instead of a cell for each pair." }
                (scrolling("Pings of each host", &by_host(report, &pairs)))
            } @else {
                p.muted { "From the host of the row to the host of the column, mean time until the reply. A stronger colour is a slower reply." }
                (scrolling("Matrix of pings between containers", &matrix(report, &pairs)))
            }
        }
    })
}

fn matrix(report: &Report, pairs: &Pairs<'_>) -> Markup {
    let scale = Scale::over(pairs.values().filter_map(|verdict| Some(verdict.measured.as_ref()?.value)));
    let upright = report.hosts.len() > WIDE_COLUMNS;
    html! {
        table.matrix.upright[upright] {
            caption { "Ping times between containers, milliseconds" }
            thead { tr {
                th scope="col" { "from \\ to" }
                @for to in &report.hosts { th scope="col" { span { (to) } } }
            } }
            tbody {
                @for from in &report.hosts { tr {
                    th scope="row" { (from) }
                    @for to in &report.hosts { (cell(pairs.get(&(from, to)).copied(), from == to, scale)) }
                } }
            }
        }
    }
}

fn cell(verdict: Option<&Verdict>, is_self: bool, scale: Scale) -> Markup {
    let Some(verdict) = verdict else {
        return match is_self {
            true => html! { td.self { span aria-hidden="true" { "·" } span.hidden { "itself" } } },
            false => html! { td.bad { "not tried" } },
        };
    };
    match (Tone::of(verdict.state), &verdict.measured) {
        (Tone::Red, _) => html! { td.bad title=(plain(&verdict.summary)) { span aria-hidden="true" { "✕ " } "failed" } },
        (_, Some(Measured { value, .. })) => {
            html! { td class={ "heat-" (heat(*value, scale)) } { (format!("{value:.1}")) } }
        }
        (tone, None) => html! { td { (tone.word()) } },
    }
}

/// 0 to 4, in equal steps of the scale.
fn heat(value: f64, scale: Scale) -> u8 {
    let share = (value / scale.end).clamp(0.0, 1.0);
    // In range: at most 4; a NaN gives 0.
    (share * 4.99) as u8
}

fn by_host(report: &Report, pairs: &Pairs<'_>) -> Markup {
    html! {
        table {
            caption { "Pings from the container of each host to all others" }
            thead { tr {
                th scope="col" { "from" }
                @for column in ["answered", "fastest", "median", "slowest"] { th.number scope="col" { (column) } }
                th scope="col" { "failed to" }
            } }
            tbody { @for from in &report.hosts { (host_row(report, pairs, from)) } }
        }
    }
}

fn host_row(report: &Report, pairs: &Pairs<'_>, from: &HostName) -> Markup {
    let tried: Vec<(&HostName, &Verdict)> = report.hosts.iter().filter_map(|to| Some((to, *pairs.get(&(from, to))?))).collect();
    let failed: Vec<&str> = tried
        .iter()
        .filter(|(_, verdict)| verdict.is_red())
        .map(|(to, _)| to.as_str())
        .collect();
    let times: Vec<f64> = tried
        .iter()
        .filter(|(_, verdict)| !verdict.is_red())
        .filter_map(|(_, verdict)| Some(verdict.measured.as_ref()?.value))
        .collect();
    let shown = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| format!("{value:.1} ms"));
    html! {
        tr {
            th scope="row" { (from) }
            td.number { (tried.len() - failed.len()) " of " (tried.len()) }
            td.number { (shown(times.iter().copied().reduce(f64::min))) }
            td.number { (shown(median(&times))) }
            td.number { (shown(times.iter().copied().reduce(f64::max))) }
            @if failed.is_empty() { td { "none" } } @else { td.bad { span aria-hidden="true" { "✕ " } (failed.join(", ")) } }
        }
    }
}
