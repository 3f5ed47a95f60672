//! The end of a cluster: exactly its own.

use meshimg::provider::digital_ocean::{destroy, own};

use super::fake::{Fake, Fault};
use super::http::Answer;
use super::{bring_up, client, timing, wanted};

/// What was not destroyed, in words.
fn bring_down(fake: &Fake) -> Vec<String> {
    let (client, wanted) = (client(fake, timing()), wanted());
    let firewall = wanted.firewall.as_ref().map(|firewall| firewall.name.clone()).unwrap_or_default();
    let own = own(&client, &wanted.tag, &firewall).unwrap_or_else(|error| panic!("{error}"));
    let failed = destroy(&client, &own)
        .into_iter()
        .filter_map(|(what, result)| Some(format!("{what}: {}", result.err()?)));
    failed.collect()
}

#[test]
fn exactly_its_own_is_destroyed() {
    let fake = Fake::start();
    bring_up(&fake, &wanted());
    // Also one that was taken out of the file since.
    fake.add("host9", &["meshimg:ocean"]);
    // The API finds tags in whatever case; and names say nothing.
    fake.add("other-case", &["MESHIMG:ocean"]);
    fake.add("host1", &["meshimg:ocean2"]);
    fake.add("host2", &[]);
    assert_eq!(bring_down(&fake), Vec::<String>::new());
    assert_eq!(fake.names(), ["host1", "host2", "other-case"]);
    let state = fake.state();
    assert!(state.firewalls.is_empty() && !state.tags.contains("meshimg:ocean") && state.tags.contains("env:production"));
    drop(state);
    fake.check();
}

#[test]
fn every_step_is_tried_and_what_is_left_is_found_again() {
    let fake = Fake::start();
    bring_up(&fake, &wanted());
    let refusal = Answer::error(403, "forbidden", "You do not have access for the attempted action.");
    fake.fail("DELETE /v2/droplets/", 1, Fault::Instead(refusal));
    let failed = bring_down(&fake);
    assert!(
        failed.len() == 1 && failed[0].contains("403 forbidden: You do not have access"),
        "{failed:?}"
    );
    assert_eq!(fake.names().len(), 1);
    assert!(fake.state().tags.contains("meshimg:ocean"), "without its tag nobody would find it");
    assert_eq!(bring_down(&fake), Vec::<String>::new());
    assert!(fake.names().is_empty());
    fake.check();
}

/// A second request for what the first one has destroyed.
#[test]
fn a_lost_answer_is_no_failure() {
    let fake = Fake::start();
    bring_up(&fake, &wanted());
    fake.fail("DELETE ", 2, Fault::ResetAfter);
    assert_eq!(bring_down(&fake), Vec::<String>::new());
    assert!(fake.names().is_empty());
    fake.check();
}
