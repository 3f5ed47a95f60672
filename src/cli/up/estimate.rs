//! What would be made, and what it costs.

use serde::Serialize;
use serde_json::Value;

use crate::cli::output;
use crate::error::{Error, counted};
use crate::plan::{DropletPlan, Droplets};
use crate::provider::digital_ocean::{self, Account, Call};
use crate::provider::reconcile::Reconciliation;
use crate::spec::DropletImage;

/// What would be done, and what it costs.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Estimate {
    cluster: String,
    region: String,
    hosts: Vec<Host>,
    /// Droplets with the cluster's tag that are no host of the file, by number.
    left_over: Vec<u64>,
    /// Those that change something, in their order.
    calls: Vec<Call>,
    /// US dollars.
    pub price_monthly_new: f64,
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
    /// Of the account as it is.
    ///
    /// # Errors
    /// User-data that is too large.
    pub fn new(wanted: &Droplets, account: &Account, found: &Reconciliation<'_>) -> Result<Self, Error> {
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

/// All of it for people; `calls` too, where that is all that is done.
pub fn text(wanted: &Droplets, estimate: &Estimate, calls: bool) -> String {
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
    let nothing = if calls { "; nothing was made" } else { "" };
    let mut text = format!("Cluster {} at Digital Ocean, region {}{nothing}\n\n", wanted.cluster, wanted.region);
    text += &output::table(["Host", "Size", "Image", "Droplet", "USD a month"], rows);
    if calls {
        text += &format!("\n{}", of_calls(&estimate.calls));
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

fn of_calls(calls: &[Call]) -> String {
    if calls.is_empty() {
        return "All droplets are there: no call would change anything\n".to_owned();
    }
    let mut text = "Calls that would change something, in this order\n".to_owned();
    for call in calls {
        text += &format!("  {call}\n");
        let body = call.body.clone().map(shortened).unwrap_or_default();
        text += &format!("    {body}\n");
    }
    text + "then reading ones until all are active: GET /v2/actions/{id}, GET /v2/droplets/{id}\n"
}

/// A body as a person reads it: of user-data, how long it is.
fn shortened(mut body: Value) -> String {
    if let Some(data) = body.get_mut("user_data") {
        let bytes = data.as_str().unwrap_or_default().len();
        *data = format!("({bytes} bytes)").into();
    }
    body.to_string()
}
