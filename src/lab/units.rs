//! Shares and times as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Parts of a percent that [`Percent`] can tell apart.
const PARTS: u32 = 10_000;

/// 0 to 100 percent, with four decimals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Percent(u32);

/// What is no percentage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no percentage; accepted is 0% to 100%, with at most four decimals, such as 20% or 0.5%")]
pub struct InvalidPercent(String);

/// What is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no time; accepted is a number and a unit (us, ms, s, min or h), at most {longest}, such as {example}")]
pub struct InvalidTime {
    text: String,
    longest: &'static str,
    example: &'static str,
}

impl Percent {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self(100 * PARTS);

    /// How many of a million.
    pub fn of_a_million(self) -> u32 {
        self.0
    }
}

impl From<Percent> for f64 {
    fn from(percent: Percent) -> Self {
        Self::from(percent.0) / Self::from(PARTS)
    }
}

impl TryFrom<f64> for Percent {
    type Error = InvalidPercent;

    fn try_from(number: f64) -> Result<Self, InvalidPercent> {
        if !(0.0..=100.0).contains(&number) {
            return Err(InvalidPercent(number.to_string()));
        }
        // Within 0 and 1 000 000, as just checked.
        Ok(Self((number * f64::from(PARTS)).round() as u32))
    }
}

impl FromStr for Percent {
    type Err = InvalidPercent;

    fn from_str(text: &str) -> Result<Self, InvalidPercent> {
        let number = text.strip_suffix('%').unwrap_or(text);
        let parts = decimal(number, PARTS.into()).filter(|parts| *parts <= Self::ALL.0.into());
        let parts = parts.and_then(|parts| u32::try_from(parts).ok());
        parts.map(Self).ok_or_else(|| InvalidPercent(text.to_owned()))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}%", f64::from(*self))
    }
}

/// Parses a time such as `20ms`, at most `longest`, which is said as `said`; whole microseconds.
///
/// # Errors
/// [`InvalidTime`], with `example` as one that would be accepted.
pub fn time(text: &str, longest: Duration, said: &'static str, example: &'static str) -> Result<Duration, InvalidTime> {
    let error = || InvalidTime {
        text: text.to_owned(),
        longest: said,
        example,
    };
    let unit_at = text.find(|character: char| character.is_ascii_alphabetic()).ok_or_else(error)?;
    let (number, unit) = text.split_at(unit_at);
    let microseconds = match unit {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "min" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return Err(error()),
    };
    let parsed = decimal(number, microseconds).map(Duration::from_micros);
    parsed.filter(|time| *time <= longest).ok_or_else(error)
}

/// A time in the largest unit that needs no more than three decimals.
pub fn shown(time: Duration) -> String {
    match time.as_micros() {
        microseconds @ 0..1_000 => format!("{microseconds}us"),
        microseconds @ 1_000..1_000_000 => format!("{}ms", microseconds as f64 / 1e3),
        microseconds if microseconds % 1_000 == 0 => format!("{}s", microseconds as f64 / 1e6),
        microseconds => format!("{}ms", microseconds as f64 / 1e3),
    }
}

/// `number`, digits with or without a point among them, times `scale`; `None` if it is none, or not a whole number of parts.
fn decimal(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let parts = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let fraction = fraction.parse::<u64>().ok()?.checked_mul(scale)?;
    if fraction % parts != 0 {
        return None;
    }
    whole.parse::<u64>().ok()?.checked_mul(scale)?.checked_add(fraction / parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages() {
        for (text, of_a_million, shown) in [
            ("0", 0, "0%"),
            ("20%", 200_000, "20%"),
            ("20", 200_000, "20%"),
            ("0.5%", 5_000, "0.5%"),
            ("33.3333", 333_333, "33.3333%"),
            ("100.000000%", 1_000_000, "100%"),
        ] {
            let percent: Percent = text.parse().unwrap();
            assert_eq!(
                (percent.of_a_million(), percent.to_string().as_str()),
                (of_a_million, shown),
                "{text}"
            );
            let json = serde_json::to_string(&percent).unwrap();
            assert_eq!(serde_json::from_str::<Percent>(&json).unwrap(), percent, "{json}");
        }
        for text in [
            "",
            "%",
            "-1%",
            "+1",
            "101%",
            "100.0001%",
            "0.00001%",
            "1e1",
            "1.%",
            ".5",
            "20 %",
            "20%%",
            "99999999999999999999",
        ] {
            let error = text.parse::<Percent>().unwrap_err().to_string();
            let expected = "is no percentage; accepted is 0% to 100%, with at most four decimals, such as 20% or 0.5%";
            assert_eq!(error, format!("'{text}' {expected}"));
        }
        assert!(serde_json::from_str::<Percent>("100.1").is_err());
        assert!(serde_json::from_str::<Percent>("-1").is_err());
    }

    #[test]
    fn times() {
        let minute = |text: &str| time(text, Duration::from_secs(60), "60s", "20ms");
        for (text, microseconds, as_shown) in [
            ("0s", 0, "0us"),
            ("500us", 500, "500us"),
            ("20ms", 20_000, "20ms"),
            ("1.5ms", 1_500, "1.5ms"),
            ("0.25s", 250_000, "250ms"),
            ("1500ms", 1_500_000, "1.5s"),
            ("1.000001s", 1_000_001, "1000.001ms"),
            ("1min", 60_000_000, "60s"),
        ] {
            let time = minute(text).unwrap();
            assert_eq!((time.as_micros(), shown(time).as_str()), (microseconds, as_shown), "{text}");
        }
        for text in [
            "",
            "20",
            "ms",
            "-1ms",
            "20 ms",
            "0.5us",
            "61s",
            "1d",
            "20MS",
            "20ms2",
            "٣s",
            "99999999999999999999h",
            "9999999999999h",
        ] {
            let error = minute(text).unwrap_err().to_string();
            let expected = "is no time; accepted is a number and a unit (us, ms, s, min or h), at most 60s, such as 20ms";
            assert_eq!(error, format!("'{text}' {expected}"));
        }
    }
}
