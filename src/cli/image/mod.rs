//! `meshimg image`.

mod build;
mod check;
mod dry_run;
mod push;

use clap::Subcommand;

use super::stock::{Stock, flavor};
use super::{Context, load, output};
use crate::error::Error;
use crate::exec::interrupt;
use crate::image::{self, BaseRequest, Boot, Cache};
use crate::spec::{ArchiveUrl, InvalidName, Os};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Build a disk that boots anywhere, by BIOS and by UEFI, with all that the mesh needs
    #[command(after_help = build::EXAMPLES)]
    Build(build::Arguments),
    /// Build the image that the lab boots by default, or find it in the cache, and print its files
    Base(Base),
    /// Say what is wrong with a disk image, and boot it; the file stays as it is
    #[command(after_help = check::EXAMPLES)]
    Check(check::Arguments),
    /// Make a custom image at Digital Ocean of a local image
    #[command(after_help = push::EXAMPLES)]
    Push(push::Arguments),
}

#[derive(Debug, clap::Args)]
pub struct Base {
    /// The release: debian-12 or debian-13
    #[arg(long, default_value = "debian-13", value_parser = os)]
    os: Os,
    /// Package archive to build from [default: mmdebstrap's own]
    #[arg(long, value_name = "URL", value_parser = archive)]
    archive: Option<ArchiveUrl>,
    /// An image without Open vSwitch and Docker, as clouds have it; with netplan unless KIND is ifupdown
    #[arg(long, value_enum, value_name = "KIND", num_args = 0..=1, require_equals = true, default_missing_value = "netplan", hide_possible_values = true)]
    stock: Option<Stock>,
}

fn os(text: &str) -> Result<Os, String> {
    match text {
        "debian-12" => Ok(Os::Debian12),
        "debian-13" => Ok(Os::Debian13),
        _ => Err("base images are built of debian-12 and debian-13".to_owned()),
    }
}

pub(super) fn archive(text: &str) -> Result<ArchiveUrl, String> {
    text.parse().map_err(|error: InvalidName| error.to_string())
}

pub fn run(verb: Verb, context: &Context) -> Result<(), Error> {
    // mmdebstrap runs in a process group of its own, which Ctrl-C at the terminal does not reach.
    interrupt::install()?;
    match verb {
        Verb::Build(arguments) => build::run(&arguments, context),
        Verb::Base(arguments) => base(arguments, context),
        Verb::Check(arguments) => check::run(&arguments, context),
        Verb::Push(arguments) => push::run(&arguments, context),
    }
}

fn base(arguments: Base, context: &Context) -> Result<(), Error> {
    let request = BaseRequest {
        os: arguments.os,
        archive: arguments.archive,
        flavor: flavor(arguments.stock),
        open_vswitch: None,
    };
    let base = image::base(&request, &Cache::from_environment()?, &context.ui)?;
    let mut text = format!("disk {}\n", base.disk.display());
    if let Boot::Kernel { kernel, command_line } = &base.boot {
        text += &format!("kernel {}\ncommand-line {command_line}\n", kernel.display());
    }
    output::print(&text)
}
