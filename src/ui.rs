//! What a person sees while something takes its time. Data goes to stdout elsewhere; all of this goes to stderr.

mod progress;

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

pub use progress::Progress;

/// How much to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}

/// Progress lines on stderr.
#[derive(Debug, Clone, Copy)]
pub struct Ui {
    verbosity: Verbosity,
    color: bool,
    bars: bool,
}

impl Ui {
    /// `color`: whether the user allows it; it is used only where stderr is a terminal and NO_COLOR is unset or empty.
    pub fn new(verbosity: Verbosity, color: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            verbosity,
            color: color && !refused && std::io::stderr().is_terminal(),
            bars: verbosity >= Verbosity::Normal && std::io::stderr().is_terminal() && can_draw(),
        }
    }

    /// Says nothing: for tests and library users.
    pub fn silent() -> Self {
        Self {
            verbosity: Verbosity::Quiet,
            color: false,
            bars: false,
        }
    }

    /// Whether messages on stderr may have colour.
    pub fn color(&self) -> bool {
        self.color
    }

    /// Whether progress is drawn: stderr is a terminal that can move its cursor, and the user wants to hear of it.
    pub fn has_bars(&self) -> bool {
        self.bars
    }

    /// A line about what happens now.
    pub fn line(&self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.say(text);
        }
    }

    /// Why a run ended early: said even when quiet.
    pub fn error(&self, text: &str) {
        let (on, off) = if self.color { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
        self.say(&format!("{on}error:{off} {text}"));
    }

    /// What is wrong with a file, rendered already: said even when quiet.
    pub fn diagnostics(&self, text: &str) {
        self.say(text);
    }

    /// A line for those who asked for more.
    pub fn detail(&self, text: &str) {
        if self.verbosity >= Verbosity::Verbose {
            self.say(text);
        }
    }

    fn say(&self, text: &str) {
        // Nobody listening on stderr is no reason to stop working.
        let say = || drop(writeln!(std::io::stderr(), "{text}"));
        if self.bars { progress::BARS.suspend(say) } else { say() }
    }

    /// Announces a step, does it, and says how long it took.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn step<T, E>(&self, text: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let started = Instant::now();
        self.line(&format!("{text} ..."));
        let result = work();
        if result.is_ok() {
            self.line(&format!("{text}: {}", seconds(started.elapsed())));
        }
        result
    }
}

/// A terminal that says of itself that it is dumb does not obey what moves its cursor (terminfo(5)).
fn can_draw() -> bool {
    std::env::var_os("TERM").is_some_and(|kind| kind != "dumb" && !kind.is_empty())
}

/// A duration as people read it: `0.33 s`, `12.4 s`, `2 min 11 s`.
pub fn seconds(duration: Duration) -> String {
    let total = duration.as_secs_f64();
    if total < 10.0 {
        format!("{total:.2} s")
    } else if total < 120.0 {
        format!("{total:.1} s")
    } else {
        format!("{} min {} s", duration.as_secs() / 60, duration.as_secs() % 60)
    }
}
