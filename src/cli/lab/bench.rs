//! `meshimg lab bench`: how long meshes of any size need to find themselves anew, on real Open vSwitch without QEMU.

mod table;

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::{Context, Format, load, output};
use crate::error::Error;
use crate::exec::interrupt;
use crate::lab::bench::{self, Answer, Bed, BenchError, Conditions, FabricKind, Fault, HOSTS_MAX, Measurement, Timers, Wish, cluster_yaml};
use crate::plan::{self, Plan};
use crate::spec;

pub const EXAMPLES: &str = "\
Examples:
  meshimg lab bench                        4, 16 and 50 hosts, rstp and direct
  meshimg lab bench --hosts 4,5 --fabric rstp --timers planned,default
                                           timers compared
  meshimg lab bench --repeat 5             least, median and most of five runs
  meshimg lab bench cluster.yaml           the mesh of this file

It needs root, and the programs of Open vSwitch (openvswitch-switch); no QEMU,
no kernel module. What it starts is in namespaces of its own and ends with it.";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Measure the mesh of this cluster.yaml; without it, clusters that are made up, all else by default
    file: Option<PathBuf>,
    /// How many hosts
    #[arg(long, value_name = "COUNT", value_delimiter = ',', default_value = "4,16,50", conflicts_with = "file",
          value_parser = clap::value_parser!(u16).range(2..=i64::from(HOSTS_MAX)))]
    hosts: Vec<u16>,
    /// What keeps frames from circling
    #[arg(long, value_enum, value_delimiter = ',', default_value = "rstp,direct", conflicts_with = "file")]
    fabric: Vec<FabricKind>,
    /// The timers of trees
    #[arg(long, value_enum, value_delimiter = ',', default_value = "planned")]
    timers: Vec<Timers>,
    /// The least between two BFD packets of a link, milliseconds; the plan's unless that is less, or makes too many of them
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0, hide_default_value = true, value_parser = clap::value_parser!(u32).range(..=10_000))]
    bfd: u32,
    /// What fails
    #[arg(long, value_enum, default_value = "root-down")]
    fault: Fault,
    /// How often each is measured
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeat: u32,
    /// How long a mesh may take to get whole, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=3600))]
    within: u32,
    /// Text for people, or JSON for programs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// All that was found.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Found {
    /// The format of this; raised when a field changes its meaning or goes.
    version: u32,
    open_vswitch: String,
    cases: Vec<Case>,
}

/// One mesh, and its runs.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Case {
    #[serde(flatten)]
    conditions: Conditions,
    runs: Vec<Measurement>,
    /// Why there are no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    let beds = beds(arguments, context)?;
    let open_vswitch = bench::open_vswitch()?;
    interrupt::install()?;
    let mut found = Found {
        version: 1,
        open_vswitch,
        cases: Vec::new(),
    };
    let (mut failed, mut stopped) = (None, None);
    for bed in &beds {
        let case;
        (case, stopped) = case_of(bed, arguments.repeat, context);
        let of_case = case.failed.as_ref().map(|said| BenchError::Case {
            case: table::name(&case.conditions),
            said: said.clone(),
        });
        failed = failed.or(of_case);
        if stopped.is_none() || !case.runs.is_empty() {
            found.cases.push(case);
        }
        if stopped.is_some() {
            break;
        }
    }
    // What was measured before an interruption took its time, and is not lost.
    if stopped.is_none() || !found.cases.is_empty() {
        match arguments.format {
            Format::Text => output::print(&table::text(&found))?,
            Format::Json => output::print_json(&found)?,
        }
    }
    if let Some(error) = stopped {
        return Err(error);
    }
    let broken = found.cases.iter().flat_map(|case| &case.runs).filter(|run| !run.is_whole()).count();
    match (failed, broken) {
        (Some(failed), _) => Err(failed.into()),
        (None, 0) => Ok(()),
        (None, runs) => Err(Error::NotWhole {
            runs,
            seconds: arguments.within,
        }),
    }
}

/// All runs of one case, and what ended them before they were done. One that this machine cannot do takes nothing from those that it can.
fn case_of(bed: &Bed, repeat: u32, context: &Context) -> (Case, Option<Error>) {
    let mut case = Case {
        conditions: bed.conditions.clone(),
        runs: Vec::new(),
        failed: None,
    };
    for round in 1..=repeat {
        let of = if repeat > 1 {
            format!(", {round} of {repeat}")
        } else {
            String::new()
        };
        let (name, fault) = (table::name(&case.conditions), &case.conditions.fault_in_words);
        context.ui.line(&format!("{name}: {fault}{of}"));
        match bench::start(bed) {
            Ok(run) => case.runs.push(run),
            Err(BenchError::Case { said, .. }) => {
                case.failed = Some(said);
                break;
            }
            Err(other) => return (case, Some(other.into())),
        }
    }
    (case, None)
}

/// All that is to be run; what is wrong with one of them is said before anything starts.
fn beds(arguments: &Arguments, context: &Context) -> Result<Vec<Bed>, Error> {
    let mut beds = Vec::new();
    for plan in plans(arguments, context)? {
        // A direct fabric has none.
        let timers = if plan.tree().is_some() {
            &arguments.timers[..]
        } else {
            &[Timers::Planned]
        };
        for timers in timers {
            let wish = Wish {
                fault: arguments.fault,
                timers: *timers,
                bfd_ms: arguments.bfd,
                deadline: Duration::from_secs(arguments.within.into()),
            };
            beds.push(bench::bed(&plan, wish).map_err(Error::Usage)?);
        }
    }
    Ok(beds)
}

fn plans(arguments: &Arguments, context: &Context) -> Result<Vec<Plan>, Error> {
    if let Some(file) = &arguments.file {
        return Ok(vec![load::plan(file, context)?]);
    }
    let sizes = arguments.hosts.iter();
    let kinds = sizes.flat_map(|hosts| arguments.fabric.iter().map(move |fabric| (*hosts, *fabric)));
    let plan = |(hosts, fabric): (u16, FabricKind)| match spec::load(cluster_yaml(hosts, fabric).as_bytes()) {
        Ok((spec, _)) => Ok(plan::plan(&spec)?),
        Err(problems) => Err(Error::Usage(format!("a cluster of {hosts} hosts cannot be made up: {problems:?}"))),
    };
    kinds.map(plan).collect()
}

/// The hidden verb of the process in the namespaces: a [`Bed`] by standard input, an [`Answer`] on standard output.
pub fn case() -> Result<(), Error> {
    // It mounts over /run: never where a person has called it.
    if std::process::id() != 1 {
        return Err(Error::Usage("this is a part of `meshimg lab bench`, which starts it".to_owned()));
    }
    interrupt::install()?;
    let bed: Bed = serde_json::from_reader(std::io::stdin().lock())?;
    let answer = match bench::carry_out(&bed) {
        Ok(measurement) => Answer::Measured(Box::new(measurement)),
        Err(error @ BenchError::Interrupted) => return Err(error.into()),
        Err(error) => Answer::Failed(error.to_string()),
    };
    output::print_json(&answer)
}
