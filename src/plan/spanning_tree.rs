//! Root, stand-in, timers: a spanning tree that is chosen, not left to chance.

use super::{MacAddress, SpanningTree};
use crate::spec::{HostName, LoopProtection, Spec, Topology};

/// Priorities are multiples of 4096 (IEEE 802.1D-2004 9.2.5). 0 is left for the operator who wants to move the root by hand.
const ROOT_PRIORITY: u16 = 4096;
const STAND_IN_PRIORITY: u16 = 8192;
const OTHER_PRIORITY: u16 = 32_768;

/// Defaults of IEEE 802.1D-2004 table 17-1; the shortest that its 17.14 allows with a hello of 2 s are max age 6 and forward delay 4.
const HELLO: u8 = 2;
const MAX_AGE_DEFAULT: u8 = 20;
const MAX_AGE_MIN: u8 = 6;
const MAX_AGE_MAX: u8 = 40;
const FORWARD_DELAY_DEFAULT: u8 = 15;
const FORWARD_DELAY_MIN: u8 = 4;
/// Frames per burst (802.1D-2004 17.14 allows 1 to 10): the most, because a dying root makes every bridge speak at once.
const HOLD_COUNT: u8 = 10;

/// The priority of every bridge, in the order of the hosts.
///
/// What the file says holds. Where it names neither root nor stand-in and gives no host a low priority, the first hosts take the parts.
pub fn priorities(spec: &Spec) -> Vec<u16> {
    let mut claims: Vec<Option<u16>> = spec.hosts.iter().map(|host| host.priority).collect();
    let place_of = |name: &HostName| spec.hosts.iter().position(|host| host.name == *name);
    for (named, priority) in [(&spec.root, ROOT_PRIORITY), (&spec.stand_in, STAND_IN_PRIORITY)] {
        if let Some(place) = named.as_ref().and_then(place_of) {
            claims[place].get_or_insert(priority);
        }
    }
    for priority in [ROOT_PRIORITY, STAND_IN_PRIORITY] {
        let taken = claims.iter().flatten().filter(|claim| **claim <= priority).count();
        let wanted = if priority == ROOT_PRIORITY { 1 } else { 2 };
        if let (true, Some(place)) = (taken < wanted, claims.iter().position(Option::is_none)) {
            claims[place] = Some(priority);
        }
    }
    claims.into_iter().map(|claim| claim.unwrap_or(OTHER_PRIORITY)).collect()
}

/// Decides about the tree of `spec`, whose bridges have these identifiers: priority, then MAC address, the lowest is the root.
pub fn spanning_tree(spec: &Spec, identifiers: &[(u16, MacAddress)]) -> SpanningTree {
    let mut order: Vec<usize> = (0..spec.hosts.len()).collect();
    order.sort_by_key(|place| identifiers.get(*place).copied());
    let name = |rank: usize| -> HostName { spec.hosts[order[rank.min(order.len() - 1)]].name.clone() };
    let depth = depth_after_failure(spec);
    let timers = spec.timers;
    let hello = timers.hello.unwrap_or(HELLO);
    let (max_age, forward_delay, transmit_hold_count) = match spec.loop_protection {
        // Max age is also how many links from the root RSTP reaches, so it must not be shorter than the tree is deep.
        LoopProtection::Rstp => {
            let reach = u8::try_from(depth).unwrap_or(MAX_AGE_MAX);
            let max_age = timers
                .max_age
                .unwrap_or_else(|| reach.max(2 * (hello + 1)).clamp(MAX_AGE_MIN, MAX_AGE_MAX));
            (
                max_age,
                forward_delay_for(max_age),
                Some(timers.transmit_hold_count.unwrap_or(HOLD_COUNT)),
            )
        }
        LoopProtection::Stp => (timers.max_age.unwrap_or(MAX_AGE_DEFAULT), FORWARD_DELAY_DEFAULT, None),
    };
    SpanningTree {
        protocol: spec.loop_protection,
        root: name(0),
        stand_in: name(1),
        hello,
        max_age,
        forward_delay: timers.forward_delay.unwrap_or(forward_delay),
        transmit_hold_count,
        depth_after_failure: depth,
    }
}

/// The shortest forward delay with `2 * (forward_delay - 1) >= max_age`.
fn forward_delay_for(max_age: u8) -> u8 {
    (max_age.div_ceil(2) + 1).max(FORWARD_DELAY_MIN)
}

/// Most links between the root and any bridge after any one host or link failed. In a full mesh all bridges are neighbours of the root,
/// whichever host dies; a bridge whose link to the root is cut is two links away.
fn depth_after_failure(spec: &Spec) -> u32 {
    match spec.topology {
        Topology::Full if spec.hosts.len() > 2 => 2,
        Topology::Full => 1,
    }
}
