//! A root file system without room.

use std::time::Duration;

use super::measure::machine;
use super::steps::{COMEBACK_DEADLINE, Own, UNTOUCHED_SECONDS, ask, not_happened, pings_around, undone, unnoticed, wait_for};
use super::tree::{SETTLE_DEADLINE, settled};
use crate::lab::LabError;
use crate::lab::session::Session;
use crate::machine::Machine;
use crate::machine::report::Scenario;

/// Takes every block that root can get (fallocate leaves what is too scattered for it, dd takes that), then tries to write one more:
/// prints what write(2) said to that.
const FILL: &str = r#"export LC_ALL=C
fallocate --length "$(df --output=avail --block-size=1 / | tail -n 1 | tr -d ' ')" /var/meshimg-fill 2>/dev/null || true
dd if=/dev/zero of=/var/meshimg-fill-rest bs=4096 2>/dev/null || true
sync
if dd if=/dev/zero of=/var/meshimg-fill-check bs=4096 count=1 conv=fsync 2>/var/run/meshimg-fill-said; then
  echo "another block was written"
else
  head -n 1 /var/run/meshimg-fill-said
fi
rm -f /var/run/meshimg-fill-said"#;

/// Also takes back what [`CHANGE`] may have brought in.
const FREE: &str = "rm -f /var/meshimg-fill /var/meshimg-fill-rest /var/meshimg-fill-check
sync
ovs-vsctl --timeout=10 remove Open_vSwitch . external_ids meshimg-disk-full || true";

/// A change of Open vSwitch's configuration that does not fit in what is left of its database's last block; prints its status and error.
const CHANGE: &str = r#"status=0
ovs-vsctl --timeout=10 set Open_vSwitch . external_ids:meshimg-disk-full="$(head -c 8192 /dev/zero | tr '\0' x)" 2>/run/meshimg-said || status=$?
echo "$status"
tail -n 1 /run/meshimg-said | cut -c -300
rm -f /run/meshimg-said"#;

const CHANGE_BACK: &str = "ovs-vsctl --timeout=10 remove Open_vSwitch . external_ids meshimg-disk-full";

/// Restarts the probe container; prints the status and Docker's error.
const RESTART: &str = r#"status=0
timeout 50 docker restart -t 1 meshimg-probe >/dev/null 2>/run/meshimg-said || status=$?
echo "$status"
tail -n 1 /run/meshimg-said | cut -c -300
rm -f /run/meshimg-said"#;

/// The same, and whether its process is alive: Docker, which could not note its end, may be wrong about it.
const RESTARTED: &str = r#"docker restart -t 1 meshimg-probe >/dev/null
test -e "/proc/$(docker container inspect --format '{{.State.Pid}}' meshimg-probe)/ns/net" && echo alive"#;

/// Fills the root file system of the root's host. Traffic, ssh and running containers must not notice.
pub(super) fn disk_full(session: &mut Session<'_>, scenario: &mut Scenario) -> Result<(), LabError> {
    let victim = session.plan.head().clone();
    scenario.what = format!("no block left in the root file system of {}", session.plan.head_in_words());
    scenario.limit_seconds = Some(UNTOUCHED_SECONDS);
    settled(session, SETTLE_DEADLINE)?;
    let refused = undone(
        session,
        |session| {
            let mut change = String::new();
            let own = pings_around(session, scenario, &victim, Own::Stay, |session| {
                let machine = machine(session, &victim)?;
                fill(machine)?;
                change = ask(machine, CHANGE)?;
                // A connection of its own shows that a login needs no room.
                let _ = machine.close();
                ask(machine, "true")?;
                Ok(())
            })?;
            unnoticed("disk-full", &victim, own.as_ref())?;
            let restart = ask(machine(session, &victim)?, RESTART)?;
            Ok([("a change of Open vSwitch", change), ("a restart of a container", restart)])
        },
        |session| free(machine(session, &victim)?),
    )?;
    let machine = machine(session, &victim)?;
    works_again(machine, COMEBACK_DEADLINE)?;
    settled(session, SETTLE_DEADLINE)?;
    scenario.by_design = Some(sees(&refused));
    Ok(())
}

fn fill(machine: &dyn Machine) -> Result<(), LabError> {
    let said = machine.run(FILL, FILL_DEADLINE)?.stdout_text();
    if said.contains("No space left on device") {
        return Ok(());
    }
    Err(not_happened("disk-full", machine.name(), said.trim()))
}

fn free(machine: &dyn Machine) -> Result<(), LabError> {
    machine.run(FREE, FILL_DEADLINE).map(drop).map_err(|error| LabError::NotUndone {
        what: "a full disk",
        host: machine.name().clone(),
        why: error.to_string(),
        help: "rm /var/meshimg-fill*",
    })
}

/// With room again, both that may have been refused must work, without the restart of a daemon.
fn works_again(machine: &dyn Machine, deadline: Duration) -> Result<(), LabError> {
    let status = |answer: &str| match answer.split_once('\n').map_or((answer, ""), |(status, said)| (status, said)) {
        ("0", _) => Ok(()),
        (_, said) => Err(said.to_owned()),
    };
    wait_for(machine, "Open vSwitch with a change", deadline, CHANGE, status)?;
    ask(machine, CHANGE_BACK)?;
    wait_for(machine, "a restarted container", deadline, RESTARTED, |answer| {
        if answer == "alive" { Ok(()) } else { Err(answer.to_owned()) }
    })?;
    Ok(())
}

/// What the operator sees of each of `tried`: its name, and a status with what was said.
fn sees(tried: &[(&str, String)]) -> String {
    let one = |(what, answer): &(&str, String)| match answer.split_once('\n') {
        Some((status, said)) if status != "0" => format!("{what} is refused ({said})"),
        _ => format!("{what} works"),
    };
    let all: Vec<String> = tried.iter().map(one).collect();
    format!("while there is no room, {}; with room again both work", all.join(", and "))
}

/// Filling some GiB: fallocate notes them as used, and writes nothing.
const FILL_DEADLINE: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::sample::Scripted;

    #[test]
    fn a_disk_that_takes_one_more_block_is_not_full() {
        let full = Scripted::new("host1", |_| {
            Ok("dd: error writing '/var/meshimg-fill-check': No space left on device\n".into())
        });
        fill(&full).unwrap();
        let roomy = Scripted::new("host1", |_| Ok("another block was written\n".into()));
        assert_eq!(
            fill(&roomy).unwrap_err().to_string(),
            "disk-full did not happen: host1: another block was written"
        );
    }

    #[test]
    fn a_disk_that_stays_full_says_what_to_remove() {
        let machine = Scripted::new("host1", |_| Err("rm: read-only file system".into()));
        let error = free(&machine).unwrap_err().to_string();
        assert!(
            error.starts_with("a full disk on host1: ") && error.ends_with("rm /var/meshimg-fill*"),
            "{error}"
        );
    }

    #[test]
    fn what_does_not_work_with_room_again_is_told() {
        let judge = |broken: &'static str| {
            let machine = Scripted::new("host1", move |script| match script {
                script if script == broken => Ok("1\nno room\n".into()),
                CHANGE => Ok("0\n".into()),
                RESTARTED => Ok("alive\n".into()),
                _ => Ok(String::new()),
            });
            works_again(&machine, Duration::from_millis(20)).map_err(|error| error.to_string())
        };
        assert_eq!(judge(""), Ok(()));
        assert_eq!(
            judge(CHANGE).unwrap_err(),
            "Open vSwitch with a change of host1: not within 0 s; last seen: no room"
        );
        assert!(
            judge(RESTARTED)
                .unwrap_err()
                .starts_with("a restarted container of host1: not within")
        );
    }

    #[test]
    fn what_was_refused_is_told() {
        let said = sees(&[
            ("a change of Open vSwitch", "1\nwrite failed".to_owned()),
            ("a restart of a container", "0".to_owned()),
        ]);
        assert_eq!(
            said,
            "while there is no room, a change of Open vSwitch is refused (write failed), and a restart of a container works; \
             with room again both work"
        );
    }
}
