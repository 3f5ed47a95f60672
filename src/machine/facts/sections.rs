//! The output of gather.sh, cut into its sections.

use std::collections::BTreeMap;

/// What one command said.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// Exit status; 127: not installed, 124: did not end in time (timeout(1)).
    pub status: i32,
    pub output: String,
    pub errors: String,
}

/// Sections by name.
#[derive(Debug, Default)]
pub struct Sections(pub BTreeMap<String, Section>);

impl Sections {
    /// Never fails: what is no part of a section is passed over.
    pub fn parse(text: &str) -> Self {
        let mut sections = BTreeMap::new();
        let mut current: Option<(String, Section)> = None;
        for line in text.lines() {
            if let Some((name, status)) = header(line) {
                sections.extend(current.take());
                current = Some((
                    name,
                    Section {
                        status,
                        ..Section::default()
                    },
                ));
            } else if let Some((_, section)) = &mut current {
                if let Some(rest) = line.strip_prefix(' ') {
                    section.output.push_str(rest);
                    section.output.push('\n');
                } else if let Some(rest) = line.strip_prefix('!') {
                    section.errors.push_str(rest);
                    section.errors.push('\n');
                }
            }
        }
        sections.extend(current);
        Self(sections)
    }

    /// The section, whatever its status.
    ///
    /// # Errors
    /// That it was not asked for, or the host did not get so far.
    pub fn get(&self, name: &str) -> Result<&Section, String> {
        self.0.get(name).ok_or_else(|| format!("{name}: not asked for"))
    }

    /// The output of a command that succeeded.
    ///
    /// # Errors
    /// What the command said on stderr.
    pub fn text(&self, name: &str) -> Result<&str, String> {
        let section = self.get(name)?;
        match (section.status, section.errors.trim()) {
            (0, _) => Ok(&section.output),
            (124, _) => Err(format!("{name}: no answer in time")),
            (status, "") => Err(format!("{name}: status {status}")),
            (_, errors) => Err(errors.to_owned()),
        }
    }
}

fn header(line: &str) -> Option<(String, i32)> {
    let (name, status) = line.strip_prefix('[')?.strip_suffix(']')?.rsplit_once(' ')?;
    Some((name.to_owned(), status.parse().ok()?))
}
