//! Files that the venue writes for others to find, and files that people give it. Errors are sentences.

use crate::Failure;
use figment::providers::{Format, Toml};
use serde::de::IgnoredAny;
use std::fs;
use std::io::Write;
use std::path::Path;

/// The text of a file.
pub(crate) fn read_text(what: &str, path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("the {what} {} cannot be read: {error}", path.display())))
}

/// Refuses a file that is not TOML, with the line where it stops being so.
pub(crate) fn check_toml(what: &str, path: &Path) -> Result<(), Failure> {
    let text = read_text(what, path)?;
    Toml::from_str::<IgnoredAny>(&text).map(drop).map_err(|error| {
        let before = error.span().map_or("", |span| text.get(..span.start).unwrap_or_default());
        let line = before.matches('\n').count() + 1;
        let message = error.message().replace('\n', ", ");
        Failure::usage(format!("the {what} {} is not TOML at line {line}: {message}", path.display()))
    })
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner alone: it holds a secret.
    Owner,
    /// Whom the system lets.
    Default,
}

/// Writes a whole file or nothing: who reads it meanwhile finds the old one.
pub(crate) fn write_whole(path: &Path, text: &str, readers: Readers) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("{} cannot be written: {error}", path.display()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".emporion-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = if readers == Readers::Owner { 0o600 } else { 0o644 };
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_file_is_for_its_owner_and_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        write_whole(&path, "first", Readers::Owner).unwrap();
        write_whole(&path, "second", Readers::Owner).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "second");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn what_is_not_toml_is_told_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        fs::write(&path, "listen = \"x\"\n\n[limits\n").unwrap();
        let sentence = check_toml("config file", &path).unwrap_err().sentence;
        assert!(sentence.contains("is not TOML at line 3: "), "{sentence}");
        let sentence = check_toml("config file", &folder.path().join("b.toml")).unwrap_err().sentence;
        assert!(sentence.contains("cannot be read"), "{sentence}");
    }
}
