//! What Open vSwitch says about its bridges (ovs-vswitchd.conf.db(5)).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ovsdb::{OvsdbError, Row, parse_selected, parse_table};

type Settings = BTreeMap<String, String>;

/// Open vSwitch on one host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenVSwitch {
    /// Of table Open_vSwitch: what holds for all bridges.
    pub other_config: Settings,
    pub bridges: BTreeMap<String, Bridge>,
}

/// A row of table Bridge with its ports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bridge {
    /// `None` means standalone.
    pub fail_mode: Option<String>,
    pub other_config: Settings,
    pub rstp_enable: bool,
    pub rstp_status: Settings,
    pub stp_enable: bool,
    /// Holds `stp_bridge_id`, `stp_designated_root` and `stp_root_path_cost`.
    pub status: Settings,
    pub ports: BTreeMap<String, Port>,
}

/// A row of table Port with its first interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    pub other_config: Settings,
    pub rstp_status: Settings,
    /// Holds `stp_port_id`, `stp_state` and `stp_role`.
    pub status: Settings,
    pub interface: Interface,
}

/// A row of table Interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Column `type`: `gre`, `internal`, or empty for a NIC.
    pub kind: String,
    pub options: Settings,
    /// The port's number in OpenFlow; -1 where it could not be made.
    #[serde(default)]
    pub ofport: Option<i64>,
    pub admin_state: Option<String>,
    pub link_state: Option<String>,
    pub mac_in_use: Option<String>,
    /// Bytes.
    pub mtu: Option<i64>,
    /// Bytes.
    pub mtu_request: Option<i64>,
    pub bfd: Settings,
    pub bfd_status: Settings,
    pub error: Option<String>,
}

/// Reads the tables Open_vSwitch, Bridge, Port and Interface, one per line, in this order.
///
/// # Errors
/// [`OvsdbError`] for what is no table; a table that is missing counts as such.
pub fn parse(text: &str) -> Result<OpenVSwitch, OvsdbError> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let mut table = || parse_table(lines.next().unwrap_or_default());
    let (roots, bridges, ports, interfaces) = (table()?, table()?, table()?, table()?);
    Ok(OpenVSwitch {
        other_config: roots.first().map(|row| row.map("other_config")).unwrap_or_default(),
        bridges: assemble(&bridges, &ports, &interfaces),
    })
}

/// Reads the rows of Bridge, Port and Interface in the answer to a query of the database's file. The table Open_vSwitch is not
/// asked for, and what only the running daemon knows is not there.
///
/// # Errors
/// [`OvsdbError`] for what is no answer; a table that is missing counts as empty.
pub fn parse_query(text: &str) -> Result<OpenVSwitch, OvsdbError> {
    let mut tables = parse_selected(text)?.into_iter();
    let mut table = || tables.next().unwrap_or_default();
    let (bridges, ports, interfaces) = (table(), table(), table());
    Ok(OpenVSwitch {
        bridges: assemble(&bridges, &ports, &interfaces),
        ..OpenVSwitch::default()
    })
}

fn assemble(bridges: &[Row], ports: &[Row], interfaces: &[Row]) -> BTreeMap<String, Bridge> {
    let interfaces = by_id(interfaces, interface);
    let ports = by_id(ports, |row| port(row, &interfaces));
    let named = |row: &Row| (row.atom("name").unwrap_or_default().to_owned(), bridge(row, &ports));
    bridges.iter().map(named).collect()
}

fn by_id<T>(rows: &[Row], convert: impl Fn(&Row) -> T) -> BTreeMap<String, (String, T)> {
    let name = |row: &Row| row.atom("name").unwrap_or_default().to_owned();
    rows.iter()
        .filter_map(|row| Some((row.atom("_uuid")?.to_owned(), (name(row), convert(row)))))
        .collect()
}

fn owned(row: &Row, column: &str) -> Option<String> {
    row.atom(column).map(str::to_owned)
}

fn bridge(row: &Row, ports: &BTreeMap<String, (String, Port)>) -> Bridge {
    Bridge {
        fail_mode: owned(row, "fail_mode"),
        other_config: row.map("other_config"),
        rstp_enable: row.is_true("rstp_enable"),
        rstp_status: row.map("rstp_status"),
        stp_enable: row.is_true("stp_enable"),
        status: row.map("status"),
        ports: row.set("ports").iter().filter_map(|id| ports.get(id).cloned()).collect(),
    }
}

fn port(row: &Row, interfaces: &BTreeMap<String, (String, Interface)>) -> Port {
    let first = row.set("interfaces").iter().find_map(|id| interfaces.get(id));
    Port {
        other_config: row.map("other_config"),
        rstp_status: row.map("rstp_status"),
        status: row.map("status"),
        interface: first.map(|(_, interface)| interface.clone()).unwrap_or_default(),
    }
}

fn interface(row: &Row) -> Interface {
    Interface {
        kind: row.atom("type").unwrap_or_default().to_owned(),
        options: row.map("options"),
        ofport: row.integer("ofport"),
        admin_state: owned(row, "admin_state"),
        link_state: owned(row, "link_state"),
        mac_in_use: owned(row, "mac_in_use"),
        mtu: row.integer("mtu"),
        mtu_request: row.integer("mtu_request"),
        bfd: row.map("bfd"),
        bfd_status: row.map("bfd_status"),
        error: owned(row, "error").filter(|text| !text.is_empty()),
    }
}

/// The priority and the MAC address in a bridge identifier: RSTP prints `8.000.020000000001` (`RSTP_ID_FMT`), STP `8000.020000000001`
/// (`STP_ID_FMT`), both 16 hexadecimal digits of which the first four are the priority (802.1D-2004 9.2.5).
pub fn parse_bridge_id(text: &str) -> Option<(u16, String)> {
    let digits: String = text.chars().filter(|c| *c != '.').collect();
    if digits.len() != 16 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let priority = u16::from_str_radix(&digits[..4], 16).ok()?;
    let octets: Vec<&str> = (4..16).step_by(2).map(|start| &digits[start..start + 2]).collect();
    Some((priority, octets.join(":").to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn real_output_of_rstp_is_read() {
        let ovs = parse(include_str!("fixtures/ovs-rstp-host2.json")).unwrap();
        let bridge = &ovs.bridges["br0"];
        assert!(bridge.rstp_enable && !bridge.stp_enable);
        assert_eq!(bridge.fail_mode.as_deref(), Some("standalone"));
        assert_eq!(bridge.other_config["rstp-max-age"], "6");
        assert_eq!(
            parse_bridge_id(&bridge.rstp_status["rstp_bridge_id"]),
            Some((8192, "02:00:00:00:00:02".to_owned()))
        );
        assert_eq!(bridge.ports.keys().collect::<Vec<_>>(), ["br0", "gre1", "gre3"]);
        let gre1 = &bridge.ports["gre1"];
        assert_eq!(gre1.rstp_status["rstp_port_role"], "Root");
        assert_eq!(gre1.rstp_status["rstp_port_state"], "Forwarding");
        assert_eq!(gre1.interface.kind, "gre");
        assert_eq!(gre1.interface.options["remote_ip"], "192.0.2.1");
        assert_eq!(gre1.interface.bfd_status["state"], "up");
        assert_eq!(gre1.interface.bfd_status["forwarding"], "true");
        let local = &bridge.ports["br0"].interface;
        assert_eq!(
            (local.mtu, local.mtu_request, local.error.as_deref()),
            (Some(1462), Some(1462), None)
        );
        assert_eq!(local.mac_in_use.as_deref(), Some("02:00:00:00:00:02"));
    }

    #[test]
    fn real_output_of_stp_is_read() {
        let ovs = parse(include_str!("fixtures/ovs-stp-host2.json")).unwrap();
        let bridge = &ovs.bridges["br0"];
        assert!(bridge.stp_enable && !bridge.rstp_enable);
        assert_eq!(
            parse_bridge_id(&bridge.status["stp_designated_root"]),
            Some((4096, "02:00:00:00:00:01".to_owned()))
        );
        assert_eq!(bridge.ports["gre1"].status["stp_role"], "root");
        assert_eq!(bridge.ports["gre1"].status["stp_state"], "forwarding");
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in ".{0,200}") {
            let _ = parse(&text);
            let _ = parse_bridge_id(&text);
        }

        #[test]
        fn cut_output_never_panics(length in 0_usize..10_000) {
            let text = include_str!("fixtures/ovs-rstp-host2.json");
            let _ = parse(text.get(..length).unwrap_or(text));
        }
    }
}
