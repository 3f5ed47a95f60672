//! What a run was, and what came of it.

use serde::{Deserialize, Serialize};

use super::Load;
use super::bed::{Fault, Timers};

/// The part of all ends of links that may be found down though they are not, from which on a machine is too slow for these figures.
pub const TOO_MANY_ALARMS: f64 = 0.02;

/// What was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Conditions {
    pub hosts: usize,
    pub survivors: usize,
    /// rstp, stp or direct.
    pub fabric: String,
    /// full, ring, hub, sparse or links.
    pub topology: String,
    pub links: usize,
    /// `None` where there is no tree.
    pub timers: Option<Timers>,
    /// Milliseconds between two BFD packets of a link, and what the plan says; `None` without BFD.
    pub bfd_ms: Option<u32>,
    pub planned_bfd_ms: Option<u32>,
    /// Milliseconds between two datagrams of a pair: outages are known as exactly as this.
    pub pace_ms: u32,
    pub fault: Fault,
    /// `host1, the root, loses its power`
    pub fault_in_words: String,
}

/// What datagrams between the survivors say, from the fault on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outages {
    /// Of hosts, in both directions.
    pub pairs: usize,
    /// Pairs that have lost something.
    pub pairs_cut_off: usize,
    /// Pairs that lost the last that was sent.
    pub pairs_never_whole: usize,
    /// From the fault until each reached each, and went on to; `None` when that did not come.
    pub whole_after_ms: Option<u64>,
    /// From the fault until the last datagram was sent that is lost; 0 where none is. The truth is between these two.
    pub last_lost_after_ms: u64,
    /// Of the pair with the longest.
    pub longest_ms: u64,
    /// Of all pairs, the half of them had one that was not longer.
    pub median_ms: u64,
    /// Datagrams.
    pub sent: usize,
    pub lost: usize,
    /// Copies beyond the first.
    pub duplicates: usize,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Measurement {
    /// Seconds from the start of the first daemon until each host had reached each.
    pub ready_seconds: f64,
    /// Datagrams that were lost before the fault, when all was as it should be, of how many.
    pub lost_before: usize,
    pub sent_before: usize,
    pub duplicates_before: usize,
    pub outages: Outages,
    /// Frames that a host gets per second while nobody sends any, mean of all hosts.
    pub quiet_frames_per_second: f64,
    /// The most frames that a host got in a second after the fault; what hosts send altogether in a second is the most that no loop needs.
    pub most_frames_per_second: f64,
    pub sent_per_second: f64,
    /// Ends of links that BFD found down or up again before the fault, and after it those that do not lead to what failed.
    pub false_alarms_before: u64,
    pub false_alarms_after: u64,
    /// Ends of links that BFD watches.
    pub watched: usize,
    pub load: Load,
    /// The longest that the prober itself was late, milliseconds.
    pub prober_late_ms: u64,
}

impl Measurement {
    /// Whether each survivor reaches each other again.
    pub fn is_whole(&self) -> bool {
        self.outages.whole_after_ms.is_some()
    }

    /// Whether so many links were wrongly found down that the figures are about this machine.
    pub fn is_too_slow(&self) -> bool {
        (self.false_alarms_before + self.false_alarms_after) as f64 > TOO_MANY_ALARMS * self.watched as f64
    }

    /// Whether frames circled: more came to a host than all hosts had sent, floods counted in.
    pub fn has_looped(&self) -> bool {
        self.most_frames_per_second > 2.0 * self.sent_per_second + 100.0
    }
}
