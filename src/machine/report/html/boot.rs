//! How long the hosts took to come up, and what they waited for.

use maud::{Markup, html};

use super::parts::{count, plain, scrolling, seconds};
use super::scale::Scale;
use crate::machine::facts::{Boot, Found};
use crate::machine::report::{HostTimings, Report};

/// Up to so many hosts show their slowest units at once.
const OPEN_HOSTS: usize = 4;

const MILESTONES: [&str; 4] = ["ssh", "cloud-init done", "mesh ready", "container runs"];

pub fn body(report: &Report) -> Option<Markup> {
    if report.timings.is_empty() && report.boots.is_empty() {
        return None;
    }
    Some(html! {
        @if !report.timings.is_empty() {
            div.card { (scrolling("Table of boot times", &timings(report))) }
        }
        @if !report.boots.is_empty() {
            div.grid { @for host in &report.hosts {
                @if let Some(boot) = report.boots.get(host) { (units(host.as_str(), boot, report.boots.len() <= OPEN_HOSTS)) }
            } }
        }
    })
}

fn milestones(timings: &HostTimings) -> [Option<f64>; 4] {
    let HostTimings {
        ssh_seconds,
        cloud_init_done_seconds,
        mesh_ready_seconds,
        container_running_seconds,
    } = *timings;
    [ssh_seconds, cloud_init_done_seconds, mesh_ready_seconds, container_running_seconds]
}

fn timings(report: &Report) -> Markup {
    let scale = Scale::over(report.timings.values().flat_map(milestones).flatten());
    html! {
        table.bars {
            caption { "Seconds after power-on; all bars on one scale, 0 to " (seconds(scale.end)) }
            thead { tr { th scope="col" { "host" } @for name in MILESTONES { th scope="col" { (name) } } } }
            tbody {
                @for (host, timings) in report.hosts.iter().filter_map(|host| Some((host, report.timings.get(host)?))) {
                    tr {
                        th scope="row" { (host) }
                        @for value in milestones(timings) {
                            td { @match value {
                                Some(value) => { (format!("{value:.1}")) (bar(scale, value, "time")) },
                                None => span.muted { "unknown" },
                            } }
                        }
                    }
                }
            }
        }
    }
}

/// The number beside it says the same.
fn bar(scale: Scale, value: f64, class: &str) -> Markup {
    html! {
        svg.bar width="100%" height="8" aria-hidden="true" focusable="false" {
            rect.ground x="0" y="0" width="100%" height="8" rx="2" {}
            rect class=(class) x="0" y="0" width=(scale.percent(value)) height="8" rx="2" {}
        }
    }
}

fn units(host: &str, boot: &Boot, open: bool) -> Markup {
    let scale = Scale::over(boot.slowest.iter().map(|unit| unit.milliseconds as f64));
    let up = boot.finish_us.map_or_else(
        || "still booting".to_owned(),
        |us| format!("all up {} after the kernel's start", seconds(us as f64 / 1e6)),
    );
    html! {
        article.card {
            h3 { (host) }
            p.muted { span.output { (plain(&boot.os)) ", kernel " (plain(&boot.kernel)) ", system " (plain(&boot.state)) } ", " (up) ", " (cloud_init(boot)) "." }
            @for unit in &boot.failed {
                p.complaint { span aria-hidden="true" { "✕ " } strong { (plain(&unit.name)) " failed: " } span.output { (plain(&unit.log)) } }
            }
            @if boot.slowest.is_empty() { p.muted { "No unit's time is known." } } @else {
                details open[open] {
                    summary { (count(boot.slowest.len(), "slowest unit")) }
                    (scrolling(&format!("Table of the slowest units of {host}"), &html! {
                        table.bars.units {
                            caption.hidden { "Slowest units of " (host) }
                            thead { tr { th scope="col" { "unit" } th scope="col" { "start took" } } }
                            tbody { @for unit in &boot.slowest { tr {
                                th scope="row" { (plain(&unit.name)) }
                                td { (seconds(unit.milliseconds as f64 / 1e3)) (bar(scale, unit.milliseconds as f64, "unit")) }
                            } } }
                        }
                    }))
                }
            }
        }
    }
}

fn cloud_init(boot: &Boot) -> Markup {
    html! { "cloud-init " @match &boot.cloud_init {
        Found::Known(status) => span.output { (plain(&status.status)) },
        Found::Unknown(why) => { "unknown: " span.output { (plain(why)) } },
    } }
}
