//! The commands of a shell script, as far as they can be seen without running it: each with its line, its words and whether the script
//! goes on at once. Control flow is not followed; a script that has a command is taken to run it.

/// One simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// From 1.
    pub line: usize,
    /// Quotes taken away. Expansions stay as they are written.
    pub words: Vec<String>,
    /// Followed by `&`, alone or as part of a group.
    pub in_background: bool,
    /// Variables without which the script has ended before: `IF_OVS_TYPE`.
    pub needs: Vec<String>,
}

/// Words after which a new command begins.
const KEYWORDS: [&str; 10] = ["if", "then", "else", "elif", "do", "while", "until", "!", "{", "time"];

/// All commands of `script`, those in `$(...)` too.
pub fn calls(script: &str) -> Vec<Call> {
    let mut reader = Reader {
        characters: script.chars().collect(),
        at: 0,
        line: 1,
        calls: Vec::new(),
        words: Vec::new(),
        word: None,
        word_line: 1,
        groups: Vec::new(),
        documents: Vec::new(),
    };
    reader.read();
    let mut calls = reader.calls;
    guards(&mut calls);
    assignments(&mut calls);
    calls.retain(|call| !call.words.is_empty());
    calls
}

struct Reader {
    characters: Vec<char>,
    at: usize,
    line: usize,
    calls: Vec<Call>,
    words: Vec<String>,
    word: Option<String>,
    word_line: usize,
    /// For each open parenthesis how many calls there were before it.
    groups: Vec<usize>,
    /// Ends of here-documents that begin with the next line, and whether tabs before them are taken away.
    documents: Vec<(String, bool)>,
}

impl Reader {
    fn next(&mut self) -> Option<char> {
        let character = *self.characters.get(self.at)?;
        self.at += 1;
        if character == '\n' {
            self.line += 1;
        }
        Some(character)
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn push(&mut self, character: char) {
        if self.word.is_none() && self.words.is_empty() {
            self.word_line = self.line;
        }
        self.word.get_or_insert_default().push(character);
    }

    fn end_word(&mut self) {
        if let Some(word) = self.word.take() {
            let is_keyword = self.words.is_empty() && KEYWORDS.contains(&word.as_str());
            if !is_keyword {
                self.words.push(word);
            }
        }
    }

    fn end_call(&mut self, in_background: bool) {
        self.end_word();
        if !self.words.is_empty() {
            self.calls.push(Call {
                line: self.word_line,
                words: std::mem::take(&mut self.words),
                in_background,
                needs: Vec::new(),
            });
        }
    }

    fn read(&mut self) {
        while let Some(character) = self.next() {
            match character {
                '\\' => match self.next() {
                    Some('\n') | None => {}
                    Some(other) => self.push(other),
                },
                '\'' => {
                    self.word.get_or_insert_default();
                    while let Some(inner) = self.next().filter(|inner| *inner != '\'') {
                        self.push(inner);
                    }
                }
                '"' => self.double_quoted(),
                '#' if self.word.is_none() => {
                    while self.peek().is_some_and(|next| next != '\n') {
                        self.at += 1;
                    }
                }
                '$' if self.peek() == Some('{') => self.braces(),
                '$' if self.peek() == Some('(') => self.push('$'),
                '(' => {
                    self.end_call(false);
                    self.groups.push(self.calls.len());
                }
                ')' => self.close(),
                '`' | ';' => self.end_call(false),
                '|' => {
                    if self.peek() == Some('|') {
                        self.at += 1;
                    }
                    self.end_call(false);
                }
                '&' => self.ampersand(),
                '<' if self.peek() == Some('<') => self.here_document(),
                '<' | '>' => self.redirection(),
                '\n' => {
                    self.line -= 1;
                    self.end_call(false);
                    self.line += 1;
                    self.skip_documents();
                }
                blank if blank.is_whitespace() => self.end_word(),
                other => self.push(other),
            }
        }
        self.end_call(false);
    }

    /// Up to the closing quote. Commands within, in `$(...)`, count as words.
    fn double_quoted(&mut self) {
        self.word.get_or_insert_default();
        while let Some(inner) = self.next().filter(|inner| *inner != '"') {
            match inner {
                '\\' => match self.next() {
                    Some('\n') | None => {}
                    Some(other) => self.push(other),
                },
                other => self.push(other),
            }
        }
    }

    /// `${...}` as part of a word.
    fn braces(&mut self) {
        self.push('$');
        let mut depth = 0;
        while let Some(inner) = self.next() {
            self.push(inner);
            depth += i32::from(inner == '{') - i32::from(inner == '}');
            if depth == 0 {
                return;
            }
        }
    }

    fn close(&mut self) {
        self.end_call(false);
        let Some(first) = self.groups.pop() else { return };
        while self.peek().is_some_and(|next| next == ' ' || next == '\t') {
            self.at += 1;
        }
        let is_background = self.peek() == Some('&') && self.characters.get(self.at + 1) != Some(&'&');
        if is_background {
            self.calls[first..].iter_mut().for_each(|call| call.in_background = true);
        }
    }

    fn ampersand(&mut self) {
        match self.peek() {
            Some('&') => {
                self.at += 1;
                self.end_call(false);
            }
            // &>file
            Some('>') => {}
            _ => self.end_call(true),
        }
    }

    /// Drops a redirection and its file: `2>/dev/null`, `>&2`, `<file`.
    fn redirection(&mut self) {
        // The number before it belongs to it.
        if self
            .word
            .as_ref()
            .is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_digit()))
        {
            self.word = None;
        }
        self.end_word();
        while self.peek().is_some_and(|next| "<>&| \t".contains(next)) {
            self.at += 1;
        }
        while self.peek().is_some_and(|next| !next.is_whitespace() && !";&|()<>".contains(next)) {
            self.at += 1;
        }
    }

    fn here_document(&mut self) {
        self.at += 1;
        if self.peek() == Some('<') {
            return self.redirection();
        }
        let tabs = self.peek() == Some('-');
        let mut end = String::new();
        while let Some(next) = self.peek().filter(|next| *next != '\n') {
            if !end.is_empty() && (next.is_whitespace() || ";&|<>)".contains(next)) {
                break;
            }
            if !next.is_whitespace() && !"-'\"\\".contains(next) {
                end.push(next);
            }
            self.at += 1;
        }
        self.end_word();
        self.documents.push((end, tabs));
    }

    fn skip_documents(&mut self) {
        for (end, tabs) in std::mem::take(&mut self.documents) {
            while self.at < self.characters.len() {
                let mut text = String::new();
                while let Some(next) = self.next().filter(|next| *next != '\n') {
                    text.push(next);
                }
                let text = if tabs { text.trim_start_matches('\t') } else { text.as_str() };
                if text == end {
                    break;
                }
            }
        }
    }
}

/// `IF_X` of `$IF_X`, `${IF_X}` and `${IF_X:-}`.
fn variable(word: &str) -> Option<String> {
    let name: String = word
        .strip_prefix('$')?
        .trim_start_matches('{')
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    (!name.is_empty()).then_some(name)
}

/// Marks what is behind `[ -z "$IF_X" ] && exit` (or `if`, or `[ -n "$IF_X" ] || exit`): an interface without that option gets no further.
fn guards(calls: &mut [Call]) {
    let mut needs: Vec<String> = Vec::new();
    let mut asked: Option<String> = None;
    for call in calls {
        let words: Vec<&str> = call.words.iter().map(String::as_str).collect();
        match (words.as_slice(), &asked) {
            (["[" | "test" | "[[", "-z" | "-n", word, ..], _) => asked = variable(word).filter(|name| name.starts_with("IF_")),
            (["exit", ..], Some(name)) => {
                needs.push(name.clone());
                asked = None;
            }
            _ => asked = None,
        }
        call.needs.clone_from(&needs);
    }
}

/// Fills in variables that have been set to a plain value once: `unit=x.service; systemctl start $unit`.
fn assignments(calls: &mut [Call]) {
    let mut known: std::collections::BTreeMap<String, Option<String>> = std::collections::BTreeMap::new();
    for call in calls.iter() {
        for word in call.words.iter().take_while(|word| is_assignment(word)) {
            if let Some((name, value)) = word.split_once('=') {
                let is_plain = !value.contains(['$', '`']) && !known.contains_key(name);
                known.insert(name.to_owned(), is_plain.then(|| value.to_owned()));
            }
        }
    }
    for word in calls.iter_mut().flat_map(|call| call.words.iter_mut()) {
        let is_whole = |name: &String| *word == format!("${name}") || *word == format!("${{{name}}}");
        if let Some(value) = variable(word).filter(is_whole).and_then(|name| known.get(&name)?.clone()) {
            *word = value;
        }
    }
    for call in calls {
        let assigned = call.words.iter().take_while(|word| is_assignment(word)).count();
        call.words.drain(..assigned);
    }
}

fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else { return false };
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
#[path = "shell_tests.rs"]
mod tests;
