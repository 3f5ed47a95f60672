//! Hosts come and go, and the others keep what they have: any sequence of that, through the whole of it, file and lock as text.

use std::collections::{BTreeMap, BTreeSet};

use meshimg::diff::{diff, locked};
use meshimg::plan::{HostPlan, Plan, plan};
use meshimg::spec::{Code, Spec, load_with_lock, lock_text, parse_lock};
use proptest::prelude::*;

use crate::inputs::promises;

/// The names of hosts in the order of the file, and what else it says.
#[derive(Debug, Clone)]
struct Cluster {
    hosts: Vec<u8>,
    subnet: &'static str,
    mesh: &'static str,
}

impl Cluster {
    fn text(&self) -> String {
        let host = |number: &u8| format!("  - {{name: h{number}, address: 192.0.2.{number}}}\n");
        let hosts: String = self.hosts.iter().map(host).collect();
        format!(
            "version: 1\nname: growing\ncontainers: {{subnet: {}}}\nmesh: {{{}}}\nhosts:\n{hosts}",
            self.subnet, self.mesh
        )
    }

    /// `None` where the lock leaves no room for a new host.
    fn load(&self, lock: Option<&str>) -> Option<Spec> {
        match load_with_lock(self.text().as_bytes(), lock.map(str::as_bytes)) {
            Ok((spec, _)) => Some(spec),
            Err(problems) => {
                assert!(problems.iter().all(|problem| problem.code == Code::LockNoRoom), "{problems:#?}");
                // A /24 has blocks of /30 for some dozens of hosts, but few bridge addresses; the others have room.
                assert!(self.subnet.ends_with("/24"), "{problems:#?}");
                None
            }
        }
    }

    /// One host more or less: `place` says where in the list, or which. The host that is new.
    fn change(&mut self, add: bool, place: u8, name: u8) -> Option<u8> {
        if add || self.hosts.len() <= 2 {
            // The first of these names that is not there; one that has gone may come back.
            let name = (0..).map(|more| name % 40 + more + 1).find(|name| !self.hosts.contains(name))?;
            self.hosts.insert(usize::from(place) % (self.hosts.len() + 1), name);
            return Some(name);
        }
        self.hosts.remove(usize::from(place) % self.hosts.len());
        None
    }
}

fn by_name(plan: &Plan) -> BTreeMap<&str, &HostPlan> {
    plan.hosts.iter().map(|host| (host.name.as_str(), host)).collect()
}

/// What a host has but for its links to hosts that are not in both plans.
fn without(host: &HostPlan, others: &BTreeSet<&str>) -> HostPlan {
    let mut host = host.clone();
    host.mesh_bridge.ports.retain(|port| others.contains(port.peer.as_str()));
    host
}

/// The same, with the slice of another.
fn with_slice_of(host: &HostPlan, other: &HostPlan) -> HostPlan {
    let mut host = host.clone();
    host.container_bridge.slice = other.container_bridge.slice;
    host.docker = other.docker.clone();
    host
}

/// Of `old` and `new` everything is the same but for hosts that are in one only, their links, and the slice of one host for each new one.
fn others_keep(old: &Plan, new: &Plan) {
    let (before, after) = (by_name(old), by_name(new));
    let stay: BTreeSet<&str> = before.keys().filter(|name| after.contains_key(*name)).copied().collect();
    let mut shrunk = 0;
    for name in &stay {
        let (then, now) = (without(before[name], &stay), without(after[name], &stay));
        if then.container_bridge.slice != now.container_bridge.slice {
            assert!(then.container_bridge.slice.contains(&now.container_bridge.slice), "{name}");
            assert_eq!(with_slice_of(&now, &then), then, "{name}");
            shrunk += 1;
        } else {
            assert_eq!(now, then, "{name}");
        }
    }
    let new_hosts = after.len() - stay.len();
    assert!(shrunk <= new_hosts, "{shrunk} slices shrank for {new_hosts} hosts");
    assert_eq!(new.growth.as_ref().expect("there was a lock").shrunk.len(), shrunk);
    let timers = |plan: &Plan| (plan.mtu.clone(), plan.spanning_tree.max_age, plan.spanning_tree.forward_delay);
    assert_eq!(timers(old), timers(new));
}

/// The diff names exactly the hosts whose files differ.
fn diff_is_right(old: &Plan, new: &Plan) {
    let difference = diff(old, new).expect("files can be made");
    let (before, after) = (by_name(old), by_name(new));
    let told: BTreeSet<&str> = difference.hosts.iter().map(|host| host.host.as_str()).collect();
    let names = before.keys().chain(after.keys());
    let differ: BTreeSet<&str> = names.filter(|name| before.get(*name) != after.get(*name)).copied().collect();
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
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hosts_come_and_go(
        first in 2_u8..7,
        subnet in prop::sample::select(vec!["172.17.0.0/16", "10.0.0.0/8", "10.9.0.0/24"]),
        mesh in prop::sample::select(vec!["", "tunnel: vxlan", "loop-protection: stp"]),
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
            let numbers: BTreeSet<u32> = after.hosts.iter().map(|host| host.number).collect();
            prop_assert_eq!(numbers.len(), after.hosts.len());
            lock_keeps_all(&cluster, &after, &lock_text(&after.lock).expect("text"));
            before = after;
        }
    }

    /// A lock that somebody has edited, or that was torn: an error, or a sound cluster; never a panic.
    #[test]
    fn any_lock_is_refused_or_sound(place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(), add in any::<bool>()) {
        let mut cluster = Cluster { hosts: vec![1, 2, 3, 4], subnet: "10.9.0.0/24", mesh: "" };
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
        mesh: "",
    };
    let before = plan(&cluster.load(None).expect("a cluster")).expect("a plan");
    cluster.hosts.push(4);
    others_keep(&before, &plan(&cluster.load(None).expect("a cluster")).expect("a plan"));
}
