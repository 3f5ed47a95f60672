//! Where the time of the boot went: the slowest units, hosts side by side.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{COLUMN_MAX, Paint};
use crate::machine::report::Report;
use crate::spec::HostName;

/// Rows; every host has given its ten slowest, and where hosts are alike these are nearly the same.
const ROWS_MAX: usize = 12;

/// A row for each unit, that with the slowest start of all hosts first; a dash where it is not among the ten slowest of a host.
pub fn slowest_units(report: &Report, paint: Paint) -> String {
    let mut units: BTreeMap<&str, BTreeMap<&HostName, u64>> = BTreeMap::new();
    for (host, boot) in &report.boots {
        for unit in &boot.slowest {
            units.entry(&unit.name).or_default().insert(host, unit.milliseconds);
        }
    }
    if units.is_empty() {
        return String::new();
    }
    let mut rows: Vec<_> = units.into_iter().collect();
    rows.sort_by_key(|(name, hosts)| (std::cmp::Reverse(hosts.values().max().copied()), *name));
    rows.truncate(ROWS_MAX);
    let hosts: Vec<&HostName> = report.hosts.iter().filter(|host| report.boots.contains_key(*host)).collect();
    let short = |host: &HostName| host.as_str().chars().take(COLUMN_MAX).collect::<String>();
    let width = hosts.iter().map(|host| short(host).len()).max().unwrap_or(0).max("123.4".len());
    let name_width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut text = format!("\n{}\n  {:name_width$}", paint.title("Slowest units, seconds"), "");
    // Writing to a String cannot fail, here and below.
    for host in &hosts {
        let _ = write!(text, "  {:>width$}", short(host));
    }
    text.push('\n');
    for (name, times) in rows {
        let _ = write!(text, "  {name:name_width$}");
        for host in &hosts {
            let shown = times
                .get(*host)
                .map_or_else(|| "-".to_owned(), |milliseconds| format!("{:.1}", *milliseconds as f64 / 1000.0));
            let _ = write!(text, "  {shown:>width$}");
        }
        text.push('\n');
    }
    text
}
