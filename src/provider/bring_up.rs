//! From droplets that are wanted to hosts that are proven: the order of the steps, and what becomes of those behind one that fails.
//!
//! ```text
//! create --Created--> plan with addresses --Hands::keep--> lock --arrive--> hosts that answer --apply--> as planned --verify--> report
//! ```
//! What is done on this machine and on hosts is the matter of [`Hands`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::ProviderError;
use super::digital_ocean::{Account, Client, Created, HostError, create};
use super::reconcile::Reconciliation;
use crate::error::Error;
use crate::exec::interrupt;
use crate::plan::{Droplets, Got, Plan, with_addresses};
use crate::remote::arrive::ArrivalError;
use crate::spec::{HostName, Spec};

/// What is to be brought up, and where.
pub struct Job<'a> {
    pub spec: &'a Spec,
    /// Of `spec`.
    pub wanted: &'a Droplets,
    pub client: &'a Client,
    pub account: &'a Account,
    pub found: &'a Reconciliation<'a>,
    /// Hears what each host waits for.
    pub say: &'a (dyn Fn(&HostName, &str) + Sync),
}

/// What is done once droplets are there.
pub trait Hands {
    /// Keeps the lock of `plan`, which has the addresses, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    fn keep(&mut self, plan: &Plan) -> Result<(), Error>;

    /// Waits until each of `droplets` answers to ssh and is done with its first boot.
    fn arrive(&mut self, plan: &Plan, droplets: &BTreeMap<HostName, Created>) -> BTreeMap<HostName, Result<(), ArrivalError>>;

    /// Brings `hosts` to what `plan` says, but for those that it gives back, which have to be left alone.
    ///
    /// # Errors
    /// That of the first host where something went wrong.
    fn apply(&mut self, plan: &Plan, hosts: &BTreeSet<HostName>) -> Result<Vec<(HostName, HostFailure)>, Error>;

    /// Proves that the mesh between `hosts` works, and reports.
    ///
    /// # Errors
    /// [`Error::Red`].
    fn verify(&mut self, plan: &Plan, hosts: &BTreeSet<HostName>) -> Result<(), Error>;
}

/// Why a host is not up.
#[derive(Debug, thiserror::Error)]
pub enum HostFailure {
    #[error(transparent)]
    Create(#[from] HostError),
    #[error("the file gives it the address {given}, and its droplet {droplet} has got {got}: leave `address` out, or write {got}")]
    Address { given: IpAddr, got: IpAddr, droplet: u64 },
    #[error(transparent)]
    Arrival(#[from] ArrivalError),
    #[error("it is left alone: {0}")]
    Refused(String),
    #[error("it cannot be asked: {0}")]
    NotAsked(String),
}

/// Makes the droplets that are missing, waits for all, and brings them to what the file says. One that fails keeps those from nothing that do not
/// need it: all are made; who has arrived is applied to and proven. Without the addresses of all nobody gets a mesh.
///
/// # Errors
/// [`ProviderError::Hosts`] with all that failed, or the first error of a step that is about all.
pub fn bring_up(job: &Job<'_>, hands: &mut dyn Hands) -> Result<(), Error> {
    let (droplets, failed) = make(job)?;
    stop_here()?;
    fail(job, failed, "no host was changed, as each has to know the addresses of all")?;
    let got = |created: &Created| Got {
        address: created.address,
        public: created.public_address,
    };
    let plan = with_addresses(
        job.spec,
        &droplets.iter().map(|(name, created)| (name.clone(), got(created))).collect(),
    )?;
    hands.keep(&plan)?;
    let (mut ready, mut failed) = (BTreeSet::new(), Vec::new());
    for (name, result) in hands.arrive(&plan, &droplets) {
        match result {
            Ok(()) => _ = ready.insert(name),
            Err(error) => failed.push((name, error.into())),
        }
    }
    stop_here()?;
    let done = finish(job, hands, &plan, &droplets, &ready, &mut failed);
    match done {
        Ok(()) if failed.len() == droplets.len() => fail(job, failed, "no mesh was made or changed"),
        Ok(()) => fail(job, failed, "the others are as planned, and proven without these"),
        // The report is printed already.
        Err(Error::Red { .. }) if !failed.is_empty() => fail(job, failed, "something is red on the others too; the report has it"),
        // What stopped all goes before what stopped one, which was told on the way.
        Err(error) => Err(error),
    }
}

/// All droplets with their addresses, and those that failed.
type Made = (BTreeMap<HostName, Created>, Vec<(HostName, HostFailure)>);

fn make(job: &Job<'_>) -> Result<Made, Error> {
    let mut results = create(job.client, job.wanted, job.account, job.found, job.say).map_err(ProviderError::from)?;
    let (mut droplets, mut failed) = (BTreeMap::new(), Vec::new());
    for plan in &job.wanted.droplets {
        let Some((name, result)) = results.remove_entry(&plan.name) else {
            continue;
        };
        match result {
            Err(error) => failed.push((name, error.into())),
            Ok(Created { id, address, .. }) if plan.address.is_some_and(|given| given != address) => {
                let given = plan.address.unwrap_or(address);
                let (got, droplet) = (address, id);
                failed.push((name, HostFailure::Address { given, got, droplet }));
            }
            Ok(created) => _ = droplets.insert(name, created),
        }
    }
    Ok((droplets, failed))
}

/// Applies to those that are ready, and proves them; who is left alone is added to `failed`.
fn finish(
    job: &Job<'_>,
    hands: &mut dyn Hands,
    plan: &Plan,
    droplets: &BTreeMap<HostName, Created>,
    ready: &BTreeSet<HostName>,
    failed: &mut Vec<(HostName, HostFailure)>,
) -> Result<(), Error> {
    let mut ready = ready.clone();
    // Whoever was made just now with all that it needs has it.
    let is_complete = |name: &HostName| job.wanted.complete.is_some() && droplets.get(name).is_some_and(|created| !created.was_there);
    let changed: BTreeSet<HostName> = ready.iter().filter(|name| !is_complete(name)).cloned().collect();
    if !changed.is_empty() {
        let alone = hands.apply(plan, &changed)?;
        ready.retain(|name| alone.iter().all(|(host, _)| host != name));
        failed.extend(alone);
        stop_here()?;
    }
    if ready.is_empty() {
        return Ok(());
    }
    hands.verify(plan, &ready)
}

fn fail(job: &Job<'_>, failed: Vec<(HostName, HostFailure)>, consequence: &'static str) -> Result<(), Error> {
    if failed.is_empty() {
        return Ok(());
    }
    let all = job.wanted.droplets.len();
    Err(ProviderError::Hosts { failed, all, consequence }.into())
}

/// After Ctrl-C nothing new is begun.
fn stop_here() -> Result<(), Error> {
    if interrupt::requested() { Err(Error::Interrupted) } else { Ok(()) }
}
