//! `emporion web export`: the page as files, for a CDN or a proxy in front of the venue.

use crate::Failure;
use crate::files::{Readers, write_whole};
use crate::output::Output;
use crate::serve::PAGE_FILES;
use serde::Serialize;
use std::fs;
use std::path::Path;

/// What was written.
#[derive(Serialize)]
struct Exported<'a> {
    folder: &'a Path,
    files: Vec<&'static str>,
}

/// Writes the page into a folder that is empty or not there yet.
pub(super) fn export(folder: &Path, output: Output) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| Failure::failed(format!("the folder {} cannot be used: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(failed)?;
    if fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(Failure::usage(format!(
            "the folder {} is not empty: give an empty one, or one that is not there yet",
            folder.display()
        )));
    }
    for file in PAGE_FILES {
        write_whole(&folder.join(file.name), file.text, Readers::Default)?;
    }
    let files = PAGE_FILES.iter().map(|file| file.name).collect();
    output.answer(&Exported { folder, files }, || {
        let lines = PAGE_FILES.iter().map(|file| folder.join(file.name).display().to_string());
        lines.collect::<Vec<_>>().join("\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(folder: &Path) -> String {
        export(folder, Output::Text).unwrap_err().sentence
    }

    #[test]
    fn the_page_goes_into_a_new_or_an_empty_folder_only() {
        let scratch = tempfile::tempdir().unwrap();
        let (new, empty) = (scratch.path().join("a/b"), scratch.path().join("empty"));
        fs::create_dir(&empty).unwrap();
        for folder in [&new, &empty] {
            export(folder, Output::Text).unwrap();
            for file in PAGE_FILES {
                assert_eq!(fs::read_to_string(folder.join(file.name)).unwrap(), file.text);
            }
            assert_eq!(fs::read_dir(folder).unwrap().count(), PAGE_FILES.len());
            assert!(sentence(folder).ends_with("is not empty: give an empty one, or one that is not there yet"));
        }
        let file = new.join("page.js");
        assert!(sentence(&file).starts_with(&format!("the folder {} cannot be used: ", file.display())));
    }
}
