//! Chance that repeats: a number that depends on nothing but the seed, the pair of ports, the frame's place among those of the pair,
//! and what it is for. So which frames are lost does not change when a delay is added.
//!
//! SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014), as a function of the counter.

use crate::lab::units::Percent;

/// The golden ratio's share of 2^64, odd: the step of SplitMix64's counter.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// What a number is for.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    Loss,
    Duplicate,
    Reorder,
    Jitter,
    JitterOfDuplicate,
}

/// How many there are, with room: another one must not change what the seeds of today give.
const PURPOSES: u64 = 16;

/// The numbers of one ordered pair of ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream(u64);

impl Stream {
    pub fn new(seed: u32, from: usize, to: usize) -> Self {
        let pair = (from as u64) << 32 | to as u64;
        Self(mix(mix(u64::from(seed).wrapping_add(STEP)) ^ pair))
    }

    /// All 64 bits of the number for frame `frame`.
    pub fn draw(self, frame: u64, purpose: Purpose) -> u64 {
        let counter = frame.wrapping_mul(PURPOSES).wrapping_add(purpose as u64 + 1);
        mix(self.0.wrapping_add(counter.wrapping_mul(STEP)))
    }

    /// A number from 0 to `below` - 1.
    pub fn below(self, frame: u64, purpose: Purpose, below: u64) -> u64 {
        // The upper half of the product: less than `below`.
        ((u128::from(self.draw(frame, purpose)) * u128::from(below)) >> 64) as u64
    }

    /// True for `share` of all frames.
    pub fn chance(self, frame: u64, purpose: Purpose, share: Percent) -> bool {
        self.below(frame, purpose, Percent::ALL.of_a_million().into()) < share.of_a_million().into()
    }
}

/// SplitMix64's mixing function.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of SplitMix64 for the seed 1234567, as Rosetta Code and others give them.
    #[test]
    fn the_mixing_function_is_splitmix64_s() {
        let outputs = [1, 2, 3].map(|count: u64| mix(1_234_567_u64.wrapping_add(count.wrapping_mul(STEP))));
        assert_eq!(
            outputs,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }
}
