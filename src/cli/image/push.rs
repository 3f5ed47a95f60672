//! `meshimg image push`.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::super::{Context, Format, output, up};
use super::dry_run;
use crate::error::Error;
use crate::exec::interrupt;
use crate::image::check::{self, CheckRequest, Severity};
use crate::image::import;
use crate::image::lint::UserData;
use crate::provider::ProviderError;
use crate::provider::digital_ocean::spaces::{Access, Address, Leftover, Limits, REGIONS, Spaces, SpacesKeys};
use crate::provider::digital_ocean::{self, DISTRIBUTIONS, Image, Push, PushError, Timing};
use crate::spec::{InvalidName, Slug, Tag};

pub const EXAMPLES: &str = "\
The image is sent to a bucket of Spaces under a key that begins with
meshimg-image-push/, imported from there by its URL, and removed from the
bucket again, whatever came of it. Until then whoever knows that key can read
it; nobody can guess it who has not got the file. What `meshimg image check`
finds wrong with the file ends it before anything is sent. The same image is
not imported twice.

Variables: DIGITALOCEAN_TOKEN, SPACES_ACCESS_KEY_ID, SPACES_SECRET_ACCESS_KEY.

Examples:
  meshimg image push mesh.qcow2 --region ams3 --bucket my-images --dry-run
  meshimg image push mesh.qcow2 --region ams3 --bucket my-images
  meshimg image push mesh.raw.gz --region nyc1 --bucket my-images \\
    --bucket-region nyc3 --name mesh-2026-11 --tag env:production";

/// How long an import may take. Some minutes for some GB is usual.
const IMPORT: Duration = Duration::from_secs(60 * 60);

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The image: qcow2, raw, vhdx, vdi or vmdk, plain or compressed by gzip or bzip2
    image: PathBuf,
    /// Slug of the region in which droplets are to be made of it
    #[arg(long, value_parser = slug)]
    region: Slug,
    /// The bucket that it is sent to for as long as the import takes; it must exist
    #[arg(long)]
    bucket: String,
    /// Slug of the bucket's region [default: that of the image]
    #[arg(long, value_name = "REGION", value_parser = slug)]
    bucket_region: Option<Slug>,
    /// What the image is to be called [default: the name of the file]
    #[arg(long, value_parser = name)]
    name: Option<String>,
    /// Its distribution, as Digital Ocean has the names [default: what is found in it, or Unknown]
    #[arg(long, value_parser = DISTRIBUTIONS, hide_possible_values = true)]
    distribution: Option<String>,
    /// A tag of the image; may be given more than once
    #[arg(long = "tag", value_name = "TAG", value_parser = tag)]
    tags: Vec<Tag>,
    /// Do not look into the image before it is sent
    #[arg(long)]
    no_check: bool,
    /// Let nobody but the importer read the upload, by a signed URL; Digital Ocean may refuse to
    /// import from one
    #[arg(long)]
    private: bool,
    /// Send nothing, and show what would be sent
    #[arg(long)]
    dry_run: bool,
    /// Text for people, or JSON for programs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

fn slug(text: &str) -> Result<Slug, String> {
    text.parse().map_err(|error: InvalidName| error.to_string())
}

fn tag(text: &str) -> Result<Tag, String> {
    text.parse().map_err(|error: InvalidName| error.to_string())
}

fn name(text: &str) -> Result<String, String> {
    match (1..=255).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err("a name has 1 to 255 characters on one line".to_owned()),
    }
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    interrupt::install()?;
    let of = |error: PushError| Error::from(ProviderError::from(error));
    // What is not there is told before the file is read, which takes its time.
    let client = up::client()?;
    let keys = SpacesKeys::from_environment().map_err(PushError::from).map_err(of)?;
    let region = bucket_region(arguments)?;
    let address = Address::from_environment(&arguments.bucket, &region)
        .map_err(PushError::from)
        .map_err(of)?;
    let spaces = Spaces::new(address, keys, Timing::default(), Limits::default());

    let image = import::identify(&arguments.image).map_err(PushError::from).map_err(of)?;
    let system = if arguments.no_check {
        String::new()
    } else {
        checked(arguments, context)?
    };
    let stem = image.stem();
    let push = Push {
        name: arguments.name.clone().unwrap_or(stem),
        image,
        region: arguments.region.clone(),
        distribution: distribution(arguments.distribution.as_deref(), &system),
        tags: arguments.tags.clone(),
        import: IMPORT,
        access: if arguments.private { Access::Signed } else { Access::Public },
    };
    let there = digital_ocean::find(&client, &push).map_err(of)?;
    let leftovers = spaces.leftovers().map_err(PushError::from).map_err(of)?;
    if arguments.dry_run {
        return dry_run::print(arguments.format, &push, &spaces, there.as_ref(), &leftovers);
    }
    clean(&spaces, &push, &leftovers, context);
    let pushed = digital_ocean::push(&client, &spaces, &push, there, &context.ui).map_err(of)?;
    if pushed.was_there {
        context
            .ui
            .line("the same file was imported before under this name, and was not sent again");
    }
    let done = Done::new(&push, &pushed.image);
    match arguments.format {
        Format::Json => output::print_json(&done)?,
        Format::Text => output::print(&done.text())?,
    }
    match pushed.left {
        None => Ok(()),
        Some(left) => Err(of(PushError::StillThere { left })),
    }
}

/// Not all regions have Spaces; with one that has none, the name of the server does not exist.
fn bucket_region(arguments: &Arguments) -> Result<String, Error> {
    match &arguments.bucket_region {
        Some(region) => Ok(region.to_string()),
        None if REGIONS.contains(&arguments.region.as_str()) => Ok(arguments.region.to_string()),
        None => Err(Error::Usage(format!(
            "no Spaces are known in {}: say in which region the bucket is, with --bucket-region; known are {}",
            arguments.region,
            REGIONS.join(", ")
        ))),
    }
}

/// Looks into the image, without a boot; what its system calls itself.
fn checked(arguments: &Arguments, context: &Context) -> Result<String, Error> {
    let request = CheckRequest {
        image: arguments.image.clone(),
        boot: Vec::new(),
        size_limit: check::SIZE_LIMIT,
        user_data: UserData::default(),
    };
    let report = context.ui.step(&format!("check of {}", report_name(arguments)), || {
        check::check(&request, &context.ui)
    })?;
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    if errors > 0 || warnings > 0 {
        context.ui.diagnostics(&report.text());
    }
    if errors > 0 || (context.strict && warnings > 0) {
        context.ui.line("nothing was sent; to send it all the same: --no-check");
        return Err(Error::ImageFindings {
            image: report.image,
            errors,
            warnings,
        });
    }
    Ok(report.system)
}

fn report_name(arguments: &Arguments) -> String {
    arguments.image.display().to_string()
}

/// What the user says, else the first word of what the system calls itself, where it is one that is known.
fn distribution(said: Option<&str>, system: &str) -> &'static str {
    let known = |name: &str| DISTRIBUTIONS.into_iter().find(|known| *known == name);
    let said = said.and_then(known);
    let found = || DISTRIBUTIONS.into_iter().rev().find(|known| system.starts_with(known));
    said.or_else(found).unwrap_or("Unknown")
}

/// Removes what runs that are no more have left, and says what may be of one that is still at it.
fn clean(spaces: &Spaces, push: &Push, leftovers: &[Leftover], context: &Context) {
    let own = push.key();
    for leftover in leftovers.iter().filter(|leftover| leftover.key != own) {
        let name = spaces.name(&leftover.key);
        if !leftover.is_stale() {
            let minutes = leftover.age.as_secs() / 60;
            context.ui.line(&format!(
                "{name} is {minutes} min old: another push may be at it; if none is, remove it, or any push does that after a day"
            ));
            continue;
        }
        match spaces.remove(leftover) {
            Ok(()) => context.ui.line(&format!("{name}, left by an interrupted push: removed")),
            Err(error) => context
                .ui
                .line(&format!("{name}, left by an interrupted push, could not be removed: {error}")),
        }
    }
}

/// What there is now.
#[derive(Serialize)]
struct Done {
    /// The number of the image.
    image: u64,
    name: String,
    region: String,
    sha256: String,
}

impl Done {
    fn new(push: &Push, image: &Image) -> Self {
        Self {
            image: image.id,
            name: push.name.clone(),
            region: push.region.to_string(),
            sha256: push.image.sha256.clone(),
        }
    }

    fn text(&self) -> String {
        let Self { image, name, region, .. } = self;
        format!(
            "image {image} ({name}) is available in {region}; in cluster.yaml:\n\ndigital-ocean:\n  region: {region}\n  image: {image}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_is_what_is_said_or_found() {
        assert_eq!(distribution(None, "Debian GNU/Linux 13 (trixie)"), "Debian");
        assert_eq!(distribution(None, "Fedora Atomic 3"), "Fedora Atomic");
        assert_eq!(distribution(None, "NixOS 26.05"), "Unknown");
        assert_eq!(distribution(Some("Ubuntu"), "Debian GNU/Linux 13 (trixie)"), "Ubuntu");
    }
}
