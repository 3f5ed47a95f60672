//! The commands for hosts that run somewhere, with the lab's guests as such hosts: through the real ssh, with a configuration of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use meshimg::lab::session::Session;
use meshimg::machine::ssh;
use meshimg::wait::{Look, until};

use super::{containers_reach_each_other, long, run, three};
use crate::clusters::{MIXED_TEXT, example};

pub fn tests() -> Vec<Trial> {
    vec![
        three("a_host_whose_key_is_not_known_is_not_reached", unknown_key),
        three("status_has_a_line_for_each_host_and_link", status),
        three("verify_names_what_was_changed_by_hand_apply_mends_it_and_nothing_is_left", drift),
        three("a_host_that_cannot_be_reached_after_a_change_takes_it_back", locked_out),
        three("a_host_without_its_mesh_is_as_before_and_apply_brings_it_back", wipe_and_apply),
        long(three("a_host_leaves_a_mesh_that_goes_on", leave)),
        long(three("a_change_is_taken_back_at_a_boot_in_the_middle_of_it", killed)),
        long(three("verify_measures_what_faults_cost", disruptive)),
    ]
}

/// A ssh_config(5) for the guests of `session`.
struct Config {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Config {
    fn new(session: &Session<'_>) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let mut text = String::new();
        for host in &session.plan.hosts {
            text += &session.lab.ssh_target(host.name.as_str())?.config(&host.address.to_string());
        }
        let path = folder.path().join("ssh config");
        std::fs::write(&path, text)?;
        Ok(Self { _folder: folder, path })
    }

    /// What meshimg says to `arguments` behind the file's name.
    fn meshimg(&self, verb: &str, arguments: &[&str]) -> Result<Output, Failed> {
        self.meshimg_of(&example("three-hosts"), verb, arguments)
    }

    /// The same of another file.
    fn meshimg_of(&self, file: &Path, verb: &str, arguments: &[&str]) -> Result<Output, Failed> {
        Ok(self.command(file, verb, arguments).output()?)
    }

    fn command(&self, file: &Path, verb: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meshimg"));
        command.arg(verb).arg(file).args(arguments).arg("--ssh-config").arg(&self.path);
        command
    }
}

/// Standard output, if the status is `code`.
fn with_code(output: &Output, code: i32) -> Result<String, Failed> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    if output.status.code() == Some(code) {
        return Ok(stdout + &stderr);
    }
    Err(format!("{}, not {code}\n{stdout}{stderr}", output.status).into())
}

fn wants(text: &str, words: &[&str]) -> Result<(), Failed> {
    match words.iter().find(|words| !text.contains(**words)) {
        None => Ok(()),
        Some(missing) => Err(format!("no {missing:?} in\n{text}").into()),
    }
}

/// What a run of probes could leave.
const LEFT: &str = "docker ps --all --quiet --filter label=meshimg.run; docker image ls --quiet --filter label=meshimg=probe
ls -d /var/lib/meshimg/apply* /etc/systemd/system/meshimg-undo* /run/systemd/system/meshimg-undo* 2>/dev/null || true";

fn nothing_left(session: &Session<'_>) -> Result<(), Failed> {
    for host in ["host1", "host2", "host3"] {
        let left = run(session, host, LEFT)?;
        if !left.trim().is_empty() {
            return Err(format!("{host} has {left}").into());
        }
    }
    Ok(())
}

fn unknown_key(session: &mut Session<'static>) -> Result<(), Failed> {
    let config = Config::new(session)?;
    let text = std::fs::read_to_string(&config.path)?;
    let stranger = text.replacen("UserKnownHostsFile", "UserKnownHostsFile /dev/null #", 1);
    // Whatever a configuration says of the rest.
    std::fs::write(
        &config.path,
        stranger.replace("StrictHostKeyChecking yes", "StrictHostKeyChecking no"),
    )?;
    let said = with_code(&config.meshimg("status", &[])?, 6)?;
    wants(&said, &["host1 is not reached: No ", "Host key verification failed"])?;
    if said.contains("host2 is not reached") {
        return Err(said.into());
    }
    Ok(())
}

fn status(session: &mut Session<'static>) -> Result<(), Failed> {
    let said = with_code(&Config::new(session)?.meshimg("status", &[])?, 0)?;
    if said.matches("as planned").count() != 3 || said.matches("forwarding").count() != 2 || said.matches("in reserve").count() != 1 {
        return Err(said.into());
    }
    Ok(())
}

fn drift(session: &mut Session<'static>) -> Result<(), Failed> {
    let config = Config::new(session)?;
    run(session, "host2", "ovs-vsctl del-port gre1")?;
    run(
        session,
        "host3",
        "sed -i s/1462/1400/ /etc/docker/daemon.json; ip link set dev docker0 mtu 1400",
    )?;
    let said = with_code(&config.meshimg("verify", &[])?, 6)?;
    wants(
        &said,
        &[
            "port gre1 to host1 is not there",
            "MTU is 1400, planned 1462",
            "/etc/docker/daemon.json has been changed",
        ],
    )?;
    // Nobody says yes.
    let said = with_code(&config.meshimg("apply", &[])?, 2)?;
    wants(&said, &["~ /etc/docker/daemon.json", "nothing was changed: nobody can be asked"])?;
    let said = with_code(&config.meshimg("apply", &["--yes"])?, 0)?;
    wants(
        &said,
        &[
            "host2: as planned, and confirmed",
            "host3: as planned, and confirmed",
            "3 hosts as planned",
        ],
    )?;
    let said = with_code(&config.meshimg("apply", &["--yes"])?, 0)?;
    wants(&said, &["3 hosts as planned; nothing to change"])?;
    let said = with_code(&config.meshimg("verify", &[])?, 0)?;
    wants(
        &said,
        &["3 hosts on machines reached by ssh", "green    container-ping  9 of 9", "all green"],
    )?;
    nothing_left(session)
}

/// How long the host waits to be confirmed: two thirds of it are enough for an emulated one to be as planned.
const CONFIRM_WITHIN: &str = "40";

/// How long ssh stays cut: longer than that.
const CUT_SECONDS: u64 = 60;

/// Cuts ssh as soon as the change is made, and lets it through again by itself.
fn cut_ssh() -> String {
    let inner = format!(
        "until [ -e /var/lib/meshimg/apply/done ]; do sleep 0.1; done
iptables -I INPUT -p tcp --dport 22 -j DROP
sleep {CUT_SECONDS}
iptables -D INPUT -p tcp --dport 22 -j DROP"
    );
    format!("systemd-run --quiet --unit cut-ssh sh -c '{inner}'")
}

/// What a change of a host without its sysctl.d file would make otherwise.
const STATE: &str = "sha256sum /etc/docker/daemon.json /etc/sysctl.d/60-meshimg.conf 2>&1 || true; cat /sys/class/net/docker0/mtu";

/// Waits until `host` is what it was, and nothing of a change is left.
fn old_state(session: &Session<'_>, host: &str, before: &str, wait: Duration) -> Result<(), Failed> {
    let question = format!("{STATE}; [ -z \"$(ls -d /var/lib/meshimg/apply* /etc/systemd/system/meshimg-undo.service 2>/dev/null)\" ]");
    until(&format!("the old state of {host}"), wait, Duration::from_secs(2), || {
        match run(session, host, &question) {
            Ok(now) if now == before => Look::Ready(()),
            Ok(now) => Look::Pending(now),
            Err(error) => Look::Pending(error.message().unwrap_or("no answer").to_owned()),
        }
    })?;
    Ok(())
}

fn locked_out(session: &mut Session<'static>) -> Result<(), Failed> {
    let config = Config::new(session)?;
    run(session, "host3", "rm /etc/sysctl.d/60-meshimg.conf")?;
    let before = run(session, "host3", STATE)?;
    run(session, "host3", &cut_ssh())?;
    let arguments = ["--yes", "--host", "host3", "--confirm-within", CONFIRM_WITHIN];
    let said = with_code(&config.meshimg("apply", &arguments)?, 5)?;
    // ssh comes back when the host has done so, and meshimg has waited for that.
    wants(&said, &["host3 has its old state back", "was made, and nobody has confirmed it"])?;
    old_state(session, "host3", &before, Duration::from_secs(CUT_SECONDS + 120))?;
    containers_reach_each_other(session)?;
    nothing_left(session)?;
    with_code(&config.meshimg("apply", &["--yes"])?, 0)?;
    Ok(())
}

/// What of a mesh is on a host, but for the mark that a host from cloud-init keeps.
const OF_THE_MESH: &str = "ls -d /etc/systemd/system/meshimg-* /etc/systemd/system/*.d/meshimg* /etc/systemd/system/*.wants/meshimg-* \
  /usr/local/lib/meshimg /etc/meshimg /etc/network/interfaces.d/60-meshimg /etc/sysctl.d/60-meshimg.conf /etc/udev/rules.d/60-meshimg.rules \
  /etc/docker/daemon.json /sys/class/net/br0 /run/meshimg /run/systemd/system/meshimg-* 2>/dev/null || true
ovs-vsctl list-br; ovs-vsctl --if-exists get Open_vSwitch . other_config:max-revalidator
ls /var/lib/meshimg | grep -v '^done$' || true
chrt --pid $(cat /run/openvswitch/ovs-vswitchd.pid) | grep -o SCHED_RR || true";

/// Docker's own bridge, as Docker makes it.
const OWN_BRIDGE: &str = "ip -4 -o address show dev docker0 | grep -o 'inet 172.17.0.1/16'
docker network inspect bridge >/dev/null
systemctl is-active docker.service";

fn without_mesh(session: &Session<'_>, host: &str) -> Result<(), Failed> {
    let left = run(session, host, OF_THE_MESH)?;
    if !left.trim().is_empty() {
        return Err(format!("{host} has {left}").into());
    }
    let own = run(session, host, OWN_BRIDGE)?;
    wants(&own, &["inet 172.17.0.1/16", "active"])
}

fn wipe_and_apply(session: &mut Session<'static>) -> Result<(), Failed> {
    let config = Config::new(session)?;
    // Nobody says yes.
    let said = with_code(&config.meshimg("wipe", &["--host", "host3"])?, 2)?;
    wants(
        &said,
        &[
            "host3 loses the mesh",
            "- /etc/docker/daemon.json",
            "nothing was changed: nobody can be asked",
        ],
    )?;
    let said = with_code(&config.meshimg("wipe", &["--host", "host3", "--yes"])?, 0)?;
    wants(&said, &["host3: without the mesh, and confirmed"])?;
    without_mesh(session, "host3")?;
    let said = with_code(&config.meshimg("wipe", &["--host", "host3", "--yes"])?, 0)?;
    wants(&said, &["1 host without a mesh; nothing to take away"])?;
    let said = with_code(&config.meshimg("status", &["--host", "host1"])?, 6)?;
    wants(&said, &["down"])?;
    let said = with_code(&config.meshimg("apply", &["--yes"])?, 0)?;
    wants(
        &said,
        &[
            "host3 gets the mesh",
            "Docker's own gives way to that of the mesh",
            "3 hosts as planned",
        ],
    )?;
    containers_reach_each_other(session)?;
    nothing_left(session)
}

fn leave(session: &mut Session<'static>) -> Result<(), Failed> {
    let config = Config::new(session)?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("cluster.yaml");
    std::fs::copy(example("three-hosts"), &file)?;
    let of = |verb: &str, arguments: &[&str]| config.meshimg_of(&file, verb, arguments);
    let lock = Command::new(env!("CARGO_BIN_EXE_meshimg"))
        .args(["plan", "--lock"])
        .arg(&file)
        .output()?;
    with_code(&lock, 0)?;
    let said = with_code(&of("remove", &["--host", "host3", "--yes"])?, 0)?;
    wants(
        &said,
        &[
            "host3 loses the mesh",
            "host1: as planned, and confirmed",
            "host2: as planned, and confirmed",
            "host3 left the mesh",
        ],
    )?;
    without_mesh(session, "host3")?;
    // A second run has nothing to do.
    let said = with_code(&of("remove", &["--host", "host3", "--yes"])?, 0)?;
    wants(&said, &["0 to lose the mesh, 0 to change, 2 as planned without host3"])?;
    let text = std::fs::read_to_string(&file)?;
    let without: String = text
        .lines()
        .filter(|line| !line.contains("host3"))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&file, without)?;
    let said = with_code(&of("verify", &[])?, 0)?;
    wants(&said, &["2 hosts on machines reached by ssh", "all green"])?;
    // It comes back, as a new host.
    with_code(&config.meshimg("apply", &["--yes"])?, 0)?;
    containers_reach_each_other(session)
}

fn disruptive(session: &mut Session<'static>) -> Result<(), Failed> {
    let said = with_code(&Config::new(session)?.meshimg("verify", &["--disruptive"])?, 0)?;
    let faults = ["link-down", "half-link", "ovs-restart", "ovs-kill", "docker-restart"];
    let lines: Vec<String> = faults.iter().map(|fault| format!("green    {fault}")).collect();
    wants(&said, &lines.iter().map(String::as_str).collect::<Vec<_>>())?;
    wants(&said, &["all green"])?;
    nothing_left(session)
}

/// A host that has nothing but its network and ssh: packages, mesh and Docker are all brought by apply, to one with `network: systemd`.
pub(super) fn bare(session: &mut Session<'static>) -> Result<(), Failed> {
    let config = Config::new(session)?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("cluster.yaml");
    std::fs::write(&file, MIXED_TEXT)?;
    let of = |verb: &str, arguments: &[&str]| config.meshimg_of(&file, verb, arguments);
    with_code(&of("wipe", &["--host", "gamma", "--yes"])?, 0)?;
    without_mesh(session, "gamma")?;
    run(session, "gamma", PURGE)?;
    let said = with_code(&of("apply", &["--yes"])?, 0)?;
    wants(&said, &["gamma gets the mesh", "1 as planned", "2 hosts as planned"])?;
    let said = with_code(&of("verify", &[])?, 0)?;
    wants(&said, &["all green"])?;
    let said = with_code(&of("apply", &[])?, 0)?;
    wants(&said, &["nothing to change"])
}

/// As if nobody had ever installed them; Docker leaves its bridge behind.
const PURGE: &str = "export DEBIAN_FRONTEND=noninteractive
apt-get -qq -y purge docker.io containerd runc openvswitch-switch openvswitch-common >/dev/null 2>&1
rm -rf /etc/openvswitch /var/lib/docker
ip link delete docker0 2>/dev/null || true";

/// meshimg is killed, and the host is started anew, before the end of a change.
fn killed(session: &mut Session<'static>) -> Result<(), Failed> {
    let config = Config::new(session)?;
    run(session, "host3", "rm /etc/sysctl.d/60-meshimg.conf")?;
    let before = run(session, "host3", STATE)?;
    let boot = run(session, "host3", "cat /proc/sys/kernel/random/boot_id")?.trim().to_owned();
    let mut child = config
        .command(&example("three-hosts"), "apply", &["--yes", "--host", "host3"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let begun = until(
        "the change of host3",
        Duration::from_secs(120),
        Duration::from_millis(200),
        || match run(session, "host3", "[ -e /run/systemd/system/meshimg-apply.service ]") {
            Ok(_) => Look::Ready(()),
            Err(_) => Look::Pending("it has not begun".to_owned()),
        },
    );
    child.kill()?;
    child.wait()?;
    begun?;
    run(session, "host3", "systemctl reboot --no-block")?;
    let host = "host3".parse()?;
    let machine = session.machine(&host).ok_or("no such host")?;
    ssh::wait_for_reboot(machine, &boot, Duration::from_secs(300), || session.lab.ended("host3"))?;
    old_state(session, "host3", &before, Duration::from_secs(300))?;
    containers_reach_each_other(session)?;
    nothing_left(session)?;
    with_code(&config.meshimg("apply", &["--yes"])?, 0)?;
    Ok(())
}
