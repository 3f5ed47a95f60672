//! What a fault may cost containers on hosts that live on, where that is promised: the lab holds meshes to it, and `diff` says it.

use super::Plan;
use crate::spec::{Bfd, LoopProtection};

/// Longest outage that rapid spanning tree with BFD may cause, seconds: BFD's 0.3 s, and on an emulated processor more than that again for what follows.
const RSTP_SECONDS: f64 = 1.0;

/// What a direct fabric may take beyond BFD's detection time, seconds: a bridge has to notice and to look at its flows anew.
const DIRECT_SLACK_SECONDS: f64 = 0.1;

/// With more that are left when the root dies, there is a cycle in which what was heard of it goes round until it is too old
/// (Elmeleegy, Cox and Ng, INFOCOM 2006): seconds, which nobody promises.
const WITHOUT_ROOT_MAX: usize = 2;

/// Seconds when a link dies; `None` where nothing is promised.
pub fn link_loss(plan: &Plan) -> Option<f64> {
    let mut ports = plan.hosts.iter().flat_map(|host| &host.mesh_bridge.ports);
    let with_bfd = ports.all(|port| port.bfd.is_some());
    match plan.tree() {
        None => Some(detection(plan) + DIRECT_SLACK_SECONDS),
        Some(tree) => (tree.protocol == LoopProtection::Rstp && with_bfd).then_some(RSTP_SECONDS),
    }
}

/// The longest that any end of a link takes to find it dead, seconds.
fn detection(plan: &Plan) -> f64 {
    let ports = plan.hosts.iter().flat_map(|host| &host.mesh_bridge.ports);
    let detection = |bfd: Bfd| f64::from(bfd.interval_ms) * f64::from(bfd.multiplier) / 1000.0;
    ports.filter_map(|port| port.bfd.map(detection)).fold(0.0, f64::max)
}

/// Seconds when `left` hosts lose the root for good; `None` where nothing is promised. Without a tree they lose nothing that they need.
pub fn root_loss(plan: &Plan, left: usize) -> Option<f64> {
    match plan.tree() {
        None => Some(0.0),
        Some(_) => link_loss(plan).filter(|_| left <= WITHOUT_ROOT_MAX),
    }
}

/// Seconds when the root leaves the tree for a moment and joins it again; `None` where nothing is promised. A proposal or agreement that is lost
/// meanwhile is made good by the next hello (IEEE 802.1D-2004, 17.13). With many others it may cost them as much as its loss for good.
pub fn root_rejoin(plan: &Plan) -> Option<f64> {
    let lost = root_loss(plan, plan.hosts.len().saturating_sub(1))?;
    Some(plan.tree().map_or(lost, |tree| lost + f64::from(tree.hello)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::plan;
    use crate::plan::tests::cluster;
    use crate::spec::{Fabric, Spec};

    fn promises(spec: &Spec) -> [Option<f64>; 3] {
        let plan = plan(spec).unwrap();
        [link_loss(&plan), root_loss(&plan, plan.hosts.len() - 1), root_rejoin(&plan)]
    }

    #[test]
    fn what_is_promised_depends_on_the_fabric_and_on_how_many_are_left() {
        let three = cluster(&["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
        let four = cluster(&["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]);
        assert_eq!(promises(&three), [Some(1.0), Some(1.0), Some(3.0)]);
        assert_eq!(promises(&four), [Some(1.0), None, None]);
        let direct = Spec {
            fabric: Fabric::Direct,
            ..four.clone()
        };
        assert_eq!(promises(&direct), [Some(0.4), Some(0.0), Some(0.0)]);
        let stp = Spec {
            loop_protection: LoopProtection::Stp,
            ..three.clone()
        };
        assert_eq!(promises(&stp), [None; 3]);
        let mut one_without_bfd = three;
        one_without_bfd.hosts[2].bfd = None;
        assert_eq!(promises(&one_without_bfd), [None; 3]);
    }
}
