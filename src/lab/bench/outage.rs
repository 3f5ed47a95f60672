//! What datagrams that were sent from host to host say about an outage. Pure.

use super::measurement::Outages;

/// One datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Microseconds from the start.
    pub sent_us: u64,
    /// How often it has come.
    pub copies: u16,
}

/// How long one host did not reach another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pair {
    /// From the first datagram of a run of lost ones to the next that came, or to the last that was sent; the longest, microseconds.
    longest_us: u64,
    /// From the fault to the first datagram after the last lost one; `None` when the last of all was lost, or none was sent.
    whole_us: Option<u64>,
    lost: usize,
}

fn pair(samples: &[Sample], fault_us: u64) -> Pair {
    let mut longest_us = 0;
    let mut since = None;
    let mut whole_us = None;
    for sample in samples {
        if sample.copies == 0 {
            since.get_or_insert(sample.sent_us);
            whole_us = None;
        } else if whole_us.is_none() {
            // Nothing was lost so far: whole all the time.
            whole_us = Some(if since.is_some() {
                sample.sent_us.saturating_sub(fault_us)
            } else {
                0
            });
        }
        if let Some(begun) = since {
            longest_us = longest_us.max(sample.sent_us - begun);
        }
        if sample.copies > 0 && since.take().is_some() {
            whole_us = Some(sample.sent_us.saturating_sub(fault_us));
        }
    }
    Pair {
        longest_us,
        whole_us,
        lost: samples.iter().filter(|sample| sample.copies == 0).count(),
    }
}

/// What became of all pairs, whose samples are those from the fault on.
pub fn outages<'a>(pairs: impl IntoIterator<Item = &'a [Sample]>, fault_us: u64) -> Outages {
    let mut found = Vec::new();
    let (mut sent, mut duplicates) = (0, 0);
    let mut last_lost_us = fault_us;
    for samples in pairs {
        sent += samples.len();
        duplicates += samples
            .iter()
            .map(|sample| usize::from(sample.copies.saturating_sub(1)))
            .sum::<usize>();
        let lost = samples.iter().filter(|sample| sample.copies == 0);
        last_lost_us = lost.map(|sample| sample.sent_us).fold(last_lost_us, u64::max);
        found.push(pair(samples, fault_us));
    }
    let mut longest: Vec<u64> = found.iter().map(|pair| pair.longest_us / 1000).collect();
    longest.sort_unstable();
    Outages {
        pairs: found.len(),
        pairs_cut_off: found.iter().filter(|pair| pair.lost > 0).count(),
        pairs_never_whole: found.iter().filter(|pair| pair.whole_us.is_none()).count(),
        whole_after_ms: found
            .iter()
            .map(|pair| pair.whole_us.map(|after| after / 1000))
            .max_by_key(|after| after.unwrap_or(u64::MAX))
            .flatten(),
        last_lost_after_ms: (last_lost_us - fault_us) / 1000,
        longest_ms: longest.last().copied().unwrap_or(0),
        median_ms: longest.get(longest.len() / 2).copied().unwrap_or(0),
        sent,
        lost: found.iter().map(|pair| pair.lost).sum(),
        duplicates,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A datagram every 50 ms from 1 s on, each as often as its digit says.
    fn samples(copies: &str) -> Vec<Sample> {
        let digits = copies.chars().filter_map(|digit| digit.to_digit(10)).zip(0..);
        digits
            .map(|(copies, place): (u32, u64)| Sample {
                sent_us: 1_000_000 + 50_000 * place,
                copies: copies as u16,
            })
            .collect()
    }

    #[test]
    fn an_outage_goes_from_the_first_lost_to_the_first_that_comes() {
        let of = |copies: &str| {
            let pair = pair(&samples(copies), 990_000);
            (pair.longest_us / 1000, pair.whole_us.map(|after| after / 1000), pair.lost)
        };
        assert_eq!(of("11111"), (0, Some(0), 0));
        assert_eq!(of("10011"), (100, Some(160), 2));
        assert_eq!(of("00111"), (100, Some(110), 2));
        // Two outages: whole after the second, the longest is the first.
        assert_eq!(of("1000101"), (150, Some(310), 4));
        // Not whole in the end.
        assert_eq!(of("11100"), (50, None, 2));
        assert_eq!(of("000"), (100, None, 3));
        assert_eq!(of(""), (0, None, 0));
    }

    #[test]
    fn the_last_pair_decides_when_the_mesh_is_whole() {
        let pairs = [samples("1111111"), samples("1001111"), samples("1000021")];
        let found = outages(pairs.iter().map(Vec::as_slice), 990_000);
        let wanted = Outages {
            pairs: 3,
            pairs_cut_off: 2,
            pairs_never_whole: 0,
            whole_after_ms: Some(260),
            last_lost_after_ms: 210,
            longest_ms: 200,
            median_ms: 100,
            sent: 21,
            lost: 6,
            duplicates: 1,
        };
        assert_eq!(found, wanted);
    }

    /// The bench must not find a mesh whole that is not.
    #[test]
    fn one_pair_that_stays_cut_off_is_enough() {
        let pairs = [samples("1111"), samples("1000"), samples("1011")];
        let found = outages(pairs.iter().map(Vec::as_slice), 990_000);
        assert_eq!((found.whole_after_ms, found.pairs_never_whole), (None, 1));
    }

    proptest! {
        #[test]
        fn whole_is_never_earlier_than_the_longest_outage(copies in "[01]{0,40}1") {
            let pair = pair(&samples(&copies), 990_000);
            prop_assert!(pair.whole_us.unwrap() >= pair.longest_us);
            prop_assert_eq!(pair.lost == 0, pair.longest_us == 0);
        }
    }
}
