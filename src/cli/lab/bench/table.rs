//! What was found, for people.

use super::{Case, Found};
use crate::cli::output;
use crate::error::counted;
use crate::lab::bench::{Conditions, Measurement, Timers};

/// `16 hosts, rstp, default timers`
pub fn name(conditions: &Conditions) -> String {
    let timers = match conditions.timers {
        Some(Timers::Default) => ", default timers",
        Some(Timers::Planned) | None => "",
    };
    format!("{} hosts, {}{timers}", conditions.hosts, conditions.fabric)
}

/// A table with a row for each case, then what must be known to read it.
pub fn text(found: &Found) -> String {
    let header = [
        "hosts",
        "fabric",
        "links",
        "timers",
        "BFD",
        "last loss after",
        "whole again after",
        "longest outage",
        "median",
        "pairs cut off",
        "twice",
        "false alarms",
        "busy",
    ];
    let mut text = output::table(header, found.cases.iter().map(row));
    text += &format!(
        "\nOpen vSwitch {}, userspace datapath, a pair of daemons for each host. ",
        found.open_vswitch
    );
    text += "Whole again: each survivor reaches each other, and goes on to;\n\
             that came between the last loss and then.\n";
    for case in &found.cases {
        text += &notes(case);
    }
    text
}

fn row(case: &Case) -> [String; 13] {
    let Case { conditions, runs, .. } = case;
    let of = |figure: fn(&Measurement) -> Option<u64>| spread(runs.iter().map(figure).collect(), seconds);
    let count = |figure: fn(&Measurement) -> u64| spread(runs.iter().map(|run| Some(figure(run))).collect(), |count| count.to_string());
    [
        conditions.hosts.to_string(),
        conditions.fabric.clone(),
        format!("{}, {}", conditions.links, conditions.topology),
        conditions
            .timers
            .map_or("-", |timers| if timers == Timers::Planned { "planned" } else { "default" })
            .to_owned(),
        conditions
            .bfd_ms
            .map_or_else(|| "-".to_owned(), |interval| format!("{interval} ms")),
        of(|run| Some(run.outages.last_lost_after_ms)),
        of(|run| run.outages.whole_after_ms),
        of(|run| Some(run.outages.longest_ms)),
        of(|run| Some(run.outages.median_ms)),
        count(|run| run.outages.pairs_cut_off as u64) + &runs.first().map(|run| format!(" of {}", run.outages.pairs)).unwrap_or_default(),
        count(|run| (run.outages.duplicates + run.duplicates_before) as u64),
        count(|run| run.false_alarms_before + run.false_alarms_after),
        spread(
            runs.iter().map(|run| Some(run.load.busy_percent.round() as u64)).collect(),
            |percent| format!("{percent} %"),
        ),
    ]
}

fn seconds(milliseconds: u64) -> String {
    format!("{:.2} s", milliseconds as f64 / 1000.0)
}

/// One figure as it is, several as `MEDIAN (LEAST to MOST)`; one that is not there is the most there is.
fn spread(mut figures: Vec<Option<u64>>, show: impl Fn(u64) -> String) -> String {
    if figures.is_empty() {
        return "-".to_owned();
    }
    figures.sort_unstable_by_key(|figure| figure.unwrap_or(u64::MAX));
    let show = |figure: Option<&Option<u64>>| figure.copied().flatten().map_or_else(|| "never".to_owned(), &show);
    let (least, median, most) = (
        show(figures.first()),
        show(figures.get((figures.len().max(1) - 1) / 2)),
        show(figures.last()),
    );
    if least == most {
        median
    } else {
        format!("{median} ({least} to {most})")
    }
}

/// What a reader of the row must know besides.
fn notes(case: &Case) -> String {
    let Case { conditions, runs, .. } = case;
    let mut notes = vec![format!("{}; known to {} ms", conditions.fault_in_words, conditions.pace_ms)];
    if let Some(failed) = &case.failed {
        notes.push(format!("NOT MEASURED, or not as often as it was to be: {failed}"));
    }
    if runs.is_empty() {
        return format!("{}: {}\n", name(conditions), notes.join("; "));
    }
    if let (Some(bfd), Some(planned)) = (conditions.bfd_ms, conditions.planned_bfd_ms)
        && bfd != planned
    {
        notes.push(format!("BFD every {bfd} ms in the place of {planned}, for the processors' sake"));
    }
    let most = |figure: fn(&Measurement) -> u64| runs.iter().map(figure).max().unwrap_or(0);
    let looped = runs.iter().filter(|run| run.has_looped()).count();
    if looped > 0 {
        notes.push(format!(
            "frames circled in {}: up to {} came to a host in a second",
            counted(looped, "run"),
            most(|run| run.most_frames_per_second as u64)
        ));
    }
    let lost = most(|run| run.lost_before as u64);
    if lost > 0 {
        notes.push(format!(
            "up to {lost} of {} datagrams were lost before the fault",
            most(|run| run.sent_before as u64)
        ));
    }
    let quiet = runs.iter().map(|run| run.quiet_frames_per_second).fold(0.0, f64::max);
    notes.push(format!("{quiet} frames/s per host in the quiet"));
    let own = runs.iter().map(|run| run.load.own_percent).fold(0.0, f64::max);
    notes.push(format!(
        "processors {}, up to {own} % of them for this",
        runs.first().map_or(0, |run| run.load.processors)
    ));
    let late = most(|run| run.prober_late_ms);
    if late > u64::from(conditions.pace_ms) {
        notes.push(format!("sent up to {late} ms late"));
    }
    let slow = runs.iter().filter(|run| run.is_too_slow()).count();
    if slow > 0 {
        notes.push(format!(
            "THE MACHINE IS TOO SLOW or too busy for these figures: in {} BFD found links dead that were not",
            counted(slow, "run")
        ));
    }
    format!("{}: {}\n", name(conditions), notes.join("; "))
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
