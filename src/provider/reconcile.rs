//! What is there and what is wanted, to what is to be done. Pure.

use std::collections::BTreeMap;

use super::digital_ocean::Droplet;
use crate::plan::{DropletPlan, Droplets};
use crate::spec::HostName;

/// What has to be made, and what is there.
#[derive(Debug, PartialEq, Eq)]
pub struct Reconciliation<'a> {
    /// By host, those that are there.
    pub there: BTreeMap<HostName, Droplet>,
    /// In the order of the hosts.
    pub missing: Vec<&'a DropletPlan>,
    /// With the cluster's tag, and with the name of no host: what was taken out of the file.
    pub left_over: Vec<Droplet>,
    /// Because of these nothing can be done.
    pub conflicts: Vec<Conflict>,
    /// What differs, and is left as it is.
    pub notes: Vec<Note>,
}

/// Why the droplets that are there can't be those of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    #[error(
        "{tag} has {} droplets with the name {name} ({}); destroy all but one of them",
        ids.len(),
        ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    Twice { tag: String, name: HostName, ids: Vec<u64> },
    #[error("{name} (droplet {id}) is in {found}, and the file says {wanted}; destroy it, or put `region: {found}` back")]
    Region {
        name: HostName,
        id: u64,
        found: String,
        wanted: String,
    },
    #[error("{name} (droplet {id}) is in the VPC {found}, and the file says {wanted}; destroy it, or put its VPC back")]
    Vpc {
        name: HostName,
        id: u64,
        found: String,
        wanted: String,
    },
    #[error("{name} (droplet {id}) is {status}; switch it on")]
    Status { name: HostName, id: u64, status: String },
}

/// What a droplet has, that the file says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    #[error("{name} (droplet {id}) has the size {found}, and the file says {wanted}; it stays as it is")]
    Size {
        name: HostName,
        id: u64,
        found: String,
        wanted: String,
    },
}

/// Compares `found`, all droplets of the account, with what is wanted. `vpc`: the UUID of the VPC that is wanted, where the file names one.
pub fn reconcile<'a>(wanted: &'a Droplets, vpc: Option<&str>, found: &[Droplet]) -> Reconciliation<'a> {
    let tag = wanted.tag.as_str();
    let own: Vec<&Droplet> = found.iter().filter(|droplet| droplet.has_tag(tag)).collect();
    let mut result = Reconciliation {
        there: BTreeMap::new(),
        missing: Vec::new(),
        left_over: Vec::new(),
        conflicts: Vec::new(),
        notes: Vec::new(),
    };
    for plan in &wanted.droplets {
        let same: Vec<&Droplet> = own.iter().copied().filter(|droplet| is(droplet, &plan.name)).collect();
        match same.as_slice() {
            [] => result.missing.push(plan),
            [one] => {
                result.conflicts.extend(conflicts(wanted, vpc, plan, one));
                if !one.size_slug.is_empty() && one.size_slug != plan.size.as_str() {
                    result.notes.push(Note::Size {
                        name: plan.name.clone(),
                        id: one.id,
                        found: one.size_slug.clone(),
                        wanted: plan.size.to_string(),
                    });
                }
                result.there.insert(plan.name.clone(), (*one).clone());
            }
            many => result.conflicts.push(Conflict::Twice {
                tag: tag.to_owned(),
                name: plan.name.clone(),
                ids: many.iter().map(|droplet| droplet.id).collect(),
            }),
        }
    }
    let is_wanted = |droplet: &Droplet| wanted.droplets.iter().any(|plan| is(droplet, &plan.name));
    result.left_over = own.into_iter().filter(|droplet| !is_wanted(droplet)).cloned().collect();
    result
}

/// Names are the same in whatever case.
fn is(droplet: &Droplet, name: &HostName) -> bool {
    droplet.name.eq_ignore_ascii_case(name.as_str())
}

fn conflicts(wanted: &Droplets, vpc: Option<&str>, plan: &DropletPlan, droplet: &Droplet) -> Vec<Conflict> {
    let (name, id) = (plan.name.clone(), droplet.id);
    let region = droplet.region.as_ref().filter(|region| region.slug != wanted.region.as_str());
    let region = region.map(|region| Conflict::Region {
        name: name.clone(),
        id,
        found: region.slug.clone(),
        wanted: wanted.region.to_string(),
    });
    let vpc = match (vpc, &droplet.vpc_uuid) {
        (Some(wanted), Some(found)) if !wanted.eq_ignore_ascii_case(found) => Some(Conflict::Vpc {
            name: name.clone(),
            id,
            found: found.clone(),
            wanted: wanted.to_owned(),
        }),
        _ => None,
    };
    let status = (!matches!(droplet.status.as_str(), "new" | "active" | "")).then(|| Conflict::Status {
        name,
        id,
        status: droplet.status.clone(),
    });
    [region, vpc, status].into_iter().flatten().collect()
}
