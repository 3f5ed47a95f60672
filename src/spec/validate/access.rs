//! Lists add up: those of the cluster come first. None is longer than a host's user-data could hold.

use std::collections::BTreeSet;

use super::Rules;
use crate::spec::diagnostic::{Code, Diagnostic};
use crate::spec::field::{Field, Placed};
use crate::spec::raw::{RawAccess, RawCluster, RawHost};
use crate::spec::raw_docker::RawDocker;
use crate::spec::types::{AuthorizedKey, PackageName, UserName};

fn values<T: Clone>(list: &Field<Vec<Field<T>>>) -> impl Iterator<Item = T> {
    let items = list.given().map_or(&[] as &[_], |list| &list.value);
    items.iter().filter_map(|item| item.given()).map(|item| item.value.clone())
}

/// Packages of cluster and host, sorted, each once.
pub(super) fn packages(cluster: &RawCluster, host: &RawHost) -> Vec<PackageName> {
    let mut packages: Vec<_> = values(&cluster.packages).chain(values(&host.packages)).collect();
    packages.sort();
    packages.dedup();
    packages
}

/// Keys of cluster and host in the order of the file, each once.
pub(super) fn authorized_keys(cluster: &RawCluster, host: &RawHost) -> Vec<AuthorizedKey> {
    let of_cluster = cluster.access.then(|access| &access.authorized_keys);
    let of_host = host.access.then(|access| &access.authorized_keys);
    let mut seen = BTreeSet::new();
    values(of_cluster)
        .chain(values(of_host))
        .filter(|key| seen.insert(key.clone()))
        .collect()
}

/// Most bytes of each of packages, authorized keys and daemon options. User-data with all of a host has at most 64 KiB; and what the
/// cluster says is copied for each of its hosts, so this also bounds memory.
const BYTES_MAX: usize = 16 * 1024;

/// Whether each list and map that hosts share has a size that can be copied for each; if not, that is reported.
pub(super) fn sizes_are_fine(rules: &mut Rules<'_>) -> bool {
    let cluster = rules.cluster;
    let mut problems = too_long(&cluster.packages, &cluster.access, &cluster.docker);
    for host in &rules.hosts {
        problems.extend(too_long(&host.keys.packages, &host.keys.access, &host.keys.docker));
    }
    let fine = problems.is_empty();
    rules.problems.extend(problems);
    fine
}

fn too_long(packages: &Field<Vec<Field<PackageName>>>, access: &Field<RawAccess>, docker: &Field<RawDocker>) -> Vec<Diagnostic> {
    fn judge<T>(field: &Placed<T>, bytes: usize) -> Option<Diagnostic> {
        let message = format!("this has {bytes} bytes, more than the {BYTES_MAX} there is room for in a host's user-data");
        (bytes > BYTES_MAX).then(|| {
            field.error(
                Code::TooLong,
                message,
                "keep what is needed at first boot, and install the rest later",
            )
        })
    }
    fn bytes_of<T>(list: &Placed<Vec<Field<T>>>, length: impl Fn(&T) -> usize) -> usize {
        list.value
            .iter()
            .filter_map(|item| item.given())
            .map(|item| length(&item.value) + 1)
            .sum()
    }
    let packages = packages
        .given()
        .and_then(|list| judge(list, bytes_of(list, |package| package.as_str().len())));
    let keys = access.then(|access| &access.authorized_keys).given();
    let keys = keys.and_then(|list| judge(list, bytes_of(list, |key| key.as_str().len())));
    let daemon = docker.then(|docker| &docker.daemon).given().and_then(|daemon| {
        let options = daemon.value.0.iter();
        judge(
            daemon,
            options.map(|(name, option)| name.len() + option.value.to_string().len() + 2).sum(),
        )
    });
    [packages, keys, daemon].into_iter().flatten().collect()
}

/// The user, root by default.
pub(super) fn user(cluster: &RawCluster, host: &RawHost) -> Option<UserName> {
    let user = host
        .access
        .then(|access| &access.user)
        .or(cluster.access.then(|access| &access.user));
    match user.given() {
        Some(user) => Some(user.value.clone()),
        None => "root".parse().ok(),
    }
}
