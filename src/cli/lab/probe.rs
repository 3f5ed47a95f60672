//! `meshimg lab probe`: all probes on hosts that run already.

use std::path::PathBuf;
use std::time::Instant;

use super::test::ReportFormat;
use super::{attach, load};
use crate::cli::{Context, output, page};
use crate::error::Error;
use crate::exec::interrupt;
use crate::lab::session::Session;
use crate::machine::report::Report;
use crate::machine::topology::topology;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml
    file: PathBuf,
    /// Text for people, JSON for programs, or JUnit XML for CI systems
    #[arg(long, value_enum, default_value = "text")]
    format: ReportFormat,
    /// Also write the report as an HTML page that needs no network
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    interrupt::install()?;
    let plan = load::plan(&arguments.file, context)?;
    let lab = attach(&arguments.file, None, context)?;
    let hosts = plan.hosts.iter().map(|host| host.name.clone());
    let mut report = Report::new(plan.cluster.clone(), format!("QEMU under {}", lab.accelerator()), hosts);
    let mut session = Session::of(lab, &plan, &context.ui)?;
    let started = Instant::now();
    report.verdicts = session.probe();
    report.probe_seconds = Some(started.elapsed().as_secs_f64());
    report.topology = Some(topology(&plan, &session.facts));
    session.clean_up();
    page::write(arguments.report.as_deref(), &report)?;
    output::print(&arguments.format.of(&report, context)?)?;
    if interrupt::requested() {
        return Err(Error::Interrupted);
    }
    if report.is_green() {
        return Ok(());
    }
    Err(Error::Red {
        red: report.red_count().max(1),
    })
}
