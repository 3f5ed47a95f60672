mod arguments;
mod files;
mod monitor;
mod pairs;
mod state;

use super::archive::{ArchiveFile, parse, sources};
use super::file::{Accelerator, GuestFile, LabFile};
use crate::image::Boot;

/// The way to an archive.
fn archive() -> ArchiveFile {
    ArchiveFile {
        address: "10.0.2.100".parse().unwrap(),
        program: "/home/o'neil/a, b/meshimg".into(),
        cache: "/cache/archive".into(),
        sources: sources(&parse("http://archive.example/debian|Debian|Debian\n"), &[]).unwrap(),
        settings: vec!["Acquire::Check-Date \"false\";".to_owned()],
    }
}

fn kernel() -> Boot {
    Boot::Kernel {
        kernel: "/images/vmlinuz".into(),
        command_line: "root=/dev/nvme0n1 rw".to_owned(),
    }
}

/// Two hosts, the second of which has the address `second`.
fn lab(first: &str, second: &str) -> LabFile {
    let guest = |name: &str, address: &str, ssh_port| GuestFile {
        name: name.to_owned(),
        address: address.parse().unwrap(),
        ssh_port,
        boot: kernel(),
        management_interface: "eth0".to_owned(),
        underlay_interface: "eth1".to_owned(),
    };
    LabFile {
        cluster: "demo".to_owned(),
        accelerator: Accelerator::Tcg,
        underlay_mtu: 1500,
        management: "10.0.2.0/24".parse().unwrap(),
        memory_mib: 1024,
        processors: 2,
        local_seed: false,
        stranger: "203.0.113.254".parse().ok(),
        archive: None,
        guests: vec![guest("host1", first, 40001), guest("host2", second, 40002)],
    }
}
