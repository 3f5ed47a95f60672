//! `image push` as people see it; Ctrl-C and kill -9 at any moment; and where the keys are not.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use meshimg::wait::{self, Look};

use super::TOKEN;
use super::fake::Fake;
use super::push::disk;
use super::spaces::{BUCKET, FakeSpaces, KEY_ID, SECRET, Trouble};

const PUSH: [&str; 7] = ["image", "push", "mesh.raw", "--region", "ams3", "--bucket", BUCKET];

struct Place {
    fake: Fake,
    spaces: FakeSpaces,
    folder: tempfile::TempDir,
}

impl Place {
    fn new(mebibytes: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("mesh.raw"), disk(mebibytes)).expect("the image can be written");
        let fake = Fake::start();
        fake.state().images.at_once = true;
        Self {
            fake,
            spaces: FakeSpaces::start(),
            folder,
        }
    }

    fn command(&self, arguments: &[&str], keys: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meshimg"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
            .env("DIGITALOCEAN_API_URL", self.fake.address())
            .env("DIGITALOCEAN_TOKEN", TOKEN);
        command.env("SPACES_ENDPOINT_URL", self.spaces.address()).envs(keys.iter().copied());
        command
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let keys = [("SPACES_ACCESS_KEY_ID", KEY_ID), ("SPACES_SECRET_ACCESS_KEY", SECRET)];
        self.command(&[&PUSH, arguments].concat(), &keys).spawn().expect("meshimg starts")
    }

    /// What it said, which is nothing secret; nor is that in any file.
    fn end(&self, child: Child) -> Output {
        let output = child.wait_with_output().expect("meshimg ends");
        let files = std::fs::read_dir(self.folder.path()).expect("the folder");
        let files = files.map(|entry| std::fs::read(entry.expect("an entry").path()).unwrap_or_default());
        for bytes in files.chain([output.stdout.clone(), output.stderr.clone()]) {
            let text = String::from_utf8_lossy(&bytes);
            for secret in [TOKEN, KEY_ID, SECRET, "X-Amz-Signature"] {
                assert!(!text.contains(secret), "{secret} was told");
            }
        }
        output
    }

    fn push(&self, arguments: &[&str]) -> Output {
        self.end(self.start(arguments))
    }

    fn session(&self, arguments: &[&str]) -> String {
        self.transcript(&[&PUSH, arguments].concat(), &self.push(arguments))
    }

    /// With the addresses of the fakes as those of the real ones.
    fn transcript(&self, arguments: &[&str], output: &Output) -> String {
        let mut text = format!("$ meshimg {}\n", arguments.join(" "));
        for (name, stream) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            if !stream.is_empty() {
                text += &format!("--- {name}\n{}", String::from_utf8_lossy(stream));
            }
        }
        text += &format!("--- exit {}\n", output.status.code().unwrap_or(-1));
        let text = text.replace(self.spaces.address(), "SPACES");
        text.replace(&format!("meshimg {}", env!("CARGO_PKG_VERSION")), "meshimg VERSION")
    }

    fn images(&self) -> usize {
        self.fake.state().images.there.len()
    }

    /// Waits until `seen`.
    fn until(what: &str, seen: impl Fn() -> bool) {
        let look = || match seen() {
            true => Look::Ready(()),
            false => Look::Pending("not yet".to_owned()),
        };
        wait::until(what, Duration::from_secs(30), Duration::from_millis(10), look).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// `1.23 s` as `TIME`: no two runs take as long.
fn without_times(text: &str) -> String {
    let of = |line: &str| match line.rsplit_once(": ") {
        Some((before, after)) if after.ends_with(" s") && after.len() < 9 => format!("{before}: TIME"),
        _ => line.to_owned(),
    };
    text.lines().map(|line| of(line) + "\n").collect()
}

/// Snapshots in tests/snapshots/provider/.
fn assert_session(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/provider"));
    let _guard = settings.bind_to_scope();
    insta::assert_snapshot!(name, without_times(text));
}

#[test]
fn a_dry_run_shows_what_would_be_sent_and_sends_nothing() {
    let place = Place::new(1);
    let stale = ("left by another".into(), "2026-11-01T12:00:00Z".to_owned());
    place
        .spaces
        .store()
        .objects
        .insert("meshimg-image-push/0123/other.img".to_owned(), stale);
    let mut text = place.session(&["--no-check", "--dry-run"]);
    text += &place.session(&[
        "--no-check",
        "--dry-run",
        "--format",
        "json",
        "--tag",
        "env:production",
        "--name",
        "mesh 1",
    ]);
    text += &place.session(&["--no-check", "--dry-run", "--private"]);
    assert_session("push-dry-run", &text);
    assert!(
        place.fake.lines().iter().all(|line| line.starts_with("GET ")),
        "{:?}",
        place.fake.lines()
    );
    assert_eq!(place.spaces.count("GET "), place.spaces.store().lines.len());
    place.fake.check();
}

#[test]
fn an_image_and_the_same_again() {
    let place = Place::new(1);
    let (stale, fresh) = ("meshimg-image-push/0123/other.img", "meshimg-image-push/4567/other.img");
    let object = |time: String| (b"of another run".to_vec(), time);
    place
        .spaces
        .store()
        .objects
        .insert(stale.to_owned(), object("2026-11-01T12:00:00Z".to_owned()));
    place
        .spaces
        .store()
        .objects
        .insert("holidays.img".to_owned(), object("2020-01-01T12:00:00Z".to_owned()));
    let mut text = place.session(&["--no-check"]);
    assert_eq!((place.images(), place.spaces.names()), (1, vec!["holidays.img".to_owned()]));
    // One that may still be at work.
    place
        .spaces
        .store()
        .objects
        .insert(fresh.to_owned(), object(jiff::Timestamp::now().to_string()));
    text += &place.session(&["--no-check", "--format", "json"]);
    assert_session("push", &text);
    assert_eq!(
        (place.images(), place.spaces.names()),
        (1, vec!["holidays.img".to_owned(), fresh.to_owned()])
    );
    place.fake.check();
}

#[test]
fn an_upload_that_stays_is_told_with_the_image() {
    let place = Place::new(1);
    place.spaces.fail("DELETE ", 1, Trouble::Instead(403, "AccessDenied"));
    assert_session("push-left", &place.session(&["--no-check"]));
    assert_eq!(place.images(), 1);
}

#[test]
fn what_is_wrong_is_told_before_anything_is_sent() {
    let place = Place::new(1);
    std::fs::write(place.folder.path().join("notes.txt"), "no disk").expect("a file");
    let keys = [("SPACES_ACCESS_KEY_ID", KEY_ID), ("SPACES_SECRET_ACCESS_KEY", SECRET)];
    let push = |file, region, bucket| ["image", "push", file, "--region", region, "--bucket", bucket, "--no-check"];
    type Pairs<'a> = &'a [(&'a str, &'a str)];
    let cases: [(&[&str], Pairs); 8] = [
        (&push("mesh.raw", "ams3", BUCKET), &[]),
        (&push("mesh.raw", "ams3", BUCKET), &keys[..1]),
        (&push("mesh.raw", "ams3", "My_Images"), &keys),
        (&push("mesh.raw", "nyc1", BUCKET), &keys),
        (&push("none.raw", "ams3", BUCKET), &keys),
        (&push("notes.txt", "ams3", BUCKET), &keys),
        (&push("mesh.raw", "fra1", BUCKET), &keys),
        (&push("mesh.raw", "sfo3", BUCKET), &keys),
    ];
    let mut text = String::new();
    for (arguments, keys) in cases {
        let child = place.command(arguments, keys).spawn().expect("meshimg starts");
        text += &place.transcript(arguments, &place.end(child));
    }
    assert_session("push-wrong", &text);
    assert_eq!((place.images(), place.spaces.names().len()), (0, 0));
}

fn interrupt(child: &Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
}

#[test]
fn ctrl_c_while_it_is_imported_leaves_nothing() {
    let place = Place::new(1);
    place.fake.state().images.at_once = false;
    place.fake.state().images.never = true;
    let child = place.start(&["--no-check"]);
    Place::until("an image", || place.images() == 1);
    interrupt(&child);
    let output = place.end(child);
    assert_session("push-interrupted", &place.transcript(&PUSH, &output));
    assert_eq!((place.images(), place.spaces.names().len()), (0, 0));
}

#[test]
fn ctrl_c_while_it_is_sent_leaves_nothing() {
    let place = Place::new(40);
    place.spaces.fail("PUT ", 1, Trouble::ResetBefore);
    place.spaces.fail("PUT ", usize::MAX, Trouble::Instead(503, "SlowDown"));
    let child = place.start(&["--no-check"]);
    Place::until("a part that is sent again", || place.spaces.count("PUT ") > 1);
    assert_eq!(place.spaces.names().len(), 1, "parts of an object");
    interrupt(&child);
    let output = place.end(child);
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!((place.images(), place.spaces.names().len()), (0, 0));
}

/// Nothing can be done then; the next run goes on with the image, and removes what was left.
#[test]
fn a_run_that_was_killed_is_gone_on_with() {
    let place = Place::new(1);
    place.fake.state().images.at_once = false;
    place.fake.state().images.never = true;
    let mut child = place.start(&["--no-check"]);
    Place::until("an image", || place.images() == 1);
    child.kill().expect("it runs");
    place.end(child);
    assert_eq!(place.spaces.names().len(), 1);
    place.fake.state().images.never = false;
    place.fake.state().images.at_once = true;
    let output = place.push(&["--no-check"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!((place.images(), place.spaces.names().len()), (1, 0));
    assert_eq!(place.fake.count("POST /v2/images"), 1);
}

/// What the check finds ends it, with the report and 6. Where its programs are missing, that is 4.
#[test]
fn an_image_without_a_system_is_not_sent() {
    let place = Place::new(1);
    let mut command = place.command(&PUSH, &[("SPACES_ACCESS_KEY_ID", KEY_ID), ("SPACES_SECRET_ACCESS_KEY", SECRET)]);
    let found = std::env::var_os("PATH").unwrap_or_default();
    let child = command.env("PATH", found).spawn().expect("meshimg starts");
    let output = place.end(child);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(6) => assert!(said.contains("error[partitions::") && said.contains("--no-check"), "{said}"),
        Some(4) => assert!(said.contains("qemu-img") || said.contains("sfdisk"), "{said}"),
        _ => panic!("{output:?}"),
    }
    assert!(place.spaces.store().lines.is_empty() && place.images() == 0);
}
