//! The rules of a cluster.yaml: a [`RawSpec`] to a [`Spec`], or to all that is wrong with it.

mod access;
mod containers;
mod digital_ocean;
mod docker;
mod fabric;
mod hosts;
mod interfaces;
mod lock;
mod mesh;
mod open_vswitch;
mod topology;
mod underlay;

use std::collections::BTreeSet;

pub(super) use topology::SURVIVE_MAX;

use super::diagnostic::{Code, Diagnostic, Severity, in_order};
use super::field::{Field, Placed};
use super::raw::{RawCluster, RawHost, RawSpec};
use super::raw_lock::{LockFile, parse_lock};
use super::types::{Fabric, HostName, HostSpec, LoopProtection, Os, Spec, Timers, Tunnel};

/// What the rules look at, and what they found so far.
struct Rules<'a> {
    cluster: &'a RawCluster,
    /// Items of `hosts` that are maps, with their number from 1.
    hosts: Vec<Host<'a>>,
    lock: Option<&'a LockFile>,
    addresses: underlay::Addresses,
    problems: Vec<Diagnostic>,
}

/// One readable item of `hosts`.
#[derive(Clone, Copy)]
struct Host<'a> {
    /// Place in the list, from 1.
    number: u32,
    keys: &'a RawHost,
}

impl<'a> Rules<'a> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.problems.push(diagnostic);
    }

    /// How many items the list has, unreadable ones included.
    fn host_count(&self) -> u32 {
        let count = self.cluster.hosts.given().map_or(0, |hosts| hosts.value.len());
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// The host's name for a message.
    fn name_of(host: Host<'a>) -> String {
        host.keys
            .name
            .given()
            .map_or_else(|| format!("host number {}", host.number), |name| name.value.to_string())
    }
}

/// The value of a field with a default.
fn value_or<T: Copy>(field: &Field<T>, default: T) -> T {
    field.given().map_or(default, |placed| placed.value)
}

/// The value as a `T`, or `None` after the range was reported.
pub(super) fn in_range<T: TryFrom<i64>>(
    problems: &mut Vec<Diagnostic>,
    code: Code,
    field: &Placed<i64>,
    least: i64,
    most: i64,
    help: &str,
) -> Option<T> {
    let value = (least..=most)
        .contains(&field.value)
        .then(|| T::try_from(field.value).ok())
        .flatten();
    if value.is_none() {
        problems.push(field.error(code, format!("{} is not from {least} to {most}", field.value), help));
    }
    value
}

/// Judges what was read.
///
/// # Errors
/// All problems in the order of the file, warnings included, if at least one is an error. Otherwise the warnings come with the
/// [`Spec`].
pub fn validate(raw: &RawSpec) -> Result<(Spec, Vec<Diagnostic>), Vec<Diagnostic>> {
    judge(raw, None)
}

fn judge(raw: &RawSpec, lock: Option<&LockFile>) -> Result<(Spec, Vec<Diagnostic>), Vec<Diagnostic>> {
    let cluster = &raw.keys;
    let items = cluster.hosts.given().map_or(&[] as &[_], |hosts| &hosts.value);
    let readable = items.iter().zip(1..).filter_map(|(item, number)| {
        let keys = &item.given()?.value;
        Some(Host { number, keys })
    });
    let hosts: Vec<Host<'_>> = readable.collect();
    let addresses = hosts
        .iter()
        .filter_map(|host| host.keys.address.given())
        .map(|address| address.value);
    let mut rules = Rules {
        cluster,
        addresses: underlay::Addresses::new(addresses),
        hosts,
        lock,
        problems: raw.problems.clone(),
    };
    let spec = build(&mut rules);
    let problems = in_order(rules.problems);
    match spec {
        Some(spec) if problems.iter().all(|problem| problem.severity == Severity::Warning) => Ok((spec, problems)),
        _ => Err(problems),
    }
}

/// [`super::parse()`], then [`validate`].
///
/// # Errors
/// All problems in the order of the file.
pub fn load(bytes: &[u8]) -> Result<(Spec, Vec<Diagnostic>), Vec<Diagnostic>> {
    load_with_lock(bytes, None)
}

/// As [`load`], with the content of the cluster.lock.yaml beside the file, if there is one.
///
/// # Errors
/// All problems, those of the file and then those of the lock.
pub fn load_with_lock(bytes: &[u8], lock: Option<&[u8]>) -> Result<(Spec, Vec<Diagnostic>), Vec<Diagnostic>> {
    let file = super::parse::parse(bytes);
    match lock.map(parse_lock) {
        None => judge(&file?, None),
        Some(Ok(lock)) => judge(&file?, Some(&lock)),
        Some(Err(problems)) => {
            let about_file = match file.and_then(|raw| judge(&raw, None)) {
                Ok((_, warnings)) => warnings,
                Err(problems) => problems,
            };
            Err(in_order([about_file, problems].concat()))
        }
    }
}

/// As [`load_with_lock`], of a file without the lines of `hosts`.
///
/// # Errors
/// As [`load_with_lock`]; places are those of the whole file.
pub fn load_without(bytes: &[u8], lock: &[u8], hosts: &BTreeSet<HostName>) -> Result<(Spec, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut raw = super::parse::parse(bytes)?;
    raw.remove_hosts(hosts);
    judge(&raw, Some(&parse_lock(lock)?))
}

/// Runs every rule; `None` if a value is missing, which is reported already.
fn build(rules: &mut Rules<'_>) -> Option<Spec> {
    let cluster = rules.cluster;
    hosts::check(rules);
    let tunnel = value_or(cluster.mesh.then(|mesh| &mesh.tunnel), Tunnel::Gre);
    let loop_protection = value_or(cluster.mesh.then(|mesh| &mesh.loop_protection), LoopProtection::Rstp);
    let fabric = fabric::of(cluster);
    let underlay_mtu = underlay::mtu(rules, tunnel, fabric);
    let underlays: Vec<_> = rules
        .hosts
        .clone()
        .into_iter()
        .map(|host| underlay::interface(rules, host))
        .collect();
    interfaces::check(rules);
    let containers = containers::check(rules);
    let timers = match fabric {
        Fabric::SpanningTree => mesh::check(rules, loop_protection),
        Fabric::Direct => {
            fabric::check_direct(rules);
            Some(Timers::default())
        }
    };
    let topology = topology::read(rules);
    let droplets = digital_ocean::check(rules, tunnel, containers.as_ref().map(|containers| containers.subnet));
    docker::check(rules);
    let apis: Vec<_> = rules.hosts.clone().into_iter().map(|host| docker::api(rules, host)).collect();
    open_vswitch::check(rules);
    let switches: Vec<_> = rules
        .hosts
        .clone()
        .into_iter()
        .map(|host| open_vswitch::source(rules, host))
        .collect();
    if !access::sizes_are_fine(rules) {
        return None;
    }

    let mut hosts = Vec::new();
    let parts = rules.hosts.iter().zip(underlays).zip(apis).zip(switches);
    for (((host, underlay_interface), docker_api), open_vswitch) in parts {
        let keys = host.keys;
        let os = value_or(keys.os.or(&cluster.os), Os::Debian13);
        hosts.push(HostSpec {
            name: keys.name.given()?.value.clone(),
            address: digital_ocean::address(rules, *host)?,
            site: match &keys.site {
                Field::Broken => return None,
                site => site.given().map(|site| site.value.clone()),
            },
            os,
            network: value_or(keys.network.or(&cluster.network), digital_ocean::usual_network(rules, *host, os)),
            underlay_interface,
            mesh_bridge: interfaces::mesh_bridge(cluster, keys)?,
            priority: mesh::priority(keys),
            bfd: mesh::bfd(&mut rules.problems, cluster, keys)?,
            container_bridge: interfaces::container_bridge(cluster, keys)?,
            container_address: keys
                .containers
                .then(|containers| &containers.address)
                .given()
                .map(|address| address.value),
            slice: keys
                .containers
                .then(|containers| &containers.slice)
                .given()
                .map(|slice| slice.value.0),
            docker_daemon: docker::daemon(cluster, keys),
            docker_api: docker_api?,
            packages: access::packages(cluster, keys),
            archive: keys.archive.or(&cluster.archive).given().map(|archive| archive.value.clone()),
            open_vswitch: open_vswitch?,
            user: access::user(cluster, keys)?,
            authorized_keys: access::authorized_keys(cluster, keys),
        });
    }
    let containers = containers?;
    let (topology, survive) = topology?;
    let spec = Spec {
        name: cluster.name.given()?.value.clone(),
        hosts,
        underlay_mtu: underlay_mtu?,
        subnet: containers.subnet,
        first_address: cluster
            .containers
            .then(|containers| &containers.first_address)
            .given()
            .map(|address| address.value),
        capacity: containers.capacity,
        tunnel,
        topology,
        survive,
        fabric,
        loop_protection,
        timers: timers?,
        root: cluster.mesh.then(|mesh| &mesh.root).given().map(|host| host.value.clone()),
        stand_in: cluster.mesh.then(|mesh| &mesh.stand_in).given().map(|host| host.value.clone()),
        digital_ocean: droplets?,
        lock: rules.lock.map(|file| file.lock.clone()),
    };
    if fabric == Fabric::SpanningTree {
        mesh::check_stand_in(rules, &spec);
    }
    topology::check(rules, &spec);
    Some(spec)
}
