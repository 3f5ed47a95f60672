//! What goes wrong on the way: each ends in success or in a clear error, and never in a second droplet.

use std::time::Duration;

use serde_json::json;

use super::fake::{Fake, Fault};
use super::http::Answer;
use super::{assert_all_active, bring_up, bring_up_within, timing, wanted};

const POST: &str = "POST /v2/droplets";

/// All three, once each.
fn assert_three(fake: &Fake) {
    assert_eq!(fake.names(), ["host1", "host2", "host3"]);
    fake.check();
}

/// The classic double create.
#[test]
fn a_reset_after_the_request_was_taken_makes_no_second_droplet() {
    for late in [0, 3] {
        let fake = Fake::start();
        fake.state().late = late;
        fake.fail(POST, 3, Fault::ResetAfter);
        assert_all_active(&bring_up(&fake, &wanted()));
        assert_three(&fake);
        assert_eq!(fake.count(POST), 3, "none was asked for twice");
    }
}

#[test]
fn a_reset_before_the_request_was_taken_is_asked_again() {
    let fake = Fake::start();
    fake.fail(POST, 2, Fault::ResetBefore);
    assert_all_active(&bring_up(&fake, &wanted()));
    assert_three(&fake);
}

#[test]
fn errors_of_the_server_are_asked_again() {
    for status in [500, 502, 503] {
        let fake = Fake::start();
        let error = || Answer::error(status, "server_error", "Unexpected server-side error");
        fake.fail(POST, 2, Fault::Instead(error()));
        fake.fail("GET /v2/", 4, Fault::Instead(error()));
        fake.fail("POST /v2/tags", 2, Fault::DoneBut(error()));
        assert_all_active(&bring_up(&fake, &wanted()));
        assert_three(&fake);
    }
}

#[test]
fn an_error_of_the_server_after_all_was_done_makes_no_second_droplet() {
    let fake = Fake::start();
    fake.fail(POST, 3, Fault::DoneBut(Answer::error(504, "gateway_timeout", "")));
    assert_all_active(&bring_up(&fake, &wanted()));
    assert_three(&fake);
    assert_eq!(fake.count(POST), 3);
}

#[test]
fn the_firewall_is_not_made_twice_either() {
    let fake = Fake::start();
    fake.fail("POST /v2/firewalls", 1, Fault::ResetAfter);
    assert_all_active(&bring_up(&fake, &wanted()));
    assert_eq!(fake.state().firewalls.len(), 1);
    assert_three(&fake);
}

#[test]
fn slow_answers_are_given_up_and_asked_again() {
    let fake = Fake::start();
    let quick = super::Timing {
        request: Duration::from_millis(200),
        ..timing()
    };
    fake.fail("GET /v2/sizes", 1, Fault::Slow(Duration::from_secs(3)));
    fake.fail(POST, 1, Fault::Slow(Duration::from_secs(3)));
    assert_all_active(&bring_up_within(&fake, &wanted(), quick));
    assert_three(&fake);
}

#[test]
fn what_never_becomes_active_keeps_nobody_back() {
    let fake = Fake::start();
    fake.state().never_active.insert("host2".to_owned());
    let quick = super::Timing {
        active: Duration::from_millis(300),
        ..timing()
    };
    let results = bring_up_within(&fake, &wanted(), quick);
    assert!(
        results["host1"].starts_with("active ") && results["host3"].starts_with("active "),
        "{results:?}"
    );
    let error = &results["host2"];
    assert!(
        error.starts_with("host2 (droplet ") && error.ends_with("to be active: not within 0 s; last seen: status new"),
        "{error}"
    );
    assert_three(&fake);
    // It is there, and the next run waits for the same one.
    fake.state().never_active.clear();
    let id = fake
        .state()
        .droplets
        .iter()
        .find(|(_, droplet)| droplet["name"] == "host2")
        .map(|(id, _)| *id);
    let id = id.expect("host2");
    fake.state().droplets.get_mut(&id).expect("host2")["status"] = "active".into();
    fake.state().droplets.get_mut(&id).expect("host2")["networks"] = super::objects::networks(id, true);
    assert_all_active(&bring_up(&fake, &wanted()));
    assert_three(&fake);
}

#[test]
fn a_droplet_without_an_address_in_the_vpc_is_told() {
    let fake = Fake::start();
    fake.state().without_private_address.insert("host3".to_owned());
    let results = bring_up(&fake, &wanted());
    let error = &results["host3"];
    assert!(
        error.starts_with("an address of host3 (droplet ") && error.ends_with("it is active without one: is it in a VPC?"),
        "{error}"
    );
    assert!(results["host1"].starts_with("active "), "{results:?}");
    assert_three(&fake);
}

#[test]
fn an_action_that_fails_is_told() {
    let fake = Fake::start();
    fake.state().errored.insert("host1".to_owned());
    let results = bring_up(&fake, &wanted());
    assert!(
        results["host1"].ends_with("Digital Ocean could not create it; destroy it, and run this again"),
        "{results:?}"
    );
    assert_three(&fake);
}

#[test]
fn a_refusal_is_in_the_apis_own_words_and_keeps_nobody_back() {
    let fake = Fake::start();
    let words = "You specified an invalid size for Droplet creation.";
    fake.fail(POST, 1, Fault::Instead(Answer::error(422, "unprocessable_entity", words)));
    let results = bring_up(&fake, &wanted());
    let refused: Vec<_> = results.iter().filter(|(_, words)| !words.starts_with("active ")).collect();
    let [(host, error)] = refused.as_slice() else {
        panic!("{results:?}")
    };
    assert_eq!(
        **error,
        format!("Digital Ocean refused POST /v2/droplets for {host}: 422 unprocessable_entity: {words} (request 4d9d8375)")
    );
    assert_eq!(fake.names().len(), 2);
    fake.check();
}

#[test]
fn what_is_busy_is_asked_again() {
    let fake = Fake::start();
    let busy = Answer::error(
        422,
        "unprocessable_entity",
        "Droplet already has a pending event. Please try again.",
    );
    fake.fail(POST, 2, Fault::Instead(busy));
    assert_all_active(&bring_up(&fake, &wanted()));
    assert_three(&fake);
}

/// A server that is down for good: an end within the deadline, with what was seen last.
#[test]
fn it_does_not_go_on_for_ever() {
    let fake = Fake::start();
    fake.fail("GET /v2/sizes", usize::MAX, Fault::Instead(Answer::new(502, json!("bad gateway"))));
    let quick = super::Timing {
        deadline: Duration::from_millis(300),
        ..timing()
    };
    let client = super::client(&fake, quick);
    let error = super::survey(&client, &wanted()).unwrap_err().to_string();
    assert_eq!(
        error,
        "Digital Ocean did not do GET /v2/sizes?page=1&per_page=200 within 0 s of trying; last: 502 \"bad gateway\""
    );
}

/// Nobody listens.
#[test]
fn an_address_without_anybody_is_told() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port();
    let quick = super::Timing {
        deadline: Duration::from_millis(100),
        ..timing()
    };
    let client = super::Client::new(&format!("http://127.0.0.1:{port}"), super::token(), quick).expect("an address");
    let error = super::survey(&client, &wanted()).unwrap_err().to_string();
    assert!(
        error.starts_with("Digital Ocean did not do GET /v2/account within 0 s of trying; last: "),
        "{error}"
    );
}

/// The token is in no error, also when the other side says it back.
#[test]
fn the_token_is_in_no_error() {
    let fake = Fake::start();
    let echo = format!("bad header: Authorization: Bearer {}", super::TOKEN);
    fake.fail("GET /v2/account", 1, Fault::Instead(Answer::error(400, "bad_request", &echo)));
    let error = super::survey(&super::client(&fake, timing()), &wanted()).unwrap_err();
    let (shown, debugged) = (error.to_string(), format!("{error:?}"));
    assert!(
        shown.contains("Bearer ***") && !shown.contains(super::TOKEN) && !debugged.contains(super::TOKEN),
        "{shown}"
    );
    assert!(!format!("{:?}", super::token()).contains(super::TOKEN));
}
