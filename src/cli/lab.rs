//! `meshimg lab`.

mod bench;
mod capture;
mod cut;
mod impair;
mod probe;
mod status;
mod target;
mod test;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

pub use test::ReportFormat;

use super::stock::{Stock, flavor};
use super::{Context, Format, host_name, load, outages, output};
use crate::error::Error;
use crate::exec::{self, interrupt};
use crate::image::{self, BaseImage, BaseRequest, Cache, Firmware};
use crate::lab::control::ControlError;
use crate::lab::session::{self, Session, Size};
use crate::lab::{Lab, LabError, LabRequest, PROGRAMS, archive};
use crate::plan::{HostPlan, Plan};
use crate::render::{self, WriteError};
use crate::spec::HostName;

pub const EXAMPLES: &str = "\
Examples:
  meshimg lab test cluster.yaml         boot, probe, cause faults, probe, end
  meshimg lab test cluster.yaml --stock the same with packages from the archive
  meshimg lab up cluster.yaml           the hosts run until `lab down`
  meshimg lab probe cluster.yaml        all probes on them, as often as you like
  meshimg lab ssh cluster.yaml host1    a shell on host1
  meshimg lab kill cluster.yaml host1   cut its power; `lab start` undoes it
  meshimg lab cut cluster.yaml host1    cut it off; `lab heal` undoes it
  meshimg lab down cluster.yaml         end the hosts and remove their disks

MESHIMG_ACCEL=tcg|kvm|auto says how QEMU runs the guests; auto, the default,
tries KVM and falls back to TCG.";

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Boot all hosts and wait until the mesh carries traffic
    Up(Start),
    /// Show which hosts run, and what the links carried
    Status {
        /// The cluster.yaml
        file: PathBuf,
        /// Text for people, or JSON for programs
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
    /// Log in to a host, or run a command there
    Ssh {
        /// The cluster.yaml
        file: PathBuf,
        /// The host's name
        #[arg(value_parser = host_name)]
        host: HostName,
        /// The command
        #[arg(last = true)]
        command: Vec<String>,
    },
    /// Print the hosts as a part of a ssh_config(5), for scp and the like
    SshConfig {
        /// The cluster.yaml
        file: PathBuf,
    },
    /// Print the serial console of a host
    Logs {
        /// The cluster.yaml
        file: PathBuf,
        /// The host's name
        #[arg(value_parser = host_name)]
        host: HostName,
    },
    /// Cut the power of a host (kill -9 of its QEMU)
    Kill {
        /// The cluster.yaml
        file: PathBuf,
        /// The host's name
        #[arg(value_parser = host_name)]
        host: HostName,
    },
    /// Start a host that was killed or shut down, on its old disk
    Start {
        /// The cluster.yaml
        file: PathBuf,
        /// The host's name
        #[arg(value_parser = host_name)]
        host: HostName,
    },
    /// Let no frame through between two hosts, or to and from one
    #[command(after_help = cut::CUT_EXAMPLES)]
    Cut(cut::Cut),
    /// Let frames through again that were cut
    #[command(after_help = cut::HEAL_EXAMPLES)]
    Heal(cut::Heal),
    /// Delay, lose, duplicate or reorder frames between hosts, or limit their size
    #[command(after_help = impair::EXAMPLES)]
    Impair(impair::Impair),
    /// Write what goes between two hosts to a file for tshark or Wireshark
    #[command(after_help = capture::EXAMPLES)]
    Capture(capture::Capture),
    /// End all hosts and remove their disks
    Down {
        /// The cluster.yaml
        file: PathBuf,
    },
    /// All probes on the running hosts; exit 6 if anything is red
    Probe(probe::Arguments),
    /// Measure again and again how long faults cut containers off
    Outages(outages::Arguments),
    /// Up, all probes, the fault scenarios, down; exit 6 if anything is red
    #[command(after_help = test::EXAMPLES)]
    Test(test::Arguments),
    /// Measure how fast meshes of up to 250 hosts heal, on Open vSwitch without QEMU
    #[command(after_help = bench::EXAMPLES)]
    Bench(bench::Arguments),
}

#[derive(Debug, clap::Args)]
pub struct Start {
    /// The cluster.yaml
    pub file: PathBuf,
    /// Memory of each host, MiB
    #[arg(long, value_name = "MIB", default_value_t = Size::default().memory_mib, value_parser = clap::value_parser!(u32).range(512..=65536))]
    pub memory: u32,
    /// Processors of each host
    #[arg(long, value_name = "COUNT", default_value_t = Size::default().processors, value_parser = clap::value_parser!(u32).range(1..=64))]
    processors: u32,
    /// Boot stock images, where cloud-init installs Open vSwitch and Docker at first boot, as on a bought server. The hosts reach their
    /// package archive through the lab, and nothing else. With netplan unless KIND is ifupdown
    #[arg(long, value_enum, value_name = "KIND", num_args = 0..=1, require_equals = true, default_missing_value = "netplan", hide_possible_values = true)]
    stock: Option<Stock>,
    /// Boot this disk (raw or qcow2), as `meshimg image build` makes it, by its own boot loader
    #[arg(long, value_name = "FILE", conflicts_with = "stock")]
    image: Option<PathBuf>,
    /// What the boot loader of --image is started by
    #[arg(long, value_enum, default_value = "bios", requires = "image")]
    firmware: Firmware,
}

pub fn run(verb: Verb, context: &Context) -> Result<ExitCode, Error> {
    match verb {
        Verb::Up(start) => up(&start, context)?,
        Verb::Probe(arguments) => probe::run(&arguments, context)?,
        Verb::Outages(arguments) => outages::run(&arguments, context)?,
        Verb::Test(arguments) => test::run(&arguments, context)?,
        Verb::Bench(arguments) => bench::run(&arguments, context)?,
        Verb::Status { file, format } => status::run(&file, format, context)?,
        Verb::Ssh { file, host, command } => {
            let status = attach(&file, Some(&host), context)?.ssh(host.as_str(), &command)?;
            return Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)));
        }
        Verb::SshConfig { file } => {
            let plan = load::plan(&file, context)?;
            let lab = attach(&file, None, context)?;
            let mut text = String::new();
            for host in &plan.hosts {
                let names = format!("{} {}", host.name, host.address);
                text += &lab.ssh_target(host.name.as_str())?.config(&names);
            }
            output::print(&text)?;
        }
        Verb::Logs { file, host } => {
            let path = attach(&file, Some(&host), context)?.serial_log(host.as_str())?;
            let bytes = std::fs::read(&path).map_err(|source| WriteError::Read { path, source })?;
            output::print_bytes(&bytes)?;
        }
        Verb::Kill { file, host } => {
            attach(&file, Some(&host), context)?.kill(host.as_str())?;
            context.ui.line(&format!(
                "{host} is without power; to start it again: meshimg lab start {} {host}",
                file.display()
            ));
        }
        Verb::Start { file, host } => attach(&file, Some(&host), context)?.start(host.as_str())?,
        Verb::Cut(arguments) => cut::cut(&arguments, context)?,
        Verb::Heal(arguments) => cut::heal(&arguments, context)?,
        Verb::Impair(arguments) => impair::run(&arguments, context)?,
        Verb::Capture(arguments) => capture::run(&arguments, context)?,
        Verb::Down { file } => {
            let plan = load::plan(&file, context)?;
            Lab::down(plan.cluster.as_str())?;
            context.ui.line(&format!("the lab of {} is down", plan.cluster));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The hidden verb that is a lab's background process.
pub fn supervise(folder: &Path) -> Result<(), Error> {
    Ok(crate::lab::supervisor::run(folder)?)
}

/// The hidden verb that is a run of [`bench`].
pub fn bench_case() -> Result<(), Error> {
    bench::case()
}

/// What the hosts of `plan` are started with.
fn request(start: &Start, plan: &Plan, context: &Context) -> Result<LabRequest, Error> {
    interrupt::install()?;
    // Before an image is built, which takes a minute.
    exec::require(PROGRAMS)?;
    let artifacts = render::cloud_init(plan, None)?;
    let cache = Cache::from_environment()?;
    let size = Size {
        memory_mib: start.memory,
        processors: start.processors,
    };
    let mut request = session::request(plan, &artifacts, &BTreeMap::new(), size)?;
    for host in &mut request.hosts {
        host.image = Some(boot_image(start, &host.plan, &cache, context)?);
    }
    if flavor(start.stock).is_stock() {
        request.archive = Some(archive::Upstream::find(&cache).map_err(LabError::from)?);
    }
    Ok(request)
}

/// What `host` boots from.
fn boot_image(start: &Start, host: &HostPlan, cache: &Cache, context: &Context) -> Result<BaseImage, Error> {
    if let Some(file) = &start.image {
        return Ok(image::of_file(file, start.firmware)?);
    }
    let flavor = flavor(start.stock);
    let built = match image::openvswitch::BuildRequest::of_host(host, None) {
        Some(request) if !flavor.is_stock() => Some(image::openvswitch::build(&request, cache, &context.ui)?),
        _ => None,
    };
    let request = BaseRequest {
        os: host.os,
        archive: host.archive.clone(),
        flavor,
        open_vswitch: built,
    };
    Ok(image::base(&request, cache, &context.ui)?)
}

/// Starts the hosts of `start` for `plan`.
pub fn start<'a>(start: &Start, plan: &'a Plan, context: &'a Context) -> Result<Session<'a>, Error> {
    Ok(Session::up(&request(start, plan, context)?, plan, &context.ui)?)
}

fn up(arguments: &Start, context: &Context) -> Result<(), Error> {
    let plan = load::plan(&arguments.file, context)?;
    let session = start(arguments, &plan, context)?;
    session.clean_up();
    let file = arguments.file.display();
    drop(session.machines);
    session.lab.detach()?;
    context.ui.line(&format!(
        "up; log in with: meshimg lab ssh {file} {}; end it with: meshimg lab down {file}",
        plan.head()
    ));
    Ok(())
}

fn attach(file: &Path, host: Option<&HostName>, context: &Context) -> Result<Lab, Error> {
    attach_knowing(file, host, context)
}

/// The running lab of `file`, whose cluster must have `hosts`.
fn attach_knowing<'a>(file: &Path, hosts: impl IntoIterator<Item = &'a HostName>, context: &Context) -> Result<Lab, Error> {
    let plan = load::plan(file, context)?;
    for name in hosts {
        load::known(&plan, name, &file.display().to_string())?;
    }
    Lab::attach(plan.cluster.as_str()).map_err(|error| match error {
        LabError::Control(ControlError::NotUp { cluster }) => Error::NotUp {
            cluster,
            file: file.display().to_string(),
        },
        other => other.into(),
    })
}
