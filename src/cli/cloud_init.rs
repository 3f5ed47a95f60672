//! `meshimg cloud-init`.

use std::path::PathBuf;

use super::folder::Folder;
use super::{Context, host_name, load};
use crate::error::Error;
use crate::render;
use crate::spec::HostName;

pub const EXAMPLES: &str = "\
Files, in a folder for each host:
  user-data        for a provider that takes it, such as Digital Ocean
  meta-data        the name of the host and of the instance
  network-config   only where the file names underlay.interface
  seed.img         all of these as a disk (NoCloud), for a machine of your own

Examples:
  meshimg cloud-init cluster.yaml                writes to ./cloud-init-out
  meshimg cloud-init cluster.yaml --host host1   one host alone
  meshimg cloud-init cluster.yaml --check        a diff and exit 6 if any differ";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml
    file: PathBuf,
    /// The folder to write to
    #[arg(short, long, value_name = "DIR", default_value = "cloud-init-out")]
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
    let folder = Folder {
        path: &arguments.output,
        file,
        verb: "cloud-init",
    };
    if arguments.check {
        return folder.compare(&artifacts, context);
    }
    folder.write(&artifacts, context)
}
