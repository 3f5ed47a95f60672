//! The file that `meshimg init` writes.

/// A small commented cluster.yaml of three hosts. `name` should pass [`super::ClusterName`]'s rule; it is quoted all the same, so
/// that any text gives YAML.
pub fn init_text(name: &str) -> String {
    // JSON strings are YAML strings (YAML 1.2, section 1.3); a plain name needs no quotes.
    let quoted = match name.parse::<super::ClusterName>() {
        Ok(name) if name.as_str().starts_with(|c: char| c.is_ascii_lowercase()) && !is_yaml_word(name.as_str()) => name.to_string(),
        _ => serde_json::Value::from(name).to_string(),
    };
    format!("{HEAD}name: {quoted}\n{REST}")
}

/// Plain text that YAML takes for something else.
fn is_yaml_word(text: &str) -> bool {
    matches!(text, "null" | "true" | "false" | "y" | "n" | "yes" | "no" | "on" | "off")
}

const HEAD: &str = "\
# One cluster: Docker hosts whose containers share one switch. `meshimg check FILE` says what is wrong with this file,
# `meshimg plan FILE` what would come of it. All keys are in docs/cluster-yaml.md; `meshimg schema` prints them for editors.
version: 1
";

const REST: &str = "\
# Each host needs a name and the address by which the others reach it. Replace these addresses, which belong to nobody.
# A host's number is its place in the list; it decides the host's container addresses, so append new hosts at the end.
hosts:
  - {name: host1, address: 192.0.2.1}
  - {name: host2, address: 192.0.2.2}
  - {name: host3, address: 192.0.2.3}

# All that follows is optional; the values are the defaults unless it says so.
# os: debian-13                     # debian-12, ubuntu-22.04, ubuntu-24.04
# underlay:
#   mtu: 1500                       # the smallest between any two hosts
#   interface: eth1                 # no default: without it the hosts configure their underlay themselves
# containers:
#   subnet: 172.17.0.0/16
#   capacity: 8                     # cut slices for later hosts too; default: as many as there are
# mesh:
#   tunnel: gre                     # vxlan, geneve
#   loop-protection: rstp           # stp
# access:
#   user: root
#   authorized-keys:                # none by default; the lines of id_*.pub files
#     - ssh-ed25519 AAAA... you@example
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_valid_without_warnings() {
        for name in ["demo", "a", "no", "true", "1", "0x10", "1e3"] {
            let (spec, warnings) = crate::spec::load(init_text(name).as_bytes()).unwrap_or_else(|problems| panic!("{problems:?}"));
            assert_eq!((spec.name.as_str(), spec.hosts.len(), warnings), (name, 3, vec![]));
        }
    }

    #[test]
    fn a_name_that_breaks_the_rule_gives_one_diagnostic() {
        let problems = crate::spec::load(init_text("a\nhosts: []").as_bytes()).expect_err("no such name");
        assert_eq!(
            problems.iter().map(|problem| problem.code.as_str()).collect::<Vec<_>>(),
            ["names::cluster"]
        );
    }

    /// The commented part stays true: without its comment signs it is valid too, but for the shortened key.
    #[test]
    fn the_commented_keys_are_valid() {
        let whole = init_text("demo").replace("AAAA...", "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAA");
        let (before, after) = whole.split_once("unless it says so.\n").expect("the line before the optional keys");
        let enabled: String = after
            .lines()
            .map(|line| format!("{}\n", line.strip_prefix("# ").expect("a comment")))
            .collect();
        let (spec, warnings) =
            crate::spec::load(format!("{before}\n{enabled}").as_bytes()).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!((spec.capacity, spec.hosts[0].authorized_keys.len(), warnings), (8, 1, vec![]));
    }
}
