//! `meshimg image check` on whole disk images, made here as small as they may be: sound ones, broken ones and other people's.
//!
//! Needs qemu-img, sfdisk and mke2fs, and to boot QEMU and ovmf; without them the tests say so and do nothing, unless `MESHIMG_REQUIRE=qemu`.

#[path = "images/disk.rs"]
mod disk;
#[path = "images/sound.rs"]
mod sound;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use disk::{Disk, Root, tool};
use meshimg::exec::find;
use meshimg::image::check::Code;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Whether all of `programs` are there; said if they are not.
fn has(programs: &[&str]) -> bool {
    let missing: Vec<&&str> = programs.iter().filter(|program| find(program).is_none()).collect();
    let required = std::env::var("MESHIMG_REQUIRE").is_ok_and(|tiers| tiers.split(',').any(|tier| tier == "qemu"));
    assert!(missing.is_empty() || !required, "MESHIMG_REQUIRE wants qemu: {missing:?} not found");
    if !missing.is_empty() {
        eprintln!("skipped: {missing:?} not found");
    }
    missing.is_empty()
}

const TOOLS: &[&str] = &["qemu-img", "sfdisk", "mke2fs"];

/// What a check says: status, stdout, stderr.
fn check(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_meshimg"))
        .current_dir(folder)
        .args(["--quiet", "image", "check"])
        .args(arguments)
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .output()
        .expect("meshimg starts");
    let text = |stream: &[u8]| String::from_utf8_lossy(stream).into_owned();
    let leftover: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder")
        .filter(|entry| {
            entry
                .as_ref()
                .is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("meshimg-"))
        })
        .collect();
    assert!(leftover.is_empty(), "{leftover:?}");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Status, and each finding's severity and code.
fn codes(folder: &Path, arguments: &[&str]) -> (Option<i32>, Vec<String>) {
    let all = [arguments, &["--format", "json"]].concat();
    let (status, stdout, stderr) = check(folder, &all);
    let report: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{stdout}{stderr}"));
    let findings = report["findings"].as_array().expect("findings");
    let shown = |finding: &Value, key: &str| finding[key].as_str().expect("a text").to_owned();
    for finding in findings {
        assert!(
            !shown(finding, "message").is_empty() && !shown(finding, "help").is_empty(),
            "{finding}"
        );
    }
    let codes = findings
        .iter()
        .map(|finding| format!("{} {}", shown(finding, "severity"), shown(finding, "code")));
    (status, codes.collect())
}

#[test]
fn a_sound_image_is_fine_in_every_format() {
    if !has(TOOLS) {
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path();
    Disk::sound().write(folder, "disk.raw");
    for format in ["qcow2", "vmdk", "vdi", "vhdx"] {
        tool(
            folder,
            "qemu-img",
            &["convert", "-f", "raw", "-O", format, "disk.raw", &format!("disk.{format}")],
        );
    }
    tool(folder, "qemu-img", &["convert", "-c", "-O", "qcow2", "disk.raw", "small.qcow2"]);
    disk::gzip(&folder.join("disk.raw"), &folder.join("disk.raw.gz"));
    let before: Vec<u8> = std::fs::read(folder.join("disk.raw")).expect("the disk");
    for name in [
        "disk.raw",
        "disk.qcow2",
        "small.qcow2",
        "disk.vmdk",
        "disk.vdi",
        "disk.vhdx",
        "disk.raw.gz",
    ] {
        let (status, stdout, stderr) = check(folder, &[name, "--boot", "none"]);
        let format = name.split_once('.').expect("a format").1;
        assert_eq!(
            (status, stdout.as_str(), stderr.as_str()),
            (
                Some(0),
                format!("{name}: {format} disk of 43.0 MiB, Debian GNU/Linux 13 (trixie)\n").as_str(),
                ""
            )
        );
    }
    assert!(
        before == std::fs::read(folder.join("disk.raw")).expect("the disk"),
        "the image was written to"
    );
}

/// A disk, made worse.
type Case = (Code, fn(&mut Disk));

const DISKS: &[Case] = &[
    (Code::RootNotLast, |disk| disk.swap()),
    (Code::Misaligned, |disk| {
        disk.table = disk.table.replace("start=2MiB, size=8MiB", "start=4097, size=16383")
    }),
    (Code::NoRoot, |disk| {
        disk.files.remove("etc/os-release");
        disk.files.remove("usr/lib/os-release");
    }),
    (Code::RootFilesystem, |disk| disk.root = Root::Bytes(0, b"XFSB")),
    (Code::RootFilesystem, |disk| disk.root = Root::Bytes(0x10040, b"_BHRfS_M")),
    (Code::RootFilesystem, |disk| disk.root = Root::Bytes(0x200, b"LABELONE")),
    (Code::Encrypted, |disk| disk.root = Root::Bytes(0, b"LUKS\xba\xbe")),
    // The sizes in the superblock, which has a checksum.
    (Code::Damaged, |disk| disk.root = Root::Damaged(0x404)),
    (Code::NoBootCode, |disk| disk.boot_code = Vec::new()),
    (Code::NoBiosPartition, |disk| {
        disk.table = disk
            .table
            .replace("21686148-6449-6E6F-744E-656564454649", "0FC63DAF-8483-4772-8E79-3D69D8477DE4");
    }),
    (Code::BiosPartitionEmpty, |disk| disk.core = Vec::new()),
    (Code::NoEsp, |disk| {
        disk.table = disk
            .table
            .replace("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "0FC63DAF-8483-4772-8E79-3D69D8477DE4");
    }),
    (Code::EspUnreadable, |disk| disk.has_esp = false),
    (Code::NoUefiLoader, |disk| disk.loader = None),
    (Code::NoUefiLoader, |disk| disk.loader = Some(Vec::new())),
];

/// Files of other kinds, and what they are made by, given a sound disk.raw.
type Foreign = (Code, fn(&Path));

const FILES: &[Foreign] = &[
    (Code::Empty, |folder| std::fs::write(folder.join("image"), b"").expect("a file")),
    (Code::NoTable, |folder| {
        std::fs::write(folder.join("image"), b"version: 1\nname: demo\n").expect("a file")
    }),
    (Code::NoTable, |folder| {
        tool(folder, "truncate", &["-s", "8M", "image"]);
        tool(folder, "mke2fs", &["-q", "-F", "-t", "ext4", "image"]);
    }),
    (Code::Compression, |folder| {
        std::fs::write(folder.join("image"), b"\xfd7zXZ\0 and more").expect("a file")
    }),
    (Code::Damaged, |folder| {
        tool(folder, "qemu-img", &["convert", "-c", "-O", "qcow2", "disk.raw", "image"]);
        disk::cut(&folder.join("image"), 2);
    }),
    (Code::Damaged, |folder| {
        disk::gzip(&folder.join("disk.raw"), &folder.join("image"));
        disk::cut(&folder.join("image"), 2);
    }),
    (Code::Encrypted, |folder| {
        let options = "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10";
        let object = "secret,id=key,data=passphrase";
        tool(
            folder,
            "qemu-img",
            &["create", "-q", "-f", "qcow2", "--object", object, "-o", options, "image", "8M"],
        );
    }),
    (Code::OtherFiles, |folder| {
        tool(
            folder,
            "qemu-img",
            &["create", "-q", "-f", "qcow2", "-F", "raw", "-b", "disk.raw", "image"],
        );
    }),
    (Code::OtherFiles, |folder| {
        tool(
            folder,
            "qemu-img",
            &["create", "-q", "-f", "vmdk", "-o", "subformat=monolithicFlat", "image", "8M"],
        );
    }),
    (Code::Format, |folder| {
        tool(folder, "qemu-img", &["convert", "-O", "vpc", "disk.raw", "image"])
    }),
    (Code::Format, |folder| {
        tool(folder, "qemu-img", &["convert", "-O", "qcow2", "disk.raw", "inner"]);
        disk::gzip(&folder.join("inner"), &folder.join("image"));
    }),
    (Code::PartitionOutside, |folder| {
        tool(folder, "truncate", &["-s", "8M", "image"]);
        disk::partition(folder, "image", "label: dos\nstart=1MiB, size=4MiB, type=83\n");
        tool(folder, "truncate", &["-s", "4M", "image"]);
    }),
];

#[test]
fn each_fault_of_a_disk_has_its_code() {
    if !has(TOOLS) {
        return;
    }
    for (number, (code, change)) in DISKS.iter().enumerate() {
        let place = tempfile::tempdir().expect("a folder");
        let mut disk = Disk::sound();
        change(&mut disk);
        disk.write(place.path(), "disk.raw");
        let (status, found) = codes(place.path(), &["disk.raw", "--boot", "none"]);
        let severity = code.severity().as_str();
        assert_eq!(found, [format!("{severity} {code}")], "case {number}");
        assert_eq!(status, Some(if severity == "error" { 6 } else { 0 }), "{code}");
        if severity == "warning" {
            assert_eq!(check(place.path(), &["disk.raw", "--boot", "none", "--strict"]).0, Some(6));
        }
    }
}

#[test]
fn files_of_other_kinds_are_told_apart() {
    if !has(TOOLS) {
        return;
    }
    for (number, (code, make)) in FILES.iter().enumerate() {
        let place = tempfile::tempdir().expect("a folder");
        Disk::sound().write(place.path(), "disk.raw");
        make(place.path());
        let (_, found) = codes(place.path(), &["image", "--boot", "none"]);
        assert!(
            found.iter().any(|found| found.ends_with(code.as_str())),
            "case {number}: {code}: {found:?}"
        );
    }
}

#[test]
fn the_size_is_limited() {
    if !has(TOOLS) {
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    Disk::sound().write(place.path(), "disk.raw");
    let found = |limit: &str| codes(place.path(), &["disk.raw", "--boot", "none", "--size-limit", limit]).1;
    assert_eq!(found("43MiB"), [format!("error {}", Code::TooLarge)]);
    assert_eq!(found("45088769"), [""; 0]);
}

/// All codes about disks are in the cases above, but for the one about booting, which is below. Those about systems are in the library.
#[test]
fn no_code_about_a_disk_is_without_a_case() {
    let areas = ["image", "partitions", "bios", "uefi", "boot"];
    let all = Code::ALL
        .iter()
        .filter(|code| code.as_str().split("::").next().is_some_and(|area| areas.contains(&area)));
    let mut covered: BTreeSet<Code> = DISKS
        .iter()
        .map(|(code, _)| *code)
        .chain(FILES.iter().map(|(code, _)| *code))
        .collect();
    covered.extend([Code::NoLogin, Code::TooLarge]);
    assert_eq!(all.copied().collect::<BTreeSet<Code>>(), covered);
}

/// Boot code that says on the serial console what a system would.
#[test]
fn a_boot_ends_with_a_login_prompt_or_with_what_the_console_said() {
    if !has(&[TOOLS, &["qemu-system-x86_64"]].concat()) {
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    let mut disk = Disk::sound();
    disk.boot_code = disk::says(b"Debian GNU/Linux 13 demo ttyS0\r\n\r\ndemo login: \0");
    disk.write(place.path(), "disk.raw");
    let (status, stdout, stderr) = check(place.path(), &["disk.raw", "--boot", "bios"]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert!(stdout.contains("\nboot by BIOS: login prompt after "), "{stdout}");

    disk.boot_code = disk::says(b"\r\nerror: no such partition.\r\nEntering rescue mode...\r\ngrub rescue> \0");
    // What UEFI would miss is no more than a note then.
    disk.loader = None;
    disk.write(place.path(), "disk.raw");
    let (status, stdout, stderr) = check(place.path(), &["disk.raw", "--boot", "bios"]);
    assert_eq!((status, stderr.as_str()), (Some(6), "error: disk.raw has 1 error\n"), "{stdout}");
    assert!(stdout.contains("\nboot by BIOS: no login prompt\n"), "{stdout}");
    assert!(
        stdout.contains("error[boot::no-login]: booted by BIOS: the login prompt: the console says \"grub rescue>\""),
        "{stdout}"
    );
    assert!(
        stdout.contains("\n  error: no such partition.\n  Entering rescue mode...\n  grub rescue>"),
        "{stdout}"
    );
    assert!(stdout.contains("\nnote[uefi::no-loader]: "), "{stdout}");
}

#[test]
fn firmware_that_finds_no_loader_is_told_at_once() {
    if !has(&[TOOLS, &["qemu-system-x86_64"]].concat()) || !has(&["/usr/share/OVMF/OVMF_CODE_4M.fd"]) {
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    let mut disk = Disk::sound();
    disk.loader = Some(b"no program".to_vec());
    disk.write(place.path(), "disk.raw");
    let (status, found) = codes(place.path(), &["disk.raw", "--boot", "uefi"]);
    assert_eq!((status, found), (Some(6), vec![format!("error {}", Code::NoLogin)]));
}

/// Bytes here and there that are others, where the structures are: sector 0, the table, the EFI system partition, the root file system.
#[test]
fn no_damage_makes_it_panic() {
    const ROUNDS: u64 = 24;
    if !has(TOOLS) {
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    Disk::sound().write(place.path(), "sound.raw");
    let sound = std::fs::read(place.path().join("sound.raw")).expect("the disk");
    let used: Vec<usize> = (0..sound.len()).filter(|at| sound[*at] != 0).collect();
    // A linear congruential generator (Knuth's MMIX): the same damage in every run.
    let mut state: u64 = 1;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for round in 0..ROUNDS {
        let mut disk = sound.clone();
        for _ in 0..=random(40) {
            let at = used[random(used.len())];
            let place = at.saturating_add(random(16)).min(disk.len() - 1);
            disk[place] = [0, 0xff, disk[place] ^ (1 << random(8))][random(3)];
        }
        std::fs::write(place.path().join("disk.raw"), disk).expect("a disk");
        let (status, stdout, stderr) = check(place.path(), &["disk.raw", "--boot", "none"]);
        assert!(matches!(status, Some(0 | 6)), "round {round}: {status:?}\n{stdout}{stderr}");
    }
}

/// A machine that runs from an image holds QEMU's lock on it.
#[test]
fn an_image_in_use_is_left_alone() {
    if !has(&[TOOLS, &["qemu-system-x86_64"]].concat()) {
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    tool(place.path(), "qemu-img", &["create", "-q", "-f", "qcow2", "image", "8M"]);
    // It returns when it has opened the image.
    let start = [
        "-nodefaults",
        "-display",
        "none",
        "-accel",
        "tcg",
        "-S",
        "-daemonize",
        "-pidfile",
        "process",
    ];
    tool(
        place.path(),
        "qemu-system-x86_64",
        &[&start[..], &["-drive", "file=image,format=qcow2"]].concat(),
    );
    let (status, _, stderr) = check(place.path(), &["image", "--boot", "none"]);
    let process = std::fs::read_to_string(place.path().join("process")).expect("the process");
    let process = Pid::from_raw(process.trim().parse().expect("a number")).expect("a process");
    kill_process(process, Signal::KILL).expect("it is ours");
    let wanted = "error: the image is in use: shut the machine down that runs from it, or check a copy\n";
    assert_eq!((status, stderr.as_str()), (Some(3), wanted));
}
