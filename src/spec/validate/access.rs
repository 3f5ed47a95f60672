//! Lists add up: those of the cluster come first.

use crate::spec::field::Field;
use crate::spec::raw::{RawCluster, RawHost};
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
    let mut keys: Vec<AuthorizedKey> = Vec::new();
    for key in values(of_cluster).chain(values(of_host)) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
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
