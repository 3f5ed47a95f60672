//! `meshimg wipe`.

use std::path::PathBuf;

use super::remote::{Changing, Hosts};
use super::{Context, apply, load};
use crate::error::{Error, counted};
use crate::exec::interrupt;
use crate::remote::apply::{ConfirmWithin, Differences};
use crate::remote::{Remote, wipe};

pub const EXAMPLES: &str = "\
Examples:
  meshimg wipe cluster.yaml             what goes; then it asks
  meshimg wipe cluster.yaml --yes       without asking

Hosts are as they were before: no bridges, tunnels, units or files of
meshimg's, and a Docker with a bridge of its own. Packages stay. A host has its
mesh back by itself unless it can be reached by a new ssh connection afterwards.
To take one host out of a mesh that goes on: meshimg remove.";

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
    let differences = wipe::look(&remote)?;
    let changing = &arguments.changing;
    changing.show(&differences, || text(&differences, changing.confirm_within))?;
    let question = format!("take the mesh off {}?", counted(differences.hosts.len(), "host"));
    if differences.hosts.is_empty() || !changing.is_wanted(&question)? {
        return Ok(());
    }
    wipe::wipe(&remote, &differences, changing.confirm_within)?;
    context.ui.line(&format!(
        "{} without the mesh; packages stay",
        counted(differences.hosts.len() + differences.unchanged.len(), "host")
    ));
    if !remote.is_whole() {
        context
            .ui
            .line("the others still have their ends of links to them, which meshimg remove would have taken away");
    }
    Ok(())
}

fn text(differences: &Differences, within: ConfirmWithin) -> String {
    if differences.hosts.is_empty() {
        return format!(
            "{} without a mesh; nothing to take away\n",
            counted(differences.unchanged.len(), "host")
        );
    }
    format!(
        "{}\n{} to lose the mesh, {} without one; a host that is not confirmed within {within} s has its old state back\n",
        apply::hosts(differences),
        differences.hosts.len(),
        differences.unchanged.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::apply::tests::change;
    use crate::diff::{CutOff, FileChange, Kind};
    use crate::remote::apply::HostChange;

    #[test]
    fn all_that_goes_is_shown() {
        let differences = |hosts| Differences {
            version: 1,
            cluster: "demo".parse().unwrap(),
            hosts,
            unchanged: vec!["host3".parse().unwrap()],
        };
        let within = ConfirmWithin::default();
        let change = HostChange {
            files: vec![FileChange {
                path: "/etc/meshimg/host.conf".to_owned(),
                kind: Kind::Gone,
            }],
            packages: Vec::new(),
            running: vec!["br0: an Open vSwitch bridge with 2 tunnels".to_owned()],
            cut_off: CutOff::for_good("it is no part of the mesh any more"),
            ..change("host1", Kind::Gone)
        };
        insta::assert_snapshot!(text(&differences(vec![change]), within));
        assert_eq!(
            text(&differences(Vec::new()), within),
            "1 host without a mesh; nothing to take away\n"
        );
    }
}
