//! `meshimg lab cut` and `meshimg lab heal`.

use std::path::PathBuf;

use super::target::{Direction, Target};
use crate::cli::{Context, host_name};
use crate::error::Error;
use crate::spec::HostName;

pub const CUT_EXAMPLES: &str = "\
Examples:
  meshimg lab cut cluster.yaml host1 host2             no frame between the two
  meshimg lab cut cluster.yaml host1 host2 --one-way   host2 does not hear host1
  meshimg lab cut cluster.yaml host1                   host1 is alone
  meshimg lab cut cluster.yaml host1 --in              host1 hears nobody

The hosts stay up, and their NICs keep their carrier, as behind a broken switch.
`meshimg lab status` shows what is cut.";

pub const HEAL_EXAMPLES: &str = "\
Examples:
  meshimg lab heal cluster.yaml                all that was cut
  meshimg lab heal cluster.yaml host1 host2    what is cut between the two
  meshimg lab heal cluster.yaml host1          all that is cut of host1

What `meshimg lab impair` did stays; without options that command ends it.";

#[derive(Debug, clap::Args)]
pub struct Cut {
    /// The cluster.yaml
    file: PathBuf,
    /// A host; alone: everything to and from it
    #[arg(value_parser = host_name)]
    host: HostName,
    #[command(flatten)]
    direction: Direction,
}

#[derive(Debug, clap::Args)]
pub struct Heal {
    /// The cluster.yaml
    file: PathBuf,
    /// A host; alone: everything to and from it; without: everything
    #[arg(value_parser = host_name)]
    host: Option<HostName>,
    #[command(flatten)]
    direction: Direction,
}

pub fn cut(arguments: &Cut, context: &Context) -> Result<(), Error> {
    let target = Target {
        file: &arguments.file,
        host: Some(&arguments.host),
        direction: &arguments.direction,
    };
    target.attach(context)?.cut_pairs(target.pairs())?;
    context.ui.line(&format!(
        "nothing goes {} any more; to undo it: meshimg lab heal {}",
        target.words(),
        target.arguments()
    ));
    Ok(())
}

pub fn heal(arguments: &Heal, context: &Context) -> Result<(), Error> {
    let target = Target {
        file: &arguments.file,
        host: arguments.host.as_ref(),
        direction: &arguments.direction,
    };
    let lab = target.attach(context)?;
    lab.heal_pairs(target.pairs())?;
    let impaired = lab.status()?.traffic.iter().any(|pair| pair.impairment.is_some());
    let rest = if impaired {
        format!(
            "; what is impaired stays so, until: meshimg lab impair {}",
            arguments.file.display()
        )
    } else {
        String::new()
    };
    context.ui.line(&format!("nothing is cut {} any more{rest}", target.words()));
    Ok(())
}
