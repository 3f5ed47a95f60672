//! One bad file per code, `tests/bad-input/<code with dashes>.yaml`, and a snapshot of all that is said about it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::spec::{Code, Diagnostic, Severity, load_with_lock, render_with_lock};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad-input")
}

fn file_of(code: Code) -> String {
    format!("{}.yaml", code.as_str().replace("::", "-"))
}

/// The lock beside the file of a code, where there is one.
fn lock_of(code: Code) -> Option<Vec<u8>> {
    std::fs::read(folder().join(file_of(code).replace(".yaml", ".lock.yaml"))).ok()
}

/// The content of the file of a code; the one too large to keep is made here.
fn content(code: Code) -> Vec<u8> {
    match code {
        Code::FileTooLarge => "# padding\n".repeat(1024 * 1024).into_bytes(),
        _ => std::fs::read(folder().join(file_of(code))).unwrap_or_else(|error| panic!("{}: {error}", file_of(code))),
    }
}

fn problems(code: Code) -> Vec<Diagnostic> {
    load_with_lock(&content(code), lock_of(code).as_deref()).map_or_else(|problems| problems, |(_, warnings)| warnings)
}

#[test]
fn every_code_has_a_file_that_gives_it() {
    let mut failures = Vec::new();
    for &code in Code::ALL {
        let found = problems(code);
        if !found.iter().any(|problem| problem.code == code) {
            failures.push(format!(
                "{code}: found {:?}",
                found.iter().map(|problem| problem.code.as_str()).collect::<Vec<_>>()
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_file_belongs_to_a_code() {
    let known: BTreeSet<String> = Code::ALL.iter().map(|code| file_of(*code)).collect();
    let entries = std::fs::read_dir(folder()).expect("the folder is there");
    let files = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name of UTF-8"));
    let strangers: Vec<String> = files.filter(|name| !known.contains(&name.replace(".lock.yaml", ".yaml"))).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}

#[test]
fn codes_are_unique_and_well_formed() {
    let texts: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(texts.len(), Code::ALL.len());
    for text in texts {
        let (area, problem) = text.split_once("::").expect("area::problem");
        assert!(
            [area, problem]
                .iter()
                .all(|part| part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')),
            "{text}"
        );
    }
}

/// A file that is refused has an error; one that is not has warnings only. All say where and what helps.
#[test]
fn every_problem_says_where_and_what_helps() {
    for &code in Code::ALL {
        let found = problems(code);
        assert_eq!(
            load_with_lock(&content(code), lock_of(code).as_deref()).is_err(),
            found.iter().any(|problem| problem.severity == Severity::Error),
            "{code}"
        );
        for problem in found {
            assert!(
                problem.line >= 1 && problem.column >= 1 && !problem.message.is_empty() && !problem.help.is_empty(),
                "{problem:?}"
            );
        }
    }
}

#[test]
fn rendered() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/bad-input");
    settings.set_snapshot_path(folder);
    let _guard = settings.bind_to_scope();
    for &code in Code::ALL {
        let (bytes, lock) = (content(code), lock_of(code));
        let lock = lock.as_deref().map(|bytes| ("cluster.lock.yaml", bytes));
        insta::assert_snapshot!(
            code.as_str().replace("::", "-"),
            render_with_lock("cluster.yaml", &bytes, lock, &problems(code), false)
        );
    }
}
