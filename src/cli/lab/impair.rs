//! `meshimg lab impair`.

use std::path::PathBuf;

use super::target::{Direction, Target};
use crate::cli::{Context, host_name};
use crate::error::Error;
use crate::lab::frame::{FRAME_MAX, FRAME_MIN};
use crate::lab::switch::impairment::{Delay, Impairment, SEED};
use crate::lab::units::Percent;
use crate::spec::HostName;

pub const EXAMPLES: &str = "\
Examples:
  meshimg lab impair cluster.yaml host1 host2 --loss 20%
  meshimg lab impair cluster.yaml host1 host2 --delay 20ms --jitter 5ms
  meshimg lab impair cluster.yaml host1 host2 --one-way --max-frame 1414
  meshimg lab impair cluster.yaml --loss 0.5% --seed 7     every pair of hosts
  meshimg lab impair cluster.yaml host1 host2              as good as new
  meshimg lab impair cluster.yaml                          all as good as new

Each call replaces what an earlier one set. Both directions get the same
settings, but have their own chance. `meshimg lab status` shows what is set.";

#[derive(Debug, clap::Args)]
pub struct Impair {
    /// The cluster.yaml
    file: PathBuf,
    /// A host; alone: everything to and from it; without: everything
    #[arg(value_parser = host_name)]
    host: Option<HostName>,
    #[command(flatten)]
    direction: Direction,
    /// Each frame arrives this much later, such as 20ms, at most 60s
    #[arg(long, value_name = "TIME", default_value = "0s", hide_default_value = true)]
    delay: Delay,
    /// The delay varies by up to so much, up and down; frames overtake each other
    #[arg(long, value_name = "TIME", default_value = "0s", hide_default_value = true)]
    jitter: Delay,
    /// This share of the frames is lost, such as 20% or 0.5%
    #[arg(long, value_name = "PERCENT", default_value = "0%", hide_default_value = true)]
    loss: Percent,
    /// This share arrives twice
    #[arg(long, value_name = "PERCENT", default_value = "0%", hide_default_value = true)]
    duplicate: Percent,
    /// This share is held back for 10 ms, so that those behind it overtake it
    #[arg(long, value_name = "PERCENT", default_value = "0%", hide_default_value = true)]
    reorder: Percent,
    /// Longer frames are dropped; the Ethernet header counts: an MTU of 1400 is 1414
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(FRAME_MIN as i64..=FRAME_MAX as i64))]
    max_frame: Option<u32>,
    /// The same number and the same frames give the same losses, duplicates, delays and order
    #[arg(long, value_name = "NUMBER", default_value_t = SEED)]
    seed: u32,
}

pub fn run(arguments: &Impair, context: &Context) -> Result<(), Error> {
    let target = Target {
        file: &arguments.file,
        host: arguments.host.as_ref(),
        direction: &arguments.direction,
    };
    let impairment = Impairment {
        delay: arguments.delay,
        jitter: arguments.jitter,
        loss: arguments.loss,
        duplicate: arguments.duplicate,
        reorder: arguments.reorder,
        max_frame: arguments.max_frame,
        seed: arguments.seed,
    };
    target.attach(context)?.impair(target.pairs(), impairment)?;
    context.ui.line(&if impairment.is_any() {
        format!(
            "{}: {impairment}; to undo it: meshimg lab impair {}",
            target.words(),
            target.arguments()
        )
    } else {
        format!("nothing is impaired {} any more", target.words())
    });
    Ok(())
}
