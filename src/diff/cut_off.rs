//! For how long containers are cut off at most. Each figure says where it is from; what nobody has measured or promised is no figure.

use serde::Serialize;

use super::services::{Action, Service};
use super::{HostDifference, Kind};
use crate::plan::{HostPlan, Plan, promise};
use crate::spec::{HostName, LoopProtection};

/// A bridge that is made anew: a gap of a second (docs/host.md, `systemctl restart meshimg-mesh`).
const REMADE: f64 = 1.0;

/// An upper bound, and where it is from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CutOff {
    /// Seconds at most; 0 if nothing is cut off, `None` if it lasts until somebody acts, or has no bound.
    pub seconds: Option<f64>,
    pub why: String,
}

impl CutOff {
    /// Nothing is cut off.
    pub fn none(why: &str) -> Self {
        Self::at_most(0.0, why.to_owned())
    }

    /// Until somebody acts.
    pub fn for_good(why: &str) -> Self {
        Self {
            seconds: None,
            why: why.to_owned(),
        }
    }

    fn at_most(seconds: f64, why: String) -> Self {
        Self {
            seconds: Some(seconds),
            why,
        }
    }

    /// The longer of the two.
    fn or(self, other: Self) -> Self {
        match (self.seconds, other.seconds) {
            (Some(own), Some(others)) if others > own => other,
            (Some(_), None) => other,
            _ => self,
        }
    }
}

/// What is promised of a fault, or else how long its timers may keep a tree waiting.
fn promised(plan: &Plan, seconds: Option<f64>, why: &str) -> CutOff {
    if let Some(seconds) = seconds {
        return CutOff::at_most(seconds, format!("{why}: the limit of `lab test` (docs/lab.md)"));
    }
    let Some(tree) = plan.tree() else {
        return CutOff::for_good("nothing is promised");
    };
    // What a bridge has heard is forgotten, and two states are passed (802.1D-2004 17.14, 802.1D-1998 8.10); the hello that starts it may
    // be late by its interval.
    let seconds = u32::from(tree.max_age) + 2 * u32::from(tree.forward_delay) + u32::from(tree.hello);
    let why =
        "the tree may have to wait for its timers: max age + 2 x forward delay + hello; measured figures are in docs/bench.md".to_owned();
    CutOff::at_most(f64::from(seconds), why)
}

/// How long the mesh takes to find its way around what is gone, the root of a tree perhaps.
fn failover(plan: &Plan) -> CutOff {
    let (seconds, why) = match plan.tree() {
        None => (
            promise::link_loss(plan),
            "BFD finds the link dead, and frames go through another host",
        ),
        Some(_) => (
            promise::root_loss(plan, plan.hosts.len().saturating_sub(1)),
            "a link in use goes, and the tree has another",
        ),
    };
    promised(plan, seconds, why)
}

/// How long a bridge that is made anew takes until it forwards.
fn rejoin(plan: &Plan) -> CutOff {
    let links = match plan.tree() {
        None => promised(plan, promise::link_loss(plan), "BFD finds its links alive"),
        // It is there again before anybody has missed it for max age.
        Some(tree) if tree.protocol == LoopProtection::Stp => CutOff::at_most(
            f64::from(2 * u32::from(tree.forward_delay) + u32::from(tree.hello)),
            "its ports listen and learn: 2 x forward delay + hello".to_owned(),
        ),
        Some(_) => promised(plan, promise::root_rejoin(plan), "it joins the tree again"),
    };
    CutOff {
        seconds: links.seconds.map(|seconds| REMADE + seconds),
        why: format!("a bridge is made anew (a second, docs/host.md); {}", links.why),
    }
}

/// What `services` of a host of `plan` cost its containers; `kept`: Docker keeps them over a restart.
pub fn of_services(plan: &Plan, services: &[Service], kept: bool) -> CutOff {
    let mut worst = CutOff::none("what is in use stays as it is");
    for service in services {
        worst = worst.or(match service.action {
            Action::Reload | Action::Restart => CutOff::none("what is in use stays as it is"),
            Action::RemakeMeshBridge | Action::RemakeContainerBridge | Action::Replace => rejoin(plan),
            Action::RestartContainers if kept => CutOff::none("`live-restore`: containers run on (docs/lab.md, docker-restart)"),
            Action::RestartContainers => {
                CutOff::for_good("Docker ends its containers when it restarts, and starts those that have a restart policy")
            }
            Action::SetUpAnew => CutOff::for_good("the host is set up anew, and its containers with it"),
        });
    }
    worst
}

/// What the host's own services cost its containers.
pub(super) fn own((old, then): (&Plan, &HostPlan), (new, now): (&Plan, &HostPlan), services: &[Service]) -> CutOff {
    let mut worst = of_services(new, services, live_restore(then, now));
    if super::services::other_fabric(old, new) {
        worst = worst.or(CutOff::for_good(
            "a host with one fabric drops what comes from a host with the other: until all hosts have changed",
        ));
    }
    if then.address != now.address {
        worst = worst.or(CutOff::for_good("its links are down until all its peers have its new address"));
    }
    // Links between hosts that stay are taken away or lead elsewhere.
    let elsewhere = then.mesh_bridge.ports.iter().any(|port| {
        let peer_stays = new.hosts.iter().any(|host| host.name == port.peer);
        let same = now.mesh_bridge.ports.iter().any(|later| later == port);
        peer_stays && !same
    });
    if elsewhere { worst.or(failover(old)) } else { worst }
}

/// Whether Docker keeps containers over a restart: it does where bridge, slice and MTU stay (docs.docker.com, Live restore).
fn live_restore(then: &HostPlan, now: &HostPlan) -> bool {
    let on = |host: &HostPlan| host.docker.daemon.get("live-restore") == Some(&true.into());
    let network = |host: &HostPlan| {
        let option = |name: &str| host.docker.daemon.get(name).cloned();
        (host.container_bridge.address, option("fixed-cidr"), option("mtu"), option("bridge"))
    };
    on(then) && on(now) && network(then) == network(now)
}

/// What happens on other hosts that frames go through: those of all hosts, if it is the root; in a mesh that is not full, if it is any.
pub(super) fn through_others(old: &Plan, new: &Plan, hosts: &mut [HostDifference]) {
    let is_full = |plan: &Plan| plan.links.len() == plan.hosts.len() * plan.hosts.len().saturating_sub(1) / 2;
    let root = |plan: &Plan| plan.tree().map(|tree| tree.root.clone());
    let passes = |name: &HostName| !is_full(old) || root(old).as_ref() == Some(name);
    let interrupts = |host: &HostDifference| {
        let makes_anew = |service: &Service| service.action >= Action::RemakeMeshBridge;
        host.kind == Kind::Gone || host.services.iter().any(makes_anew)
    };
    let interrupted: Vec<HostName> = hosts
        .iter()
        .filter(|host| interrupts(host) && passes(&host.host))
        .map(|host| host.host.clone())
        .collect();
    let moves = root(new).filter(|later| root(old).is_some_and(|root| root != *later));
    for host in hosts.iter_mut().filter(|host| host.kind == Kind::Changed) {
        let other = interrupted.iter().find(|name| **name != host.host);
        let mut through = failover(old);
        through.why = match (other, &moves) {
            (Some(other), _) => format!("frames go through {other}: {}", through.why),
            (None, Some(root)) => format!("the root moves to {root}: {}", through.why),
            (None, None) => continue,
        };
        host.cut_off = host.cut_off.clone().or(through);
    }
}
