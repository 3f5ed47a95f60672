//! What is wrong with a pair of ports, and what that does to each frame. No clock and no chance: the same settings give the same.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::random::{Purpose, Stream};
use crate::lab::units::{InvalidTime, Percent, shown, time};

/// How long a reordered frame is held back beyond its turn: those that follow within this time overtake it.
pub const REORDER_HOLD: Duration = Duration::from_millis(10);

/// The longest delay; TCP gives up on a connection after some minutes.
const DELAY_MAX: Duration = Duration::from_secs(60);

/// The seed where none is given.
pub const SEED: u32 = 1;

/// How long a frame is kept, at most 60 s, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Delay(Duration);

impl Delay {
    pub const NONE: Self = Self(Duration::ZERO);

    pub fn duration(self) -> Duration {
        self.0
    }
}

impl std::str::FromStr for Delay {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        time(text, DELAY_MAX, "60s", "20ms or 1.5s").map(Self)
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&shown(self.0))
    }
}

impl From<Delay> for f64 {
    fn from(delay: Delay) -> Self {
        delay.0.as_secs_f64()
    }
}

impl TryFrom<f64> for Delay {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Self, String> {
        let delay = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
        if delay > DELAY_MAX {
            return Err(format!("a delay of {seconds} s; 60 s is the most"));
        }
        // What JSON made of it may be off by a nanosecond.
        Ok(Self(Duration::from_micros((seconds * 1e6).round() as u64)))
    }
}

/// Settings of one pair; the default harms nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Impairment {
    #[serde(rename = "delay-seconds", default)]
    pub delay: Delay,
    /// Each frame is delayed by something between delay - jitter and delay + jitter, so frames overtake each other.
    #[serde(rename = "jitter-seconds", default)]
    pub jitter: Delay,
    #[serde(rename = "loss-percent", default)]
    pub loss: Percent,
    /// This share arrives twice.
    #[serde(rename = "duplicate-percent", default)]
    pub duplicate: Percent,
    /// This share is held back by [`REORDER_HOLD`].
    #[serde(rename = "reorder-percent", default)]
    pub reorder: Percent,
    /// Frames of more bytes, from the destination address to the end of the payload, are dropped.
    #[serde(rename = "max-frame-bytes", default)]
    pub max_frame: Option<u32>,
    pub seed: u32,
}

impl Default for Impairment {
    fn default() -> Self {
        Self {
            delay: Delay::NONE,
            jitter: Delay::NONE,
            loss: Percent::NONE,
            duplicate: Percent::NONE,
            reorder: Percent::NONE,
            max_frame: None,
            seed: SEED,
        }
    }
}

/// What becomes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    TooLong,
    Lost,
    Passes {
        /// How long it is kept.
        delay: Duration,
        reordered: bool,
        /// How long its second copy is kept, if it has one.
        duplicate: Option<Duration>,
    },
}

impl Impairment {
    /// Whether it does anything to any frame.
    pub fn is_any(&self) -> bool {
        *self
            != Self {
                seed: self.seed,
                ..Self::default()
            }
    }

    /// Whether chance decides anything.
    fn is_random(&self) -> bool {
        self.jitter != Delay::NONE
            || [self.loss, self.duplicate, self.reorder]
                .iter()
                .any(|share| *share != Percent::NONE)
    }

    /// What becomes of the frame number `number` (from 0) of a pair, which is `length` bytes long. `stream` is that of
    /// [`Impairment::seed`] and the pair.
    pub fn fate(&self, stream: Stream, number: u64, length: usize) -> Fate {
        if self.max_frame.is_some_and(|most| length > most as usize) {
            return Fate::TooLong;
        }
        if stream.chance(number, Purpose::Loss, self.loss) {
            return Fate::Lost;
        }
        let reordered = stream.chance(number, Purpose::Reorder, self.reorder);
        let hold = if reordered { REORDER_HOLD } else { Duration::ZERO };
        let duplicate = stream.chance(number, Purpose::Duplicate, self.duplicate);
        Fate::Passes {
            delay: self.delay_of(stream, number, Purpose::Jitter) + hold,
            reordered,
            duplicate: duplicate.then(|| self.delay_of(stream, number, Purpose::JitterOfDuplicate)),
        }
    }

    fn delay_of(&self, stream: Stream, number: u64, purpose: Purpose) -> Duration {
        let jitter = self.jitter.0;
        // At most 120 s, so the microseconds fit.
        let offset = Duration::from_micros(stream.below(number, purpose, 2 * jitter.as_micros() as u64 + 1));
        (self.delay.0 + offset).saturating_sub(jitter)
    }
}

impl fmt::Display for Impairment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match (self.delay, self.jitter) {
            (Delay::NONE, Delay::NONE) => {}
            (delay, Delay::NONE) => parts.push(format!("delay {delay}")),
            (delay, jitter) => parts.push(format!("delay {delay} +-{jitter}")),
        }
        for (name, share) in [("loss", self.loss), ("duplicate", self.duplicate), ("reorder", self.reorder)] {
            if share != Percent::NONE {
                parts.push(format!("{name} {share}"));
            }
        }
        if let Some(bytes) = self.max_frame {
            parts.push(format!("frames to {bytes} bytes"));
        }
        if self.is_random() {
            parts.push(format!("seed {}", self.seed));
        }
        formatter.write_str(&parts.join(", "))
    }
}
