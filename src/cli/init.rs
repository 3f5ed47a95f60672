//! `meshimg init`.

use std::path::PathBuf;

use super::{Context, output};
use crate::error::Error;
use crate::render;
use crate::spec::{self, ClusterName};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Write to this file, which must not be there yet, instead of standard output
    file: Option<PathBuf>,
    /// The cluster's name
    #[arg(long, value_name = "CLUSTER", default_value = "demo", value_parser = cluster_name)]
    name: ClusterName,
}

fn cluster_name(text: &str) -> Result<ClusterName, String> {
    text.parse().map_err(|error: spec::InvalidName| error.to_string())
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    let text = spec::init_text(arguments.name.as_str());
    let Some(path) = &arguments.file else { return output::print(&text) };
    if !render::write_new(path, text.as_bytes())? {
        return Err(Error::Usage(format!(
            "{} is there already and stays as it is; choose another name",
            path.display()
        )));
    }
    context
        .ui
        .line(&format!("wrote {0}; put your hosts there, then: meshimg check {0}", path.display()));
    Ok(())
}
