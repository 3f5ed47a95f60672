//! `meshimg diff`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{Context, Format, load, output};
use crate::diff::{self, Change, CutOff, Difference, FileChange, HostDifference, Kind, Service};
use crate::error::{Error, Exit, counted};
use crate::plan::{self, Plan};

pub const EXAMPLES: &str = "\
Examples:
  meshimg diff old/cluster.yaml cluster.yaml       each with the lock beside it
  meshimg diff cluster.lock.yaml cluster.yaml      what has changed since
                                                   `meshimg plan --lock`

Exit code: 0 if nothing differs, 6 if something does. Nothing is changed.";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml as it was, or the lock of the new one
    old: PathBuf,
    /// The cluster.yaml as it is now
    new: PathBuf,
    /// Text for people, or JSON for programs (its `version` changes when a field changes its meaning)
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<ExitCode, Error> {
    let (old, new) = match is_lock(&arguments.old) {
        true => since_lock(arguments, context)?,
        false => (
            load::plan_alone(&arguments.old, context)?,
            load::plan_alone(&arguments.new, context)?,
        ),
    };
    let difference = diff::diff(&old, &new).map_err(crate::render::RenderError::from)?;
    match arguments.format {
        Format::Json => output::print_json(&difference)?,
        Format::Text => output::print(&text(&difference))?,
    }
    let code = if difference.is_empty() { Exit::Fine } else { Exit::ProbeFailed };
    Ok(code.into())
}

fn is_lock(file: &Path) -> bool {
    file.to_string_lossy().ends_with(".lock.yaml")
}

/// The plan of the lock's state, and that of the file.
fn since_lock(arguments: &Arguments, context: &Context) -> Result<(Plan, Plan), Error> {
    let spec = load::spec_with(&arguments.new, &arguments.old, context)?;
    let old = diff::locked(&spec)?.ok_or_else(|| {
        let lock = arguments.old.display();
        Error::Usage(format!(
            "{lock} is not there, or has no two hosts; meshimg plan --lock {} writes it",
            arguments.new.display()
        ))
    })?;
    Ok((old, plan::plan(&spec)?))
}

fn text(difference: &Difference) -> String {
    if difference.is_empty() {
        return "no host differs\n".to_owned();
    }
    let mut text: String = difference.hosts.iter().map(host).collect::<Vec<_>>().join("\n");
    let count = |kind| difference.hosts.iter().filter(|host| host.kind == kind).count();
    text += &format!(
        "\n{} new, {} gone, {} changed, {} as before\n",
        count(Kind::New),
        count(Kind::Gone),
        count(Kind::Changed),
        difference.unchanged.len()
    );
    text
}

fn host(host: &HostDifference) -> String {
    let kind = match host.kind {
        Kind::New => "is new",
        Kind::Gone => "is gone",
        Kind::Changed => "changes",
    };
    let mut lines = vec![format!("{} {kind}", host.host)];
    lines.extend(host.changes.iter().map(change));
    if host.kind == Kind::Changed {
        lines.extend(files(&host.files));
    } else if !host.files.is_empty() {
        lines.push(format!("  file      + {}", counted(host.files.len(), "file")));
    }
    lines.extend(host.services.iter().map(service));
    lines.push(format!("  cut off   {}", cut_off(&host.cut_off)));
    lines.extend(host.notes.iter().map(|note| format!("  to do     {note}")));
    lines.join("\n") + "\n"
}

/// A line for each file.
pub fn files(files: &[FileChange]) -> impl Iterator<Item = String> {
    files.iter().map(|file| {
        let sign = match file.kind {
            Kind::New => '+',
            Kind::Gone => '-',
            Kind::Changed => '~',
        };
        format!("  file      {sign} {}", file.path)
    })
}

fn change(change: &Change) -> String {
    let Change { what, old, new, why } = change;
    let values = match (old, new) {
        (Some(old), Some(new)) => format!("{old} -> {new}"),
        (Some(old), None) => format!("{old} -> nothing"),
        (None, Some(new)) => new.clone(),
        (None, None) => String::new(),
    };
    format!("  {what}: {values} ({why})")
}

pub fn service(service: &Service) -> String {
    use diff::Action::{Reload, RemakeContainerBridge, RemakeMeshBridge, Replace, Restart, RestartContainers, SetUpAnew};
    let what = match service.action {
        Reload => "is reloaded",
        Restart | RestartContainers => "restarts",
        RemakeMeshBridge | RemakeContainerBridge => "is made anew",
        Replace => "is replaced and restarts",
        SetUpAnew => "is set up anew",
    };
    format!("  service   {} {what}: {}", service.unit, service.why)
}

pub fn cut_off(cut_off: &CutOff) -> String {
    match cut_off.seconds {
        Some(seconds) if seconds > 0.0 => format!("{seconds} s at most: {}", cut_off.why),
        Some(_) => format!("no: {}", cut_off.why),
        None => format!("until somebody acts: {}", cut_off.why),
    }
}
