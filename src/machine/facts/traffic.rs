//! How many frames the mesh carried while facts were gathered.
//!
//! What a host sends into its tunnels is counted, so every frame on a link counts once. BFD's are left out: Open vSwitch counts what it
//! makes itself (BFD frames and BPDUs) as if the bridge's own interface had sent it (ofproto/ofproto-dpif.c, `port_get_stats`), and the
//! kernel counts what that interface really sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sections::Sections;
use crate::machine::ovsdb::parse_table;

/// Frames that a host sent into the mesh over a span of time in which meshimg offered no traffic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Traffic {
    pub seconds: f64,
    /// From containers, from the host itself, or on their way from one tunnel to another.
    pub forwarded: u64,
    /// Of the spanning tree protocol.
    pub bpdus: u64,
}

/// The counters at one time.
#[derive(Debug, PartialEq)]
struct Count {
    /// Seconds since the kernel's start.
    uptime: f64,
    /// Sent into tunnels, by port.
    sent: BTreeMap<String, u64>,
    /// Made by Open vSwitch itself.
    made: u64,
    /// By port.
    bpdus: BTreeMap<String, u64>,
}

pub fn parse(sections: &Sections) -> Result<Traffic, String> {
    let (start, end) = (count(sections.text("traffic-start")?)?, count(sections.text("traffic-end")?)?);
    let sent = since(&start.sent, &end.sent);
    Ok(Traffic {
        seconds: end.uptime - start.uptime,
        forwarded: sent.saturating_sub(end.made.saturating_sub(start.made)),
        bpdus: since(&start.bpdus, &end.bpdus),
    })
}

/// A port that was made anew meanwhile counts from nothing again.
fn since(start: &BTreeMap<String, u64>, end: &BTreeMap<String, u64>) -> u64 {
    let difference = |(port, after): (&String, &u64)| after.checked_sub(start.get(port).copied().unwrap_or(0)).unwrap_or(*after);
    end.iter().map(difference).sum()
}

/// Time, the table Port, what the bridge's own interface sent, and what `ovs-ofctl --names dump-ports` prints:
///
/// ```text
/// OFPST_PORT reply (xid=0x2): 2 ports
///   port LOCAL: rx pkts=12, bytes=936, drop=12, errs=0, frame=0, over=0, crc=0
///            tx pkts=10, bytes=700, drop=0, errs=0, coll=0
///   port  gre1: rx pkts=...
/// ```
fn count(text: &str) -> Result<Count, String> {
    let mut lines = text.lines();
    let mut line = |what: &str| lines.next().ok_or_else(|| format!("{what} is missing"));
    let uptime = line("the time")?;
    let ports = parse_table(line("the table of ports")?).map_err(|error| error.to_string())?;
    let interface = line("the count of the bridge's interface")?;
    let mut received_from_local = None;
    let mut sent = BTreeMap::new();
    let mut name = "";
    for line in lines.map(str::trim) {
        let (direction, counters) = match line.strip_prefix("port ") {
            Some(port) => {
                let (port, counters) = port.split_once(':').ok_or_else(|| format!("not a port: {line}"))?;
                name = port.trim().trim_matches('"');
                ("rx pkts=", counters.trim())
            }
            None => ("tx pkts=", line),
        };
        // A counter that a port does not keep is "?".
        let number = counters.strip_prefix(direction).and_then(|rest| rest.split(',').next());
        match (name, direction, number.map(str::parse)) {
            ("LOCAL", "rx pkts=", Some(Ok(number))) => received_from_local = Some(number),
            ("LOCAL", ..) | (_, "rx pkts=", _) | (_, _, None) => {}
            (port, _, Some(Ok(number))) => drop(sent.insert(port.to_owned(), number)),
            (port, _, Some(Err(_))) => return Err(format!("{port} does not count its frames: {line}")),
        }
    }
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| format!("no count: {text:?}"));
    let received_from_local: u64 = received_from_local.ok_or("the bridge's own port does not count its frames")?;
    let bpdus = ports.iter().filter_map(|row| {
        let counts = [("rstp_statistics", "rstp_tx_count"), ("statistics", "stp_tx_count")];
        let count = counts.iter().find_map(|(column, key)| row.map(column).get(*key)?.parse().ok())?;
        Some((row.atom("name")?.to_owned(), count))
    });
    Ok(Count {
        uptime: uptime.trim().parse().map_err(|_| format!("no time: {uptime:?}"))?,
        sent,
        made: received_from_local.saturating_sub(number(interface)?),
        bpdus: bpdus.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(uptime: &str, bpdus: u64, local: u64, interface: u64, gre1: u64) -> String {
        format!(
            "{uptime}\n{{\"headings\":[\"name\",\"statistics\",\"rstp_statistics\"],\"data\":[[\"gre1\",[\"map\",[]],[\"map\",[[\"rstp_tx_count\",{bpdus}]]]],\
             [\"br0\",[\"map\",[]],[\"map\",[]]]]}}\n{interface}\nOFPST_PORT reply (xid=0x2): 2 ports\n  \
             port LOCAL: rx pkts={local}, bytes=45821, drop=0, errs=0, frame=0, over=0, crc=0\n           \
             tx pkts=23, bytes=1890, drop=0, errs=0, coll=0\n  \
             port  gre1: rx pkts=357, bytes=22933, drop=?, errs=?, frame=?, over=?, crc=?\n           \
             tx pkts={gre1}, bytes=24021, drop=?, errs=?, coll=?\n"
        )
    }

    fn traffic(start: &str, end: &str) -> Result<Traffic, String> {
        let section = |name: &str, text: &str| format!("[{name} 0]\n{}", text.lines().map(|line| format!(" {line}\n")).collect::<String>());
        parse(&Sections::parse(&(section("traffic-start", start) + &section("traffic-end", end))))
    }

    #[test]
    fn frames_that_open_vswitch_makes_are_bpdus_or_bfd() {
        // 110 sent, of which Open vSwitch made 100: 98 BFD frames and 2 BPDUs; 5 were the interface's own.
        let found = traffic(&text("303.05", 7, 721, 20, 376), &text("313.05", 9, 826, 25, 486)).unwrap();
        assert_eq!((found.forwarded, found.bpdus), (10, 2));
        assert!((found.seconds - 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_port_made_anew_counts_from_nothing() {
        let found = traffic(&text("1.0", 7, 100, 0, 376), &text("4.0", 1, 100, 0, 12)).unwrap();
        assert_eq!((found.forwarded, found.bpdus), (12, 1));
    }

    #[test]
    fn what_is_not_counted_is_not_known() {
        let whole = text("1.0", 7, 100, 0, 376);
        for (from, to) in [
            ("LOCAL", "gre9"),
            ("tx pkts=376", "tx pkts=?"),
            ("1.0", "soon"),
            ("\n0\n", "\nmany\n"),
        ] {
            traffic(&whole.replace(from, to), &whole).unwrap_err();
        }
        traffic("", "").unwrap_err();
    }
}
