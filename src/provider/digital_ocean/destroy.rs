//! What meshimg has made for a cluster, and its end.

use super::calls::Call;
use super::client::{AT_A_TIME, Client};
use super::error::ApiError;
use super::types::{Droplet, Firewall};
use crate::parallel;
use crate::spec::Tag;
use crate::wait::{Look, WaitError};

/// Everything with the tag of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    pub tag: Tag,
    pub droplets: Vec<Droplet>,
    pub firewalls: Vec<Firewall>,
}

impl Own {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.droplets.is_empty() && self.firewalls.is_empty()
    }
}

/// Something that was to be destroyed, and what came of it.
pub type Destroyed = (String, Result<(), DestroyError>);

/// Why something is still there.
#[derive(Debug, thiserror::Error)]
pub enum DestroyError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Wait(#[from] WaitError),
}

/// What has exactly this tag, and the cloud firewall of that name before it.
///
/// # Errors
/// [`ApiError`].
pub fn own(client: &Client, tag: &Tag, firewall: &str) -> Result<Own, ApiError> {
    let droplets: Vec<Droplet> = client.list(Some(&format!("tag_name={tag}")))?;
    let firewalls: Vec<Firewall> = client.list(None)?;
    Ok(Own {
        tag: tag.clone(),
        // Tags are found in whatever case; only the exact one is ours.
        droplets: droplets.into_iter().filter(|droplet| droplet.has_tag(tag.as_str())).collect(),
        firewalls: firewalls
            .into_iter()
            .filter(|found| found.name == firewall && found.covers(tag.as_str()))
            .collect(),
    })
}

/// Destroys all of it, droplets first; each step is tried, whatever came of the others.
pub fn destroy(client: &Client, own: &Own) -> Vec<Destroyed> {
    let mut results: Vec<Destroyed> = parallel::each(&own.droplets, AT_A_TIME, |droplet| {
        let call = Call::delete(format!("/v2/droplets/{}", droplet.id), droplet.name.clone());
        (format!("{} (droplet {})", droplet.name, droplet.id), gone(client.text(&call)))
    });
    results.sort_by(|(a, _), (b, _)| a.cmp(b));
    if results.iter().all(|(_, result)| result.is_ok()) {
        results.push(("all of them".to_owned(), wait_until_gone(client, &own.tag)));
    }
    for firewall in &own.firewalls {
        let call = Call::delete(format!("/v2/firewalls/{}", firewall.id), firewall.name.clone());
        results.push((format!("cloud firewall {}", firewall.name), gone(client.text(&call))));
    }
    // A tag of what is still there is the way to find it.
    if results.iter().all(|(_, result)| result.is_ok()) {
        let call = Call::delete(format!("/v2/tags/{}", own.tag), own.tag.to_string());
        results.push((format!("tag {}", own.tag), gone(client.text(&call))));
    }
    results
}

/// What is not there needs no destroying.
fn gone(result: Result<String, ApiError>) -> Result<(), DestroyError> {
    match result {
        Ok(_) | Err(ApiError::Refused { status: 404, .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn wait_until_gone(client: &Client, tag: &Tag) -> Result<(), DestroyError> {
    let query = format!("tag_name={tag}");
    client.wait_for("droplets to be gone", client.timing.active, || {
        let droplets = client.list::<Droplet>(Some(&query))?;
        Ok(match droplets.iter().filter(|droplet| droplet.has_tag(tag.as_str())).count() {
            0 => Look::Ready(()),
            count => Look::Pending(format!("{count} are still there")),
        })
    })
}
