//! From a file name to a plan, with every diagnostic printed on the way.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::Context;
use crate::error::Error;
use crate::plan::{self, Plan};
use crate::spec::{self, Diagnostic, HostName, Severity, Source, Spec};

/// The most that is read of a file, bytes: one more than the parser takes, so that it can say that the file is too large.
const READ_MAX: u64 = spec::SIZE_MAX as u64 + 1;

/// The same of a lock.
const LOCK_READ_MAX: u64 = spec::LOCK_SIZE_MAX as u64 + 1;

/// The fewest hosts that make a mesh.
const HOSTS_MIN: usize = 2;

/// What a file says if it is right, what is wrong with it, and its bytes.
pub struct Diagnosis {
    spec: Option<Spec>,
    pub diagnostics: Vec<Diagnostic>,
    bytes: Vec<u8>,
    file: String,
    /// Name and content of the lock beside it.
    lock: Option<(String, Vec<u8>)>,
}

/// Where the lock of `file` is: cluster.lock.yaml beside cluster.yaml, other.lock.yaml beside other.yaml.
pub fn lock_path(file: &Path) -> PathBuf {
    file.with_extension("lock.yaml")
}

/// Where the host keys of its droplets are: cluster.known_hosts.
pub fn known_hosts_path(file: &Path) -> PathBuf {
    file.with_extension("known_hosts")
}

/// Reads and checks `file`; problems are printed to stderr.
pub fn spec(file: &Path, context: &Context) -> Result<Spec, Error> {
    spec_with(file, &lock_path(file), context)
}

/// As [`spec`], with the lock at `lock` if there is one.
pub fn spec_with(file: &Path, lock: &Path, context: &Context) -> Result<Spec, Error> {
    let diagnosis = diagnose_with(file, lock)?;
    if !diagnosis.diagnostics.is_empty() {
        let lock = diagnosis.lock.as_ref().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        let (file, bytes, problems) = (&diagnosis.file, &diagnosis.bytes, &diagnosis.diagnostics);
        let text = spec::render_with_lock(file, bytes, lock, problems, context.ui.color());
        match diagnosis.is_fine(context.strict) {
            true => context.ui.line(&text),
            false => context.ui.diagnostics(&text),
        }
    }
    if let Some((name, _)) = &diagnosis.lock {
        context.ui.detail(&format!("{name}: hosts keep what they were given"));
    }
    diagnosis.judge(context.strict)
}

/// A plan of `file`, and of the lock beside it. Where that does not know all hosts, or knows others, a line says so.
pub fn plan(file: &Path, context: &Context) -> Result<Plan, Error> {
    let plan = plan_alone(file, context)?;
    if plan.growth.as_ref().is_some_and(|growth| !growth.is_none()) {
        context.ui.line(&format!(
            "{} is not up to date; to keep what new hosts get: meshimg plan --lock {}",
            lock_path(file).display(),
            file.display()
        ));
    }
    Ok(plan)
}

/// The same without that line, for those who say more of it.
pub fn plan_alone(file: &Path, context: &Context) -> Result<Plan, Error> {
    Ok(plan::plan(&spec(file, context)?)?)
}

/// A plan of `file` without the lines of `hosts`, as the lock beside it keeps it. `plan` is that of the whole file.
///
/// # Errors
/// [`Error::Usage`] where the lock does not know all hosts, or too few hosts stay; [`Error::Without`] where the rest of the file needs one that goes.
pub fn plan_without(file: &Path, plan: &Plan, hosts: &BTreeSet<HostName>, context: &Context) -> Result<Plan, Error> {
    let shown = file.display().to_string();
    if !plan.growth.as_ref().is_some_and(plan::Growth::is_none) {
        return Err(Error::Usage(format!(
            "without a lock that knows all hosts, those that stay would get other numbers, links and addresses; first: meshimg plan --lock {shown}"
        )));
    }
    if plan.hosts.len() < hosts.len() + HOSTS_MIN {
        return Err(Error::Usage(format!(
            "of {} hosts too few would stay for a mesh; to take it off all of them: meshimg wipe {shown}",
            plan.hosts.len()
        )));
    }
    let whole = diagnose(file)?;
    // Read a moment ago.
    let Some((name, lock)) = &whole.lock else {
        return Err(Error::Usage(format!("{} is gone", lock_path(file).display())));
    };
    let problems = match spec::load_without(&whole.bytes, lock, hosts) {
        Ok((spec, _)) => return Ok(plan::plan(&spec)?),
        Err(problems) => problems,
    };
    let text = spec::render_with_lock(&shown, &whole.bytes, Some((name, lock)), &problems, context.ui.color());
    context.ui.diagnostics(&text);
    let warnings = problems.iter().filter(|problem| problem.severity == Severity::Warning).count();
    Err(Error::Without {
        file: shown,
        hosts: hosts.clone(),
        errors: problems.len() - warnings,
        warnings,
    })
}

/// The droplets of `file`.
pub fn droplets(file: &Path, context: &Context) -> Result<plan::Droplets, Error> {
    droplets_of(&spec(file, context)?, file)
}

/// Those of `spec`, which is that of `file`.
pub fn droplets_of(spec: &Spec, file: &Path) -> Result<plan::Droplets, Error> {
    plan::droplets(spec)?.ok_or_else(|| Error::NoDroplets {
        file: file.display().to_string(),
    })
}

/// The first bytes of `file`, `most` at most.
fn read(file: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads and checks `file`, and the lock beside it, without printing.
pub fn diagnose(file: &Path) -> Result<Diagnosis, Error> {
    diagnose_with(file, &lock_path(file))
}

/// As [`diagnose`], with the lock at `lock` if there is one.
fn diagnose_with(file: &Path, lock: &Path) -> Result<Diagnosis, Error> {
    let shown = file.display().to_string();
    let bytes = read(file, READ_MAX).map_err(|source| Error::Read {
        file: shown.clone(),
        source,
    })?;
    let name = lock.display().to_string();
    let lock = match read(lock, LOCK_READ_MAX) {
        Ok(bytes) => Some((name, bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(source) => return Err(Error::ReadLock { file: name, source }),
    };
    let (spec, diagnostics) = match spec::load_with_lock(&bytes, lock.as_ref().map(|(_, bytes)| bytes.as_slice())) {
        Ok((spec, warnings)) => (Some(spec), warnings),
        Err(problems) => (None, problems),
    };
    Ok(Diagnosis {
        spec,
        diagnostics,
        bytes,
        file: shown,
        lock,
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
        let is_of_lock = self.diagnostics.iter().any(|diagnostic| diagnostic.source == Source::Lock);
        match (self.spec, self.lock) {
            (Some(spec), _) if is_fine => Ok(spec),
            (_, Some((lock, _))) if is_of_lock => Err(Error::Lock {
                file: self.file,
                lock,
                errors,
                warnings,
            }),
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
