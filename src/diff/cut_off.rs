//! For how long containers are cut off at most. Each figure says where it is from; what nobody has measured or promised is no figure.

use serde::Serialize;

use super::services::{Action, Service};
use super::{HostDifference, Kind};
use crate::plan::{HostPlan, Plan};
use crate::spec::{HostName, LoopProtection};

/// What `meshimg lab test` holds a mesh with RSTP and BFD to when a link or the root dies (docs/lab.md, link-down and host-down), seconds.
const FAILOVER: f64 = 1.0;

/// The same for a host that leaves the tree and joins it again (docs/lab.md, ovs-restart), seconds.
const REJOIN: f64 = 3.0;

/// A bridge that is made anew: a gap of a second (docs/host.md, `systemctl restart meshimg-mesh`).
const REMADE: f64 = 1.0;

/// Hosts up to which the failover of RSTP is held to [`FAILOVER`]: where three or more lose the root, nothing is promised (docs/lab.md).
const SURVIVORS_MAX: usize = 2;

/// What `meshimg lab test` allows a direct fabric on top of BFD's detection time (docs/lab.md).
const DETECTION_SPARE_MS: u64 = 100;

/// An upper bound, and where it is from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CutOff {
    /// Seconds at most; 0 if nothing is cut off, `None` if it lasts until somebody acts, or has no bound.
    pub seconds: Option<f64>,
    pub why: String,
}

impl CutOff {
    pub(super) fn none(why: &str) -> Self {
        Self::at_most(0.0, why.to_owned())
    }

    pub(super) fn for_good(why: &str) -> Self {
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

/// How long the tree takes to find its way around what is gone. `root` is among that or not.
fn failover(plan: &Plan, root: bool) -> CutOff {
    let Some(tree) = plan.tree() else {
        return detection(plan);
    };
    let has_bfd = plan
        .hosts
        .iter()
        .flat_map(|host| &host.mesh_bridge.ports)
        .all(|port| port.bfd.is_some());
    let survivors = plan.hosts.len().saturating_sub(1);
    if tree.protocol == LoopProtection::Rstp && has_bfd && (!root || survivors <= SURVIVORS_MAX) {
        return CutOff::at_most(
            FAILOVER,
            "a link in use goes, and the tree has another: the limit of `lab test` (docs/lab.md)".to_owned(),
        );
    }
    // What a bridge has heard is forgotten, and two states are passed (802.1D-2004 17.14, 802.1D-1998 8.10); the hello that starts it may
    // be late by its interval.
    let seconds = u32::from(tree.max_age) + 2 * u32::from(tree.forward_delay) + u32::from(tree.hello);
    let why =
        "the tree may have to wait for its timers: max age + 2 x forward delay + hello; measured figures are in docs/bench.md".to_owned();
    CutOff::at_most(f64::from(seconds), why)
}

/// How long a direct fabric takes to find that a link is dead: the limit of `lab test` (docs/lab.md).
fn detection(plan: &Plan) -> CutOff {
    let ports = plan.hosts.iter().flat_map(|host| &host.mesh_bridge.ports);
    let slowest = ports
        .filter_map(|port| port.bfd)
        .map(|bfd| u64::from(bfd.interval_ms) * u64::from(bfd.multiplier))
        .max();
    let seconds = (slowest.unwrap_or_default() + DETECTION_SPARE_MS) as f64 / 1000.0;
    CutOff::at_most(
        seconds,
        "BFD finds the link dead, and frames go through another host: the limit of `lab test` (docs/lab.md)".to_owned(),
    )
}

/// How long a bridge that is new to the tree takes until it forwards.
fn rejoin(plan: &Plan) -> CutOff {
    let Some(tree) = plan.tree() else {
        let links = detection(plan);
        let why = format!("a bridge is made anew (a second, docs/host.md); {}", links.why);
        return CutOff {
            seconds: links.seconds.map(|seconds| REMADE + seconds),
            why,
        };
    };
    match tree.protocol {
        LoopProtection::Rstp => CutOff::at_most(
            REMADE + REJOIN,
            "a bridge is made anew (a second, docs/host.md) and joins the tree again (3 s, docs/lab.md, ovs-restart)".to_owned(),
        ),
        LoopProtection::Stp => {
            let seconds = 2 * u32::from(tree.forward_delay) + u32::from(tree.hello);
            let why = "a bridge is made anew (a second, docs/host.md) and its ports listen and learn: 2 x forward delay + hello".to_owned();
            CutOff::at_most(REMADE + f64::from(seconds), why)
        }
    }
}

/// What the host's own services cost its containers.
pub(super) fn own((old, then): (&Plan, &HostPlan), (new, now): (&Plan, &HostPlan), services: &[Service]) -> CutOff {
    let mut worst = CutOff::none("what is in use stays as it is");
    for service in services {
        worst = worst.or(match service.action {
            Action::Reload | Action::Restart => CutOff::none("what is in use stays as it is"),
            Action::RemakeMeshBridge | Action::RemakeContainerBridge | Action::Replace => rejoin(new),
            Action::RestartContainers if live_restore(then, now) => {
                CutOff::none("`live-restore`: containers run on (docs/lab.md, docker-restart)")
            }
            Action::RestartContainers => {
                CutOff::for_good("Docker ends its containers when it restarts, and starts those that have a restart policy")
            }
            Action::SetUpAnew => CutOff::for_good("the host is set up anew, and its containers with it"),
        });
    }
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
    if elsewhere { worst.or(failover(old, true)) } else { worst }
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
        let mut through = failover(old, true);
        through.why = match (other, &moves) {
            (Some(other), _) => format!("frames go through {other}: {}", through.why),
            (None, Some(root)) => format!("the root moves to {root}: {}", through.why),
            (None, None) => continue,
        };
        host.cut_off = host.cut_off.clone().or(through);
    }
}
