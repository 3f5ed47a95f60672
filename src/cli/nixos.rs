//! `meshimg nixos`.

use std::path::PathBuf;

use super::folder::Folder;
use super::{Context, load};
use crate::error::Error;
use crate::render;

pub const EXAMPLES: &str = "\
Files:
  flake.nix          nixosConfigurations, disk images, and a check that boots
                     these hosts as VMs
  hosts/<name>.nix   what one host is, as data: services.meshimg = { ... };
  meshimg/           the NixOS modules that this meshimg has

Examples:
  meshimg nixos cluster.yaml           writes to ./nixos-out
  meshimg nixos cluster.yaml --check   a diff and exit 6 if any differ
  nix build ./nixos-out#host1-image    a qcow2 disk of host1
  nix build ./nixos-out#host1-digital-ocean-image";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml
    file: PathBuf,
    /// The folder to write to
    #[arg(short, long, value_name = "DIR", default_value = "nixos-out")]
    output: PathBuf,
    /// Compare with what is there instead of writing
    #[arg(long)]
    check: bool,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    let plan = load::plan(&arguments.file, context)?;
    let artifacts = render::nixos(&plan)?;
    let folder = Folder {
        path: &arguments.output,
        file: arguments.file.display().to_string(),
        verb: "nixos",
    };
    if arguments.check {
        return folder.compare(&artifacts, context);
    }
    folder.write(&artifacts, context)
}
