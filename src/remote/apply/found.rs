//! What is on a host, as far as a plan has a say in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::machine::facts::{self, Facts, FileFacts, Scope, script, sections_of};
use crate::machine::{Machine, on_each, ssh};
use crate::plan::{HostPlan, Plan};
use crate::render::{RenderFilesError, host_files};
use crate::spec::HostName;

/// One look at a host.
const DEADLINE: Duration = Duration::from_secs(60);

const FOUND: &str = include_str!("found.sh");

/// What a host said.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub facts: Facts,
    /// Of the planned files, those that are there.
    pub files: BTreeMap<String, FileFacts>,
    /// Paths of all files that look as if meshimg had written them.
    pub ours: Vec<String>,
    pub packages: BTreeSet<String>,
    /// Whether the units of meshimg that have to start at every boot do: `enabled`, by name.
    pub units: BTreeMap<String, String>,
    /// The first line of the host's own host.conf: `# What the scripts ... about HOST of cluster CLUSTER. ...`.
    pub claimed: Option<String>,
    /// `ID` and `VERSION_ID` of os-release(5), `debian-13`.
    pub os: String,
    /// A change is under way, or waits for its end to be confirmed.
    pub pending: bool,
    /// Paths of the files that the first change has replaced; `None` where there was none, or nobody kept them.
    pub before: Option<Vec<String>>,
    /// Whether the host's user-data would make the mesh at the next boot, were it not for a mark.
    pub by_cloud_init: bool,
}

/// The shell script whose output [`parse`] reads.
///
/// # Errors
/// A mistake of ours in a template of a host's files.
pub fn found_script(plan: &Plan, host: &HostPlan) -> Result<String, RenderFilesError> {
    let files: Vec<String> = host_files(plan, host)?.into_iter().map(|file| file.path).collect();
    let packages: Vec<&str> = host.packages.iter().map(|package| package.as_str()).collect();
    // Paths of ours and names that went through their types: nothing that a shell would look at.
    Ok(format!(
        "{}files='{}'\npackages='{}'\n{FOUND}",
        script(plan, host, Scope::Mesh)?,
        files.join(" "),
        packages.join(" ")
    ))
}

/// Asks all `machines` at once; each answer, or why there is none.
pub fn ask(plan: &Plan, machines: &[&dyn Machine]) -> BTreeMap<HostName, Result<Found, String>> {
    on_each(machines, |machine| {
        let host = plan.hosts.iter().find(|host| host.name == *machine.name());
        let host = host.ok_or("it is no host of the plan")?;
        let script = found_script(plan, host).map_err(|error| error.to_string())?;
        match machine.run(&script, DEADLINE) {
            Ok(finished) => parse(&finished.stdout_text()),
            Err(error) => Err(ssh::last_words(&error)),
        }
    })
}

/// Reads what the script printed.
///
/// # Errors
/// A section without which nothing can be said.
pub fn parse(output: &str) -> Result<Found, String> {
    let sections = sections_of(output);
    let lines = |name: &str| -> Result<Vec<String>, String> {
        let section = sections.get(name)?;
        Ok(section.output.lines().map(str::to_owned).collect())
    };
    let installed = lines("packages")?;
    Ok(Found {
        facts: Facts::parse(output),
        files: facts::files(&sections)?,
        ours: lines("ours")?,
        packages: installed
            .iter()
            .filter_map(|line| line.strip_prefix("installed "))
            .map(str::to_owned)
            .collect(),
        units: facts::units(sections.text("enabled")?)
            .into_iter()
            .map(|(unit, found)| (unit, found.state))
            .collect(),
        claimed: lines("claimed")?.into_iter().next(),
        os: os(sections.text("os-release")?),
        pending: sections.get("pending")?.status == 0,
        before: (sections.get("before")?.status == 0).then(|| lines("before")).transpose()?,
        by_cloud_init: sections.get("by-cloud-init")?.status == 0,
    })
}

fn os(text: &str) -> String {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_default().trim_matches(['"', '\'']).to_owned()
    };
    format!("{}-{}", value("ID"), value("VERSION_ID"))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub const SAID: &str = "
[files-hash 1]
 aa11  /etc/meshimg/host.conf
 bb22  /etc/docker/daemon.json
!sha256sum: /etc/x: No such file or directory
[files-mode 1]
 644 /etc/meshimg/host.conf
 600 /etc/docker/daemon.json
[ours 0]
 /etc/meshimg/host.conf
 /usr/local/lib/meshimg/mesh
[packages 1]
 installed openvswitch-switch
 config-files docker.io
[enabled 0]
 Id=meshimg-mesh.service
 UnitFileState=enabled
 
 Id=meshimg-setup.service
 UnitFileState=disabled
[claimed 0]
 # What the scripts in /usr/local/lib/meshimg need to know about host1 of cluster demo. Written by meshimg.
[os-release 0]
 PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"
 VERSION_ID=\"13\"
 ID=debian
[pending 1]
[before 0]
 /etc/docker/daemon.json
[by-cloud-init 1]
";

    #[test]
    fn what_a_host_says_is_read() {
        let found = parse(SAID).unwrap();
        assert_eq!(found.files.len(), 2);
        assert_eq!(found.files["/etc/docker/daemon.json"].mode, "600");
        assert_eq!(found.packages, ["openvswitch-switch".to_owned()].into());
        assert_eq!(found.units["meshimg-setup.service"], "disabled");
        assert_eq!(found.os, "debian-13");
        assert!(found.claimed.as_ref().unwrap().contains("about host1 of cluster demo."));
        assert_eq!((found.pending, found.by_cloud_init, found.ours.len()), (false, false, 2));
        assert_eq!(found.before.unwrap(), ["/etc/docker/daemon.json"]);
        assert!(found.facts.ovs.known().is_err());
        let other = SAID.replace("[pending 1]", "[pending 0]").replace("[before 0]", "[before 2]");
        let other = parse(&other.replace("[by-cloud-init 1]", "[by-cloud-init 0]")).unwrap();
        assert_eq!((other.pending, other.by_cloud_init, other.before), (true, true, None));
        assert_eq!(parse("").unwrap_err(), "packages: not asked for");
    }
}
