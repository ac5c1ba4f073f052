//! Every fuzz target over its committed corpus and deterministic mutations of it.

use emporion_tests::fuzzing::{TARGETS, Target, mutations};
use std::path::{Path, PathBuf};

/// How many mutations each target sees.
const MUTATIONS: usize = 20_000;

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = fuzz_folder().join("corpus").join(target.name);
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(&folder).expect("a corpus").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).expect("a seed")).collect()
}

fn check(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of the list");
    let seeds = corpus(target);
    assert!(!seeds.is_empty(), "{name} has a corpus");
    seeds.iter().for_each(|seed| (target.body)(seed));
    (target.body)(&[]);
    mutations(&seeds, MUTATIONS).for_each(|bytes| (target.body)(&bytes));
}

#[test]
fn decimals() {
    check("decimal");
}

#[test]
fn commands() {
    check("command");
}

#[test]
fn events() {
    check("event");
}

#[test]
fn journal_rows() {
    check("journal_row");
}

#[test]
fn snapshots() {
    check("snapshot");
}

#[test]
fn request_parameters() {
    check("params");
}

#[test]
fn request_signatures() {
    check("signature");
}

/// The list, the programs of `fuzz/` and the corpora name the same targets.
#[test]
fn every_target_has_a_program_and_a_corpus() {
    let mut listed: Vec<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    listed.sort();
    assert_eq!(names_in(&fuzz_folder().join("fuzz_targets")), listed);
    assert_eq!(names_in(&fuzz_folder().join("corpus")), listed);
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut names: Vec<String> = entries.filter_map(|entry| stem(entry.expect("an entry").path())).collect();
    names.sort();
    names
}
