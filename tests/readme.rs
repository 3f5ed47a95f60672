//! The README's commands do what it says, and its links lead somewhere.
//!
//! Each ```` ```console ```` block is run, one `$ ` line after the other, in one folder for the whole page; the lines below a command
//! must be what it prints. A block below `<!-- not run: WHY -->` is left alone. `MESHIMG_UPDATE=1` writes the outputs instead.

use std::path::Path;
use std::process::Command;

const OPEN: &str = "```console";
const CLOSE: &str = "```";

/// Runs a command as a user would type it, and gives both of its streams in the order in which they came.
fn output(command: &str, folder: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_meshimg"));
    let path = std::env::var("PATH").unwrap_or_default();
    let result = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{command}")])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", program.parent().unwrap().display()))
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let text = String::from_utf8(result.stdout).unwrap();
    // Tables are padded; editors and Markdown do not keep blanks at the ends of lines.
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// The page with every output as it really is, and how many commands ran.
fn rewritten(page: &str, folder: &Path) -> (String, usize) {
    let (mut text, mut ran) = (String::new(), 0);
    let (mut inside, mut left_alone) = (false, false);
    for line in page.lines() {
        let runs = inside && !left_alone;
        if line == CLOSE && inside {
            (inside, left_alone) = (false, false);
        } else if runs && !line.starts_with("$ ") {
            continue;
        }
        text += line;
        text.push('\n');
        if let (true, Some(command)) = (runs, line.strip_prefix("$ ")) {
            text += &output(command, folder);
            ran += 1;
        }
        inside |= line == OPEN;
        left_alone |= line.starts_with("<!-- not run:");
    }
    (text, ran)
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn commands_print_what_the_readme_says() {
    let path = project().join("README.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (rewritten, ran) = rewritten(&page, folder.path());
    if std::env::var_os("MESHIMG_UPDATE").is_some() {
        std::fs::write(&path, &rewritten).unwrap();
    }
    assert!(ran >= 8, "only {ran} commands ran");
    let page = std::fs::read_to_string(&path).unwrap();
    let difference = similar::TextDiff::from_lines(&page, &rewritten);
    assert!(
        page == rewritten,
        "README.md is not what the commands print; `MESHIMG_UPDATE=1 cargo test --test readme` writes it:\n{}",
        difference.unified_diff().header("README.md", "printed")
    );
}

#[test]
fn a_wrong_output_and_a_block_that_is_not_run_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let page = "```console\n$ echo a; echo b >&2\nwrong\n```\n<!-- not run: no reason -->\n```console\n$ exit 1\nkept\n```\n```console\n$ true\n```\n";
    let right = page.replace("wrong\n", "a\nb\n");
    assert_eq!(rewritten(page, folder.path()), (right, 2));
}

/// The targets of links within the project.
fn links(page: &str) -> impl Iterator<Item = &str> {
    page.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .filter(|target| !target.contains("://") && !target.starts_with('#'))
        .map(|target| target.split('#').next().unwrap_or(target))
}

#[test]
fn links_lead_to_files() {
    let documents = std::fs::read_dir(project().join("docs")).unwrap();
    let mut pages: Vec<_> = documents.map(|entry| entry.unwrap().path()).collect();
    pages.extend(["README.md", "CHANGELOG.md"].map(|name| project().join(name)));
    let mut checked = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            let target = page.parent().unwrap().join(link);
            assert!(target.exists(), "{}: {link} is not there", page.display());
            checked += 1;
        }
    }
    assert!(checked >= 5, "only {checked} links were found");
}
