//! Unit files as systemd reads them: systemd.syntax(7), systemd.unit(5).

use std::collections::BTreeSet;

/// One unit with its drop-ins, or as much of one as there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit {
    /// `ssh.service`, with its instance if it has one.
    pub name: String,
    /// Section, key, value and the file it is in, in the order in which they apply.
    pub settings: Vec<Setting>,
    /// From its folders `.wants`, `.requires` and `.upholds`.
    pub wanted: BTreeSet<String>,
}

/// One line of a unit file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub section: String,
    pub key: String,
    pub value: String,
    pub file: String,
}

/// The lines of a unit file. Lines that are none are skipped, as systemd does after a warning.
pub fn parse(text: &str, file: &str) -> Vec<Setting> {
    let mut section = String::new();
    let mut settings = Vec::new();
    for line in joined(text) {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((key, value)) = line.split_once('=') {
            settings.push(Setting {
                section: section.clone(),
                key: key.trim().to_owned(),
                value: value.trim().to_owned(),
                file: file.to_owned(),
            });
        }
    }
    settings
}

/// Lines without comments, those that end in a backslash joined with what follows. A comment between two halves is skipped.
fn joined(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let mut whole = open.take().unwrap_or_default();
        match line.strip_suffix('\\') {
            Some(half) => {
                whole += half;
                whole.push(' ');
                open = Some(whole);
            }
            None => lines.push(whole + line),
        }
    }
    lines.extend(open);
    lines
}

impl Unit {
    /// `service`, `target`, `socket` and so on.
    pub fn kind(&self) -> &str {
        kind(&self.name)
    }

    /// What a key says last; none if it is not there or empty.
    pub fn last(&self, section: &str, key: &str) -> Option<&str> {
        let mut all = self
            .settings
            .iter()
            .filter(|setting| setting.section == section && setting.key == key);
        all.next_back()
            .map(|setting| setting.value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// All values of a key since the last empty one, which resets it.
    pub fn all(&self, section: &str, key: &str) -> Vec<&Setting> {
        let mut found = Vec::new();
        for setting in self
            .settings
            .iter()
            .filter(|setting| setting.section == section && setting.key == key)
        {
            match setting.value.as_str() {
                "" => found.clear(),
                _ => found.push(setting),
            }
        }
        found
    }

    /// The names in a list of units such as After=, and the file of each. An empty value resets nothing there (systemd.unit(5)).
    pub fn names(&self, key: &str) -> Vec<(String, &str)> {
        let all = self
            .settings
            .iter()
            .filter(|setting| setting.section == "Unit" && setting.key == key);
        all.flat_map(|setting| {
            setting
                .value
                .split_whitespace()
                .map(|name| (self.expand(name), setting.file.as_str()))
        })
        .collect()
    }

    /// What a key that is yes or no says; `default` if it says nothing.
    pub fn is(&self, section: &str, key: &str, default: bool) -> bool {
        match self.last(section, key) {
            Some(value) => ["1", "yes", "true", "on", "y", "t"].contains(&value.to_ascii_lowercase().as_str()),
            None => default,
        }
    }

    /// A text with the specifiers of names filled in; others stay as they are.
    pub fn expand(&self, text: &str) -> String {
        if !text.contains('%') {
            return text.to_owned();
        }
        let stem = self.name.rsplit_once('.').map_or(self.name.as_str(), |(stem, _)| stem);
        let (prefix, instance) = stem.split_once('@').unwrap_or((stem, ""));
        let mut expanded = String::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match (character, character == '%') {
                (_, true) => match characters.next() {
                    Some('n') => expanded += &self.name,
                    Some('N') => expanded += stem,
                    Some('p' | 'P') => expanded += prefix,
                    Some('i' | 'I') => expanded += instance,
                    Some('%') => expanded.push('%'),
                    Some(other) => {
                        expanded.push('%');
                        expanded.push(other);
                    }
                    None => expanded.push('%'),
                },
                _ => expanded.push(character),
            }
        }
        expanded
    }
}

/// What is behind the last dot of a unit's name.
pub fn kind(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, kind)| kind)
}

/// Whether this is a unit's name, with a kind that has files.
pub fn is_unit(name: &str) -> bool {
    let kinds = [
        "service",
        "target",
        "socket",
        "timer",
        "path",
        "mount",
        "automount",
        "swap",
        "slice",
    ];
    kinds.contains(&kind(name))
}

/// `getty@.service` of `getty@tty1.service`.
pub fn template(name: &str) -> Option<String> {
    let (stem, kind) = name.rsplit_once('.')?;
    let (prefix, instance) = stem.split_once('@')?;
    (!instance.is_empty()).then(|| format!("{prefix}@.{kind}"))
}

#[cfg(test)]
#[path = "unit_tests.rs"]
mod tests;
