//! Tests of [`super`]: real output of each tool, tools that are missing, garbage.

use proptest::prelude::*;

use super::*;
use crate::machine::sample::{self, Scripted};

/// Text as gather.sh prints it.
fn section(name: &str, status: i32, output: &str, errors: &str) -> String {
    let lines = |mark: char, text: &str| text.lines().map(|line| format!("{mark}{line}\n")).collect::<String>();
    format!("\n[{name} {status}]\n{}\n{}", lines(' ', output), lines('!', errors))
}

const NETWORK: &str = r#"[{"Name": "bridge", "Driver": "bridge", "EnableIPv6": false,
  "IPAM": {"Driver": "default", "Options": null, "Config": [{"Subnet": "172.17.0.0/16", "IPRange": "172.17.64.0/18", "Gateway": "172.17.42.1"}]},
  "Containers": {},
  "Options": {"com.docker.network.bridge.default_bridge": "true", "com.docker.network.bridge.name": "docker0", "com.docker.network.driver.mtu": "1462"}}]"#;

const UNITS: &str = "Id=networking.service
LoadState=loaded
ActiveState=active
ExecMainStartTimestampMonotonic=20100000
InactiveExitTimestampMonotonic=20000000
ActiveEnterTimestampMonotonic=26200000

Id=docker.service
LoadState=loaded
ActiveState=inactive
ExecMainStartTimestampMonotonic=0
InactiveExitTimestampMonotonic=0
ActiveEnterTimestampMonotonic=0";

const BLAME: &str = "1min 2.345s networking.service
    12.100s docker.service
      345ms ssh.service
       17us dev-hugepages.mount";

/// util-linux 2.41.
const CHRT: &str = "pid 2472's current scheduling policy: SCHED_RR\npid 2472's current scheduling priority: 1";

fn whole() -> String {
    [
        section("boot-id", 0, "b6395e7d-33ba-4f7e-90ae-6ce6ae9fa035", ""),
        section("ovs", 0, include_str!("../fixtures/ovs-rstp-host2.json"), ""),
        section("vswitchd-version", 0, "ovs-vswitchd (Open vSwitch) 3.5.0", ""),
        section("vswitchd-scheduling", 0, CHRT, ""),
        section("ip", 0, include_str!("../fixtures/ip-addr.json"), ""),
        section("docker-active", 0, "active", ""),
        section("docker-version", 0, "26.1.5+dfsg1", ""),
        section("docker-network", 0, NETWORK, ""),
        section("system", 1, "degraded", ""),
        section("failed", 0, "  a.service loaded failed failed  Something", ""),
        section("log:a.service", 0, "one\n\ntwo", ""),
        section("units", 0, UNITS, ""),
        section(
            "manager",
            0,
            "InitRDTimestampMonotonic=1500000\nUserspaceTimestampMonotonic=3000000\nFinishTimestampMonotonic=0",
            "",
        ),
        section("blame", 0, BLAME, ""),
        section("cloud-init", 0, STATUS, ""),
        section("cloud-init-result", 0, "{}", ""),
        section("cloud-init-schema", 0, "", ""),
        section("kernel", 0, "6.12.48", ""),
        section("os-release", 0, "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"", ""),
        section("sysctl", 0, "net/ipv4/ip_forward=1", ""),
    ]
    .concat()
}

/// status.json of cloud-init 25.1.4, shortened.
const STATUS: &str = r#"{"v1": {"datasource": "DataSourceNoCloud [seed=/dev/vdb]", "stage": null,
 "init": {"errors": [], "finished": 9.5, "recoverable_errors": {"WARNING": ["w"]}, "start": 8.0},
 "modules-final": {"errors": [], "finished": 11.5, "recoverable_errors": {}, "start": 10.0}}}"#;

#[test]
fn the_output_of_a_whole_host_is_read() {
    let facts = Facts::parse(&whole());
    assert_eq!(facts.boot_id, Found::Known("b6395e7d-33ba-4f7e-90ae-6ce6ae9fa035".into()));
    assert_eq!(facts.vswitchd_version, Found::Known("3.5.0".into()));
    assert!(facts.ovs.known().is_ok());
    assert_eq!(facts.vswitchd_policy, Found::Known("SCHED_RR".into()));
    let docker = facts.docker.known().unwrap();
    assert_eq!(docker.version.known().map(String::as_str), Ok("26.1.5+dfsg1"));
    assert_eq!(docker.network.ip_range.as_deref(), Some("172.17.64.0/18"));
    assert_eq!(docker.network.options["com.docker.network.driver.mtu"], "1462");
    insta::assert_snapshot!(serde_json::to_string_pretty(&facts.boot).unwrap(), @r#"
    {
      "known": {
        "state": "degraded",
        "failed": [
          {
            "name": "a.service",
            "log": "one\n\ntwo"
          }
        ],
        "units": {
          "docker.service": {
            "load-state": "loaded",
            "active-state": "inactive",
            "inactive-exit-us": null,
            "main-start-us": null,
            "active-enter-us": null
          },
          "networking.service": {
            "load-state": "loaded",
            "active-state": "active",
            "inactive-exit-us": 20000000,
            "main-start-us": 20100000,
            "active-enter-us": 26200000
          }
        },
        "networking-had-no-mesh": false,
        "initrd-start-us": 1500000,
        "userspace-start-us": 3000000,
        "finish-us": null,
        "slowest": [
          {
            "name": "networking.service",
            "milliseconds": 62345
          },
          {
            "name": "docker.service",
            "milliseconds": 12100
          },
          {
            "name": "ssh.service",
            "milliseconds": 345
          },
          {
            "name": "dev-hugepages.mount",
            "milliseconds": 0
          }
        ],
        "cloud-init": {
          "known": {
            "status": "done",
            "errors": [],
            "recoverable-errors": {
              "WARNING": [
                "w"
              ]
            },
            "schema-error": null
          }
        },
        "kernel": "6.12.48",
        "os": "Debian GNU/Linux 13 (trixie)",
        "sysctls": {
          "net/ipv4/ip_forward": "1"
        }
      }
    }
    "#);
}

#[test]
fn real_output_of_ip_is_read() {
    let facts = Facts::parse(&whole());
    let links = facts.links.known().unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&links["docker0"]).unwrap(), @r#"
    {
      "flags": [
        "NO-CARRIER",
        "BROADCAST",
        "MULTICAST",
        "UP"
      ],
      "mtu": 1500,
      "mac": "02:42:00:00:00:01",
      "master": null,
      "kind": "bridge",
      "stp-state": 0,
      "addresses": [
        {
          "address": "172.17.42.1",
          "prefix-length": 16
        }
      ]
    }
    "#);
    assert_eq!(links["d0"].master.as_deref(), Some("docker0"));
    assert_eq!(links["d0"].kind.as_deref(), Some("veth"));
    assert_eq!(links["br0"].stp_state, Some(0));
}

#[test]
fn facts_survive_json() {
    let facts = Facts::parse(&whole());
    let json = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<Facts>(&json).unwrap(), facts);
}

/// What is read of status.json with `from` in it replaced by `to`.
fn cloud_init(from: &str, to: &str) -> CloudInit {
    let text = whole();
    assert!(text.contains(from), "{from}");
    let facts = Facts::parse(&text.replace(from, to));
    facts.boot.known().unwrap().cloud_init.known().unwrap().clone()
}

#[test]
fn an_older_cloud_init_is_read() {
    // 22.4 writes no recoverable errors.
    let found = cloud_init(r#", "recoverable_errors": {"WARNING": ["w"]}"#, "");
    assert_eq!((found.status.as_str(), found.errors.len()), ("done", 0));
}

#[test]
fn how_far_cloud_init_is_comes_from_its_files() {
    let status = |from, to| cloud_init(from, to).status;
    assert_eq!(
        status(r#""errors": [], "finished": 11.5"#, r#""errors": [], "finished": null"#),
        "running"
    );
    assert_eq!(status("[cloud-init-result 0]", "[cloud-init-result 1]"), "running");
    assert_eq!(status(r#""start": "#, r#""begin": "#), "not started");
    let failed = cloud_init(
        r#""errors": [], "finished": 11.5"#,
        r#""errors": ["('runcmd', 1)"], "finished": 11.5"#,
    );
    assert_eq!((failed.status.as_str(), failed.errors), ("error", vec!["('runcmd', 1)".to_owned()]));
    let wrong = cloud_init(
        "[cloud-init-schema 0]",
        "[cloud-init-schema 1]\n!Error: runcmd: 7 is not of type 'array'",
    );
    assert_eq!(wrong.schema_error.as_deref(), Some("Error: runcmd: 7 is not of type 'array'"));
}

#[test]
fn what_is_missing_has_its_reason_and_the_rest_is_there() {
    let text = [
        section("ovs", 127, "", "ovs-vsctl is not installed"),
        section("ip", 0, include_str!("../fixtures/ip-addr.json"), ""),
        section("docker-active", 3, "inactive", ""),
        section("system", 0, "running", ""),
        section("failed", 0, "", ""),
        section("cloud-init", 127, "", "cloud-init is not installed"),
    ]
    .concat();
    let facts = Facts::parse(&text);
    assert_eq!(facts.ovs, Found::Unknown("ovs-vsctl is not installed".into()));
    assert!(facts.links.known().is_ok());
    assert_eq!(facts.docker, Found::Unknown("docker.service is not active: inactive".into()));
    let boot = facts.boot.known().unwrap();
    assert_eq!(boot.cloud_init, Found::Unknown("cloud-init is not installed".into()));
    assert_eq!(Facts::parse("").boot, Found::Unknown("system: not asked for".into()));
    assert_eq!(
        Facts::parse(&section("ip", 124, "", "")).links,
        Found::Unknown("ip: no answer in time".into())
    );
}

#[test]
fn a_log_that_looks_like_a_section_is_no_section() {
    let facts = Facts::parse(&section("boot-id", 0, "[ovs 0]", ""));
    assert_eq!(facts.boot_id, Found::Known("[ovs 0]".into()));
    assert_eq!(facts.ovs, Found::Unknown("ovs: not asked for".into()));
}

/// The script's own look at cloud-init's log: a warning of the last boot counts, one of an earlier does not.
#[test]
fn the_schema_is_asked_for_only_after_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("cloud-init.log");
    let plan = sample::plan();
    let script = script(&plan, &plan.hosts[0], Scope::All).unwrap();
    let script = script.replace("/var/log/cloud-init.log", log.to_str().unwrap());
    let asked = |text: &str| {
        std::fs::write(&log, text).unwrap();
        let tool = crate::exec::Tool::new("sh", Duration::from_secs(120)).arguments(["-eu", "-s"]);
        let finished = tool.stdin(script.clone()).run().unwrap();
        sections_of(&finished.stdout_text()).get("cloud-init-schema").unwrap().status != 0
    };
    let (boot, warning) = (
        "Cloud-init v. 25.1.4 running 'init-local'\n",
        "[WARNING]: cloud-config failed schema validation!\n",
    );
    assert!(!asked(boot));
    assert!(!asked(&format!("{boot}{warning}{boot}")));
    // There is no cloud-init here that could say more.
    assert!(asked(&format!("{boot}{boot}{warning}")));
    assert!(asked(&format!("{boot}[WARNING]: Invalid cloud-config provided: Please run\n")));
}

/// Here few of the tools are installed and no systemd need run; what cannot be asked must not stop the rest.
#[test]
fn the_script_runs_to_its_end_on_any_machine() {
    let plan = sample::plan();
    let finished = crate::exec::Tool::new("sh", Duration::from_secs(120))
        .arguments(["-eu", "-s"])
        .stdin(script(&plan, &plan.hosts[0], Scope::All).unwrap())
        .run()
        .unwrap();
    let sections = sections_of(&finished.stdout_text());
    for name in [
        "boot-id",
        "ovs",
        "ip",
        "docker-active",
        "system",
        "failed",
        "units",
        "manager",
        "blame",
        "cloud-init",
        "listening",
        "files-hash",
        "unit-files",
        "ovs-disk",
        "sysctl-files",
        "stanzas",
        "floods",
        "traffic-end",
    ] {
        sections.get(name).unwrap();
    }
    assert_eq!(sections.get("kernel").unwrap().status, 0);
    assert!(sections.text("sysctl").unwrap().contains("net/ipv4/ip_forward="));
    assert!(!script(&plan, &plan.hosts[0], Scope::Mesh).unwrap().contains("cloud-init"));
}

#[test]
fn every_planned_host_has_facts() {
    let plan = sample::plan();
    let one = Scripted::new("host1", |_| Ok(whole()));
    let two = Scripted::new("host2", |_| Err("Connection refused".into()));
    let facts = gather(&plan, &[&one, &two], Scope::All, Duration::from_secs(1));
    let ids: Vec<_> = facts.values().map(|facts| facts.boot_id.known().map(String::as_str)).collect();
    assert_eq!(
        ids,
        [
            Ok("b6395e7d-33ba-4f7e-90ae-6ce6ae9fa035"),
            Err("not reached: Connection refused"),
            Err("not reached: no such machine is running")
        ]
    );
}

proptest! {
    #[test]
    fn garbage_never_panics(text in ".{0,200}") {
        Facts::parse(&text);
        for name in ["ovs", "ip", "docker-network", "system", "failed", "units", "manager", "blame", "cloud-init", "os-release"] {
            let rest = section("docker-active", 0, "", "") + &section("docker-version", 0, "", "") + &section("cloud-init-schema", 0, "", "");
            Facts::parse(&(section(name, 0, &text, &text) + &rest));
        }
    }

    #[test]
    fn cut_output_never_panics(length in 0_usize..20_000) {
        let text = whole();
        Facts::parse(text.get(..length).unwrap_or(&text));
    }

    #[test]
    fn spans_never_panic(text in "[0-9a-z. ]{0,30}") {
        Facts::parse(&(section("system", 0, "running", "") + &section("failed", 0, "", "") + &section("blame", 0, &format!("{text} a.service"), "")));
    }
}

#[test]
fn a_scheduling_policy_is_read_without_its_flags() {
    let policy = |text: &str| Facts::parse(&section("vswitchd-scheduling", 0, text, "")).vswitchd_policy;
    let flagged = "pid 7's current scheduling policy: SCHED_OTHER|SCHED_RESET_ON_FORK\npid 7's current scheduling priority: 0";
    assert_eq!(policy(flagged), Found::Known("SCHED_OTHER".into()));
    assert_eq!(policy("what"), Found::Unknown("not understood: \"what\"".into()));
}

#[test]
fn the_version_of_a_daemon_that_is_something_else_is_not_known() {
    let facts = Facts::parse(&section("vswitchd-version", 0, "hello", ""));
    assert_eq!(facts.vswitchd_version, Found::Unknown("not understood: \"hello\"".into()));
}
