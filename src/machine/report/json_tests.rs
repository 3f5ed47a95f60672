//! The report for programs.

use super::tests::report;
use super::*;
use crate::machine::probe::{Probe, Subject};

#[test]
fn the_json_is_stable() {
    let mut report = report(true);
    report.verdicts.truncate(1);
    report.verdicts.push(Verdict::red(
        Probe::Docker0,
        Subject::Host {
            host: "host1".parse().unwrap(),
        },
        "MTU is 1500",
        "look",
    ));
    report.verdicts.push(Verdict::skipped(Probe::Bfd, Subject::Cluster, "not planned"));
    report.timings.retain(|host, _| host.as_str() == "host1");
    report.boots.retain(|host, _| host.as_str() == "host1");
    report.scenarios[0].verdicts.clear();
    insta::assert_snapshot!(report.json().unwrap(), @r#"
    {
      "version": 1,
      "cluster": "demo",
      "machines": "QEMU 10.0.2, TCG",
      "hosts": [
        "host1",
        "host2",
        "host3"
      ],
      "timings": {
        "host1": {
          "ssh-seconds": 61.0,
          "cloud-init-done-seconds": 84.25,
          "mesh-ready-seconds": 95.0,
          "container-running-seconds": 99.5
        }
      },
      "boots": {
        "host1": {
          "state": "running",
          "failed": [],
          "units": {
            "networking.service": {
              "load-state": "loaded",
              "active-state": "active",
              "inactive-exit-us": 20000000,
              "main-start-us": 20100000,
              "active-enter-us": 26200000
            }
          },
          "networking-had-no-mesh": false,
          "initrd-start-us": 3000000,
          "userspace-start-us": 9000000,
          "finish-us": 61500000,
          "slowest": [
            {
              "name": "cloud-init-main.service",
              "milliseconds": 12345
            }
          ],
          "cloud-init": {
            "known": {
              "status": "done",
              "errors": [],
              "recoverable-errors": {},
              "schema-error": null
            }
          },
          "kernel": "6.12.0",
          "os": "Debian GNU/Linux 13 (trixie)",
          "sysctls": {}
        }
      },
      "topology": {
        "root": "host1",
        "links": [
          {
            "name": "gre1",
            "ends": [
              "host1",
              "host2"
            ],
            "state": "forwarding"
          },
          {
            "name": "gre2",
            "ends": [
              "host1",
              "host3"
            ],
            "state": "forwarding"
          },
          {
            "name": "gre3",
            "ends": [
              "host2",
              "host3"
            ],
            "state": "blocked"
          }
        ]
      },
      "verdicts": [
        {
          "probe": "underlay-ping",
          "subject": {
            "kind": "pair",
            "from": "host1",
            "to": "host2"
          },
          "state": "green",
          "summary": "3 of 3 answered",
          "measured": {
            "value": 1.5,
            "unit": "ms"
          },
          "help": null
        },
        {
          "probe": "docker0",
          "subject": {
            "kind": "host",
            "host": "host1"
          },
          "state": "red",
          "summary": "MTU is 1500",
          "measured": null,
          "help": "look"
        },
        {
          "probe": "bfd",
          "subject": {
            "kind": "cluster"
          },
          "state": "skipped",
          "summary": "not planned",
          "measured": null,
          "help": null
        }
      ],
      "probe-seconds": null,
      "scenarios": [
        {
          "name": "host-down",
          "repetition": 1,
          "what": "host1, the root, loses its power",
          "outage": {
            "sent": 200,
            "received": 193,
            "duplicates": 0,
            "longest-gap-seconds": 0.38,
            "outage-seconds": 0.33,
            "at-least": null,
            "timeline": {
              "length-seconds": 0.0,
              "fault-at-seconds": null,
              "lost": []
            }
          },
          "limit-seconds": 1.0,
          "verdicts": [],
          "between": null,
          "by-design": null,
          "error": null,
          "took-seconds": null
        }
      ],
      "bundle": null
    }
    "#);
}
