//! What all sections are made of.

use std::borrow::Cow;
use std::fmt::Write;

use maud::{Markup, html};

use crate::machine::probe::{Measured, State, Subject};
use crate::machine::report::Scenario;

/// Is something good? Always said by word and sign as well as by colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Green,
    Red,
    Skipped,
}

impl Tone {
    pub fn of(state: State) -> Self {
        match state {
            State::Green => Self::Green,
            State::Red => Self::Red,
            State::Skipped => Self::Skipped,
        }
    }

    pub fn of_scenario(scenario: &Scenario) -> Self {
        if scenario.red_count() == 0 { Self::Green } else { Self::Red }
    }

    /// The worst of several.
    pub fn worst(tones: impl IntoIterator<Item = Self>) -> Self {
        let rank = |tone: &Self| match tone {
            Self::Skipped => 0,
            Self::Green => 1,
            Self::Red => 2,
        };
        tones.into_iter().max_by_key(rank).unwrap_or(Self::Skipped)
    }

    /// Its word, and its class in the style sheet.
    pub fn word(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Red => "red",
            Self::Skipped => "skipped",
        }
    }

    pub fn sign(self) -> &'static str {
        match self {
            Self::Green => "✓",
            Self::Red => "✕",
            Self::Skipped => "–",
        }
    }

    /// Sign and word in a coloured frame.
    pub fn chip(self) -> Markup {
        html! { span class={ "chip " (self.word()) } { span aria-hidden="true" { (self.sign()) } " " (self.word()) } }
    }
}

/// The text with what has no shape, or changes the direction of reading, as `\u{1b}`. Line feeds and tabs stay.
pub fn plain(text: &str) -> Cow<'_, str> {
    // Unicode Standard Annex 9, 2: explicit directional formatting; the others end lines or hide.
    let invisible = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if !text.chars().any(invisible) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if invisible(c) {
            // Writing to a String cannot fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// `1 host`, `3 hosts`
pub fn count(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// `0.34 s`; tenths from ten seconds on.
pub fn seconds(value: f64) -> String {
    if !value.is_finite() {
        "? s".to_owned()
    } else if value.abs() < 9.995 {
        format!("{value:.2} s")
    } else {
        format!("{value:.1} s")
    }
}

/// With as many digits as mean something.
pub fn number(measured: &Measured) -> String {
    let Measured { value, unit } = measured;
    match *unit {
        "ms" | "s" => format!("{value:.1} {unit}"),
        _ => format!("{value:.0} {unit}"),
    }
}

/// `host1 to host2`, for reading aloud as well as for looking at.
pub fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Cluster => "the cluster".to_owned(),
        Subject::Host { host } => host.to_string(),
        Subject::Pair { from, to } => format!("{from} to {to}"),
    }
}

/// A part that scrolls by itself where the page is narrow: reached by the keyboard, and named.
pub fn scrolling(label: &str, content: &Markup) -> Markup {
    html! { div.scroll tabindex="0" role="region" aria-label=(label) { (content) } }
}

/// Patterns that drawings refer to: colour is never all that tells two things apart.
pub fn patterns() -> Markup {
    html! {
        svg.patterns width="0" height="0" aria-hidden="true" focusable="false" {
            defs {
                pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect.hatch-ground width="6" height="6" {}
                    rect.hatch-line width="2" height="6" {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_shown() {
        assert_eq!(plain("a\tb\nc"), "a\tb\nc");
        assert_eq!(
            plain("\u{1b}[31m\0\r\u{202e}x\u{200b}\u{85}é"),
            r"\u{1b}[31m\u{0}\u{d}\u{202e}x\u{200b}\u{85}é"
        );
    }

    #[test]
    fn seconds_have_the_digits_that_mean_something() {
        assert_eq!(
            [0.3351, 9.99, 9.996, 48.31, f64::NAN].map(seconds),
            ["0.34 s", "9.99 s", "10.0 s", "48.3 s", "? s"]
        );
    }
}
