//! Where values come from, later ones before earlier ones: built-in defaults, the demo's, a file, the
//! environment, flags.

use crate::Failure;
use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use std::path::PathBuf;

pub(super) const ENVIRONMENT: &str = "environment";
pub(super) const FLAGS: &str = "command line";
const PREFIX: &str = "EMPORION_";
const SECTION: &str = "__";

/// What the demo changes in the defaults: it shows how clients behave, not how they are refused; all of them may be on
/// one machine; and whoever stops it waits for no pages that are open.
const DEMO_DEFAULTS: &str = "limits.profile = \"relaxed\"
http.connections_per_network_max = 0
http.drain_timeout_s = 2";

/// All places to look for values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    file: Option<PathBuf>,
    is_demo: bool,
    variables: Vec<(String, String)>,
    flags: Vec<(&'static str, Value)>,
}

impl Sources {
    /// The defaults, a file if there is one, and the environment of this process.
    ///
    /// # Errors
    /// One sentence: a variable for this program that is not text.
    pub(crate) fn of_process(file: Option<PathBuf>) -> Result<Self, Failure> {
        let mut variables = Vec::new();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
            let value = value.into_string();
            let value = value.map_err(|_| Failure::usage(format!("the environment variable {name} is not UTF-8")))?;
            variables.push((name.to_owned(), value));
        }
        Ok(Self { file, variables, ..Self::default() })
    }

    /// Only the defaults and these variables.
    #[cfg(test)]
    pub(crate) fn for_test(file: Option<PathBuf>, variables: &[(&str, &str)]) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { file, variables, ..Self::default() }
    }

    /// With the demo's defaults.
    pub(crate) fn demo(mut self, is_demo: bool) -> Self {
        self.is_demo = is_demo;
        self
    }

    /// With a flag for `key`, if it was given.
    pub(crate) fn flag<T: Into<Value>>(mut self, key: &'static str, value: Option<T>) -> Self {
        self.flags.extend(value.map(|value| (key, value.into())));
        self
    }

    pub(super) fn into_figment(self) -> Result<Figment, Failure> {
        let mut figment = Figment::from(Toml::string(super::DEFAULTS));
        if self.is_demo {
            figment = figment.merge(Toml::string(DEMO_DEFAULTS));
        }
        if let Some(path) = &self.file {
            crate::files::check_toml("config file", path)?;
            figment = figment.merge(Toml::file_exact(path));
        }
        let variables = self.variables.iter().filter_map(|(name, text)| {
            let key = name.strip_prefix(PREFIX)?.to_ascii_lowercase().replace(SECTION, ".");
            // Text that is no other value is a text.
            let value = text.parse().unwrap_or_else(|_| Value::from(text.clone()));
            Some((key, value))
        });
        let flags = self.flags.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
        Ok(figment.merge(Values::new(ENVIRONMENT, variables)).merge(Values::new(FLAGS, flags)))
    }
}

/// The variable that a key has.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', SECTION).to_ascii_uppercase())
}

/// Values under dotted keys.
struct Values {
    name: &'static str,
    values: Dict,
}

impl Values {
    fn new(name: &'static str, values: impl Iterator<Item = (String, Value)>) -> Self {
        let mut all = Dict::new();
        for (key, value) in values {
            insert(&mut all, &key, value);
        }
        Self { name, values: all }
    }
}

fn insert(dict: &mut Dict, key: &str, value: Value) {
    let Some((section, rest)) = key.split_once('.') else {
        dict.insert(key.to_owned(), value);
        return;
    };
    let inner = dict.entry(section.to_owned()).or_insert_with(|| Value::from(Dict::new()));
    if !matches!(inner, Value::Dict(..)) {
        *inner = Value::from(Dict::new());
    }
    if let Value::Dict(_, inner) = inner {
        insert(inner, rest, value);
    }
}

impl Provider for Values {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}
