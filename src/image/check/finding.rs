//! What was found in an image, for a person and for a program.

use serde::Serialize;

pub use super::code::Code;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The image does not do what it is for, or tells what it should not.
    Error,
    /// It works, but worse than it could; an error under `--strict`.
    Warning,
    /// Nothing to do.
    Note,
}

impl Severity {
    /// The word in the text and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub code: Code,
    pub severity: Severity,
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Finding {
    /// As severe as its code.
    pub fn new(code: Code, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            message: message.into(),
            help: help.into(),
        }
    }
}

/// A boot that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Boot {
    pub firmware: &'static str,
    /// From power-on to the login prompt, seconds; none if it did not come.
    pub login_seconds: Option<f64>,
}

/// All that a check found out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    pub image: String,
    /// As qemu-img(1) names it, with `.gz` behind it where it is compressed. Empty if there is none.
    pub format: String,
    /// The disk's size, bytes; 0 if the file is no disk.
    pub virtual_size: u64,
    /// What the system calls itself (os-release(5), PRETTY_NAME); empty if no system was found.
    pub system: String,
    pub boots: Vec<Boot>,
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many findings are of `severity`.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// The report for a person: what it is, each boot, each finding with what to do, the worst first.
    pub fn text(&self) -> String {
        let mut text = format!("{}: ", self.image);
        match self.virtual_size {
            0 => text += "not a disk that can be read\n",
            size => text += &format!("{} disk of {}, {}\n", self.format, gib(size), self.system_or_none()),
        }
        for boot in &self.boots {
            text += &match boot.login_seconds {
                Some(seconds) => format!("boot by {}: login prompt after {seconds:.1} s\n", boot.firmware),
                None => format!("boot by {}: no login prompt\n", boot.firmware),
            };
        }
        for finding in &self.findings {
            let message = finding.message.replace('\n', "\n  ");
            text += &format!("\n{}[{}]: {message}\n", finding.severity.as_str(), finding.code);
            text += &format!("  = help: {}\n", finding.help.replace('\n', "\n    "));
        }
        text
    }

    fn system_or_none(&self) -> &str {
        if self.system.is_empty() { "no system in it" } else { &self.system }
    }

    /// Sorts the findings: the worst first, those of one severity in the order in which they were found.
    pub fn sort(&mut self) {
        self.findings.sort_by_key(|finding| finding.severity);
    }
}

/// A size as people read it, `4.0 GiB`.
pub fn gib(bytes: u64) -> String {
    let mib = bytes as f64 / (1024.0 * 1024.0);
    if mib < 1024.0 {
        format!("{mib:.1} MiB")
    } else {
        format!("{:.1} GiB", mib / 1024.0)
    }
}
