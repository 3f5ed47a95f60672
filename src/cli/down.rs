//! `meshimg down`.

use std::path::PathBuf;

use super::{Context, ask, load, output};
use crate::error::{Error, counted};
use crate::exec::interrupt;
use crate::plan::firewall_name;
use crate::provider::ProviderError;
use crate::provider::digital_ocean::{self, Own};

pub const EXAMPLES: &str = "\
Destroys what has the tag meshimg: and the name of the cluster, after showing
it: droplets with all that is on their disks, the cluster's cloud firewall, the
tag. Nothing else of the account is touched.

The token is in the variable DIGITALOCEAN_TOKEN, or DIGITALOCEAN_ACCESS_TOKEN.";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml, with a section `digital-ocean`
    file: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Destroy nothing, and show what would be destroyed
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    interrupt::install()?;
    let wanted = load::droplets(&arguments.file, context)?;
    let client = super::up::client()?;
    let own = digital_ocean::own(&client, &wanted.tag, &firewall_name(&wanted.cluster)).map_err(ProviderError::from)?;
    if own.is_empty() {
        context.ui.line(&format!("nothing at Digital Ocean has the tag {}", wanted.tag));
        return Ok(());
    }
    output::print(&text(&own))?;
    if arguments.dry_run || !(arguments.yes || confirmed(&own)?) {
        context.ui.line("nothing was destroyed");
        return Ok(());
    }
    let results = digital_ocean::destroy(&client, &own);
    let mut failed = Vec::new();
    for (what, result) in results {
        match result {
            Ok(()) => context.ui.line(&format!("{what}: gone")),
            Err(error) => failed.push(format!("{what}: {error}")),
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(ProviderError::StillThere {
            tag: own.tag.to_string(),
            failed,
        }
        .into()),
    }
}

fn text(own: &Own) -> String {
    let rows = own.droplets.iter().map(|droplet| {
        [
            droplet.name.clone(),
            droplet.id.to_string(),
            droplet.region.as_ref().map(|region| region.slug.clone()).unwrap_or_default(),
            droplet.size_slug.clone(),
            droplet.public_address().map(|address| address.to_string()).unwrap_or_default(),
        ]
    });
    let mut text = format!("With the tag {}\n\n", own.tag);
    text += &output::table(["Droplet", "Number", "Region", "Size", "Address"], rows);
    for firewall in &own.firewalls {
        text += &format!("\nCloud firewall {}\n", firewall.name);
    }
    text
}

/// Whether the person at the terminal says yes.
fn confirmed(own: &Own) -> Result<bool, Error> {
    let droplets = counted(own.droplets.len(), "droplet");
    let question = format!("Destroy {droplets} with all that is on their disks? Type yes:");
    let nobody = format!("nobody is there to be asked whether {droplets} may be destroyed; to have it done all the same: --yes");
    Ok(ask::person(&question, &nobody)? == "yes")
}
