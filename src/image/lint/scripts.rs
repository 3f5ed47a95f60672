//! Which units a service starts, and waits for, in the scripts that it runs while it starts itself.

use std::collections::BTreeSet;

use super::Command;
use super::boot::service_type;
use super::ifupdown::{self, Interfaces, Stanza};
use super::shell::{self, Call};
use super::unit::{Unit, is_unit};
use crate::image::tree::{Root, file_name};

/// A unit that is started, and waited for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Start {
    /// As it is called there; `.service` is added where it has no kind.
    pub unit: String,
    /// The script or unit file and the line, and what called it, the innermost first.
    pub place: String,
    /// The command.
    pub command: String,
    /// The stanza of interfaces(5) because of which it runs, and its place.
    pub stanza: Option<String>,
    /// Options that a stanza would need for it to run, where none has them.
    pub lacks: Vec<String>,
}

/// How many scripts may call each other.
const DEPTH_MAX: usize = 5;

/// The largest script that is read, bytes; Debian's have less than 100 KiB.
const SCRIPT_MAX: u64 = 512 * 1024;

/// Where programs are looked for that are called by name alone.
const PATH: [&str; 6] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Words of systemctl(1) that start something and wait for it.
const STARTING: [&str; 8] = [
    "start",
    "restart",
    "reload-or-restart",
    "try-restart",
    "condrestart",
    "try-reload-or-restart",
    "force-reload",
    "isolate",
];

/// What `unit`, a service, starts and waits for before it counts as started itself.
/// `commands`: what user-data has it run besides.
pub fn starts(root: Root<'_>, interfaces: &Interfaces, unit: &Unit, commands: &[&Command]) -> Vec<Start> {
    let mut walk = Walk {
        root,
        interfaces,
        excluded: excluded(root, unit),
        found: Vec::new(),
        seen: BTreeSet::new(),
    };
    let mut keys = vec!["ExecCondition", "ExecStartPre"];
    // A simple service counts as started when its process runs, whatever it then waits for (systemd.service(5), Type=).
    if !["simple", "exec", "idle"].contains(&service_type(unit)) {
        keys.push("ExecStart");
    }
    keys.push("ExecStartPost");
    for key in keys {
        for setting in unit.all("Service", key) {
            let words = exec_words(&unit.expand(&setting.value));
            walk.command(&words, &Via::new(format!("{key}= in {}", setting.file)));
        }
    }
    for command in commands {
        walk.command(&command.words, &Via::new(format!("{} of the user-data", command.stage.key())));
    }
    // The shortest way to a call first: a hook may call ifup, which runs the hook.
    walk.found
        .sort_by_cached_key(|start| (start.lacks.len(), start.place.len(), start.clone()));
    walk.found.dedup();
    walk.found
}

/// EXCLUDE_INTERFACES as the unit sets it, by itself or by its files.
fn excluded(root: Root<'_>, unit: &Unit) -> Vec<String> {
    let mut value = String::new();
    for file in unit.all("Service", "EnvironmentFile") {
        let text = root.text_or_empty(file.value.trim_start_matches('-'));
        let mut set = text.lines().filter_map(|line| line.trim().strip_prefix("EXCLUDE_INTERFACES="));
        value = set.next_back().map_or(value, |set| set.trim_matches(['"', '\'']).to_owned());
    }
    for setting in unit.all("Service", "Environment") {
        for word in exec_words(&setting.value) {
            if let Some(set) = word.strip_prefix("EXCLUDE_INTERFACES=") {
                // What files say wins over Environment= (systemd.exec(5)).
                if value.is_empty() {
                    value = set.to_owned();
                }
            }
        }
    }
    value.split_whitespace().map(str::to_owned).collect()
}

/// The words of a command line in a unit, without the prefixes of its program (systemd.service(5), "Command lines").
fn exec_words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', _) => word.get_or_insert_default().extend(characters.next()),
            (mark, Some(open)) if mark == open => quote = None,
            (other, Some(_)) => word.get_or_insert_default().push(other),
            (mark @ ('"' | '\''), None) => {
                word.get_or_insert_default();
                quote = Some(mark);
            }
            (blank, None) if blank.is_whitespace() => words.extend(word.take()),
            (other, None) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    if let Some(program) = words.first_mut() {
        *program = program.trim_start_matches(['@', '-', ':', '+', '!', '|']).to_owned();
    }
    words
}

/// How a command was come to.
#[derive(Clone)]
struct Via {
    place: String,
    stanza: Option<String>,
    lacks: Vec<String>,
    depth: usize,
}

impl Via {
    fn new(place: String) -> Self {
        Self {
            place,
            stanza: None,
            lacks: Vec::new(),
            depth: DEPTH_MAX,
        }
    }
}

struct Walk<'a> {
    root: Root<'a>,
    interfaces: &'a Interfaces,
    excluded: Vec<String>,
    found: Vec<Start>,
    seen: BTreeSet<String>,
}

impl Walk<'_> {
    fn command(&mut self, words: &[String], via: &Via) {
        let Some((program, arguments)) = bare(words) else { return };
        let command = words.join(" ");
        let action = arguments.get(1).map(String::as_str);
        match file_name(program) {
            "systemctl" => self.systemctl(arguments, &command, via),
            "service" | "invoke-rc.d" => {
                let mut names = arguments.iter().filter(|word| !word.starts_with('-'));
                if let (Some(name), Some(action)) = (names.next(), names.next()) {
                    self.start(name, action, &command, via);
                }
            }
            "deb-systemd-invoke" => self.systemctl(arguments, &command, via),
            "sh" | "dash" | "bash" => self.shell(arguments, via),
            "." | "source" => {
                if let Some(path) = arguments.first() {
                    self.script(path, via);
                }
            }
            "run-parts" => {
                for folder in arguments.iter().filter(|word| word.starts_with('/')) {
                    for name in self.root.names(folder) {
                        self.script(&format!("{folder}/{name}"), via);
                    }
                }
            }
            "ifup" => self.ifup(arguments, via),
            name if program.starts_with("/etc/init.d/") => {
                if let Some(action) = arguments.first().map(String::as_str).or(action) {
                    self.start(name, action, &command, via);
                }
            }
            _ if program.starts_with('/') => self.script(program, via),
            _ => {
                let found = PATH
                    .iter()
                    .map(|folder| format!("{folder}/{program}"))
                    .find(|path| self.root.is_file(path));
                if let Some(path) = found {
                    self.script(&path, via);
                }
            }
        }
    }

    fn systemctl(&mut self, arguments: &[String], command: &str, via: &Via) {
        let mut words: Vec<&str> = Vec::new();
        let mut is_now = false;
        let mut arguments = arguments.iter().map(String::as_str);
        while let Some(word) = arguments.next() {
            match word {
                // Nothing waits, or another manager, machine or order is meant.
                "--no-block" | "--user" | "--global" | "--job-mode=ignore-dependencies" | "-H" | "-M" => return,
                _ if ["--host", "--machine", "--root"].iter().any(|option| word.starts_with(option)) => return,
                "-t" | "-p" | "-n" | "-o" | "-s" | "--job-mode" => drop(arguments.next()),
                "--now" => is_now = true,
                _ if word.starts_with('-') => {}
                _ => words.push(word),
            }
        }
        let Some((verb, names)) = words.split_first() else { return };
        let verb = if is_now && ["enable", "reenable", "unmask"].contains(verb) {
            "start"
        } else {
            verb
        };
        for name in names {
            self.start(name, verb, command, via);
        }
    }

    fn start(&mut self, name: &str, verb: &str, command: &str, via: &Via) {
        // A name that only the running script knows.
        if !STARTING.contains(&verb) || name.contains(['$', '*', '"']) {
            return;
        }
        let unit = if is_unit(name) {
            name.to_owned()
        } else {
            format!("{name}.service")
        };
        self.found.push(Start {
            unit,
            place: via.place.clone(),
            command: command.to_owned(),
            stanza: via.stanza.clone(),
            lacks: via.lacks.clone(),
        });
    }

    fn shell(&mut self, arguments: &[String], via: &Via) {
        let mut arguments = arguments.iter();
        while let Some(word) = arguments.next() {
            match word.as_str() {
                flags if flags.starts_with('-') && !flags.starts_with("--") && flags.ends_with('c') => {
                    if let Some(text) = arguments.next() {
                        self.text(text, None, via);
                    }
                    return;
                }
                "-o" => drop(arguments.next()),
                flags if flags.starts_with('-') => {}
                path => return self.script(path, via),
            }
        }
    }

    /// A file, if it is a shell script.
    fn script(&mut self, path: &str, via: &Via) {
        // Once in each surroundings: a hook for a stanza of its own kind, and without.
        let key = format!("{path} {:?} {:?}", via.stanza, via.lacks);
        if via.depth == 0 || !path.starts_with('/') || !self.seen.insert(key) {
            return;
        }
        // Programs are read by nobody here, and some have many megabytes.
        let is_small = self.root.entry(path).is_some_and(|entry| entry.size <= SCRIPT_MAX);
        if !is_small {
            return;
        }
        let Some(text) = self.root.text(path) else { return };
        let first = text.lines().next().unwrap_or_default();
        let is_sourced = !first.starts_with("#!") && !text.contains('\0');
        let interpreter = first.trim_start_matches("#!").split_whitespace().map(file_name);
        if is_sourced || interpreter.take(2).any(|name| ["sh", "dash", "bash"].contains(&name)) {
            self.text(&text, Some(path), via);
        }
    }

    /// The text of a script, in the file `path` or in the line that called it.
    fn text(&mut self, text: &str, path: Option<&str>, via: &Via) {
        for call in shell::calls(text) {
            if call.in_background {
                continue;
            }
            let via = self.deeper(&call, path, via);
            self.command(&call.words, &via);
        }
    }

    fn deeper(&self, call: &Call, path: Option<&str>, via: &Via) -> Via {
        let place = match path {
            Some(path) => format!("{path}:{} (by {})", call.line, via.place),
            None => via.place.clone(),
        };
        let mut lacks = via.lacks.clone();
        if via.stanza.is_none() {
            lacks.extend(call.needs.iter().filter(|name| !via.lacks.contains(name)).cloned());
        }
        Via {
            place,
            stanza: via.stanza.clone(),
            lacks,
            depth: via.depth.saturating_sub(1),
        }
    }

    /// What ifup runs: the hooks for each stanza it brings up, and the commands in the stanzas.
    fn ifup(&mut self, arguments: &[String], via: &Via) {
        if via.depth == 0 {
            return;
        }
        let interfaces = self.interfaces;
        let stanzas = ifupdown::brought_up(interfaces, arguments, &self.excluded);
        for stanza in &stanzas {
            for option in stanza
                .options
                .iter()
                .filter(|option| ["pre-up", "up", "post-up"].contains(&option.key.as_str()))
            {
                let mut inner = via.clone();
                inner.place = format!("{}:{} (by {})", stanza.file, option.line, via.place);
                inner.stanza = Some(shown(stanza));
                inner.depth -= 1;
                self.text(&option.value, None, &inner);
            }
        }
        for hook in ifupdown::hooks(self.root) {
            self.hook(&hook, &stanzas, via);
        }
    }

    /// A hook runs for every interface; one that ends early without some option, in earnest for stanzas that have it.
    fn hook(&mut self, hook: &str, stanzas: &[&Stanza], via: &Via) {
        let before = self.found.len();
        self.script(hook, via);
        for start in &mut self.found[before..] {
            let own: Vec<String> = start.lacks.iter().filter(|name| !via.lacks.contains(name)).cloned().collect();
            if own.is_empty() {
                continue;
            }
            let interested = stanzas.iter().find(|stanza| own.iter().all(|name| stanza.sets(name)));
            if let Some(stanza) = interested {
                start.lacks.retain(|name| via.lacks.contains(name));
                start.stanza = Some(shown(stanza));
            }
        }
    }
}

fn shown(stanza: &Stanza) -> String {
    format!("{} in {}:{}", stanza.name, stanza.file, stanza.line)
}

/// The program and its arguments, without what only runs it: `exec`, `env X=y`, `timeout 5`.
fn bare(words: &[String]) -> Option<(&str, &[String])> {
    let mut words = words;
    loop {
        let (first, rest) = words.split_first()?;
        let skip = match file_name(first) {
            "exec" | "command" | "nohup" | "eval" | "sudo" | "nice" | "setsid" | "ionice" => 0,
            "timeout" => rest.iter().take_while(|word| word.starts_with('-')).count() + 1,
            "env" => rest.iter().take_while(|word| word.starts_with('-') || word.contains('=')).count(),
            _ => return Some((first, rest)),
        };
        words = rest.get(skip..)?;
    }
}

#[cfg(test)]
#[path = "scripts_tests.rs"]
mod tests;
