//! Rules of the topology: that links have ends, that they survive what they are to survive, and that the tree on them is not too deep.

use std::collections::{BTreeMap, BTreeSet};

use super::hosts::check_links;
use super::{Rules, in_range};
use crate::plan::direct::FABRIC;
use crate::plan::spanning_tree::{self, FORWARD_DELAY, MAX_AGE, STP_DEPTH_MAX, shortest_forward_delay};
use crate::plan::{Proof, Shape, shape};
use crate::spec::diagnostic::{Code, Diagnostic, Severity};
use crate::spec::field::{Field, Placed};
use crate::spec::nearest::nearest;
use crate::spec::raw_topology::{LinkEnds, RawTopology};
use crate::spec::types::{Fabric, HostName, LoopProtection, Spec, Topology, TopologyWord};

/// Up to this many hosts each is linked to each unless the file says otherwise.
const FULL_HOSTS_MAX: u32 = 8;

/// The most that `survive` takes: more fail together for reasons that links don't help against.
pub(in crate::spec) const SURVIVE_MAX: i64 = 7;

/// Ports of a bridge that take part in STP (`STP_MAX_PORTS`, lib/stp.h of Open vSwitch) and in RSTP (`RSTP_MAX_PORTS`, lib/rstp.h).
const STP_PORTS_MAX: u32 = 255;
const RSTP_PORTS_MAX: u32 = 4095;

/// Beyond this many hosts one layer-2 network is the wrong thing: with some 30 containers each they fill the MAC table of Open vSwitch.
const DOMAIN_HOSTS: u32 = 256;
/// Containers per host in what is said of a large network.
const CONTAINERS_EACH: u32 = 30;
/// Entries of a bridge's MAC table (`mac-table-size` in ovs-vswitchd.conf.db(5)).
const MAC_TABLE: u32 = 8192;

fn is_direct(rules: &Rules<'_>) -> bool {
    super::fabric::of(rules.cluster) == Fabric::Direct
}

/// What the file says of the links: the topology, and how many failures to survive. `None` where something is wrong, which is reported.
pub(super) fn read(rules: &mut Rules<'_>) -> Option<(Topology, u32)> {
    let mesh = &rules.cluster.mesh;
    let (topology, hubs) = (mesh.then(|mesh| &mesh.topology), mesh.then(|mesh| &mesh.hubs));
    let survive = survive(rules);
    if topology.is_broken() || hubs.is_broken() {
        return None;
    }
    let word = match topology.given().map(|given| &given.value) {
        // A direct fabric passes a frame on only once.
        None if is_direct(rules) => Some(TopologyWord::Full),
        None => Some(super::lock::usual_topology(rules, FULL_HOSTS_MAX)),
        Some(RawTopology::Word(word)) => Some(*word),
        Some(RawTopology::Links(_)) => None,
    };
    if let (Some(hubs), true) = (hubs.given(), word != Some(TopologyWord::Hub)) {
        let help = "write `topology: hub`, or remove `hubs`";
        rules.report(hubs.error(Code::MeshHubs, "hubs are for the topology `hub` alone", help));
        return None;
    }
    let topology = match (word, topology.given()) {
        (Some(TopologyWord::Full), _) => Topology::Full,
        (Some(TopologyWord::Ring), _) => Topology::Ring,
        (Some(TopologyWord::Sparse), _) => Topology::Sparse,
        (Some(TopologyWord::Hub), given) => Topology::Hub(hub_names(rules, given.map(|given| (given.path.as_str(), given.place)), hubs)?),
        (
            None,
            Some(Placed {
                value: RawTopology::Links(links),
                ..
            }),
        ) => Topology::Links(link_names(rules, &links.links)?),
        (None, _) => return None,
    };
    Some((topology, survive?))
}

fn survive(rules: &mut Rules<'_>) -> Option<u32> {
    let field = rules.cluster.mesh.then(|mesh| &mesh.survive);
    let most = i64::from(rules.host_count().saturating_sub(2)).min(SURVIVE_MAX);
    match field {
        Field::Absent => Some(u32::from(most > 0)),
        Field::Broken => None,
        Field::Given(given) => {
            let help = format!("give how many hosts or links may fail at once, from 0 to {most}: two hosts must be left to be connected");
            in_range(&mut rules.problems, Code::MeshSurvive, given, 0, most, &help)
        }
    }
}

/// What is wrong if `name` is no host's. With an unreadable name in the list, an unknown one may be that.
fn unknown(rules: &Rules<'_>, names: &BTreeSet<&str>, name: &Placed<HostName>) -> Option<Diagnostic> {
    if names.contains(name.value.as_str()) || names.len() < rules.host_count() as usize {
        return None;
    }
    let help = match nearest(name.value.as_str(), names.iter().copied()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => "give the name of a host in `hosts`".to_owned(),
    };
    Some(name.error(Code::MeshUnknownHost, format!("there is no host '{}'", name.value), help))
}

fn names<'a>(rules: &Rules<'a>) -> BTreeSet<&'a str> {
    let given = rules.hosts.iter().filter_map(|host| host.keys.name.given());
    given.map(|name| name.value.as_str()).collect()
}

fn hub_names(
    rules: &mut Rules<'_>,
    topology: Option<(&str, crate::spec::node::Place)>,
    hubs: &Field<Vec<Field<HostName>>>,
) -> Option<Vec<HostName>> {
    let list = hubs.given().map_or(&[] as &[_], |hubs| &hubs.value);
    if list.is_empty() {
        let (path, place) = hubs.given().map(|hubs| (hubs.path.as_str(), hubs.place)).or(topology)?;
        let help = "name at least one host, better two: `hubs: [host1, host2]`";
        rules.report(Diagnostic::error(
            Code::MeshHubs,
            path,
            place,
            "the topology `hub` needs hubs",
            help,
        ));
        return None;
    }
    let known = names(rules);
    let mut firsts: BTreeMap<&str, &Placed<HostName>> = BTreeMap::new();
    let mut problems = Vec::new();
    for hub in list.iter().filter_map(Field::given) {
        problems.extend(unknown(rules, &known, hub));
        if let Some(first) = firsts.insert(hub.value.as_str(), hub) {
            let problem = hub.error(
                Code::MeshHubs,
                format!("the hub '{}' is given twice", hub.value),
                "keep one of the two",
            );
            problems.push(problem.with_related(first.place, "first given here"));
        }
    }
    let broken = !problems.is_empty() || list.iter().any(Field::is_broken);
    rules.problems.extend(problems);
    let hubs = list.iter().filter_map(Field::given).map(|hub| hub.value.clone());
    (!broken).then(|| hubs.collect())
}

fn link_names(rules: &mut Rules<'_>, links: &Field<Vec<Field<LinkEnds>>>) -> Option<Vec<[HostName; 2]>> {
    let list = &links.given()?.value;
    let known = names(rules);
    let mut firsts: BTreeMap<[&HostName; 2], &Placed<LinkEnds>> = BTreeMap::new();
    let mut problems = Vec::new();
    for link in list.iter().filter_map(Field::given) {
        let LinkEnds([a, b]) = &link.value;
        problems.extend([a, b].into_iter().filter_map(|name| unknown(rules, &known, name)));
        if a.value == b.value {
            let message = format!("'{}' is linked to itself", a.value);
            problems.push(link.error(Code::MeshLink, message, "a link has two different hosts"));
            continue;
        }
        let key = if a.value < b.value {
            [&a.value, &b.value]
        } else {
            [&b.value, &a.value]
        };
        if let Some(first) = firsts.get(&key) {
            let message = format!("the link of '{}' and '{}' is given twice", a.value, b.value);
            let problem = link.error(
                Code::MeshLink,
                message,
                "keep one of the two: two links between two hosts fail together",
            );
            problems.push(problem.with_related(first.place, "first given here"));
        } else {
            firsts.insert(key, link);
        }
    }
    let broken = !problems.is_empty() || list.iter().any(Field::is_broken);
    rules.problems.extend(problems);
    let links = list
        .iter()
        .filter_map(Field::given)
        .map(|link| link.value.0.each_ref().map(|end| end.value.clone()));
    (!broken).then(|| links.collect())
}

/// What only the links of all hosts together show.
pub(super) fn check(rules: &mut Rules<'_>, spec: &Spec) {
    // What is too much is told by the rules of the hosts; its links would not fit into memory.
    let hosts = rules.host_count();
    if hosts < 2 {
        return;
    }
    match &spec.topology {
        Topology::Full if u64::from(hosts) * (u64::from(hosts) - 1) / 2 > super::hosts::LINKS_MAX.into() => return,
        Topology::Hub(hubs) if !check_links(rules, hubs.len() as u64 * u64::from(hosts), "these hubs") => return,
        _ => {}
    }
    if spec.hosts.len() != hosts as usize || rules.problems.iter().any(|problem| problem.code == Code::HostsDuplicateName) {
        return;
    }
    // Of many hosts this takes a while, and there is enough to do already.
    let errors = rules.problems.iter().any(|problem| problem.severity == Severity::Error);
    if errors && hosts > DOMAIN_HOSTS {
        return;
    }
    let shape = shape(spec);
    if !matches!(spec.topology, Topology::Full) && !check_links(rules, shape.links.len() as u64, "this topology") {
        return;
    }
    let connected = check_connected(rules, spec, &shape);
    match spec.fabric {
        Fabric::Direct if connected => super::fabric::check_reach(rules, spec, &shape.links, at_topology(rules)),
        Fabric::Direct => {}
        Fabric::SpanningTree => {
            check_ports(rules, spec, &shape);
            if connected {
                check_depth(rules, spec, &shape);
            }
        }
    }
    check_size(rules, spec, &shape);
}

/// At `mesh.topology`, or at the list of hosts where the file does not say one.
fn at_topology(rules: &Rules<'_>) -> Option<(String, crate::spec::node::Place)> {
    let topology = rules.cluster.mesh.then(|mesh| &mesh.topology).given();
    let list = rules.cluster.hosts.given();
    topology
        .map(|field| (field.path.clone(), field.place))
        .or(list.map(|list| (list.path.clone(), list.place)))
}

fn check_ports(rules: &mut Rules<'_>, spec: &Spec, shape: &Shape) {
    let (most, name) = match spec.loop_protection {
        LoopProtection::Stp => (STP_PORTS_MAX, "stp"),
        LoopProtection::Rstp => (RSTP_PORTS_MAX, "rstp"),
    };
    let links = shape.figures.most_links_per_host;
    if links > most && !matches!(spec.topology, Topology::Full) {
        let Some((path, place)) = at_topology(rules) else { return };
        let message = format!("a host needs {links} links, more than the {most} ports of a bridge under {name}");
        let help = "choose `topology: sparse`, or list fewer hosts";
        rules.report(Diagnostic::error(Code::HostsTooMany, &path, place, message, help));
    }
}

fn check_connected(rules: &mut Rules<'_>, spec: &Spec, shape: &Shape) -> bool {
    let Some((path, place)) = at_topology(rules) else { return false };
    if let Some(first) = shape.cut_off.first() {
        let host = rules.hosts.get(*first).and_then(|host| host.keys.name.given());
        let name = &spec.hosts[*first].name;
        let message = match shape.cut_off.len() {
            1 => format!("no links lead from '{}' to '{name}'", spec.hosts[0].name),
            count => format!(
                "no links lead from '{}' to {count} hosts, '{name}' the first of them",
                spec.hosts[0].name
            ),
        };
        let help = format!("add a link of '{name}' and a host that '{}' reaches", spec.hosts[0].name);
        let problem = Diagnostic::error(Code::MeshCutOff, &path, place, message, help);
        rules.report(match host {
            Some(host) => problem.with_related(host.place, "cut off"),
            None => problem,
        });
        return false;
    }
    let connectivity = shape.figures.connectivity;
    if connectivity.value > spec.survive {
        return true;
    }
    let failures = |count: u32| {
        if count == 1 {
            "1 host or link".to_owned()
        } else {
            format!("{count} hosts or links")
        }
    };
    let known = if connectivity.exact {
        ""
    } else {
        ", as far as can be shown for so many"
    };
    let message = format!(
        "the loss of {} cuts others off{known}, and {} may fail",
        failures(connectivity.value),
        failures(spec.survive)
    );
    let help = match &spec.topology {
        Topology::Links(_) => format!(
            "give each host at least {} links, no part hanging on fewer hosts than that, or say `survive: {}`",
            spec.survive + 1,
            connectivity.value - 1
        ),
        Topology::Hub(_) => format!(
            "name at least {} hubs, or say `survive: {}`",
            spec.survive + 1,
            connectivity.value - 1
        ),
        _ => format!("choose `topology: sparse`, or say `survive: {}`", connectivity.value - 1),
    };
    let survive = rules.cluster.mesh.then(|mesh| &mesh.survive).given();
    rules.report(match survive {
        Some(asked) => asked.error(Code::MeshFragile, message, help).with_related(place, "these links"),
        None => Diagnostic::warning(Code::MeshFragile, &path, place, message, help),
    });
    true
}

/// Whether the protocol reaches the bridge that is farthest from the root after failures, with the timers of the file, or with the longest.
fn check_depth(rules: &mut Rules<'_>, spec: &Spec, shape: &Shape) {
    // Timers that do not go together with each other are told of already.
    if rules.problems.iter().any(|problem| problem.code == Code::MeshTimers) {
        return;
    }
    let depth = shape.depth.value;
    let protocol = spec.loop_protection;
    let [hello, max_age, forward_delay] = spanning_tree::timers(protocol, &spec.timers, depth);
    let reach = spanning_tree::reach(protocol, max_age);
    let farthest = match (shape.depth.exact, shape.depth.proof) {
        (true, _) => format!("after failures a bridge is {depth} links from the root"),
        (false, Proof::Menger) => format!("after failures a bridge may be {depth} links from the root, as far as can be shown for so many"),
        (false, _) => format!("after failures a bridge may be {depth} links from the root"),
    };
    let timers = rules.cluster.mesh.then(|mesh| &mesh.timers);
    let fitting = "choose `topology: sparse`, or more links";
    let found = if depth > reach {
        let message = format!("{farthest}, and with max-age {max_age} it hears of it up to {reach}");
        match timers.then(|timers| &timers.max_age).given() {
            Some(field) if depth <= spanning_tree::reach(protocol, *MAX_AGE.end()) => {
                let most = spanning_tree::reach(protocol, *MAX_AGE.end()) - u32::from(*MAX_AGE.end());
                let help = format!("give a `max-age` of at least {}, or leave it out; or {fitting}", depth - most);
                Some((field.path.clone(), field.place, message, help))
            }
            _ => at_topology(rules).map(|(path, place)| {
                (
                    path,
                    place,
                    message,
                    format!("{fitting}; {STP_DEPTH_MAX} are the most with stp, 40 with rstp"),
                )
            }),
        }
    } else if 2 * (u32::from(forward_delay) - 1) < u32::from(max_age) || max_age < 2 * (hello + 1) {
        // The file's other timers fit the usual max age, and this one is longer.
        let message =
            format!("{farthest}, which takes a max-age of {max_age}, and hello {hello} and forward-delay {forward_delay} do not fit that");
        let enough = shortest_forward_delay(max_age).min(*FORWARD_DELAY.end());
        let help = format!("give a `forward-delay` of at least {enough}, or leave it out; or {fitting}");
        timers.given().map(|field| (field.path.clone(), field.place, message, help))
    } else {
        None
    };
    if let Some((path, place, message, help)) = found {
        // What can't be shown may still be so.
        let unsure = !shape.depth.exact && shape.depth.proof == Proof::Menger;
        rules.report(match unsure {
            true => Diagnostic::warning(Code::MeshDepth, &path, place, message, help),
            false => Diagnostic::error(Code::MeshDepth, &path, place, message, help),
        });
    }
}

/// From which size on one layer-2 network is the wrong thing.
fn check_size(rules: &mut Rules<'_>, spec: &Spec, shape: &Shape) {
    let hosts = rules.host_count();
    let Some(list) = rules.cluster.hosts.given().filter(|_| hosts > DOMAIN_HOSTS) else {
        return;
    };
    let addresses = u64::from(hosts) * u64::from(CONTAINERS_EACH + 2);
    let (table, tree) = match spec.fabric {
        Fabric::SpanningTree => (
            MAC_TABLE,
            format!(
                "; the tree is up to {} links deep, and the death of its root may take a second or more for each",
                shape.depth.value
            ),
        ),
        Fabric::Direct => (FABRIC.mac_limit, String::new()),
    };
    let message = format!(
        "{hosts} hosts are many for one layer-2 network: with {CONTAINERS_EACH} containers each there are {addresses} MAC addresses, and Open vSwitch's table \
         holds {table}, beyond which frames go to every host; a broadcast a minute of each container is {} frames/s on every host{tree}",
        u64::from(hosts) * u64::from(CONTAINERS_EACH) / 60,
    );
    let help = format!("make several clusters of at most {DOMAIN_HOSTS} hosts, and route between them");
    rules.report(list.warning(Code::HostsLargeDomain, message, help));
}
