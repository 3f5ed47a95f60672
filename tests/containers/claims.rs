//! No artifact, and no file that one writes, without a parser that reads it.
//!
//! Nothing makes rules for nftables or iptables today, so nobody runs `nft -c`. The day something does, it is a file that no parser
//! reads, or a script that calls nft: both are red here.

use libtest_mimic::{Failed, Trial};
use meshimg::render::HostFile;

use super::broken;
use super::host::{self, Host};
use super::parsers::ALL;

pub fn tests() -> Vec<Trial> {
    vec![
        Trial::test("claims::every_artifact_has_a_parser", every_artifact_has_a_parser),
        Trial::test("claims::an_artifact_without_a_parser_is_noticed", one_without_a_parser_is_noticed),
        Trial::test("claims::every_parser_has_an_artifact", every_parser_has_an_artifact),
        Trial::test("claims::every_parser_has_a_mistake", broken::every_parser_has_a_mistake),
    ]
}

/// Words that make rules of a firewall.
const FIREWALL: &[&str] = &[
    "nft",
    "iptables",
    "ip6tables",
    "iptables-restore",
    "iptables-nft",
    "ebtables",
    "arptables",
];

/// What nobody reads.
fn unread(host: &Host) -> Vec<String> {
    let names = host.artifacts.keys().map(String::as_str);
    let paths = host.files.iter().map(|file| file.path.as_str());
    let read = |name: &&str| ALL.iter().any(|parser| (parser.reads)(name));
    let of = |what: &str| format!("{}/{}: {what}", host.example, host.plan.name);
    let mut unread: Vec<String> = names.chain(paths).filter(|name| !read(name)).map(of).collect();
    // A line of a script, or of a file, that is a rule rather than a word about one.
    let is_rule = |line: &str| {
        line.split([' ', ';', '&', '|', '('])
            .next()
            .is_some_and(|word| FIREWALL.contains(&word))
    };
    let rules = |file: &&HostFile| {
        file.text
            .lines()
            .map(str::trim)
            .any(|line| is_rule(line) || line.starts_with("table inet "))
    };
    unread.extend(
        host.files
            .iter()
            .filter(rules)
            .map(|file| of(&format!("{} makes firewall rules", file.path))),
    );
    unread
}

fn every_artifact_has_a_parser() -> Result<(), Failed> {
    let hosts = host::all()?;
    let unread: Vec<String> = hosts.iter().flat_map(unread).collect();
    if hosts.len() < 10 {
        return Err(format!("{} hosts in all examples", hosts.len()).into());
    }
    if unread.is_empty() {
        Ok(())
    } else {
        Err(format!("nobody reads\n{}", unread.join("\n")).into())
    }
}

/// The test of the test.
fn one_without_a_parser_is_noticed() -> Result<(), Failed> {
    let mut host = host::all()?.into_iter().next().ok_or("no host")?;
    let file = |path: &str, text: &str| HostFile {
        path: path.to_owned(),
        mode: 0o644,
        text: text.to_owned(),
    };
    host.artifacts.insert("vendor-data".to_owned(), Vec::new());
    host.files.push(file("/etc/nftables.conf", "flush ruleset\n"));
    host.files.push(file(
        "/usr/local/lib/meshimg/firewall",
        "#!/bin/sh\n    nft add table inet meshimg\n",
    ));
    let at = format!("{}/{}", host.example, host.plan.name);
    let wanted = [
        format!("{at}: vendor-data"),
        format!("{at}: /etc/nftables.conf"),
        format!("{at}: /usr/local/lib/meshimg/firewall makes firewall rules"),
    ];
    let found = unread(&host);
    if found == wanted {
        Ok(())
    } else {
        Err(format!("{found:?}").into())
    }
}

/// None reads nothing for ever.
fn every_parser_has_an_artifact() -> Result<(), Failed> {
    let hosts = host::all()?;
    let reads_some = |reads: fn(&str) -> bool| {
        let mut hosts = hosts.iter();
        hosts.any(|host| host.artifacts.keys().any(|name| reads(name)) || host.files.iter().any(|file| reads(&file.path)))
    };
    match ALL.iter().find(|parser| !reads_some(parser.reads)) {
        Some(idle) => Err(format!("{} reads nothing", idle.name).into()),
        None => Ok(()),
    }
}
