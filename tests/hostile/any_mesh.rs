//! The mesh of any valid cluster.yaml: tunnel, fabric, topology, BFD and timers.

use serde_json::{Map, Value, json};

use super::{Choices, Frame};

pub(super) fn bfd(choices: &mut Choices<'_>, may_be_none: bool) -> Value {
    match choices.below(3) {
        0 if may_be_none => json!("none"),
        0 | 1 => json!({ "interval": format!("{}ms", choices.between(1, 60_000)), "multiplier": choices.between(1, 255) }),
        _ => json!({ "interval": format!("{}s", choices.between(1, 60)) }),
    }
}

/// What goes without a tree: all that is about one must be left out, and BFD be there.
fn direct_mesh(choices: &mut Choices<'_>, frame: &mut Frame, tunnel: &str, names: &[String]) -> Value {
    frame.is_direct = true;
    let mut mesh = json!({ "tunnel": tunnel, "fabric": "direct" });
    match choices.below(5) {
        1 => mesh["topology"] = "full".into(),
        // Of few hosts these leave nobody further away than one host between; a warning says what they do not survive.
        2 if frame.hosts <= 5 => mesh["topology"] = "ring".into(),
        3 => {
            mesh["topology"] = "hub".into();
            mesh["hubs"] = json!(names[..choices.between(1, 2) as usize]);
        }
        _ => {}
    }
    if choices.yes() {
        mesh["bfd"] = bfd(choices, false);
    }
    mesh
}

pub(super) fn mesh(choices: &mut Choices<'_>, frame: &mut Frame, tunnel: &str, names: &[String]) -> Value {
    if choices.rarely() {
        return direct_mesh(choices, frame, tunnel, names);
    }
    let protocol = choices.of(&["rstp", "stp"]);
    let mut mesh = json!({ "tunnel": tunnel, "loop-protection": protocol });
    if let Some(bridge) = choices.maybe(|choices| choices.of(&["br0", "ovs", "Mesh_1.0-x"])) {
        mesh["bridge"] = bridge.into();
    }
    if choices.rarely() {
        mesh["fabric"] = "spanning-tree".into();
    }
    if choices.yes() {
        mesh["bfd"] = bfd(choices, true);
    }
    let deep = topology(choices, frame, &mut mesh, names);
    if choices.yes() {
        let mut timers = Map::new();
        let hello = choices.between(1, 10);
        let most_hello = if protocol == "stp" { hello } else { 2 };
        // As deep as the tree may be; what the plan chooses fits any.
        let least = if deep { (frame.hosts + 2).max(6) } else { 6 };
        let max_age = choices.between((2 * (most_hello + 1)).max(least), 40);
        if protocol == "stp" {
            timers.insert("hello".into(), hello.into());
        } else if choices.yes() {
            timers.insert("transmit-hold-count".into(), choices.between(1, 10).into());
        }
        timers.insert("max-age".into(), max_age.into());
        timers.insert("forward-delay".into(), choices.between((max_age.div_ceil(2) + 1).max(4), 30).into());
        mesh["timers"] = timers.into();
    }
    // Roots by name, or by priorities; both together are right only if the numbers say the same.
    match choices.below(3) {
        0 => {}
        1 => frame.has_priorities = true,
        _ => {
            let (root, other) = (choices.below(frame.hosts) as usize, choices.below(frame.hosts) as usize);
            let which = choices.below(3);
            if which != 1 {
                mesh["root"] = names[root].clone().into();
            }
            if which != 0 && other != root {
                mesh["stand-in"] = names[other].clone().into();
            }
        }
    }
    mesh
}

/// Which hosts are linked; whether that may be as deep as there are hosts.
fn topology(choices: &mut Choices<'_>, frame: &mut Frame, mesh: &mut Value, names: &[String]) -> bool {
    let small = frame.hosts <= 30;
    let kind = choices.below(6);
    let survives = |choices: &mut Choices<'_>, mesh: &mut Value| {
        if choices.rarely() {
            mesh["survive"] = choices.below(frame.hosts.saturating_sub(1).min(3)).into();
        }
    };
    match kind {
        1 => {
            mesh["topology"] = "full".into();
            survives(choices, mesh);
        }
        2 => {
            mesh["topology"] = "sparse".into();
            survives(choices, mesh);
        }
        3 if small => {
            frame.has_sites = true;
            mesh["topology"] = "sparse".into();
            return true;
        }
        4 if small => {
            mesh["topology"] = "ring".into();
            return true;
        }
        5 if small => {
            // A chain, and perhaps closed: a warning says what it does not survive.
            let mut links: Vec<[&str; 2]> = names.windows(2).map(|pair| [pair[0].as_str(), pair[1].as_str()]).collect();
            if names.len() > 2 && choices.yes() {
                links.push([names[0].as_str(), names[names.len() - 1].as_str()]);
            }
            mesh["topology"] = json!({ "links": links });
            return true;
        }
        4 | 5 => {
            mesh["topology"] = "hub".into();
            mesh["hubs"] = json!(names[..choices.between(1, 2) as usize]);
        }
        _ => {}
    }
    false
}
