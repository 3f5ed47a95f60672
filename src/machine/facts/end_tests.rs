//! Tests of what gather_end.sh prints: real output of each tool on Debian 13, and garbage.

use std::net::IpAddr;

use proptest::prelude::*;

use super::sections::Sections;
use super::{Transport, config, docker, listening};

const LISTENING: &str = "tcp LISTEN 0      4096   127.0.0.1:34341 0.0.0.0:*
tcp LISTEN 0      128      0.0.0.0:22    0.0.0.0:*
tcp LISTEN 0      128         [::]:22       [::]:*
tcp LISTEN 0      4096          *:2375          *:*
udp UNCONN 0      0   127.0.0.53%lo:53   0.0.0.0:*
udp UNCONN 0      0   [fe80::1%eth1]:546     [::]:*
";

#[test]
fn sockets_are_read() {
    let found: Vec<String> = listening::parse(LISTENING)
        .unwrap()
        .into_iter()
        .map(|listener| format!("{} {} {}", listener.protocol, listener.address, listener.port))
        .collect();
    assert_eq!(
        found,
        [
            "TCP 0.0.0.0 22",
            "TCP 0.0.0.0 2375",
            "TCP 127.0.0.1 34341",
            "TCP :: 22",
            "UDP 127.0.0.53 53",
            "UDP fe80::1 546"
        ]
    );
    assert_eq!(listening::parse("\n").unwrap(), []);
    for wrong in [
        "sctp LISTEN 0 1 0.0.0.0:1 *:*",
        "tcp LISTEN 0 1",
        "tcp LISTEN 0 1 here:22 *:*",
        "tcp LISTEN 0 1 0.0.0.0:ssh *:*",
    ] {
        listening::parse(wrong).unwrap_err();
    }
    assert_eq!(Transport::Tcp.to_string(), "TCP");
}

const UNITS: &str = "Id=docker.service
LoadState=loaded
FragmentPath=/usr/lib/systemd/system/docker.service
DropInPaths=/etc/systemd/system/docker.service.d/a.conf /run/systemd/system/docker.service.d/b.conf
UnitFileState=enabled
NeedDaemonReload=yes

Id=ovsdb-server.service
LoadState=loaded
FragmentPath=/usr/lib/systemd/system/ovsdb-server.service
DropInPaths=
UnitFileState=static
NeedDaemonReload=no
";

const SYSCTLS: &str = "# /usr/lib/sysctl.d/50-pid-max.conf
kernel.pid_max = 4194304
# /etc/sysctl.d/60-meshimg.conf
net.ipv4.ip_forward = 1
-net.bridge.bridge-nf-call-iptables = 0
net/ipv4/conf/eth1.5/forwarding = 1
# /etc/sysctl.d/99-later.conf
;net.ipv4.ip_forward = 7
net.ipv4.ip_forward=0
";

const STANZAS: &str = "ovs_type: OVSBridge
ovs_ports: gre1 gre3
address: 172.17.42.2
netmask: 255.255.0.0
";

const DATABASE: &str = r#"[{"rows":[{"_uuid":["uuid","b"],"fail_mode":"standalone","name":"br0","other_config":["map",[["rstp-priority","8192"]]],"ports":["uuid","p"],"rstp_enable":true,"rstp_status":["map",[]],"stp_enable":false}]},{"rows":[{"_uuid":["uuid","p"],"interfaces":["uuid","i"],"name":"gre1","other_config":["map",[]]}]},{"rows":[{"_uuid":["uuid","i"],"name":"gre1","type":"gre","options":["map",[["remote_ip","192.0.2.1"]]],"mtu_request":["set",[]],"bfd":["map",[["enable","true"]]]}]}]"#;

fn section(name: &str, status: i32, output: &str) -> String {
    let lines: String = output.lines().map(|line| format!(" {line}\n")).collect();
    format!("\n[{name} {status}]\n{lines}\n")
}

fn whole() -> String {
    [
        // Another file is missing, so both end with 1.
        section("files-hash", 1, &format!("{}  /etc/meshimg/host.conf", "ab".repeat(32))),
        section("files-mode", 1, "644 /etc/meshimg/host.conf"),
        section("unit-files", 0, UNITS),
        section("ovs-disk", 0, DATABASE),
        section("sysctl-files", 0, SYSCTLS),
        section("stanzas", 0, STANZAS),
    ]
    .concat()
}

#[test]
fn configuration_is_read() {
    let config = config::parse(&Sections::parse(&whole())).unwrap();
    let file = &config.files["/etc/meshimg/host.conf"];
    assert_eq!((file.hash.len(), file.mode.as_str(), config.files.len()), (64, "644", 1));
    let docker = &config.units["docker.service"];
    assert_eq!(
        (docker.state.as_str(), docker.paths.len(), docker.needs_reload),
        ("enabled", 3, true)
    );
    assert_eq!(config.units["ovsdb-server.service"].paths.len(), 1);
    assert_eq!(config.sysctls["net/ipv4/ip_forward"], "0", "the last file counts");
    assert_eq!(config.sysctls["net/bridge/bridge-nf-call-iptables"], "0");
    assert_eq!(config.sysctls["net/ipv4/conf/eth1.5/forwarding"], "1");
    assert_eq!(config.stanzas.known().unwrap()["ovs_ports"], "gre1 gre3");
    let bridge = &config.ovs.known().unwrap().bridges["br0"];
    assert_eq!(bridge.ports["gre1"].interface.options["remote_ip"], "192.0.2.1");
    assert!(bridge.rstp_enable && bridge.ports["gre1"].interface.mtu_request.is_none());
    assert_eq!(config.docker.known().unwrap_err(), "docker-info: not asked for");
}

#[test]
fn a_database_that_cannot_be_read_has_its_reason() {
    let text = whole().replace("[ovs-disk 0]", "[ovs-disk 1]\n!ovsdb-tool: conf.db: open failed");
    let config = config::parse(&Sections::parse(&text)).unwrap();
    assert_eq!(config.ovs.known().unwrap_err(), "ovsdb-tool: conf.db: open failed");
    let text = whole().replace(r#"{"rows":[{"_uuid":["uuid","b"]"#, r#"{"error":[{"_uuid":["uuid","b"]"#);
    assert!(config::parse(&Sections::parse(&text)).unwrap().ovs.known().is_err());
}

#[test]
fn containers_on_dockers_network_are_read() {
    let network = r#"[{"Name":"bridge","Containers":{"f00":{"Name":"web","EndpointID":"e","MacAddress":"02:42:AC:11:40:00","IPv4Address":"172.17.64.0/16","IPv6Address":""}}}]"#;
    let text = section("docker-active", 0, "active") + &section("docker-version", 0, "26.1.5") + &section("docker-network", 0, network);
    let docker = docker::parse(&Sections::parse(&text)).unwrap();
    let web = &docker.network.containers["web"];
    assert_eq!(web.mac.as_deref(), Some("02:42:ac:11:40:00"));
    assert_eq!(web.addresses, ["172.17.64.0".parse::<IpAddr>().unwrap()]);
}

proptest! {
    #[test]
    fn garbage_never_panics(text in ".{0,200}") {
        let _ = listening::parse(&text);
        for name in ["files-hash", "files-mode", "unit-files", "ovs-disk", "sysctl-files", "stanzas"] {
            let _ = config::parse(&Sections::parse(&(whole() + &section(name, 0, &text))));
        }
    }
}
