//! Droplets from nothing, and what is done when some are there.

use std::collections::BTreeSet;

use super::fake::Fake;
use super::{assert_all_active, bring_up, of, wanted};

const THREE: [&str; 3] = ["host1", "host2", "host3"];

#[test]
fn three_droplets_from_nothing_and_none_more_the_second_time() {
    let fake = Fake::start();
    fake.add("somebody-elses", &["web"]);
    assert_all_active(&bring_up(&fake, &wanted()));
    assert_eq!(fake.names(), ["host1", "host2", "host3", "somebody-elses"]);
    let lines = fake.lines();
    let place = |line: &str| lines.iter().position(|found| found == line).expect(line);
    assert!(place("POST /v2/tags") < place("POST /v2/firewalls") && place("POST /v2/firewalls") < place("POST /v2/droplets"));

    let posts = || fake.lines().iter().filter(|line| line.starts_with("POST")).count();
    let before = posts();
    assert_all_active(&bring_up(&fake, &wanted()));
    assert_eq!(posts(), before, "all is there");
    fake.check();
}

#[test]
fn each_request_says_what_the_file_says() {
    let fake = Fake::start();
    bring_up(&fake, &wanted());
    let state = fake.state();
    let bodies = state.log.iter().filter(|exchange| exchange.request.line() == "POST /v2/droplets");
    let bodies: Vec<_> = bodies.filter_map(|exchange| exchange.request.body.clone()).collect();
    let body = bodies.iter().find(|body| body["name"] == "host3").expect("host3");
    let data = body["user_data"].as_str().expect("text");
    assert!(
        data.starts_with("#cloud-config\n# host3 of cluster ocean") && data.len() < 64 * 1024,
        "{data}"
    );
    let mut body = body.clone();
    body.as_object_mut().expect("a map").remove("user_data");
    assert_eq!(
        body,
        serde_json::json!({
            "name": "host3", "region": "ams3", "size": "s-2vcpu-4gb", "image": "debian-13-x64",
            "ssh_keys": [289794, "3b:16:e4:bf:8b:00:8b:b8:59:8c:a9:d3:f0:19:fa:45"],
            "tags": ["meshimg:ocean", "env:production", "role:build"],
            "ipv6": false, "monitoring": true, "vpc_uuid": super::objects::VPC,
        })
    );
    drop(state);
    fake.check();
}

/// As after a crash, a power cut or Ctrl-C in the middle: what is there is gone on with.
#[test]
fn an_interrupted_run_is_gone_on_with() {
    let fake = Fake::start();
    let made = fake.add("host1", &["meshimg:ocean"]);
    // Two that were asked for, one of them without its user knowing.
    fake.add("host2", &["meshimg:ocean"]);
    // Not ours, whatever its name is.
    fake.add("host3", &["env:production"]);
    let results = bring_up(&fake, &wanted());
    assert_all_active(&results);
    assert_eq!(results["host1"], format!("active 10.110.0.{made}"));
    assert_eq!(fake.names(), ["host1", "host2", "host3", "host3"]);
    assert_eq!(fake.count("POST /v2/droplets"), 1);
    fake.check();
}

#[test]
fn nothing_is_ever_untagged() {
    let fake = Fake::start();
    bring_up(&fake, &wanted());
    let state = fake.state();
    let tagged = |droplet: &serde_json::Value| {
        droplet["tags"]
            .as_array()
            .is_some_and(|tags| tags.contains(&"meshimg:ocean".into()))
    };
    assert!(state.droplets.values().all(tagged));
    let names: BTreeSet<&str> = state.droplets.values().filter_map(|droplet| droplet["name"].as_str()).collect();
    assert_eq!(names, BTreeSet::from(THREE));
}

/// More droplets than a page has, and ours on the last one.
#[test]
fn all_pages_are_read() {
    let fake = Fake::start();
    for number in 0..450 {
        fake.add(&format!("web{number}"), &["web"]);
    }
    for name in THREE {
        fake.add(name, &["meshimg:ocean"]);
    }
    assert_all_active(&bring_up(&fake, &wanted()));
    assert_eq!((fake.count("POST /v2/droplets"), fake.count("GET /v2/droplets")), (0, 3));
    fake.check();
}

#[test]
fn many_droplets_are_made_at_once_and_each_once() {
    let fake = Fake::start();
    let hosts: String = (1..=60).map(|number| format!("  - {{name: host{number}}}\n")).collect();
    let text = format!(
        "version: 1\nname: many\ndigital-ocean: {{region: ams3, size: s-1vcpu-1gb, ssh-keys: [289794], image: debian-13-x64}}\nhosts:\n{hosts}"
    );
    let results = bring_up(&fake, &of(&text));
    assert!(
        results.len() == 60 && results.values().all(|words| words.starts_with("active ")),
        "{results:?}"
    );
    assert_eq!(fake.names().len(), 60);
    fake.check();
}
