//! Rules of the spanning tree and of BFD.

use std::ops::RangeInclusive;

use super::{Rules, in_range};
use crate::plan::spanning_tree::{self, FORWARD_DELAY, MAX_AGE, OTHER_PRIORITY, ROOT_PRIORITY, STAND_IN_PRIORITY};
use crate::spec::diagnostic::{Code, Diagnostic};
use crate::spec::field::{Field, Placed};
use crate::spec::nearest::nearest;
use crate::spec::node::Place;
use crate::spec::raw::{RawCluster, RawHost, RawTimers};
use crate::spec::scalar::{Interval, OrNone};
use crate::spec::types::{Bfd, HostName, LoopProtection, Spec, Timers};

/// Steps and limit of a bridge priority (802.1D-2004 9.2.5: the upper four of sixteen bits).
const PRIORITY_STEP: i64 = 4096;
const PRIORITY_MAX: i64 = 61440;

/// Bounds of what all protocols and releases take: hello of 802.1D-2004 table 17-1, hold count of its 17.14.
const HELLO: RangeInclusive<u8> = 1..=10;
const HOLD_COUNT: RangeInclusive<u8> = 1..=10;

/// The timers, or `None` where one is wrong.
pub(super) fn check(rules: &mut Rules<'_>, loop_protection: LoopProtection) -> Option<Timers> {
    check_roots(rules);
    check_priorities(rules);
    check_timers(rules, loop_protection)
}

fn check_roots(rules: &mut Rules<'_>) {
    let mesh = &rules.cluster.mesh;
    let root = mesh.then(|mesh| &mesh.root).given();
    let stand_in = mesh.then(|mesh| &mesh.stand_in).given();
    // With an unreadable name in the list, the unknown one may be that.
    let names: Vec<&str> = rules
        .hosts
        .iter()
        .filter_map(|host| host.keys.name.given())
        .map(|name| name.value.as_str())
        .collect();
    let all_known = u32::try_from(names.len()) == Ok(rules.host_count()) && rules.host_count() > 0;
    for host in [root, stand_in].into_iter().flatten().filter(|_| all_known) {
        if !names.contains(&host.value.as_str()) {
            let help = match nearest(host.value.as_str(), names.iter().copied()) {
                Some(near) => format!("did you mean '{near}'?"),
                None => "give the name of a host in `hosts`".to_owned(),
            };
            rules
                .problems
                .push(host.error(Code::MeshUnknownHost, format!("there is no host '{}'", host.value), help));
        }
    }
    if let (Some(root), Some(stand_in)) = (root, stand_in)
        && root.value == stand_in.value
    {
        let message = format!("'{}' can't take over from itself", root.value);
        let problem = stand_in.error(Code::MeshRootIsStandIn, message, "name another host, or leave `stand-in` out");
        rules.report(problem.with_related(root.place, "the root"));
    }
}

/// The host's own priority; wrong ones are reported by [`check`].
pub(super) fn priority(host: &RawHost) -> Option<u16> {
    u16::try_from(host.mesh.then(|mesh| &mesh.priority).given()?.value).ok()
}

fn check_priorities(rules: &mut Rules<'_>) {
    let mut wrong = false;
    for host in rules.hosts.clone() {
        let Some(priority) = host.keys.mesh.then(|mesh| &mesh.priority).given() else {
            continue;
        };
        if !(0..=PRIORITY_MAX).contains(&priority.value) || priority.value % PRIORITY_STEP != 0 {
            let message = format!("{} is not a spanning tree priority", priority.value);
            let help = format!("give a multiple of {PRIORITY_STEP} from 0 to {PRIORITY_MAX}; the lowest is the root");
            rules.report(priority.error(Code::MeshPriority, message, help));
            wrong = true;
        }
    }
    let mesh = &rules.cluster.mesh;
    let root = mesh.then(|mesh| &mesh.root).given();
    let stand_in = mesh.then(|mesh| &mesh.stand_in).given();
    let same = root.map(|root| &root.value) == stand_in.map(|stand_in| &stand_in.value);
    if wrong || (same && root.is_some()) {
        return;
    }
    if let Some(root) = root {
        check_lowest(rules, root, &[], "the root");
        if let Some(stand_in) = stand_in {
            check_lowest(rules, stand_in, &[&root.value], "the stand-in");
        }
    }
}

/// A host named as `role` must have a lower priority than all others but `above`; those that the file gives none have a default.
fn check_lowest(rules: &mut Rules<'_>, named: &Placed<HostName>, above: &[&HostName], role: &str) {
    let mesh = &rules.cluster.mesh;
    let is = |field: &Field<HostName>, name: &HostName| field.given().is_some_and(|field| field.value == *name);
    let priority_of = |host: &RawHost, name: &HostName| {
        host.mesh.then(|mesh| &mesh.priority).given().map_or_else(
            || match () {
                () if is(mesh.then(|mesh| &mesh.root), name) => i64::from(ROOT_PRIORITY),
                () if is(mesh.then(|mesh| &mesh.stand_in), name) => i64::from(STAND_IN_PRIORITY),
                () => i64::from(OTHER_PRIORITY),
            },
            |priority| priority.value,
        )
    };
    let hosts: Vec<(&RawHost, &HostName)> = rules
        .hosts
        .iter()
        .filter_map(|host| Some((host.keys, &host.keys.name.given()?.value)))
        .collect();
    let Some((_, own)) = hosts
        .iter()
        .find(|(_, name)| **name == named.value)
        .map(|(keys, name)| (name, priority_of(keys, name)))
    else {
        return;
    };
    let rival = hosts.iter().filter(|(_, name)| **name != named.value && !above.contains(name));
    let rival = rival
        .map(|(keys, name)| (name, keys, priority_of(keys, name)))
        .find(|(_, _, priority)| *priority <= own);
    if let Some((name, keys, priority)) = rival {
        let message = format!(
            "'{}' has priority {own} and could not be {role}: '{name}' has {priority}",
            named.value
        );
        let help = format!(
            "give '{}' a lower `mesh.priority` than all others, or leave the priorities out",
            named.value
        );
        let problem = named.error(Code::MeshRootPriority, message, help);
        let problem = match keys.mesh.then(|mesh| &mesh.priority).given() {
            Some(field) => problem.with_related(field.place, "not higher"),
            None => problem,
        };
        rules.report(problem);
    }
}

/// A stand-in without a root beside it must come second all the same, whatever priorities hosts have and whomever the plan makes the root.
pub(super) fn check_stand_in(rules: &mut Rules<'_>, spec: &Spec) {
    let mesh = &rules.cluster.mesh;
    let (None, Some(named)) = (&spec.root, mesh.then(|mesh| &mesh.stand_in).given()) else {
        return;
    };
    // Whoever the plan would rather have, as many come before.
    let priorities = spanning_tree::priorities(spec, &[]);
    let Some(own) = spec
        .hosts
        .iter()
        .position(|host| host.name == named.value)
        .map(|place| priorities[place])
    else {
        return;
    };
    let lower = priorities.iter().filter(|priority| **priority < own).count();
    let equal = priorities.iter().filter(|priority| **priority == own).count();
    if (lower, equal) != (1, 1) {
        let message = format!(
            "'{}' has priority {own} and could not be the stand-in: {lower} other hosts have a lower one, and {} the same",
            named.value,
            equal - 1
        );
        let help = "exactly one host, the root, must come before it: name `mesh.root` too, or leave the hosts' priorities out";
        rules.report(named.error(Code::MeshRootPriority, message, help));
    }
}

fn check_timers(rules: &mut Rules<'_>, loop_protection: LoopProtection) -> Option<Timers> {
    let timers = match rules.cluster.mesh.then(|mesh| &mesh.timers) {
        Field::Absent => return Some(Timers::default()),
        Field::Broken => return None,
        Field::Given(timers) => timers,
    };
    let keys = &timers.value;
    let before = rules.problems.len();
    let mut read = |field: &Field<i64>, range: RangeInclusive<u8>, unit: &str| -> Option<u8> {
        let (least, most) = (i64::from(*range.start()), i64::from(*range.end()));
        let help = format!("give {unit} from {least} to {most}");
        in_range(&mut rules.problems, Code::MeshTimerRange, field.given()?, least, most, &help)
    };
    let given = Timers {
        hello: read(&keys.hello, HELLO, "whole seconds"),
        max_age: read(&keys.max_age, MAX_AGE, "whole seconds"),
        forward_delay: read(&keys.forward_delay, FORWARD_DELAY, "whole seconds"),
        transmit_hold_count: read(&keys.transmit_hold_count, HOLD_COUNT, "a number of frames"),
    };
    let other_protocol = match loop_protection {
        LoopProtection::Stp => keys.transmit_hold_count.given().map(|count| {
            let help = "remove it, or choose `mesh.loop-protection: rstp`";
            count.error(Code::MeshRstpOnly, "stp has no transmit hold count", help)
        }),
        LoopProtection::Rstp => keys.hello.given().map(|hello| {
            let message = format!("Open vSwitch cannot set rstp's hello, which is {} s", spanning_tree::HELLO);
            let help = "remove it, or choose `mesh.loop-protection: stp`; with rstp, `mesh.bfd` decides how soon a dead link is noticed";
            hello.error(Code::MeshStpOnly, message, help)
        }),
    };
    rules.problems.extend(other_protocol);
    let broken = [&keys.hello, &keys.max_age, &keys.forward_delay]
        .iter()
        .any(|field| field.is_broken());
    if rules.problems.len() > before || broken {
        return None;
    }
    rules.problems.extend(check_relation(timers.place, keys, &given, loop_protection));
    Some(given)
}

/// 802.1D-2004 17.14: a bridge must hear of a change before it forgets, and forget before it forwards.
fn check_relation(place: Place, keys: &RawTimers, given: &Timers, loop_protection: LoopProtection) -> Option<Diagnostic> {
    // How deep the tree is makes a difference only where the file gives no max age, and then for the longer.
    let [hello, max_age, forward_delay] = spanning_tree::timers(loop_protection, given, 0);
    let (least, most) = (2 * (hello + 1), 2 * (forward_delay - 1));
    if (least..=most).contains(&max_age) {
        return None;
    }
    let protocol = match loop_protection {
        LoopProtection::Rstp => "rstp",
        LoopProtection::Stp => "stp",
    };
    let said = |given: Option<u8>, value: u8| match given {
        Some(_) => value.to_string(),
        None => format!("{value} ({protocol}'s default)"),
    };
    let message = format!(
        "2 * (hello + 1) <= max-age <= 2 * (forward-delay - 1) does not hold: {least} <= {max_age} <= {most}, with hello {}, max-age {}, \
         forward-delay {}",
        said(given.hello, hello),
        said(given.max_age, max_age),
        said(given.forward_delay, forward_delay)
    );
    let enough = spanning_tree::shortest_forward_delay(max_age);
    let help = if max_age < least {
        format!(
            "give a `max-age` of at least {least}, and a `forward-delay` of at least {}",
            hello + 2
        )
    } else if FORWARD_DELAY.contains(&enough) {
        format!("give a `forward-delay` of at least {enough}, or a lower `max-age`")
    } else {
        "give a lower `max-age`".to_owned()
    };
    let field = [&keys.max_age, &keys.forward_delay, &keys.hello]
        .into_iter()
        .find_map(|field| field.given());
    Some(match field {
        Some(field) => field.error(Code::MeshTimers, message, help),
        None => Diagnostic::error(Code::MeshTimers, "mesh.timers", place, message, help),
    })
}

/// BFD at the host's ends of its links: 100 ms times 3 unless the file says otherwise. The outer `None` is an error.
pub(super) fn bfd(problems: &mut Vec<Diagnostic>, cluster: &RawCluster, host: &RawHost) -> Option<Option<Bfd>> {
    let field = host.mesh.then(|mesh| &mesh.bfd).or(cluster.mesh.then(|mesh| &mesh.bfd));
    let keys = match field {
        Field::Absent => {
            return Some(Some(Bfd {
                interval_ms: 100,
                multiplier: 3,
            }));
        }
        Field::Broken => return None,
        Field::Given(given) => match &given.value {
            OrNone::None => return Some(None),
            OrNone::Some(keys) => keys,
        },
    };
    let multiplier = match keys.multiplier.given() {
        Some(field) => in_range(
            problems,
            Code::MeshBfdMultiplier,
            field,
            1,
            255,
            "give the number of packets that may be missed, usually 3",
        )?,
        None => 3,
    };
    Some(Some(Bfd {
        interval_ms: super::value_or(&keys.interval, Interval(100)).0,
        multiplier,
    }))
}
