//! How a command ends: the exit codes, and the one sentence that a user gets when it did not work.

use std::fmt;

/// What the process tells its caller. Scripts rely on these numbers: add to them, never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It could not be done; the sentence says why.
    Failed = 1,
    /// The arguments, the config or a given file are wrong; nothing was touched.
    Usage = 2,
    /// An audit or a restore found something other than what should be there.
    Differs = 3,
    /// Somebody else leads this venue now.
    Fenced = 42,
    /// A bug: the program broke one of its own rules.
    Bug = 70,
}

/// Why a command did not do what it was asked, in one sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) sentence: String,
}

impl Failure {
    /// It could not be done.
    pub(crate) fn failed(sentence: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, sentence: sentence.into() }
    }

    /// It was asked for in a wrong way.
    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, sentence: sentence.into() }
    }

    /// What is there is not what should be there.
    pub(crate) fn differs(sentence: impl Into<String>) -> Self {
        Self { exit: Exit::Differs, sentence: sentence.into() }
    }

    /// The program broke one of its own rules.
    pub(crate) fn bug(sentence: impl Into<String>) -> Self {
        Self { exit: Exit::Bug, sentence: sentence.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Failure {}

impl From<emporion_ports::store::StoreError> for Failure {
    fn from(error: emporion_ports::store::StoreError) -> Self {
        Self::failed(error.to_string())
    }
}
