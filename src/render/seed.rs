//! The small disk that a machine without a provider reads its cloud-init data from.

use std::collections::BTreeMap;

use super::{Artifact, Artifacts};
use crate::image::{SeedError, nocloud};

/// Adds `<host>/seed.img`, a NoCloud volume of all the host's files, for each host.
///
/// # Errors
/// [`SeedError`] when a volume can't hold its files.
pub fn with_seeds(mut artifacts: Artifacts) -> Result<Artifacts, SeedError> {
    let mut hosts: BTreeMap<String, BTreeMap<&str, &[u8]>> = BTreeMap::new();
    for (path, artifact) in &artifacts.0 {
        if let Some((host, name)) = path.split_once('/') {
            hosts.entry(host.to_owned()).or_default().insert(name, &artifact.bytes);
        }
    }
    let seeds: Vec<(String, Vec<u8>)> = hosts
        .into_iter()
        .map(|(host, files)| Ok((format!("{host}/seed.img"), nocloud(&files)?)))
        .collect::<Result<_, SeedError>>()?;
    for (path, bytes) in seeds {
        artifacts.0.insert(path, Artifact { bytes, secret: false });
    }
    Ok(artifacts)
}
