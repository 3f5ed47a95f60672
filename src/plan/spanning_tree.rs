//! Root, stand-in, timers: a spanning tree that is chosen, not left to chance.

use std::ops::RangeInclusive;

use super::{Shape, SpanningTree};
use crate::spec::{HostName, HostSpec, Lock, LoopProtection, Spec, Timers};

/// Priorities of the bridges that the file gives none: the root, the one to take over, and all others. Multiples of 4096 (IEEE
/// 802.1D-2004 9.2.5; its table 17-2 has 32768). 0 is left for the operator who wants to move the root by hand.
pub const ROOT_PRIORITY: u16 = 4096;
/// See [`ROOT_PRIORITY`].
pub const STAND_IN_PRIORITY: u16 = 8192;
/// See [`ROOT_PRIORITY`].
pub const OTHER_PRIORITY: u16 = 32_768;

/// Between two priorities (802.1D-2004 9.2.5: the upper four of sixteen bits).
const PRIORITY_STEP: u16 = 4096;

/// Seconds between hellos (802.1D-2004 table 17-1). Open vSwitch's RSTP has no other: ovs-vswitchd.conf.db(5) knows no
/// `rstp-hello-time`.
pub const HELLO: u8 = 2;
/// Max age in seconds, from the shortest that 802.1D-2004 17.14 allows with a hello of 2 s to the longest (table 17-1).
pub const MAX_AGE: RangeInclusive<u8> = 6..=40;
/// Forward delay in seconds, from the shortest that 802.1D-2004 17.14 allows with a hello of 2 s to the longest (table 17-1).
pub const FORWARD_DELAY: RangeInclusive<u8> = 4..=30;
/// STP's defaults in seconds (802.1D-2004 table 17-1).
pub const STP_MAX_AGE: u8 = 20;
/// See [`STP_MAX_AGE`].
pub const STP_FORWARD_DELAY: u8 = 15;
/// Frames per burst (802.1D-2004 17.14 allows 1 to 10): the most, because a dying root makes every bridge speak at once.
const HOLD_COUNT: u8 = 10;

/// Hello, max age and forward delay in seconds: those that the file gives, and for the others what fits them in a tree whose bridges
/// are at most `depth` links from the root.
pub fn timers(protocol: LoopProtection, given: &Timers, depth: u32) -> [u8; 3] {
    let hello = given.hello.unwrap_or(HELLO);
    let max_age = given.max_age.unwrap_or_else(|| match protocol {
        // Max age is also how many links from the root RSTP reaches, so it must not be shorter than the tree is deep.
        LoopProtection::Rstp => u8::try_from(depth)
            .unwrap_or(*MAX_AGE.end())
            .clamp(*MAX_AGE.start(), *MAX_AGE.end()),
        // 802.1D-1998 8.10.2 derives 20 s from 7 bridges in a row, 6 links: two lost hellos of the root, and 2 s more for each link.
        LoopProtection::Stp if depth > STP_DEPTH => bounded(4 * u32::from(hello) + 2 * depth, STP_MAX_AGE, *MAX_AGE.end()),
        LoopProtection::Stp => STP_MAX_AGE,
    });
    let forward_delay = given.forward_delay.unwrap_or(match protocol {
        LoopProtection::Rstp => shortest_forward_delay(max_age),
        LoopProtection::Stp if depth > STP_DEPTH => {
            let needed = (4 * u32::from(hello) + 3 * (depth + 1)).div_ceil(2);
            bounded(needed, STP_FORWARD_DELAY, *FORWARD_DELAY.end())
        }
        LoopProtection::Stp => STP_FORWARD_DELAY,
    });
    [hello, max_age, forward_delay]
}

fn bounded(value: u32, least: u8, most: u8) -> u8 {
    u8::try_from(value).unwrap_or(most).clamp(least, most)
}

/// Links from the root to the farthest bridge for which STP's usual timers are made: 7 bridges in a row (802.1D-1998 8.10.2).
const STP_DEPTH: u32 = 6;

/// The same for the longest max age, 40 s, and forward delay, 30 s, with a hello of 2 s.
pub const STP_DEPTH_MAX: u32 = 16;

/// How many links from the root a bridge hears of it: RSTP's messages go `max_age` links far, and STP's are dropped when they are that many seconds old, of which
/// each bridge adds one (802.1D-2004 17.21.23, 802.1D-1998 8.6.4).
pub fn reach(protocol: LoopProtection, max_age: u8) -> u32 {
    match protocol {
        LoopProtection::Rstp => max_age.into(),
        LoopProtection::Stp => u32::from(max_age).saturating_sub(1),
    }
}

/// The shortest forward delay with `2 * (forward_delay - 1) >= max_age`.
pub fn shortest_forward_delay(max_age: u8) -> u8 {
    (max_age.div_ceil(2) + 1).max(*FORWARD_DELAY.start())
}

/// The priority of every bridge, in the order of the hosts.
///
/// What the file says holds. Where it names neither root nor stand-in and gives no host a low priority, the `preferred` hosts take the parts, and
/// after them the first; with a lock all keep the priorities they have, and new hosts take the parts that are vacant: so that no other host's files change.
pub fn priorities(spec: &Spec, preferred: &[usize]) -> Vec<u16> {
    let silent = spec.root.is_none() && spec.stand_in.is_none() && spec.hosts.iter().all(|host| host.priority.is_none());
    if let (Some(lock), true) = (&spec.lock, silent) {
        return kept_priorities(spec, lock);
    }
    let mut claims: Vec<Option<u16>> = spec.hosts.iter().map(|host| host.priority).collect();
    let number = |place: usize| {
        let lock = spec.lock.as_ref()?;
        // Hosts that the lock does not know come last.
        Some(lock.hosts.get(&spec.hosts[place].name).map_or(u32::MAX, |host| host.number))
    };
    let place_of = |name: &HostName| spec.hosts.iter().position(|host| host.name == *name);
    for (named, priority) in [(&spec.root, ROOT_PRIORITY), (&spec.stand_in, STAND_IN_PRIORITY)] {
        if let Some(place) = named.as_ref().and_then(place_of) {
            claims[place].get_or_insert(priority);
        }
    }
    for priority in [ROOT_PRIORITY, STAND_IN_PRIORITY] {
        let taken = claims.iter().flatten().filter(|claim| **claim <= priority).count();
        let wanted = if priority == ROOT_PRIORITY { 1 } else { 2 };
        let mut first: Vec<usize> = (0..claims.len()).collect();
        first.sort_by_key(|place| (number(*place), *place));
        // Who has the part keeps it.
        let has = |place: &usize| {
            let locked = spec.lock.as_ref().and_then(|lock| lock.hosts.get(&spec.hosts[*place].name));
            locked.is_some_and(|locked| locked.priority == priority)
        };
        let keepers = first.iter().copied().filter(has);
        let mut free = keepers
            .chain(preferred.iter().copied())
            .chain(first.iter().copied())
            .filter(|place| claims[*place].is_none());
        if let (true, Some(place)) = (taken < wanted, free.next()) {
            claims[place] = Some(priority);
        }
    }
    claims.into_iter().map(|claim| claim.unwrap_or(OTHER_PRIORITY)).collect()
}

/// The priorities of the lock, and for new hosts: that of the root if no host has one below [`OTHER_PRIORITY`], that of the stand-in if
/// one has. After the root is gone the stand-in is the root as it is, and the next new host comes one step behind it.
fn kept_priorities(spec: &Spec, lock: &Lock) -> Vec<u16> {
    let known = |host: &HostSpec| lock.hosts.get(&host.name).map(|host| host.priority);
    let mut low: Vec<u16> = spec
        .hosts
        .iter()
        .filter_map(known)
        .filter(|priority| *priority < OTHER_PRIORITY)
        .collect();
    let mut vacant = || {
        let priority = match low[..] {
            [] => ROOT_PRIORITY,
            [only] => STAND_IN_PRIORITY.max(only.saturating_add(PRIORITY_STEP)),
            _ => OTHER_PRIORITY,
        };
        low.push(priority);
        priority.min(OTHER_PRIORITY)
    };
    spec.hosts.iter().map(|host| known(host).unwrap_or_else(&mut vacant)).collect()
}

/// Decides about the tree of `spec`, whose links have this shape.
pub fn spanning_tree(spec: &Spec, shape: &Shape) -> SpanningTree {
    let order = &shape.order;
    let name = |rank: usize| -> HostName { spec.hosts[order[rank.min(order.len() - 1)]].name.clone() };
    let depth = shape.depth.value;
    let [hello, max_age, forward_delay] = timers(spec.loop_protection, &spec.timers, depth);
    let transmit_hold_count = match spec.loop_protection {
        LoopProtection::Rstp => Some(spec.timers.transmit_hold_count.unwrap_or(HOLD_COUNT)),
        LoopProtection::Stp => None,
    };
    SpanningTree {
        protocol: spec.loop_protection,
        root: name(0),
        stand_in: name(1),
        hello,
        max_age,
        forward_delay,
        transmit_hold_count,
        depth_after_failure: depth,
    }
}
