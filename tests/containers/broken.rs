//! Artifacts that are broken on purpose: each must be red, where it is to be, for the right reason.

use libtest_mimic::{Failed, Trial};

use super::container::Container;
use super::host::{self, Host, Release};
use super::parsers::{self, ALL};

/// A mistake in an artifact, and by whom it must be found.
struct Mistake {
    artifact: &'static str,
    from: &'static str,
    to: &'static str,
    parser: &'static str,
    /// Part of a finding.
    finding: &'static str,
}

/// One for each parser, in places so far apart that all can be made at once.
const EVERYWHERE: &[Mistake] = &[
    Mistake {
        artifact: "user-data",
        from: "path: /usr/local/lib/meshimg/container-ports\n  permissions: \"0755\"",
        to: "path: /usr/local/lib/meshimg/container-ports\n  permissions: \"0644\"",
        parser: "cloud-init",
        finding: "not wanted: file 0644",
    },
    Mistake {
        artifact: "user-data",
        from: "path: /etc/sysctl.d/60-meshimg.conf\n  permissions: \"0644\"",
        to: "path: /etc/sysctl.d/60-meshimg.conf\n  permissions: 420",
        parser: "schema",
        finding: "420 is not of type 'string'",
    },
    Mistake {
        artifact: "user-data",
        from: "        bridge_fd 0\n",
        to: "        bridge_df 0\n",
        parser: "ifquery",
        finding: "missing: docker0: bridge_fd: 0",
    },
    Mistake {
        artifact: "user-data",
        from: "bfd:mult=",
        to: "bdf:mult=",
        parser: "openvswitch",
        finding: "Interface does not contain a column whose name matches \"bdf\"",
    },
    Mistake {
        artifact: "user-data",
        from: "\"fixed-cidr\"",
        to: "\"fixed-cdir\"",
        parser: "dockerd",
        finding: "the following directives don't match any configuration option: fixed-cdir",
    },
    Mistake {
        artifact: "user-data",
        from: "TimeoutStartSec=60\n",
        to: "TimeoutStartSec=sixty\n",
        parser: "systemd-analyze",
        finding: "/etc/systemd/system/ovs-vswitchd.service.d/meshimg.conf:3: Failed to parse TimeoutStartSec= parameter, ignoring: sixty",
    },
    Mistake {
        // In bootcmd.
        artifact: "user-data",
        from: "ConditionPathExists=/sys/class/net/docker0\n",
        to: "ConditionPahtExists=/sys/class/net/docker0\n",
        parser: "systemd-analyze",
        finding: "/run/systemd/system/docker.service.d/meshimg.conf:4: Unknown key",
    },
    Mistake {
        artifact: "user-data",
        from: "    until ip -4 ",
        to: "    untill ip -4 ",
        parser: "sh",
        finding: "/usr/local/lib/meshimg/wait-for-container-bridge: 6: Syntax error: \"do\" unexpected",
    },
    Mistake {
        artifact: "user-data",
        from: "SUBSYSTEM==\"module\"",
        to: "SUBSYSTEMM==\"module\"",
        parser: "udevadm",
        finding: "/etc/udev/rules.d/60-meshimg.rules:2 Invalid key 'SUBSYSTEMM'",
    },
    Mistake {
        artifact: "user-data",
        from: "-net.bridge.bridge-nf-call-arptables = 0",
        // With the "-" it would be an exclusion (sysctl.d(5)).
        to: "net.bridge.bridge-nf-call-arptables: 0",
        parser: "systemd-sysctl",
        finding: "/etc/sysctl.d/60-meshimg.conf:6: Line is not an assignment",
    },
];

/// Those that would hide others.
const ALONE: &[Mistake] = &[
    Mistake {
        artifact: "user-data",
        from: "options:remote_ip=203.0.113.4",
        to: "options:remote_ip=203.0.113.5",
        parser: "openvswitch",
        finding: "\"203.0.113.5\"",
    },
    Mistake {
        artifact: "meta-data",
        from: "instance-id: meshimg-",
        to: "instance-id: ",
        parser: "cloud-init",
        finding: "missing: instance meshimg-every-key-",
    },
    Mistake {
        artifact: "network-config",
        from: "addresses:",
        to: "adresses:",
        parser: "ifquery",
        finding: ": address: 203.0.113.",
    },
];

/// What only Debian 13 has a parser for. Unknown keys are no mistakes to it.
const NETWORK_SCHEMA: Mistake = Mistake {
    artifact: "network-config",
    from: "mtu: 9000",
    to: "mtu: big",
    parser: "schema",
    finding: "ethernets.eth1.mtu: 'big' is not of type 'integer'",
};

pub fn tests() -> Vec<Trial> {
    let mut tests = Vec::new();
    // Whose links, BFD, Docker options and network-config are all there.
    for (release, name) in [(Release::Debian12, "two"), (Release::Debian13, "one")] {
        let of = move || -> Result<Host, Failed> {
            let found = host::all()?
                .into_iter()
                .find(|host| host.example == "every-key" && host.plan.name.as_str() == name);
            let host = found.ok_or("the example every-key has changed")?;
            if host.release() == release {
                Ok(host)
            } else {
                Err(format!("{name} is no {release} any more").into())
            }
        };
        tests.push(Trial::test(format!("broken::one_mistake_for_each_parser::{release}"), move || {
            red(of()?, &EVERYWHERE.iter().collect::<Vec<_>>())
        }));
        tests.push(Trial::test(format!("broken::mistakes_that_hide_others::{release}"), move || {
            let schema = (release == Release::Debian13).then_some(&NETWORK_SCHEMA);
            red(of()?, &ALONE.iter().collect::<Vec<_>>())?;
            red(of()?, &schema.into_iter().collect::<Vec<_>>())
        }));
        tests.push(Trial::test(format!("broken::seed::{release}"), move || seed(of()?)));
    }
    tests.push(Trial::test("broken::where_systemd_brings_the_mesh_up", || {
        let host = host::all()?.into_iter().find(|host| host.example == "systemd");
        red(host.ok_or("the example systemd has changed")?, &SYSTEMD.iter().collect::<Vec<_>>())
    }));
    tests
}

/// What there is only where systemd brings the mesh up.
const SYSTEMD: &[Mistake] = &[
    Mistake {
        artifact: "user-data",
        from: "path: /usr/local/lib/meshimg/mesh\n  permissions: \"0755\"",
        to: "path: /usr/local/lib/meshimg/mesh\n  permissions: \"0644\"",
        parser: "cloud-init",
        finding: "not wanted: file 0644",
    },
    Mistake {
        artifact: "user-data",
        from: "ExecReload=",
        to: "ExecRelaod=",
        parser: "systemd-analyze",
        finding: "/etc/systemd/system/meshimg-mesh.service:19: Unknown key",
    },
    Mistake {
        artifact: "user-data",
        from: "    until ovs-appctl ",
        to: "    untill ovs-appctl ",
        parser: "sh",
        finding: "Syntax error: \"do\" unexpected",
    },
    Mistake {
        artifact: "user-data",
        from: "MESH_MTU='1462'",
        to: "MESH_MTU='1462",
        parser: "sh",
        finding: "/etc/meshimg/host.conf: ",
    },
];

/// Makes all `mistakes` on one host, and looks whether each is found.
fn red(host: Host, mistakes: &[&Mistake]) -> Result<(), Failed> {
    let mut broken = host;
    for mistake in mistakes {
        broken = broken.with(mistake.artifact, mistake.from, mistake.to)?;
    }
    let container = Container::start(&broken)?;
    let mut missed = Vec::new();
    for parser in ALL {
        let findings = container.run(parser, &broken)?;
        for mistake in mistakes.iter().filter(|mistake| mistake.parser == parser.name) {
            if !findings.iter().any(|finding| finding.contains(mistake.finding)) {
                missed.push(format!("{}: no {:?} in\n{}", parser.name, mistake.finding, findings.join("\n")));
            }
        }
    }
    container.end()?;
    if missed.is_empty() { Ok(()) } else { Err(missed.join("\n").into()) }
}

/// A volume with another label, which cloud-init would not look at, and one with another file.
fn seed(host: Host) -> Result<(), Failed> {
    let mut broken = host;
    let seed = broken.artifacts.get_mut(host::SEED).ok_or("no seed")?;
    let label = seed.windows(6).position(|bytes| bytes == b"cidata").ok_or("no label")?;
    let places: Vec<usize> = (0..seed.len() - 6).filter(|at| &seed[*at..at + 6] == b"cidata").collect();
    if places.first() != Some(&label) || places.len() < 2 {
        return Err(format!("the label is at {places:?}").into());
    }
    for at in places {
        seed[at..at + 6].copy_from_slice(b"cidatb");
    }
    broken.artifacts.insert("user-data".to_owned(), b"#cloud-config\n{}\n".to_vec());
    let container = Container::start(&broken)?;
    let parser = ALL.iter().find(|parser| parser.name == "seed").ok_or("no parser of seeds")?;
    let findings = container.run(parser, &broken)?;
    container.end()?;
    let wanted = [
        "user-data is another one",
        "missing: LABEL cidata",
        "missing: file user-data",
        "not wanted: LABEL cidatb",
    ];
    if findings == wanted {
        Ok(())
    } else {
        Err(findings.join("\n").into())
    }
}

/// The seed's are in a test of their own.
pub fn every_parser_has_a_mistake() -> Result<(), Failed> {
    let has = |parser: &&parsers::Parser| parser.name == "seed" || EVERYWHERE.iter().any(|mistake| mistake.parser == parser.name);
    match ALL.iter().find(|parser| !has(parser)) {
        Some(spared) => Err(format!("nothing is broken for {}", spared.name).into()),
        None => Ok(()),
    }
}
