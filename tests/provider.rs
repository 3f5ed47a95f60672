//! The API client against a Digital Ocean of our own: a server on this machine that keeps state as the API does, and fails as it does.
//!
//! Where MESHIMG_DIGITALOCEAN_SPEC names the OpenAPI document of the API, every request and answer is held against it.

#[path = "provider/command_line.rs"]
mod command_line;
#[path = "provider/create.rs"]
mod create;
#[path = "provider/destroy.rs"]
mod destroy;
#[path = "provider/fake.rs"]
mod fake;
#[path = "provider/faults.rs"]
mod faults;
#[path = "provider/http.rs"]
mod http;
#[path = "provider/images.rs"]
mod images;
#[path = "provider/limits.rs"]
mod limits;
#[path = "provider/objects.rs"]
mod objects;
#[path = "provider/push.rs"]
mod push;
#[path = "provider/push_command_line.rs"]
mod push_command_line;
#[path = "provider/push_faults.rs"]
mod push_faults;
#[path = "provider/signature.rs"]
mod signature;
#[path = "provider/spaces.rs"]
mod spaces;
#[path = "provider/specification.rs"]
mod specification;
#[path = "provider/up.rs"]
mod up;
#[path = "provider/up_command.rs"]
mod up_command;

use std::collections::BTreeMap;
use std::time::Duration;

use fake::Fake;
use meshimg::plan::{Droplets, droplets};
use meshimg::provider::digital_ocean::{Client, Created, HostError, Timing, Token, create, survey};
use meshimg::provider::reconcile::reconcile;

/// What no output may contain.
const TOKEN: &str = "dop_v1_5ec7e7";

/// The example's droplets: host1, host2 and host3 behind a firewall.
fn wanted() -> Droplets {
    of(include_str!("../examples/digital-ocean/cluster.yaml"))
}

/// The droplets of a cluster.yaml.
fn of(text: &str) -> Droplets {
    let (spec, _) = meshimg::spec::load(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems:?}"));
    droplets(&spec).unwrap().expect("a section digital-ocean")
}

/// As the real one, and a thousand times as fast.
fn timing() -> Timing {
    let milliseconds = Duration::from_millis;
    Timing {
        request: Duration::from_secs(2),
        deadline: Duration::from_secs(10),
        first_pause: milliseconds(5),
        longest_pause: milliseconds(50),
        poll: milliseconds(10),
        active: Duration::from_secs(2),
        appear: milliseconds(300),
    }
}

fn token() -> Token {
    Token::new(TOKEN).expect("a token")
}

fn client(fake: &Fake, timing: Timing) -> Client {
    Client::new(fake.address(), token(), timing).expect("an address on this machine")
}

/// What became of each host, in words: `active 10.110.0.2`, or the error.
fn bring_up(fake: &Fake, wanted: &Droplets) -> BTreeMap<String, String> {
    bring_up_within(fake, wanted, timing())
}

fn bring_up_within(fake: &Fake, wanted: &Droplets, timing: Timing) -> BTreeMap<String, String> {
    let in_words = |(name, result): (meshimg::spec::HostName, Result<Created, HostError>)| {
        let words = match result {
            Ok(created) => format!("active {}", created.address),
            Err(error) => error.to_string(),
        };
        (name.to_string(), words)
    };
    let client = client(fake, timing);
    let account = survey(&client, wanted).unwrap_or_else(|error| panic!("{error}"));
    let found = reconcile(wanted, account.named_vpc(wanted), &account.droplets);
    assert_eq!(found.conflicts, vec![]);
    let results = create(&client, wanted, &account, &found, &|_, _| ()).unwrap_or_else(|error| panic!("{error}"));
    results.into_iter().map(in_words).collect()
}

/// Checks that all three are active.
fn assert_all_active(results: &BTreeMap<String, String>) {
    assert_eq!(results.len(), 3);
    assert!(results.values().all(|words| words.starts_with("active 10.110.0.")), "{results:?}");
}
