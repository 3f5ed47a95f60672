//! From a file name to a plan, with every diagnostic printed on the way.

use std::io::Read;
use std::path::Path;

use super::Context;
use crate::error::Error;
use crate::plan::{self, Plan};
use crate::spec::{self, Diagnostic, HostName, Severity, Spec};

/// The most that is read of a file, bytes: one more than the parser takes, so that it can say that the file is too large.
const READ_MAX: u64 = spec::FILE_MAX as u64 + 1;

/// Reads and checks `file`; problems are printed to stderr.
pub fn spec(file: &Path, context: &Context) -> Result<Spec, Error> {
    let (spec, diagnostics, bytes) = diagnose(file)?;
    let shown = file.display().to_string();
    for diagnostic in &diagnostics {
        context.ui.error(&diagnostic.render(&shown, &bytes, context.ui.color()));
    }
    judge(spec, &diagnostics, shown, context.strict)
}

/// A plan of `file`.
pub fn plan(file: &Path, context: &Context) -> Result<Plan, Error> {
    Ok(plan::plan(&spec(file, context)?)?)
}

/// Reads and checks `file` without printing: what it says if it is right, what is wrong, and its bytes.
pub fn diagnose(file: &Path) -> Result<(Option<Spec>, Vec<Diagnostic>, Vec<u8>), Error> {
    let shown = file.display().to_string();
    let mut bytes = Vec::new();
    let read = std::fs::File::open(file).and_then(|opened| opened.take(READ_MAX).read_to_end(&mut bytes));
    read.map_err(|source| Error::Read {
        file: shown.clone(),
        source,
    })?;
    let (spec, diagnostics) = spec::load(&shown, &bytes);
    Ok((spec, diagnostics, bytes))
}

/// The spec, unless there are errors, or warnings under `--strict`.
pub fn judge(spec: Option<Spec>, diagnostics: &[Diagnostic], file: String, strict: bool) -> Result<Spec, Error> {
    let warnings = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Warning)
        .count();
    let errors = diagnostics.len() - warnings;
    match spec {
        Some(spec) if errors == 0 && !(strict && warnings > 0) => Ok(spec),
        _ => Err(Error::Spec { file, errors, warnings }),
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
