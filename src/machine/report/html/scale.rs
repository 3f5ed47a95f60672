//! Where on a scale something lies.

/// A scale from 0 to a round number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Its end.
    pub end: f64,
}

impl Scale {
    /// That ends with the largest of `values`; with 1 where there is none above 0.
    pub fn over(values: impl IntoIterator<Item = f64>) -> Self {
        let most = values.into_iter().filter(|value| value.is_finite()).fold(0.0, f64::max);
        Self {
            end: if most > 0.0 { most } else { 1.0 },
        }
    }

    /// As SVG and CSS take it: `12.5%`; what lies outside is at the border.
    pub fn percent(self, value: f64) -> String {
        let share = if value.is_finite() { value / self.end } else { 0.0 };
        format!("{:.2}%", share.clamp(0.0, 1.0) * 100.0)
    }

    /// The length from `from` to `to`, likewise.
    pub fn span(self, from: f64, to: f64) -> String {
        let inside = |value: f64| if value.is_finite() { value.clamp(0.0, self.end) } else { 0.0 };
        self.percent((inside(to) - inside(from)).max(0.0))
    }

    /// Round numbers from 0 on, at most six steps.
    pub fn ticks(self) -> Vec<f64> {
        let rough = self.end / 5.0;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|factor| factor * power)
            .into_iter()
            .find(|step| *step >= rough)
            .unwrap_or(10.0 * power);
        (0..=6)
            .map(|index| f64::from(index) * step)
            .take_while(|tick| *tick <= self.end * 1.000_001)
            .collect()
    }

    /// A tick without digits that mean nothing.
    pub fn label(self, tick: f64) -> String {
        let digits = if self.end >= 5.0 {
            0
        } else if self.end >= 0.5 {
            1
        } else {
            3
        };
        format!("{tick:.digits$} s")
    }
}

/// The middle value; of an even number of values the lower of the two in the middle, so that it is one that was measured.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stay_on_the_scale() {
        let scale = Scale::over([4.0, 8.0, f64::INFINITY]);
        assert_eq!(scale.end, 8.0);
        assert_eq!(
            [-1.0, 1.0, 9.0, f64::NAN].map(|value| scale.percent(value)),
            ["0.00%", "12.50%", "100.00%", "0.00%"]
        );
        assert_eq!(scale.span(6.0, 99.0), "25.00%");
        assert_eq!(scale.span(6.0, 2.0), "0.00%");
        assert_eq!(Scale::over([]).end, 1.0);
    }

    #[test]
    fn ticks_are_round_and_few() {
        for end in [0.001, 0.37, 1.0, 5.3, 9.99, 97.0, 180.0, 1e9] {
            let ticks = Scale { end }.ticks();
            assert!((3..=7).contains(&ticks.len()), "{end}: {ticks:?}");
            assert!(ticks.last().is_some_and(|last| *last <= end * 1.01), "{end}: {ticks:?}");
        }
        assert_eq!(Scale { end: 9.99 }.ticks(), [0.0, 2.0, 4.0, 6.0, 8.0]);
    }

    #[test]
    fn the_median_was_measured() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.0));
    }
}
