//! `meshimg inventory`.

use std::path::PathBuf;

use super::{Context, load, output};
use crate::error::Error;
use crate::render;

pub const EXAMPLES: &str = "\
Examples:
  meshimg inventory cluster.yaml >hosts.yaml
  ansible -i hosts.yaml all -m ping

Hosts are in one group, meshimg_ and the name of the cluster, each by its
address on the underlay.";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml
    file: PathBuf,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    let plan = load::plan(&arguments.file, context)?;
    output::print(&render::inventory(&plan)?)
}
