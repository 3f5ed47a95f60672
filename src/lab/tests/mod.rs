mod arguments;
mod files;
mod monitor;
mod pairs;
mod state;

use super::file::{Accelerator, GuestFile, LabFile};

/// Two hosts, the second of which has the address `second`.
fn lab(first: &str, second: &str) -> LabFile {
    let guest = |name: &str, address: &str, ssh_port| GuestFile {
        name: name.to_owned(),
        address: address.parse().unwrap(),
        ssh_port,
        kernel: "/images/vmlinuz".into(),
        initrd: "/images/initrd".into(),
        command_line: "root=/dev/vda rw".to_owned(),
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
        guests: vec![guest("host1", first, 40001), guest("host2", second, 40002)],
    }
}
