//! Tests of [`super`]: what both ends say, and what is made of it.

use super::*;
use crate::machine::sample::{self, Scripted};

/// What a host of a healthy mesh prints, changed by `change`.
fn verdicts(change: fn(String) -> String) -> (Vec<Verdict>, Vec<Scripted>) {
    let hosts: Vec<Scripted> = ["host1", "host2", "host3"]
        .map(|name| Scripted::new(name, move |script| Ok(change(sample::answer(script)))))
        .into();
    let verdicts = bulk(&sample::plan(), &sample::machines(&hosts), &sample::containers());
    (verdicts, hosts)
}

fn summaries(change: fn(String) -> String) -> Vec<String> {
    let (verdicts, _) = verdicts(change);
    assert!(verdicts.iter().all(Verdict::is_red), "{verdicts:?}");
    verdicts.into_iter().map(|verdict| verdict.summary).collect()
}

#[test]
fn every_host_sends_once_and_receives_once() {
    let (verdicts, hosts) = verdicts(|output| output);
    let subjects: Vec<String> = verdicts.iter().map(|verdict| verdict.subject.to_string()).collect();
    assert_eq!(subjects, ["host1 -> host2", "host2 -> host3", "host3 -> host1"]);
    assert!(!verdicts.iter().any(Verdict::is_red), "{verdicts:?}");
    assert_eq!(verdicts[0].summary, "64 MiB arrived whole in 4.0 s");
    assert_eq!(verdicts[0].measured.as_ref().unwrap().value.round(), 134.0);
    assert!(hosts.iter().all(|host| host.calls() == 2));
    let script = hosts[2].last_script();
    assert!(
        script.contains("nsenter -t 903 -n python3 -I -S - 172.17.64.0 40001 67108864 10 <<'MESHIMG_END'\n"),
        "{script}"
    );
}

#[test]
fn lost_changed_and_stalled_bytes_are_red() {
    let lost = summaries(|output| {
        output
            .replace("received 67108864 ", "received 67108863 ")
            .replace("b1 -\nsec", "b1 the sender ended\nsec")
    });
    assert_eq!(lost[0], "67108863 of 67108864 bytes arrived: ");
    let changed = summaries(|output| output.replace("received 67108864 a1", "received 67108864 a2"));
    assert!(
        changed[0].starts_with("67108864 bytes arrived, but other ones: SHA-512 a1a1"),
        "{}",
        changed[0]
    );
    let stalled = summaries(|output| match output.find("sent") {
        Some(_) => "sent 2600000 a1 no progress for 10 s\nreceived 0 e3 nothing came for 10 s\nseconds 20.1\n".to_owned(),
        None => output,
    });
    assert_eq!(
        stalled[0],
        "0 of 67108864 bytes arrived: nothing came for 10 s; the sender had no progress for 10 s"
    );
    let refused = summaries(|output| output.replace("sent ", "connect No route to host"));
    assert!(refused[0].starts_with("no connection: No route to host"), "{}", refused[0]);
    assert_eq!(summaries(|output| output.replace("received", "")).len(), 3);
}

#[test]
fn what_did_not_run_is_red() {
    let no_python = summaries(|output| if output.contains("sent") { output } else { String::new() });
    assert_eq!(no_python[0], "host2 does not receive: no port: \"\"");
    let mut containers = sample::containers();
    containers.insert("host1".parse().unwrap(), Err("no such machine is running".to_owned()));
    let hosts = ["host1", "host2", "host3"].map(|name| Scripted::new(name, |script| Ok(sample::answer(script))));
    let verdicts = bulk(&sample::plan(), &sample::machines(&hosts), &containers);
    let red: Vec<bool> = verdicts.iter().map(Verdict::is_red).collect();
    assert_eq!(red, [true, false, true]);
    let none = bulk(&sample::plan(), &[], &Containers::new());
    assert!(none.len() == 3 && none.iter().all(Verdict::is_red));
}
