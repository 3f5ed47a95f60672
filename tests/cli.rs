//! The command line as scripts and people see it: stdout, stderr and status, whole and exact.

#[path = "cli/artifacts.rs"]
mod artifacts;
#[path = "cli/disk.rs"]
mod disk;
#[path = "cli/folders.rs"]
mod folders;
#[path = "cli/growth.rs"]
mod growth;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/lab_bench.rs"]
mod lab_bench;
#[path = "cli/lab_test.rs"]
mod lab_test;
#[path = "cli/nixos.rs"]
mod nixos;
#[path = "cli/openvswitch.rs"]
mod openvswitch;
#[path = "cli/remote.rs"]
mod remote;
#[path = "cli/tools.rs"]
mod tools;
#[path = "cli/verbs.rs"]
mod verbs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder of one's own to run meshimg in, with nothing of the user's environment.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// With the shipped example as cluster.yaml.
    fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/three-hosts/cluster.yaml");
        fs::copy(example, place.path("cluster.yaml")).expect("the example can be copied");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("the folder can be written");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// `program` in the folder, its streams captured.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("MESHIMG_STATE", self.path("state"))
            .env("MESHIMG_CACHE", self.path("cache"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn meshimg(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(meshimg());
        command.args(arguments);
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.meshimg(arguments).output().expect("meshimg starts")
    }

    /// What meshimg says to these arguments: the command line, then each stream that is not empty, then the status.
    fn session(&self, arguments: &[&str]) -> String {
        transcript(arguments, &self.output(arguments))
    }

    /// Names of everything below `name`, sorted, hidden files included; folders end in `/`.
    fn tree(&self, name: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.path(name)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.expect("an entry").path();
                let shown = path.strip_prefix(self.path(name)).expect("below it").display().to_string();
                match path.is_dir() && !path.is_symlink() {
                    true => {
                        found.push(shown + "/");
                        folders.push(path);
                    }
                    false => found.push(shown),
                }
            }
        }
        found.sort();
        found
    }
}

fn meshimg() -> &'static str {
    env!("CARGO_BIN_EXE_meshimg")
}

fn transcript(arguments: &[&str], output: &Output) -> String {
    let mut text = format!("$ meshimg {}\n", arguments.join(" "));
    for (name, stream) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !stream.is_empty() {
            text += &format!("--- {name}\n{}", String::from_utf8_lossy(stream));
        }
    }
    match output.status.code() {
        Some(code) => text + &format!("--- exit {code}\n"),
        None => text + &format!("--- {}\n", output.status),
    }
}

/// Snapshots in tests/snapshots/cli/.
fn assert_session(name: &str, text: String) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/cli"));
    let _guard = settings.bind_to_scope();
    insta::assert_snapshot!(name, text);
}

/// Status, and the two streams as text.
fn parts(output: &Output) -> (Option<i32>, String, String) {
    let text = |stream: &[u8]| String::from_utf8_lossy(stream).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}
