//! Where real machines come from.

pub mod bring_up;
pub mod digital_ocean;
pub mod reconcile;

#[cfg(test)]
mod reconcile_tests;

use self::bring_up::HostFailure;
use self::digital_ocean::{ApiError, Problem, PushError, TokenError};
use self::reconcile::Conflict;
use crate::error::counted;
use crate::spec::HostName;

/// Why a provider did not do what it was to do.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Api(#[from] ApiError),
    /// Nothing was made.
    #[error("Digital Ocean could not make these droplets:\n  {}", .0.join("\n  "))]
    Impossible(Vec<String>),
    #[error(transparent)]
    Push(#[from] PushError),
    /// What became of the others was done and told on the way.
    #[error("{} of {all} not up:\n  {}\n{consequence}", counted(failed.len(), "host"), of_each(failed))]
    Hosts {
        failed: Vec<(HostName, HostFailure)>,
        /// How many there are to be.
        all: usize,
        consequence: &'static str,
    },
    #[error("not all that has the tag {tag} is gone; run this again:\n  {}", failed.join("\n  "))]
    StillThere { tag: String, failed: Vec<String> },
}

fn of_each(failed: &[(HostName, HostFailure)]) -> String {
    failed
        .iter()
        .map(|(host, why)| format!("{host}: {why}"))
        .collect::<Vec<_>>()
        .join("\n  ")
}

impl ProviderError {
    /// An error of all that is in the way.
    ///
    /// # Errors
    /// [`ProviderError::Impossible`] if there is anything.
    pub fn of(problems: &[Problem], conflicts: &[Conflict]) -> Result<(), Self> {
        let all = problems
            .iter()
            .map(ToString::to_string)
            .chain(conflicts.iter().map(ToString::to_string));
        let all: Vec<String> = all.collect();
        if all.is_empty() { Ok(()) } else { Err(Self::Impossible(all)) }
    }
}
