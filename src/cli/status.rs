//! `meshimg status`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::remote::Hosts;
use super::{Context, Format, load, output};
use crate::error::{Error, Exit, counted};
use crate::exec::interrupt;
use crate::machine::report::LinkState;
use crate::remote::Remote;
use crate::remote::status::{self, HostStatus, Status};

pub const EXAMPLES: &str = "\
Examples:
  meshimg status cluster.yaml             a line for each host and each link
  meshimg status cluster.yaml --watch     again every 2 s, until Ctrl-C
  meshimg status cluster.yaml --host host1 --format json

Exit code: 0 if all is as planned, 6 if a host is not, or is not reached, or
a link is down. For all that can be wrong: meshimg verify";

/// Time between two looks.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// Clears the screen and goes to its upper left corner (ECMA-48 8.3.39 and 8.3.21).
const CLEAR: &str = "\x1b[2J\x1b[H";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml
    file: PathBuf,
    #[command(flatten)]
    hosts: Hosts,
    /// Text for people, or JSON for programs (its `version` changes when a field changes its meaning)
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Look again every 2 s, on a terminal, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<ExitCode, Error> {
    if arguments.watch && (arguments.format == Format::Json || !std::io::stdout().is_terminal()) {
        return Err(Error::Usage(
            "--watch draws on a terminal; for a program, call `meshimg status --format json` again and again".to_owned(),
        ));
    }
    interrupt::install()?;
    let plan = load::plan(&arguments.file, context)?;
    let connection = arguments.hosts.connection(&plan, &arguments.file)?;
    let mut remote = Remote::connect(&plan, &connection, &context.ui)?;
    let mut status = status::look(&remote);
    if arguments.watch {
        while !interrupt::requested() {
            output::print(&format!("{CLEAR}{}", text(&status)))?;
            interrupt::pause(WATCH_INTERVAL);
            if !interrupt::requested() {
                status = status::look_again(&mut remote);
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    if interrupt::requested() {
        return Err(Error::Interrupted);
    }
    match arguments.format {
        Format::Json => output::print_json(&status)?,
        Format::Text => output::print(&text(&status))?,
    }
    Ok(if status.is_fine() { Exit::Fine } else { Exit::ProbeFailed }.into())
}

fn text(status: &Status) -> String {
    let root = match &status.root {
        Some(root) => format!("; the tree's root is {root}"),
        None => String::new(),
    };
    let hosts = status.hosts.iter().map(|host| {
        let or_unknown = |text: &Option<String>| text.clone().unwrap_or_default();
        [
            host.host.to_string(),
            host.address.to_string(),
            or_unknown(&host.open_vswitch),
            or_unknown(&host.docker),
            host.containers.map(|count| count.to_string()).unwrap_or_default(),
            state(host),
        ]
    });
    let links = status.links.iter().map(|link| {
        let [from, to] = &link.link.ends;
        [
            link.link.name.clone(),
            from.to_string(),
            to.to_string(),
            link.flaps.map(|count| count.to_string()).unwrap_or_default(),
            match link.link.state {
                LinkState::Forwarding => "forwarding",
                LinkState::Blocked => "in reserve",
                LinkState::Down => "down",
                LinkState::Unknown => "unknown",
            }
            .to_owned(),
        ]
    });
    format!(
        "{}: {}, {}{root}\n\n{}\n{}",
        status.cluster,
        counted(status.hosts.len(), "host"),
        counted(status.links.len(), "link"),
        output::table(["host", "underlay", "Open vSwitch", "Docker", "containers", "state"], hosts),
        output::table(["link", "from", "to", "flaps", "state"], links)
    )
}

/// In one line.
fn state(host: &HostStatus) -> String {
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    match (&host.not_reached, &host.problems[..]) {
        (Some(why), _) => format!("not reached: {}", line(why)),
        (None, []) => "as planned".to_owned(),
        (None, [only]) => line(only),
        (None, [first, rest @ ..]) => format!("{}; and {} more", line(first), rest.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_and_each_link_has_one_line() {
        let host = |name: &str, not_reached: Option<&str>, problems: &[&str]| HostStatus {
            host: name.parse().unwrap(),
            address: "192.0.2.1".parse().unwrap(),
            not_reached: not_reached.map(str::to_owned),
            problems: problems.iter().map(|problem| (*problem).to_owned()).collect(),
            open_vswitch: not_reached.is_none().then(|| "3.5.0".to_owned()),
            docker: None,
            containers: None,
        };
        let status = Status {
            version: status::STATUS_VERSION,
            cluster: "demo".parse().unwrap(),
            hosts: vec![
                host("host1", None, &[]),
                host("host2", Some("Host key\nverification failed."), &[]),
                host("host3", None, &["tunnels: port gre3 is not there", "docker: not active"]),
            ],
            root: Some("host1".parse().unwrap()),
            links: vec![status::LinkStatus {
                link: crate::machine::report::TopologyLink {
                    name: "gre1".into(),
                    ends: ["host1".parse().unwrap(), "host2".parse().unwrap()],
                    state: LinkState::Down,
                },
                flaps: Some(3),
            }],
        };
        insta::assert_snapshot!(text(&status));
    }
}
