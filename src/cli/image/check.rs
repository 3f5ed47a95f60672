//! `meshimg image check`.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::super::{Context, Format, output};
use crate::error::Error;
use crate::exec::interrupt;
use crate::image::check::{self, CheckError, CheckRequest, Firmware, Severity};
use crate::image::lint::UserData;
use crate::spec::SIZE_MAX;

pub const EXAMPLES: &str = "\
Examples:
  meshimg image check disk.qcow2               with a boot by BIOS and UEFI
  meshimg image check disk.qcow2 --boot none   the file alone, in seconds
  meshimg image check disk.raw.gz --boot uefi  an image for UEFI alone
  meshimg image check disk.raw --boot none --user-data out/host1/user-data
                                               the order of a host's boot

Exit codes: 0 no errors; 6 errors, or warnings under --strict. Every code is
in docs/images.md.";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The image: qcow2, raw, vhdx, vdi, vmdk or what else qemu-img reads, or raw.gz
    image: PathBuf,
    /// How to boot it in QEMU, to a login prompt: bios, uefi, both, or none
    #[arg(
        long,
        value_enum,
        value_name = "KINDS",
        value_delimiter = ',',
        default_value = "bios,uefi",
        hide_possible_values = true
    )]
    boot: Vec<Kind>,
    /// The disk must be smaller: bytes, or with a unit such as GB (1000^3) or GiB (1024^3)
    #[arg(long, value_name = "SIZE", default_value = "100GB", value_parser = size)]
    size_limit: u64,
    /// A host's user-data: the boot-order lint sees its files laid over the image, and its commands
    #[arg(long, value_name = "FILE")]
    user_data: Option<PathBuf>,
    /// How to print what was found
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// A word of `--boot`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Bios,
    Uefi,
    None,
}

fn size(text: &str) -> Result<u64, String> {
    let refused = || format!("'{text}' is no size; give bytes, or a number with KB, MB, GB, KiB, MiB or GiB");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(refused()),
    };
    let number: u64 = number.parse().map_err(|_| refused())?;
    number.checked_mul(factor).ok_or_else(refused)
}

fn firmware(kinds: &[Kind]) -> Result<Vec<Firmware>, Error> {
    if kinds.contains(&Kind::None) && kinds.iter().any(|kind| *kind != Kind::None) {
        return Err(Error::Usage("--boot is none, or what to boot by: bios, uefi".to_owned()));
    }
    let has = |kind: Kind| kinds.contains(&kind);
    let all = [(Kind::Bios, Firmware::Bios), (Kind::Uefi, Firmware::Uefi)];
    Ok(all
        .into_iter()
        .filter(|(kind, _)| has(*kind))
        .map(|(_, firmware)| firmware)
        .collect())
}

/// A host's user-data.
fn user_data(path: &Path) -> Result<UserData, CheckError> {
    let open = |source| CheckError::Open {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(open)?;
    file.take(SIZE_MAX as u64).read_to_string(&mut text).map_err(open)?;
    check::read_user_data(&text).map_err(|why| CheckError::UserData {
        path: path.to_owned(),
        why,
    })
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    // QEMU and qemu-img run in process groups of their own, which Ctrl-C at the terminal does not reach.
    interrupt::install()?;
    let request = CheckRequest {
        image: arguments.image.clone(),
        boot: firmware(&arguments.boot)?,
        size_limit: arguments.size_limit,
        user_data: arguments.user_data.as_deref().map(user_data).transpose()?.unwrap_or_default(),
    };
    let report = check::check(&request, &context.ui)?;
    match arguments.format {
        Format::Text => output::print(&report.text())?,
        Format::Json => output::print_json(&report)?,
    }
    let errors = report.count(Severity::Error);
    let warnings = report.count(Severity::Warning);
    if errors > 0 || (context.strict && warnings > 0) {
        return Err(Error::ImageFindings {
            image: report.image,
            errors,
            warnings,
        });
    }
    Ok(())
}
