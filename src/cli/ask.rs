//! The question before something is changed that others use.

use std::io::{BufRead, IsTerminal, Write};

use crate::error::Error;

/// What the person at the terminal answers to `question`, without blanks around it.
///
/// # Errors
/// [`Error::Usage`] with `nobody`, where standard input is no terminal.
pub fn person(question: &str, nobody: &str) -> Result<String, Error> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::Usage(nobody.to_owned()));
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "{question} ")?;
    stderr.flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// Whether the person at the terminal says yes to `question`, which shows that nothing else counts as that.
///
/// # Errors
/// As [`person`].
pub fn agrees(question: &str, nobody: &str) -> Result<bool, Error> {
    Ok(matches!(person(&format!("{question} [y/N]"), nobody)?.as_str(), "y" | "Y" | "yes"))
}
