//! Of the stages of a build, without one: what is asked of mmdebstrap, and what is said of sources that are not what they should be.

use std::fs;
use std::path::Path;

use super::dsc::{self, Dsc};
use super::*;
use crate::exec::ExecError;
use crate::spec::{OpenVSwitchSource, Os};

pub const SIGNED: &str = "\
-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA512

Format: 3.0 (quilt)
Source: openvswitch
Binary: openvswitch-common, openvswitch-switch
Version: 4.0.0-2
Package-List:
 openvswitch-common deb net optional arch=linux-any
Checksums-Sha1:
 0000000000000000000000000000000000000000 4 openvswitch_4.0.0.orig.tar.xz
Checksums-Sha256:
 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a 4 openvswitch_4.0.0.orig.tar.xz
 0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b 5 openvswitch_4.0.0-2.debian.tar.xz
Files:
 00000000000000000000000000000000 4 openvswitch_4.0.0.orig.tar.xz

-----BEGIN PGP SIGNATURE-----

Version: of nothing
-----END PGP SIGNATURE-----
";

pub fn request(source: &str, sha256: &str) -> BuildRequest {
    BuildRequest {
        os: Os::Debian13,
        version: "4.0.0".parse().unwrap(),
        source: source.parse().unwrap(),
        sha256: sha256.parse().unwrap(),
        archive: None,
    }
}

pub fn any_hash() -> String {
    "0a".repeat(32)
}

/// The arguments, one a line.
fn shown(request: &BuildRequest) -> String {
    let arguments = root::mmdebstrap(request, request.suite().unwrap(), "/tmp/hooks").unwrap();
    let lines: Vec<String> = arguments.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    lines.join("\n")
}

#[test]
fn arguments_of_mmdebstrap() {
    let request = request("openvswitch_4.0.0-2.dsc", &any_hash());
    insta::assert_snapshot!("openvswitch_debian_13", shown(&request));
    let archive = Some("https://archive.example.org/debian".parse().unwrap());
    let own = shown(&BuildRequest {
        os: Os::Debian12,
        archive,
        ..request
    });
    assert!(own.ends_with("bookworm\n/dev/null\nhttps://archive.example.org/debian"), "{own}");
    assert!(own.contains(" 4.0.0 ~meshimg12"), "{own}");
}

#[test]
fn the_key_changes_with_every_input_but_where_the_source_is() {
    let key = |request: &BuildRequest| root::inputs(request, request.suite().unwrap()).unwrap().key().to_string();
    let plain = request("a.tar.gz", &any_hash());
    let archive = Some("https://archive.example.org/debian".parse().unwrap());
    let keys = [
        key(&plain),
        key(&request("a.dsc", &any_hash())),
        key(&request("a.tar.gz", &"0b".repeat(32))),
        key(&BuildRequest { archive, ..plain.clone() }),
        key(&BuildRequest {
            os: Os::Debian12,
            ..plain.clone()
        }),
        key(&BuildRequest {
            version: "4.0.1".parse().unwrap(),
            ..plain.clone()
        }),
    ];
    let distinct: std::collections::BTreeSet<&String> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len(), "{keys:?}");
    assert_eq!(key(&plain), key(&request("https://a.example/b.tar.xz", &any_hash())));
}

#[test]
fn what_a_host_needs_built() {
    let mut host = crate::machine::sample::plan().hosts[0].clone();
    assert_eq!(BuildRequest::of_host(&host, None), None);
    host.open_vswitch = OpenVSwitchSource::Build {
        version: "4.0.0".parse().unwrap(),
        url: "https://a.example/a.tar.gz".parse().unwrap(),
        sha256: any_hash().parse().unwrap(),
    };
    let wanted = request("https://a.example/a.tar.gz", &any_hash());
    assert_eq!(BuildRequest::of_host(&host, None), Some(wanted.clone()));
    host.archive = Some("http://own.example/debian".parse().unwrap());
    let of = |archive: Option<&str>| {
        let archive = archive.map(|archive| archive.parse().unwrap());
        let request = BuildRequest::of_host(&host, archive.as_ref()).unwrap();
        request.archive.map(|archive| archive.to_string())
    };
    assert_eq!(of(None).as_deref(), Some("http://own.example/debian"));
    assert_eq!(
        of(Some("http://other.example/debian")).as_deref(),
        Some("http://other.example/debian")
    );
}

#[test]
fn other_systems_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ubuntu = BuildRequest {
        os: Os::Ubuntu2404,
        ..request("a.tar.gz", &any_hash())
    };
    let error = build(&ubuntu, &Cache::at(folder.path()), &Ui::silent()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Open vSwitch is built for debian-12 and debian-13, not for ubuntu-24.04; its hosts can have that of their release, or one from an archive"
    );
}

#[test]
fn a_dsc_is_read_signed_or_not() {
    let read = dsc::parse(SIGNED).unwrap();
    let files: Vec<(&str, &str)> = read.files.iter().map(|file| (file.name.as_str(), file.sha256.as_str())).collect();
    assert_eq!(read.version, "4.0.0-2");
    assert_eq!(
        files,
        [
            ("openvswitch_4.0.0.orig.tar.xz", any_hash().as_str()),
            ("openvswitch_4.0.0-2.debian.tar.xz", "0b".repeat(32).as_str())
        ]
    );
    let (_, body) = SIGNED.split_once("\n\n").unwrap();
    assert_eq!(dsc::parse(body.split_once("\n\n").unwrap().0), Ok(read));
}

#[test]
fn a_dsc_that_is_none_is_refused() {
    let refused = |from: &str, to: &str| -> Result<Dsc, String> {
        assert!(SIGNED.contains(from), "{from}");
        dsc::parse(&SIGNED.replace(from, to))
    };
    let why = |from, to| refused(from, to).unwrap_err();
    assert_eq!(dsc::parse("").unwrap_err(), "it has no field Source");
    assert_eq!(dsc::parse("<html>\n").unwrap_err(), "a line is no field: <html>");
    assert_eq!(dsc::parse(" a\n").unwrap_err(), "its first line belongs to no field");
    assert_eq!(why("Source: openvswitch", "Source: ovn"), "it is of ovn");
    assert_eq!(why("Version: 4.0.0-2\n", ""), "it has no field Version");
    assert_eq!(why("Binary:", "Version:"), "the field Version is there twice");
    assert_eq!(why("Checksums-Sha256:", "Checksums-Sha512:"), "it has no field Checksums-Sha256");
    assert_eq!(
        why(" 4 openvswitch_4.0.0.orig", " openvswitch_4.0.0.orig"),
        "a line of Checksums-Sha256 has not three words"
    );
    let outside = "../openvswitch_4.0.0.orig.tar.xz is no name of a file of Open vSwitch's source";
    assert_eq!(why("0a 4 openvswitch_", "0a 4 ../openvswitch_"), outside);
    assert_eq!(why("0b 5 ", "zz 5 "), "the SHA-256 of openvswitch_4.0.0-2.debian.tar.xz is none");
}

#[test]
fn versions_of_packages() {
    for (package, upstream) in [
        ("4.0.0-2", "4.0.0"),
        ("1:4.0.0-2~x", "4.0.0"),
        ("4.0.0", "4.0.0"),
        ("4.0.0-1-2", "4.0.0-1"),
    ] {
        assert_eq!(dsc::upstream(package), upstream);
    }
}

#[test]
fn where_the_files_of_a_source_package_are() {
    let beside = |source: &str| source.parse::<Source>().unwrap().beside("b~1+x.tar.xz").unwrap().to_string();
    assert_eq!(beside("https://a.example/pool/a.dsc"), "https://a.example/pool/b~1+x.tar.xz");
    assert_eq!(beside("file:///srv/a.dsc"), "file:///srv/b~1+x.tar.xz");
    assert_eq!(beside("pool/a.dsc"), "pool/b~1+x.tar.xz");
    assert_eq!(beside("a.dsc"), "b~1+x.tar.xz");
    assert!("ftp://a.example/a.dsc".parse::<Source>().is_err());
}

#[test]
fn a_build_that_failed_says_where_its_log_is_and_what_helps() {
    let failed = |stderr_tail: &str, disk_was_full: bool| {
        let source = ExecError::Failed {
            command_line: "mmdebstrap ...".to_owned(),
            status: "exit status: 25".to_owned(),
            stderr_tail: stderr_tail.to_owned(),
        };
        let log = "/cache/logs/openvswitch-0a.log".into();
        OpenVSwitchError::Build {
            log,
            disk_was_full,
            source,
        }
        .to_string()
    };
    insta::assert_snapshot!(failed("a.c:1: error: no such thing\nE: hook failed", false), @r"
    Open vSwitch was not built: `mmdebstrap ...` failed (exit status: 25):
    a.c:1: error: no such thing
    E: hook failed
    the whole log is /cache/logs/openvswitch-0a.log
    ");
    let full = failed("E: dpkg failed", true);
    assert!(
        full.contains("E: dpkg failed\nthe disk was full on the way: make room, or name folders on a larger disk"),
        "{full}"
    );
}

#[test]
fn an_archive_is_exported_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("not/yet"));
    fs::create_dir(&from).unwrap();
    for name in ["Packages", "Release", "a.deb", "manifest.json"] {
        fs::write(from.join(name), name).unwrap();
    }
    export(&from, &to).unwrap();
    fs::write(from.join("Release"), "new").unwrap();
    fs::rename(from.join("a.deb"), from.join("b.deb")).unwrap();
    export(&from, &to).unwrap();
    let names = |folder: &Path| {
        entries(folder)
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&to), ["Packages", "Release", "b.deb", "manifest.json"]);
    assert_eq!(fs::read_to_string(to.join("Release")).unwrap(), "new");
    assert_eq!(names(to.parent().unwrap()), ["yet"]);

    fs::write(to.join("thesis.txt"), "years of work").unwrap();
    let error = export(&from, &to).unwrap_err().to_string();
    assert!(
        error.ends_with("not/yet is there and has something else in it; give a new folder, or remove it"),
        "{error}"
    );
    assert_eq!(names(&to).len(), 5);
    fs::write(folder.path().join("file"), "").unwrap();
    assert!(check_export(&folder.path().join("file")).is_err());
}
