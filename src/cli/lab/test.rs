//! `meshimg lab test`: boot, probes, faults, report; and what a failure leaves behind.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Instant;

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::{Start, request};
use crate::cli::{Context, load, output, page};
use crate::error::Error;
use crate::exec::interrupt;
use crate::lab::LabError;
use crate::lab::bundle::{Bundle, Recording};
use crate::lab::scenario::Fault;
use crate::lab::session::Session;
use crate::machine::probe::{Subject, Verdict};
use crate::machine::report::{Report, Scenario};
use crate::machine::topology::topology;
use crate::plan::Plan;
use crate::spec::HostName;
use crate::wait::WaitError;

pub const EXAMPLES: &str = "\
Examples:
  meshimg lab test cluster.yaml                     probes and all scenarios
  meshimg lab test cluster.yaml --scenario none     probes only
  meshimg lab test cluster.yaml --scenario host-down --repeat 5
                                                    p50 and worst of 5 outages
  meshimg lab test cluster.yaml --format junit >report.xml
                                                    for a CI system
  meshimg lab test cluster.yaml --shell-on-failure  look around where it is red

After a failure a folder holds the logs and states of all hosts; the report
ends with its name. The folders of a cluster's last 5 failures are kept.";

/// In place of a scenario's name: no scenario at all.
const NONE: &str = "none";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    start: Start,
    /// Text for people, JSON for programs, or JUnit XML for CI systems
    #[arg(long, value_enum, default_value = "text")]
    format: ReportFormat,
    /// Only this scenario; may be given several times [default: all of them]
    #[arg(long = "scenario", value_name = "NAME", value_delimiter = ',', value_parser = choices())]
    scenarios: Vec<Choice>,
    /// Cause each scenario so many times
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// Leave the hosts running at the end
    #[arg(long)]
    keep: bool,
    /// After each failure, a shell on the host that it is about; when that ends, the test goes on
    #[arg(long)]
    shell_on_failure: bool,
    /// Folder for logs and states after a failure, new or empty [default: a new one in the state folder]
    #[arg(long, value_name = "FOLDER")]
    bundle: Option<PathBuf>,
    /// Also write the report as an HTML page that needs no network
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
}

/// How the report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    Text,
    Json,
    Junit,
}

impl ReportFormat {
    /// The report in this format.
    ///
    /// # Errors
    /// Those of the serialisers, which have none for these types.
    pub fn of(self, report: &Report, context: &Context) -> Result<String, Error> {
        Ok(match self {
            Self::Text => report.text(context.color),
            Self::Json => report.json()?,
            Self::Junit => report.junit().map_err(io::Error::other)?,
        })
    }
}

/// A value of `--scenario`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    None,
    Fault(Fault),
}

fn choices() -> impl TypedValueParser<Value = Choice> {
    let faults = Fault::ALL
        .iter()
        .map(|fault| PossibleValue::new(fault.name()).help(fault.description()));
    let none = PossibleValue::new(NONE).help("the probes alone");
    PossibleValuesParser::new(faults.chain([none])).try_map(|name| match name.as_str() {
        NONE => Ok(Choice::None),
        name => name.parse().map(Choice::Fault),
    })
}

/// The faults that `choices` ask for, each once and in the order of [`Fault::ALL`]; all of them by default.
fn faults(choices: &[Choice]) -> Result<Vec<Fault>, Error> {
    let wanted: Vec<Fault> = choices
        .iter()
        .filter_map(|choice| match choice {
            Choice::None => None,
            Choice::Fault(fault) => Some(*fault),
        })
        .collect();
    if choices.contains(&Choice::None) {
        return match wanted[..] {
            [] => Ok(wanted),
            [fault, ..] => Err(Error::Usage(format!(
                "--scenario {NONE} and --scenario {fault} contradict each other: leave one out"
            ))),
        };
    }
    Ok(Fault::ALL
        .iter()
        .copied()
        .filter(|fault| choices.is_empty() || wanted.contains(fault))
        .collect())
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    let plan = load::plan(&arguments.start.file, context)?;
    let faults = faults(&arguments.scenarios)?;
    if arguments.shell_on_failure && !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return Err(Error::Usage(
            "--shell-on-failure needs a terminal as standard input and output; without one, --keep leaves the hosts running for \
             `meshimg lab ssh`"
                .to_owned(),
        ));
    }
    let bundle = Bundle::new(arguments.bundle.as_deref(), plan.cluster.as_str()).map_err(|error| Error::Usage(error.to_string()))?;
    let test = Test {
        arguments,
        context,
        plan: &plan,
        faults,
        bundle,
    };
    test.run()
}

struct Test<'a> {
    arguments: &'a Arguments,
    context: &'a Context,
    plan: &'a Plan,
    faults: Vec<Fault>,
    bundle: Bundle,
}

impl Test<'_> {
    fn run(mut self) -> Result<(), Error> {
        let (plan, ui) = (self.plan, &self.context.ui);
        let hosts = plan.hosts.iter().map(|host| host.name.clone());
        let mut report = Report::new(plan.cluster.clone(), "machines that are not up yet", hosts);
        // A page that cannot be written is found out about before the hosts boot, and no old one stays to be taken for the new.
        page::write(self.arguments.report.as_deref(), &report)?;
        let request = request(&self.arguments.start, plan, self.context)?;
        let mut session = match Session::power_on(&request, plan, ui) {
            Ok(session) => session,
            Err(error) => {
                // The logs of a lab that is another process's would tell of that.
                if matches!(error, LabError::GuestNotStarted { .. } | LabError::SupervisorNotStarted { .. }) {
                    report.scenarios.push(did_not_come_up(&error));
                    self.bundle.without_hosts(plan, ui);
                    self.print(&mut report)?;
                }
                return Err(error.into());
            }
        };
        report.machines = format!("QEMU under {}, {} MiB each", session.lab.accelerator(), self.arguments.start.memory);
        let up = session.come_up();
        report.timings = session.timings.clone();
        let red = match up {
            Err(error @ LabError::Wait(WaitError::Interrupted { .. })) => return Err(error.into()),
            Err(error) => {
                let scenario = did_not_come_up(&error);
                self.failed(&scenario, &session, None);
                report.scenarios.push(scenario);
                Some(error.into())
            }
            Ok(()) => {
                self.prove(&mut session, &mut report)?;
                None
            }
        };
        session.clean_up();
        // Before the lab ends, and its logs with it.
        let printed = self.print(&mut report);
        let ended = if self.arguments.keep {
            drop(session.machines);
            session.lab.detach()
        } else {
            session.down()
        };
        printed?;
        ended?;
        match red {
            Some(error) => Err(error),
            None if interrupt::requested() => Err(Error::Interrupted),
            None if report.is_green() => Ok(()),
            None => Err(Error::Red {
                red: report.red_count().max(1),
            }),
        }
    }

    /// All probes, then the faults with all probes after each.
    fn prove(&mut self, session: &mut Session<'_>, report: &mut Report) -> Result<(), Error> {
        let started = Instant::now();
        let recording = Recording::start(&session.lab, self.plan);
        report.verdicts = session.probe();
        report.probe_seconds = Some(started.elapsed().as_secs_f64());
        report.topology = Some(topology(self.plan, &session.facts));
        for (host, facts) in &session.facts {
            if let Ok(boot) = facts.boot.known() {
                report.boots.insert(host.clone(), boot.clone());
            }
        }
        if report.verdicts.iter().any(Verdict::is_red) {
            self.after("probes", first_red(&report.verdicts), session, Some(recording));
        }
        for fault in self.faults.clone() {
            for repetition in 1..=self.arguments.repeat {
                if interrupt::requested() {
                    return Err(Error::Interrupted);
                }
                let started = Instant::now();
                let recording = Recording::start(&session.lab, self.plan);
                let mut scenario = fault.cause(session);
                scenario.repetition = repetition;
                scenario.took_seconds = Some(started.elapsed().as_secs_f64());
                self.failed(&scenario, session, Some(recording));
                report.scenarios.push(scenario);
            }
        }
        Ok(())
    }

    /// Leaves logs and states behind if `scenario` is red.
    fn failed(&mut self, scenario: &Scenario, session: &Session<'_>, recording: Option<Recording>) {
        if scenario.red_count() > 0 {
            self.after(&scenario.label(), first_red(&scenario.verdicts), session, recording);
        }
    }

    fn after(&mut self, what: &str, host: Option<HostName>, session: &Session<'_>, recording: Option<Recording>) {
        if interrupt::requested() {
            return;
        }
        self.bundle.moment(what, session, recording);
        if self.arguments.shell_on_failure {
            self.shell(what, host, session);
        }
    }

    /// A shell on `host`, or on the root where the failure is about no host in particular.
    fn shell(&self, what: &str, host: Option<HostName>, session: &Session<'_>) {
        let ui = &self.context.ui;
        let file = self.arguments.start.file.display();
        let why = match &host {
            Some(_) => "the first red is about it",
            None => "the red is about no host in particular, and this is the root",
        };
        let host = host.unwrap_or_else(|| self.plan.head().clone());
        ui.line(&format!(
            "{what} is red; a shell on {host}: {why}. For another host, in another terminal: meshimg lab ssh {file} HOST\n\
             the test goes on when the shell ends"
        ));
        match session.lab.ssh(host.as_str(), &[]) {
            // A shell ends with the status of the last command; 255 is ssh's own, which has said why.
            Ok(status) if status.code() != Some(255) => {}
            Ok(_) => ui.line(&format!("no shell on {host}; its console: meshimg lab logs {file} {host}")),
            Err(error) => ui.line(&format!("no shell on {host}: {error}")),
        }
    }

    /// Completes the bundle and prints the report, which names it.
    fn print(&mut self, report: &mut Report) -> Result<(), Error> {
        report.bundle = self.bundle.path().map(PathBuf::from);
        self.bundle.finish(self.plan, report, &self.context.ui);
        let written = page::write(self.arguments.report.as_deref(), report);
        output::print(&self.arguments.format.of(report, self.context)?)?;
        Ok(written?)
    }
}

/// The boot as a scenario that failed: so every format of the report has it.
fn did_not_come_up(error: &LabError) -> Scenario {
    Scenario {
        what: "power for all hosts, and the wait for a mesh that carries traffic".to_owned(),
        error: Some(error.to_string()),
        ..Scenario::new("lab-up")
    }
}

/// The host that the first red verdict about a host is about; of a pair, where it begins.
fn first_red(verdicts: &[Verdict]) -> Option<HostName> {
    verdicts
        .iter()
        .filter(|verdict| verdict.is_red())
        .find_map(|verdict| match &verdict.subject {
            Subject::Host { host } | Subject::Pair { from: host, .. } => Some(host.clone()),
            Subject::Cluster => None,
        })
}

#[cfg(test)]
#[path = "test_tests.rs"]
mod tests;
