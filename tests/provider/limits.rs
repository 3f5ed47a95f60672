//! Rate limits: what the API's headers say is obeyed by all threads.

use std::time::{Duration, SystemTime};

use super::fake::{Fake, Fault};
use super::http::Answer;
use super::{assert_all_active, bring_up, wanted};

fn too_many(headers: &[(&str, String)]) -> Answer {
    let mut answer = Answer::error(429, "too_many_requests", "API rate limit exceeded.");
    answer.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    answer
}

/// The longest time between a 429 and the request after it.
fn silence_after_limit(fake: &Fake) -> Duration {
    let state = fake.state();
    let pairs = state.log.windows(2);
    let limited = pairs.filter(|pair| pair[0].answer.as_ref().is_some_and(|answer| answer.status == 429));
    limited
        .map(|pair| pair[1].at - pair[0].at)
        .max()
        .expect("a 429, and a request after it")
}

#[test]
fn a_burst_waits_as_long_as_it_is_told() {
    let fake = Fake::start();
    fake.fail("GET /v2/regions", 1, Fault::Instead(too_many(&[("retry-after", "1".to_owned())])));
    assert_all_active(&bring_up(&fake, &wanted()));
    let silence = silence_after_limit(&fake);
    assert!(silence >= Duration::from_millis(990), "{silence:?}");
    fake.check();
}

/// Several threads get a 429 of the hour's limit; none asks again before the limit is reset, and none makes a second droplet.
#[test]
fn the_limit_of_the_hour_waits_for_its_reset() {
    let fake = Fake::start();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let limit = [
        ("ratelimit-limit", "5000".to_owned()),
        ("ratelimit-remaining", "0".to_owned()),
        ("ratelimit-reset", (now + 3).to_string()),
    ];
    fake.fail("POST /v2/droplets", 3, Fault::Instead(too_many(&limit)));
    assert_all_active(&bring_up(&fake, &wanted()));
    assert!(silence_after_limit(&fake) >= Duration::from_secs(1));
    assert_eq!(fake.names(), ["host1", "host2", "host3"]);
    fake.check();
}

/// The last request of the hour was fine; the next one waits, before it is refused.
#[test]
fn a_used_up_limit_is_obeyed_before_it_is_overrun() {
    let fake = Fake::start();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let mut last = Answer::new(200, super::objects::account(500));
    last.headers = vec![
        ("ratelimit-remaining".to_owned(), "0".to_owned()),
        ("ratelimit-reset".to_owned(), (now + 2).to_string()),
    ];
    fake.fail("GET /v2/account", 1, Fault::Instead(last));
    super::survey(&super::client(&fake, super::timing()), &wanted()).unwrap_or_else(|error| panic!("{error}"));
    let state = fake.state();
    let silence = state.log[1].at - state.log[0].at;
    assert!(silence >= Duration::from_millis(900), "{silence:?}");
}
