//! `meshimg check`.

use std::path::PathBuf;

use super::{Context, Format, load, output};
use crate::error::Error;
use crate::plan;
use crate::render;
use crate::spec;

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
            let diagnosis = load::diagnose(&arguments.file)?;
            output::print(&spec::to_json(&arguments.file.display().to_string(), &diagnosis.diagnostics))?;
            diagnosis.judge(context.strict)?
        }
    };
    // What only the later stages can find: user-data that is too large.
    let artifacts = render::cloud_init(&plan::plan(&spec)?, None)?;
    let user_data = artifacts.0.iter().filter(|(path, _)| path.ends_with("/user-data"));
    let most = user_data.map(|(_, artifact)| artifact.bytes.len()).max().unwrap_or_default();
    render::with_seeds(artifacts)?;
    context.ui.line(&format!(
        "{}: cluster {} of {} hosts is fine; user-data has at most {} of {} KiB",
        arguments.file.display(),
        spec.name,
        spec.hosts.len(),
        most.div_ceil(1024),
        render::USER_DATA_MAX / 1024
    ));
    Ok(())
}
