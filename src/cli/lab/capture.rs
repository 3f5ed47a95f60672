//! `meshimg lab capture`.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::{Context, host_name};
use crate::error::{Error, counted};
use crate::exec::interrupt;
use crate::lab::LabError;
use crate::lab::units::{InvalidTime, time};
use crate::spec::HostName;

pub const EXAMPLES: &str = "\
Examples:
  meshimg lab capture cluster.yaml host1 host2 -o link.pcap
  meshimg lab capture cluster.yaml host1 host2 -o link.pcap --for 10s
  meshimg lab capture cluster.yaml host1 host2 -o - | tshark -r -

The file is pcapng, with an interface for each direction; tshark and Wireshark
open it, also while it grows. In it is what arrived: not what was cut or lost.";

/// A day is longer than any experiment.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The name that means stdout.
const STDOUT: &str = "-";

#[derive(Debug, clap::Args)]
pub struct Capture {
    /// The cluster.yaml
    file: PathBuf,
    /// One end of the link
    #[arg(value_parser = host_name)]
    host: HostName,
    /// The other end
    #[arg(value_parser = host_name)]
    other: HostName,
    /// The file to write, replaced if it exists; - is standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// How long; without it, until Ctrl-C
    #[arg(long = "for", value_name = "TIME", value_parser = length)]
    length: Option<Duration>,
}

fn length(text: &str) -> Result<Duration, InvalidTime> {
    time(text, LONGEST, "24h", "10s or 5min")
}

pub fn run(arguments: &Capture, context: &Context) -> Result<(), Error> {
    interrupt::install()?;
    let lab = super::attach_knowing(&arguments.file, [&arguments.host, &arguments.other], context)?;
    let to_stdout = arguments.output == Path::new(STDOUT);
    if to_stdout && io::stdout().is_terminal() {
        return Err(Error::Usage(
            "a capture on a terminal is of no use to anyone; name a file, or pipe it: ... -o - | tshark -r -".to_owned(),
        ));
    }
    let capture = lab.capture(arguments.host.as_str(), arguments.other.as_str())?;
    let name = arguments.output.display().to_string();
    let until = if arguments.length.is_some() { "" } else { "; Ctrl-C ends it" };
    let summary = if to_stdout {
        capture.write_to(&mut io::stdout().lock(), arguments.length, "standard output")
    } else {
        let mut file = File::create(&arguments.output).map_err(|source| LabError::Capture {
            target: name.clone(),
            source,
        })?;
        context.ui.line(&format!(
            "capturing between {} and {} to {name}{until}",
            arguments.host, arguments.other
        ));
        capture.write_to(&mut file, arguments.length, &name)
    };
    let summary = match summary {
        // Whoever read it has seen enough.
        Err(LabError::Capture { source, .. }) if to_stdout && source.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        other => other?,
    };
    let dropped = match summary.dropped {
        0 => String::new(),
        dropped => format!("; {dropped} more are missing, as they could not be written fast enough"),
    };
    let ended = if summary.complete { "" } else { "; the lab ended" };
    let frames = counted(usize::try_from(summary.frames).unwrap_or(usize::MAX), "frame");
    context.ui.line(&format!("{frames} captured{dropped}{ended}"));
    Ok(())
}
