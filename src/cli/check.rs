//! `meshimg check`.

use std::path::PathBuf;

use super::{Context, Format, load, output};
use crate::error::Error;
use crate::plan::{self, PlanError};
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
    let most = user_data_bytes(&spec)?;
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

/// The most bytes of a host's user-data; what only the later stages can find is an error: user-data that is too large.
fn user_data_bytes(spec: &spec::Spec) -> Result<usize, Error> {
    let plan = match plan::plan(spec) {
        Ok(plan) => plan,
        // Droplets that nobody has made yet are to be checked before they are.
        Err(PlanError::NoAddress(_)) => return droplets_user_data_bytes(spec),
        Err(error) => return Err(error.into()),
    };
    let artifacts = render::cloud_init(&plan, None)?;
    let user_data = artifacts.0.iter().filter(|(path, _)| path.ends_with("/user-data"));
    let most = user_data.map(|(_, artifact)| artifact.bytes.len()).max().unwrap_or_default();
    render::with_seeds(artifacts)?;
    Ok(most)
}

fn droplets_user_data_bytes(spec: &spec::Spec) -> Result<usize, Error> {
    let droplets = plan::droplets(spec)?;
    let mut most = 0;
    for (droplets, droplet) in droplets
        .iter()
        .flat_map(|all| all.droplets.iter().map(move |droplet| (all, droplet)))
    {
        most = most.max(render::droplet_user_data(droplets, droplet)?.len());
    }
    Ok(most)
}
