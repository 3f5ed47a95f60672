//! Droplets from nothing to active with an address. Whatever interrupts it, the next run goes on: each is looked for before it is made.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::calls::{Call, create_droplet, create_firewall, create_tag};
use super::check::Account;
use super::client::{AT_A_TIME, Client};
use super::error::ApiError;
use super::types::{ActionAnswer, Droplet, DropletAnswer, Firewall};
use crate::parallel;
use crate::plan::{DropletPlan, Droplets};
use crate::provider::reconcile::Reconciliation;
use crate::render::RenderError;
use crate::spec::HostName;
use crate::wait::{Look, WaitError};

/// How often a droplet is asked for that does not appear: each time no answer came.
const TRIES: u32 = 3;

/// A droplet that is active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    pub id: u64,
    /// In the VPC.
    pub address: IpAddr,
    /// On the Internet, by which it is reached from elsewhere.
    pub public_address: Option<IpAddr>,
    /// Whether it was there before.
    pub was_there: bool,
}

/// Why a droplet did not come to be active.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error(transparent)]
    Wait(#[from] WaitError),
    #[error("no answer came to {TRIES} requests for it, and it did not appear; run this again")]
    NeverAppeared,
}

/// Makes tag, firewall and the droplets that are missing, and waits for all of them. `say` hears what each host waits for. What came of each host,
/// by its name: one that fails keeps no other back.
///
/// # Errors
/// [`ApiError`] where not even tag or firewall can be made.
pub fn create(
    client: &Client,
    wanted: &Droplets,
    account: &Account,
    found: &Reconciliation<'_>,
    say: &(dyn Fn(&HostName, &str) + Sync),
) -> Result<BTreeMap<HostName, Result<Created, HostError>>, ApiError> {
    if !found.missing.is_empty() {
        // Before the droplets, so that none is ever without it.
        client.text(&create_tag(&wanted.tag))?;
        ensure_firewall(client, wanted, account)?;
    }
    let known: BTreeSet<u64> = account.droplets.iter().map(|droplet| droplet.id).collect();
    let one = One {
        client,
        wanted,
        vpc: account.named_vpc(wanted),
        known: &known,
        say,
    };
    let results = parallel::each(&wanted.droplets, AT_A_TIME, |plan| one.bring_up(plan, found.there.get(&plan.name)));
    Ok(wanted.droplets.iter().map(|plan| plan.name.clone()).zip(results).collect())
}

/// Makes the cloud firewall, unless it is there.
fn ensure_firewall(client: &Client, wanted: &Droplets, account: &Account) -> Result<(), ApiError> {
    let Some(plan) = &wanted.firewall else { return Ok(()) };
    if account.own_firewall(&plan.name, wanted.tag.as_str()).is_some() {
        return Ok(());
    }
    match client.text(&create_firewall(plan, &wanted.tag)) {
        // The list knows whether it was made; if not, the error stands, and the next run makes it.
        Err(error @ ApiError::Uncertain { .. }) => {
            let firewalls: Vec<Firewall> = client.list(None)?;
            let is_there = firewalls
                .iter()
                .any(|found| found.name == plan.name && found.covers(wanted.tag.as_str()));
            if is_there { Ok(()) } else { Err(error) }
        }
        other => other.map(|_| ()),
    }
}

/// The making of one droplet.
struct One<'a> {
    client: &'a Client,
    wanted: &'a Droplets,
    vpc: Option<&'a str>,
    /// Droplets that were there before.
    known: &'a BTreeSet<u64>,
    say: &'a (dyn Fn(&HostName, &str) + Sync),
}

impl One<'_> {
    fn bring_up(&self, plan: &DropletPlan, there: Option<&Droplet>) -> Result<Created, HostError> {
        let id = match there {
            Some(droplet) => droplet.id,
            None => self.make(plan)?,
        };
        let droplet = self.wait_until_active(plan, id)?;
        let address = self.wait_for_address(plan, &droplet)?;
        (self.say)(&plan.name, &format!("active, {address}"));
        Ok(Created {
            id,
            address,
            public_address: droplet.public_address(),
            was_there: there.is_some(),
        })
    }

    /// Asks for the droplet, until it is there, and waits for the end of the action. Its number.
    fn make(&self, plan: &DropletPlan) -> Result<u64, HostError> {
        let call = create_droplet(self.wanted, plan, self.vpc)?;
        for _ in 0..TRIES {
            (self.say)(&plan.name, "asked for");
            match self.client.call::<DropletAnswer>(&call) {
                Ok(answer) => {
                    if let Some(action) = answer.create_action() {
                        self.wait_for_action(plan, action)?;
                    }
                    return Ok(answer.droplet.id);
                }
                // It may be there: to ask again at once would make a second one.
                Err(ApiError::Uncertain { .. } | ApiError::Nonsense { .. }) => {
                    (self.say)(&plan.name, "no answer; looking for it");
                    if let Some(droplet) = self.appeared(plan)? {
                        return Ok(droplet.id);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(HostError::NeverAppeared)
    }

    /// The droplet that a request without an answer has made, if it appears in time.
    fn appeared(&self, plan: &DropletPlan) -> Result<Option<Droplet>, HostError> {
        let query = format!("name={}", plan.name);
        let is_it = |droplet: &Droplet| !self.known.contains(&droplet.id) && droplet.has_tag(self.wanted.tag.as_str());
        let found = self
            .client
            .wait_for(&format!("the droplet {} to appear", plan.name), self.client.timing.appear, || {
                let found = self.client.list::<Droplet>(Some(&query))?.into_iter().find(is_it);
                Ok(found.map_or_else(|| Look::Pending("it is not in the list".to_owned()), Look::Ready))
            });
        match found {
            Ok(droplet) => Ok(Some(droplet)),
            Err(HostError::Wait(WaitError::Deadline { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn wait_for_action(&self, plan: &DropletPlan, action: u64) -> Result<(), HostError> {
        (self.say)(&plan.name, "being made");
        let call = Call::get(format!("/v2/actions/{action}"));
        let what = format!("the end of action {action}, which makes {}", plan.name);
        self.client.wait_for(&what, self.client.timing.active, || {
            Ok(match self.client.call::<ActionAnswer>(&call)?.action {
                action if action.status == "completed" => Look::Ready(()),
                action if action.status == "errored" => Look::Gone(format!(
                    "Digital Ocean could not {} it; destroy it, and run this again",
                    action.kind
                )),
                action => Look::Pending(action.status),
            })
        })
    }

    fn wait_until_active(&self, plan: &DropletPlan, id: u64) -> Result<Droplet, HostError> {
        (self.say)(&plan.name, "waiting until it is active");
        let what = format!("{} (droplet {id}) to be active", plan.name);
        self.client.wait_for(&what, self.client.timing.active, || {
            let droplet = self.droplet(id)?;
            Ok(match droplet.status.as_str() {
                "active" => Look::Ready(droplet),
                other => Look::Pending(format!("status {other}")),
            })
        })
    }

    /// It is there together with `active` as a rule.
    fn wait_for_address(&self, plan: &DropletPlan, droplet: &Droplet) -> Result<IpAddr, HostError> {
        if let Some(address) = droplet.private_address() {
            return Ok(address);
        }
        let what = format!("an address of {} (droplet {}) in a VPC", plan.name, droplet.id);
        self.client.wait_for(&what, self.client.timing.appear, || {
            Ok(match self.droplet(droplet.id)?.private_address() {
                Some(address) => Look::Ready(address),
                None => Look::Pending("it is active without one: is it in a VPC?".to_owned()),
            })
        })
    }

    fn droplet(&self, id: u64) -> Result<Droplet, ApiError> {
        Ok(self.client.call::<DropletAnswer>(&Call::get(format!("/v2/droplets/{id}")))?.droplet)
    }
}
