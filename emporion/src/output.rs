//! Standard output: the answer to a command, for people or, under `--json`, for machines. Nothing else is ever
//! written there.

use crate::Failure;
use serde::Serialize;
use std::io::{IsTerminal, Write};

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Lines for people.
    Text,
    /// One JSON document.
    Json,
}

impl Output {
    /// Writes an answer: `value` as JSON, or the lines of `text`.
    pub(crate) fn answer(self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self {
            Self::Text => print(&text()),
            Self::Json => {
                let json = serde_json::to_string_pretty(value);
                print(&json.map_err(|error| Failure::bug(format!("an answer is no JSON: {error}")))?)
            }
        }
    }
}

/// Writes text and a line end.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    let written = writeln!(stdout, "{}", text.trim_end_matches('\n')).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::failed(format!("the answer cannot be written to standard output: {error}")))
}

/// Whether a person watches standard error.
pub(crate) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}
