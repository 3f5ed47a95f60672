//! Clusters of any size, for who has none.

use std::fmt::Write;

/// What keeps frames from circling, as `--fabric` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FabricKind {
    /// Spanning tree by RSTP, with BFD
    Rstp,
    /// Spanning tree by STP
    Stp,
    /// No tree: rules by which each host sends
    Direct,
}

impl FabricKind {
    /// Keys of `mesh`.
    fn yaml(self) -> &'static str {
        match self {
            Self::Rstp => "{loop-protection: rstp}",
            Self::Stp => "{loop-protection: stp}",
            Self::Direct => "{fabric: direct}",
        }
    }
}

/// A cluster.yaml with so many hosts, at most [`super::HOSTS_MAX`], and the defaults for all else but the fabric. Addresses are from RFC 5737.
pub fn cluster_yaml(hosts: u16, fabric: FabricKind) -> String {
    let mut text = format!("version: 1\nname: bench\nmesh: {}\nhosts:\n", fabric.yaml());
    for host in 1..=hosts {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  - {{name: host{host}, address: 192.0.2.{host}}}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::plan;
    use crate::spec;

    #[test]
    fn clusters_of_all_sizes_are_fine() {
        for fabric in [FabricKind::Rstp, FabricKind::Stp, FabricKind::Direct] {
            for (hosts, sparse) in [(2, false), (4, false), (16, true), (50, true), (super::super::HOSTS_MAX, true)] {
                // A full mesh of many hosts is more than user-data takes, which is no matter here.
                let text = cluster_yaml(hosts, fabric);
                let (spec, _) = spec::load(text.as_bytes()).unwrap_or_else(|problems| panic!("{hosts} {fabric:?}: {problems:?}"));
                let plan = plan(&spec).unwrap();
                let kind = if sparse && fabric != FabricKind::Direct { "sparse" } else { "full" };
                assert_eq!((plan.hosts.len(), plan.topology.kind), (usize::from(hosts), kind), "{fabric:?}");
                assert_eq!(plan.tree().is_none(), fabric == FabricKind::Direct);
            }
        }
    }
}
