//! Probe `duplicates`: no ping from container to container is answered twice.

use super::container_ping::Asked;
use super::{Probe, Verdict, between, never_empty};
use crate::plan::Plan;

const HELP: &str = "a frame that arrives twice went two ways: see the probe loop-free. With a tree that is whole, two containers have one address \
                    (see the probe unique), or the underlay doubles packets: `ping` from host to host tells";

/// The pings of `container-ping`, all ordered pairs. Where no ping was answered, nothing can be said, which is red.
pub fn duplicates(plan: &Plan, asked: &Asked) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for from in &plan.hosts {
        for to in plan.hosts.iter().filter(|to| to.name != from.name) {
            let subject = between(&from.name, &to.name);
            verdicts.push(match asked.get(&from.name, &to.name) {
                Err(why) => Verdict::red(Probe::Duplicates, subject, why, super::UNKNOWN_HELP),
                Ok(pings) if pings.received == 0 => Verdict::red(Probe::Duplicates, subject, pings.summary(), super::UNKNOWN_HELP),
                Ok(pings) if pings.duplicates > 0 => {
                    let summary = format!("{} replies more than the {} that were asked for", pings.duplicates, pings.sent);
                    Verdict::red(Probe::Duplicates, subject, summary, HELP)
                }
                Ok(pings) => Verdict::green(Probe::Duplicates, subject, format!("{} replies, none twice", pings.received)),
            });
        }
    }
    never_empty(Probe::Duplicates, verdicts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::probe::container::Containers;
    use crate::machine::sample::{self, Scripted};

    fn verdicts(answer: fn(&str) -> String) -> Vec<Verdict> {
        let hosts = ["host1", "host2", "host3"].map(|name| Scripted::new(name, move |script| Ok(answer(script))));
        let plan = sample::plan();
        let containers = sample::containers();
        duplicates(&plan, &Asked::ask(&plan, &sample::machines(&hosts), &containers))
    }

    #[test]
    fn one_reply_each_is_green() {
        let verdicts = verdicts(sample::answer);
        assert_eq!(verdicts.len(), 6);
        assert!(!verdicts.iter().any(Verdict::is_red), "{verdicts:?}");
        assert_eq!(verdicts[0].summary, "3 replies, none twice");
    }

    #[test]
    fn two_replies_to_a_ping_are_red() {
        let twice = verdicts(|script| sample::answer(script).replace("3 received,", "3 received, +2 duplicates,"));
        assert_eq!(twice.iter().filter(|verdict| verdict.is_red()).count(), 6);
        assert_eq!(twice[0].summary, "2 replies more than the 3 that were asked for");
    }

    #[test]
    fn no_reply_shows_nothing() {
        let silent = verdicts(|script| sample::answer(script).replace("3 received, 0%", "0 received, 100%"));
        assert!(silent.iter().all(Verdict::is_red));
        assert_eq!(silent[0].summary, "0 of 3 answered");
        let plan = sample::plan();
        let none = duplicates(&plan, &Asked::ask(&plan, &[], &Containers::new()));
        assert!(none.len() == 6 && none.iter().all(Verdict::is_red));
    }
}
