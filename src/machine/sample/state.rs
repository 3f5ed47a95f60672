//! What a healthy host says of its interfaces, of Docker and of its boot.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::map;
use crate::machine::facts::{Address, Boot, CloudInit, DockerContainer, DockerFacts, DockerNetwork, Found, IpLink, SlowUnit, UnitTimes};
use crate::plan::{HostPlan, Plan};

pub(super) fn links(host: &HostPlan) -> BTreeMap<String, IpLink> {
    let up = vec!["BROADCAST".to_owned(), "UP".to_owned(), "LOWER_UP".to_owned()];
    let docker0 = IpLink {
        flags: up.clone(),
        mtu: 1462,
        mac: Some(host.container_bridge.mac.to_string()),
        kind: Some("bridge".into()),
        stp_state: Some(0),
        addresses: vec![
            Address {
                address: host.container_bridge.address.into(),
                prefix_length: 16,
            },
            Address {
                address: format!("fe80::{}", host.number).parse().unwrap(),
                prefix_length: 64,
            },
        ],
        ..IpLink::default()
    };
    let br0 = IpLink {
        flags: up,
        mtu: 1462,
        mac: Some(host.mesh_bridge.mac.to_string()),
        kind: Some("openvswitch".into()),
        master: Some("docker0".into()),
        ..IpLink::default()
    };
    BTreeMap::from([("docker0".into(), docker0), ("br0".into(), br0)])
}

pub(super) fn docker(plan: &Plan, host: &HostPlan) -> DockerFacts {
    DockerFacts {
        version: Found::Known("26.1.5".into()),
        network: DockerNetwork {
            subnet: Some(plan.containers.subnet.to_string()),
            ip_range: Some(host.container_bridge.slice.to_string()),
            gateway: Some(host.container_bridge.address.to_string()),
            options: map([
                ("com.docker.network.bridge.name", "docker0".into()),
                ("com.docker.network.driver.mtu", "1462".into()),
            ]),
            containers: BTreeMap::from([(
                "meshimg-probe".to_owned(),
                DockerContainer {
                    mac: Some(format!("02:42:ac:11:00:0{}", host.number)),
                    addresses: vec![Ipv4Addr::new(172, 17, 64 * host.number as u8, 0).into()],
                },
            )]),
        },
    }
}

pub(super) fn boot() -> Boot {
    Boot {
        state: "running".into(),
        units: BTreeMap::from([(
            "networking.service".into(),
            UnitTimes {
                load_state: "loaded".into(),
                active_state: "active".into(),
                inactive_exit_us: Some(20_000_000),
                main_start_us: Some(20_100_000),
                active_enter_us: Some(26_200_000),
            },
        )]),
        initrd_start_us: Some(3_000_000),
        userspace_start_us: Some(9_000_000),
        finish_us: Some(61_500_000),
        slowest: vec![SlowUnit {
            name: "cloud-init-main.service".into(),
            milliseconds: 12_345,
        }],
        cloud_init: Found::Known(CloudInit {
            status: "done".into(),
            ..CloudInit::default()
        }),
        kernel: "6.12.0".into(),
        os: "Debian GNU/Linux 13 (trixie)".into(),
        ..Boot::default()
    }
}
