//! `meshimg apply`.

use std::path::PathBuf;

use super::remote::{Changing, Hosts};
use super::{Context, diff, load};
use crate::diff::Kind;
use crate::error::{Error, counted};
use crate::exec::interrupt;
use crate::remote::Remote;
use crate::remote::apply::{self, ConfirmWithin, Differences, HostChange};

pub const EXAMPLES: &str = "\
Examples:
  meshimg apply cluster.yaml            what differs; then it asks
  meshimg apply cluster.yaml --yes      without asking
  meshimg apply cluster.yaml --host host1 --host host2

One host after the other is changed, and each has its old state back by
itself unless it can be reached by a new ssh connection afterwards.";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml
    file: PathBuf,
    #[command(flatten)]
    hosts: Hosts,
    #[command(flatten)]
    changing: Changing,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    interrupt::install()?;
    let plan = load::plan(&arguments.file, context)?;
    let connection = arguments.hosts.connection(&plan, &arguments.file)?;
    let remote = Remote::connect(&plan, &connection, &context.ui)?;
    let differences = apply::look(&remote)?;
    let changing = &arguments.changing;
    changing.show(&differences, || text(&differences, changing.confirm_within))?;
    let question = question(&differences);
    if differences.hosts.is_empty() || !changing.is_wanted(&question)? {
        return Ok(());
    }
    apply::apply(&remote, &differences, changing.confirm_within)?;
    let file = arguments.file.display();
    context.ui.line(&format!(
        "{} as planned; to see that all works: meshimg verify {file}",
        counted(differences.hosts.len() + differences.unchanged.len(), "host")
    ));
    Ok(())
}

/// What the person at the terminal is asked.
pub fn question(differences: &Differences) -> String {
    format!("change {}?", counted(differences.hosts.len(), "host"))
}

/// All that differs.
pub fn text(differences: &Differences, within: ConfirmWithin) -> String {
    if differences.hosts.is_empty() {
        return format!("{} as planned; nothing to change\n", counted(differences.unchanged.len(), "host"));
    }
    format!(
        "{}\n{} to change, {} as planned; a host that is not confirmed within {within} s has its old state back\n",
        hosts(differences),
        differences.hosts.len(),
        differences.unchanged.len()
    )
}

/// What differs on each host.
pub fn hosts(differences: &Differences) -> String {
    let hosts: Vec<String> = differences.hosts.iter().map(host).collect();
    hosts.join("\n")
}

/// What is said of a host where nobody has to decide any more: of one without a mesh, not each file that it gets.
pub fn summary(change: &HostChange) -> String {
    match change.kind {
        Kind::New => format!("{} gets the mesh", change.host),
        _ => host(change).trim_end().to_owned(),
    }
}

fn host(change: &HostChange) -> String {
    let mut lines = vec![match change.kind {
        Kind::New => format!("{} gets the mesh", change.host),
        Kind::Gone => format!("{} loses the mesh", change.host),
        Kind::Changed => format!("{} changes", change.host),
    }];
    lines.extend(change.running.iter().map(|running| format!("  runs      {running}")));
    lines.extend(diff::files(&change.files));
    if !change.packages.is_empty() {
        lines.push(format!("  install   {}", change.packages.join(" ")));
    }
    lines.extend(change.services.iter().map(diff::service));
    lines.push(format!("  cut off   {}", diff::cut_off(&change.cut_off)));
    lines.extend(change.notes.iter().map(|note| format!("  to know   {note}")));
    lines.join("\n") + "\n"
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::diff::{Action, CutOff, FileChange, Service};

    pub fn change(host: &str, kind: Kind) -> HostChange {
        HostChange {
            host: host.parse().unwrap(),
            kind,
            files: vec![FileChange {
                path: "/etc/docker/daemon.json".to_owned(),
                kind: Kind::Changed,
            }],
            packages: vec!["bridge-utils".to_owned()],
            running: vec!["tunnels: port gre1 to host2 is not there".to_owned()],
            services: vec![Service {
                unit: "docker.service".to_owned(),
                action: Action::RestartContainers,
                why: "its options differ",
            }],
            cut_off: CutOff::none("it has no mesh yet"),
            notes: vec!["a note".to_owned()],
            write: Vec::new(),
        }
    }

    #[test]
    fn all_that_differs_is_shown() {
        let differences = |hosts| Differences {
            version: 1,
            cluster: "demo".parse().unwrap(),
            hosts,
            unchanged: vec!["host3".parse().unwrap()],
        };
        let within = ConfirmWithin::default();
        let both = differences(vec![change("host1", Kind::New), change("host2", Kind::Changed)]);
        insta::assert_snapshot!(text(&both, within));
        assert_eq!(text(&differences(Vec::new()), within), "1 host as planned; nothing to change\n");
    }
}
