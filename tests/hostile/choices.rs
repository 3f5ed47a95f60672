//! Choices, and strings and values that are hard on whoever reads them.

use serde_json::{Map, Value};

/// A string of bytes as a source of choices; once it is used up every choice is the first, which is always the plainest.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// From 0 to `count - 1`.
    pub fn below(&mut self, count: u32) -> u32 {
        let bytes = if count <= 256 { 1 } else { 4 };
        let mut value = 0_u32;
        for _ in 0..bytes {
            let (first, rest) = self.0.split_first().map_or((0, self.0), |(first, rest)| (*first, rest));
            value = value << 8 | u32::from(first);
            self.0 = rest;
        }
        value % count.max(1)
    }

    pub fn between(&mut self, least: u32, most: u32) -> u32 {
        least + self.below(most - least + 1)
    }

    /// As [`Self::between`], but the least in three of five cases, and the more the rarer.
    pub fn few(&mut self, least: u32, most: u32) -> u32 {
        let byte = u64::from(self.below(256));
        least + ((byte.pow(4) * u64::from(most - least + 1)) >> 32) as u32
    }

    pub fn of<'b, T: ?Sized>(&mut self, list: &[&'b T]) -> &'b T {
        list[self.below(list.len() as u32) as usize]
    }

    pub fn yes(&mut self) -> bool {
        self.below(2) == 1
    }

    /// Rarer than every second time.
    pub fn rarely(&mut self) -> bool {
        self.below(4) == 1
    }

    pub fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.yes().then(|| make(self))
    }
}

/// What shells, YAML, JSON, systemd, interfaces(5), templates and terminals read in a special way; none has a control character but
/// newline and tab, which YAML and meshimg refuse.
pub const STRINGS: &[&str] = &[
    "plain",
    "",
    " ",
    "it's",
    "\"quoted\"",
    "a\nb",
    "\n",
    "a\tb",
    "$(id)",
    "`id`",
    "${HOME}",
    "%i %n %%",
    "{{ host.name }}",
    "{% raw %}",
    "EOF",
    "\nEOF\nid\n",
    "a: b # c",
    "- x",
    "---",
    "...",
    "*alias",
    "&anchor",
    "!tag",
    "|",
    ">-",
    "\\",
    "a\\nb",
    "\\\n",
    "null",
    "yes",
    "0x10",
    "1e3",
    "~",
    "\u{202e}gnp.exe",
    "\u{2028}",
    "\u{feff}x",
    "\u{e9}\u{4e2d}\u{1f980}",
    "   indented\n      more\n",
    "trailing \n\n\n",
];

/// A text of the special strings that has no byte order mark, which a YAML file may not hold outside its start.
pub fn text(choices: &mut Choices<'_>) -> String {
    let parts = choices.between(1, 3);
    (0..parts).map(|_| choices.of(STRINGS).replace('\u{feff}', "")).collect()
}

/// A JSON value, at most `depth` deep.
pub fn value(choices: &mut Choices<'_>, depth: u32) -> Value {
    match choices.below(if depth == 0 { 5 } else { 7 }) {
        0 => text(choices).into(),
        1 => choices.yes().into(),
        2 => choices.below(u32::MAX).into(),
        3 => (-1.5e-7 * f64::from(choices.below(1000))).into(),
        4 => Value::Null,
        5 => (0..choices.below(4)).map(|_| value(choices, depth - 1)).collect(),
        _ => map(choices, depth).into(),
    }
}

pub fn map(choices: &mut Choices<'_>, depth: u32) -> Map<String, Value> {
    let count = choices.below(4);
    (0..count)
        .map(|_| {
            let key: String = text(choices).chars().filter(|c| !c.is_control()).collect();
            (key, value(choices, depth - 1))
        })
        .collect()
}
