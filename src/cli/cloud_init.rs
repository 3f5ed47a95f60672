//! `meshimg cloud-init`.

use std::path::PathBuf;

use super::{Context, host_name, load, output};
use crate::error::Error;
use crate::render;
use crate::spec::HostName;

pub const EXAMPLES: &str = "\
Examples:
  meshimg cloud-init cluster.yaml                 writes cloud-init-out/<host>/{user-data,meta-data,seed.img}
  meshimg cloud-init cluster.yaml --host host1    one host alone
  meshimg cloud-init cluster.yaml --check         compares instead of writing; exit 6 and a diff if files differ

Give user-data to your provider, or attach seed.img as a second disk (NoCloud) to a machine of your own.";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml
    file: PathBuf,
    /// The folder to write to
    #[arg(short, long, default_value = "cloud-init-out")]
    output: PathBuf,
    /// Only this host
    #[arg(long, value_parser = host_name)]
    host: Option<HostName>,
    /// Compare with what is there instead of writing
    #[arg(long)]
    check: bool,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    let plan = load::plan(&arguments.file, context)?;
    let file = arguments.file.display().to_string();
    if let Some(name) = &arguments.host {
        load::known(&plan, name, &file)?;
    }
    let artifacts = render::with_seeds(render::cloud_init(&plan, arguments.host.as_ref())?)?;
    if arguments.check {
        let differences = render::differences(&arguments.output, &artifacts)?;
        if differences.is_empty() {
            context
                .ui
                .line(&format!("{}: as planned, {} files", arguments.output.display(), artifacts.0.len()));
            return Ok(());
        }
        output::print(&differences.concat())?;
        return Err(Error::Differs {
            count: differences.len(),
            folder: arguments.output.display().to_string(),
            file,
        });
    }
    let written = render::write(&arguments.output, &artifacts)?;
    let unchanged = artifacts.0.len() - written.len();
    for path in &written {
        context.ui.line(&format!("wrote {}", path.display()));
    }
    if unchanged > 0 {
        context.ui.line(&format!("{unchanged} file(s) unchanged"));
    }
    Ok(())
}
