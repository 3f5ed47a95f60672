//! Hosts that share a machine-id, as clones of one disk do.

use std::collections::BTreeMap;

use super::steps::{ask, not_happened};
use crate::lab::LabError;
use crate::lab::session::Session;
use crate::machine::Machine;
use crate::spec::HostName;

const FAULT: &str = "same-machine-id";

/// What each host had, by host.
#[derive(Debug, Default)]
pub(super) struct Originals(BTreeMap<HostName, String>);

const MACHINE_ID: &str = "cat /etc/machine-id";

/// Writes an id so that it outlasts a power cut.
fn write(id: &str) -> String {
    format!("echo {id} >/etc/machine-id\nsync /etc/machine-id /etc")
}

/// Gives all hosts the machine-id of the first; they take it at their next boot.
pub(super) fn make(machines: &[&dyn Machine], originals: &mut Originals) -> Result<(), LabError> {
    let mut one: Option<String> = None;
    for machine in machines {
        let id = ask(*machine, MACHINE_ID)?;
        if !is_id(&id) {
            return Err(not_happened(FAULT, machine.name(), &format!("its machine-id is {id:?}")));
        }
        let one = one.get_or_insert_with(|| id.clone()).clone();
        originals.0.insert(machine.name().clone(), id);
        ask(*machine, &write(&one))?;
    }
    Ok(())
}

/// 32 lower-case hexadecimal digits (machine-id(5)).
fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Checks that all machines run with one machine-id, and that no two have a MAC address of their bridges in common all the same.
pub(super) fn check(session: &Session<'_>) -> Result<(), LabError> {
    let bridges = session.plan.hosts.iter().map(|host| {
        let script = format!(
            "cat /etc/machine-id /sys/class/net/{}/address /sys/class/net/{}/address",
            host.mesh_bridge.name, host.container_bridge.name
        );
        (&host.name, script)
    });
    let mut said = BTreeMap::new();
    for (host, script) in bridges {
        if let Some(machine) = session.machine(host) {
            said.insert(host.clone(), ask(machine, &script)?);
        }
    }
    judge(&said)
}

/// `said`: by host, the machine-id and the MAC addresses, a line each.
fn judge(said: &BTreeMap<HostName, String>) -> Result<(), LabError> {
    let mut one: Option<&str> = None;
    let mut addresses: BTreeMap<&str, &HostName> = BTreeMap::new();
    for (host, text) in said {
        let mut lines = text.lines();
        let id = lines.next().unwrap_or_default();
        if *one.get_or_insert(id) != id {
            return Err(not_happened(FAULT, host, "it does not run with the machine-id of the others"));
        }
        for address in lines {
            if let Some(other) = addresses.insert(address, host) {
                let why = format!("{other} and {host} both have a bridge with the MAC address {address}");
                return Err(LabError::Broken { fault: FAULT, why });
            }
        }
    }
    Ok(())
}

/// Gives each host its machine-id back, now and for the next boot, and has its journal go on under it. Tries all hosts, then reports.
pub(super) fn restore(machines: &[&dyn Machine], originals: &Originals) -> Result<(), LabError> {
    let mut result = Ok(());
    for machine in machines {
        let Some(id) = originals.0.get(machine.name()) else { continue };
        let script = format!("{}\nsystemctl restart systemd-journald", write(id));
        if let Err(error) = ask(*machine, &script) {
            result = Err(LabError::NotUndone {
                what: "another host's machine-id",
                host: machine.name().clone(),
                why: error.to_string(),
                help: "remove /etc/machine-id and reboot",
            });
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::sample::{self, Scripted};

    fn said(pairs: &[(&str, &str)]) -> BTreeMap<HostName, String> {
        pairs
            .iter()
            .map(|(host, text)| (host.parse().unwrap(), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn clones_with_bridges_of_their_own_are_fine() {
        judge(&said(&[("host1", "aa\n02:01\n02:02"), ("host2", "aa\n02:03\n02:04")])).unwrap();
    }

    #[test]
    fn a_bridge_address_that_two_hosts_have_is_told() {
        let error = judge(&said(&[("host1", "aa\n02:01\n02:02"), ("host2", "aa\n02:01\n02:04")])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "after same-machine-id: host1 and host2 both have a bridge with the MAC address 02:01"
        );
    }

    #[test]
    fn hosts_that_differ_are_no_clones() {
        let error = judge(&said(&[("host1", "aa\n02:01"), ("host2", "bb\n02:02")])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "same-machine-id did not happen: host2: it does not run with the machine-id of the others"
        );
    }

    #[test]
    fn each_host_gets_its_own_back_also_when_another_fails() {
        let id = |number: u8| format!("{number:032x}");
        let scripted: Vec<Scripted> = (1..=3)
            .map(|number| {
                Scripted::new(&format!("host{number}"), move |script| match script {
                    MACHINE_ID => Ok(format!("{}\n", id(number))),
                    _ if number == 2 && script.contains("journald") => Err("no".into()),
                    _ => Ok(String::new()),
                })
            })
            .collect();
        let machines = sample::machines(&scripted);
        let mut originals = Originals::default();
        make(&machines, &mut originals).unwrap();
        assert!(scripted.iter().all(|machine| machine.last_script() == write(&id(1))));
        let error = restore(&machines, &originals).unwrap_err();
        assert!(error.to_string().starts_with("another host's machine-id on host2: "), "{error}");
        assert!(scripted[2].last_script().starts_with(&write(&id(3))));
    }

    #[test]
    fn a_host_without_an_id_is_left_alone() {
        let machine = Scripted::new("host1", |_| Ok("uninitialized\n".into()));
        make(&[&machine], &mut Originals::default()).unwrap_err();
        assert_eq!(machine.calls(), 1);
    }
}
