//! How this machine gets at the archive: by its own apt, so with the user's mirrors, proxies, passwords and certificates.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::sources::{self, Target};
use crate::exec::{self, ExecError, Tool};
use crate::image::Cache;
use crate::image::fetch::HELPER;

/// apt-get and apt-config take some ten milliseconds.
const QUESTION_DEADLINE: Duration = Duration::from_secs(60);

/// Settings of apt that say how old an archive may be: with a snapshot for a mirror they are off, and must be so for the guests too.
const AGE_SETTINGS: [&str; 2] = ["Acquire::Check-Valid-Until", "Acquire::Check-Date"];

/// What this machine's apt knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    pub cache: PathBuf,
    pub machine: Vec<Target>,
    /// Lines of apt.conf(5).
    pub settings: Vec<String>,
}

/// Why this machine's apt could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("the hosts of --stock get their packages by this machine's apt: {0}")]
pub struct UpstreamError(#[from] pub ExecError);

impl Upstream {
    /// Asks apt; what is fetched is kept in a folder of `cache`.
    ///
    /// # Errors
    /// [`UpstreamError`] where there is no apt, or it does not answer.
    pub fn find(cache: &Cache) -> Result<Self, UpstreamError> {
        exec::require(&["apt-get", "apt-config", "setpriv", HELPER])?;
        let targets = Tool::new("apt-get", QUESTION_DEADLINE)
            .arguments(["indextargets", "--format", sources::FORMAT, "Created-By: Packages"])
            .run()?;
        let settings = Tool::new("apt-config", QUESTION_DEADLINE)
            .argument("dump")
            .arguments(AGE_SETTINGS)
            .run()?;
        Ok(Self {
            cache: cache.folder().join("archive"),
            machine: sources::parse(&targets.stdout_text()),
            settings: settings_off(&settings.stdout_text()),
        })
    }
}

/// Of `apt-config dump` those of [`AGE_SETTINGS`] that are off.
fn settings_off(dump: &str) -> Vec<String> {
    let off = |name: &&str| {
        let value = |line: &str| Some(line.strip_prefix(*name)?.trim().trim_matches(['"', ';', ' ']).to_ascii_lowercase());
        let last = dump.lines().filter_map(value).next_back();
        last.is_some_and(|value| matches!(value.as_str(), "false" | "no" | "off" | "0" | "without" | "disable"))
    };
    let names: BTreeSet<&str> = AGE_SETTINGS.iter().copied().filter(off).collect();
    names.into_iter().map(|name| format!("{name} \"false\";")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_of_age_that_are_off_stay_off() {
        let dump = "Acquire::Check-Valid-Until \"false\";\nAcquire::Check-Date \"true\";\n";
        assert_eq!(settings_off(dump), ["Acquire::Check-Valid-Until \"false\";"]);
        assert!(settings_off("Acquire::Check-Valid-Until \"no\";\nAcquire::Check-Valid-Until \"yes\";\n").is_empty());
        assert!(settings_off("").is_empty());
    }
}
