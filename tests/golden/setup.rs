//! What `setup` does on hosts in every state, with programs that only pretend: which packages there are is a file with a name a line.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::project;

/// `there` has the installed packages, `absent` those that no archive has; `away` is there when no archive answers.
const DPKG_QUERY: &str = r#"shift 3; for p in "$@"; do grep -qx "$p" "$state/there" && echo "installed $p"; done; true"#;
const APT_GET: &str = r#"
words=; command=
for word in "$@"; do case $word in -*|*=*|*::*) ;; update|install) command=$word ;; *) words="$words $word" ;; esac; done
echo "apt-get $command$words" >>"$state/calls"
[ ! -e "$state/away" ] || { echo "E: Failed to fetch" >&2; exit 100; }
for p in $words; do ! grep -qx "$p" "$state/absent" || { echo "E: Unable to locate package $p" >&2; exit 100; }; done
for p in $words; do
    echo "$p" >>"$state/there"
    case $p in ifupdown) program=ifup ;; bridge-utils) program=brctl ;; docker.io) program=dockerd ;; *) continue ;; esac
    ln -s /bin/true "$state/bin/$program"
done"#;
const DPKG: &str = r#"echo "dpkg $*" >>"$state/calls"; [ "$1" != --audit ] || cat "$state/audit""#;
const SYSTEMCTL: &str = r#"echo "systemctl $*" >>"$state/calls""#;

struct Host {
    folder: tempfile::TempDir,
}

impl Host {
    fn new(there: &[&str], absent: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let host = Self { folder };
        let list = |names: &[&str]| names.iter().map(|name| format!("{name}\n")).collect::<String>();
        for (name, text) in [
            ("there", list(there)),
            ("absent", list(absent)),
            ("calls", String::new()),
            ("audit", String::new()),
        ] {
            fs::write(host.path(name), text).expect("a file");
        }
        fs::create_dir_all(host.path("bin")).expect("a folder");
        for (name, script) in [
            ("dpkg-query", DPKG_QUERY),
            ("apt-get", APT_GET),
            ("dpkg", DPKG),
            ("systemctl", SYSTEMCTL),
            ("sync", "true"),
        ] {
            let path = host.path("bin").join(name);
            let text = format!("#!/bin/sh\nstate={}\n{script}\n", host.folder.path().display());
            fs::write(&path, text).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
        }
        for program in ["date", "grep", "ls", "mkdir", "ln", "cat", "true", "false"] {
            let real = meshimg::exec::find(program).expect("a program that is essential");
            std::os::unix::fs::symlink(real, host.path("bin").join(program)).expect("a link");
        }
        for name in there {
            let program = match *name {
                "ifupdown" => "ifup",
                "bridge-utils" => "brctl",
                "docker.io" => "dockerd",
                _ => continue,
            };
            std::os::unix::fs::symlink("/bin/true", host.path("bin").join(program)).expect("a link");
        }
        host
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Whether `setup` is content, and what it says.
    fn setup(&self) -> (bool, String) {
        self.setup_with(NEEDED, "ifup brctl")
    }

    /// The same with other packages, and what they bring.
    fn setup_with(&self, packages: &[&str], programs: &str) -> (bool, String) {
        self.setup_of(&format!("PACKAGES='{}'\nPROGRAMS='{programs}'\n", packages.join(" ")))
    }

    /// The same with an archive for Open vSwitch that `program` makes ready.
    fn setup_with_archive(&self, program: &str) -> (bool, String) {
        let packages = NEEDED.join(" ");
        self.setup_of(&format!(
            "PACKAGES='{packages}'\nPROGRAMS='ifup brctl'\nOPEN_VSWITCH_ARCHIVE='{program}'\n"
        ))
    }

    /// The same with this as host.conf.
    fn setup_of(&self, text: &str) -> (bool, String) {
        fs::write(self.path("host.conf"), text).expect("a file");
        let text = fs::read_to_string(project("cloud-init/setup")).expect("setup");
        let text = text
            .replace("/etc/meshimg/host.conf", &shown(&self.path("host.conf")))
            .replace("/var/lib/", &format!("{}/", shown(self.folder.path())));
        let output = Command::new("/bin/sh")
            .args(["-c", &text])
            .env("PATH", self.path("bin"))
            .output()
            .expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).expect("UTF-8"))
    }

    fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("calls")).expect("calls");
        text.lines().map(str::to_owned).collect()
    }

    fn is_done(&self) -> bool {
        self.path("meshimg/done").exists()
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

const NEEDED: &[&str] = &["bridge-utils", "docker.io", "htop", "ifupdown", "openvswitch-switch"];

#[test]
fn a_host_that_has_it_all_asks_no_archive() {
    let host = Host::new(NEEDED, &[]);
    let (content, said) = host.setup();
    assert!(content && host.is_done(), "{said}");
    assert_eq!(
        host.calls(),
        ["systemctl start meshimg-mesh.service", "systemctl start docker.service"]
    );
}

#[test]
fn a_bare_host_gets_open_vswitch_first_and_docker_last() {
    let host = Host::new(&[], &[]);
    let (content, said) = host.setup();
    assert!(content && host.is_done(), "{said}");
    assert_eq!(
        host.calls(),
        [
            "apt-get update",
            "dpkg --audit",
            "apt-get install openvswitch-switch",
            "apt-get install bridge-utils htop ifupdown",
            "systemctl start meshimg-mesh.service",
            "apt-get install docker.io",
            "systemctl start docker.service",
        ]
    );
}

/// An image may have another Open vSwitch, and apt knows which is wanted; once it is there, nobody asks again.
#[test]
fn open_vswitch_is_installed_from_its_own_archive_once() {
    let host = Host::new(NEEDED, &[]);
    let install = ["apt-get update", "dpkg --audit", "apt-get install openvswitch-switch"];
    let start = ["systemctl start meshimg-mesh.service", "systemctl start docker.service"];
    for calls in [[&install[..], &start[..]].concat(), [&install[..], &start[..], &start[..]].concat()] {
        let (content, said) = host.setup_with_archive("true");
        assert!(content && host.is_done(), "{said}");
        assert_eq!(host.calls(), calls);
    }
}

#[test]
fn without_open_vswitchs_own_archive_there_is_no_mesh() {
    for (program, absent, said_so) in [
        (
            "false",
            None,
            "Open vSwitch's archive is out of reach, or not the planned one (above)",
        ),
        (
            "true",
            Some("openvswitch-switch"),
            "could not install: openvswitch-switch - apt-get says why (above)",
        ),
    ] {
        let host = Host::new(NEEDED, absent.as_slice());
        let (content, said) = host.setup_with_archive(program);
        assert!(!content && !host.is_done() && said.contains(said_so), "{said}");
        assert!(!host.calls().iter().any(|call| call.contains("systemctl")), "{:?}", host.calls());
        // The next boot tries again.
        fs::write(host.path("absent"), "").expect("a file");
        let (content, said) = host.setup_with_archive("true");
        assert!(content && host.is_done(), "{said}");
    }
}

#[test]
fn without_an_archive_it_says_so_at_once() {
    let host = Host::new(&[], &[]);
    fs::write(host.path("away"), "").expect("a file");
    let (content, said) = host.setup();
    assert!(!content && !host.is_done(), "{said}");
    assert!(
        said.contains(
            "meshimg: could not install: openvswitch-switch - the package lists could not be fetched: is the package archive reachable?"
        ),
        "{said}"
    );
    assert_eq!(
        host.calls(),
        ["apt-get update", "dpkg --audit", "apt-get install openvswitch-switch"]
    );
    // The next boot.
    fs::remove_file(host.path("away")).expect("a file");
    let (content, said) = host.setup();
    assert!(content && host.is_done(), "{said}");
}

#[test]
fn a_package_that_nobody_has_keeps_no_other_away() {
    let host = Host::new(&[], &["htop"]);
    let (content, said) = host.setup();
    assert!(!content && !host.is_done(), "{said}");
    assert!(said.contains("E: Unable to locate package htop"), "{said}");
    assert!(
        said.trim_end()
            .lines()
            .last()
            .expect("a line")
            .contains("could not install: htop - "),
        "{said}"
    );
    let calls = host.calls();
    assert!(calls.contains(&"systemctl start docker.service".to_owned()), "{calls:?}");
    assert!(calls.contains(&"apt-get install ifupdown".to_owned()), "{calls:?}");
}

#[test]
fn without_docker_there_is_still_a_mesh() {
    let host = Host::new(&[], &["docker.io"]);
    let (content, said) = host.setup();
    assert!(!content && !host.is_done(), "{said}");
    assert!(said.contains("could not install: docker.io - "), "{said}");
    let calls = host.calls();
    assert!(calls.contains(&"systemctl start meshimg-mesh.service".to_owned()), "{calls:?}");
    assert!(!calls.contains(&"systemctl start docker.service".to_owned()), "{calls:?}");
}

#[test]
fn without_ifupdown_the_mesh_is_not_tried() {
    let host = Host::new(&[], &["ifupdown"]);
    let (content, said) = host.setup();
    assert!(!content && said.contains("could not install: ifupdown - "), "{said}");
    assert!(!host.calls().iter().any(|call| call.contains("meshimg-mesh")), "{:?}", host.calls());
}

#[test]
fn where_systemd_brings_the_mesh_up_nobody_asks_for_ifupdown() {
    const PACKAGES: &[&str] = &["docker.io", "openvswitch-switch"];
    let host = Host::new(&[], &[]);
    let (content, said) = host.setup_with(PACKAGES, "ip ovs-vsctl");
    assert!(!content && !host.is_done(), "without both programs there is no mesh: {said}");
    assert!(!host.calls().iter().any(|call| call.contains("meshimg-mesh")), "{:?}", host.calls());
    for program in ["ip", "ovs-vsctl"] {
        std::os::unix::fs::symlink("/bin/true", host.path("bin").join(program)).expect("a link");
    }
    let (content, said) = host.setup_with(PACKAGES, "ip ovs-vsctl");
    assert!(content && host.is_done(), "{said}");
}

#[test]
fn what_a_power_cut_left_is_finished_first() {
    let host = Host::new(&["openvswitch-switch"], &[]);
    fs::write(
        host.path("audit"),
        "The following packages have been unpacked but not yet configured.\n",
    )
    .expect("a file");
    let (content, said) = host.setup();
    assert!(content && said.contains("an installation was interrupted"), "{said}");
    assert_eq!(
        host.calls()[..3],
        ["apt-get update", "dpkg --audit", "dpkg --force-confold --configure -a"]
    );
}
