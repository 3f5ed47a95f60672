//! Open vSwitch from an archive that was built: apt installs it in a container with a host's files, by the archive's hash and by its
//! signature, from a web server and from a folder, and refuses what was changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use meshimg::exec::Tool;
use meshimg::image::Cache;
use meshimg::image::openvswitch::{BuildRequest, build};
use meshimg::spec::Os;
use meshimg::ui::{Ui, Verbosity};
use sha2::{Digest, Sha256};

use super::container::Container;
use super::host::{self, Host};
use super::source::{DSC_SHA256, VERSION, dsc};

const SCRIPT: &str = include_str!("scripts/own-archive.sh");

/// Asks the daemon of the packages where it sends broadcasts.
const FLOODS: &str = include_str!("scripts/floods.sh");

/// For a question to apt or gpg.
const DEADLINE: Duration = Duration::from_secs(60);

/// Where an archive is in a container.
const FOLDER: &str = "/srv/archive";

/// How a host knows the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Sha256,
    SigningKey,
}

/// What is done to the archive, and what is said of it.
type Change = (&'static str, Trust, fn(&mut Archive), &'static str);

/// Each change to an archive that must keep Open vSwitch as it was.
const CHANGES: &[Change] = &[
    (
        "another-release",
        Trust::Sha256,
        |archive| archive.append("Release", "Codename: x\n"),
        "Release could not be fetched, or is not",
    ),
    (
        "another-list",
        Trust::Sha256,
        |archive| archive.append("Packages", "\n"),
        "Packages could not be fetched, or is not",
    ),
    (
        "another-package",
        Trust::Sha256,
        Archive::change_package,
        "deb could not be fetched, or is not",
    ),
    ("no-hash", Trust::Sha256, Archive::forget_hash, "the SHA-256 of Packages is none"),
    (
        "another-release-signed",
        Trust::SigningKey,
        |archive| archive.append("InRelease", "\n"),
        "could not install: openvswitch-switch",
    ),
    (
        "another-list-signed",
        Trust::SigningKey,
        |archive| {
            ["Packages", "Packages.xz"]
                .map(|name| archive.append(name, "\n"))
                .into_iter()
                .collect()
        },
        "could not install: openvswitch-switch",
    ),
    (
        "another-package-signed",
        Trust::SigningKey,
        Archive::change_package,
        "could not install: openvswitch-switch",
    ),
    (
        "another-key",
        Trust::SigningKey,
        Archive::sign_by_another,
        "could not install: openvswitch-switch",
    ),
    (
        "no-signature",
        Trust::SigningKey,
        Archive::forget_signature,
        "could not install: openvswitch-switch",
    ),
];

/// The files of an archive, and what a cluster.yaml says of it.
#[derive(Debug, Clone)]
struct Archive {
    files: BTreeMap<String, Vec<u8>>,
    sha256: String,
    key: String,
    /// The same files signed by somebody else.
    foreign: Vec<u8>,
}

impl Archive {
    fn append(&mut self, name: &str, text: &str) {
        self.files.get_mut(name).expect("a file of the archive").extend(text.as_bytes());
        if name == "InRelease" {
            let text = String::from_utf8(self.files[name].clone()).expect("text");
            self.files
                .insert(name.to_owned(), text.replace("Label: ", "Label: another ").into_bytes());
        }
    }

    /// One byte of Open vSwitch itself.
    fn change_package(&mut self) {
        let mut packages = self.files.iter_mut().filter(|(name, _)| name.starts_with("openvswitch-switch_"));
        let (_, bytes) = packages.next().expect("the package");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    }

    /// A Release without hashes, whose own hash is known all the same.
    fn forget_hash(&mut self) {
        let text = String::from_utf8(self.files["Release"].clone()).expect("text");
        let (head, _) = text.split_once("SHA256:").expect("hashes");
        let text = format!("{head}SHA256:\n 0 1 Packages\n");
        self.sha256 = hash(text.as_bytes());
        self.files.insert("Release".to_owned(), text.into_bytes());
    }

    fn sign_by_another(&mut self) {
        self.files.insert("InRelease".to_owned(), self.foreign.clone());
    }

    fn forget_signature(&mut self) {
        self.files.remove("InRelease");
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn tests() -> Vec<Trial> {
    let ways = [
        ("sha256-http", Trust::Sha256, "http://localhost:8000/archive"),
        ("sha256-file", Trust::Sha256, "file:///srv/archive"),
        ("signing-key-http", Trust::SigningKey, "http://localhost:8000/archive/"),
        ("signing-key-file", Trust::SigningKey, "file:///srv/archive"),
    ];
    let good = ways.map(|(name, trust, url)| Trial::test(format!("own-archive::{name}"), move || installs(trust, url)));
    let older = ways.map(|(name, trust, url)| Trial::test(format!("own-archive::debian-12::{name}"), move || wants(trust, url)));
    let changed = CHANGES
        .iter()
        .map(|change| Trial::test(format!("own-archive::refused::{}", change.0), move || refuses(change)));
    let floods = [("distribution", false), ("built", true)]
        .map(|(name, built)| Trial::test(format!("own-archive::floods-reach-the-host::{name}"), move || floods(built)));
    good.into_iter().chain(older).chain(changed).chain(floods).collect()
}

/// The archive, built once and signed once.
fn archive() -> Result<Archive, Failed> {
    static MADE: Mutex<Option<Archive>> = Mutex::new(None);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(archive) = &*made {
        return Ok(archive.clone());
    }
    let request = BuildRequest {
        os: Os::Debian13,
        version: VERSION.parse()?,
        source: dsc()?,
        sha256: DSC_SHA256.parse()?,
        archive: None,
    };
    let folder = build(&request, &Cache::from_environment()?, &Ui::new(Verbosity::Normal, false))?;
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.insert(entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?);
    }
    let (signed, key) = sign(&files["Release"])?;
    let (foreign, _) = sign(&files["Release"])?;
    files.insert("InRelease".to_owned(), signed);
    let archive = Archive {
        sha256: hash(&files["Release"]),
        files,
        key,
        foreign,
    };
    *made = Some(archive.clone());
    Ok(archive)
}

/// `release` signed by a key that nobody has had before or will have again, and that key.
fn sign(release: &[u8]) -> Result<(Vec<u8>, String), Failed> {
    let home = tempfile::tempdir()?;
    let gpg = |arguments: &[&str]| {
        let tool = Tool::new("gpg", DEADLINE).environment("GNUPGHOME", home.path());
        tool.arguments(["--batch", "--passphrase", "", "--pinentry-mode", "loopback"])
            .arguments(arguments)
    };
    let signed = || -> Result<(Vec<u8>, String), Failed> {
        gpg(&["--quick-generate-key", "Archive of a test", "ed25519", "sign", "never"]).run()?;
        let text = gpg(&["--clearsign"]).stdin(release).run()?.stdout;
        Ok((text, gpg(&["--armor", "--export"]).run()?.stdout_text()))
    };
    let result = signed();
    // Its agent would outlive the folder.
    let kill = Tool::new("gpgconf", DEADLINE)
        .arguments(["--kill", "all"])
        .environment("GNUPGHOME", home.path());
    kill.run()?;
    result
}

/// A host whose cluster.yaml names the archive.
fn host(archive: &Archive, os: Os, trust: Trust, url: &str) -> Result<Host, Failed> {
    let trust = match trust {
        Trust::Sha256 => format!("  sha256: {}\n", archive.sha256),
        Trust::SigningKey => format!(
            "  signing-key: |\n{}",
            archive.key.lines().map(|line| format!("    {line}\n")).collect::<String>()
        ),
    };
    let hosts = "hosts: [{name: a, address: 192.0.2.1}, {name: b, address: 192.0.2.2}]";
    let text = format!("version: 1\nos: {os}\nname: own-archive\n{hosts}\nopen-vswitch:\n  source: archive\n  url: {url}\n{trust}");
    Ok(host::of_example("own-archive", text.as_bytes())?.remove(0))
}

/// What setup comes to on such a host: its status, what it says, and which Open vSwitch there is afterwards.
fn set_up(archive: &Archive, os: Os, trust: Trust, url: &str) -> Result<(bool, String, String), Failed> {
    let host = host(archive, os, trust, url)?;
    let served = archive
        .files
        .iter()
        .map(|(name, bytes)| (Path::new(FOLDER).join(name), bytes.clone()));
    let own = host
        .files
        .iter()
        .map(|file| (PathBuf::from(&file.path), file.text.clone().into_bytes()));
    let files = served.chain(own).map(|(path, bytes)| (path.display().to_string(), bytes)).collect();
    let container = Container::with_files(&host, files)?;
    let ended = container.script(SCRIPT)?;
    container.end()?;
    if ended.status != 0 {
        return Err(format!("{}\n{}", ended.stdout, ended.stderr).into());
    }
    let (said, state) = ended
        .stdout
        .split_once("\n--- state\n")
        .ok_or_else(|| format!("no state: {}", ended.stdout))?;
    Ok((!said.ends_with("failed"), said.to_owned(), state.trim().to_owned()))
}

fn installs(trust: Trust, url: &str) -> Result<(), Failed> {
    let (content, said, state) = set_up(&archive()?, Os::Debian13, trust, url)?;
    let wanted = "\
openvswitch-common 4.0.0-2~meshimg13
openvswitch-switch 4.0.0-2~meshimg13
ovs-vswitchd (Open vSwitch) 4.0.0
candidate 4.0.0-2~meshimg13
again: 0 packages";
    if content && state == wanted {
        Ok(())
    } else {
        Err(format!("{said}\n--- state\n{state}").into())
    }
}

/// On Debian 12, whose apt is another: it wants the packages, though those of Debian 13 cannot be installed there.
fn wants(trust: Trust, url: &str) -> Result<(), Failed> {
    let (content, said, state) = set_up(&archive()?, Os::Debian12, trust, url)?;
    if !content && said.contains("unmet dependencies") && state.contains("\ncandidate 4.0.0-2~meshimg13\n") {
        Ok(())
    } else {
        Err(format!("{said}\n--- state\n{state}").into())
    }
}

/// The bridge's own port gets broadcasts, also after the daemon has looked at its configuration again; upstream's 4.0.0 as it is fails here.
fn floods(built: bool) -> Result<(), Failed> {
    let archive = archive()?;
    let host = host(&archive, Os::Debian13, Trust::Sha256, "file:///srv/archive")?;
    let packages = archive.files.iter().filter(|(name, _)| built && name.ends_with(".deb"));
    let files = packages.map(|(name, bytes)| (format!("{FOLDER}/{name}"), bytes.clone())).collect();
    let container = Container::with_files(&host, files)?;
    let ended = container.script(FLOODS)?;
    container.end()?;
    let wanted = "before: br0,gre2\nafter: br0,gre2\n";
    if ended.status == 0 && ended.stdout.ends_with(wanted) && ended.stdout.contains("(Open vSwitch) 4.0.0") == built {
        Ok(())
    } else {
        Err(format!("{}\n{}", ended.stdout, ended.stderr).into())
    }
}

fn refuses((_, trust, change, says): &Change) -> Result<(), Failed> {
    let mut archive = archive()?;
    change(&mut archive);
    let (content, said, state) = set_up(&archive, Os::Debian13, *trust, "http://localhost:8000/archive")?;
    if content || state.contains("(Open vSwitch) 4.0.0") || !said.contains(says) {
        return Err(format!("not refused, or not for the reason {says:?}:\n{said}\n--- state\n{state}").into());
    }
    Ok(())
}
