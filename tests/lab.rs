//! Labs of real QEMU processes whose guests do nothing: every way a lab can start, change and end, in seconds.

#[path = "lab/request.rs"]
mod request;
#[path = "lab/underlay.rs"]
mod underlay;

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use meshimg::exec::{Tool, interrupt, require};
use meshimg::lab::state::{LabFolder, state_folder};
use meshimg::lab::{HostState, Lab, PROGRAMS, SUPERVISOR_VERB, supervisor};
use meshimg::ui::Ui;
use meshimg::wait::{Look, until};
use rustix::process::{Pid, Signal, kill_process};

use request::{idle_kernel, request};

const SOON: Duration = Duration::from_secs(20);
const OFTEN: Duration = Duration::from_millis(20);

/// Starts a lab and keeps it until it is told to end.
const HOLD: &str = "hold-lab";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [SUPERVISOR_VERB, folder] => match supervisor::run(Path::new(folder)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
        [HOLD, cluster] => hold(cluster),
        _ if std::env::var_os("MESHIMG_LAB_TEST").is_some() => run(),
        _ => run_in_a_state_folder_of_our_own(&arguments),
    }
}

/// The state folder is known by the environment, which a process cannot change for itself without unsafe code.
fn run_in_a_state_folder_of_our_own(arguments: &[String]) -> ExitCode {
    let state = tempfile::tempdir().unwrap();
    let status = Tool::new(std::env::current_exe().unwrap().to_string_lossy(), Duration::MAX)
        .arguments(arguments)
        .environment("MESHIMG_LAB_TEST", "1")
        .environment("MESHIMG_STATE", state.path())
        .environment("MESHIMG_ACCEL", "tcg")
        .run_on_terminal()
        .unwrap();
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run() -> ExitCode {
    let missing = require(PROGRAMS).err();
    let required = std::env::var("MESHIMG_REQUIRE")
        .unwrap_or_default()
        .split(',')
        .any(|tier| tier == "qemu");
    if let Some(error) = &missing {
        eprintln!("labs are not tried: {error}");
    }
    let tests: [(&str, fn()); 10] = [
        ("a_lab_starts_changes_and_ends", starts_changes_and_ends),
        ("a_second_lab_of_the_same_cluster_is_refused", second_is_refused),
        ("dropping_a_lab_ends_it", dropping_ends),
        ("a_detached_lab_goes_on_until_down", detached_goes_on),
        ("ctrl_c_leaves_nothing", || parent_dies(Signal::INT)),
        ("kill_9_of_the_parent_leaves_nothing", || parent_dies(Signal::KILL)),
        ("kill_9_of_the_supervisor_leaves_nothing", supervisor_dies),
        ("nothing_is_left_of_labs_killed_at_any_moment", killed_at_any_moment),
        ("the_underlay_is_cut_impaired_and_captured_by_its_verbs", underlay::verbs),
        ("a_guest_that_cannot_start_is_an_error_at_once", guest_cannot_start),
    ];
    let trials = tests.map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok::<(), Failed>(())
        })
        .with_ignored_flag(missing.is_some() && !required)
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

/// Process ids of the supervisor and of all guests that run.
fn processes(lab: &Lab) -> Vec<u32> {
    let status = lab.status().unwrap();
    let guests = status.hosts.iter().filter_map(|host| match host.state {
        HostState::Running { process } => Some(process),
        _ => None,
    });
    guests.chain([status.process]).collect()
}

fn is_alive(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z")
}

fn wait_until_gone(processes: &[u32]) {
    until("the end of all processes", SOON, OFTEN, || {
        match processes.iter().filter(|id| is_alive(**id)).collect::<Vec<_>>() {
            left if left.is_empty() => Look::Ready(()),
            left => Look::Pending(format!("{left:?}")),
        }
    })
    .unwrap();
}

fn folder(cluster: &str) -> PathBuf {
    PathBuf::from(std::env::var_os("MESHIMG_STATE").unwrap()).join("lab").join(cluster)
}

/// Names of sockets and disks in the lab's folder: what must not be left.
fn left_over(cluster: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder(cluster)) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".sock") || name.ends_with(".qcow2")).collect()
}

fn starts_changes_and_ends() {
    let (request, _images) = request("changes", &idle_kernel());
    let lab = Lab::up(&request, &Ui::silent()).unwrap();
    let started = processes(&lab);
    assert_eq!(started.len(), 3);
    let state = |host: usize| lab.status().unwrap().hosts.swap_remove(host).state;
    let line = std::fs::read_to_string(format!("/proc/{}/cmdline", started[0])).unwrap();
    assert!(line.contains("guest=meshimg:changes:host1"), "{line}");

    lab.kill("host1").unwrap();
    assert_eq!(state(0), HostState::Killed);
    assert!(!is_alive(started[0]) && is_alive(started[1]));
    lab.start("host1").unwrap();
    assert!(matches!(state(0), HostState::Running { process } if process != started[0]));
    // A guest that comes back is connected to the switch again.
    until("host1 at the switch", SOON, OFTEN, || {
        match lab.status().unwrap().hosts.swap_remove(0) {
            host if host.plugged => Look::Ready(()),
            host => Look::Pending(format!("{host:?}")),
        }
    })
    .unwrap();
    assert_eq!(lab.start("host1").unwrap_err().to_string(), "host1 runs already");
    lab.reset("host2").unwrap();
    assert_eq!(state(1), HostState::Running { process: started[1] });
    assert_eq!(lab.kill("host9").unwrap_err().to_string(), "the lab has no host 'host9'");

    let cut = || lab.status().unwrap().traffic.iter().filter(|pair| pair.cut).count();
    assert_eq!(cut(), 0);
    lab.cut("host1", "host2").unwrap();
    assert_eq!(cut(), 2);
    lab.heal_one_way("host1", "host2").unwrap();
    assert_eq!(cut(), 1);
    lab.heal_host("host2").unwrap();
    assert_eq!(cut(), 0);
    lab.cut_one_way("host2", "host1").unwrap();
    assert_eq!(cut(), 1);
    lab.cut_host("host1").unwrap();
    assert_eq!(cut(), 2);
    lab.heal_between("host1", "host2").unwrap();
    assert_eq!(cut(), 0);
    lab.cut_all().unwrap();
    assert_eq!(cut(), 2);
    lab.heal().unwrap();
    assert_eq!(cut(), 0);
    // One port more, for a machine that is no host of the cluster.
    UnixStream::connect(folder("changes").join("switch-2.sock")).unwrap();
    assert!(!folder("changes").join("switch-3.sock").exists());

    // One that dies by itself is seen, with its status.
    kill_process(Pid::from_raw(started[1] as i32).unwrap(), Signal::KILL).unwrap();
    until("host2's end", SOON, OFTEN, || match state(1) {
        HostState::Ended { status } if status == "signal: 9 (SIGKILL)" => Look::Ready(()),
        seen => Look::Pending(format!("{seen:?}")),
    })
    .unwrap();
    let why = lab.ended("host2").unwrap();
    assert!(why.starts_with("QEMU of host2 ended (signal: 9 (SIGKILL))"), "{why}");
    assert_eq!(lab.ended("host1"), None);

    lab.destroy().unwrap();
    wait_until_gone(&started);
    assert!(!folder("changes").exists());
    assert_eq!(Lab::attach("changes").unwrap_err().to_string(), "the lab 'changes' is not up");
}

fn second_is_refused() {
    let (request, _images) = request("second", &idle_kernel());
    let lab = Lab::up(&request, &Ui::silent()).unwrap();
    let error = Lab::up(&request, &Ui::silent()).unwrap_err().to_string();
    let process = lab.status().unwrap().process;
    assert_eq!(
        error,
        format!("the lab 'second' is up already (process {process}); `meshimg lab down` ends it")
    );
    assert_eq!(processes(&lab).len(), 3);
    lab.destroy().unwrap();
}

fn dropping_ends() {
    let (request, _images) = request("dropping", &idle_kernel());
    let lab = Lab::up(&request, &Ui::silent()).unwrap();
    let started = processes(&lab);
    drop(lab);
    assert!(started.iter().all(|process| !is_alive(*process)));
    assert_eq!(left_over("dropping"), Vec::<String>::new());
    let log = Lab::kept_serial_log("dropping", "host1").unwrap();
    assert_eq!(log, folder("dropping").join("host1.serial.log"));
    for host in ["host9", "../dropping/host1", "/etc/passwd"] {
        let error = Lab::kept_serial_log("dropping", host).unwrap_err().to_string();
        assert_eq!(error, format!("the lab 'dropping' has no host '{host}'"));
    }
}

fn detached_goes_on() {
    let (request, _images) = request("detached", &idle_kernel());
    Lab::up(&request, &Ui::silent()).unwrap().detach().unwrap();
    let lab = Lab::attach("detached").unwrap();
    assert!(lab.status().unwrap().detached);
    assert_eq!(lab.hosts().collect::<Vec<_>>(), ["host1", "host2"]);
    let started = processes(&lab);
    drop(lab);
    assert!(started.iter().all(|process| is_alive(*process)));
    Lab::down("detached").unwrap();
    wait_until_gone(&started);
    Lab::down("detached").unwrap();
}

/// What `meshimg lab up` is to the tests: a process that holds a lab.
fn hold(cluster: &str) -> ExitCode {
    interrupt::install().unwrap();
    let (request, _images) = request(cluster, &idle_kernel());
    let lab = Lab::up(&request, &Ui::silent()).unwrap();
    println!("up");
    // Nobody sends anything: this waits for a signal.
    let (silent, _other) = UnixStream::pair().unwrap();
    interrupt::wait_readable(Some(&silent), Duration::from_secs(120));
    drop(lab);
    ExitCode::SUCCESS
}

fn held(cluster: &str) -> (Child, Lab) {
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args([HOLD, cluster])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
    (parent, Lab::attach(cluster).unwrap())
}

fn parent_dies(signal: Signal) {
    let cluster = format!("signal-{}", signal.as_raw());
    let (mut parent, lab) = held(&cluster);
    let started = processes(&lab);
    assert_eq!(started.len(), 3);
    kill_process(Pid::from_child(&parent), signal).unwrap();
    parent.wait().unwrap();
    if signal == Signal::INT {
        assert!(
            started.iter().all(|process| !is_alive(*process)),
            "the prompt is back, so nothing may be left"
        );
    }
    wait_until_gone(&started);
    assert_eq!(left_over(&cluster), Vec::<String>::new());
}

fn supervisor_dies() {
    let (mut parent, lab) = held("supervisor-dies");
    let status = lab.status().unwrap();
    let started = processes(&lab);
    kill_process(Pid::from_raw(status.process as i32).unwrap(), Signal::KILL).unwrap();
    let guests: Vec<u32> = started.into_iter().filter(|process| *process != status.process).collect();
    wait_until_gone(&guests);
    assert_eq!(lab.status().unwrap_err().to_string(), "the lab 'supervisor-dies' is not up");
    kill_process(Pid::from_child(&parent), Signal::INT).unwrap();
    parent.wait().unwrap();
    // Its guests end with its first thread, its lock with the last.
    let lab_folder = LabFolder::new(&state_folder().unwrap(), "supervisor-dies");
    until("the dead supervisor's lock", SOON, OFTEN, || match lab_folder.lock() {
        Ok(_) => Look::Ready(()),
        Err(error) => Look::Pending(error.to_string()),
    })
    .unwrap();
    // What a dead supervisor leaves is no hindrance.
    assert!(!left_over("supervisor-dies").is_empty());
    let (request, _images) = request("supervisor-dies", &idle_kernel());
    let lab = Lab::up(&request, &Ui::silent()).unwrap();
    lab.destroy().unwrap();
}

/// Processes that have `text` in their command line, this one and ended ones aside.
fn processes_with(text: &str) -> Vec<u32> {
    let ids = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let has = |id: &u32| std::fs::read_to_string(format!("/proc/{id}/cmdline")).is_ok_and(|line| line.contains(text));
    ids.filter(|id| *id != std::process::id() && has(id) && is_alive(*id)).collect()
}

/// Twenty labs whose `up`, supervisor or both are killed (-9) at moments from before they start to after they are up. `lab down`, and every
/// other time `lab up`, cleans up after each.
fn killed_at_any_moment() {
    let cluster = "killed";
    let started = std::time::Instant::now();
    let (mut parent, lab) = held(cluster);
    let time_to_up = started.elapsed();
    drop(lab);
    parent.kill().unwrap();
    parent.wait().unwrap();
    Lab::down(cluster).unwrap();
    // The same moments in every run (Knuth's MMIX generator), of a machine that may be slower or faster.
    let mut seed = 20_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let (mut with_guests, mut with_folder) = (0, 0);
    for round in 0..20 {
        let mut parent = Command::new(std::env::current_exe().unwrap())
            .args([HOLD, cluster])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moment = time_to_up.mul_f64(random(1300) as f64 / 1000.0);
        interrupt::pause(moment);
        let supervisors = processes_with(SUPERVISOR_VERB);
        let which = random(3);
        with_guests += usize::from(!processes_with(&format!("meshimg:{cluster}:")).is_empty());
        if which != 1 {
            parent.kill().unwrap();
        }
        if which != 0 {
            for process in supervisors {
                // Some other test's may have ended meanwhile.
                let of_ours =
                    std::fs::read_to_string(format!("/proc/{process}/cmdline")).is_ok_and(|line| line.contains(&format!("/{cluster}\0")));
                if of_ours {
                    let _ = kill_process(Pid::from_raw(process as i32).unwrap(), Signal::KILL);
                }
            }
        }
        if which == 1 {
            // It notices, or is interrupted as a person would do.
            let _ = kill_process(Pid::from_child(&parent), Signal::INT);
        }
        parent.wait().unwrap();
        with_folder += usize::from(folder(cluster).exists());
        if round % 2 == 1 {
            let (request, _images) = request(cluster, &idle_kernel());
            // The supervisor of a killed `up` ends by itself; until then the name is taken.
            let lab = until("the name", SOON, OFTEN, || match Lab::up(&request, &Ui::silent()) {
                Ok(lab) => Look::Ready(lab),
                Err(error) => Look::Pending(error.to_string()),
            });
            assert_eq!(processes(lab.as_ref().unwrap()).len(), 3);
            lab.unwrap().destroy().unwrap();
        } else {
            Lab::down(cluster).unwrap();
        }
        let place = folder(cluster);
        let left = processes_with(&format!("meshimg:{cluster}:"));
        assert_eq!(left, Vec::<u32>::new(), "guests, round {round}, {which} after {moment:?}");
        let left = processes_with(&place.display().to_string());
        assert_eq!(left, Vec::<u32>::new(), "supervisors, round {round}, {which} after {moment:?}");
        let beside = std::fs::read_dir(place.parent().unwrap()).unwrap().flatten();
        let names: Vec<String> = beside.map(|entry| entry.file_name().into_string().unwrap()).collect();
        let ours: Vec<&String> = names.iter().filter(|name| name.starts_with(cluster)).collect();
        assert_eq!(ours, Vec::<&String>::new(), "files, round {round}, {which} after {moment:?}");
    }
    assert!(
        with_guests > 0 && with_folder > 0,
        "{with_guests} with guests, {with_folder} with files"
    );
}

fn guest_cannot_start() {
    let (request, _images) = request("no-kernel", b"this is no kernel");
    let error = Lab::up(&request, &Ui::silent()).unwrap_err().to_string();
    assert!(error.starts_with("host1: QEMU did not start (exit status: 1)\n"), "{error}");
    assert_eq!(left_over("no-kernel"), Vec::<String>::new());
}
