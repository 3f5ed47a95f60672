//! What has come of the lock.

use crate::plan::{Anew, Plan};
use crate::spec::HostName;

/// Nothing where there is no lock. Whose slice has shrunk is what somebody has to act on.
pub fn lines(plan: &Plan) -> String {
    let Some(growth) = &plan.growth else { return String::new() };
    let mut text = format!("Lock        new hosts: {}; gone: {}\n", names(&growth.new), names(&growth.gone));
    for shrunk in &growth.shrunk {
        text += &format!(
            "Shrinks     the slice of {}, from {} to {}, for {}\n",
            shrunk.host,
            shrunk.from,
            shrunk.to,
            names(&shrunk.given_to)
        );
    }
    if let Some(why) = growth.links_anew {
        text += &format!("Links       planned anew: {}\n", reason(why));
    }
    for (what, links) in [("added", &growth.links_added), ("removed", &growth.links_removed)] {
        if let [first, more @ ..] = &links[..] {
            let more = match more {
                [] => String::new(),
                more if more.len() < SHOWN => more.iter().map(|[a, b]| format!(", {a} - {b}")).collect(),
                more => format!(", and {} more", more.len()),
            };
            text += &format!("Links       {what} between hosts that stay: {} - {}{more}\n", first[0], first[1]);
        }
    }
    text
}

/// Links that are named; of more, it is said how many they are.
const SHOWN: usize = 8;

fn names(names: &[HostName]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.iter().map(HostName::as_str).collect::<Vec<_>>().join(", "),
    }
}

fn reason(why: Anew) -> &'static str {
    match why {
        Anew::OtherTopology => "the file has another topology than the lock",
        Anew::NotThatTopology => "those of the lock are not such a mesh",
        Anew::TooDeep => "with those of the lock the tree would be deeper than its protocol or the timers reach",
        Anew::NotShown => "that those of the lock survive what they should can't be shown",
    }
}
