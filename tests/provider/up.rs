//! `meshimg up` behind the API: what is done with hosts, in which order, and what becomes of the others when one fails. Hosts are scripted here.

use std::collections::{BTreeMap, BTreeSet};

use meshimg::error::{Error, Exit};
use meshimg::plan::{Plan, droplets, firewall_name};
use meshimg::provider::bring_up::{Hands, HostFailure, Job, bring_up};
use meshimg::provider::digital_ocean::{Created, destroy, own, survey};
use meshimg::provider::reconcile::reconcile;
use meshimg::remote::arrive::ArrivalError;
use meshimg::spec::{HostName, lock_text};
use meshimg::wait::WaitError;

use super::fake::Fake;
use super::{client, timing};

const EXAMPLE: &str = include_str!("../../examples/digital-ocean/cluster.yaml");

/// What goes wrong on a host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    CloudInit,
    NoSsh,
    Refused,
}

/// Hosts that do as they are told, and the folder with the lock.
#[derive(Default)]
struct Scripted {
    lock: Option<String>,
    /// Nothing more can be written.
    disk_full: bool,
    trouble: BTreeMap<&'static str, Trouble>,
    is_red: bool,
    /// What was done, in its order: `apply host1 host2`.
    steps: Vec<String>,
}

fn names<'a>(hosts: impl Iterator<Item = &'a HostName>) -> String {
    hosts.map(HostName::as_str).collect::<Vec<_>>().join(" ")
}

impl Scripted {
    fn with(host: &'static str, trouble: Trouble) -> Self {
        Self {
            trouble: [(host, trouble)].into(),
            ..Self::default()
        }
    }

    fn in_trouble(&self, host: &HostName) -> Option<Trouble> {
        self.trouble.get(host.as_str()).copied()
    }
}

impl Hands for Scripted {
    fn keep(&mut self, plan: &Plan) -> Result<(), Error> {
        if self.disk_full {
            return Err(Error::Output(std::io::ErrorKind::StorageFull.into()));
        }
        self.lock = Some(lock_text(&plan.lock).expect("a lock"));
        self.steps.push(format!("keep {}", names(plan.hosts.iter().map(|host| &host.name))));
        Ok(())
    }

    fn arrive(&mut self, _: &Plan, droplets: &BTreeMap<HostName, Created>) -> BTreeMap<HostName, Result<(), ArrivalError>> {
        self.steps.push(format!("arrive {}", names(droplets.keys())));
        let arrive = |host: &HostName| match self.in_trouble(host) {
            Some(Trouble::CloudInit) => Err(ArrivalError::CloudInit {
                errors: vec!["('package_update_upgrade_install', ProcessExecutionError())".to_owned()],
                log: "    E: Unable to locate package docker.io".to_owned(),
            }),
            Some(Trouble::NoSsh) => Err(ArrivalError::Wait(WaitError::Deadline {
                what: format!("ssh to {host}"),
                deadline: std::time::Duration::from_secs(600),
                last: "Connection timed out".to_owned(),
            })),
            _ => Ok(()),
        };
        droplets.keys().map(|host| (host.clone(), arrive(host))).collect()
    }

    fn apply(&mut self, _: &Plan, hosts: &BTreeSet<HostName>) -> Result<Vec<(HostName, HostFailure)>, Error> {
        self.steps.push(format!("apply {}", names(hosts.iter())));
        let refused = hosts.iter().filter(|host| self.in_trouble(host) == Some(Trouble::Refused));
        Ok(refused
            .map(|host| (host.clone(), HostFailure::Refused("it runs ubuntu-24.04".to_owned())))
            .collect())
    }

    fn verify(&mut self, _: &Plan, hosts: &BTreeSet<HostName>) -> Result<(), Error> {
        self.steps.push(format!("verify {}", names(hosts.iter())));
        if self.is_red { Err(Error::Red { red: 1 }) } else { Ok(()) }
    }
}

/// As `meshimg up --yes` with this file, and the lock beside it.
fn up(fake: &Fake, text: &str, hands: &mut Scripted) -> Result<(), Error> {
    up_within(fake, text, hands, timing())
}

fn up_within(fake: &Fake, text: &str, hands: &mut Scripted, timing: super::Timing) -> Result<(), Error> {
    let lock = hands.lock.clone();
    let loaded = meshimg::spec::load_with_lock(text.as_bytes(), lock.as_ref().map(|lock| lock.as_bytes()));
    let (spec, _) = loaded.unwrap_or_else(|problems| panic!("{problems:?}"));
    let wanted = droplets(&spec).expect("droplets").expect("a section digital-ocean");
    let client = client(fake, timing);
    let account = survey(&client, &wanted).unwrap_or_else(|error| panic!("{error}"));
    let found = reconcile(&wanted, account.named_vpc(&wanted), &account.droplets);
    assert_eq!(found.conflicts, vec![]);
    let job = Job {
        spec: &spec,
        wanted: &wanted,
        client: &client,
        account: &account,
        found: &found,
        say: &|_, _| (),
    };
    bring_up(&job, hands)
}

/// As `meshimg down --yes`.
fn down(fake: &Fake) {
    let (client, wanted) = (client(fake, timing()), super::wanted());
    let own = own(&client, &wanted.tag, &firewall_name(&wanted.cluster)).expect("what is there");
    assert!(destroy(&client, &own).iter().all(|(_, result)| result.is_ok()));
    assert!(fake.names().is_empty());
}

/// Both addresses of each host as the fake has given them, as they stand in the lock.
fn addresses(fake: &Fake) -> Vec<String> {
    let state = fake.state();
    let of = |(id, droplet): (&u64, &serde_json::Value)| {
        let name = droplet["name"].as_str().unwrap_or_default().to_owned();
        (name, format!("underlay: \"10.110.0.{id}\", public: \"203.0.113.{id}\","))
    };
    let mut all: Vec<(String, String)> = state.droplets.iter().map(of).collect();
    all.sort();
    all.into_iter().map(|(_, addresses)| addresses).collect()
}

fn assert_lock_is(fake: &Fake, hands: &Scripted) {
    let lock = hands.lock.as_deref().expect("a lock");
    let lines: Vec<&str> = lock.lines().filter(|line| line.contains("underlay")).collect();
    let addresses = addresses(fake);
    assert_eq!(lines.len(), addresses.len(), "{lock}");
    for (line, addresses) in lines.iter().zip(&addresses) {
        assert!(line.contains(addresses), "{line} is not {addresses}");
    }
}

const ALL: [&str; 4] = [
    "keep host1 host2 host3",
    "arrive host1 host2 host3",
    "apply host1 host2 host3",
    "verify host1 host2 host3",
];

#[test]
fn from_nothing_to_a_proven_mesh() {
    let (fake, mut hands) = (Fake::start(), Scripted::default());
    up(&fake, EXAMPLE, &mut hands).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(hands.steps, ALL);
    assert_eq!(fake.names(), ["host1", "host2", "host3"]);
    assert_lock_is(&fake, &hands);
    // And again: nothing is made, the same is looked at.
    let lock = hands.lock.clone();
    up(&fake, EXAMPLE, &mut hands).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((fake.count("POST /v2/droplets"), &hands.lock), (3, &lock));
    assert_eq!(hands.steps[4..], ALL);
    fake.check();
}

#[test]
fn a_host_that_does_not_come_up_keeps_the_others_from_nothing() {
    for (trouble, exit, words) in [
        (
            Trouble::CloudInit,
            Exit::CommandFailed,
            "host2: cloud-init has failed there: ('package_update",
        ),
        (
            Trouble::NoSsh,
            Exit::CommandFailed,
            "host2: ssh to host2: not within 600 s; last seen: Connection timed out",
        ),
    ] {
        let (fake, mut hands) = (Fake::start(), Scripted::with("host2", trouble));
        let error = up(&fake, EXAMPLE, &mut hands).unwrap_err();
        assert_eq!(error.exit(), exit);
        let text = error.to_string();
        assert!(text.starts_with("1 host of 3 not up:\n  host2: ") && text.contains(words), "{text}");
        assert_eq!(hands.steps[2..], ["apply host1 host3", "verify host1 host3"]);
        assert_lock_is(&fake, &hands);
        assert_eq!(fake.names().len(), 3, "none is lost");
        // Mended, the next run takes it in.
        hands.trouble.clear();
        up(&fake, EXAMPLE, &mut hands).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (fake.count("POST /v2/droplets"), &hands.steps[4..]),
            (3, &ALL.map(str::to_owned)[..])
        );
    }
}

#[test]
fn a_host_that_must_be_left_alone_is_told_and_the_others_are_proven() {
    let (fake, mut hands) = (Fake::start(), Scripted::with("host1", Trouble::Refused));
    let error = up(&fake, EXAMPLE, &mut hands).unwrap_err();
    assert_eq!(error.exit(), Exit::File);
    assert_eq!(
        error.to_string(),
        "1 host of 3 not up:\n  host1: it is left alone: it runs ubuntu-24.04\nthe others are as planned, and proven without these"
    );
    assert_eq!(hands.steps[3..], ["verify host2 host3"]);
}

#[test]
fn a_red_report_is_the_end_and_is_told_besides_what_failed() {
    let (fake, mut hands) = (Fake::start(), Scripted::default());
    hands.is_red = true;
    assert_eq!(up(&fake, EXAMPLE, &mut hands).unwrap_err().exit(), Exit::ProbeFailed);
    hands.trouble.insert("host3", Trouble::NoSsh);
    let error = up(&fake, EXAMPLE, &mut hands).unwrap_err();
    assert_eq!(error.exit(), Exit::CommandFailed);
    assert!(
        error.to_string().ends_with("something is red on the others too; the report has it"),
        "{error}"
    );
}

/// All droplets are made, and then the power goes: before the lock is written, and after that.
#[test]
fn an_interrupted_run_is_gone_on_with() {
    let (fake, mut hands) = (Fake::start(), Scripted::default());
    hands.disk_full = true;
    up(&fake, EXAMPLE, &mut hands).unwrap_err();
    assert_eq!((fake.names().len(), &hands.lock, hands.steps.len()), (3, &None, 0));
    hands.disk_full = false;
    for _ in 0..2 {
        up(&fake, EXAMPLE, &mut hands).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(fake.names(), ["host1", "host2", "host3"]);
        assert_lock_is(&fake, &hands);
    }
    assert_eq!(fake.count("POST /v2/droplets"), 3);
    fake.check();
}

#[test]
fn after_down_and_up_again_the_lock_has_the_new_addresses() {
    let (fake, mut hands) = (Fake::start(), Scripted::default());
    up(&fake, EXAMPLE, &mut hands).unwrap_or_else(|error| panic!("{error}"));
    let old = addresses(&fake);
    down(&fake);
    up(&fake, EXAMPLE, &mut hands).unwrap_or_else(|error| panic!("{error}"));
    assert!(addresses(&fake).iter().all(|address| !old.contains(address)), "{old:?}");
    assert_lock_is(&fake, &hands);
    assert_eq!(hands.steps[4..], ALL);
}

#[test]
fn a_fourth_host_gets_a_droplet_and_the_others_keep_what_they_have() {
    let (fake, mut hands) = (Fake::start(), Scripted::default());
    up(&fake, EXAMPLE, &mut hands).unwrap_or_else(|error| panic!("{error}"));
    let lines = |lock: &Option<String>| -> Vec<String> {
        let lock = lock.as_deref().unwrap_or_default();
        lock.lines().filter(|line| line.contains("underlay")).map(str::to_owned).collect()
    };
    let before = lines(&hands.lock);
    let four = EXAMPLE.replace("  - {name: host2}\n", "  - {name: host2}\n  - {name: host4}\n");
    up(&fake, &four, &mut hands).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(fake.names(), ["host1", "host2", "host3", "host4"]);
    assert_eq!(fake.count("POST /v2/droplets"), 4);
    assert_eq!(
        hands.steps[6..],
        ["apply host1 host2 host3 host4", "verify host1 host2 host3 host4"]
    );
    let after = lines(&hands.lock);
    let without_slice = |line: &String| line.split("slice").next().unwrap_or_default().to_owned();
    assert_eq!(
        after.iter().take(3).map(without_slice).collect::<Vec<_>>(),
        before.iter().map(without_slice).collect::<Vec<_>>()
    );
    assert_lock_is(&fake, &hands);
    fake.check();
}

/// Whose addresses are all in the file has its mesh from user-data.
#[test]
fn with_all_addresses_beforehand_nothing_is_applied_to_what_is_made() {
    let given = (1..=3).fold(
        EXAMPLE.replace("name: host3\n", "name: host3\n    address: 10.110.0.103\n"),
        |text, number| {
            text.replace(
                &format!("{{name: host{number}}}"),
                &format!("{{name: host{number}, address: 10.110.0.10{number}}}"),
            )
        },
    );
    let (fake, mut hands) = (Fake::start(), Scripted::default());
    // The fake's addresses follow from the order in which droplets are made.
    for name in ["host1", "host2"] {
        fake.add(name, &["meshimg:ocean"]);
    }
    up(&fake, &given, &mut hands).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(hands.steps[2..], ["apply host1 host2", "verify host1 host2 host3"]);
    let state = fake.state();
    let made = state.log.iter().find(|exchange| exchange.request.line() == "POST /v2/droplets");
    let data = made.and_then(|exchange| exchange.request.body.clone()).expect("a droplet")["user_data"].to_string();
    assert!(data.contains("/etc/meshimg/host.conf") && data.contains("10.110.0.101"), "{data}");
}

#[test]
fn an_address_that_the_droplet_has_not_got_is_told() {
    let given = EXAMPLE.replace("{name: host1}", "{name: host1, address: 10.110.0.9}");
    let (fake, mut hands) = (Fake::start(), Scripted::default());
    let error = up(&fake, &given, &mut hands).unwrap_err();
    assert_eq!((error.exit(), hands.steps.len(), &hands.lock), (Exit::File, 0, &None));
    let text = error.to_string();
    assert!(
        text.contains("host1: the file gives it the address 10.110.0.9, and its droplet 10") && text.contains("leave `address` out"),
        "{text}"
    );
}

/// Without all addresses there is no mesh; droplets that are there stay.
#[test]
fn a_droplet_that_does_not_come_to_be_active_is_told_and_nothing_is_changed() {
    let (fake, mut hands) = (Fake::start(), Scripted::default());
    fake.state().never_active.insert("host2".to_owned());
    let quick = super::Timing {
        active: std::time::Duration::from_millis(300),
        ..timing()
    };
    let error = up_within(&fake, EXAMPLE, &mut hands, quick).unwrap_err();
    assert_eq!((error.exit(), hands.steps.len(), fake.names().len()), (Exit::ProviderRefused, 0, 3));
    let text = error.to_string();
    assert!(text.starts_with("1 host of 3 not up:\n  host2: host2 (droplet 10"), "{text}");
    assert!(
        text.ends_with("no host was changed, as each has to know the addresses of all"),
        "{text}"
    );
}
