//! The command line. Each verb stops somewhere on the pipeline; each has a file of its own in `cli/`.

mod apply;
mod ask;
mod check;
mod cloud_init;
mod diff;
mod down;
mod folder;
mod image;
mod init;
mod inventory;
mod lab;
mod load;
mod nixos;
mod openvswitch;
mod outages;
mod output;
mod page;
mod plan;
mod remote;
mod remove;
mod status;
mod stock;
mod terraform;
mod up;
mod verify;
mod wipe;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::error::Error;
use crate::exec::interrupt;
use crate::spec::HostName;
use crate::ui::{Ui, Verbosity};

const EXAMPLES: &str = "\
Examples:
  meshimg init cluster.yaml         a small cluster to start from
  meshimg check cluster.yaml        all that is wrong with it, at once
  meshimg plan cluster.yaml         every decision, as tables
  meshimg cloud-init cluster.yaml   cloud-init data for each host
  meshimg nixos cluster.yaml        a flake with the hosts for NixOS
  meshimg lab test cluster.yaml     boot the hosts in QEMU, and prove that
                                    their containers reach each other
  meshimg verify cluster.yaml       prove the same of real hosts, by ssh
  meshimg up cluster.yaml           make the hosts at Digital Ocean first

Exit codes:
  0    fine
  1    meshimg's fault, or that of the machine it runs on, such as a full disk
  2    the command line is wrong
  3    the cluster.yaml, or another file that is asked about, is wrong
  4    a program is not installed; the message names the package
  5    an external program failed
  6    a probe failed, an image has errors, or diff or --check found a
       difference
  7    the provider refused, or could not be reached
  130  interrupted";

/// One cluster.yaml to Docker hosts whose containers share one switch
#[derive(Debug, Parser)]
#[command(
    name = "meshimg",
    version,
    after_help = EXAMPLES,
    max_term_width = 100,
    propagate_version = true,
    disable_help_flag = true,
    disable_version_flag = true
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
struct Global {
    /// Treat warnings as errors
    #[arg(long, global = true)]
    strict: bool,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more about what is done
    #[arg(short, long, global = true)]
    verbose: bool,
    /// No colours (the variable NO_COLOR does the same)
    #[arg(long, global = true)]
    no_color: bool,
    /// Print help
    #[arg(short, long, global = true, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// Print version
    #[arg(short = 'V', long, global = true, action = clap::ArgAction::Version)]
    version: (),
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print a small commented cluster.yaml, or write it to a file
    Init(init::Arguments),
    /// Say what is wrong with a cluster.yaml, all at once, and change nothing
    Check(check::Arguments),
    /// Show every decision about the cluster
    Plan(plan::Arguments),
    /// Say what changes on which host from one cluster.yaml to another
    #[command(after_help = diff::EXAMPLES)]
    Diff(diff::Arguments),
    /// Write each host's cloud-init data: user-data and a seed image
    #[command(after_help = cloud_init::EXAMPLES)]
    CloudInit(cloud_init::Arguments),
    /// Write the hosts as a NixOS flake: modules, data, images and a VM test
    #[command(after_help = nixos::EXAMPLES)]
    Nixos(nixos::Arguments),
    /// Print the droplets of Digital Ocean as Terraform and OpenTofu read them
    #[command(after_help = terraform::EXAMPLES)]
    Terraform(terraform::Arguments),
    /// Print the hosts as an inventory of Ansible
    #[command(after_help = inventory::EXAMPLES)]
    Inventory(inventory::Arguments),
    /// Make missing droplets of Digital Ocean, and bring up and prove the mesh
    #[command(after_help = up::EXAMPLES)]
    Up(up::Arguments),
    /// Destroy the cluster's droplets at Digital Ocean
    #[command(after_help = down::EXAMPLES)]
    Down(down::Arguments),
    /// Build disk images
    #[command(subcommand)]
    Image(image::Verb),
    /// Build packages of Open vSwitch from source
    #[command(subcommand, name = "openvswitch")]
    OpenVSwitch(openvswitch::Verb),
    /// Run the hosts in QEMU on this machine
    #[command(subcommand, after_help = lab::EXAMPLES)]
    Lab(lab::Verb),
    /// All probes on hosts that run somewhere, by ssh
    #[command(after_help = verify::EXAMPLES)]
    Verify(verify::Arguments),
    /// Show how hosts and links stand, by ssh
    #[command(after_help = status::EXAMPLES)]
    Status(status::Arguments),
    /// Bring hosts that run to what the plan says, by ssh
    #[command(after_help = apply::EXAMPLES)]
    Apply(apply::Arguments),
    /// Take one host out of a mesh that goes on, by ssh
    #[command(after_help = remove::EXAMPLES)]
    Remove(remove::Arguments),
    /// Take the mesh off hosts, and leave them as before, by ssh
    #[command(after_help = wipe::EXAMPLES)]
    Wipe(wipe::Arguments),
    /// Print the JSON Schema of cluster.yaml, which editors use
    Schema,
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// The background process of a lab
    #[command(hide = true)]
    LabSupervisor { folder: PathBuf },
    /// What QEMU starts for each connection of a guest to the package archive
    #[command(hide = true)]
    LabArchive { socket: PathBuf },
    /// One run of `lab bench`
    #[command(hide = true)]
    LabBenchCase,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// What a verb needs besides its own arguments.
struct Context {
    ui: Ui,
    strict: bool,
    /// Whether what goes to stdout may be coloured.
    color: bool,
}

/// Parses the command line, does what it says, and gives the exit code.
pub fn main() -> ExitCode {
    let cli = parse();
    let verbosity = match (cli.global.quiet, cli.global.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    };
    let ui = Ui::new(verbosity, !cli.global.no_color);
    let context = Context {
        ui,
        strict: cli.global.strict,
        color: output::color(!cli.global.no_color),
    };
    // Without it a size limit is still obeyed, but by a death without a word.
    let _ = interrupt::survive_size_limit();
    match run(cli.verb, &context) {
        Ok(code) => code,
        // The reader of a pipe has seen enough: `meshimg plan | head`.
        Err(Error::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            ui.error(&error.to_string());
            error.exit().into()
        }
    }
}

/// The command line. Help and usage errors are coloured by clap itself, before `--no-color` is parsed, so that is looked for first.
fn parse() -> Cli {
    let plain = std::env::args_os().any(|argument| argument == "--no-color");
    let color = if plain { ColorChoice::Never } else { ColorChoice::Auto };
    let mut command = Cli::command().color(color);
    let parsed = Cli::from_arg_matches(&command.get_matches_mut());
    parsed.unwrap_or_else(|error| error.format(&mut command).exit())
}

fn run(verb: Verb, context: &Context) -> Result<ExitCode, Error> {
    let done = match verb {
        Verb::Lab(verb) => return lab::run(verb, context),
        Verb::Diff(arguments) => return diff::run(&arguments, context),
        Verb::Status(arguments) => return status::run(&arguments, context),
        Verb::Verify(arguments) => verify::run(&arguments, context),
        Verb::Apply(arguments) => apply::run(&arguments, context),
        Verb::Remove(arguments) => remove::run(&arguments, context),
        Verb::Wipe(arguments) => wipe::run(&arguments, context),
        Verb::Init(arguments) => init::run(&arguments, context),
        Verb::Check(arguments) => check::run(&arguments, context),
        Verb::Plan(arguments) => plan::run(&arguments, context),
        Verb::CloudInit(arguments) => cloud_init::run(&arguments, context),
        Verb::Nixos(arguments) => nixos::run(&arguments, context),
        Verb::Terraform(arguments) => terraform::run(&arguments, context),
        Verb::Inventory(arguments) => inventory::run(&arguments, context),
        Verb::Up(arguments) => up::run(&arguments, context),
        Verb::Down(arguments) => down::run(&arguments, context),
        Verb::Image(verb) => image::run(verb, context),
        Verb::OpenVSwitch(verb) => openvswitch::run(verb, context),
        Verb::LabSupervisor { folder } => lab::supervise(&folder),
        Verb::LabBenchCase => lab::bench_case(),
        Verb::LabArchive { socket } => Ok(crate::lab::archive::carry(&socket)?),
        Verb::Schema => output::print(&crate::spec::schema_json()),
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "meshimg", &mut script);
            output::print_bytes(&script)
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Parses a host name argument.
fn host_name(text: &str) -> Result<HostName, String> {
    text.parse().map_err(|error: crate::spec::InvalidName| error.to_string())
}
