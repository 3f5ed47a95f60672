//! `meshimg remove`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use super::remote::{Changing, Ssh};
use super::{Context, apply, host_name, load};
use crate::error::{Error, counted, listed};
use crate::exec::interrupt;
use crate::remote::apply::{self as remote_apply, ApplyError, Differences};
use crate::remote::{Remote, wipe};
use crate::spec::HostName;

pub const EXAMPLES: &str = "\
Examples:
  meshimg remove cluster.yaml --host host4           what changes; then it asks
  meshimg remove cluster.yaml --host host4 --dead    host4 is gone for good

The host is left as it was before the mesh (meshimg wipe), and then the others
lose their links to it, one after the other. They keep their numbers, slices and
addresses, for which there has to be a lock (meshimg plan --lock). The lines of
the host in cluster.yaml are yours to take out afterwards.";

/// The format of the JSON; raised when a field changes its meaning or goes.
const REMOVAL_VERSION: u32 = 1;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml, which still has the host
    file: PathBuf,
    /// The host that is to leave; may be given several times
    #[arg(long = "host", value_name = "NAME", value_parser = host_name, required = true)]
    hosts: Vec<HostName>,
    /// The host is dead, or nobody's business any more: it is not asked, and keeps what it has
    #[arg(long)]
    dead: bool,
    #[command(flatten)]
    ssh: Ssh,
    #[command(flatten)]
    changing: Changing,
}

/// What differs, of those that leave and of those that stay.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Removal {
    version: u32,
    /// Nothing where they are dead.
    wiped: Option<Differences>,
    changed: Differences,
}

impl Removal {
    fn is_empty(&self) -> bool {
        self.changed.hosts.is_empty() && self.wiped.as_ref().is_none_or(|wiped| wiped.hosts.is_empty())
    }
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    interrupt::install()?;
    let (file, changing) = (arguments.file.display().to_string(), &arguments.changing);
    let before = load::plan_alone(&arguments.file, context)?;
    for name in &arguments.hosts {
        load::known(&before, name, &file)?;
    }
    let leaving: BTreeSet<HostName> = arguments.hosts.iter().cloned().collect();
    let after = load::plan_without(&arguments.file, &before, &leaving, context)?;
    arguments.ssh.check()?;
    let connection = |hosts| arguments.ssh.connection(&arguments.file, hosts);
    let others = Remote::connect(&after, &connection(BTreeSet::new()), &context.ui)?;
    let gone = match arguments.dead {
        true => None,
        false => Some(Remote::connect(&before, &connection(leaving.clone()), &context.ui)?),
    };
    let removal = Removal {
        version: REMOVAL_VERSION,
        wiped: gone.as_ref().map(wipe::look).transpose().map_err(or_dead)?,
        changed: remote_apply::look(&others)?,
    };
    changing.show(&removal, || text(&removal, &leaving, changing))?;
    if !removal.is_empty() && !changing.is_wanted(&question(&removal))? {
        return Ok(());
    }
    if let (Some(gone), Some(wiped)) = (&gone, &removal.wiped) {
        wipe::wipe(gone, wiped, changing.confirm_within)?;
    }
    remote_apply::apply(&others, &removal.changed, changing.confirm_within)?;
    context.ui.line(&format!(
        "{} left the mesh; now take {} out of {file}, and then: meshimg plan --lock {file}",
        listed(&leaving),
        if leaving.len() == 1 { "its lines" } else { "their lines" }
    ));
    Ok(())
}

/// What helps is another option here.
fn or_dead(error: ApplyError) -> ApplyError {
    match error {
        ApplyError::NotAsked { host, why } => ApplyError::NotAskedToLeave { host, why },
        other => other,
    }
}

fn question(removal: &Removal) -> String {
    let wiped = removal.wiped.as_ref().map_or(0, |wiped| wiped.hosts.len());
    let changed = counted(removal.changed.hosts.len(), "host");
    match wiped {
        0 => format!("change {changed}?"),
        wiped => format!("take the mesh off {}, and change {changed}?", counted(wiped, "host")),
    }
}

fn text(removal: &Removal, leaving: &BTreeSet<HostName>, changing: &Changing) -> String {
    let of = |differences: &Differences| match differences.hosts.is_empty() {
        true => String::new(),
        false => apply::hosts(differences) + "\n",
    };
    let leave = match &removal.wiped {
        None => format!("{} left as it is, and not asked\n\n", listed(leaving)),
        Some(wiped) if wiped.hosts.is_empty() => format!("{} without a mesh already\n\n", listed(leaving)),
        Some(wiped) => of(wiped),
    };
    let within = changing.confirm_within;
    let wiped = removal.wiped.as_ref().map_or(0, |wiped| wiped.hosts.len());
    format!(
        "{leave}{}{wiped} to lose the mesh, {} to change, {} as planned without {}; a host that is not confirmed within {within} s has its \
         old state back\n",
        of(&removal.changed),
        removal.changed.hosts.len(),
        removal.changed.unchanged.len(),
        listed(leaving)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::apply::tests::change;
    use crate::diff::Kind;

    #[test]
    fn both_who_leaves_and_who_stays_are_shown() {
        let differences = |hosts| Differences {
            version: 1,
            cluster: "demo".parse().unwrap(),
            hosts,
            unchanged: vec!["host3".parse().unwrap()],
        };
        let removal = |wiped| Removal {
            version: 1,
            wiped,
            changed: differences(vec![change("host1", Kind::Changed)]),
        };
        let leaving = ["host2".parse().unwrap()].into();
        let changing = Changing::default();
        let wiped = removal(Some(differences(vec![change("host2", Kind::Gone)])));
        let dead = removal(None);
        insta::assert_snapshot!(
            [
                text(&wiped, &leaving, &changing),
                question(&wiped),
                text(&dead, &leaving, &changing),
                question(&dead)
            ]
            .join("\n---\n")
        );
    }

    #[test]
    fn a_host_that_is_not_reached_may_be_dead() {
        let host: HostName = "host2".parse().unwrap();
        let error = or_dead(ApplyError::NotAsked {
            host,
            why: "No route to host".to_owned(),
        });
        assert_eq!(
            error.to_string(),
            "host2 cannot be asked: No route to host; nothing was changed on any host. If it is gone for good: --dead"
        );
    }
}
