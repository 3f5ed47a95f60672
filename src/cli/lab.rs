//! `meshimg lab`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::{Context, Format, host_name, load, outages, output};
use crate::error::Error;
use crate::exec::{self, interrupt};
use crate::image::{self, BaseRequest, Cache, Flavor};
use crate::lab::control::ControlError;
use crate::lab::scenario::Fault;
use crate::lab::session::{self, Session, Size};
use crate::lab::{HostState, Lab, LabError, LabStatus, PROGRAMS};
use crate::machine::report::Report;
use crate::plan::Plan;
use crate::render::{self, WriteError};
use crate::spec::HostName;

pub const EXAMPLES: &str = "\
Examples:
  meshimg lab test cluster.yaml         boot, probe, cause faults, probe, end
  meshimg lab up cluster.yaml           the hosts run until `lab down`
  meshimg lab ssh cluster.yaml host1    a shell on host1
  meshimg lab kill cluster.yaml host1   cut its power; `lab start` undoes it
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
    /// End all hosts and remove their disks
    Down {
        /// The cluster.yaml
        file: PathBuf,
    },
    /// Measure again and again how long faults cut containers off
    Outages(outages::Arguments),
    /// Up, all probes, the fault scenarios, down; exit 6 if anything is red
    Test {
        #[command(flatten)]
        start: Start,
        /// Text for people, or JSON for programs
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// Leave the hosts running at the end
        #[arg(long)]
        keep: bool,
    },
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
}

pub fn run(verb: Verb, context: &Context) -> Result<ExitCode, Error> {
    match verb {
        Verb::Up(start) => up(&start, context)?,
        Verb::Test { start, format, keep } => test(&start, format, keep, context)?,
        Verb::Outages(arguments) => outages::run(&arguments, context)?,
        Verb::Status { file, format } => status(&file, format, context)?,
        Verb::Ssh { file, host, command } => {
            let status = attach(&file, Some(&host), context)?.ssh(host.as_str(), &command)?;
            return Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)));
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

/// Starts the hosts of `start` for `plan`.
pub fn start<'a>(start: &Start, plan: &'a Plan, context: &'a Context) -> Result<Session<'a>, Error> {
    interrupt::install()?;
    // Before an image is built, which takes a minute.
    exec::require(PROGRAMS)?;
    let artifacts = render::cloud_init(plan, None)?;
    let cache = Cache::from_environment()?;
    let mut images = BTreeMap::new();
    for host in &plan.hosts {
        if let Entry::Vacant(entry) = images.entry(host.os) {
            let request = BaseRequest {
                os: host.os,
                archive: host.archive.clone(),
                flavor: Flavor::Full,
            };
            entry.insert(image::base(&request, &cache, &context.ui)?);
        }
    }
    let size = Size {
        memory_mib: start.memory,
        processors: start.processors,
    };
    let request = session::request(plan, &artifacts, &images, size)?;
    Ok(Session::up(&request, plan, &context.ui)?)
}

fn up(arguments: &Start, context: &Context) -> Result<(), Error> {
    let plan = load::plan(&arguments.file, context)?;
    let session = start(arguments, &plan, context)?;
    let file = arguments.file.display();
    drop(session.machines);
    session.lab.detach()?;
    context.ui.line(&format!(
        "up; log in with: meshimg lab ssh {file} {}; end it with: meshimg lab down {file}",
        plan.spanning_tree.root
    ));
    Ok(())
}

fn test(arguments: &Start, format: Format, keep: bool, context: &Context) -> Result<(), Error> {
    let plan = load::plan(&arguments.file, context)?;
    let mut session = start(arguments, &plan, context)?;
    let machines = format!("QEMU under {}, {} MiB each", session.lab.accelerator(), arguments.memory);
    let mut report = Report::new(plan.cluster.clone(), machines, plan.hosts.iter().map(|host| host.name.clone()));
    report.verdicts = session.probe();
    report.timings = session.timings.clone();
    for fault in Fault::ALL {
        if interrupt::requested() {
            return Err(Error::Interrupted);
        }
        report.scenarios.push(fault.cause(&mut session));
    }
    session.clean_up();
    let ended = if keep {
        drop(session.machines);
        session.lab.detach()
    } else {
        session.down()
    };
    match format {
        Format::Text => output::print(&report.text(context.color))?,
        Format::Json => output::print(&report.json()?)?,
    }
    ended?;
    if interrupt::requested() {
        return Err(Error::Interrupted);
    }
    if report.is_green() {
        Ok(())
    } else {
        Err(Error::Red {
            red: report.red_count().max(1),
        })
    }
}

fn attach(file: &Path, host: Option<&HostName>, context: &Context) -> Result<Lab, Error> {
    let plan = load::plan(file, context)?;
    if let Some(name) = host {
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

fn status(file: &Path, format: Format, context: &Context) -> Result<(), Error> {
    let status = attach(file, None, context)?.status()?;
    match format {
        Format::Json => output::print_json(&status),
        Format::Text => output::print(&status_text(&status)),
    }
}

fn status_text(status: &LabStatus) -> String {
    let hosts = status.hosts.iter().map(|host| {
        let state = match &host.state {
            HostState::Running { process } => format!("running, process {process}"),
            HostState::Ended { status } => format!("ended: {status}"),
            HostState::Killed => "killed".to_owned(),
        };
        let nic = match (&host.fault, host.plugged) {
            (Some(fault), _) => fault.clone(),
            (None, true) => "connected".to_owned(),
            (None, false) => "not connected".to_owned(),
        };
        let memory = host.memory_kib.map_or_else(String::new, |kib| format!("{} MiB", kib / 1024));
        [
            host.name.clone(),
            host.address.to_string(),
            host.ssh_port.to_string(),
            state,
            memory,
            nic,
        ]
    });
    let traffic = status.traffic.iter().map(|pair| {
        let state = if pair.cut { "cut" } else { "open" };
        [
            pair.from.clone(),
            pair.to.clone(),
            pair.frames.to_string(),
            pair.bytes.to_string(),
            state.to_owned(),
        ]
    });
    format!(
        "Lab {}: supervisor is process {}, {}\n\n{}\n{}",
        status.cluster,
        status.process,
        status.accelerator,
        output::table(["host", "underlay", "ssh port", "state", "memory", "underlay NIC"], hosts),
        output::table(["from", "to", "frames", "bytes", "state"], traffic)
    )
}
