//! Tests of [`super`]: what is asked, and that each unwanted answer is red.

use super::*;
use crate::machine::sample;

/// Only ssh answers, at both addresses.
fn healthy(plan: &Plan) -> Asked {
    let questions = questions(plan, &sample::facts(plan), &sample::containers());
    let answers = Answers {
        tcp: BTreeSet::from([SSH]),
        bridge_tcp: BTreeSet::from([SSH]),
        ..Answers::default()
    };
    questions
        .into_iter()
        .map(|(host, questions)| (host, questions.map(|questions| (questions, answers.clone()))))
        .collect()
}

fn red_of(plan: &Plan, change: impl Fn(&mut Answers)) -> String {
    let mut asked = healthy(plan);
    assert!(!exposure(plan, &asked).iter().any(Verdict::is_red));
    change(&mut asked.values_mut().next().unwrap().as_mut().unwrap().1);
    let verdicts = exposure(plan, &asked);
    assert_eq!(verdicts.iter().map(Verdict::is_red).collect::<Vec<_>>(), [true, false, false]);
    verdicts[0].summary.clone()
}

#[test]
fn the_ports_are_the_systems_those_listened_at_and_a_sample() {
    let plan = sample::plan();
    let questions = questions(&plan, &sample::facts(&plan), &sample::containers());
    assert_eq!(questions.len(), 3);
    let first = questions.values().next().unwrap().as_ref().unwrap();
    assert!((1..=1023).all(|port| first.tcp.contains(&port)));
    assert!(first.tcp.contains(&9999), "listened at");
    assert!(first.tcp.len() > 1023 + SAMPLE - 50, "{}", first.tcp.len());
    assert_eq!(first.bridge_tcp, [22, 9999]);
    assert_eq!(first.udp, [4789, 5353, 6081]);
    assert_eq!(first.container, Some(Ipv4Addr::new(172, 17, 64, 0)));
    assert_eq!(first.inside, Ipv4Addr::new(172, 17, 255, 254));
    let spread = first.tcp.iter().filter(|port| **port > 32768).count();
    assert!((900..1200).contains(&spread), "{spread}");
}

#[test]
fn each_unwanted_answer_is_red() {
    let plan = sample::plan();
    let red = |change: fn(&mut Answers)| red_of(&plan, change);
    assert_eq!(
        red(|answers| answers.tcp.extend([8080, 2375])),
        "TCP port 2375, 8080 takes connections"
    );
    assert_eq!(
        red(|answers| answers.bridge_tcp.extend([2376])),
        "TCP port of 172.17.42.1 2376 takes connections from the underlay"
    );
    assert_eq!(red(|answers| answers.udp.extend([53])), "UDP port 53 answers");
    assert_eq!(red(|answers| answers.inside.push("GRE came back".into())), "GRE came back");
    assert_eq!(red(|answers| answers.tcp.clear()), "not even ssh answers, so nothing is proved");
}

#[test]
fn the_api_with_tls_may_answer_and_without_may_not() {
    let tls = |port| Api::Tls {
        port,
        ca: "/etc/ca.pem".parse().unwrap(),
        certificate: "/etc/c.pem".parse().unwrap(),
        key: "/etc/k.pem".parse().unwrap(),
    };
    for (api, is_red) in [
        (tls(2376), false),
        (tls(2377), true),
        (Api::UnsafeWithoutTls { port: 2376 }, true),
        (Api::None, true),
    ] {
        let mut plan = sample::plan();
        plan.hosts[0].docker.api = api;
        let mut asked = healthy(&plan);
        asked.values_mut().next().unwrap().as_mut().unwrap().1.bridge_tcp.insert(2376);
        assert_eq!(exposure(&plan, &asked)[0].is_red(), is_red);
    }
}

#[test]
fn what_was_not_asked_is_red() {
    let plan = sample::plan();
    let mut asked = healthy(&plan);
    asked.insert("host2".parse().unwrap(), Err("192.0.2.2 does not answer".into()));
    asked.remove(&"host3".parse::<HostName>().unwrap());
    let mut facts = sample::facts(&plan);
    facts.values_mut().next().unwrap().listening = crate::machine::facts::Found::Unknown("ss is not installed".into());
    let first = questions(&plan, &facts, &sample::containers()).into_values().next().unwrap();
    assert_eq!(first.unwrap_err(), "sockets: ss is not installed");
    let verdicts = exposure(&plan, &asked);
    assert_eq!(verdicts.iter().map(Verdict::is_red).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(verdicts[1].summary, "192.0.2.2 does not answer");
}
