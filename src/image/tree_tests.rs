use super::sound::{Files, write};
use super::*;

/// A folder with these files; a text that begins with `-> ` is a link.
pub fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Folder) {
    let files: Files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let folder = tempfile::tempdir().unwrap();
    write(&files, folder.path());
    let tree = Folder(folder.path().to_owned());
    (folder, tree)
}

#[test]
fn links_lead_within_the_tree() {
    let (_folder, tree) = tree(&[
        ("usr/lib/a", "text"),
        ("lib", "-> usr/lib"),
        ("etc/absolute", "-> /lib/a"),
        ("etc/up", "-> ../../../../lib/a"),
        ("etc/outside", "-> /proc/version"),
        ("etc/self", "-> self"),
        ("etc/null", "-> /dev/null"),
    ]);
    let root = Root(&tree);
    for path in ["/lib/a", "/etc/absolute", "/etc/up", "//etc/./absolute"] {
        assert_eq!(root.text(path).as_deref(), Some("text"), "{path}");
        assert_eq!(root.resolve(path).as_deref(), Some("/usr/lib/a"));
    }
    for path in ["/etc/outside", "/etc/self", "/etc/null", "/nothing", "/usr/lib/a/b"] {
        assert_eq!(root.text(path), None, "{path}");
    }
    assert_eq!(root.entry_itself("/etc/null").unwrap().kind, Kind::Link("/dev/null".to_owned()));
    assert_eq!(root.names("/lib"), ["a"]);
}

#[test]
fn files_are_laid_over_a_tree() {
    let (_folder, tree) = tree(&[("etc/a", "old\n"), ("usr/lib/x", ""), ("lib", "-> usr/lib")]);
    let laid = |path: &str, text: &str, append| Laid {
        path: path.to_owned(),
        mode: 0o644,
        bytes: text.into(),
        append,
    };
    let files = [
        laid("/etc/a", "more\n", true),
        laid("/lib/new/b", "new", false),
        laid("/lib/new/b", "er", true),
    ];
    let overlay = Overlay::new(&tree, &files);
    let root = Root(&overlay);
    assert_eq!(root.text("/etc/a").as_deref(), Some("old\nmore\n"));
    assert_eq!(root.text("/usr/lib/new/b").as_deref(), Some("newer"));
    assert_eq!(root.names("/lib"), ["new", "x"]);
    assert_eq!(root.entry("/lib/new").unwrap().kind, Kind::Folder);
}
