//! The direct fabric on real Open vSwitch: four hosts in network namespaces of one container, each with its own daemons, tunnels between them, a
//! container on each. Nothing comes twice, nothing circles, a relay passes on once, addresses move, and the probes find what was planned.

use std::collections::BTreeMap;

use libtest_mimic::{Failed, Trial};
use meshimg::machine::Facts;
use meshimg::machine::facts::{Scope, script};
use meshimg::machine::probe::loop_free;
use meshimg::plan::direct::key;
use meshimg::plan::{HostPlan, Plan};
use meshimg::render::host_files;
use meshimg::spec::{HostName, Network};

use super::container::{Container, Ended};
use super::host::{self, Host, Release};

/// Four hosts on a processor that others use too.
const SECONDS: &str = "500";

const SCRIPT: &str = include_str!("scripts/fabric.py");

/// What comes out of rules of host 1 that are wrong: what is in its mesh-rules, what is there instead, the step that looks, part of a finding.
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    // The group of host 2 watches a link that is alive, and sends into the dead one.
    (
        "bucket=watch_port:$by,actions=output:$by",
        "bucket=watch_port:3,actions=output:$by",
        "relays",
        "over a relay: came to {}",
    ),
    // What was passed on twice goes on for ever.
    (
        r#"actions=output:%s\n' $((1 << 23 | to << 1 | 1)) "$to""#,
        r"actions=flood\n' $((1 << 23 | to << 1 | 1))",
        "traces",
        "trace relayed-twice",
    ),
    // A relay that floods.
    (
        r#"actions=group:%s\n' $((to << 1 | 1)) "$to""#,
        r"actions=flood\n' $((to << 1 | 1))",
        "traces",
        "trace relay",
    ),
    // Any host's link will do for any origin.
    (
        r"tun_id=0x%x/0x7ff000,in_port=%s actions=resubmit(,1)\n' $((to << 12))",
        r"in_port=%s actions=resubmit(,1)\n'",
        "traces",
        "trace forged-origin",
    ),
    // A link, not a host, is what an address is learnt from.
    (
        "actions=move:NXM_NX_TUN_ID[12..22]->NXM_NX_REG0[0..10]",
        "actions=move:NXM_OF_IN_PORT[0..10]->NXM_NX_REG0[0..10]",
        "relays",
        "over the second relay: came to {}",
    ),
    // Broadcasts go to each host twice.
    (
        r#"group:%s' "$actions" $((MESH_NUMBER << 12 | to << 1)) "$to""#,
        r#"group:%s,group:%s' "$actions" $((MESH_NUMBER << 12 | to << 1)) "$to" "$to""#,
        "floods",
        "a broadcast: came to",
    ),
    // What is here already is sent to another host.
    ("reg1=0x%x actions=drop", "reg1=0x%x actions=group:2", "traces", "trace here: ['2']"),
];

/// Kinds of tunnel, on which release, and the steps: all where there are none.
const KINDS: &[(&str, Release, &str)] = &[
    ("gre", Release::Debian13, ""),
    ("vxlan", Release::Debian12, ""),
    ("geneve", Release::Debian13, "floods traces relays"),
];

pub fn tests() -> Vec<Trial> {
    let mut tests: Vec<Trial> = KINDS
        .iter()
        .map(|(tunnel, release, steps)| {
            Trial::test(format!("fabric::{release}::{tunnel}"), move || {
                let findings = findings(*release, tunnel, steps, None)?;
                if findings.is_empty() {
                    Ok(())
                } else {
                    Err(findings.join("\n").into())
                }
            })
        })
        .collect();
    for (number, (from, to, steps, finding)) in MISTAKES.iter().enumerate() {
        tests.push(Trial::test(format!("fabric::broken::{number}"), move || {
            let findings = findings(Release::Debian13, "gre", steps, Some((from, to)))?;
            if findings.iter().any(|found| found.contains(finding)) {
                Ok(())
            } else {
                Err(format!("no {finding:?} in\n{}", findings.join("\n")).into())
            }
        }));
    }
    tests
}

/// The hosts of the example with another kind of tunnel, all brought up by the script of systemd; host 1's release is that of the container.
fn hosts(release: Release, tunnel: &str) -> Result<(Plan, Host), Failed> {
    const EXAMPLE: &str = include_str!("../../examples/direct/cluster.yaml");
    let text = EXAMPLE.replace("fabric: direct", &format!("fabric: direct\n  tunnel: {tunnel}"));
    let all = host::of_example("direct", text.as_bytes())?;
    let first = all
        .iter()
        .find(|host| host.release() == release)
        .ok_or("the example direct has changed")?;
    let mut plan = first.cluster.clone();
    plan.hosts.iter_mut().for_each(|host| host.network = Network::Systemd);
    Ok((plan, first.clone()))
}

fn findings(release: Release, tunnel: &str, steps: &str, mistake: Option<(&str, &str)>) -> Result<Vec<String>, Failed> {
    let (plan, host) = hosts(release, tunnel)?;
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for host in &plan.hosts {
        for file in host_files(&plan, host)? {
            let wanted = [
                "/etc/meshimg/host.conf",
                "/usr/local/lib/meshimg/mesh",
                "/usr/local/lib/meshimg/mesh-rules",
            ];
            if !wanted.contains(&file.path.as_str()) {
                continue;
            }
            let mut text = file.text;
            if let (Some((from, to)), 1, true) = (mistake, host.number, file.path.ends_with("mesh-rules")) {
                let changed = text.replace(from, to);
                if changed == text {
                    return Err(format!("mesh-rules has no {from:?} that could be broken").into());
                }
                text = changed;
            }
            let name = file.path.rsplit('/').next().unwrap_or_default();
            files.insert(format!("/in/{}/{name}", host.number), text.into_bytes());
        }
        let gather = script(&plan, host, Scope::Mesh)?;
        files.insert(format!("/in/{}/gather", host.number), gather.into_bytes());
    }
    files.insert("/in/relays".to_owned(), relays(&plan).into_bytes());
    files.insert("/in/trace".to_owned(), traces().into_bytes());
    files.insert("/in/fabric.py".to_owned(), SCRIPT.as_bytes().to_vec());
    let container = Container::with_bridges(&host, files)?;
    let ended = container.script_within(SECONDS, &format!("chmod 755 /in/*/mesh*\npython3 /in/fabric.py {steps}"))?;
    container.end()?;
    Ok(judge(&plan, &ended))
}

/// A line for each pair: its numbers and its relays.
fn relays(plan: &Plan) -> String {
    let of = |host: &HostPlan| {
        let paths = host.mesh_bridge.paths.iter();
        let line = |relays: &[u16]| relays.iter().map(u16::to_string).collect::<Vec<_>>().join(" ");
        paths
            .map(|path| format!("{} {} {}\n", host.number, path.to, line(&path.relays)))
            .collect::<String>()
    };
    plan.hosts.iter().map(of).collect()
}

/// What host 1 of four is asked about: a name, the port that a frame comes in by, its key, source, destination, and where it must go.
fn traces() -> String {
    const SOURCE: &str = "02:00:00:00:05:01";
    const ANY: &str = "02:00:00:00:05:02";
    const ALL: &str = "ff:ff:ff:ff:ff:ff";
    // Of the container on host 1, and learnt when this is asked.
    const HERE: &str = "02:00:00:00:04:01";
    let lines = [
        ("direct", "2", key(2, 1, 0), SOURCE, ANY, "br0"),
        ("direct-broadcast", "2", key(2, 1, 0), SOURCE, ALL, "br0"),
        ("forged-origin", "2", key(3, 1, 0), SOURCE, ANY, "drop"),
        ("forged-as-ours", "2", key(1, 1, 0), SOURCE, ANY, "drop"),
        ("relayed-as-ours", "2", key(1, 1, 1), SOURCE, ANY, "drop"),
        ("for-another-and-not-relayed", "2", key(2, 3, 0), SOURCE, ANY, "drop"),
        ("relayed-for-us", "3", key(2, 1, 1), SOURCE, ANY, "br0"),
        ("relayed-for-us-by-itself", "2", key(2, 1, 1), SOURCE, ANY, "drop"),
        ("relay", "2", key(2, 4, 1), SOURCE, ANY, "4"),
        ("relay-broadcast", "2", key(2, 4, 1), SOURCE, ALL, "4"),
        ("relay-a-second-time", "3", key(2, 4, 1), SOURCE, ANY, "drop"),
        ("relayed-twice", "3", key(2, 4, 2), SOURCE, ANY, "4"),
        ("relayed-twice-for-us", "3", key(2, 1, 2), SOURCE, ANY, "br0"),
        ("relayed-twice-by-itself", "2", key(2, 4, 2), SOURCE, ANY, "drop"),
        ("relayed-twice-as-ours", "3", key(1, 4, 2), SOURCE, ANY, "drop"),
        ("relayed-twice-back", "4", key(2, 4, 2), SOURCE, ANY, "drop"),
        ("relay-back", "2", key(2, 2, 1), SOURCE, ANY, "drop"),
        ("relay-to-nobody", "2", key(2, 9, 1), SOURCE, ANY, "drop"),
        ("no-key", "2", 0, SOURCE, ANY, "drop"),
        ("group-source", "2", key(2, 1, 0), "03:00:00:00:05:01", ANY, "drop"),
        ("here", "LOCAL", 0, SOURCE, HERE, "drop"),
        ("reserved", "2", key(2, 1, 0), SOURCE, "01:80:c2:00:00:00", "drop"),
    ];
    lines
        .map(|(name, port, key, source, destination, wanted)| format!("{name} {port} {key:#x} {source} {destination} {wanted}\n"))
        .concat()
}

fn judge(plan: &Plan, ended: &Ended) -> Vec<String> {
    let mut findings = ended.complaints();
    let mut facts: BTreeMap<HostName, Facts> = BTreeMap::new();
    for part in format!("\n{}", ended.stdout).split("\nfacts ").skip(1) {
        let (number, said) = part.split_once('\n').unwrap_or((part, ""));
        let host = plan.hosts.iter().find(|host| host.number.to_string() == number);
        facts.extend(host.map(|host| (host.name.clone(), Facts::parse(said))));
    }
    if facts.len() != plan.hosts.len() {
        findings.push(format!("{} of {} hosts were asked", facts.len(), plan.hosts.len()));
    }
    let reds = loop_free(plan, &facts).into_iter().filter(meshimg::machine::probe::Verdict::is_red);
    findings.extend(reds.map(|verdict| format!("{}: {}", verdict.subject, verdict.summary)));
    findings
}
