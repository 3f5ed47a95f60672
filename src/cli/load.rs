//! From a file name to a plan, with every diagnostic printed on the way.

use std::io::Read;
use std::path::Path;

use super::Context;
use crate::error::Error;
use crate::plan::{self, Plan};
use crate::spec::{self, Diagnostic, HostName, Severity, Spec};

/// The most that is read of a file, bytes: one more than the parser takes, so that it can say that the file is too large.
const READ_MAX: u64 = spec::SIZE_MAX as u64 + 1;

/// What a file says if it is right, what is wrong with it, and its bytes.
pub struct Diagnosis {
    spec: Option<Spec>,
    pub diagnostics: Vec<Diagnostic>,
    bytes: Vec<u8>,
    file: String,
}

/// Reads and checks `file`; problems are printed to stderr.
pub fn spec(file: &Path, context: &Context) -> Result<Spec, Error> {
    let diagnosis = diagnose(file)?;
    if !diagnosis.diagnostics.is_empty() {
        let text = spec::render(&diagnosis.file, &diagnosis.bytes, &diagnosis.diagnostics, context.ui.color());
        match diagnosis.is_fine(context.strict) {
            true => context.ui.line(&text),
            false => context.ui.diagnostics(&text),
        }
    }
    diagnosis.judge(context.strict)
}

/// A plan of `file`.
pub fn plan(file: &Path, context: &Context) -> Result<Plan, Error> {
    Ok(plan::plan(&spec(file, context)?)?)
}

/// Reads and checks `file` without printing.
pub fn diagnose(file: &Path) -> Result<Diagnosis, Error> {
    let shown = file.display().to_string();
    let mut bytes = Vec::new();
    let read = std::fs::File::open(file).and_then(|opened| opened.take(READ_MAX).read_to_end(&mut bytes));
    read.map_err(|source| Error::Read {
        file: shown.clone(),
        source,
    })?;
    let (spec, diagnostics) = match spec::load(&bytes) {
        Ok((spec, warnings)) => (Some(spec), warnings),
        Err(problems) => (None, problems),
    };
    Ok(Diagnosis {
        spec,
        diagnostics,
        bytes,
        file: shown,
    })
}

impl Diagnosis {
    fn warnings(&self) -> usize {
        let warnings = self
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Warning);
        warnings.count()
    }

    /// Whether there are no errors, and no warnings under `--strict`.
    fn is_fine(&self, strict: bool) -> bool {
        let accepted = if strict { 0 } else { self.warnings() };
        self.diagnostics.len() == accepted
    }

    /// The spec, unless there are errors, or warnings under `--strict`.
    pub fn judge(self, strict: bool) -> Result<Spec, Error> {
        let warnings = self.warnings();
        let errors = self.diagnostics.len() - warnings;
        let is_fine = self.is_fine(strict);
        match self.spec {
            Some(spec) if is_fine => Ok(spec),
            _ => Err(Error::Spec {
                file: self.file,
                errors,
                warnings,
            }),
        }
    }
}

/// Checks that `plan` has the host `name`.
pub fn known(plan: &Plan, name: &HostName, file: &str) -> Result<(), Error> {
    if plan.hosts.iter().any(|host| host.name == *name) {
        return Ok(());
    }
    let known = plan.hosts.iter().map(|host| host.name.to_string()).collect::<Vec<_>>().join(", ");
    Err(Error::UnknownHost {
        name: name.clone(),
        file: file.to_owned(),
        known,
    })
}
