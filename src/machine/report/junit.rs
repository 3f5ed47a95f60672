//! The report as JUnit XML, which every CI system shows: the elements that Jenkins' schema (junit-10.xsd) and Surefire's have in common.
//!
//! A suite for the probes before any fault, and one for each time a scenario was caused: the scenario itself is its first case, the
//! probes afterwards are the others.

use std::path::Path;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::{Report, Scenario};
use crate::machine::probe::{Measured, State, Verdict};

/// The whole document.
///
/// # Errors
/// Those of writing XML, which a text in memory has none of.
pub fn junit(report: &Report) -> Result<String, SerializeError> {
    let mut document = quick_junit::Report::new(format!("meshimg lab test {}", report.cluster));
    let name = format!("{}.probes", report.cluster);
    let mut probes = suite(report, &name, report.probe_seconds);
    probes.add_test_cases(report.verdicts.iter().map(|verdict| verdict_case(&name, verdict)));
    document.add_test_suite(probes);
    for scenario in &report.scenarios {
        let name = format!("{}.{}", report.cluster, scenario.label());
        let mut suite = suite(report, &name, scenario.took_seconds);
        suite.add_test_case(scenario_case(&name, scenario, report.bundle.as_deref()));
        suite.add_test_cases(scenario.verdicts.iter().map(|verdict| verdict_case(&name, verdict)));
        document.add_test_suite(suite);
    }
    document.to_string()
}

fn suite(report: &Report, name: &str, seconds: Option<f64>) -> TestSuite {
    let mut suite = TestSuite::new(name);
    suite.add_property(Property::new("machines", report.machines.as_str()));
    if let Some(folder) = &report.bundle {
        suite.add_property(Property::new("bundle", folder.display().to_string()));
    }
    if let Some(time) = duration(seconds) {
        suite.set_time(time);
    }
    suite
}

fn duration(seconds: Option<f64>) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds?).ok()
}

fn verdict_case(suite: &str, verdict: &Verdict) -> TestCase {
    let status = match verdict.state {
        State::Green => TestCaseStatus::success(),
        State::Red => failure(
            &format!("{} is red", verdict.probe),
            &verdict.summary,
            verdict.help.iter().map(|help| format!("help: {help}")),
        ),
        State::Skipped => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(verdict.summary.as_str());
            skipped
        }
    };
    let mut case = TestCase::new(format!("{} ({})", verdict.probe, verdict.subject), status);
    case.set_classname(suite);
    let measured = verdict
        .measured
        .as_ref()
        .map(|Measured { value, unit }| format!("\nmeasured: {value} {unit}"));
    case.set_system_out(format!("{}{}", verdict.summary, measured.unwrap_or_default()));
    case
}

fn scenario_case(suite: &str, scenario: &Scenario, bundle: Option<&Path>) -> TestCase {
    let status = match scenario.complaint() {
        None => TestCaseStatus::success(),
        Some(complaint) => {
            let bundle = bundle.map(|folder| format!("logs and states: {}", folder.display()));
            failure(
                &format!("{} is red", scenario.name),
                &complaint,
                (!scenario.what.is_empty())
                    .then(|| format!("fault: {}", scenario.what))
                    .into_iter()
                    .chain(bundle),
            )
        }
    };
    let mut case = TestCase::new(scenario.label(), status);
    case.set_classname(suite);
    if let Some(time) = duration(scenario.took_seconds) {
        case.set_time(time);
    }
    let mut lines = vec![scenario.what.clone()];
    if let Some(outage) = &scenario.outage {
        let bound = if outage.at_least.is_some() { "at least " } else { "" };
        lines.push(format!(
            "outage between containers: {bound}{:.2} s, {} of {} pings answered",
            outage.outage_seconds, outage.received, outage.sent
        ));
    }
    lines.extend(scenario.by_design.clone());
    case.set_system_out(lines.join("\n"));
    case
}

/// A failure whose message is the first line of `what`, as lists of failures show it, and whose text is all of it.
fn failure(kind: &str, what: &str, more: impl IntoIterator<Item = String>) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    let text: Vec<String> = std::iter::once(what.to_owned()).chain(more).collect();
    status
        .set_message(what.lines().next().unwrap_or_default())
        .set_type(kind)
        .set_description(text.join("\n"));
    status
}

#[cfg(test)]
#[path = "junit_tests.rs"]
mod tests;
