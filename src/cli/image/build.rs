//! `meshimg image build`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Context, archive, load, os, output};
use crate::error::Error;
use crate::image::openvswitch::{self, BuildRequest};
use crate::image::{self, Bootable, BootableRequest, Cache, Format};
use crate::plan::HostPlan;
use crate::spec::{ArchiveUrl, Os};

pub const EXAMPLES: &str = "\
The image is the same for all hosts; the user-data or seed of a host, which
`meshimg cloud-init` writes, makes that host of it. A cluster.yaml says the
release, packages, archive and which Open vSwitch.

Examples:
  meshimg image build cluster.yaml              prints where in the cache it is
  meshimg image build cluster.yaml -o mesh.qcow2
  meshimg image build --os debian-12 --format raw.gz -o mesh.raw.gz

Files with -o FILE:
  FILE             the disk
  FILE.sha256      its checksum, for sha256sum -c
  FILE.cdx.json    its packages and their versions (CycloneDX)
  FILE.asc         with --sign: an OpenPGP signature of FILE.sha256";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A cluster.yaml for whose hosts it is to be
    file: Option<PathBuf>,
    /// The release: debian-12 or debian-13 [default: that of the hosts, or debian-13]
    #[arg(long, value_parser = os)]
    os: Option<Os>,
    /// The format of the file
    #[arg(long, value_enum, default_value_t = Format::Qcow2)]
    format: Format,
    /// Where to put it; without, it stays in the cache
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Package archive to build from [default: that of the file, or mmdebstrap's own]
    #[arg(long, value_name = "URL", value_parser = archive)]
    archive: Option<ArchiveUrl>,
    /// The state of the archive to build from, such as 20260101T000000Z; the archive's URL has @SNAPSHOTID@ where it belongs
    #[arg(long, value_name = "ID", value_parser = snapshot)]
    snapshot: Option<String>,
    /// Sign the checksum with this OpenPGP key
    #[arg(long, value_name = "KEY", requires = "output")]
    sign: Option<String>,
}

/// Where the identifier of a snapshot belongs in an archive's URL, as the field `Snapshots` of Release files has it (apt's sources.list(5)).
const SNAPSHOT_PLACE: &str = "@SNAPSHOTID@";

fn snapshot(text: &str) -> Result<String, String> {
    let date = text.split_once('T').filter(|(date, time)| {
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
        digits(date, 8) && time.strip_suffix('Z').is_some_and(|time| digits(time, 6))
    });
    date.map(|_| text.to_owned())
        .ok_or_else(|| "a snapshot is named by its time, such as 20260101T000000Z".to_owned())
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    let cache = Cache::from_environment()?;
    let request = request(arguments, &cache, context)?;
    let made = image::bootable(&request, &cache, &context.ui)?;
    let Some(output) = &arguments.output else {
        return print(&made);
    };
    image::put(&made, output, arguments.sign.as_deref(), &context.ui)?;
    Ok(())
}

fn print(made: &Bootable) -> Result<(), Error> {
    output::print(&format!(
        "disk {}\nsha256 {}\nmanifest {}\n",
        made.disk.display(),
        made.sha256,
        made.manifest.display()
    ))
}

fn request(arguments: &Arguments, cache: &Cache, context: &Context) -> Result<BootableRequest, Error> {
    let plan = arguments.file.as_deref().map(|file| load::plan(file, context)).transpose()?;
    let of_hosts: BTreeSet<Os> = plan.iter().flat_map(|plan| &plan.hosts).map(|host| host.os).collect();
    let of_hosts: Vec<Os> = of_hosts.into_iter().collect();
    let os = match (arguments.os, &of_hosts[..]) {
        (Some(os), _) => os,
        (None, []) => Os::Debian13,
        (None, [os]) => *os,
        (None, several) => {
            let names: Vec<String> = several.iter().map(Os::to_string).collect();
            let file = arguments.file.as_deref().unwrap_or(Path::new("")).display();
            return Err(Error::Usage(format!(
                "the hosts of {file} have {}: choose one with --os, and build an image for each",
                names.join(" and ")
            )));
        }
    };
    let of_file = || {
        plan.as_ref()
            .and_then(|plan| plan.hosts.first())
            .and_then(|host| host.archive.clone())
    };
    let archive = arguments.archive.clone().or_else(of_file);
    let archive = match (&arguments.snapshot, archive) {
        (None, archive) => archive,
        (Some(id), Some(url)) if url.as_str().contains(SNAPSHOT_PLACE) => {
            Some(super::archive(&url.as_str().replace(SNAPSHOT_PLACE, id)).map_err(Error::Usage)?)
        }
        (Some(_), _) => {
            return Err(Error::Usage(format!(
                "--snapshot needs --archive with the URL of an archive that keeps its past, and {SNAPSHOT_PLACE} where the snapshot's name belongs"
            )));
        }
    };
    let hosts: Vec<&HostPlan> = plan.iter().flat_map(|plan| &plan.hosts).filter(|host| host.os == os).collect();
    let builds: Vec<Option<BuildRequest>> = hosts
        .iter()
        .map(|host| BuildRequest::of_host(host, arguments.archive.as_ref()))
        .collect();
    if builds.windows(2).any(|pair| pair[0] != pair[1]) {
        let file = arguments.file.as_deref().unwrap_or(Path::new("")).display();
        return Err(Error::Usage(format!(
            "the hosts of {file} with {os} differ in which Open vSwitch is built for them, and an image has one: give them the same open-vswitch"
        )));
    }
    let built = builds.into_iter().next().flatten();
    let open_vswitch = built.map(|request| openvswitch::build(&request, cache, &context.ui)).transpose()?;
    Ok(BootableRequest {
        os,
        archive,
        packages: hosts.iter().flat_map(|host| host.packages.iter().cloned()).collect(),
        is_snapshot: arguments.snapshot.is_some(),
        open_vswitch,
        format: arguments.format,
    })
}
