//! Where broadcasts go, as Open vSwitch traces them (ovs-vswitchd(8), `ofproto/trace`).

use std::collections::{BTreeMap, BTreeSet};

use super::sections::Sections;

/// The section `floods`, if it was asked for.
pub fn parse(sections: &Sections) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
    match sections.get("floods") {
        Ok(_) => traces(sections.text("floods")?),
        Err(_) => Ok(BTreeMap::new()),
    }
}

/// Reads `from PORT` and the trace that follows it, for each port:
///
/// ```text
/// from gre1
/// Flow: in_port=1,...
/// Datapath actions: br0,set(tunnel(tun_id=0x0,dst=192.0.2.3,ttl=64,flags(df|key))),gre_sys
/// ```
///
/// What is not the name of a port, such as `set(...)` and `drop`, is among the names; nobody looks for it.
fn traces(text: &str) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
    let mut floods = BTreeMap::new();
    let mut from = None;
    for line in text.lines() {
        if let Some(port) = line.strip_prefix("from ") {
            from = Some(port);
        } else if let (Some(port), Some(actions)) = (from, line.strip_prefix("Datapath actions: ")) {
            floods.insert(port.to_owned(), names(actions));
            from = None;
        }
        // A trace has one such line; a port without one was not understood.
    }
    match from {
        Some(port) => Err(format!("no trace of a broadcast from {port}")),
        None => Ok(floods),
    }
}

/// What is between commas outside of brackets.
fn names(actions: &str) -> BTreeSet<String> {
    let mut depth = 0_usize;
    let words = actions.split(|character: char| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    });
    words.map(|word| word.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_what_is_outside_of_brackets() {
        let text = "from gre1\nFlow: in_port=1\n\nbridge(\"br0\")\n------------\nDatapath actions: \
                    br0,set(tunnel(tun_id=0x0,dst=192.0.2.3,br0,flags(df|key))),gre_sys\nfrom gre2\nDatapath actions: drop\n";
        let floods = traces(text).unwrap();
        assert!(floods["gre1"].contains("br0") && floods["gre1"].contains("gre_sys"));
        assert_eq!(floods["gre1"].len(), 3);
        assert!(!floods["gre2"].contains("br0"));
        assert_eq!(traces("").unwrap(), BTreeMap::new());
        assert_eq!(traces("from gre1\nFlow: x\n").unwrap_err(), "no trace of a broadcast from gre1");
    }

    #[test]
    fn what_was_not_asked_for_is_no_fault() {
        let parsed = |text: &str| parse(&Sections::parse(text));
        assert_eq!(parsed("[ovs 0]\n").unwrap(), BTreeMap::new());
        parsed("[floods 1]\n!no bridge named br0\n").unwrap_err();
    }
}
