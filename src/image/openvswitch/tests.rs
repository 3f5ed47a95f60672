//! Of the stages of a build, without one: what is asked of mmdebstrap, and what is said of sources that are not what they should be.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::dsc::{self, Dsc};
use super::gather::{Gathered, gather};
use super::*;
use crate::exec::ExecError;
use crate::spec::{OpenVSwitchSource, Os};

const SIGNED: &str = "\
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

fn request(source: &str, sha256: &str) -> BuildRequest {
    BuildRequest {
        os: Os::Debian13,
        version: "4.0.0".parse().unwrap(),
        source: source.parse().unwrap(),
        sha256: sha256.parse().unwrap(),
        archive: None,
    }
}

fn any_hash() -> String {
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

/// A folder with sources, and one to gather them in.
struct Sources(tempfile::TempDir);

impl Sources {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("place")).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A tar archive with files in one folder.
    fn tarball(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let tree = self.path("tree");
        for (path, text) in files {
            let path = tree.join("openvswitch-4.0.0").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let path = self.path(name);
        let status = Command::new("tar")
            .args(["--create", "--auto-compress", "--file"])
            .arg(&path)
            .arg("--directory")
            .arg(&tree)
            .arg("openvswitch-4.0.0")
            .status()
            .unwrap();
        assert!(status.success());
        path
    }

    /// What comes of the file at `path` when its hash is the one given.
    fn gather(&self, path: &Path) -> Result<Gathered, String> {
        let (sha256, _) = crate::image::hash::hash(path).unwrap();
        self.gather_as(&path.display().to_string(), &sha256)
    }

    fn gather_as(&self, source: &str, sha256: &str) -> Result<Gathered, String> {
        let place = self.path("place");
        let gathered = gather(&request(source, sha256), &place);
        for path in entries(&place.join("source")).unwrap_or_default() {
            assert!(path.symlink_metadata().unwrap().is_file(), "{}", path.display());
        }
        fs::remove_dir_all(&place).unwrap();
        fs::create_dir(&place).unwrap();
        let here = format!("{}/", self.0.path().display());
        gathered.map_err(|error| error.to_string().replace(&here, ""))
    }
}

const RELEASE: &[(&str, &str)] = &[
    ("configure.ac", "AC_INIT(openvswitch, 4.0.0)\n"),
    (
        "debian/changelog",
        "openvswitch (4.0.0-1) unstable; urgency=low\n\n  * New\n\n -- A <a@example>  Thu, 16 Jul 2026 13:00:01 +0100\n",
    ),
    ("debian/control.in", "Source: openvswitch\n"),
    ("debian/rules", "#!/usr/bin/make -f\n"),
];

#[test]
fn a_release_of_upstream_is_gathered() {
    for name in ["openvswitch-4.0.0.tar.gz", "openvswitch-4.0.0.tar.xz", "ovs.tgz"] {
        let sources = Sources::new();
        let path = sources.tarball(name, RELEASE);
        let gathered = sources.gather(&path).unwrap();
        assert_eq!(
            (gathered.version.as_str(), gathered.files[0].name.as_str()),
            ("4.0.0-1", "openvswitch.tar")
        );
    }
}

#[test]
fn a_source_package_is_gathered_from_its_folder() {
    let sources = Sources::new();
    fs::write(sources.path("openvswitch_4.0.0.orig.tar.xz"), "orig").unwrap();
    fs::write(sources.path("openvswitch_4.0.0-2.debian.tar.xz"), "debian").unwrap();
    let hash_of = |name: &str| crate::image::hash::hash(&sources.path(name)).unwrap().0;
    let dsc = SIGNED
        .replace(&any_hash(), &hash_of("openvswitch_4.0.0.orig.tar.xz"))
        .replace(&"0b".repeat(32), &hash_of("openvswitch_4.0.0-2.debian.tar.xz"));
    let path = sources.path("a.dsc");
    fs::write(&path, &dsc).unwrap();
    let gathered = sources.gather(&path).unwrap();
    let names: Vec<&str> = gathered.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "openvswitch.dsc",
            "openvswitch_4.0.0.orig.tar.xz",
            "openvswitch_4.0.0-2.debian.tar.xz"
        ]
    );
    // The same by URL, where there is apt.
    if crate::exec::require(&["setpriv", fetch::HELPER]).is_ok() {
        let url = format!("file://{}", path.display());
        assert_eq!(sources.gather_as(&url, &gathered.files[0].sha256), Ok(gathered));
    }

    fs::write(sources.path("openvswitch_4.0.0-2.debian.tar.xz"), "Debian").unwrap();
    let wrong = sources.gather(&path).unwrap_err();
    assert!(
        wrong.starts_with("openvswitch_4.0.0-2.debian.tar.xz is not what it should be: its SHA-256 is "),
        "{wrong}"
    );
    fs::remove_file(sources.path("openvswitch_4.0.0.orig.tar.xz")).unwrap();
    let missing = sources.gather(&path).unwrap_err();
    assert!(
        missing.starts_with("cannot read openvswitch_4.0.0.orig.tar.xz: No such file"),
        "{missing}"
    );
    fs::write(&path, dsc.replace("Version: 4.0.0-2", "Version: 3.7.1-1")).unwrap();
    assert_eq!(
        sources.gather(&path).unwrap_err(),
        "a.dsc has version 3.7.1 of Open vSwitch, not 4.0.0; give the version that it has, or the source of the one you mean"
    );
}

#[test]
fn a_wrong_hash_is_told_before_anything_is_looked_at() {
    let sources = Sources::new();
    let path = sources.path("a.tar.gz");
    fs::write(&path, "no archive at all").unwrap();
    let error = sources.gather_as(&path.display().to_string(), &any_hash()).unwrap_err();
    insta::assert_snapshot!(error, @"a.tar.gz is not what it should be: its SHA-256 is 5742317412fc41d579db1431eed0badd4d1ac8ae760153d9dbfff9655cc100c9, not 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a. It is another file, or was changed on its way; nothing of it was unpacked. If it is the one you mean, give its own SHA-256");
}

#[test]
fn tarballs_that_cannot_be_built_are_told_apart() {
    let sources = Sources::new();
    let whole = sources.tarball("whole.tar.gz", RELEASE);
    let bytes = fs::read(&whole).unwrap();
    let cut = sources.path("cut.tar.gz");
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let error = sources.gather(&cut).unwrap_err();
    assert!(
        error.starts_with("cut.tar.gz is no whole tar archive: ")
            && error.ends_with("; fetch it anew, and take the SHA-256 from who published it"),
        "{error}"
    );

    let without = Sources::new();
    let path = without.tarball("openvswitch_4.0.0.orig.tar.xz", &RELEASE[..1]);
    insta::assert_snapshot!(without.gather(&path).unwrap_err(), @"openvswitch_4.0.0.orig.tar.xz has no debian/rules, so there is nothing to make packages by; give a release of upstream that has a debian/ folder, or the .dsc of a source package, which brings its own (the .orig.tar of Debian has none)");

    let other = Sources::new();
    let changelog = ("debian/changelog", "openvswitch (3.7.1-1) unstable; urgency=low\n");
    let path = other.tarball("ovs.tar.gz", &[changelog, RELEASE[2], RELEASE[3]]);
    assert_eq!(
        other.gather(&path).unwrap_err(),
        "ovs.tar.gz has version 3.7.1 of Open vSwitch, not 4.0.0; give the version that it has, or the source of the one you mean"
    );
}

#[test]
fn sources_that_are_not_there() {
    let sources = Sources::new();
    assert_eq!(
        sources.gather_as("a.zip", &any_hash()).unwrap_err(),
        "a.zip is no source that can be built; give a .tar.gz or .tar.xz of upstream, or a .dsc of Debian"
    );
    let missing = sources.gather_as("/not/there.dsc", &any_hash()).unwrap_err();
    assert_eq!(
        missing,
        "cannot read /not/there.dsc: No such file or directory (os error 2); give the path or the URL of the source"
    );
    fs::create_dir(sources.path("folder.dsc")).unwrap();
    let folder = sources.path("folder.dsc").display().to_string();
    let error = sources.gather_as(&folder, &any_hash()).unwrap_err();
    assert_eq!(
        error,
        "cannot read folder.dsc: is a directory; give the path or the URL of the source"
    );
    if crate::exec::require(&["setpriv", fetch::HELPER]).is_err() {
        eprintln!("skipped: no apt here");
        return;
    }
    let url = format!("file://{}", sources.path("none.tar.gz").display());
    let error = sources.gather_as(&url, &any_hash()).unwrap_err();
    assert!(
        error.ends_with("none.tar.gz: there is no such file; can this machine reach it, and is the URL right?"),
        "{error}"
    );
    // Port 9, discard: nobody listens there on any machine of today.
    let error = sources.gather_as("http://127.0.0.1:9/a.dsc", &any_hash()).unwrap_err();
    assert!(
        error.starts_with("cannot fetch http://127.0.0.1:9/a.dsc: ") && error.contains("onnect"),
        "{error}"
    );
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

/// Runs edit.sh on a debian/ folder of `files`, and gives what it makes of control, rules and copyright.
fn edited(files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let (_, script) = root::SCRIPTS.iter().find(|(name, _)| *name == "edit.sh").unwrap();
    let status = Command::new("sh").args(["-c", script, "sh"]).arg(folder.path()).status().unwrap();
    assert!(status.success());
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    ["control", "rules", "copyright"]
        .map(|name| format!("### {name}\n{}", read(name)))
        .concat()
}

const RULES: &str = "\
ifneq (,$(filter parallel=%,$(DEB_BUILD_OPTIONS)))
PARALLEL = -j2
endif
override_dh_auto_configure:
\tcd _debian && ../configure
ifneq (,$(filter i386 amd64 ppc64el arm64, $(DEB_HOST_ARCH)))
\tcd _dpdk && ../configure --with-dpdk=shared
endif
ifneq (,$(filter armhf, $(DEB_HOST_ARCH)))
TEST_LIST = 1-29 31-
endif
";

#[test]
fn dpdk_is_taken_out_of_the_packaging_of_debian() {
    let control = "\
Source: openvswitch
Section: net
Build-Depends:
 architecture-is-64-bit,
 autoconf (>= 2.64),
 libbpf-dev,
 libdpdk-dev (>= 25.11~) [amd64 i386],
 libnuma-dev [amd64],
 libxdp-dev (>= 1.4.3~) [!alpha],
 python3-all-dev,
Build-Depends-Indep: graphviz, libdpdk-dev
Standards-Version: 4.6.2

Package: openvswitch-switch
Architecture: linux-any
Depends:
 ${shlibs:Depends},
Description: Switch
 It has a flavour with DPDK.

Package: openvswitch-switch-dpdk
Architecture: amd64
Depends:
 dpdk,
Description: DPDK
 .
 Of libdpdk-dev.

Package: python3-openvswitch
Architecture: linux-any
Description: Bindings
";
    insta::assert_snapshot!(edited(&[("control", control), ("rules", RULES), ("copyright", "Debian's\n")]));
}

#[test]
fn what_upstream_makes_of_templates_is_made() {
    let control = "\
Source: openvswitch
Build-Depends:
 autoconf (>= 2.64),
# DPDK_NETDEV  libdpdk-dev (>= 25.11) [amd64],
 openssl
Rules-Requires-Root: no

Package: openvswitch-switch
Architecture: linux-any
Description: Switch

# DPDK_NETDEV Package: openvswitch-switch-dpdk
# DPDK_NETDEV Architecture: amd64
# DPDK_NETDEV Description: DPDK
";
    let copyright = "Upstream Authors:\n\n%AUTHORS%\n";
    insta::assert_snapshot!(edited(&[("control.in", control), ("rules", RULES), ("copyright.in", copyright)]));
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
