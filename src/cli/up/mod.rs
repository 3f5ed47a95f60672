//! `meshimg up`.

mod estimate;
mod hands;
mod standing;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use self::estimate::Estimate;
use self::hands::OwnHands;
use self::standing::standing;
use super::remote::Ssh;
use super::{Context, Format, ask, load, output};
use crate::error::{Error, counted};
use crate::exec::interrupt;
use crate::provider::ProviderError;
use crate::provider::bring_up::{Job, bring_up};
use crate::provider::digital_ocean::{self, Client, Timing, Token};
use crate::provider::reconcile::reconcile;
use crate::spec::HostName;
use crate::ui::Progress;

pub const EXAMPLES: &str = "\
The token is in the variable DIGITALOCEAN_TOKEN, or DIGITALOCEAN_ACCESS_TOKEN.

Examples:
  meshimg up cluster.yaml                           shows the price, and asks
  meshimg up cluster.yaml --yes                     without asking
  meshimg up cluster.yaml --dry-run                 what it would cost
  meshimg up cluster.yaml --dry-run --format json   each call with its body

Addresses of droplets are kept in cluster.lock.yaml, and their host keys in
cluster.known_hosts, both beside the file. Interrupted, run it again: it goes
on, and makes no droplet twice.";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml, with a section `digital-ocean`
    file: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    ssh: Ssh,
    /// Make nothing, and show what would be made, each call that would be sent, and what it costs
    #[arg(long, conflicts_with_all = ["yes", "config"])]
    dry_run: bool,
    /// Of --dry-run: text for people, or JSON for programs
    #[arg(long, value_enum, default_value = "text", requires = "dry_run")]
    format: Format,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    interrupt::install()?;
    let spec = load::spec(&arguments.file, context)?;
    let wanted = load::droplets_of(&spec, &arguments.file)?;
    // Before anything is asked: what is too large is too large.
    for droplet in &wanted.droplets {
        crate::render::droplet_user_data(&wanted, droplet)?;
    }
    if !arguments.dry_run {
        // Before anything is bought.
        arguments.ssh.check()?;
        crate::exec::require(&["ssh"])?;
    }
    let client = client()?;
    let account = digital_ocean::survey(&client, &wanted).map_err(ProviderError::from)?;
    let found = reconcile(&wanted, account.named_vpc(&wanted), &account.droplets);
    let estimate = Estimate::new(&wanted, &account, &found)?;
    match arguments.format {
        Format::Json => output::print_json(&estimate)?,
        Format::Text => output::print(&estimate::text(&wanted, &estimate, arguments.dry_run))?,
    }
    for note in &found.notes {
        context.ui.line(&note.to_string());
    }
    ProviderError::of(&account.problems(&wanted, &found.missing), &found.conflicts)?;
    if arguments.dry_run {
        return Ok(());
    }
    // Where nothing is bought, the question comes if a mesh that is there is to change.
    let agreed = arguments.yes || (!found.missing.is_empty() && is_wanted(found.missing.len(), &estimate)?);
    if !agreed && !found.missing.is_empty() {
        context.ui.line("nothing was made");
        return Ok(());
    }
    let steps = Steps::new(
        &wanted.droplets.iter().map(|droplet| droplet.name.as_str()).collect::<Vec<_>>(),
        context,
    );
    let say = |host: &HostName, words: &str| steps.say(host, words);
    let mut hands = OwnHands {
        file: &arguments.file,
        ssh: &arguments.ssh,
        agreed,
        context,
        steps: &steps,
    };
    let job = Job {
        spec: &spec,
        wanted: &wanted,
        client: &client,
        account: &account,
        found: &found,
        say: &say,
    };
    let end = bring_up(&job, &mut hands);
    steps.end();
    let standing = standing(&client, &wanted, &account, &arguments.file);
    match end {
        Ok(()) => output::print(&format!("\n{}", standing.text(true))),
        Err(_) if standing.is_nothing() => end,
        Err(source) => {
            let standing = standing.text(false).trim_end().to_owned();
            let source = Box::new(source);
            Err(Error::WithDroplets { source, standing })
        }
    }
}

/// Digital Ocean, with the token of the environment.
pub fn client() -> Result<Client, Error> {
    let token = Token::from_environment().map_err(ProviderError::from)?;
    Ok(Client::from_environment(token, Timing::default()).map_err(ProviderError::from)?)
}

/// Whether the person at the terminal says yes.
fn is_wanted(missing: usize, estimate: &Estimate) -> Result<bool, Error> {
    let what = format!("{} for {:.2} USD a month", counted(missing, "droplet"), estimate.price_monthly_new);
    let question = format!("make {what}, and bring all hosts to what the file says?");
    let nobody = format!("nothing was made: nobody can be asked about {what}, as standard input is no terminal; --yes goes without asking");
    ask::agrees(&question, &nobody)
}

/// A line for each host with what it waits for; on a terminal it is one line that changes.
struct Steps {
    progress: Mutex<Option<Progress>>,
    /// How many steps each host has gone.
    gone: Mutex<BTreeMap<HostName, u64>>,
}

/// Steps of a droplet from nothing to ready, about: cloud-init has several.
const STEPS: u64 = 12;

impl Steps {
    fn new(hosts: &[&str], context: &Context) -> Self {
        Self {
            progress: Mutex::new(Some(Progress::new(&context.ui, hosts, STEPS, Instant::now()))),
            gone: Mutex::default(),
        }
    }

    fn say(&self, host: &HostName, words: &str) {
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = gone.entry(host.clone()).or_default();
        *gone = if words == "ready" { STEPS } else { (*gone + 1).min(STEPS - 1) };
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(progress) = progress.as_ref() {
            progress.reached(words, &[(host.as_str(), *gone)], true);
        }
    }

    /// Takes the lines away.
    fn end(&self) {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
