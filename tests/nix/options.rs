//! The reference of the modules' options, docs/nixos-options.md, made from the modules' text. `MESHIMG_UPDATE=1` writes it anew.

use std::collections::BTreeMap;

use meshimg::render::MODULES;
use rnix::ast::{self, Expr, HasEntry};
use rowan::ast::AstNode;

use super::{project, read};

const INTRODUCTION: &str = "\
# Options of services.meshimg

Made from `modules/`; `MESHIMG_UPDATE=1 cargo test --test nix` writes it. `meshimg nixos` sets what a cluster needs: [nixos.md](nixos.md).
";

/// The arguments of one mkOption, as text: type, default, example, description.
type Option_ = BTreeMap<String, Expr>;

/// Every option of a module by its name, `<name>` for what the user names.
fn options(file: &str, text: &str) -> Vec<(String, Option_)> {
    let root = read::root(file, text);
    let mut found = Vec::new();
    for node in root.syntax().descendants() {
        let Some(call) = ast::Apply::cast(node) else { continue };
        let is_option = call.lambda().is_some_and(|function| function.to_string() == "mkOption");
        let (true, Some(Expr::AttrSet(arguments))) = (is_option, call.argument()) else {
            continue;
        };
        let fields = arguments.attrpath_values().map(|field| {
            let name = read::path(&field.attrpath().expect("a name")).join(".");
            (name, field.value().expect("a value"))
        });
        found.push((name(&call), fields.collect()));
    }
    found
}

/// The names on the way from the file's start to a call of mkOption.
fn name(call: &ast::Apply) -> String {
    let mut parts: Vec<Vec<String>> = call
        .syntax()
        .ancestors()
        .filter_map(ast::AttrpathValue::cast)
        .map(|field| read::path(&field.attrpath().expect("a name")))
        .collect();
    parts.reverse();
    let path = parts.concat().join(".");
    path.trim_start_matches("options.").replace(".type.options.", ".<name>.")
}

/// An expression on one line, without what every module calls the same.
fn line(expression: &Expr) -> String {
    let words: Vec<String> = expression.to_string().split_whitespace().map(str::to_owned).collect();
    words.join(" ").replace("meshimg.types.", "").replace("types.", "")
}

fn type_of(expression: &Expr) -> String {
    let text = line(expression);
    match text.split_once(" (submodule") {
        Some((outer, _)) => format!("{outer} (submodule)"),
        None => text,
    }
}

/// The text of an option's default or example: the code within `lib.literalExpression`.
fn code(expression: &Expr) -> String {
    if let Expr::Apply(call) = expression
        && let (Some(function), Some(Expr::Str(text))) = (call.lambda(), call.argument())
        && function.to_string() == "lib.literalExpression"
    {
        return read::text(&text);
    }
    line(expression)
}

fn reference() -> String {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (file, text) in MODULES.iter().filter(|(file, _)| file.ends_with(".nix")) {
        for (name, option) in options(file, text) {
            let get = |key: &str| option.get(key).unwrap_or_else(|| panic!("modules/{file}: {name} has no {key}"));
            let Expr::Str(description) = get("description") else {
                panic!("modules/{file}: the description of {name} is no text")
            };
            let description = read::text(description);
            assert!(
                description.ends_with('.'),
                "modules/{file}: the description of {name} is no sentence"
            );
            let default = code(option.get("defaultText").unwrap_or_else(|| get("default")));
            let entry = format!(
                "\n## `{name}`\n\n{description}\n\n- Type: `{}`\n- Default: `{default}`\n- Example: `{}`\n- In: `modules/{file}`\n",
                type_of(get("type")),
                code(get("example"))
            );
            assert!(all.insert(name.clone(), entry).is_none(), "{name} is there twice");
        }
    }
    assert!(all.len() >= 40, "only {} options", all.len());
    assert!(all.keys().all(|name| name.starts_with("services.meshimg.")), "{:?}", all.keys());
    INTRODUCTION.to_owned() + &all.into_values().collect::<String>()
}

#[test]
fn the_reference_is_what_the_modules_say() {
    let path = project("docs/nixos-options.md");
    let wanted = reference();
    if std::env::var_os("MESHIMG_UPDATE").is_some() {
        std::fs::write(&path, &wanted).expect("the reference can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/nixos-options.md is not up to date: `MESHIMG_UPDATE=1 cargo test --test nix` writes it"
    );
}

/// What generated hosts set are options that there are.
#[test]
fn hosts_set_options_that_there_are() {
    let mut names = Vec::new();
    for (file, text) in MODULES.iter().filter(|(file, _)| file.ends_with(".nix")) {
        names.extend(options(file, text).into_iter().map(|(name, _)| name));
    }
    let is_option = |path: &str| names.iter().any(|name| name == path);
    let mut checked = 0;
    for example in super::examples() {
        for (file, text) in super::written(&super::example(&example)) {
            if !file.starts_with("hosts/") {
                continue;
            }
            let whole = read::data(&file, &text);
            let mut todo = vec![("services.meshimg".to_owned(), &whole["services"]["meshimg"])];
            while let Some((path, value)) = todo.pop() {
                let is_named = path.ends_with(".peers") || path.ends_with(".links");
                match value.as_object() {
                    // What is below is the user's own, such as Docker's settings.
                    Some(fields) if is_named || !is_option(&path) => {
                        for (key, inner) in fields {
                            let key = if is_named { "<name>" } else { key.as_str() };
                            todo.push((format!("{path}.{key}"), inner));
                        }
                    }
                    _ => {
                        assert!(is_option(&path), "{example}/{file}: {path} is no option");
                        checked += 1;
                    }
                }
            }
        }
    }
    assert!(checked > 100, "{checked}");
}
