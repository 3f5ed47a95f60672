//! Output folders that may not be written, and that several processes write at once.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use meshimg::exec::interrupt::pause;
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};

use super::{Place, meshimg, parts};

fn other_cluster(place: &Place) {
    let text = place.read("cluster.yaml").replace("name: three-hosts", "name: other");
    place.write("other.yaml", &text);
}

/// As an ordinary user, as root may write everywhere.
#[test]
fn a_folder_of_somebody_else() {
    let place = Place::new();
    let public = |name: &str, mode| fs::set_permissions(place.path(name), fs::Permissions::from_mode(mode)).expect("it is ours");
    fs::create_dir(place.path("theirs")).expect("a folder");
    let mut command = if rustix::process::geteuid().is_root() {
        public(".", 0o755);
        // The build may lie where only root may look.
        fs::copy(meshimg(), place.path("meshimg")).expect("a copy");
        let mut command = place.command("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "./meshimg"]);
        command
    } else {
        place.command(meshimg())
    };
    public("theirs", 0o555);
    let output = command
        .args(["cloud-init", "cluster.yaml", "-o", "theirs/out"])
        .output()
        .expect("it starts");
    public("theirs", 0o755);
    let wanted = "error: cannot write theirs/out: Permission denied (os error 13); choose another folder\n";
    assert_eq!(parts(&output), (Some(1), String::new(), wanted.to_owned()));
    assert_eq!(place.tree("theirs"), [""; 0]);
}

#[test]
fn a_disk_that_is_read_only() {
    let place = Place::new();
    fs::create_dir(place.path("disk")).expect("a folder");
    let unshared = |script: &str| {
        let mut command = place.command("unshare");
        command.args(["--mount", "sh", "-euc", script]).env("MESHIMG", meshimg());
        command.output().expect("unshare starts")
    };
    let mount = "mount -t tmpfs -o ro tmpfs disk";
    if !unshared(mount).status.success() {
        eprintln!("skipped: this user may not mount a tmpfs in a namespace of its own");
        return;
    }
    let output = unshared(&format!("{mount}; exec $MESHIMG cloud-init cluster.yaml -o disk/out"));
    let wanted = "error: cannot write disk/out: Read-only file system (os error 30); choose another folder\n";
    assert_eq!(parts(&output), (Some(1), String::new(), wanted.to_owned()));
}

/// Six processes write two clusters to one folder: all succeed, and the folder has one cluster, not parts of both.
#[test]
fn several_at_once_write_one_after_the_other() {
    let place = Place::new();
    other_cluster(&place);
    for _ in 0..3 {
        let start = |number: usize| {
            place
                .meshimg(&["-q", "cloud-init", ["cluster.yaml", "other.yaml"][number % 2], "-o", "a/b"])
                .spawn()
        };
        let children: Vec<_> = (0..6).map(|number| start(number).expect("meshimg starts")).collect();
        for child in children {
            let output = child.wait_with_output().expect("it ends");
            assert_eq!(parts(&output), (Some(0), String::new(), String::new()));
        }
        let is = |file| place.output(&["-q", "cloud-init", file, "-o", "a/b", "--check"]).status.code();
        let mut found = [is("cluster.yaml"), is("other.yaml")];
        found.sort();
        assert_eq!(found, [Some(0), Some(6)], "one of them, whole");
        assert!(place.tree("a").iter().all(|name| !name.contains(".meshimg-")));
    }
}

/// While somebody has the folder's lock nothing is written; Ctrl-C ends the wait.
#[test]
fn a_second_one_waits_for_the_first() {
    let place = Place::new();
    fs::create_dir(place.path("out")).expect("a folder");
    let lock = fs::File::open(place.path("out")).expect("it is there");
    flock(&lock, FlockOperation::LockExclusive).expect("nobody has it");
    let start = || {
        place
            .meshimg(&["-q", "cloud-init", "cluster.yaml", "-o", "out"])
            .spawn()
            .expect("meshimg starts")
    };
    let (mut first, second) = (start(), start());
    // Far more than it takes.
    pause(Duration::from_secs(1));
    assert!(first.try_wait().expect("it is ours").is_none());
    kill_process(Pid::from_child(&second), Signal::INT).expect("it is ours");
    let (status, _, stderr) = parts(&second.wait_with_output().expect("it ends"));
    assert_eq!(
        (status, stderr.as_str()),
        (Some(130), "error: interrupted; all files are as they were\n")
    );
    assert_eq!(place.tree("out"), [""; 0]);
    drop(lock);
    assert_eq!(first.wait().expect("it ends").code(), Some(0));
    assert_eq!(
        place
            .output(&["-q", "cloud-init", "cluster.yaml", "-o", "out", "--check"])
            .status
            .code(),
        Some(0)
    );
}
