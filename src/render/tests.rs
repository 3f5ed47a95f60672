use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::plan::plan;
use crate::plan::tests::{classic, cluster};
use crate::spec::{ArchiveTrust, AuthorizedKey, Fabric, LoopProtection, Network, OpenVSwitchSource, Spec};

fn many(hosts: u32) -> Spec {
    let addresses: Vec<String> = (0..hosts).map(|n| std::net::Ipv4Addr::from(0x0a00_0001 + n).to_string()).collect();
    cluster(&addresses.iter().map(String::as_str).collect::<Vec<_>>())
}

fn key(comment_bytes: usize) -> AuthorizedKey {
    format!(
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA {}",
        "c".repeat(comment_bytes)
    )
    .parse()
    .unwrap()
}

/// The largest full mesh that user-data has room for is rendered, and one host more is an error: there are no artifacts to write.
#[test]
fn user_data_that_no_provider_takes_is_an_error() {
    let rendered = |hosts| cloud_init(&plan(&many(hosts)).unwrap(), None);
    let (mut fits, mut too_many) = (2, 200);
    while too_many - fits > 1 {
        let middle = fits + (too_many - fits) / 2;
        match rendered(middle) {
            Ok(_) => fits = middle,
            Err(_) => too_many = middle,
        }
    }
    assert!((50..190).contains(&fits), "{fits} hosts fit");
    let largest = rendered(fits)
        .unwrap()
        .0
        .values()
        .map(|artifact| artifact.bytes.len())
        .max()
        .unwrap();
    assert!(largest <= USER_DATA_MAX && largest > USER_DATA_MAX * 9 / 10, "{largest}");
    let Err(RenderError::TooLarge { host, bytes }) = rendered(too_many) else {
        panic!("{too_many} hosts fit too");
    };
    assert!(bytes > USER_DATA_MAX, "{host} {bytes}");
}

/// Bytes of the user-data of the last of so many hosts with a direct fabric; within 1 %, as long as that of any.
fn direct(hosts: u32, network: Network) -> usize {
    let mut spec = many(hosts);
    spec.fabric = Fabric::Direct;
    spec.hosts.iter_mut().for_each(|host| host.network = network);
    let mut plan = plan(&spec).unwrap();
    plan.hosts.drain(..plan.hosts.len() - 1);
    user_data_bytes(&plan).unwrap()[0]
}

/// docs/fabric.md and docs/bench.md say so: the host makes its rules itself, so a peer takes its tunnel and few bytes besides.
#[test]
fn user_data_of_eighty_hosts_with_a_direct_fabric_is_what_providers_take() {
    for (network, most, too_many) in [(Network::Ifupdown, 85, 95), (Network::Systemd, 165, 180)] {
        let [fits, larger] = [most, too_many].map(|hosts| direct(hosts, network));
        assert!(fits <= USER_DATA_MAX, "{fits} bytes for {most} hosts");
        assert!(
            larger > USER_DATA_MAX,
            "{larger} bytes for {too_many} hosts: the documents have too low a figure"
        );
    }
}

#[test]
fn too_many_keys_are_an_error_with_what_helps() {
    let mut spec = classic();
    spec.hosts[1].authorized_keys = (0..40).map(|_| key(2000)).collect();
    let error = cloud_init(&plan(&spec).unwrap(), None).unwrap_err().to_string();
    assert!(
        error.starts_with("user-data of host2 has ") && error.contains("fewer authorized keys"),
        "{error}"
    );
    // The other hosts' own are no larger than before.
    assert!(cloud_init(&plan(&spec).unwrap(), Some(&spec.hosts[0].name)).is_ok());
}

/// User-data of a droplet that has no address yet.
fn of_droplet() -> String {
    let example = include_bytes!("../../examples/digital-ocean/cluster.yaml");
    let (spec, _) = crate::spec::load(example).unwrap();
    let droplets = crate::plan::droplets(&spec).unwrap().unwrap();
    super::droplet_user_data(&droplets, &droplets.droplets[0]).unwrap()
}

/// Nothing lies unused in cloud-init/, and what is embedded arrives on a host.
#[test]
fn every_file_in_cloud_init_is_used() {
    let sources = ["host_files.rs", "cloud_init.rs", "door.rs", "open_vswitch.rs"]
        .map(|name| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/render").join(name)).unwrap())
        .concat();
    let mut spec = classic();
    spec.hosts[0].docker_api = crate::spec::Api::UnsafeWithoutTls { port: 2375 };
    spec.hosts[1].network = Network::Systemd;
    let archive = |trust| OpenVSwitchSource::Archive {
        url: "https://archive.example/a".parse().unwrap(),
        trust,
    };
    let key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n-----END PGP PUBLIC KEY BLOCK-----\n";
    spec.hosts[0].open_vswitch = archive(ArchiveTrust::SigningKey(key.parse().unwrap()));
    spec.hosts[1].open_vswitch = archive(ArchiveTrust::Sha256("0a".repeat(32).parse().unwrap()));
    let both = |spec: &Spec| text(spec, "host1/user-data") + &text(spec, "host2/user-data");
    let tree = both(&spec);
    spec.fabric = Fabric::Direct;
    let user_data = tree + &both(&spec) + &of_droplet();
    // YAML indents what it contains.
    let lines: BTreeSet<&str> = user_data.lines().map(str::trim).collect();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("cloud-init")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            sources.contains(&format!("cloud-init/{name}\"")) || sources.contains(&format!("embedded!(\"{name}\")")),
            "cloud-init/{name} is used by no renderer"
        );
        let content = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("cloud-init").join(&name)).unwrap();
        let plain = |line: &&str| !line.contains("{{") && !line.contains("{%") && !line.is_empty();
        let missing: Vec<&str> = content
            .lines()
            .map(str::trim)
            .filter(plain)
            .filter(|line| !lines.contains(line))
            .collect();
        assert!(missing.is_empty(), "cloud-init/{name} is not in user-data: {missing:?}");
    }
}

fn text(spec: &Spec, path: &str) -> String {
    let artifacts = cloud_init(&plan(spec).unwrap(), None).unwrap();
    String::from_utf8(artifacts.0[path].bytes.clone()).unwrap()
}

/// The settings of the first host's bridge and first port.
fn settings(spec: &Spec) -> (Vec<String>, String, String) {
    let plan = plan(spec).unwrap();
    let host = &plan.hosts[0];
    let port = &host.mesh_bridge.ports[0];
    (
        ovs::bridge_settings(&host.mesh_bridge, &plan),
        ovs::port_settings(port, &plan),
        ovs::interface_settings(port),
    )
}

#[test]
fn open_vswitch_settings_of_rstp() {
    let (bridge, port, interface) = settings(&classic());
    assert_eq!(
        bridge,
        [
            "rstp_enable=true",
            "stp_enable=false",
            "fail_mode=standalone",
            bridge[3].as_str(),
            "other_config:rstp-priority=4096",
            "other_config:rstp-max-age=6",
            "other_config:rstp-forward-delay=4",
            "other_config:rstp-transmit-hold-count=10",
        ]
    );
    assert!(bridge[3].starts_with("other_config:hwaddr="), "{}", bridge[3]);
    assert_eq!(port, "other_config:rstp-path-cost=20000");
    assert_eq!(interface, "bfd:enable=true bfd:min_tx=100 bfd:min_rx=100 bfd:mult=3");
}

#[test]
fn open_vswitch_settings_of_stp() {
    let mut spec = classic();
    spec.loop_protection = LoopProtection::Stp;
    spec.hosts[0].bfd = None;
    let (bridge, port, interface) = settings(&spec);
    assert_eq!(
        bridge,
        [
            "rstp_enable=false",
            "stp_enable=true",
            "fail_mode=standalone",
            bridge[3].as_str(),
            "other_config:stp-priority=4096",
            "other_config:stp-hello-time=2000",
            "other_config:stp-max-age=20",
            "other_config:stp-forward-delay=15",
        ]
    );
    assert_eq!(port, "other_config:stp-path-cost=4");
    assert_eq!(interface, "bfd:enable=false");
}

#[test]
fn open_vswitch_settings_of_a_direct_fabric() {
    let mut spec = classic();
    spec.fabric = Fabric::Direct;
    let (bridge, port, interface) = settings(&spec);
    assert_eq!(
        bridge,
        ["rstp_enable=false", "stp_enable=false", "fail_mode=secure", bridge[3].as_str()]
    );
    assert!(bridge[3].starts_with("other_config:hwaddr="), "{}", bridge[3]);
    assert_eq!(port, "external_ids:meshimg-peer=host2");
    assert_eq!(
        interface,
        "ofport_request=2 bfd:enable=true bfd:min_tx=100 bfd:min_rx=100 bfd:mult=3"
    );
}

#[test]
fn one_host_alone_is_as_among_all() {
    let spec = classic();
    let plan = plan(&spec).unwrap();
    let all = with_seeds(cloud_init(&plan, None).unwrap()).unwrap();
    let one = with_seeds(cloud_init(&plan, Some(&spec.hosts[1].name)).unwrap()).unwrap();
    assert_eq!(
        one.0.keys().collect::<Vec<_>>(),
        ["host2/meta-data", "host2/seed.img", "host2/user-data"]
    );
    assert!(one.0.iter().all(|(path, artifact)| all.0[path] == *artifact));
}

/// NixOS builds a tarball, and has no use for what Debian packages are made of, or for the packages.
#[test]
fn nixos_builds_tarballs_alone() {
    let rendered = |source: OpenVSwitchSource| {
        let mut spec = classic();
        spec.hosts[1].open_vswitch = source;
        nixos(&plan(&spec).unwrap())
    };
    let build = |url: &str| OpenVSwitchSource::Build {
        version: "4.0.0".parse().unwrap(),
        url: url.parse().unwrap(),
        sha256: "0a".repeat(32).parse().unwrap(),
    };
    let artifacts = rendered(build("https://a.example/openvswitch-4.0.0.tar.gz")).unwrap();
    let file = String::from_utf8(artifacts.0["hosts/host2.nix"].bytes.clone()).unwrap();
    assert!(
        file.contains("hash = \"sha256-CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo=\";"),
        "{file}"
    );
    assert!(!String::from_utf8_lossy(&artifacts.0["hosts/host1.nix"].bytes).contains("openVSwitch"));
    for (source, what) in [
        (build("https://a.example/openvswitch_4.0.0-2.dsc"), "a source package of Debian"),
        (
            OpenVSwitchSource::Archive {
                url: "https://a.example/a".parse().unwrap(),
                trust: ArchiveTrust::Sha256("0a".repeat(32).parse().unwrap()),
            },
            "an archive of Debian packages",
        ),
    ] {
        let error = rendered(source).unwrap_err().to_string();
        let start = format!("NixOS does not build Open vSwitch from {what}, as host2 is to have it; give host2 a release of upstream");
        assert!(error.starts_with(&start), "{error}");
    }
}
