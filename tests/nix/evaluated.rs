//! `tests/nixos-hosts.json`: what each example's hosts have on NixOS, as Nix evaluates the modules. The container tier brings hosts up with it, where
//! there is no nixpkgs. A key of all that it comes from shows everywhere whether it is still true.

use std::collections::BTreeMap;

use meshimg::image::Inputs;
use meshimg::render::MODULES;
use rnix::SyntaxKind::{TOKEN_COMMENT, TOKEN_WHITESPACE};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{example, examples, project, read, written};

const FILE: &str = "tests/nixos-hosts.json";

const ANEW: &str = "`MESHIMG_UPDATE=1 MESHIMG_NIXPKGS=... cargo test --test nix` evaluates it anew";

#[derive(Debug, Default, Serialize, Deserialize, PartialEq)]
struct Evaluated {
    /// Of the modules and of the hosts' data.
    inputs: String,
    /// Of nixpkgs: what Docker's settings are besides ours differs from one to the next.
    release: String,
    /// By example and name.
    hosts: BTreeMap<String, BTreeMap<String, Host>>,
}

#[derive(Debug, Serialize, Deserialize, PartialEq)]
pub struct Host {
    /// What the script `mesh` reads.
    pub mesh: String,
    /// Docker's daemon.json.
    pub daemon: Map<String, Value>,
}

/// The words of a file in Nix, without layout and comments.
fn words(name: &str, text: &str) -> String {
    let root = rowan::ast::AstNode::syntax(&read::root(name, text)).clone();
    let tokens = root.descendants_with_tokens().filter_map(|element| element.into_token());
    let words = tokens.filter(|token| !matches!(token.kind(), TOKEN_COMMENT | TOKEN_WHITESPACE));
    words.map(|token| format!("{}\n", token.text())).collect()
}

fn inputs() -> String {
    let mut inputs = Inputs::new("nixos-hosts", "1");
    for (name, text) in MODULES.iter().filter(|(name, _)| name.ends_with(".nix")) {
        inputs.add(name, words(name, text));
    }
    for example_name in examples() {
        for (name, text) in written(&example(&example_name)) {
            if name.starts_with("hosts/") {
                inputs.add(&format!("{example_name}/{name}"), words(&name, &text));
            }
        }
    }
    inputs.key().to_string()
}

fn stored() -> Evaluated {
    let text = std::fs::read_to_string(project(FILE)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Compares the file with what was evaluated just now, and writes it when that is asked for.
pub fn compare(release: String, hosts: BTreeMap<String, BTreeMap<String, Host>>) {
    let now = Evaluated {
        inputs: inputs(),
        release,
        hosts,
    };
    if std::env::var_os("MESHIMG_UPDATE").is_some() {
        let text = serde_json::to_string_pretty(&now).expect("JSON") + "\n";
        std::fs::write(project(FILE), text).expect("the file can be written");
    }
    let before = stored();
    if before.release == now.release {
        assert_eq!(before.hosts, now.hosts, "{FILE}: {ANEW}");
        return;
    }
    // Docker's settings are partly those of another NixOS; the mesh is ours alone.
    let meshes = |of: &Evaluated| -> Vec<String> {
        let hosts = of.hosts.values().flat_map(BTreeMap::values);
        hosts.map(|host| host.mesh.clone()).collect()
    };
    assert_eq!(meshes(&before), meshes(&now), "{FILE}: {ANEW}");
}

#[test]
fn what_was_evaluated_comes_from_these_modules() {
    assert_eq!(stored().inputs, inputs(), "{FILE} is of other modules or examples: {ANEW}");
}

#[test]
fn comments_and_layout_change_no_words() {
    let bare = words("bare", "{ a = \"b c\"; }");
    assert_eq!(words("laid out", "# Why.\n{\n  a = \"b c\"; /* so */\n}\n"), bare);
    assert_ne!(words("other", "{ a = \"b  c\"; }"), bare);
}
