//! `meshimg apply`.

use std::path::PathBuf;

use super::remote::Hosts;
use super::{Context, Format, ask, diff, load, output};
use crate::diff::Kind;
use crate::error::{Error, counted};
use crate::exec::interrupt;
use crate::remote::Remote;
use crate::remote::apply::{self, ConfirmWithin, Differences, HostChange};

pub const EXAMPLES: &str = "\
Examples:
  meshimg apply cluster.yaml            what differs; then it asks
  meshimg apply cluster.yaml --yes      without asking
  meshimg apply cluster.yaml --host host1 --host host2

One host after the other is changed, and each has its old state back by
itself unless it can be reached by a new ssh connection afterwards.";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml
    file: PathBuf,
    #[command(flatten)]
    hosts: Hosts,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// For how long a host that has changed waits to be confirmed over a new ssh connection; then it takes the change back [30 to 3600]
    #[arg(long, value_name = "SECONDS", default_value_t = ConfirmWithin::default())]
    confirm_within: ConfirmWithin,
    /// How what differs is shown: text for people, or JSON for programs (its `version` changes when a field changes its meaning)
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    interrupt::install()?;
    let plan = load::plan(&arguments.file, context)?;
    let connection = arguments.hosts.connection(&plan, &arguments.file)?;
    let remote = Remote::connect(&plan, &connection, &context.ui)?;
    let differences = apply::look(&remote)?;
    match arguments.format {
        Format::Json => output::print_json(&differences)?,
        Format::Text => output::print(&text(&differences, arguments.confirm_within))?,
    }
    if interrupt::requested() {
        return Err(Error::Interrupted);
    }
    if differences.hosts.is_empty() || !(arguments.yes || is_wanted(&differences)?) {
        return Ok(());
    }
    apply::apply(&remote, &differences, arguments.confirm_within)?;
    let file = arguments.file.display();
    context.ui.line(&format!(
        "{} as planned; to see that all works: meshimg verify {file}",
        counted(differences.hosts.len() + differences.unchanged.len(), "host")
    ));
    Ok(())
}

/// Whether the person at the terminal says yes.
fn is_wanted(differences: &Differences) -> Result<bool, Error> {
    let question = format!("change {}? [y/N]", counted(differences.hosts.len(), "host"));
    let nobody = "nothing was changed: nobody can be asked, as standard input is no terminal; --yes goes without asking";
    Ok(matches!(ask::person(&question, nobody)?.as_str(), "y" | "Y" | "yes"))
}

fn text(differences: &Differences, within: ConfirmWithin) -> String {
    if differences.hosts.is_empty() {
        return format!("{} as planned; nothing to change\n", counted(differences.unchanged.len(), "host"));
    }
    let hosts: Vec<String> = differences.hosts.iter().map(host).collect();
    format!(
        "{}\n{} to change, {} as planned; a host that is not confirmed within {within} s has its old state back\n",
        hosts.join("\n"),
        differences.hosts.len(),
        differences.unchanged.len()
    )
}

fn host(change: &HostChange) -> String {
    let mut lines = vec![match change.kind {
        Kind::New => format!("{} gets the mesh", change.host),
        _ => format!("{} changes", change.host),
    }];
    lines.extend(change.running.iter().map(|running| format!("  runs      {running}")));
    lines.extend(diff::files(&change.files));
    if !change.packages.is_empty() {
        lines.push(format!("  install   {}", change.packages.join(" ")));
    }
    lines.extend(change.services.iter().map(diff::service));
    lines.push(format!("  cut off   {}", diff::cut_off(&change.cut_off)));
    lines.extend(change.notes.iter().map(|note| format!("  to know   {note}")));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{Action, CutOff, FileChange, Service};

    fn change(host: &str, kind: Kind) -> HostChange {
        HostChange {
            host: host.parse().unwrap(),
            kind,
            files: vec![FileChange {
                path: "/etc/docker/daemon.json".to_owned(),
                kind: Kind::Changed,
            }],
            packages: vec!["bridge-utils".to_owned()],
            running: vec!["tunnels: port gre1 to host2 is not there".to_owned()],
            services: vec![Service {
                unit: "docker.service".to_owned(),
                action: Action::RestartContainers,
                why: "its options differ",
            }],
            cut_off: CutOff::none("it has no mesh yet"),
            notes: vec!["a note".to_owned()],
            write: Vec::new(),
        }
    }

    #[test]
    fn all_that_differs_is_shown() {
        let differences = |hosts| Differences {
            version: 1,
            cluster: "demo".parse().unwrap(),
            hosts,
            unchanged: vec!["host3".parse().unwrap()],
        };
        let within = ConfirmWithin::default();
        let both = differences(vec![change("host1", Kind::New), change("host2", Kind::Changed)]);
        insta::assert_snapshot!(text(&both, within));
        assert_eq!(text(&differences(Vec::new()), within), "1 host as planned; nothing to change\n");
    }
}
