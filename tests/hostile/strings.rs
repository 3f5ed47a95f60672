//! Strings that mean something to somebody, in every place of a cluster.yaml that takes text: each is refused, or arrives as it is in the
//! one place it belongs to, with nothing else changed. Shown by reading the artifacts back as those read them that they are for.

use std::collections::BTreeMap;

use meshimg::plan::{HostPlan, Plan, plan};
use meshimg::render::cloud_init;
use meshimg::spec::{Diagnostic, Network, Severity, load, render};
use serde_json::Value;

use super::readers::{exclude_interfaces, host_conf, interfaces, python_yaml};

/// Every key there is, for the cluster and for a host.
const EVERYTHING: &str = include_str!("../../src/spec/tests/everything.yaml");

fn hostile() -> Vec<String> {
    let mut strings: Vec<String> = super::inputs::any_cluster::STRINGS.iter().map(|text| (*text).to_owned()).collect();
    let more = [
        "\0",
        "a\0b",
        "\r",
        "a\r\nb",
        "\u{1b}[31m",
        "\u{7f}",
        "\u{85}",
        "\u{9b}31m",
        "\u{a0}",
        "\u{200f}rtl\u{200e}",
        "\u{2066}iso\u{2069}",
        "\u{2029}",
        "\u{feff}",
        "\u{fffe}",
        "\u{ffff}",
        "\u{10ffff}",
        "\u{e000}",
        "../../etc/passwd",
        "/../x",
        "-o ProxyCommand=id",
        ";id",
        "|id",
        "&id",
        ">x",
        "*",
        "?",
        "[a]",
        "!!",
        "#cloud-config",
        "\n#!/bin/sh\n",
        "]]>",
        "%{x}",
        "%s%n",
        "\\u0000",
    ];
    strings.extend(more.map(str::to_owned));
    strings.push("x".repeat(64 * 1024));
    strings.push("\u{e9}".repeat(64 * 1024));
    strings.push("'\"".repeat(32 * 1024));
    strings
}

/// A place in the file: the keys and indices that lead to it. With `is_key` it is the last key itself that is replaced.
#[derive(Debug, Clone)]
struct Place {
    pointer: String,
    is_key: bool,
}

/// Every text of the file, and every key that its author chooses.
fn places(value: &Value, pointer: &str, found: &mut Vec<Place>) {
    match value {
        Value::String(_) => found.push(Place {
            pointer: pointer.to_owned(),
            is_key: false,
        }),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{pointer}/{index}"), found);
            }
        }
        Value::Object(entries) => {
            for (key, item) in entries {
                let inner = format!("{pointer}/{key}");
                if pointer.contains("/daemon") {
                    found.push(Place {
                        pointer: inner.clone(),
                        is_key: true,
                    });
                }
                places(item, &inner, found);
            }
        }
        _ => {}
    }
}

fn replaced(file: &Value, place: &Place, text: &str) -> Value {
    let mut file = file.clone();
    if !place.is_key {
        *file.pointer_mut(&place.pointer).expect("it was found there") = text.into();
        return file;
    }
    let (parent, key) = place.pointer.rsplit_once('/').expect("a path");
    let entries = file.pointer_mut(parent).and_then(Value::as_object_mut).expect("a map");
    let value = entries.remove(key).expect("it was found there");
    entries.insert(text.to_owned(), value);
    file
}

/// Double-quoted YAML of ASCII alone: characters that no YAML file may hold as they are can be written so.
fn yaml(value: &Value) -> String {
    let escaped = |c: char| match u32::from(c) {
        code @ 0x7f..=0xffff => format!("\\u{code:04x}"),
        code @ 0x1_0000.. => format!("\\U{code:08x}"),
        _ => c.to_string(),
    };
    serde_json::to_string_pretty(value).expect("JSON").chars().map(escaped).collect()
}

/// A host's user-data as its readers see it: all but write_files, and each file by its path.
#[derive(Clone, PartialEq)]
struct Read {
    rest: Value,
    files: BTreeMap<String, String>,
}

impl Read {
    /// Without the two places that take free text.
    fn others(mut self) -> Self {
        self.files.remove(DAEMON);
        self.rest["users"][1]["ssh_authorized_keys"] = Value::Null;
        self
    }
}

fn read(bytes: &[u8]) -> Read {
    read_value(serde_yaml::from_slice(bytes).expect("user-data is YAML"))
}

fn read_value(mut rest: Value) -> Read {
    let files = rest
        .as_object_mut()
        .and_then(|keys| keys.remove("write_files"))
        .expect("write_files");
    let file = |item: &Value| {
        assert!(item.get("encoding").is_none(), "{item}");
        let text = |key: &str| item[key].as_str().expect("text").to_owned();
        (text("path"), text("content"))
    };
    let files = files.as_array().expect("a list").iter().map(file).collect();
    Read { rest, files }
}

fn planned(text: &str) -> Result<Plan, Vec<Diagnostic>> {
    let shown = |problems: &[_]| {
        // A line of 64 KiB takes long to show in a build that is not optimised; the fuzzer shows such lines.
        if text.len() < 20_000 {
            shows_plainly(&render("cluster.yaml", text.as_bytes(), problems, false));
        }
    };
    let (spec, warnings) = load(text.as_bytes()).inspect_err(|problems| shown(problems))?;
    shown(&warnings);
    Ok(plan(&spec).expect("what was accepted can be planned"))
}

/// Nothing that a terminal would obey, and nothing that turns text around.
fn shows_plainly(text: &str) {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let bad = text.chars().find(|c| (c.is_control() && *c != '\n') || turns(*c));
    assert_eq!(bad, None, "{text:?}");
}

/// The pointer of a place as diagnostics have it: `hosts[1].mesh.bridge`.
fn path(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        match part.parse::<usize>() {
            Ok(index) => path += &format!("[{index}]"),
            Err(_) if path.is_empty() => path += part,
            Err(_) => path += &format!(".{part}"),
        }
    }
    path
}

fn everything() -> (Value, Vec<Place>) {
    let file: Value = serde_yaml::from_str(EVERYTHING).expect("YAML");
    let mut found = Vec::new();
    places(&file, "", &mut found);
    assert!(found.len() > 50, "{} places", found.len());
    (file, found)
}

fn is_free(place: &Place) -> bool {
    place.pointer.contains("/daemon") || place.pointer.contains("/authorized-keys")
}

/// In a place with a rule a text is refused, there and by name; or it is a word that means the same in every format, and is planned.
#[test]
fn a_rule_refuses_hostile_strings() {
    let (file, found) = everything();
    let ruled: Vec<&Place> = found.iter().filter(|place| !is_free(place)).collect();
    let mut refused = 0;
    for text in hostile() {
        // All places at once; but long texts make a file that is too long as a whole.
        let rounds: Vec<Vec<&Place>> = match text.len() < 1000 {
            true => vec![ruled.clone()],
            false => ruled.iter().map(|place| vec![*place]).collect(),
        };
        for round in rounds {
            let changed = round.iter().fold(file.clone(), |file, place| replaced(&file, place, &text));
            let problems = planned(&yaml(&changed)).err().unwrap_or_default();
            let is_refused = |place: &&Place| {
                problems
                    .iter()
                    .any(|problem| problem.severity == Severity::Error && problem.path == path(&place.pointer))
            };
            let accepted: Vec<&Place> = round.iter().copied().filter(|place| !is_refused(place)).collect();
            refused += round.len() - accepted.len();
            for place in accepted {
                is_a_word_in_the_plan(&file, place, &text);
            }
        }
    }
    assert!(refused > 2000, "{refused}");
}

fn is_a_word_in_the_plan(file: &Value, place: &Place, text: &str) {
    let start: String = text.chars().take(80).collect();
    let word = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/@+,=%".contains(&byte);
    assert!(
        !text.is_empty() && text.len() < 1000 && text.bytes().all(word),
        "{start:?} was accepted as {}",
        place.pointer
    );
    // It may still be refused, for what others say: two names alike, a word that another key has not.
    if let Ok(plan) = planned(&yaml(&replaced(file, place, text))) {
        let plan = serde_json::to_string(&plan).expect("JSON");
        // A site is in the plan by the links that it makes, and by no name; that a host had no other says nothing either.
        assert!(
            place.pointer.ends_with("/site") || plan.contains(&format!("\"{text}\"")),
            "{start:?} at {} is not in the plan",
            place.pointer
        );
    }
}

const DAEMON: &str = "/etc/docker/daemon.json";

/// What a free text is on the hosts: a value or key of daemon.json, or an authorized key, as it was written; and nothing else changes.
#[test]
fn free_text_arrives_as_it_is_or_is_refused() {
    let (file, found) = everything();
    let values: Vec<&Place> = found.iter().filter(|place| is_free(place) && !place.is_key).collect();
    let keys: Vec<&Place> = found.iter().filter(|place| place.is_key).collect();
    let plain = plan_of(&file);
    let before = cloud_init(&plain, None).expect("rendered").0;
    // What is read once need not be read again: most hosts have none of most changes.
    let mut documents: BTreeMap<Vec<u8>, Read> = BTreeMap::new();
    let before: Vec<Read> = plain
        .hosts
        .iter()
        .map(|host| read(&before[&format!("{}/user-data", host.name)].bytes).others())
        .collect();
    let (mut arrived, mut refused) = (0, 0);
    for text in hostile() {
        let mut cases: Vec<(Vec<&Place>, String)> = keys.iter().map(|place| (vec![*place], text.clone())).collect();
        let (authorized, daemon): (Vec<&Place>, Vec<&Place>) =
            values.iter().copied().partition(|place| place.pointer.contains("/authorized-keys"));
        cases.push((daemon, text.clone()));
        cases.push((vec![authorized[0]], text.clone()));
        cases.extend(authorized.iter().map(|place| {
            let original = file.pointer(&place.pointer).and_then(Value::as_str).expect("text");
            (vec![*place], format!("{original} {text}"))
        }));
        for (places, text) in cases {
            let changed = places.iter().fold(file.clone(), |file, place| replaced(&file, place, &text));
            let Ok(now) = planned(&yaml(&changed)) else {
                refused += 1;
                continue;
            };
            arrived += 1;
            let artifacts = cloud_init(&now, None).unwrap_or_else(|error| panic!("{places:?}: {error}"));
            for (was, host) in before.iter().zip(&now.hosts) {
                let bytes = &artifacts.0[&format!("{}/user-data", host.name)].bytes;
                let is = documents.entry(bytes.clone()).or_insert_with(|| read(bytes));
                let options: Value = serde_json::from_str(&is.files[DAEMON]).expect("daemon.json is JSON");
                assert_eq!(options, wanted_options(&changed, host), "{places:?}");
                assert_eq!(
                    is.rest["users"][1]["ssh_authorized_keys"],
                    wanted_keys(&changed, host),
                    "{places:?}"
                );
                assert!(is.clone().others() == *was, "{places:?} changes more than its place");
            }
        }
    }
    assert!(arrived > 150 && refused > 50, "{arrived} arrived, {refused} were refused");
    // cloud-init's own parser.
    let texts: Vec<&[u8]> = documents.keys().map(Vec::as_slice).collect();
    let Some(read_by_python) = python_yaml(&texts) else { return };
    for (ours, python) in documents.values().zip(read_by_python) {
        assert!(*ours == read_value(python), "{}", ours.rest);
    }
}

fn plan_of(file: &Value) -> Plan {
    planned(&yaml(file)).expect("accepted")
}

/// The keys of the file at `pointer`, of the cluster and then of `host`.
fn of_both<'a>(file: &'a Value, host: &HostPlan, pointer: &str) -> Vec<&'a Value> {
    let own = format!("/hosts/{}{pointer}", host.number - 1);
    [pointer, &own].iter().filter_map(|pointer| file.pointer(pointer)).collect()
}

/// Options of the cluster, under those of the host, under those of the mesh.
fn wanted_options(file: &Value, host: &HostPlan) -> Value {
    let maps = of_both(file, host, "/docker/daemon");
    let mut wanted: serde_json::Map<String, Value> = maps.iter().filter_map(|map| map.as_object().cloned()).flatten().collect();
    for owned in ["bridge", "fixed-cidr", "mtu", "tlsverify", "tlscacert", "tlscert", "tlskey"] {
        if let Some(value) = host.docker.daemon.get(owned) {
            wanted.insert(owned.to_owned(), value.clone());
        }
    }
    wanted.into()
}

fn wanted_keys(file: &Value, host: &HostPlan) -> Value {
    let lists = of_both(file, host, "/access/authorized-keys");
    lists.iter().filter_map(|list| list.as_array().cloned()).flatten().collect()
}

/// A diagnostic shows lines of the file, which may hold anything that YAML may.
#[test]
fn no_diagnostic_turns_text_around() {
    for sign in ["\u{202e}", "\u{2066}", "\u{200f}", "\u{feff}", "\t", "\u{85}", "\u{2028}"] {
        for text in [
            format!("version: 2 # {sign}x\n"),
            format!("'{sign}key': 1\n"),
            format!("name: 'a{sign}b'\n"),
            format!("? [{sign}\n"),
        ] {
            assert!(planned(&text).is_err());
        }
    }
}

/// What names become in files for shells, systemd and ifupdown, for names at the edge of what is legal.
#[test]
fn names_at_the_edge_arrive_in_every_language() {
    let text = EVERYTHING
        .replace("  bridge: br0\n", "  bridge: Ab-_.0123456789\n")
        .replace("  bridge: docker0\n", "  bridge: \"null\"\n")
        .replace("name: host3", "name: 0--no")
        .replace("packages: [jq, htop]", "packages: [g++, 0ad, yes]");
    let plan = planned(&text).expect("accepted");
    let artifacts = cloud_init(&plan, None).expect("rendered");
    const COMMON: [&str; 4] = ["MESH_BRIDGE", "CONTAINER_BRIDGE", "CONTAINER_ADDRESS", "PACKAGES"];
    let (mut odd, mut systemd) = (0, 0);
    for host in &plan.hosts {
        let files = read(&artifacts.0[&format!("{}/user-data", host.name)].bytes).files;
        let (mesh, containers) = (host.mesh_bridge.name.as_str(), host.container_bridge.name.as_str());
        odd += usize::from(mesh.len() == 15 && containers == "null");
        let ports: Vec<&str> = host.mesh_bridge.ports.iter().map(|port| port.name.as_str()).collect();
        let packages: Vec<&str> = host.packages.iter().map(|package| package.as_str()).collect();
        let address = format!("{}/{}", host.container_bridge.address, host.container_bridge.prefix_length);
        assert_eq!(
            host_conf(&files["/etc/meshimg/host.conf"], &COMMON),
            [mesh, containers, &address, &packages.join(" ")]
        );
        let own = |name| host_conf(&files["/etc/meshimg/host.conf"], &[name]).concat();
        if host.network == Network::Systemd {
            let tunnels = own("MESH_TUNNELS");
            let names: Vec<&str> = tunnels.lines().filter_map(|line| line.split(' ').next()).collect();
            assert_eq!(names, ports);
            systemd += 1;
            continue;
        }
        assert_eq!(own("MESH_PORTS"), ports.join(" "));
        let mut interfaces_of_ours = vec![mesh];
        interfaces_of_ours.push(containers);
        interfaces_of_ours.extend(&ports);
        let unit = "/etc/systemd/system/networking.service.d/meshimg.conf";
        assert_eq!(exclude_interfaces(&files[unit]), interfaces_of_ours);
        let mut stanzas = interfaces(&files["/etc/network/interfaces.d/60-meshimg"]);
        stanzas.sort();
        interfaces_of_ours.sort();
        assert_eq!(stanzas, interfaces_of_ours);
    }
    assert!(odd > 0 && systemd > 0 && systemd < plan.hosts.len());
}
