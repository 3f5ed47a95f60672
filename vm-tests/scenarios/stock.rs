//! What can go wrong while a bought server installs its packages. In each case it keeps ssh, says what is missing, and gets there later.
//!
//! Both hosts are in trouble from their first boot on: power off in the middle on gamma, no archive for alpha, and at its second boot one without
//! Docker. Each test leaves its host on the way up again, and [`whole`] waits for all.

use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use meshimg::lab::archive::{Mode, PORT};
use meshimg::lab::session::Session;
use meshimg::machine::ssh;
use meshimg::wait::{Look, until};

use super::{on, run};
use crate::clusters::MIXED;

pub fn tests() -> Vec<Trial> {
    vec![
        on(&MIXED, "a_power_cut_during_the_installation_is_made_good", power_cut),
        on(&MIXED, "a_host_without_an_archive_keeps_ssh_and_says_so", no_archive),
        on(&MIXED, "a_missing_package_is_named_and_the_rest_is_there", no_package),
        on(&MIXED, "stock_hosts_reach_the_archive_and_nothing_else", archive_alone),
    ]
}

/// From ssh to the end of an installation, on a machine that does three at once.
const INSTALLATION: Duration = Duration::from_secs(1200);

/// A reboot, with the others at work.
const REBOOT: Duration = Duration::from_secs(600);

/// Polls `script` on `host` until it prints something.
fn until_it_says(session: &Session<'_>, host: &str, what: &str, script: &str) -> Result<String, Failed> {
    Ok(until(what, INSTALLATION, Duration::from_secs(1), || {
        match run(session, host, script) {
            Ok(text) if text.trim().is_empty() => Look::Pending("nothing yet".to_owned()),
            Ok(text) => Look::Ready(text),
            Err(error) => Look::Pending(error.message().unwrap_or_default().to_owned()),
        }
    })?)
}

/// Waits until the host has another boot id, which is when ssh is there again.
fn rebooted(session: &Session<'_>, host: &str, before: &str) -> Result<(), Failed> {
    let name = host.parse()?;
    let machine = session.machine(&name).ok_or("no such host")?;
    Ok(ssh::wait_for_reboot(machine, before, REBOOT, || session.lab.ended(host))?)
}

const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

/// A key that had not got to the disk when the power went is lost too; ext4 leaves an empty file.
fn power_cut(session: &mut Session<'static>) -> Result<(), Failed> {
    let before = run(session, "gamma", BOOT_ID)?;
    let at = until_it_says(
        session,
        "gamma",
        "an installation on gamma",
        "if pgrep -x dpkg >/dev/null; then grep -E ' status (half-installed|unpacked|half-configured) ' /var/log/dpkg.log | tail -n 1; fi",
    )?;
    println!("power cut at: {}", at.trim());
    run(
        session,
        "gamma",
        ": >/etc/ssh/ssh_host_ed25519_key; sync /etc/ssh/ssh_host_ed25519_key",
    )?;
    session.lab.reset("gamma")?;
    rebooted(session, "gamma", &before)
}

/// What the installation has said that has failed.
fn complaint(session: &Session<'_>, host: &str) -> Result<String, Failed> {
    until_it_says(
        session,
        host,
        "the end of an installation",
        "if [ -e /run/cloud-init/result.json ]; then systemctl list-units --failed --plain --no-legend --no-pager meshimg-setup.service; fi",
    )?;
    run(
        session,
        host,
        "journalctl --boot --unit meshimg-setup --output cat --no-pager --lines 60; tail -n 40 /var/log/cloud-init-output.log",
    )
}

fn says(host: &str, said: &str, wanted: &[&str]) -> Result<(), Failed> {
    match wanted.iter().find(|words| !said.contains(**words)) {
        None => Ok(()),
        Some(words) => Err(format!("{host} does not say '{words}':\n{said}").into()),
    }
}

fn no_archive(session: &mut Session<'static>) -> Result<(), Failed> {
    let said = complaint(session, "alpha")?;
    let status = run(session, "alpha", "cloud-init status --format json | tr -d ' \\n' || true")?;
    says("alpha", &status, &["\"status\":\"error\""])?;
    says(
        "alpha",
        &said,
        &[
            "could not install: openvswitch-switch",
            "is the package archive reachable?",
            "or reboot",
        ],
    )?;
    session.lab.archive("alpha", Mode::Without("/docker.io_".to_owned()))?;
    // A second boot gets as far as there are packages.
    let before = run(session, "alpha", BOOT_ID)?;
    run(session, "alpha", "systemctl reboot --no-block")?;
    rebooted(session, "alpha", &before)
}

fn no_package(session: &mut Session<'static>) -> Result<(), Failed> {
    let said = complaint(session, "alpha")?;
    session.lab.archive("alpha", Mode::Open)?;
    says(
        "alpha",
        &said,
        &["could not install: docker.io", "404", "systemctl restart meshimg-setup"],
    )?;
    let bridges = run(session, "alpha", "ovs-vsctl list-br; ls /sys/class/net")?;
    says("alpha", &bridges, &["br0", "docker0"])?;
    // The restart would do, but cloud-init calls that boot a failed one until the next.
    run(session, "alpha", "systemctl reboot --no-block")?;
    Ok(())
}

/// On a host that has had its packages from there.
fn archive_alone(session: &mut Session<'static>) -> Result<(), Failed> {
    whole(session)?;
    let script = format!(
        r#"
set +e
proxy=$(apt-config shell P Acquire::http::Proxy | sed "s/^P='http:..\(.*\):{PORT}'$/\1/")
ask() {{ # REQUEST: the status that the lab answers with
    exec 3<>/dev/tcp/$proxy/{PORT} || {{ echo unreachable; return; }}
    printf "$1" >&3
    timeout 20 head -n 1 <&3 | cut -d ' ' -f 2
    exec 3>&- 3<&-
}}
archive=$(grep -rhoE 'http://[^ ]+' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1)
. /etc/os-release
echo "archive $(ask "GET $archive/dists/$VERSION_CODENAME/InRelease HTTP/1.1\r\nConnection: close\r\n\r\n")"
echo "absent $(ask "GET $archive/pool/no-such.deb HTTP/1.1\r\nConnection: close\r\n\r\n")"
for target in http://127.0.0.1:22/ http://127.0.0.1/dists/x http://198.51.100.7/dists/x $archive/../x http://192.0.2.1/pool/a.deb; do
    echo "else $(ask "GET $target HTTP/1.1\r\n\r\n")"
done
echo "tunnel $(ask "CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n")"
for port in 22 53 80 443 3128 8080; do
    timeout 2 bash -c "exec 3<>/dev/tcp/$proxy/$port" 2>/dev/null && echo "$proxy takes a connection to port $port"
    for target in "${{proxy%.*}}.2" "${{proxy%.*}}.3" 198.51.100.7; do
        timeout 2 bash -c "exec 3<>/dev/tcp/$target/$port" 2>/dev/null && echo "$target takes a connection to port $port"
    done
done
echo tried
"#
    );
    // The script wants a shell that opens sockets.
    let said = run(session, "gamma", &format!("bash <<'MESHIMG_END'\n{script}\nMESHIMG_END\n"))?;
    let wanted = "archive 200\nabsent 404\nelse 403\nelse 403\nelse 403\nelse 403\nelse 403\ntunnel 403\ntried\n";
    if said != wanted {
        return Err(said.into());
    }
    // And it was written down.
    let log = std::fs::read_to_string(session.lab.folder().join("archive.log"))?;
    says(
        "archive.log",
        &log,
        &["gamma 200", "gamma 403", "alpha away", "alpha 404", "CONNECT 127.0.0.1:22"],
    )
}

/// Ends all trouble and waits until the hosts are what was planned.
pub fn whole(session: &mut Session<'static>) -> Result<(), Failed> {
    for host in &session.plan.hosts {
        session.lab.archive(host.name.as_str(), Mode::Open)?;
        // Where a test was left out, or has failed, the host has nothing to do any more.
        let _ = run(
            session,
            host.name.as_str(),
            "systemctl is-failed --quiet meshimg-setup && systemctl restart --no-block meshimg-setup",
        );
    }
    let started = Instant::now();
    session.wait_for_mesh(started)?;
    Ok(session.wait_until_settled(started)?)
}
