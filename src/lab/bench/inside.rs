//! One run, as the first process of namespaces of its own: makes the hosts, waits until the mesh is whole, causes the fault, measures.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::daemons::{Daemons, ip_batch};
use super::load::Ticks;
use super::namespace::Counter;
use super::outage::{Sample, outages};
use super::prober::Prober;
use super::{Bed, BenchError, Measurement};
use crate::exec::Tool;

/// Where daemons keep what they write: in memory, and seen by nobody else.
const FOLDER: &str = "/run/meshimg-bench";

/// How long a mesh may take to come up: a tree of STP deep as it may be, on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(240);
/// How long nobody sends anything, for a look at what goes on all the same, and then how long all must be well.
const QUIET: Duration = Duration::from_secs(2);
const STEADY: Duration = Duration::from_secs(3);
/// How long a mesh must stay whole to count as whole: a tree that counts to infinity falls apart again within three hellos of 2 s (802.1D-2004 17.21.23).
const SETTLED: Duration = Duration::from_secs(6);
/// How long a datagram may take before it counts as lost meanwhile; in the end all that came count.
const PATIENCE: Duration = Duration::from_secs(1);

/// Carries out one run. The process must be the first of its namespaces for processes, mounts and networks: what it leaves, the kernel removes.
///
/// # Errors
/// [`BenchError`]; a mesh that does not get whole is none.
pub fn carry_out(bed: &Bed) -> Result<Measurement, BenchError> {
    // Over all that is in /run: namespaces of ip(8) and sockets are seen here alone.
    Tool::new("mount", PATIENCE * 30)
        .arguments(["-t", "tmpfs", "meshimg-bench", "/run"])
        .run()?;
    let folder = Path::new(FOLDER);
    std::fs::create_dir(folder).map_err(BenchError::io(FOLDER))?;
    let empty = folder.join("empty.db");
    Tool::new("ovsdb-tool", PATIENCE * 30).argument("create").argument(&empty).run()?;
    ip_batch(None, &bed.namespaces)?;
    ip_batch(Some(super::bed::SWITCH), &bed.underlay)?;
    let started = Instant::now();
    let daemons = bed
        .hosts
        .iter()
        .map(|host| Daemons::start(host, folder, &empty))
        .collect::<Result<_, _>>()?;
    let mut run = Run {
        bed,
        daemons,
        prober: Prober::open(bed)?,
        counters: bed
            .hosts
            .iter()
            .map(|host| Counter::open(&host.namespace, &host.bridge))
            .collect::<Result<_, _>>()?,
    };
    run.wait_until_whole(started)?;
    run.measure(started.elapsed().as_secs_f64())
}

struct Run<'a> {
    bed: &'a Bed,
    daemons: Vec<Daemons>,
    prober: Prober,
    counters: Vec<Counter>,
}

impl Run<'_> {
    /// Until the last three datagrams of each pair have come.
    fn wait_until_whole(&mut self, started: Instant) -> Result<(), BenchError> {
        loop {
            self.prober.step(true)?;
            let all = self.prober.pairs().count();
            let well = self.prober.pairs().filter(|samples| is_well(samples)).count();
            if well == all {
                return Ok(());
            }
            if started.elapsed() > READY_WITHIN {
                self.check()?;
                return Err(BenchError::Answer {
                    what: "the mesh before any fault".to_owned(),
                    why: format!(
                        "of {all} pairs of hosts {well} reach each other after {} s; it is too much for this machine, or the plan is at fault",
                        READY_WITHIN.as_secs()
                    ),
                });
            }
        }
    }

    fn measure(mut self, ready_seconds: f64) -> Result<Measurement, BenchError> {
        let quiet_frames_per_second = self.quiet()?;
        let flaps = self.flaps()?;
        self.prober.resume();
        let begin = Ticks::now()?;
        let steady_us = self.prober.now_us();
        let until = Instant::now() + STEADY.max(self.pace() * 3);
        while Instant::now() < until {
            self.prober.step(true)?;
        }
        // What is on its way as the fault comes is none of the time before.
        let steady_end_us = self.prober.now_us().saturating_sub(micros(PATIENCE));
        let steady_flaps = self.flaps()?;
        let flaps_before = changes(&flaps, &steady_flaps, |_, _| true);
        let flaps = steady_flaps;
        self.prober.resume();

        let fault_us = self.prober.now_us();
        self.cause()?;
        let most_frames_per_second = self.until_settled(fault_us)?;
        let load = Ticks::now()?.since(begin);
        let prober_late_ms = self.prober.late_ms();
        self.wait_for_stragglers()?;
        self.check()?;
        let bed = self.bed;
        let watched_alive = |place: usize, port: &str| {
            let ports = &bed.hosts[place].ports;
            bed.victim.is_some() && ports.iter().any(|(name, to)| name == port && Some(*to) != bed.victim)
        };
        let false_alarms_after = changes(&flaps, &self.flaps()?, watched_alive);
        let before = self.prober.pairs().map(|samples| between(samples, steady_us, steady_end_us));
        let before = outages(before, steady_us);
        let after = self.prober.pairs().map(|samples| between(samples, fault_us, u64::MAX));
        Ok(Measurement {
            ready_seconds: (ready_seconds * 10.0).round() / 10.0,
            lost_before: before.lost,
            sent_before: before.sent,
            duplicates_before: before.duplicates,
            outages: outages(after, fault_us),
            quiet_frames_per_second,
            most_frames_per_second,
            sent_per_second: self.prober.per_second(),
            false_alarms_before: flaps_before,
            false_alarms_after,
            watched: flaps.iter().map(BTreeMap::len).sum(),
            load,
            prober_late_ms,
        })
    }

    fn pace(&self) -> Duration {
        Duration::from_millis(self.bed.pace_ms.into())
    }

    /// Frames per second that a host gets while nobody sends, mean of all.
    fn quiet(&mut self) -> Result<f64, BenchError> {
        self.wait_for_stragglers()?;
        let before: u64 = self.received().into_iter().sum();
        let begin = Instant::now();
        while begin.elapsed() < QUIET {
            self.prober.step(false)?;
        }
        let after: u64 = self.received().into_iter().sum();
        let rate = after.saturating_sub(before) as f64 / begin.elapsed().as_secs_f64() / self.counters.len() as f64;
        Ok((rate * 10.0).round() / 10.0)
    }

    /// Frames of each host so far; 0 for one that is gone.
    fn received(&self) -> Vec<u64> {
        self.counters.iter().map(|counter| counter.received().unwrap_or(0)).collect()
    }

    fn wait_for_stragglers(&mut self) -> Result<(), BenchError> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            self.prober.step(false)?;
        }
        Ok(())
    }

    fn cause(&mut self) -> Result<(), BenchError> {
        Tool::new("ip", PATIENCE * 30).arguments(&self.bed.fault).run()?;
        if let Some(victim) = self.bed.victim {
            self.daemons[victim].kill();
            self.prober.remove(victim);
        }
        self.prober.resume();
        Ok(())
    }

    /// Sends until nothing was lost for a while, or the deadline; the most frames per second that a host got meanwhile.
    fn until_settled(&mut self, fault_us: u64) -> Result<f64, BenchError> {
        let settled = micros(SETTLED.max(self.pace() * 4));
        let deadline = fault_us + self.bed.deadline_seconds * 1_000_000 + settled;
        let mut most = 0.0_f64;
        let mut counted = (Instant::now(), self.received());
        loop {
            self.prober.step(true)?;
            let elapsed = counted.0.elapsed();
            if elapsed < Duration::from_secs(1) {
                continue;
            }
            let received = self.received();
            let rates = received
                .iter()
                .zip(&counted.1)
                .map(|(now, then)| now.saturating_sub(*then) as f64 / elapsed.as_secs_f64());
            most = rates.fold(most, f64::max);
            counted = (Instant::now(), received);
            let now = self.prober.now_us();
            let judged = now.saturating_sub(micros(PATIENCE));
            let last_lost = self.prober.pairs().filter_map(|samples| last_lost(samples, judged)).max();
            let whole_since = last_lost.map_or(fault_us, |lost| lost.max(fault_us));
            if judged.saturating_sub(whole_since) >= settled || now >= deadline {
                return Ok((most * 10.0).round() / 10.0);
            }
        }
    }

    fn flaps(&self) -> Result<Vec<Flaps>, BenchError> {
        let flaps = |(place, daemons): (usize, &Daemons)| match self.prober.is_alive(place) {
            true => daemons.flaps(),
            false => Ok(Flaps::new()),
        };
        self.daemons.iter().enumerate().map(flaps).collect()
    }

    fn check(&mut self) -> Result<(), BenchError> {
        for (place, daemons) in self.daemons.iter_mut().enumerate() {
            if self.prober.is_alive(place) {
                daemons.check(&self.bed.hosts[place].name)?;
            }
        }
        Ok(())
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Whether the last three that can have come have.
fn is_well(samples: &[Sample]) -> bool {
    let mut last = samples.iter().rev().skip(1).take(3);
    samples.len() > 3 && last.all(|sample| sample.copies > 0)
}

/// Samples from `begin` to `end`.
fn between(samples: &[Sample], begin: u64, end: u64) -> &[Sample] {
    let place = |time: u64| samples.partition_point(|sample| sample.sent_us < time);
    samples.get(place(begin)..place(end)).unwrap_or_default()
}

/// When the last was sent that is lost, of those before `judged`.
fn last_lost(samples: &[Sample], judged: u64) -> Option<u64> {
    let mut old = between(samples, 0, judged).iter().rev();
    old.find(|sample| sample.copies == 0).map(|sample| sample.sent_us)
}

/// Of a host, how often each link went up or down so far, by the link's name.
type Flaps = BTreeMap<String, u64>;

/// How often links went up or down from the one look to the other, those of the dead and those that do not `count` left out.
fn changes(before: &[Flaps], after: &[Flaps], count: impl Fn(usize, &str) -> bool) -> u64 {
    let of_host = |place: usize, before: &Flaps, after: &Flaps| -> u64 {
        let counted = after.iter().filter(|(port, _)| count(place, port));
        counted
            .map(|(port, flaps)| flaps.saturating_sub(before.get(port).copied().unwrap_or(0)))
            .sum()
    };
    let looks = before.iter().zip(after).enumerate();
    looks.map(|(place, (before, after))| of_host(place, before, after)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(copies: &[u16]) -> Vec<Sample> {
        let sample = |(copies, place): (&u16, u64)| Sample {
            sent_us: 100 * place,
            copies: *copies,
        };
        copies.iter().zip(0..).map(sample).collect()
    }

    #[test]
    fn a_pair_is_well_when_three_have_come() {
        // The last is on its way.
        assert!(is_well(&samples(&[0, 0, 1, 1, 1, 0])));
        assert!(!is_well(&samples(&[1, 1, 0, 1, 1, 0, 1])));
        assert!(!is_well(&samples(&[1, 1, 1])));
        assert!(!is_well(&[]));
    }

    #[test]
    fn what_is_on_its_way_is_not_lost_yet() {
        let sent = samples(&[1, 0, 1, 1, 0]);
        assert_eq!(last_lost(&sent, 350), Some(100));
        assert_eq!(last_lost(&sent, 401), Some(400));
        assert_eq!(last_lost(&samples(&[1, 1]), 1000), None);
        assert_eq!(between(&sent, 100, 300), &sent[1..3]);
        assert_eq!(between(&sent, 1000, u64::MAX), &[]);
        assert_eq!(between(&sent, 300, 100), &[]);
    }

    #[test]
    fn links_to_the_dead_are_no_false_alarm() {
        let look = |one: u64, two: u64| {
            vec![
                BTreeMap::new(),
                BTreeMap::from([("gre1".to_owned(), one), ("gre2".to_owned(), two)]),
            ]
        };
        assert_eq!(changes(&look(1, 1), &look(2, 4), |_, _| true), 4);
        assert_eq!(changes(&look(1, 1), &look(2, 4), |place, port| place == 1 && port != "gre2"), 1);
    }
}
