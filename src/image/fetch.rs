//! Single files from elsewhere, by this machine's own apt, so with the user's proxies, passwords and certificates, and no TLS of ours.

use std::path::Path;
use std::time::Duration;

use crate::exec::{ExecError, Tool};

/// apt's own program for a single file (apt-helper(8)).
pub const HELPER: &str = "/usr/lib/apt/apt-helper";

/// One file. The largest of the mesh's packages has 40 MB.
const FETCH_DEADLINE: Duration = Duration::from_secs(15 * 60);

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
    use crate::exec;

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
