//! The container on each host that the container probes ping from and to.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::machine::{Machine, on_each, ssh};
use crate::plan::Plan;
use crate::spec::HostName;

/// Loading an image and starting a container takes an emulated machine some ten seconds.
const START_DEADLINE: Duration = Duration::from_secs(120);

/// Removing one is quick, but waits for Docker.
const CLEAN_UP_DEADLINE: Duration = Duration::from_secs(60);

/// Starts the container unless it runs. The image is in the base image: nothing is pulled. Each call of docker costs an emulated machine a
/// second, so there are as few as can be.
const START: &str = r#"PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH LC_ALL=C
image=meshimg/probe:latest
name=meshimg-probe
where() {
  docker container inspect --format '{{.State.Pid}} {{(index .NetworkSettings.Networks "bridge").IPAddress}}' "$name"
}
found=$(where 2>/dev/null) || found=
case $found in
  '') docker load --quiet --input /usr/share/meshimg/probe-image.tar >/dev/null ;;
  '0 '*) docker rm --force "$name" >/dev/null ;;
  *) echo "$found"; exit ;;
esac
docker run --detach --pull never --name "$name" --label meshimg=probe --network bridge "$image" sleep 2147483647 >/dev/null
where
"#;

/// Removes every container of the probes.
const CLEAN_UP: &str = r#"found=$(docker ps --all --quiet --filter label=meshimg=probe)
for container in $found; do
  docker rm --force "$container" >/dev/null
done
"#;

/// A running container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeContainer {
    /// Of its first process, on the host: its network namespace is `/proc/PID/ns/net`.
    pub pid: u32,
    pub address: Ipv4Addr,
}

/// The probe container of every host of the plan, or why there is none.
pub type Containers = BTreeMap<HostName, Result<ProbeContainer, String>>;

/// Has the container run on every machine, and says where. After a reboot the containers are gone: call it again.
pub fn start(plan: &Plan, machines: &[&dyn Machine]) -> Containers {
    start_by(plan, machines, START)
}

/// The same by `script`, which prints what [`parse`] reads.
pub(super) fn start_by(plan: &Plan, machines: &[&dyn Machine], script: &str) -> Containers {
    let mut containers = on_each(machines, |machine| match machine.run(script, START_DEADLINE) {
        Ok(finished) => parse(&finished.stdout_text()),
        Err(error) => Err(ssh::last_words(&error)),
    });
    for host in &plan.hosts {
        containers
            .entry(host.name.clone())
            .or_insert_with(|| Err("no such machine is running".to_owned()));
    }
    containers
}

fn parse(output: &str) -> Result<ProbeContainer, String> {
    let mut words = output.split_whitespace();
    let pid = words.next().and_then(|word| word.parse().ok()).filter(|pid| *pid > 0);
    let address = words.next().and_then(|word| word.parse().ok());
    match (pid, address, words.next()) {
        (Some(pid), Some(address), None) => Ok(ProbeContainer { pid, address }),
        _ => Err(format!("the probe container does not run, or has no address: {:?}", output.trim())),
    }
}

/// Some containers could not be removed.
#[derive(Debug, thiserror::Error)]
#[error("probe containers are left on {}", left.iter().map(|(host, why)| format!("{host} ({why})")).collect::<Vec<_>>().join(", "))]
pub struct CleanUpError {
    pub left: BTreeMap<HostName, String>,
}

/// Removes the probe containers from every machine.
///
/// # Errors
/// [`CleanUpError`] with all hosts where that failed; all others are clean.
pub fn clean_up(machines: &[&dyn Machine]) -> Result<(), CleanUpError> {
    clean_up_by(machines, CLEAN_UP)
}

/// The same by `script`.
pub(super) fn clean_up_by(machines: &[&dyn Machine], script: &str) -> Result<(), CleanUpError> {
    let results = on_each(machines, |machine| machine.run(script, CLEAN_UP_DEADLINE));
    let left: BTreeMap<HostName, String> = results
        .into_iter()
        .filter_map(|(host, result)| Some((host, ssh::last_words(&result.err()?))))
        .collect();
    if left.is_empty() { Ok(()) } else { Err(CleanUpError { left }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::sample::{self, Scripted};
    use proptest::prelude::*;

    #[test]
    fn pid_and_address_are_read() {
        let address = Ipv4Addr::new(172, 17, 64, 0);
        assert_eq!(parse("812 172.17.64.0\n"), Ok(ProbeContainer { pid: 812, address }));
        for wrong in ["", "0 172.17.64.0", "812", "812 <no value>", "812 1.2.3.4 more"] {
            parse(wrong).unwrap_err();
        }
    }

    #[test]
    fn a_host_without_machine_or_answer_has_its_reason() {
        let one = Scripted::new("host1", |_| Ok("812 172.17.64.0\n".into()));
        let two = Scripted::new("host2", |_| Err("docker: not found".into()));
        let containers = start(&sample::plan(), &[&one, &two]);
        let shown: Vec<String> = containers.values().map(|result| format!("{result:?}")).collect();
        assert_eq!(
            shown,
            [
                "Ok(ProbeContainer { pid: 812, address: 172.17.64.0 })",
                r#"Err("docker: not found")"#,
                r#"Err("no such machine is running")"#
            ]
        );
    }

    #[test]
    fn clean_up_tries_every_host_and_then_reports() {
        let one = Scripted::new("host1", |_| Err("timed out".into()));
        let two = Scripted::new("host2", |_| Ok(String::new()));
        let three = Scripted::new("host3", |_| Err("no docker".into()));
        let error = clean_up(&[&one, &two, &three]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "probe containers are left on host1 (timed out), host3 (no docker)"
        );
        assert_eq!((one.calls(), two.calls(), three.calls()), (1, 1, 1));
        clean_up(&[&two]).unwrap();
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in ".{0,60}") {
            let _ = parse(&text);
        }
    }
}
