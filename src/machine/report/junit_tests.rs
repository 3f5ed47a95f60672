//! The XML read back, and held against the structure that CI systems expect.

use quick_xml::events::{BytesStart, Event};

use super::*;
use crate::machine::outage::Outage;
use crate::machine::probe::{Probe, Subject};
use crate::spec::HostName;

/// Elements of junit-10.xsd (Jenkins' xunit plugin) that we may use: attributes, of which those with `!` are required, and children.
const STRUCTURE: &[(&str, &[&str], &[&str])] = &[
    (
        "testsuites",
        &["name", "time", "tests", "failures", "disabled", "errors", "skipped"],
        &["testsuite"],
    ),
    (
        "testsuite",
        &["!name", "!tests", "failures", "errors", "time", "disabled", "skipped", "timestamp"],
        &["properties", "testcase", "system-out", "system-err"],
    ),
    ("properties", &[], &["property"]),
    ("property", &["!name", "!value"], &[]),
    (
        "testcase",
        &["!name", "classname", "time", "assertions", "status"],
        &["skipped", "error", "failure", "system-out", "system-err"],
    ),
    ("failure", &["type", "message"], &[]),
    ("skipped", &["type", "message"], &[]),
    ("system-out", &[], &[]),
];

fn host(name: &str) -> HostName {
    name.parse().unwrap()
}

/// Every kind of verdict and scenario, with texts that XML has to escape or cannot hold.
fn sample() -> Report {
    let mut report = Report::new("demo".parse().unwrap(), "QEMU under TCG", [host("host1"), host("host2")]);
    report.bundle = Some("/state/failures/demo".into());
    report.probe_seconds = Some(12.5);
    let pair = Subject::Pair {
        from: host("host1"),
        to: host("host2"),
    };
    report.verdicts = vec![
        Verdict::green(Probe::ContainerPing, pair.clone(), "3 of 3 answered").measured(1.5, "ms"),
        Verdict::red(
            Probe::Ovs,
            Subject::Host { host: host("host2") },
            "says <\"nothing\"> & \u{1b}[1mends\nat once ]]>",
            "look at `ovs-vsctl show`",
        ),
        Verdict::skipped(Probe::Bfd, pair, "not planned"),
    ];
    report.scenarios = vec![
        Scenario {
            what: "kill -9 of host1".into(),
            outage: Some(Outage {
                sent: 20,
                received: 13,
                outage_seconds: 1.25,
                ..Outage::default()
            }),
            limit_seconds: Some(1.0),
            verdicts: report.verdicts[..1].to_vec(),
            took_seconds: Some(61.25),
            ..Scenario::new("host-down")
        },
        Scenario {
            repetition: 2,
            error: Some("ssh to host2: not within 600 s".into()),
            ..Scenario::new("host-down")
        },
    ];
    report
}

#[test]
fn every_verdict_and_scenario_is_a_case() {
    insta::assert_snapshot!(sample().junit().unwrap());
}

#[test]
fn what_is_written_can_be_read_back() {
    let report = sample();
    let read = quick_junit::Report::deserialize_from_str(&report.junit().unwrap()).unwrap();
    assert_eq!((read.tests, read.failures, read.errors, read.skipped), (6, 3, 0, 1));
    // Every red of ours is one failure there.
    assert_eq!(read.failures, report.red_count());
    let names: Vec<&str> = read.test_suites.iter().map(|suite| suite.name.as_str()).collect();
    assert_eq!(names, ["demo.probes", "demo.host-down", "demo.host-down-2"]);
    assert_eq!(read.test_suites[1].time, Some(Duration::from_millis(61_250)));
    assert!(read.test_suites.iter().all(|suite| {
        suite
            .properties
            .iter()
            .any(|property| property.name.as_str() == "bundle" && property.value.as_str() == "/state/failures/demo")
    }));
    let TestCaseStatus::NonSuccess {
        kind,
        message,
        description,
        ..
    } = &read.test_suites[0].test_cases[1].status
    else {
        panic!("a red verdict is no success");
    };
    assert_eq!(*kind, NonSuccessKind::Failure);
    assert_eq!(message.as_ref().unwrap().as_str(), "says <\"nothing\"> & ends");
    assert_eq!(
        description.as_ref().unwrap().as_str(),
        "says <\"nothing\"> & ends\nat once ]]>\nhelp: look at `ovs-vsctl show`"
    );
}

#[test]
fn nothing_is_there_that_ci_systems_do_not_expect() {
    assert_eq!(faults(&sample().junit().unwrap()), Vec::<String>::new());
    // The test of the test.
    let wrong = "<testsuites><testsuite name='a'><testcase name='b' colour='red'><rerun/></testcase></testsuite></testsuites>";
    assert_eq!(
        faults(wrong),
        [
            "testsuite has no tests",
            "testcase has colour",
            "testcase has the child rerun",
            "rerun is no element"
        ]
    );
}

fn faults(xml: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let (mut faults, mut parents) = (Vec::new(), Vec::<String>::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(element) => {
                check(&element, parents.last(), &mut faults);
                parents.push(name(&element));
            }
            Event::Empty(element) => check(&element, parents.last(), &mut faults),
            Event::End(_) => drop(parents.pop()),
            Event::Eof => return faults,
            _ => {}
        }
    }
}

fn name(element: &BytesStart<'_>) -> String {
    String::from_utf8_lossy(element.name().as_ref()).into_owned()
}

fn check(element: &BytesStart<'_>, parent: Option<&String>, faults: &mut Vec<String>) {
    let this = name(element);
    let known = |wanted: &str| STRUCTURE.iter().find(|(name, ..)| *name == wanted);
    if let Some((parent, _, children)) = parent.and_then(|parent| known(parent))
        && !children.contains(&this.as_str())
    {
        faults.push(format!("{parent} has the child {this}"));
    }
    let Some((_, allowed, _)) = known(&this) else {
        faults.push(format!("{this} is no element"));
        return;
    };
    let given: Vec<String> = element
        .attributes()
        .map(|attribute| String::from_utf8_lossy(attribute.unwrap().key.as_ref()).into_owned())
        .collect();
    for required in allowed.iter().filter_map(|name| name.strip_prefix('!')) {
        if !given.iter().any(|name| name == required) {
            faults.push(format!("{this} has no {required}"));
        }
    }
    for name in &given {
        if !allowed.iter().any(|allowed| allowed.trim_start_matches('!') == name) {
            faults.push(format!("{this} has {name}"));
        }
    }
}
