//! Hosts as data: what the plan says comes back, whatever is in it.

use std::collections::BTreeMap;

use meshimg::render::nix::Value as Nix;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{example, examples, project, read, written};

#[test]
fn hosts_are_what_was_planned() {
    for name in examples() {
        let plan = example(&name);
        let files = written(&plan);
        for host in &plan.hosts {
            let whole = read::data(&name, &files[&format!("hosts/{}.nix", host.name)]);
            let data = &whole["services"]["meshimg"];
            assert_eq!(
                whole.as_object().map(|keys| keys.len()),
                Some(1),
                "{name}: services.meshimg and nothing else"
            );
            assert_eq!(data["enable"], true);
            assert_eq!(data["host"], host.name.as_str());
            assert_eq!(data["address"], host.address.to_string());
            assert_eq!(data["underlay"]["mtu"], plan.mtu.underlay);
            assert_eq!(data["mesh"]["mtu"], plan.mtu.mesh);
            assert_eq!(
                data["mesh"]["overhead"],
                plan.mtu.overhead.iter().map(|part| part.bytes).sum::<u16>()
            );
            assert_eq!(data["mesh"]["mac"], host.mesh_bridge.mac.to_string());
            assert_eq!(data["mesh"].get("priority").cloned(), host.mesh_bridge.priority.map(Into::into));
            let links: BTreeMap<&str, Value> = host
                .mesh_bridge
                .ports
                .iter()
                .map(|port| {
                    let mut link = json!({ "peer": port.peer.as_str() });
                    if let Some(number) = port.number {
                        link["number"] = number.into();
                    }
                    (port.name.as_str(), link)
                })
                .collect();
            assert_eq!(data["mesh"]["links"], json!(links));
            assert_eq!(data["containers"]["slice"], host.container_bridge.slice.to_string());
            assert_eq!(data["containers"]["address"], host.container_bridge.address.to_string());
            let peers = data["peers"].as_object().expect("a set");
            assert_eq!(peers.len(), plan.hosts.len() - 1);
            for other in plan.hosts.iter().filter(|other| other.name != host.name) {
                let peer = json!({
                    "address": other.address,
                    "containerAddress": other.container_bridge.address,
                    "slice": other.container_bridge.slice,
                });
                assert_eq!(peers[other.name.as_str()], peer);
            }
        }
    }
}

/// vm-tests/nixos/hosts/ has the hosts of an example. `MESHIMG_UPDATE=1` writes them anew.
#[test]
fn the_vm_tests_have_the_hosts_of_the_example() {
    let files = written(&example("three-hosts"));
    let mut names = Vec::new();
    for (name, text) in files.iter().filter(|(name, _)| name.starts_with("hosts/")) {
        let path = project("vm-tests/nixos").join(name);
        if std::env::var_os("MESHIMG_UPDATE").is_some() {
            std::fs::write(&path, text).expect("the file can be written");
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == *text,
            "{}: `MESHIMG_UPDATE=1 cargo test --test nix` writes it",
            path.display()
        );
        names.push(name.clone());
    }
    let mut found: Vec<String> = std::fs::read_dir(project("vm-tests/nixos/hosts"))
        .expect("the folder is there")
        .map(|entry| format!("hosts/{}", entry.expect("an entry").file_name().display()))
        .collect();
    found.sort();
    assert_eq!(found, names);
}

#[test]
fn the_layout_is_that_of_nixfmt() {
    let value = json!({
        "empty": {}, "none": [], "one": ["a"], "two": [1, -2], "deep": { "er": { "x": null } }, "or": { "a b": 1.5, "c": [{}] },
        "long": ["x".repeat(120)], "sets": [{ "a": 1, "b": 2 }, []], "text": "a\n''${b}\"\\",
    });
    insta::assert_snapshot!(Nix::from(value).to_nix().expect("no NUL"), @r#"
    {
      deep.er.x = null;
      empty = { };
      long = [
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
      ];
      none = [ ];
      one = [ "a" ];
      "or" = {
        "a b" = 1.5;
        c = [
          { }
        ];
      };
      sets = [
        {
          a = 1;
          b = 2;
        }
        [ ]
      ];
      text = "a\n''\${b}\"\\";
      two = [
        1
        (-2)
      ];
    }
    "#);
}

#[test]
fn a_nul_is_an_error_that_names_the_host() {
    let mut plan = example("three-hosts");
    plan.hosts[1].docker.daemon.insert("label".to_owned(), json!("a\0b"));
    let error = meshimg::render::nixos(&plan).expect_err("Nix has no NUL").to_string();
    assert_eq!(
        error,
        "Nix cannot say what host2 is to get: a text with a NUL character, \"a\\0b\"; take it out of that host's docker.daemon"
    );
}

/// Texts of pieces that mean something to Nix.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\"".to_owned()),
        Just("${".to_owned()),
        Just("$".to_owned()),
        Just("{".to_owned()),
        Just("''".to_owned()),
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("\t".to_owned()),
        Just("\\".to_owned()),
        Just("\\${".to_owned()),
        Just("or".to_owned()),
        "[a-zA-Z0-9 #;=./*é-]{0,4}",
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-i64::MAX..=i64::MAX).prop_map(Value::from),
        (-1e30..1e30).prop_map(Value::from),
        texts().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(texts(), inner, 0..4).prop_map(|fields| json!(fields)),
        ]
    })
}

proptest! {
    #[test]
    fn any_data_survives(value in values()) {
        let text = Nix::from(value.clone()).to_nix().expect("no NUL") + "\n";
        prop_assert_eq!(read::data("data", &text), value);
        prop_assert_eq!(nixfmt_rs::format(&text).expect("it parses"), text);
    }
}
