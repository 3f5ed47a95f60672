//! How this machine gets at the archive: by its own apt, so with the user's mirrors, proxies, passwords and certificates.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::sources::{self, Target};
use crate::exec::{self, ExecError, Tool};
use crate::image::Cache;

/// apt's own program for a single file (apt-helper(8)).
pub const HELPER: &str = "/usr/lib/apt/apt-helper";

/// apt-get and apt-config take some ten milliseconds.
const QUESTION_DEADLINE: Duration = Duration::from_secs(60);

/// One file. The largest of the mesh's packages has 40 MB.
const FETCH_DEADLINE: Duration = Duration::from_secs(15 * 60);

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

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchError {
    /// The archive answers, and has none of that name.
    NotFound,
    /// The archive does not answer, or something else went wrong.
    Failed(String),
}

/// Fetches `url` to `target`.
///
/// # Errors
/// [`FetchError`].
pub fn fetch(url: &str, target: &Path) -> Result<(), FetchError> {
    // If we are killed, so is it: the promise of PR_SET_PDEATHSIG is bound to this thread, which waits for its end.
    let tool = Tool::new("setpriv", FETCH_DEADLINE)
        .arguments(["--pdeathsig", "TERM", "--", HELPER, "-q=2"])
        // Its user _apt cannot write into our folders, and nothing that is fetched is run or believed here.
        .arguments([
            "-o",
            "APT::Sandbox::User=root",
            "-o",
            "Acquire::Retries=2",
            "-o",
            "Acquire::http::Timeout=30",
        ])
        .argument("download-file")
        .argument(url)
        .argument(target)
        .environment("LC_ALL", "C");
    match tool.run() {
        Ok(_) => Ok(()),
        Err(ExecError::Failed { stderr_tail, .. }) => Err(failure(&stderr_tail)),
        Err(error) => Err(FetchError::Failed(error.to_string())),
    }
}

/// What apt-helper's words mean: `E: Failed to fetch URL  404  Not Found [IP: ...]`.
fn failure(said: &str) -> FetchError {
    let line = said.lines().find_map(|line| line.strip_prefix("E: Failed to fetch "));
    match line {
        Some(line) if line.contains("  404  ") || line.contains("File not found") => FetchError::NotFound,
        Some(line) => FetchError::Failed(line.to_owned()),
        None => FetchError::Failed(said.lines().last().unwrap_or("apt-helper said nothing").to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apts_words_are_understood() {
        let said = "E: Failed to fetch http://a.example/x  404  Not Found [IP: 192.0.2.1 80]\nE: Download Failed";
        assert_eq!(failure(said), FetchError::NotFound);
        let said = "E: Failed to fetch http://a.example/x  Could not connect to a.example:80, connection timed out\nE: Download Failed";
        assert_eq!(
            failure(said),
            FetchError::Failed("http://a.example/x  Could not connect to a.example:80, connection timed out".to_owned())
        );
        assert_eq!(failure(""), FetchError::Failed("apt-helper said nothing".to_owned()));
    }

    #[test]
    fn checks_of_age_that_are_off_stay_off() {
        let dump = "Acquire::Check-Valid-Until \"false\";\nAcquire::Check-Date \"true\";\n";
        assert_eq!(settings_off(dump), ["Acquire::Check-Valid-Until \"false\";"]);
        assert!(settings_off("Acquire::Check-Valid-Until \"no\";\nAcquire::Check-Valid-Until \"yes\";\n").is_empty());
        assert!(settings_off("").is_empty());
    }

    /// apt-helper itself, on files of this machine.
    #[test]
    fn apt_fetches_what_is_there_and_says_what_is_not() {
        if exec::require(&["setpriv", HELPER]).is_err() {
            eprintln!("skipped: no apt here");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("there"), "content").unwrap();
        let url = |name: &str| format!("file://{}/{name}", folder.path().display());
        let target = folder.path().join("target");
        fetch(&url("there"), &target).unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "content");
        assert_eq!(fetch(&url("not-there"), &folder.path().join("none")), Err(FetchError::NotFound));
    }
}
