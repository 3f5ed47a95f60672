//! What is in a release of upstream, found without unpacking it.

use std::path::Path;
use std::time::Duration;

use super::OpenVSwitchError;
use crate::exec::{ExecError, Tool};

/// A release has 6 to 10 MB.
const DEADLINE: Duration = Duration::from_secs(120);

/// The version of the packages that the tar archive makes, such as 4.0.0-1.
///
/// # Errors
/// [`OpenVSwitchError::Tar`], [`OpenVSwitchError::NoPackaging`]; `name` is the archive's name for them.
pub fn version(path: &Path, name: &str) -> Result<String, OpenVSwitchError> {
    let list = tar(path, name, &["--list", "--quoting-style=escape"])?;
    let folder = packaging(&list).map_err(|file| OpenVSwitchError::NoPackaging {
        name: name.to_owned(),
        file,
    })?;
    let changelog = tar(
        path,
        name,
        &["--extract", "--to-stdout", "--", &format!("{folder}/debian/changelog")],
    )?;
    changelog_version(&changelog).ok_or_else(|| OpenVSwitchError::Tar {
        name: name.to_owned(),
        why: "its debian/changelog does not begin with a version of openvswitch".to_owned(),
    })
}

fn tar(path: &Path, name: &str, arguments: &[&str]) -> Result<String, OpenVSwitchError> {
    // `--` ends the options in the middle of what is handed in, so the file comes first.
    let tool = Tool::new("tar", DEADLINE)
        .argument("--file")
        .argument(path)
        .arguments(arguments.iter().copied())
        .environment("LC_ALL", "C");
    match tool.run() {
        Ok(finished) => Ok(finished.stdout_text()),
        Err(ExecError::Failed { stderr_tail, .. }) => Err(OpenVSwitchError::Tar {
            name: name.to_owned(),
            why: stderr_tail
                .lines()
                .next()
                .unwrap_or("tar failed")
                .trim_start_matches("tar: ")
                .to_owned(),
        }),
        Err(error) => Err(OpenVSwitchError::Exec(error)),
    }
}

/// The folder in which all is, if it has what makes packages, or what it lacks.
fn packaging(list: &str) -> Result<&str, &'static str> {
    let folder = list.lines().find_map(|line| line.strip_suffix("/debian/rules"));
    // Not in the folder of an embedded copy.
    let folder = folder.filter(|folder| !folder.contains('/')).ok_or("debian/rules")?;
    let has = |file: &str| list.lines().any(|line| line.strip_prefix(folder) == Some(file));
    if !has("/debian/changelog") {
        return Err("debian/changelog");
    }
    if !has("/debian/control") && !has("/debian/control.in") {
        return Err("debian/control");
    }
    Ok(folder)
}

/// `openvswitch (4.0.0-1) unstable; urgency=low` (deb-changelog(5)).
fn changelog_version(changelog: &str) -> Option<String> {
    let line = changelog.lines().find(|line| !line.trim().is_empty())?;
    let (version, _) = line.strip_prefix("openvswitch (")?.split_once(')')?;
    Some(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_packages_is_found() {
        let files = |files: &[&str]| files.iter().map(|file| format!("ovs-4/{file}\n")).collect::<String>();
        let release = files(&["", "configure.ac", "debian/changelog", "debian/control.in", "debian/rules"]);
        assert_eq!(packaging(&release), Ok("ovs-4"));
        assert_eq!(packaging(&files(&["configure.ac"])), Err("debian/rules"));
        assert_eq!(packaging(&files(&["debian/rules", "debian/control"])), Err("debian/changelog"));
        assert_eq!(packaging(&files(&["debian/rules", "debian/changelog"])), Err("debian/control"));
        assert_eq!(
            packaging(&files(&["third/debian/rules", "third/debian/changelog"])),
            Err("debian/rules")
        );
    }

    #[test]
    fn the_version_is_that_of_the_last_entry() {
        let text = "openvswitch (4.0.0-1) unstable; urgency=low\n\n   * New upstream version\n\nopenvswitch (3.7.0-1) unstable\n";
        assert_eq!(changelog_version(text).as_deref(), Some("4.0.0-1"));
        assert_eq!(changelog_version("ovn (1-1) unstable; urgency=low\n"), None);
        assert_eq!(changelog_version(""), None);
    }
}
