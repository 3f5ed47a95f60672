//! Where any Open vSwitch may be from.

use serde_json::{Value, json};

use super::choices::Choices;

const HASH: &str = "2b4d75ed077e94bc649ffbc9be5f9f822db82cf266c920cb3060f94db9d6d796";
const KEY: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEAAAAABYJKwYBBAHaRw8BAQdA\n-----END PGP PUBLIC KEY BLOCK-----\n";

/// `build` only where it may be: nothing is built for others than Debian.
pub fn open_vswitch(choices: &mut Choices<'_>, may_build: bool) -> Value {
    match choices.below(if may_build { 4 } else { 3 }) {
        0 => json!({ "source": "distribution" }),
        1 => json!({ "source": "archive", "sha256": HASH, "url": choices.of(&["https://archive.example/o", "file:///srv/archive/"]) }),
        2 => {
            json!({ "source": "archive", "signing-key": KEY, "url": choices.of(&["http://archive.example:8080/a,b=c@d%20e", "file:///a"]) })
        }
        _ => {
            let url = choices.of(&[
                "https://archive.example/a.tar.gz",
                "http://archive.example:8080/o_4.0.0~rc1-1+b.dsc",
                "file:///srv/o.tar.xz",
                "https://archive.example/a,b=c@d%20e.tgz",
            ]);
            json!({ "source": "build", "version": choices.of(&["4.0.0", "3.1.0", "10.20.30"]), "sha256": HASH, "url": url })
        }
    }
}
