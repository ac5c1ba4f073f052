//! What is wrong with a config, in one sentence: which key, in which place, and what would be right.

use figment::error::{Actual, Kind};
use figment::{Figment, Metadata, Source};

/// A value that has the right type and is wrong all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    key: String,
    /// What follows on the key and its place: "is 0 but must be …".
    says: String,
}

impl Problem {
    /// `says` follows on the key: "is 0 but must be 1 to 10".
    pub(crate) fn new(key: impl Into<String>, says: impl Into<String>) -> Self {
        Self { key: key.into(), says: says.into() }
    }
}

/// Refuses a number outside its range.
pub(crate) fn within(key: &str, value: u64, range: std::ops::RangeInclusive<u64>) -> Result<(), Problem> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(Problem::new(key, format!("is {value} but must be {} to {}", range.start(), range.end())))
}

pub(crate) fn sentence_of_problem(figment: &Figment, problem: &Problem) -> String {
    let Problem { key, says } = problem;
    format!("`{key}`{} {says}", place(figment.find_metadata(key), key))
}

/// What is wrong with a file of keys and values; `manual` says where its keys are explained.
pub(crate) fn sentence_of_error(figment: &Figment, error: &figment::Error, manual: &str) -> String {
    let key = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(..) => {
            // The path ends with the unknown key itself.
            let place = place(figment.find_metadata(&key).or(error.metadata.as_ref()), &key);
            format!("`{key}`{place} does not exist: {manual}")
        }
        Kind::MissingField(name) => {
            let key = if key.is_empty() { name.to_string() } else { format!("{key}.{name}") };
            format!("`{key}` is missing{}", place(error.metadata.as_ref(), &key))
        }
        kind => {
            let place = place(error.metadata.as_ref().or_else(|| figment.find_metadata(&key)), &key);
            format!("`{key}`{place} {}", says(&key, kind))
        }
    }
}

/// What follows on the key. Of a secret nothing is repeated.
fn says(key: &str, kind: &Kind) -> String {
    let is = |actual: &Actual| match actual {
        _ if ["users.", "store.url", "store.read_url", "redis.url", "sqs.", "internal.venue_keys"]
            .iter()
            .any(|secret| key.starts_with(secret)) =>
        {
            "is not right:".to_owned()
        }
        Actual::Str(text) => format!("is {text:?} but"),
        Actual::Unsigned(number) => format!("is {number} but"),
        Actual::Signed(number) => format!("is {number} but"),
        Actual::Bool(value) => format!("is {value} but"),
        other => format!("is a {other} but"),
    };
    match kind {
        Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
            format!("{} must be {}", is(actual), wanted(expected))
        }
        Kind::UnknownVariant(actual, expected) => {
            format!("is {actual:?} but must be {}", list(expected))
        }
        Kind::Message(message) => format!("is not right: {}", message.lines().next().unwrap_or_default()),
        other => format!("is not right: {other}"),
    }
}

fn wanted(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of 0 or more",
        "a string" | "path string" => "a text",
        "socket address" => "an address and port such as 127.0.0.1:8080",
        "a sequence" => "a list",
        other => other.strip_prefix("struct ").map_or(other, |_| "a section"),
    }
}

fn list(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// Where a value came from, in words that follow on its key.
fn place(metadata: Option<&Metadata>, key: &str) -> String {
    match metadata {
        Some(Metadata { source: Some(Source::File(path)), .. }) => format!(" in the file {}", path.display()),
        Some(metadata) if metadata.name == super::sources::ENVIRONMENT => {
            format!(" from the environment variable {}", super::sources::variable(key))
        }
        Some(metadata) if metadata.name == super::sources::FLAGS => " from the command line".to_owned(),
        _ => String::new(),
    }
}
