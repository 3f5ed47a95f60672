//! What there is of a cluster at Digital Ocean, and what it costs, whatever came of a run.

use std::path::Path;

use crate::error::counted;
use crate::plan::{Droplets, firewall_name};
use crate::provider::digital_ocean::{self, Account, ApiError, Client, Droplet};

/// All that has the cluster's tag, as it is now.
pub struct Standing<'a> {
    wanted: &'a Droplets,
    account: &'a Account,
    file: &'a Path,
    droplets: Result<Vec<Droplet>, ApiError>,
}

/// Asks what there is.
pub fn standing<'a>(client: &Client, wanted: &'a Droplets, account: &'a Account, file: &'a Path) -> Standing<'a> {
    let own = digital_ocean::own(client, &wanted.tag, &firewall_name(&wanted.cluster));
    Standing {
        wanted,
        account,
        file,
        droplets: own.map(|own| own.droplets),
    }
}

impl Standing<'_> {
    /// Whether it is known that there is nothing that costs money.
    pub fn is_nothing(&self) -> bool {
        self.droplets.as_ref().is_ok_and(Vec::is_empty)
    }

    /// What is there, and what to do next. `is_done`: all is up.
    pub fn text(&self, is_done: bool) -> String {
        let file = self.file.display();
        let go_on = if is_done {
            String::new()
        } else {
            format!("to go on: meshimg up {file}; ")
        };
        let next = format!("{go_on}to destroy them: meshimg down {file}");
        let droplets = match &self.droplets {
            Ok(droplets) => droplets,
            Err(error) => {
                return format!("Droplets    what is there and costs money is not known: {error}\n            {next}\n");
            }
        };
        let hosts = droplets.iter().filter(|droplet| self.is_host(droplet)).count();
        let prices = droplets.iter().map(|droplet| self.account.price_of(&droplet.size_slug));
        let unknown = if prices.clone().any(|price| price.is_none()) {
            "at least "
        } else {
            ""
        };
        let mut text = format!(
            "Droplets    {hosts} of {} are there; {unknown}{:.2} USD a month as long as they are, used or not\n            {next}\n",
            counted(self.wanted.droplets.len(), "host"),
            prices.flatten().sum::<f64>()
        );
        let others = droplets.iter().filter(|droplet| !self.is_host(droplet));
        let others: Vec<String> = others.map(|droplet| format!("{} ({})", droplet.name, droplet.id)).collect();
        if !others.is_empty() {
            text += &format!(
                "Left over   no host of the file, and paid for: {}; `doctl compute droplet delete` with the number\n",
                others.join(", ")
            );
        }
        text
    }

    fn is_host(&self, droplet: &Droplet) -> bool {
        let mut hosts = self.wanted.droplets.iter();
        hosts.any(|plan| droplet.name.eq_ignore_ascii_case(plan.name.as_str()))
    }
}
