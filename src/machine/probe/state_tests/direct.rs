//! Probes of a direct fabric: no tree, the planned rules, and every host within reach.

use super::*;
use crate::machine::facts::RuleFacts;

fn reds_direct(probe: StateProbe, change: impl FnOnce(&mut AllFacts)) -> Vec<String> {
    reds_of(&sample::direct_plan(), probe, change)
}

fn rules_of<'a>(facts: &'a mut AllFacts, host: &str) -> &'a mut RuleFacts {
    known(&mut at(facts, host).rules)
}

#[test]
fn ovs_checks_that_there_is_no_tree_and_nothing_floods() {
    let red = |change: fn(&mut Bridge)| reds_direct(ovs, |facts| change(br0(facts, "host2")));
    one(
        &red(|bridge| bridge.fail_mode = None),
        "host2: fail mode is standalone, planned secure",
    );
    one(&red(|bridge| bridge.rstp_enable = true), "host2: RSTP is true, planned false");
    one(&red(|bridge| bridge.stp_enable = true), "host2: STP is true, planned false");
}

#[test]
fn tunnels_have_numbers_and_keys_of_each_frame() {
    let red = |change: fn(&mut Port)| reds_direct(tunnels, |facts| change(port(facts, "host3", "gre2")));
    one(
        &red(|port| port.interface.ofport = Some(7)),
        "host3: OpenFlow number of gre2 is 7, planned 1",
    );
    one(
        &red(|port| drop(port.interface.options.remove("key"))),
        "host3: key of gre2 is nothing, planned flow",
    );
}

#[test]
fn loop_free_compares_rules_and_groups() {
    let red = |change: fn(&mut RuleFacts)| reds_direct(loop_free, |facts| change(rules_of(facts, "host2")));
    const STRANGE: &str = "table=0,priority=9 actions=NORMAL";
    one(
        &red(|rules| rules.flows.extend([STRANGE.to_owned()])),
        &format!("host2: a rule is not planned: {STRANGE}"),
    );
    let lost = red(|rules| drop(rules.groups.pop_first()));
    assert!(
        lost.len() == 1 && lost[0].starts_with("host2: a rule is missing: group_id=1,type=ff,"),
        "{lost:?}"
    );
    let without_any = red(|rules| *rules = RuleFacts::default());
    assert!(
        without_any.len() == 1 && without_any[0].starts_with("host2: 20 rules are missing, among them: table=0,"),
        "{without_any:?}"
    );
    let changed = red(|rules| {
        rules.groups.pop_last();
        rules.groups.insert("group_id=3,type=all".to_owned());
    });
    assert!(changed[0].ends_with("; a rule is not planned: group_id=3,type=all"), "{changed:?}");
    one(
        &reds_direct(loop_free, |facts| {
            at(facts, "host1").rules = Found::Unknown("br0 is not a bridge".into())
        }),
        "host1: rules: br0 is not a bridge",
    );
    one(
        &reds_direct(loop_free, |facts| known(&mut at(facts, "host1").ovs).bridges.clear()),
        "host1: there is no bridge br0",
    );
}

/// The link of two hosts, dead at both ends.
fn cut(facts: &mut AllFacts, link: &str, hosts: [&str; 2]) {
    for host in hosts {
        set(&mut port(facts, host, link).interface.bfd_status, "forwarding", "false");
    }
}

#[test]
fn loop_free_follows_frames_to_every_host() {
    let plan = sample::direct_plan();
    let mut facts = sample::facts(&plan);
    let last = |facts: &AllFacts| loop_free(&plan, facts).pop().unwrap();
    assert_eq!(last(&facts).summary, "each host reaches each other, all directly");
    assert_eq!(last(&facts).measured.unwrap().value, 6.0);
    cut(&mut facts, "gre1", ["host1", "host2"]);
    let relayed = last(&facts);
    assert_eq!(relayed.state, State::Green);
    assert_eq!(
        relayed.summary,
        "each host reaches each other, through another host host1 to host2, host2 to host1"
    );
    // The third has no link to the second either.
    cut(&mut facts, "gre3", ["host2", "host3"]);
    let lost = last(&facts);
    assert!(lost.is_red());
    assert!(
        lost.summary
            .contains("host1 does not reach host2: its own link is dead, and that of host number 3, through which it sends, is dead")
            && lost
                .summary
                .contains("host2 does not reach host1: its own link is dead, and those to all relays are dead"),
        "{}",
        lost.summary
    );
}

#[test]
fn links_that_bfd_hears_are_in_use() {
    use crate::machine::report::LinkState;
    use crate::machine::topology::topology;
    let plan = sample::direct_plan();
    let mut facts = sample::facts(&plan);
    set(&mut port(&mut facts, "host3", "gre3").interface.bfd_status, "state", "down");
    let found = topology(&plan, &facts);
    assert!(found.direct && found.root.is_none());
    let states: Vec<LinkState> = found.links.iter().map(|link| link.state).collect();
    assert_eq!(states, [LinkState::Forwarding, LinkState::Forwarding, LinkState::Down]);
}
