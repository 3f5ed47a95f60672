//! interfaces(5) and what ifup(8) makes of it: which stanzas a call brings up, and what it runs for them.

use std::collections::BTreeSet;

use crate::image::tree::Root;

/// One `iface` stanza.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    pub name: String,
    pub file: String,
    /// From 1.
    pub line: usize,
    pub options: Vec<Setting>,
}

/// An option of a stanza.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub key: String,
    pub value: String,
    pub line: usize,
}

/// What the files say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interfaces {
    pub stanzas: Vec<Stanza>,
    /// Class (`auto`, `hotplug`) and physical name, and the stanza it stands for.
    pub classes: Vec<(String, String, String)>,
}

/// How deep files may include others.
const DEPTH_MAX: usize = 8;

/// Reads /etc/network/interfaces and what it includes.
pub fn read(root: Root<'_>) -> Interfaces {
    let mut interfaces = Interfaces::default();
    read_file(root, "/etc/network/interfaces", DEPTH_MAX, &mut interfaces);
    interfaces
}

fn read_file(root: Root<'_>, file: &str, depth: usize, interfaces: &mut Interfaces) {
    let Some(text) = root.text(file).filter(|_| depth > 0) else {
        return;
    };
    let mut is_stanza = false;
    let mut half = String::new();
    for (number, line) in text.lines().enumerate() {
        if half.is_empty() && line.trim_start().starts_with('#') {
            continue;
        }
        if let Some(begun) = line.strip_suffix('\\') {
            half = half + begun + " ";
            continue;
        }
        let line = std::mem::take(&mut half) + line;
        let (key, value) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
        let value = value.trim();
        let words = || value.split_whitespace();
        match key {
            "" => {}
            "source" | "source-directory" => {
                is_stanza = false;
                let folder = if key == "source" { value.to_owned() } else { format!("{value}/*") };
                for included in glob(root, &absolute(&folder)) {
                    read_file(root, &included, depth - 1, interfaces);
                }
            }
            "iface" => {
                is_stanza = true;
                interfaces.stanzas.push(Stanza {
                    name: words().next().unwrap_or_default().to_owned(),
                    file: file.to_owned(),
                    line: number + 1,
                    options: Vec::new(),
                });
            }
            "mapping" | "template" | "rename" | "no-auto-down" | "no-scripts" => is_stanza = false,
            _ if key == "auto" || key.starts_with("allow-") => {
                is_stanza = false;
                let class = key.trim_start_matches("allow-");
                for name in words() {
                    let (physical, logical) = name.split_once('=').unwrap_or((name, name));
                    interfaces.classes.push((class.to_owned(), physical.to_owned(), logical.to_owned()));
                }
            }
            _ if is_stanza => {
                let setting = Setting {
                    key: key.to_owned(),
                    value: value.to_owned(),
                    line: number + 1,
                };
                interfaces
                    .stanzas
                    .last_mut()
                    .into_iter()
                    .for_each(|stanza| stanza.options.push(setting.clone()));
            }
            _ => {}
        }
    }
}

fn absolute(path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/etc/network/{path}")
    }
}

/// Files that a pattern means whose last part may have `*`; a folder means the files in it.
fn glob(root: Root<'_>, pattern: &str) -> Vec<String> {
    let Some((folder, last)) = pattern.rsplit_once('/') else {
        return Vec::new();
    };
    let names = root
        .names(folder)
        .into_iter()
        .filter(|name| !name.starts_with('.') && matches(last, name));
    names
        .map(|name| format!("{folder}/{name}"))
        .filter(|path| root.is_file(path))
        .collect()
}

/// Whether `name` is what `pattern` means; `*` is anything.
pub fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => match name.strip_prefix(before) {
            None => false,
            Some(rest) => (0..=rest.len())
                .filter(|at| rest.is_char_boundary(*at))
                .any(|at| matches(after, &rest[at..])),
        },
    }
}

/// The stanzas that `ifup` with these arguments brings up. `excluded`: patterns of EXCLUDE_INTERFACES, which count with
/// --read-environment. A name that only the shell knows may be any.
pub fn brought_up<'a>(interfaces: &'a Interfaces, arguments: &[String], excluded: &[String]) -> Vec<&'a Stanza> {
    let mut classes: Vec<&str> = Vec::new();
    let mut skipped: Vec<&str> = Vec::new();
    let (mut all, mut environment) = (false, false);
    let mut names: Vec<&str> = Vec::new();
    let mut arguments = arguments.iter().map(String::as_str);
    while let Some(argument) = arguments.next() {
        match argument {
            "-a" | "--all" => all = true,
            "--read-environment" => environment = true,
            "--allow" => classes.extend(arguments.next()),
            "-X" | "--exclude" => skipped.extend(arguments.next()),
            "-i" | "--interfaces" | "--state-dir" => drop(arguments.next()),
            _ => match argument.split_once('=') {
                Some(("--allow", class)) => classes.push(class),
                Some(("--exclude", pattern)) => skipped.push(pattern),
                _ if argument.starts_with('-') => {}
                _ => names.push(argument),
            },
        }
    }
    if environment {
        skipped.extend(excluded.iter().map(String::as_str));
    }
    if classes.is_empty() {
        classes.push("auto");
    }
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    if all {
        let of_class = interfaces.classes.iter().filter(|(class, ..)| classes.contains(&class.as_str()));
        let of_class = of_class.filter(|(_, physical, _)| !skipped.iter().any(|pattern| matches(pattern, physical)));
        wanted.extend(of_class.map(|(_, _, logical)| logical.as_str()));
    }
    let any = names.iter().any(|name| name.contains('$'));
    wanted.extend(names.iter().map(|name| name.split_once('=').map_or(*name, |(_, logical)| logical)));
    let is_wanted = |stanza: &&Stanza| any || wanted.iter().any(|name| matches(name, &stanza.name));
    interfaces.stanzas.iter().filter(is_wanted).collect()
}

impl Stanza {
    /// Whether it sets the option that hooks see as the variable `name`, such as IF_OVS_TYPE.
    pub fn sets(&self, name: &str) -> bool {
        let wanted = name.trim_start_matches("IF_").to_ascii_lowercase();
        self.options
            .iter()
            .any(|option| option.key.to_ascii_lowercase().replace('-', "_") == wanted)
    }
}

/// The hooks that run when an interface comes up: run-parts(8) takes names of letters, digits, `_` and `-`.
pub fn hooks(root: Root<'_>) -> Vec<String> {
    let folders = ["/etc/network/if-pre-up.d", "/etc/network/if-up.d"];
    let is_name = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    let paths = folders.iter().flat_map(|folder| {
        root.names(folder)
            .into_iter()
            .filter(is_name)
            .map(move |name| format!("{folder}/{name}"))
    });
    paths
        .filter(|path| root.entry(path).is_some_and(|entry| entry.mode & 0o111 != 0))
        .collect()
}

#[cfg(test)]
#[path = "ifupdown_tests.rs"]
mod tests;
