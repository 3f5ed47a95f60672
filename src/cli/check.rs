//! `meshimg check`.

use std::path::PathBuf;

use super::{Context, Format, load, output};
use crate::error::Error;
use crate::plan;
use crate::render;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml
    file: PathBuf,
    /// How to print what is wrong
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    let spec = match arguments.format {
        Format::Text => load::spec(&arguments.file, context)?,
        Format::Json => {
            let (spec, diagnostics, _) = load::diagnose(&arguments.file)?;
            output::print_json(&diagnostics)?;
            load::judge(spec, &diagnostics, arguments.file.display().to_string(), context.strict)?
        }
    };
    // What only the later stages can find: user-data that is too large.
    render::cloud_init(&plan::plan(&spec)?, None)?;
    context.ui.line(&format!(
        "{}: cluster {} of {} hosts is fine",
        arguments.file.display(),
        spec.name,
        spec.hosts.len()
    ));
    Ok(())
}
