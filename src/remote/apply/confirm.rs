//! How long a host that has changed waits for somebody to say that it can be reached.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Whole seconds, from [`Self::LEAST`] to [`Self::MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfirmWithin(u16);

impl ConfirmWithin {
    /// Two thirds of it are for the host to be as planned, and a new connection over jump hosts takes some seconds.
    pub const LEAST: u16 = 30;

    /// So long nobody can log in, if the change has cut ssh off.
    pub const MOST: u16 = 3600;

    /// The seconds.
    pub fn seconds(self) -> u32 {
        self.0.into()
    }

    /// How long a changed host may take to be as planned: less than until it takes the change back.
    pub fn settle(self) -> Duration {
        Duration::from_secs(self.0.into()) * 2 / 3
    }
}

impl Default for ConfirmWithin {
    /// As `netplan try` has it (netplan-try(8)).
    fn default() -> Self {
        Self(120)
    }
}

impl fmt::Display for ConfirmWithin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// No such time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("give seconds, a whole number from {} to {}", ConfirmWithin::LEAST, ConfirmWithin::MOST)]
pub struct InvalidConfirmWithin;

impl FromStr for ConfirmWithin {
    type Err = InvalidConfirmWithin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(seconds) if (Self::LEAST..=Self::MOST).contains(&seconds) => Ok(Self(seconds)),
            _ => Err(InvalidConfirmWithin),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_bounds_is_a_time() {
        for (text, seconds) in [("30", 30), ("120", 120), ("3600", 3600)] {
            let within: ConfirmWithin = text.parse().unwrap();
            assert_eq!((within.seconds(), within.to_string()), (seconds, text.to_owned()));
        }
        for text in ["", "29", "3601", "-1", "1m", "65566", "120.5"] {
            assert_eq!(text.parse::<ConfirmWithin>(), Err(InvalidConfirmWithin), "{text}");
        }
        assert_eq!(ConfirmWithin::default().settle(), Duration::from_secs(80));
        assert_eq!(InvalidConfirmWithin.to_string(), "give seconds, a whole number from 30 to 3600");
    }
}
