//! What is chosen, and which host a failure is about.

use super::*;
use crate::machine::probe::Probe;

#[test]
fn scenarios_are_those_that_are_named_in_the_order_of_all() {
    let all = Fault::ALL.to_vec();
    assert_eq!(faults(&[]).unwrap(), all);
    let (first, last) = (all[0], all[all.len() - 1]);
    assert_ne!(first, last);
    let choices = [last, first, last].map(Choice::Fault);
    assert_eq!(faults(&choices).unwrap(), [first, last]);
    assert_eq!(faults(&[Choice::None]).unwrap(), []);
    let error = faults(&[Choice::Fault(last), Choice::None]).unwrap_err();
    assert_eq!(error.exit(), crate::error::Exit::Usage);
    assert!(error.to_string().contains(last.name()), "{error}");
}

#[test]
fn a_failure_is_about_the_host_of_its_first_red() {
    let host = |name: &str| name.parse::<HostName>().unwrap();
    let on = |name: &str| Subject::Host { host: host(name) };
    let pair = Subject::Pair {
        from: host("host3"),
        to: host("host1"),
    };
    let red = |subject: Subject| Verdict::red(Probe::Ovs, subject, "bad", "look");
    let green = Verdict::green(Probe::Ovs, on("host1"), "fine");
    assert_eq!(first_red(std::slice::from_ref(&green)), None);
    assert_eq!(first_red(&[green.clone(), red(Subject::Cluster)]), None);
    assert_eq!(
        first_red(&[green, red(Subject::Cluster), red(pair), red(on("host2"))]),
        Some(host("host3"))
    );
    assert_eq!(first_red(&[red(on("host2"))]), Some(host("host2")));
}
