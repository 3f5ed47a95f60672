//! `meshimg openvswitch`.

use std::path::PathBuf;

use clap::Subcommand;

use super::image::archive;
use super::{Context, output};
use crate::error::Error;
use crate::exec::interrupt;
use crate::image::Cache;
use crate::image::openvswitch::{self, BuildRequest, Source};
use crate::spec::{ArchiveUrl, InvalidName, OpenVSwitchVersion, Os, Sha256Hash};

const EXAMPLES: &str = "\
The folder that is printed is a package archive as apt takes it: packages,
Packages, Release, and manifest.json, which says what all of it was made of.

Examples:
  meshimg openvswitch build --version 4.0.0 --sha256 HASH \\
    --source openvswitch_4.0.0-2.dsc               files beside it are found
  meshimg openvswitch build --version 4.0.0 --sha256 HASH -o DIR \\
    --source https://.../openvswitch-4.0.0.tar.gz  a copy, to serve to hosts";

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Build packages in a throw-away root, or find them in the cache, and print their folder
    #[command(after_help = EXAMPLES)]
    Build(Build),
}

#[derive(Debug, clap::Args)]
pub struct Build {
    /// The release that the packages are for: debian-12 or debian-13
    #[arg(long, default_value = "debian-13", value_parser = os)]
    os: Os,
    /// The version of Open vSwitch, such as 4.0.0; the source must have it
    #[arg(long, value_name = "VERSION", value_parser = version)]
    version: OpenVSwitchVersion,
    /// A release of upstream (.tar.gz, .tar.xz) or a source package of Debian (.dsc)
    #[arg(long, value_name = "URL|PATH", value_parser = source)]
    source: Source,
    /// SHA-256 of that file
    #[arg(long, value_name = "HASH", value_parser = sha256)]
    sha256: Sha256Hash,
    /// A folder for a copy of the archive
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Package archive for the root of the build [default: mmdebstrap's own]
    #[arg(long, value_name = "URL", value_parser = archive)]
    archive: Option<ArchiveUrl>,
}

fn os(text: &str) -> Result<Os, String> {
    // All that a cluster.yaml takes, so that what is not built for is told of as that.
    serde_json::from_value(text.into()).map_err(|_| "packages are built for debian-12 and debian-13".to_owned())
}

fn version(text: &str) -> Result<OpenVSwitchVersion, String> {
    text.parse().map_err(|error: InvalidName| error.to_string())
}

fn source(text: &str) -> Result<Source, String> {
    text.parse().map_err(|error: InvalidName| error.to_string())
}

fn sha256(text: &str) -> Result<Sha256Hash, String> {
    // Some publish them in upper case.
    text.to_ascii_lowercase().parse().map_err(|error: InvalidName| error.to_string())
}

pub fn run(verb: Verb, context: &Context) -> Result<(), Error> {
    let Verb::Build(arguments) = verb;
    // mmdebstrap runs in a process group of its own, which Ctrl-C at the terminal does not reach.
    interrupt::install()?;
    let request = BuildRequest {
        os: arguments.os,
        version: arguments.version,
        source: arguments.source,
        sha256: arguments.sha256,
        archive: arguments.archive,
    };
    if let Some(output) = &arguments.output {
        // Before minutes of work.
        openvswitch::check_export(output).map_err(crate::image::ImageError::from)?;
    }
    let mut folder = openvswitch::build(&request, &Cache::from_environment()?, &context.ui)?;
    if let Some(output) = arguments.output {
        openvswitch::export(&folder, &output)?;
        folder = output;
    }
    output::print(&folder.display().to_string())
}
