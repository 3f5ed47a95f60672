//! How long containers on two hosts could not reach each other while something failed.
//!
//! A ping runs in the background on one host; its log is read afterwards. What counts is when replies arrived (`ping -D`), by the
//! clock of that host alone.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::Serialize;

use super::Machine;
use super::ping::inside;
use super::probe::container::ProbeContainer;
use crate::exec::{ExecError, Finished};

/// Time between two pings.
pub const INTERVAL: Duration = Duration::from_millis(50);

/// Ten seconds of waiting for the first reply, and the calls themselves.
const START_DEADLINE: Duration = Duration::from_secs(40);
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// What a log says.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outage {
    /// Requests.
    pub sent: u64,
    /// Requests that were answered, however late.
    pub received: u64,
    /// Replies beyond the first to a request: a loop makes them.
    pub duplicates: u64,
    /// Longest time without a reply, seconds.
    pub longest_gap_seconds: f64,
    /// The longest gap less the interval, at least 0, seconds.
    pub outage_seconds: f64,
    /// Why the outage may have been longer: the gap has no reply before or after it.
    pub at_least: Option<String>,
    pub timeline: Timeline,
}

/// When pings were lost, for a drawing.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Timeline {
    /// From the first request to the last, seconds.
    pub length_seconds: f64,
    /// When the fault was caused, by the clock of the pinging host, seconds after the first request; `None` where nobody noted it.
    pub fault_at_seconds: Option<f64>,
    /// Times without a reply that are longer than two intervals, from and to, seconds after the first request.
    pub lost: Vec<[f64; 2]>,
}

/// A ping that runs on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackgroundPing {
    pid: u32,
    folder: String,
}

/// Starts to ping `to` from inside `from`, a container on `machine`, and returns after the first reply, so that what follows has a
/// beginning. The ping ends by itself after `longest`.
///
/// # Errors
/// [`ExecError`]; also when no reply came within 10 s.
pub fn start(machine: &dyn Machine, from: &ProbeContainer, to: Ipv4Addr, longest: Duration) -> Result<BackgroundPing, ExecError> {
    let finished = machine.run(&start_script(from, to, longest), START_DEADLINE)?;
    parse_started(&finished).ok_or_else(|| ExecError::Failed {
        command_line: "ping in the background".to_owned(),
        status: "no process id".to_owned(),
        stderr_tail: finished.stdout_text(),
    })
}

fn parse_started(finished: &Finished) -> Option<BackgroundPing> {
    let text = finished.stdout_text();
    let (pid, folder) = text.trim().split_once(' ')?;
    let safe = folder.starts_with('/') && folder.chars().all(|c| c.is_ascii_alphanumeric() || "/.-_".contains(c));
    safe.then_some(())?;
    Some(BackgroundPing {
        pid: pid.parse().ok()?,
        folder: folder.to_owned(),
    })
}

/// Ends the ping and fetches its log for [`outage`].
///
/// # Errors
/// [`ExecError`]; the log is gone when the machine was started anew.
pub fn stop(machine: &dyn Machine, ping: &BackgroundPing) -> Result<String, ExecError> {
    machine
        .run(&stop_script(ping), STOP_DEADLINE)
        .map(|finished| finished.stdout_text())
}

fn start_script(from: &ProbeContainer, to: Ipv4Addr, longest: Duration) -> String {
    // A count, and no deadline (`-w`): with that, ping gives up at the first "Destination Host Unreachable" (ping(8)), which an outage of some
    // seconds brings about.
    let count = (longest.as_millis() / INTERVAL.as_millis()).max(1);
    let command = format!("{}ping -D -n -O -i {} -c {count} {to}", inside(Some(from)), INTERVAL.as_secs_f64());
    // A session of its own: neither the end of this script nor that of ssh ends the ping.
    format!(
        r#"folder=$(mktemp -d)
LC_ALL=C setsid nohup {command} >"$folder/log" 2>&1 </dev/null &
pid=$!
tries=0
until grep -q 'bytes from' "$folder/log"; do
  tries=$((tries + 1))
  if [ "$tries" -gt 100 ] || ! kill -0 "$pid" 2>/dev/null; then
    echo "no reply to the ping of {to}" >&2
    tail -n 5 "$folder/log" >&2
    kill "$pid" 2>/dev/null || true
    rm -rf "$folder"
    exit 1
  fi
  sleep 0.1
done
echo "$pid $folder"
"#
    )
}

fn stop_script(ping: &BackgroundPing) -> String {
    let BackgroundPing { pid, folder } = ping;
    // The id may be another process's by now: ours has the log as its output.
    format!(
        r#"ours() {{ [ "$(readlink /proc/{pid}/fd/1 2>/dev/null)" = {folder}/log ]; }}
if ours; then kill -INT {pid} 2>/dev/null || true; fi
tries=0
while ours && [ "$tries" -lt 50 ]; do
  tries=$((tries + 1))
  sleep 0.1
done
if ours; then kill -KILL {pid} 2>/dev/null || true; fi
cat {folder}/log
rm -rf {folder}
"#
    )
}

/// One line of the log that has a time.
enum Event {
    Reply {
        sequence: u64,
        duplicate: bool,
    },
    /// A request that went out and has no reply yet.
    Sent {
        sequence: u64,
    },
}

/// Reads the log of `ping -D -O` that sent every `interval`. Never fails: a log without any reply is an outage of at least its length.
pub fn outage(log: &str, interval: Duration) -> Outage {
    let interval = interval.as_secs_f64();
    let events: Vec<(f64, Event)> = log.lines().filter_map(event).collect();
    let mut sequences = std::collections::BTreeSet::new();
    let mut last_sequence = 0;
    let mut duplicates = 0;
    let mut replies = Vec::new();
    for (time, event) in &events {
        match event {
            Event::Reply { sequence, duplicate } => {
                last_sequence = last_sequence.max(*sequence);
                if *duplicate || !sequences.insert(*sequence) {
                    duplicates += 1;
                }
                replies.push(*time);
            }
            Event::Sent { sequence } => last_sequence = last_sequence.max(*sequence),
        }
    }
    let received = sequences.len() as u64;
    let sent = statistics(log).unwrap_or(0).max(last_sequence);
    let gap = longest_gap(&events, &replies, interval);
    Outage {
        sent,
        received,
        duplicates,
        longest_gap_seconds: to_milliseconds(gap.seconds),
        outage_seconds: to_milliseconds((gap.seconds - interval).max(0.0)),
        at_least: gap.open,
        timeline: timeline(&events, &replies, interval),
    }
}

/// The whole log as spans without replies.
fn timeline(events: &[(f64, Event)], replies: &[f64], interval: f64) -> Timeline {
    let (Some((first, _)), Some((end, _))) = (events.first(), events.last()) else {
        return Timeline::default();
    };
    let begin = first - interval * lead(events);
    let mut times = vec![begin];
    times.extend(replies);
    times.push(*end);
    let silent = times.windows(2).filter(|pair| pair[1] - pair[0] > 2.0 * interval);
    Timeline {
        length_seconds: to_milliseconds(end - begin),
        fault_at_seconds: None,
        lost: silent
            .map(|pair| [to_milliseconds(pair[0] - begin), to_milliseconds(pair[1] - begin)])
            .collect(),
    }
}

/// When the first request of the log went out, by the clock of the host it was made on, seconds since 1970; `None` for a log without
/// any ping.
pub fn began_at(log: &str, interval: Duration) -> Option<f64> {
    let events: Vec<(f64, Event)> = log.lines().filter_map(event).collect();
    let (first, _) = events.first()?;
    Some(first - interval.as_secs_f64() * lead(&events))
}

/// Seconds without digits that mean nothing.
fn to_milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

struct Gap {
    seconds: f64,
    open: Option<String>,
}

/// The longest of the gaps between replies, the one before the first and the one after the last.
fn longest_gap(events: &[(f64, Event)], replies: &[f64], interval: f64) -> Gap {
    let (Some((first, _)), Some((end, _))) = (events.first(), events.last()) else {
        return open(0.0, "the log has no ping");
    };
    let begin = first - interval * lead(events);
    let (Some(first_reply), Some(last_reply)) = (replies.first(), replies.last()) else {
        return open((end - begin).max(0.0), "there was no reply at all");
    };
    let between = replies.windows(2).map(|pair| (pair[1] - pair[0]).max(0.0)).fold(0.0, f64::max);
    let (before, after) = (first_reply - begin, end - last_reply);
    // `-O` reports a missing reply when the next request goes out: one such line at the end is the request that was stopped.
    let slack = 2.0 * interval;
    if after > slack && after >= between && after >= before {
        open(after, "there was no reply after it")
    } else if before > slack && before > between {
        open(before, "there was no reply before it")
    } else {
        Gap {
            seconds: between,
            open: None,
        }
    }
}

fn open(seconds: f64, why: &str) -> Gap {
    Gap {
        seconds,
        open: Some(why.to_owned()),
    }
}

/// How many intervals before the first event the first request went out: request `n` is sent after `n - 1` intervals, and reported as
/// unanswered one later.
fn lead(events: &[(f64, Event)]) -> f64 {
    match events.first() {
        Some((_, Event::Sent { sequence })) => *sequence as f64,
        Some((_, Event::Reply { sequence, .. })) => sequence.saturating_sub(1) as f64,
        None => 0.0,
    }
}

/// `[1795415559.820128] 64 bytes from 192.0.2.2: icmp_seq=1 ttl=64 time=0.035 ms`, `[...] no answer yet for icmp_seq=37`, or
/// `[...] From 192.0.2.1 icmp_seq=5 Destination Host Unreachable`
fn event(line: &str) -> Option<(f64, Event)> {
    let (time, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let time: f64 = time.parse().ok().filter(|time: &f64| time.is_finite())?;
    let (_, after) = rest.split_once("icmp_seq=")?;
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    let sequence = after[..digits].parse().ok()?;
    if rest.contains(" bytes from ") {
        let duplicate = rest.contains("(DUP!)");
        Some((time, Event::Reply { sequence, duplicate }))
    } else {
        Some((time, Event::Sent { sequence }))
    }
}

fn statistics(log: &str) -> Option<u64> {
    log.lines()
        .rev()
        .find_map(|line| line.split_once(" packets transmitted")?.0.parse().ok())
}

#[cfg(test)]
#[path = "outage_tests.rs"]
mod tests;
