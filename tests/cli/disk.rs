//! Disks that are full and limits that are reached: clear words, old files whole, nothing left behind.

use std::time::Instant;

use super::{Place, parts};

const OUT: &str = "cloud-init-out";

fn wrote_once() -> Place {
    let place = Place::new();
    assert_eq!(place.output(&["-q", "cloud-init", "cluster.yaml"]).status.code(), Some(0));
    // Every file would change.
    let text = place.read("cluster.yaml").replace("name: three-hosts", "name: other");
    place.write("other.yaml", &text);
    place
}

/// RLIMIT_FSIZE is reached by the seeds, not by the texts: those were prepared already when it happens.
#[test]
fn a_size_limit_leaves_all_as_it_was() {
    let place = wrote_once();
    let before = contents(&place);
    let script = format!("ulimit -f 64; exec '{}' cloud-init other.yaml", super::meshimg());
    // dash counts in blocks of 512 bytes.
    let output = place.command("dash").args(["-c", &script]).output().expect("dash starts");
    let wanted = "error: cannot write cloud-init-out/host1/seed.img: File too large (os error 27); free some space and run it again, \
                  or choose another folder\n";
    assert_eq!(parts(&output), (Some(1), String::new(), wanted.to_owned()));
    assert_eq!(contents(&place), before);
}

#[test]
fn a_size_limit_leaves_no_new_folder() {
    let place = Place::new();
    let script = format!("ulimit -f 64; exec '{}' cloud-init cluster.yaml -o a/b", super::meshimg());
    let output = place.command("dash").args(["-c", &script]).output().expect("dash starts");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(place.tree("."), ["cluster.yaml"]);
    let script = format!("ulimit -f 1; exec '{}' init new.yaml", super::meshimg());
    let output = place.command("dash").args(["-c", &script]).output().expect("dash starts");
    let wanted = "error: cannot write new.yaml: File too large (os error 27); free some space and run it again, or choose another folder\n";
    assert_eq!(parts(&output), (Some(1), String::new(), wanted.to_owned()));
    assert_eq!(place.tree("."), ["cluster.yaml"]);
}

fn contents(place: &Place) -> Vec<(String, Option<Vec<u8>>)> {
    let of = |name: String| {
        let bytes = std::fs::read(place.path(OUT).join(&name)).ok();
        (name, bytes)
    };
    place.tree(OUT).into_iter().map(of).collect()
}

/// A tmpfs with room for the first three hosts' files and not for their replacements as well.
#[test]
fn a_full_disk_leaves_all_as_it_was() {
    let place = wrote_once();
    let unshared = |script: &str| {
        let mut command = place.command("unshare");
        command.args(["--mount", "sh", "-euc", script]).env("MESHIMG", super::meshimg());
        command.output()
    };
    std::fs::create_dir(place.path("disk")).expect("a folder");
    let mount = "mount -t tmpfs -o size=SIZEk,mode=755 tmpfs disk";
    if !unshared(&mount.replace("SIZE", "64")).is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this user may not mount a tmpfs in a namespace of its own");
        return;
    }
    let used: u64 = contents(&place)
        .iter()
        .flat_map(|(_, bytes)| bytes)
        .map(|bytes| bytes.len().div_ceil(4096) as u64 * 4)
        .sum();
    let list = "(cd disk && find . -type f | sort | xargs sha256sum; find . | sort)";
    let script = format!(
        "{}; $MESHIMG -q cloud-init cluster.yaml -o disk; {list} >before
         status=0; $MESHIMG cloud-init other.yaml -o disk || status=$?
         {list} >after; cat after; exit $status",
        mount.replace("SIZE", &(used + used / 2).to_string())
    );
    let output = unshared(&script).expect("it started before");
    let (status, listing, stderr) = parts(&output);
    assert_eq!(status, Some(1), "{stderr}");
    assert!(stderr.starts_with("error: cannot write disk/host"), "{stderr}");
    let wanted = "No space left on device (os error 28); free some space and run it again, or choose another folder\n";
    assert!(stderr.ends_with(wanted), "{stderr}");
    assert_eq!(place.read("before"), place.read("after"));
    assert!(listing.contains("./host3/seed.img") && !listing.contains(".meshimg-"), "{listing}");
}

/// Killed at any moment, at a hundred of them from its start to its end, the folder has each file's old contents or its new ones.
#[test]
fn a_killed_run_leaves_whole_files() {
    let place = Place::new();
    let text = |name: &str| {
        let hosts = (1..=9).map(|n| format!("  - {{name: host{n}, address: 192.0.2.{n}}}\n"));
        format!("version: 1\nname: {name}\nhosts:\n{}", hosts.collect::<String>())
    };
    place.write("cluster.yaml", &text("one"));
    place.write("other.yaml", &text("other"));
    assert_eq!(place.output(&["-q", "cloud-init", "cluster.yaml"]).status.code(), Some(0));
    let old = contents(&place);
    let started = Instant::now();
    assert_eq!(
        place.output(&["-q", "cloud-init", "other.yaml", "-o", "new"]).status.code(),
        Some(0)
    );
    let mut whole_run = started.elapsed();
    let new = |name: &str| std::fs::read(place.path("new").join(name)).ok();
    let (mut unfinished, mut leftovers) = (0, 0);
    for moment in 0..100 {
        let after = whole_run * moment / 100;
        let mut child = place.meshimg(&["-q", "cloud-init", "other.yaml"]).spawn().expect("meshimg starts");
        meshimg::exec::interrupt::pause(after);
        child.kill().expect("it is ours");
        if child.wait().expect("it ends").success() {
            // Whatever kept the first run is over.
            whole_run = whole_run.min(after);
        } else {
            unfinished += 1;
        }
        let mut changed = 0;
        for (name, bytes) in &old {
            let found = std::fs::read(place.path(OUT).join(name)).ok();
            assert!(found == *bytes || found == new(name), "{name} after {after:?}");
            changed += usize::from(found != *bytes);
        }
        leftovers += place.tree(OUT).len() - old.len();
        // From the start again, once the work is done.
        if changed > 0 {
            assert_eq!(place.output(&["-q", "cloud-init", "cluster.yaml"]).status.code(), Some(0));
            assert_eq!(place.tree(OUT).len(), old.len(), "what a killed run left is gone");
        }
    }
    assert!(unfinished > 50, "{unfinished} were killed before their end");
    eprintln!("{unfinished} of 100 runs killed, {leftovers} files left between");
    // What a killed run left is in nobody's way, and the next run ends the work.
    std::fs::write(place.path(OUT).join("host3/.meshimg-abcdef"), "half of a fi").expect("the folder is ours");
    assert_eq!(place.output(&["-q", "cloud-init", "other.yaml"]).status.code(), Some(0));
    assert_eq!(place.output(&["-q", "cloud-init", "other.yaml", "--check"]).status.code(), Some(0));
    assert_eq!(place.tree(OUT).len(), old.len());
}
