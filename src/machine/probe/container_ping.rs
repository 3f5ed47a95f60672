//! Probe `container-ping`: a container on each host pings one on each other host.

use super::container::{Containers, ProbeContainer};
use super::underlay_ping::judge;
use super::{Probe, Verdict, between, never_empty, on, pairs};
use crate::machine::{Machine, ping};
use crate::plan::Plan;
use crate::spec::HostName;

const HELP: &str = "look at the red ones of tunnels, bfd, loop-free and docker0 first; with those green, see `sysctl net.bridge` and the \
                    firewall on both hosts";
const SLICE_HELP: &str = "Docker did not take fixed-cidr from /etc/docker/daemon.json: two hosts can give out the same address";

/// Pings from the container of each host to that of each other, for all probes that are about them.
pub struct Asked<'a> {
    containers: &'a Containers,
    answers: pairs::Answers,
}

impl<'a> Asked<'a> {
    /// Has every host ping every other, all at once.
    pub fn ask(plan: &Plan, machines: &[&dyn Machine], containers: &'a Containers) -> Self {
        let get = |host: &HostName| containers.get(host).and_then(|result| result.as_ref().ok());
        let answers = pairs::run(machines, |host| {
            let Some(own) = get(host) else { return Vec::new() };
            let others = plan.hosts.iter().filter(|other| other.name != *host);
            others
                .filter_map(|other| Some(ping::reach(&other.name, get(&other.name)?.address.into(), Some(own))))
                .collect()
        });
        Self { containers, answers }
    }

    fn container(&self, host: &HostName) -> Result<ProbeContainer, String> {
        match self.containers.get(host) {
            Some(result) => result.clone(),
            None => Err("no container was started".to_owned()),
        }
    }

    /// What the ping from the one to the other came to.
    ///
    /// # Errors
    /// Why it did not run, or would show nothing.
    pub fn get(&self, from: &HostName, to: &HostName) -> Result<ping::Pings, String> {
        match (self.container(from), self.container(to)) {
            (Err(why), _) => Err(format!("no container on {from}: {why}")),
            (_, Err(why)) => Err(format!("no container on {to}: {why}")),
            // It would answer itself.
            (Ok(own), Ok(other)) if own.address == other.address => Err(format!("both containers have the address {}", own.address)),
            _ => self.answers.get(from, to.as_str()),
        }
    }
}

/// Asks, and judges.
pub fn container_ping(plan: &Plan, machines: &[&dyn Machine], containers: &Containers) -> Vec<Verdict> {
    container_ping_of(plan, &Asked::ask(plan, machines, containers))
}

/// Each container's address is in its host's slice, and all ordered pairs of containers reach each other; the measured value is the mean
/// time until the reply, ms.
pub fn container_ping_of(plan: &Plan, asked: &Asked) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = Vec::new();
    for host in &plan.hosts {
        verdicts.push(match asked.container(&host.name) {
            Ok(container) if host.container_bridge.slice.contains(&container.address) => Verdict::green(
                Probe::ContainerPing,
                on(&host.name),
                format!("container {} is in the slice {}", container.address, host.container_bridge.slice),
            ),
            Ok(container) => {
                let summary = format!(
                    "container {} is outside the slice {}",
                    container.address, host.container_bridge.slice
                );
                Verdict::red(Probe::ContainerPing, on(&host.name), summary, SLICE_HELP)
            }
            Err(why) => Verdict::red(
                Probe::ContainerPing,
                on(&host.name),
                format!("no container: {why}"),
                super::UNKNOWN_HELP,
            ),
        });
    }
    let mut pairs = Vec::new();
    for from in &plan.hosts {
        for to in plan.hosts.iter().filter(|to| to.name != from.name) {
            let pings = asked.get(&from.name, &to.name);
            pairs.push(judge(Probe::ContainerPing, between(&from.name, &to.name), pings, HELP));
        }
    }
    verdicts.extend(never_empty(Probe::ContainerPing, pairs));
    verdicts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::sample::{self, Scripted};

    fn scripted(answer: fn(&str) -> String) -> Vec<Scripted> {
        ["host1", "host2", "host3"]
            .map(|name| Scripted::new(name, move |script| Ok(answer(script))))
            .into()
    }

    #[test]
    fn every_pair_and_every_slice_is_green_on_a_healthy_mesh() {
        let hosts = scripted(sample::answer);
        let verdicts = container_ping(&sample::plan(), &sample::machines(&hosts), &sample::containers());
        assert_eq!(verdicts.len(), 3 + 6);
        assert!(!verdicts.iter().any(Verdict::is_red), "{verdicts:?}");
        let script = hosts[0].last_script();
        assert!(
            script.contains("start host2 nsenter -t 901 -n ping -n -c 3 -i 0.2 -W 2 172.17.128.0\n"),
            "{script}"
        );
    }

    #[test]
    fn cut_links_turn_every_pair_red() {
        let hosts = scripted(|script| sample::answer(script).replace("3 received, 0%", "0 received, 100%"));
        let verdicts = container_ping(&sample::plan(), &sample::machines(&hosts), &sample::containers());
        assert_eq!(verdicts.iter().filter(|verdict| verdict.is_red()).count(), 6);
        assert_eq!(verdicts[3].summary, "0 of 3 answered");
    }

    #[test]
    fn an_address_outside_the_slice_is_red() {
        let mut containers = sample::containers();
        let address = "172.17.0.2".parse().unwrap();
        containers.insert("host3".parse().unwrap(), Ok(ProbeContainer { pid: 903, address }));
        let hosts = scripted(sample::answer);
        let verdicts = container_ping(&sample::plan(), &sample::machines(&hosts), &containers);
        let reds: Vec<&Verdict> = verdicts.iter().filter(|verdict| verdict.is_red()).collect();
        assert_eq!(reds.len(), 1);
        assert_eq!(reds[0].summary, "container 172.17.0.2 is outside the slice 172.17.192.0/18");
    }

    #[test]
    fn two_containers_with_one_address_do_not_pass_by_answering_themselves() {
        let mut containers = sample::containers();
        containers.insert("host2".parse().unwrap(), containers[&"host1".parse().unwrap()].clone());
        let hosts = scripted(sample::answer);
        let verdicts = container_ping(&sample::plan(), &sample::machines(&hosts), &containers);
        let red = verdicts
            .iter()
            .find(|verdict| verdict.subject.to_string() == "host1 -> host2")
            .unwrap();
        assert!(red.is_red());
        assert_eq!(red.summary, "both containers have the address 172.17.64.0");
    }

    #[test]
    fn a_host_without_container_is_red_in_every_pair() {
        let mut containers = sample::containers();
        containers.insert("host1".parse().unwrap(), Err("no such machine is running".to_owned()));
        let hosts = scripted(sample::answer);
        let verdicts = container_ping(&sample::plan(), &sample::machines(&hosts[1..]), &containers);
        assert_eq!(verdicts.iter().filter(|verdict| verdict.is_red()).count(), 1 + 4);
        let verdicts = container_ping(&sample::plan(), &[], &Containers::new());
        assert_eq!(verdicts.len(), 9);
        assert!(verdicts.iter().all(Verdict::is_red));
    }
}
