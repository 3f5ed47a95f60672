//! How long a mesh needs to find itself anew, at sizes that no lab of QEMU has: real daemons of Open vSwitch, a pair for each host, on one machine.
//!
//! A [`Plan`](crate::plan::Plan) becomes a [`Bed`] (pure): what each host is told, in words of ip(8), ovs-vsctl(8) and ovs-ofctl(8). [`start()`] hands it to
//! the same program again, as the first process of new namespaces for processes, mounts and networks: there [`carry_out`] makes the hosts, sends datagrams
//! from each to each, lets one host die and gives a [`Measurement`]. When that process ends, in whatever way, the kernel ends all others in its namespace,
//! and nothing is left: no process, no network, no folder.
//!
//! Each host is a network namespace with ovsdb-server and an ovs-vswitchd of its own, whose datapath is in user space: a kernel needs no module for it. The
//! underlay is a Linux bridge in another namespace. Tunnels, spanning tree, BFD and rules are those of the plan.

mod bed;
mod cluster;
mod daemons;
mod error;
mod inside;
mod load;
mod measurement;
mod namespace;
mod outage;
mod prober;
mod start;

pub use bed::{Bed, BedHost, Fault, HOSTS_MAX, Timers, Wish, bed};
pub use cluster::{FabricKind, cluster_yaml};
pub use error::BenchError;
pub use inside::carry_out;
pub use load::Load;
pub use measurement::{Conditions, Measurement, Outages, TOO_MANY_ALARMS};
pub use start::{PROGRAMS, open_vswitch, start};

/// The hidden verb of the process in the namespaces. It reads a [`Bed`] as JSON and prints an [`Answer`].
pub const CASE_VERB: &str = "lab-bench-case";

/// What the process in the namespaces says in the end.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    Measured(Box<Measurement>),
    /// Why there is no measurement.
    Failed(String),
}
