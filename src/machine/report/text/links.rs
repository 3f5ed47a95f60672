//! How the links stand, one line for each state.

use std::fmt::Write;

use super::Paint;
use crate::machine::probe::State;
use crate::machine::report::{LinkState, Topology, TopologyLink};

/// Links that a line names; of more than these it says how many.
const NAMED_MAX: usize = 12;

pub fn links(topology: &Topology, paint: Paint) -> String {
    if topology.links.is_empty() {
        return String::new();
    }
    let root = match &topology.root {
        _ if topology.direct => "a direct fabric, without a tree".to_owned(),
        None => "the hosts agree on no root".to_owned(),
        Some(root) => format!("the tree's root is {root}"),
    };
    let mut text = format!("\n{}\n", paint.title(&format!("Links before any fault: {root}")));
    for (state, word, color) in [
        (LinkState::Forwarding, "forwarding", State::Green),
        (LinkState::Blocked, "in reserve", State::Skipped),
        (LinkState::Down, "DOWN", State::Red),
        (LinkState::Unknown, "unknown", State::Red),
    ] {
        let of_state: Vec<&TopologyLink> = topology.links.iter().filter(|link| link.state == state).collect();
        if of_state.is_empty() {
            continue;
        }
        let mut names: Vec<String> = of_state
            .iter()
            .take(NAMED_MAX)
            .map(|link| format!("{} ({} - {})", link.name, link.ends[0], link.ends[1]))
            .collect();
        if of_state.len() > NAMED_MAX {
            names.push(format!("and {} more", of_state.len() - NAMED_MAX));
        }
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}  {}", paint.state(color, &format!("{word:<10}")), names.join(", "));
    }
    text
}
