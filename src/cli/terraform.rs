//! `meshimg terraform`.

use std::path::PathBuf;

use super::{Context, load, output};
use crate::error::Error;
use crate::render;

pub const EXAMPLES: &str = "\
Examples:
  meshimg terraform cluster.yaml >droplets.tf.json
  terraform output addresses   once they are there: what to write as `address`

docs/digital-ocean.md has the whole way.";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml, with a section `digital-ocean`
    file: PathBuf,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    let droplets = load::droplets(&arguments.file, context)?;
    output::print(&render::terraform(&droplets)?)
}
