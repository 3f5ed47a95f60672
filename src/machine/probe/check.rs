//! Compares what is there with what is planned, and remembers every difference.

use std::fmt::Display;

use super::{Probe, Subject, Verdict};

/// The differences found so far.
#[derive(Debug, Default)]
pub struct Check {
    differences: Vec<String>,
}

impl Check {
    /// `what` has to be `planned`.
    pub fn equal(&mut self, what: &str, found: Option<impl Display>, planned: impl Display) {
        let found = found.map(|found| found.to_string());
        let planned = planned.to_string();
        if found.as_deref() != Some(planned.as_str()) {
            let found = found.unwrap_or_else(|| "nothing".to_owned());
            self.differences.push(format!("{what} is {found}, planned {planned}"));
        }
    }

    /// `holds` has to be true; `otherwise` says what is the case if not.
    pub fn holds(&mut self, holds: bool, otherwise: impl Into<String>) {
        if !holds {
            self.differences.push(otherwise.into());
        }
    }

    /// Red with all differences, or green.
    pub fn verdict(self, probe: Probe, subject: Subject, summary: impl Into<String>, help: &str) -> Verdict {
        if self.differences.is_empty() {
            Verdict::green(probe, subject, summary)
        } else {
            Verdict::red(probe, subject, self.differences.join("; "), help)
        }
    }
}
