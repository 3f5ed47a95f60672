//! What lasts: configuration that cloud-init wrote once, and a machine of its own.

use libtest_mimic::{Failed, Trial};
use meshimg::lab::session::Session;

use super::{run, three};

pub fn tests() -> Vec<Trial> {
    vec![
        three("cloud_init_ran_its_modules_once", once),
        three("each_host_has_its_own_identity", identity),
        three("the_lab_stays_within_4_gib", memory),
    ]
}

/// After the reboots of the tests before: the mesh came up each time from what was written at the first boot.
fn once(session: &mut Session<'static>) -> Result<(), Failed> {
    for host in &session.plan.hosts {
        let count = run(
            session,
            host.name.as_str(),
            "grep -c 'config-write_files ran successfully\\|config-write-files ran successfully' /var/log/cloud-init.log",
        )?;
        let boots = run(session, host.name.as_str(), "journalctl --list-boots --no-pager | wc -l")?;
        let (count, boots): (u32, u32) = (count.trim().parse()?, boots.trim().parse()?);
        if count != 1 {
            return Err(format!("{}: write_files ran {count} times in {boots} boots", host.name).into());
        }
    }
    Ok(())
}

fn identity(session: &mut Session<'static>) -> Result<(), Failed> {
    let ask = "cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub; ovs-vsctl get Open_vSwitch . external_ids:system-id; \
               cat /sys/class/net/br0/address /sys/class/net/docker0/address";
    let mut seen = std::collections::BTreeSet::new();
    for host in &session.plan.hosts {
        for line in run(session, host.name.as_str(), ask)?.lines() {
            if line.trim().is_empty() || !seen.insert(line.to_owned()) {
                return Err(format!("{} shares with another host, or lacks: {line}", host.name).into());
            }
        }
    }
    Ok(())
}

/// Three hosts, QEMU and meshimg together.
fn memory(session: &mut Session<'static>) -> Result<(), Failed> {
    let status = session.lab.status()?;
    let guests: u64 = status.hosts.iter().filter_map(|host| host.memory_kib).sum();
    let mut ours = 0;
    for process in [status.process, std::process::id()] {
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        ours += resident.trim().trim_end_matches(" kB").parse::<u64>()?;
    }
    let total = (guests + ours) / 1024;
    println!("memory: guests {} MiB, supervisor and tests {} MiB", guests / 1024, ours / 1024);
    if total < 4096 && guests > 0 {
        Ok(())
    } else {
        Err(format!("{total} MiB").into())
    }
}
