//! Tests of [`super`].

use super::*;

fn artifacts(files: &[(&str, &str)]) -> Artifacts {
    let artifact = |text: &str| Artifact {
        bytes: text.into(),
        secret: text == "secret",
    };
    Artifacts(files.iter().map(|(name, text)| ((*name).to_owned(), artifact(text))).collect())
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Path and content of everything below `folder`, hidden files included.
fn contents(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if path.is_dir() {
                found.push((name, "folder".to_owned()));
                folders.push(path);
            } else {
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn writes_what_changed_and_nothing_else() {
    let folder = folder();
    let out = folder.path().join("a/b");
    let written = write(&out, &artifacts(&[("h/x", "1"), ("h/y", "2")]), || false).unwrap();
    assert_eq!(written, [out.join("h/x"), out.join("h/y")]);
    let written = write(&out, &artifacts(&[("h/x", "1"), ("h/y", "3")]), || false).unwrap();
    assert_eq!(written, [out.join("h/y")]);
    assert_eq!(contents(&out), pairs(&[("h", "folder"), ("h/x", "1"), ("h/y", "3")]));
}

#[test]
fn a_secret_is_its_owners_alone() {
    let folder = folder();
    write(folder.path(), &artifacts(&[("key", "secret"), ("data", "open")]), || false).unwrap();
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("key"), mode("data")), (0o600, 0o644));
}

/// The second of three files can't be written: the first stays as it was, and nothing new is left.
#[test]
fn a_failure_leaves_all_as_it_was() {
    let folder = folder();
    write(folder.path(), &artifacts(&[("a/x", "old")]), || false).unwrap();
    fs::write(folder.path().join("b"), "in the way").unwrap();
    let error = write(
        folder.path(),
        &artifacts(&[("a/x", "new"), ("a0/x", "new"), ("b/x", "new")]),
        || false,
    )
    .unwrap_err();
    assert!(error.to_string().contains("a file is where a folder should be"), "{error}");
    assert_eq!(
        contents(folder.path()),
        pairs(&[("a", "folder"), ("a/x", "old"), ("b", "in the way")])
    );
}

#[test]
fn an_interruption_leaves_all_as_it_was() {
    let folder = folder();
    write(folder.path(), &artifacts(&[("a/x", "old")]), || false).unwrap();
    let calls = std::cell::Cell::new(0);
    let stop = || calls.replace(calls.get() + 1) == 2;
    let error = write(folder.path(), &artifacts(&[("a/x", "new"), ("b/x", "new"), ("c/x", "new")]), stop).unwrap_err();
    assert_eq!(error.to_string(), "interrupted; all files are as they were");
    assert_eq!(contents(folder.path()), pairs(&[("a", "folder"), ("a/x", "old")]));
}

/// Killed after the contents were on disk and before the first rename: old contents whole, whatever else lies about.
#[test]
fn until_the_rename_the_old_contents_are_there() {
    let folder = folder();
    write(folder.path(), &artifacts(&[("a/x", "old")]), || false).unwrap();
    let mut made = Made::default();
    let pending = prepare(folder.path(), &artifacts(&[("a/x", "new")]), || false, &mut made).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("a/x")).unwrap(), "old");
    assert_eq!(contents(folder.path()).len(), 3, "the temporary file is beside it");
    drop(pending);
    assert_eq!(contents(folder.path()), pairs(&[("a", "folder"), ("a/x", "old")]));
}

#[test]
fn links_do_not_lead_out() {
    let (folder, elsewhere) = (folder(), folder());
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("a")).unwrap();
    let error = write(folder.path(), &artifacts(&[("a/x", "new")]), || false).unwrap_err();
    assert!(matches!(error, WriteError::Escapes { .. }), "{error}");
    assert_eq!(contents(elsewhere.path()), []);
}

#[test]
fn a_pipe_or_a_folder_in_the_place_of_a_file_is_an_error() {
    let folder = folder();
    fs::create_dir_all(folder.path().join("a/x")).unwrap();
    let error = differences(folder.path(), &artifacts(&[("a/x", "new")])).unwrap_err();
    assert!(error.to_string().contains("a folder is where a file should be"), "{error}");
    let _listener = std::os::unix::net::UnixListener::bind(folder.path().join("s")).unwrap();
    let error = write(folder.path(), &artifacts(&[("s", "new")]), || false).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("is neither file nor folder; remove it, or choose another folder"),
        "{error}"
    );
}

#[test]
fn differences_are_diffs() {
    let folder = folder();
    write(
        folder.path(),
        &artifacts(&[("same", "1\n"), ("text", "1\n"), ("data", "\0")]),
        || false,
    )
    .unwrap();
    let found = differences(
        folder.path(),
        &artifacts(&[("same", "1\n"), ("text", "2\n"), ("data", "\0\0"), ("gone", "")]),
    )
    .unwrap();
    let found: Vec<String> = found
        .into_iter()
        .map(|text| text.replace(&folder.path().display().to_string(), "out"))
        .collect();
    assert_eq!(
        found,
        [
            "out/data: 1 bytes differ from the planned 2\n",
            "out/gone: missing\n",
            "--- out/text\n+++ planned\n@@ -1 +1 @@\n-1\n+2\n",
        ]
    );
}
