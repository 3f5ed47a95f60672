//! `meshimg verify`: all probes on hosts that somebody else has started.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::lab::ReportFormat;
use super::remote::Hosts;
use super::{Context, load, output, page};
use crate::error::{Error, counted};
use crate::exec::interrupt;
use crate::lab::scenario::Fault;
use crate::lab::scenario::disruption::Disruption;
use crate::machine::report::{Report, Scenario};
use crate::machine::topology::topology;
use crate::remote::{Remote, verify};
use crate::ui::seconds;

pub const EXAMPLES: &str = "\
Examples:
  meshimg verify cluster.yaml                        all probes on all hosts
  meshimg verify cluster.yaml --host host1 --host host2
  meshimg verify cluster.yaml --format junit >report.xml
  meshimg verify cluster.yaml --ssh-config mesh.conf
  meshimg verify cluster.yaml --disruptive           what faults cost, too

Without --disruptive nothing is changed. A container runs on each host
meanwhile, which is removed in the end, and after Ctrl-C; all pairs of them
send each other pings, and each sends 64 MiB to the next. Exit code: 0 if all
is green, 6 if not.";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml
    file: PathBuf,
    #[command(flatten)]
    hosts: Hosts,
    /// Text for people, JSON for programs, or JUnit XML for CI systems
    #[arg(long, value_enum, default_value = "text")]
    format: ReportFormat,
    /// Then cut a link, and restart and kill services on the root, to measure what that costs: containers there may end with Docker
    #[arg(long, conflicts_with = "hosts")]
    disruptive: bool,
    /// Also write the report as an HTML page that needs no network
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    interrupt::install()?;
    let plan = load::plan(&arguments.file, context)?;
    let connection = arguments.hosts.connection(&plan, &arguments.file)?;
    let mut remote = Remote::connect(&plan, &connection, &context.ui)?;
    let how = How {
        format: arguments.format,
        disruptive: arguments.disruptive,
        page: arguments.report.as_deref(),
    };
    prove(&mut remote, &how, context)
}

/// What is probed, and how it is told.
pub struct How<'a> {
    pub format: ReportFormat,
    pub disruptive: bool,
    /// Where the report goes as a page, too.
    pub page: Option<&'a Path>,
}

impl Default for How<'_> {
    fn default() -> Self {
        Self {
            format: ReportFormat::Text,
            disruptive: false,
            page: None,
        }
    }
}

/// All probes on the hosts of `remote`, and the report on stdout.
///
/// # Errors
/// [`Error::Red`] if one is, after the report.
pub fn prove(remote: &mut Remote<'_>, how: &How<'_>, context: &Context) -> Result<(), Error> {
    let plan = remote.plan;
    let hosts = plan.hosts.iter().map(|host| host.name.clone());
    let names = remote.names();
    let mut report = Report::new(
        plan.cluster.clone(),
        "machines reached by ssh",
        hosts.filter(|host| names.contains(host)),
    );
    if names.len() < plan.hosts.len() {
        let (all, some) = (plan.hosts.len(), counted(names.len(), "host"));
        context
            .ui
            .line(&format!("{some} of {all}: what concerns other hosts too is not looked at"));
    }
    page::write(how.page, &report)?;
    context.ui.line("probing ...");
    let started = Instant::now();
    let (facts, verdicts) = verify::verify(remote);
    report.probe_seconds = Some(started.elapsed().as_secs_f64());
    context.ui.line(&format!("probed in {}", seconds(started.elapsed())));
    report.verdicts = verdicts;
    if how.disruptive {
        report.scenarios = disrupt(remote, &report, context);
    }
    remote.clean_up();
    if interrupt::requested() {
        return Err(Error::Interrupted);
    }
    let mut found = topology(plan, &facts);
    found.links.retain(|link| link.ends.iter().all(|end| names.contains(end)));
    report.topology = Some(found);
    page::write(how.page, &report)?;
    output::print(&how.format.of(&report, context)?)?;
    if report.is_green() {
        return Ok(());
    }
    Err(Error::Red {
        red: report.red_count().max(1),
    })
}

/// Causes one fault after the other, with all probes after each. A mesh that is red has enough of a fault.
fn disrupt(remote: &mut Remote<'_>, report: &Report, context: &Context) -> Vec<Scenario> {
    if report.red_count() > 0 {
        context.ui.line("no fault is caused, as something is red already");
        return Vec::new();
    }
    let here = |fault: &&Fault| Disruption::ALL.iter().any(|disruption| disruption.name() == fault.name());
    let elsewhere: Vec<&str> = Fault::ALL.iter().filter(|fault| !here(fault)).map(|fault| fault.name()).collect();
    context.ui.line(&format!(
        "skipped, as they take power over hosts or the underlay between them, which a lab has: {}",
        elsewhere.join(", ")
    ));
    let mut scenarios = Vec::new();
    for disruption in Disruption::ALL {
        if interrupt::requested() {
            break;
        }
        context.ui.line(&format!("scenario {} ...", disruption.name()));
        let started = Instant::now();
        let mut scenario = disruption.cause(remote);
        if scenario.error.is_none() {
            scenario.verdicts = verify::verify(remote).1;
        }
        scenario.took_seconds = Some(started.elapsed().as_secs_f64());
        scenarios.push(scenario);
    }
    scenarios
}
