//! Runs every script of `tests/scenarios`. `UPDATE_GOLDENS=1` writes what happened into them.

use std::path::{Path, PathBuf};

#[test]
fn every_scenario_goes_as_it_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut scripts: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    let failures: Vec<String> = scripts.iter().filter_map(|script| check(script).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn check(path: &Path) -> Result<(), String> {
    let name = path.file_name().unwrap_or_default().display();
    let script = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    let told = emporion_tests::scenario::run(&script).map_err(|error| format!("{name}, {error}"))?;
    if told == script {
        return Ok(());
    }
    if is_update() {
        return std::fs::write(path, told).map_err(|error| format!("{name}: {error}"));
    }
    let differs = |(_, (one, other)): &(usize, (&str, &str))| one != other;
    let (line, (happened, written)) = told
        .lines()
        .chain(std::iter::repeat(""))
        .zip(script.lines().chain(std::iter::repeat("")))
        .enumerate()
        .find(differs)
        .expect("they differ");
    Err(format!(
        "{name}, line {}: what happened: {happened:?}; what is written: {written:?} (UPDATE_GOLDENS=1 accepts)",
        line + 1
    ))
}

#[expect(clippy::disallowed_methods, reason = "the conventional switch to write goldens anew, of a test alone")]
fn is_update() -> bool {
    std::env::var_os("UPDATE_GOLDENS").is_some()
}
