//! Real consoles, whole and cut anywhere.

use super::*;
use proptest::prelude::*;

const CONSOLE: &[u8] = include_bytes!("fixtures/console-debian-13.log");

/// All that a console can say.
const ON_CONSOLE: [Phase; 9] = [
    Phase::Power,
    Phase::Kernel,
    Phase::Systemd,
    Phase::CloudInitLocal,
    Phase::CloudInitNetwork,
    Phase::Login,
    Phase::CloudInitConfig,
    Phase::CloudInitFinal,
    Phase::CloudInitDone,
];

fn found(text: &str) -> Vec<Phase> {
    phases(text.as_bytes()).into_iter().collect()
}

#[test]
fn a_real_console_has_every_phase_in_its_order() {
    assert_eq!(phases(CONSOLE).into_iter().collect::<Vec<_>>(), ON_CONSOLE);
    // As it grows, phases come one after the other, and none goes.
    let mut seen = Vec::new();
    for end in (0..=CONSOLE.len()).step_by(64).chain([CONSOLE.len()]) {
        let now = phases(&CONSOLE[..end]);
        assert!(seen.iter().all(|phase| now.contains(phase)), "{seen:?}, then {now:?}");
        seen.extend(now.into_iter().filter(|phase| !seen.contains(phase)).collect::<Vec<_>>());
    }
    assert_eq!(seen, ON_CONSOLE);
}

#[test]
fn a_reboot_begins_anew() {
    let mut twice = CONSOLE.to_vec();
    twice.extend_from_slice(b"\r\n[    0.000000] Linux version 6.12.118\r\n[    7.549471] Run /init as init process\r\n");
    assert_eq!(phases(&twice).into_iter().collect::<Vec<_>>(), [Phase::Power, Phase::Kernel]);
}

/// As cloud-init 22.4 of Debian 12 writes it, by the journal or straight to the console, and what only looks like it.
#[test]
fn lines_are_told_apart() {
    for (line, phase) in [
        (
            "[    9.1] cloud-init[377]: Cloud-init v. 22.4.2 running 'init-local' at Tue, 24 Nov 2026 12:18:19 +0000. Up 9.09 seconds.",
            Some(Phase::CloudInitLocal),
        ),
        (
            "Cloud-init v. 22.4.2 finished at Tue, 24 Nov 2026 12:19:42 +0000. Datasource DataSourceNoCloud",
            Some(Phase::CloudInitDone),
        ),
        ("[    9.1] cloud-init[377]: Cloud-init v. 22.4.2 running 'single' at", None),
        ("[    9.1] sh[9]: echo Cloud-init v. 22.4.2 finished at noon", None),
        ("host1 login: ", Some(Phase::Login)),
        ("db-3.example login: [   92.913639] gre: GRE over IPv4", Some(Phase::Login)),
        ("the last login: yesterday", None),
        (
            "[    2.0] systemd[1]: systemd 257 running in system mode (+PAM)",
            Some(Phase::Systemd),
        ),
        ("[    2.0] systemd[1]: Starting running in system mode.service", None),
        ("says Linux version 6", None),
        ("", None),
    ] {
        assert_eq!(super::phase(line), phase, "{line}");
    }
    assert_eq!(found(""), [Phase::Power]);
}

#[test]
fn every_phase_is_listed_and_has_a_name_of_its_own() {
    let names: BTreeSet<&str> = Phase::ALL.iter().map(|phase| phase.name()).collect();
    assert_eq!(names.len(), Phase::ALL.len());
    assert!(Phase::ALL.is_sorted());
}

#[test]
fn the_board_watches_the_consoles_until_the_work_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("console");
    let host: HostName = "host1".parse().unwrap();
    let board = Board::new(&Ui::silent(), std::slice::from_ref(&host), Instant::now());
    let reached = || board.reached.lock().unwrap().get(&host).cloned().unwrap_or_default();
    // The console is not there yet, and then it is.
    board.watch(&[(host.clone(), log.clone())], || {
        std::fs::write(&log, CONSOLE).unwrap();
        let interval = Duration::from_millis(20);
        crate::wait::until("the board", Duration::from_secs(20), interval, || {
            match reached().contains(&Phase::CloudInitDone) {
                true => crate::wait::Look::Ready(()),
                false => crate::wait::Look::Pending(format!("{:?}", reached())),
            }
        })
        .unwrap();
    });
    board.reach([(host.clone(), Phase::Ssh)]);
    assert_eq!(reached().len(), ON_CONSOLE.len() + 1);
}

proptest! {
    #[test]
    fn garbage_never_panics(text in "(\\[ *[0-9.]*\\] )?(cloud-init\\[1\\]: )?(Cloud-init v. )?.{0,40}") {
        let _ = phases(text.as_bytes());
    }

    #[test]
    fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(phases(&bytes).contains(&Phase::Power));
    }
}
