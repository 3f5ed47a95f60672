//! Hosts come and go, and the others keep what they have: any sequence of that, through the whole of it, file and lock as text.

use std::collections::{BTreeMap, BTreeSet};

use meshimg::diff::{diff, locked};
use meshimg::plan::spanning_tree::OTHER_PRIORITY;
use meshimg::plan::{HostPlan, Plan, SpanningTree, plan};
use meshimg::spec::{Code, Severity, Spec, load_with_lock, lock_text, parse_lock};
use proptest::prelude::*;

use crate::inputs::promises;

/// The names of hosts in the order of the file, and what else it says.
#[derive(Debug, Clone)]
struct Cluster {
    hosts: Vec<u8>,
    subnet: &'static str,
    mesh: Mesh,
}

/// What the file says of the mesh, and how few hosts make one.
#[derive(Debug, Clone, Copy)]
struct Mesh {
    keys: &'static str,
    least: usize,
    /// Hosts that stay: the file names them.
    named: usize,
}

const DEFAULTS: Mesh = mesh("", 2, 0);

const fn mesh(keys: &'static str, least: usize, named: usize) -> Mesh {
    Mesh { keys, least, named }
}

/// Each kind of mesh; LINKS stands for links of the first two hosts with all.
const MESHES: &[Mesh] = &[
    DEFAULTS,
    mesh("tunnel: vxlan", 2, 0),
    mesh("loop-protection: stp", 2, 0),
    mesh("topology: full", 2, 0),
    mesh("topology: ring", 3, 0),
    mesh("topology: sparse", 3, 0),
    mesh("topology: sparse, survive: 2", 4, 0),
    mesh("topology: sparse, survive: 3", 5, 0),
    mesh("topology: hub, hubs: [h1, h2]", 3, 2),
    mesh("topology: {links: [LINKS]}", 3, 2),
    mesh("fabric: direct", 2, 0),
    mesh("fabric: direct, tunnel: geneve, topology: hub, hubs: [h2, h1]", 3, 2),
];

impl Cluster {
    fn text(&self) -> String {
        let host = |number: &u8| format!("  - {{name: h{number}, address: 192.0.2.{number}}}\n");
        let hosts: String = self.hosts.iter().map(host).collect();
        let links = self.hosts.iter().flat_map(|host| [(1, *host), (2, *host)]);
        let links = links
            .filter(|(hub, host)| hub < host)
            .map(|(hub, host)| format!("[h{host}, h{hub}]"));
        let keys = self.mesh.keys.replace("LINKS", &links.collect::<Vec<_>>().join(", "));
        format!(
            "version: 1\nname: growing\ncontainers: {{subnet: {}}}\nmesh: {{{keys}}}\nhosts:\n{hosts}",
            self.subnet
        )
    }

    /// `None` where the lock leaves no room for a new host.
    fn load(&self, lock: Option<&str>) -> Option<Spec> {
        match load_with_lock(self.text().as_bytes(), lock.map(str::as_bytes)) {
            Ok((spec, _)) => Some(spec),
            Err(problems) => {
                let mut errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
                assert!(errors.all(|problem| problem.code == Code::LockNoRoom), "{problems:#?}");
                // A /24 has blocks of /30 for some dozens of hosts, but few bridge addresses; the others have room.
                assert!(self.subnet.ends_with("/24"), "{problems:#?}");
                None
            }
        }
    }

    /// One host more or less: `place` says where in the list, or which. The host that is new.
    fn change(&mut self, add: bool, place: u8, name: u8) -> Option<u8> {
        if add || self.hosts.len() <= self.mesh.least {
            // The first of these names that is not there; one that has gone may come back.
            let name = (0..).map(|more| name % 40 + more + 1).find(|name| !self.hosts.contains(name))?;
            self.hosts.insert(usize::from(place) % (self.hosts.len() + 1), name);
            return Some(name);
        }
        let place = usize::from(place) % self.hosts.len();
        if usize::from(self.hosts[place]) > self.mesh.named {
            self.hosts.remove(place);
        }
        None
    }
}

fn by_name(plan: &Plan) -> BTreeMap<&str, &HostPlan> {
    plan.hosts.iter().map(|host| (host.name.as_str(), host)).collect()
}

/// The two hosts of each link.
fn pairs(plan: &Plan) -> BTreeSet<[&str; 2]> {
    let ends = plan.links.iter().map(|link| link.hosts.each_ref().map(|host| host.as_str()));
    ends.map(|[a, b]| [a.min(b), a.max(b)]).collect()
}

/// What a host has but for its links that are not in both plans, and for the ways in a direct fabric.
fn without(host: &HostPlan, both: &BTreeSet<[&str; 2]>) -> HostPlan {
    let mut host = host.clone();
    let name = host.name.to_string();
    host.mesh_bridge.ports.retain(|port| {
        let ends = [name.as_str().min(port.peer.as_str()), name.as_str().max(port.peer.as_str())];
        both.contains(&ends)
    });
    host.mesh_bridge.paths.clear();
    host
}

/// The same, with the slice of another.
fn with_slice_of(host: &HostPlan, other: &HostPlan) -> HostPlan {
    let mut host = host.clone();
    host.container_bridge.slice = other.container_bridge.slice;
    host.docker = other.docker.clone();
    host
}

/// Of `old` and `new` everything is the same but for hosts that are in one only, links to these or in their place, and the slice of one host for each new one.
fn others_keep(old: &Plan, new: &Plan) {
    let (before, after) = (by_name(old), by_name(new));
    let stay: BTreeSet<&str> = before.keys().filter(|name| after.contains_key(*name)).copied().collect();
    let (links, later) = (pairs(old), pairs(new));
    let both: BTreeSet<[&str; 2]> = links.intersection(&later).copied().collect();
    let mut shrunk = BTreeSet::new();
    for name in &stay {
        let (then, now) = (without(before[name], &both), without(after[name], &both));
        if then.container_bridge.slice != now.container_bridge.slice {
            assert!(then.container_bridge.slice.contains(&now.container_bridge.slice), "{name}");
            assert_eq!(with_slice_of(&now, &then), then, "{name}");
            shrunk.insert(*name);
        } else {
            assert_eq!(now, then, "{name}");
        }
    }
    let new_hosts = after.len() - stay.len();
    assert!(shrunk.len() <= new_hosts, "{shrunk:?} shrank for {new_hosts} hosts");
    let growth = new.growth.as_ref().expect("there was a lock");
    assert_eq!((growth.shrunk.len(), growth.links_anew), (shrunk.len(), None));
    links_follow_hosts(&stay, &links, &later);
    assert_eq!(old.mtu, new.mtu);
    ways_stay(old, new);
    // Timers serve 6 links in any case.
    if let (Some(tree), Some(then)) = (new.tree(), old.tree()) {
        let timers = |tree: &SpanningTree| (tree.protocol, tree.hello, tree.max_age, tree.forward_delay);
        assert!(timers(tree) == timers(then) || tree.depth_after_failure.max(then.depth_after_failure) > 6);
        // A root that has its part by its MAC address alone gives way to a new host: the part is vacant.
        let was_chosen = before[then.root.as_str()].mesh_bridge.priority < Some(OTHER_PRIORITY);
        if stay.contains(then.root.as_str()) && was_chosen {
            assert_eq!(tree.root, then.root);
        }
    }
    // One host more is the business of its neighbours, and of whose slice is the smaller for it.
    if new_hosts == 1 && stay.len() == before.len() && new.tree().is_some() {
        let newcomer = after.keys().find(|name| !stay.contains(*name)).expect("there is one");
        for name in stay.iter().filter(|name| before[*name] != after[*name]) {
            let ends = [*name.min(newcomer), *name.max(newcomer)];
            assert!(
                later.contains(&ends) || shrunk.contains(name),
                "{name} has nothing to do with {newcomer}"
            );
        }
    }
}

/// A link of hosts that stay goes only where a new host is its middle now, and comes only between hosts that both lost one.
fn links_follow_hosts(stay: &BTreeSet<&str>, old: &BTreeSet<[&str; 2]>, new: &BTreeSet<[&str; 2]>) {
    let staying = |link: &&[&str; 2]| link.iter().all(|end| stay.contains(end));
    let others = |links: &BTreeSet<[&str; 2]>, host: &str| -> BTreeSet<String> {
        let of_host = links.iter().filter(|link| link.contains(&host));
        let others = of_host.flatten().filter(|other| !stay.contains(*other));
        others.map(|other| (*other).to_owned()).collect()
    };
    for [a, b] in old.difference(new).filter(staying) {
        assert!(!others(new, a).is_disjoint(&others(new, b)), "the link of {a} and {b} is gone");
    }
    for link in new.difference(old).filter(staying) {
        assert!(link.iter().all(|end| !others(old, end).is_empty()), "{link:?} is new");
    }
}

/// In a direct fabric the ways between hosts that stay are the same, but for those through hosts that came or went.
fn ways_stay(old: &Plan, new: &Plan) {
    let numbers = |plan: &Plan| -> BTreeMap<u32, String> { plan.hosts.iter().map(|host| (host.number, host.name.to_string())).collect() };
    let (before, after) = (numbers(old), numbers(new));
    let stays = |number: &u16| before.get(&u32::from(*number)) == after.get(&u32::from(*number));
    for now in &new.hosts {
        let Some(then) = old.hosts.iter().find(|host| host.name == now.name) else {
            continue;
        };
        for path in now.mesh_bridge.paths.iter().filter(|path| stays(&path.to)) {
            let was = then.mesh_bridge.paths.iter().find(|was| was.to == path.to).expect("a way");
            assert_eq!(path.linked, was.linked);
            if path.relays.iter().chain(&was.relays).all(stays) {
                assert_eq!(path.relays, was.relays, "{} to {}", now.name, path.to);
            }
        }
    }
}

/// The diff names exactly the hosts whose files differ.
fn diff_is_right(old: &Plan, new: &Plan) {
    let difference = diff(old, new).expect("files can be made");
    let (before, after) = (by_name(old), by_name(new));
    let told: BTreeSet<&str> = difference.hosts.iter().map(|host| host.host.as_str()).collect();
    let names = before.keys().chain(after.keys());
    let timers = |plan: &Plan| plan.tree().map(|tree| (tree.max_age, tree.forward_delay));
    let all = timers(old) != timers(new);
    let differ: BTreeSet<&str> = names.filter(|name| all || before.get(*name) != after.get(*name)).copied().collect();
    assert_eq!(told, differ);
}

/// The lock of a plan is text that gives the same plan, in whatever order the file has its hosts.
fn lock_keeps_all(cluster: &Cluster, plan_with: &Plan, lock: &str) {
    assert_eq!(parse_lock(lock.as_bytes()).expect("a lock of ours").lock, plan_with.lock);
    let mut turned = cluster.clone();
    turned.hosts.reverse();
    let again = plan(&turned.load(Some(lock)).expect("nobody is new")).expect("a plan");
    assert_eq!(by_name(&again), by_name(plan_with));
    assert_eq!(lock_text(&again.lock).expect("text"), lock);
    let spec = cluster.load(Some(lock)).expect("nobody is new");
    let remembered = locked(&spec).expect("a plan").expect("there is a lock");
    assert_eq!(by_name(&remembered), by_name(plan_with));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hosts_come_and_go(
        first in 5_u8..8,
        subnet in prop::sample::select(vec!["172.17.0.0/16", "10.0.0.0/8", "10.9.0.0/24"]),
        mesh in prop::sample::select(MESHES),
        steps in prop::collection::vec((0_u8..10, any::<u8>(), any::<u8>()), 1..20),
    ) {
        let mut cluster = Cluster { hosts: (1..=first).collect(), subnet, mesh };
        let spec = cluster.load(None).expect("a small cluster");
        let mut before = plan(&spec).expect("a plan");
        let start = before.lock.slices_from;
        for (kind, place, name) in steps {
            let lock = lock_text(&before.lock).expect("text");
            cluster.change(kind < 6, place, name);
            let Some(spec) = cluster.load(Some(&lock)) else { return Ok(()) };
            let after = plan(&spec).expect("what was accepted can be planned");
            promises::judge_plan(&spec, &after);
            others_keep(&before, &after);
            diff_is_right(&before, &after);
            prop_assert!(after.hosts.iter().all(|host| host.container_bridge.slice.network() >= start));
            prop_assert!(after.hosts.iter().all(|host| host.container_bridge.address < start));
            if mesh.keys.contains("direct") {
                prop_assert!(after.tree().is_none());
            }
            let numbers: BTreeSet<u32> = after.hosts.iter().map(|host| host.number).collect();
            prop_assert_eq!(numbers.len(), after.hosts.len());
            lock_keeps_all(&cluster, &after, &lock_text(&after.lock).expect("text"));
            before = after;
        }
    }

    /// A lock that somebody has edited, or that was torn: an error, or a sound cluster; never a panic.
    #[test]
    fn any_lock_is_refused_or_sound(place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(), add in any::<bool>(),
        mesh in prop::sample::select(MESHES)) {
        let mut cluster = Cluster { hosts: vec![1, 2, 3, 4, 5, 6], subnet: "10.9.0.0/24", mesh };
        let spec = cluster.load(None).expect("a small cluster");
        let mut lock = lock_text(&plan(&spec).expect("a plan").lock).expect("text").into_bytes();
        let place = place.index(lock.len());
        if cut {
            lock.truncate(place);
        } else {
            lock[place] = byte;
        }
        if add {
            cluster.change(true, byte, byte);
        }
        if let Ok((spec, _)) = load_with_lock(cluster.text().as_bytes(), Some(&lock)) {
            promises::judge_plan(&spec, &plan(&spec).expect("what was accepted can be planned"));
        }
    }
}

/// The test of the test: without the lock the same step moves the slices of others.
#[test]
#[should_panic(expected = "h2")]
fn without_a_lock_others_do_not_keep() {
    let mut cluster = Cluster {
        hosts: vec![1, 2, 3],
        subnet: "172.17.0.0/16",
        mesh: DEFAULTS,
    };
    let before = plan(&cluster.load(None).expect("a cluster")).expect("a plan");
    cluster.hosts.push(4);
    others_keep(&before, &plan(&cluster.load(None).expect("a cluster")).expect("a plan"));
}
