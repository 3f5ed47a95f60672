//! Every file in Nix, static and generated: it parses, is laid out as nixfmt does, and nothing in it is unused.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use meshimg::render::MODULES;

use super::{example, examples, project, read, written};

/// Files below `folder` whose names end in `ending`, by their paths in the project.
fn below(folder: &str, ending: &str, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(project(folder)).unwrap_or_else(|error| panic!("{folder}: {error}")) {
        let entry = entry.expect("an entry");
        let name = format!("{folder}/{}", entry.file_name().display());
        match entry.path().is_dir() {
            true => below(&name, ending, found),
            false if name.ends_with(ending) => {
                found.insert(name, std::fs::read_to_string(entry.path()).expect("text"));
            }
            false => {}
        }
    }
}

/// All that is Nix: static files, and those of each example.
fn all() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for folder in ["modules", "nixos", "tests/nix", "vm-tests/nixos"] {
        below(folder, ".nix", &mut files);
    }
    files.insert(
        "flake.nix".to_owned(),
        std::fs::read_to_string(project("flake.nix")).expect("the project's flake"),
    );
    for example_name in examples() {
        for (name, text) in written(&example(&example_name)) {
            if name.ends_with(".nix") && !name.starts_with("meshimg/") {
                files.insert(format!("{example_name}/{name}"), text);
            }
        }
    }
    assert!(files.len() >= 40, "only {} files", files.len());
    files
}

#[test]
fn they_parse_and_are_formatted() {
    for (name, text) in all() {
        read::root(&name, &text);
        let formatted = nixfmt_rs::format(&text).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let difference = similar::TextDiff::from_lines(&text, &formatted).unified_diff().to_string();
        assert!(text == formatted, "{name} is not as nixfmt has it:\n{difference}");
    }
}

fn dead(text: &str) -> Vec<String> {
    let settings = deadnix::Settings {
        no_lambda_arg: false,
        no_lambda_pattern_names: true,
        no_underscore: true,
        warn_used_underscore: false,
    };
    let found = settings.find_dead_code(&deadnix_rnix::Root::parse(text).syntax());
    found.iter().map(|dead| dead.binding.name.to_string()).collect()
}

#[test]
fn nothing_in_them_is_unused() {
    assert_eq!(dead("let a = 1; b = 2; in a"), ["b"]);
    for (name, text) in all() {
        assert_eq!(dead(&text), Vec::<String>::new(), "{name}");
    }
}

/// The modules that meshimg writes are those in `modules/`, all of them.
#[test]
fn the_modules_are_embedded() {
    let mut files = BTreeMap::new();
    below("modules", "", &mut files);
    let files: Vec<(String, String)> = files.into_iter().filter(|(name, _)| !name.contains("__pycache__")).collect();
    let embedded: Vec<(String, String)> = MODULES
        .iter()
        .map(|(name, text)| (format!("modules/{name}"), (*text).to_owned()))
        .collect();
    assert_eq!(files, embedded);
}

/// A program of the tier `nix`; `None` when it is missing and need not be there.
pub fn program(name: &str) -> Option<Command> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(name).is_file()) {
        return Some(Command::new(name));
    }
    let required = std::env::var("MESHIMG_REQUIRE").is_ok_and(|tiers| tiers.split(',').any(|tier| tier == "nix"));
    assert!(
        !required,
        "MESHIMG_REQUIRE wants nix, and {name} is not installed: apt-get install nix-bin"
    );
    eprintln!("skipped: {name} is not installed");
    None
}

/// The project's and the generated files, in a folder of their own.
fn on_disk(files: &BTreeMap<String, String>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    folder
}

#[test]
fn nix_itself_parses_them() {
    let files = all();
    let folder = on_disk(&files);
    let Some(mut command) = program("nix-instantiate") else {
        return;
    };
    let output = command
        .arg("--parse")
        .args(files.keys())
        .current_dir(folder.path())
        .output()
        .expect("nix-instantiate starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let broken = Command::new("nix-instantiate")
        .args(["--parse", "-E", "{ a = ; }"])
        .output()
        .expect("nix-instantiate starts");
    assert!(!broken.status.success(), "nix-instantiate takes everything");
}

/// What the VM tests run is Python, and uses no function that is not there.
#[test]
fn the_vm_tests_are_python() {
    let library = std::fs::read_to_string(project("modules/vm_test.py")).expect("the functions of the VM tests");
    let mut scripts = BTreeMap::new();
    below("vm-tests/nixos", ".py", &mut scripts);
    assert_eq!(scripts.len(), 4, "{:?}", scripts.keys());
    for (name, script) in &scripts {
        let nix = std::fs::read_to_string(project(&name.replace(".py", ".nix"))).unwrap_or_else(|error| panic!("{name}: {error}"));
        let file = name.rsplit('/').next().unwrap_or_default();
        assert!(
            nix.contains(&format!("script = builtins.readFile ./{file};")),
            "{name}: who runs it?"
        );
        python(name, &format!("{library}\nMTU = 1462\n{script}"));
    }
    let broken = check_python("print(undefined_name)\n");
    assert!(!broken.status.success(), "a name that is nowhere is no mistake");
}

/// Compiles `script`, and looks for names that nothing defines: neither the script, nor Python, nor the driver of NixOS's tests.
const CHECK: &str = r#"
import ast, builtins, sys
tree = ast.parse(sys.stdin.read())
compile(tree, "script", "exec")
known = set(dir(builtins)) | {"machines", "start_all", "subtest", "host1", "host2", "host3", "MTU"}
for node in ast.walk(tree):
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        known.add(node.name)
        known.update(a.arg for a in getattr(node, "args", ast.arguments([], [], None, [], [], None, [])).args)
    elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        known.add(node.id)
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        known.update((a.asname or a.name).split(".")[0] for a in node.names)
unknown = sorted({n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id not in known})
if unknown:
    sys.exit("not defined anywhere: " + ", ".join(unknown))
"#;

fn check_python(script: &str) -> std::process::Output {
    assert_cmd::Command::new("python3")
        .args(["-c", CHECK])
        .write_stdin(script)
        .output()
        .expect("python3 starts")
}

fn python(name: &str, script: &str) {
    let output = check_python(script);
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
}
