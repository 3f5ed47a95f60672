//! What is said of sources that are not what they should be.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::gather::{Gathered, gather};
use super::tests::{SIGNED, any_hash, request};
use super::*;

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
