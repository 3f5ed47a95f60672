//! What a bridge of a direct fabric forwards by: its rules and groups, what was learnt apart.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::sections::Sections;
use crate::render::rules::{LEARNT, Rules};

/// Rules and groups in one form, whether ovs-ofctl(8) printed or was given them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RuleFacts {
    pub flows: BTreeSet<String>,
    pub groups: BTreeSet<String>,
}

impl RuleFacts {
    /// Flows, then groups.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        self.flows.iter().chain(&self.groups)
    }

    /// Whether it is one of them.
    pub fn has(&self, rule: &str) -> bool {
        self.flows.contains(rule) || self.groups.contains(rule)
    }
}

/// As they are to be.
impl From<&Rules> for RuleFacts {
    fn from(rules: &Rules) -> Self {
        Self {
            flows: rules.flows.iter().filter_map(|flow| normal(flow)).collect(),
            groups: rules.groups.iter().cloned().collect(),
        }
    }
}

/// Reads what `ovs-ofctl dump-flows` and `dump-groups` print:
///
/// ```text
///  priority=300,in_port=LOCAL actions=load:0x1->NXM_NX_REG0[],resubmit(,2)
///  table=3, priority=200,reg1=0x2 actions=group:2
/// OFPST_GROUP_DESC reply (OF1.4) (xid=0x2):
///  group_id=2,type=ff,bucket=watch_port:2,actions=set_field:0x1004->tun_id,output:2
/// ```
pub fn parse(sections: &Sections) -> Result<RuleFacts, String> {
    let flows = sections.text("flows")?.lines();
    let groups = sections.text("groups")?.lines();
    let group = |line: &str| line.trim().starts_with("group_id=").then(|| line.trim().to_owned());
    Ok(RuleFacts {
        flows: flows.filter_map(normal).collect(),
        groups: groups.filter_map(group).collect(),
    })
}

/// The match in one order, with the table and the priority that are not said where they are the default (ovs-ofctl(8)); `None` for what is no rule
/// or was learnt.
fn normal(line: &str) -> Option<String> {
    let (left, actions) = line.split_once("actions=")?;
    let mut words: BTreeSet<&str> = left.split([',', ' ']).filter(|word| !word.is_empty()).collect();
    for (key, default) in [("table=", "table=0"), ("priority=", "priority=32768")] {
        if !words.iter().any(|word| word.starts_with(key)) {
            words.insert(default);
        }
    }
    if words.contains(format!("table={LEARNT}").as_str()) {
        return None;
    }
    // The order of an OpenFlow table: where, how urgent, what.
    let is_first = |word: &&str| word.starts_with("table=") || word.starts_with("priority=");
    let (mut first, rest): (Vec<&str>, Vec<&str>) = words.into_iter().partition(is_first);
    first.reverse();
    let all = [first, rest].concat();
    Some(format!("{} actions={}", all.join(","), actions.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_and_planned_rules_are_the_same() {
        let planned = "table=0,priority=200,tun_id=0x2000/0x7ff000,in_port=2 actions=resubmit(,1)";
        let printed = " cookie=0x0, priority=200,in_port=2,tun_id=0x2000/0x7ff000 actions=resubmit(,1)\n";
        assert_eq!(
            normal(planned).unwrap(),
            "table=0,priority=200,in_port=2,tun_id=0x2000/0x7ff000 actions=resubmit(,1)"
        );
        assert_eq!(normal(printed.trim_start_matches(" cookie=0x0,")), normal(planned));
        assert_eq!(normal(" actions=NORMAL").unwrap(), "table=0,priority=32768 actions=NORMAL");
        assert_eq!(
            normal(" table=2, hard_timeout=300, priority=1,dl_dst=02:00:00:00:00:01 actions=load:0x1->NXM_NX_REG1[]"),
            None
        );
        assert_eq!(normal("OFPST_FLOW reply (OF1.4) (xid=0x2):"), None);
    }
}
