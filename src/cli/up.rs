//! `meshimg up`.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::{Context, Format, load, output};
use crate::error::{Error, counted};
use crate::exec::interrupt;
use crate::plan::{DropletPlan, Droplets};
use crate::provider::ProviderError;
use crate::provider::digital_ocean::{self, Account, Call, Client, Timing, Token};
use crate::provider::reconcile::{Reconciliation, reconcile};
use crate::spec::DropletImage;

pub const EXAMPLES: &str = "\
The token is in the variable DIGITALOCEAN_TOKEN, or DIGITALOCEAN_ACCESS_TOKEN.

Examples:
  meshimg up cluster.yaml --dry-run                 what it would cost
  meshimg up cluster.yaml --dry-run --format json   each call with its body";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The cluster.yaml, with a section `digital-ocean`
    file: PathBuf,
    /// Make nothing, and show what would be made, each call that would be sent, and what it costs
    #[arg(long, required = true)]
    dry_run: bool,
    /// Text for people, or JSON for programs
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    interrupt::install()?;
    let wanted = load::droplets(&arguments.file, context)?;
    // Before anything is asked: what is too large is too large.
    for droplet in &wanted.droplets {
        crate::render::droplet_user_data(&wanted, droplet)?;
    }
    let client = client()?;
    let account = digital_ocean::survey(&client, &wanted).map_err(ProviderError::from)?;
    let found = reconcile(&wanted, account.named_vpc(&wanted), &account.droplets);
    let estimate = Estimate::new(&wanted, &account, &found)?;
    match arguments.format {
        Format::Json => output::print_json(&estimate)?,
        Format::Text => output::print(&text(&wanted, &estimate))?,
    }
    for note in &found.notes {
        context.ui.line(&note.to_string());
    }
    ProviderError::of(&account.problems(&wanted, &found.missing), &found.conflicts)?;
    Ok(())
}

/// Digital Ocean, with the token of the environment.
pub fn client() -> Result<Client, Error> {
    let token = Token::from_environment().map_err(ProviderError::from)?;
    Ok(Client::from_environment(token, Timing::default()).map_err(ProviderError::from)?)
}

/// What would be done, and what it costs.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Estimate {
    cluster: String,
    region: String,
    hosts: Vec<Host>,
    /// Droplets with the cluster's tag that are no host of the file, by number.
    left_over: Vec<u64>,
    /// Those that change something, in their order.
    calls: Vec<Call>,
    /// US dollars.
    price_monthly_new: f64,
    /// The same for all hosts of the file.
    price_monthly: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Host {
    name: String,
    size: String,
    image: DropletImage,
    /// `None`: it would be made.
    droplet: Option<u64>,
    /// US dollars; `None` where there is no such size.
    price_monthly: Option<f64>,
}

impl Estimate {
    fn new(wanted: &Droplets, account: &Account, found: &Reconciliation<'_>) -> Result<Self, Error> {
        let host = |plan: &DropletPlan| Host {
            name: plan.name.to_string(),
            size: plan.size.to_string(),
            image: plan.image.clone(),
            droplet: found.there.get(&plan.name).map(|droplet| droplet.id),
            price_monthly: account.price(plan),
        };
        let hosts: Vec<Host> = wanted.droplets.iter().map(host).collect();
        let total = |new_alone: bool| -> f64 {
            let counted = hosts.iter().filter(|host| !new_alone || host.droplet.is_none());
            counted.filter_map(|host| host.price_monthly).sum()
        };
        Ok(Self {
            cluster: wanted.cluster.to_string(),
            region: wanted.region.to_string(),
            left_over: found.left_over.iter().map(|droplet| droplet.id).collect(),
            calls: calls(wanted, account, found)?,
            price_monthly_new: total(true),
            price_monthly: total(false),
            hosts,
        })
    }
}

/// The calls that would change something.
fn calls(wanted: &Droplets, account: &Account, found: &Reconciliation<'_>) -> Result<Vec<Call>, Error> {
    let mut calls = Vec::new();
    if found.missing.is_empty() {
        return Ok(calls);
    }
    calls.push(digital_ocean::create_tag(&wanted.tag));
    if let Some(plan) = &wanted.firewall
        && account.own_firewall(&plan.name, wanted.tag.as_str()).is_none()
    {
        calls.push(digital_ocean::create_firewall(plan, &wanted.tag));
    }
    for plan in &found.missing {
        calls.push(digital_ocean::create_droplet(wanted, plan, account.named_vpc(wanted))?);
    }
    Ok(calls)
}

/// `6.00`, or a dash.
fn dollars(price: Option<f64>) -> String {
    price.map_or_else(|| "-".to_owned(), |price| format!("{price:.2}"))
}

fn text(wanted: &Droplets, estimate: &Estimate) -> String {
    let rows = estimate.hosts.iter().map(|host| {
        [
            host.name.clone(),
            host.size.clone(),
            match &host.image {
                DropletImage::Slug(slug) => slug.to_string(),
                DropletImage::Id(id) => id.to_string(),
            },
            host.droplet.map_or_else(|| "to be made".to_owned(), |id| id.to_string()),
            dollars(host.price_monthly),
        ]
    });
    let mut text = format!(
        "Cluster {} at Digital Ocean, region {}; nothing was made\n\n",
        wanted.cluster, wanted.region
    );
    text += &output::table(["Host", "Size", "Image", "Droplet", "USD a month"], rows);
    text += "\n";
    if estimate.calls.is_empty() {
        text += "All droplets are there: no call would change anything\n";
    } else {
        text += "Calls that would change something, in this order\n";
        for call in &estimate.calls {
            text += &format!("  {call}\n");
            let body = call.body.clone().map(shortened).unwrap_or_default();
            text += &format!("    {body}\n");
        }
        text += "then reading ones until all are active: GET /v2/actions/{id}, GET /v2/droplets/{id}\n";
    }
    let new = estimate.hosts.iter().filter(|host| host.droplet.is_none()).count();
    text += &format!(
        "\nPrice       {:.2} USD a month for {} to be made, {:.2} for all {}\n",
        estimate.price_monthly_new,
        counted(new, "droplet"),
        estimate.price_monthly,
        estimate.hosts.len()
    );
    if !estimate.left_over.is_empty() {
        let ids: Vec<String> = estimate.left_over.iter().map(ToString::to_string).collect();
        text += &format!(
            "Left over   droplets with the tag {} that are no host of the file: {}\n",
            wanted.tag,
            ids.join(", ")
        );
    }
    text
}

/// A body as a person reads it: of user-data, how long it is.
fn shortened(mut body: Value) -> String {
    if let Some(data) = body.get_mut("user_data") {
        let bytes = data.as_str().unwrap_or_default().len();
        *data = format!("({bytes} bytes)").into();
    }
    body.to_string()
}
