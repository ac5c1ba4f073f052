//! The bytes of one value of every kind, as committed files. A difference means that old journals can no
//! longer be read; a new variant adds lines. `UPDATE_GOLDENS=1` writes the files anew.

use crate::samples;
use emporion_model::codec::{CodecError, Durable, FORMAT, Reader, from_bytes, to_bytes};
use emporion_model::{Action, Event};
use std::fmt::Debug;
use std::path::PathBuf;

#[test]
fn commands_keep_their_bytes() {
    check("commands.txt", &samples::commands());
}

#[test]
fn events_keep_their_bytes() {
    check("events.txt", &samples::events());
}

/// Every variant of the two enums has a sample: their numbers run from 0 without a gap, and the next number is
/// none of any variant.
#[test]
fn every_variant_has_a_golden_line() {
    let commands = samples::commands();
    check_numbers::<Action>(commands.iter().map(|(_, command)| number_of(&command.action)));
    let events = samples::events();
    check_numbers::<Event>(events.iter().map(|(_, event)| number_of(event)));
}

#[track_caller]
fn check<T: Durable + PartialEq + Debug>(file: &str, samples: &[(String, T)]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    let lines: String = samples.iter().map(|(name, value)| format!("{name}: {}\n", hex(&to_bytes(value)))).collect();
    if is_update() {
        std::fs::write(&path, &lines).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert_eq!(lines, golden, "{file} differs; if it must, run with UPDATE_GOLDENS=1");
    for ((name, value), line) in samples.iter().zip(golden.lines()) {
        let bytes = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")).map(unhex);
        assert_eq!(from_bytes::<T>(&bytes.unwrap()).as_ref(), Ok(value), "{name}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the conventional switch to write goldens anew, of a test alone")]
fn is_update() -> bool {
    std::env::var_os("UPDATE_GOLDENS").is_some()
}

/// The number of the variant stands behind the format's.
fn number_of(value: &impl Durable) -> u8 {
    let bytes = to_bytes(value);
    assert_eq!(u16::from(bytes[0]), FORMAT);
    bytes[1]
}

fn check_numbers<T: Durable + PartialEq + Debug>(numbers: impl Iterator<Item = u8>) {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_unstable();
    numbers.dedup();
    let count = numbers.len() as u8;
    assert_eq!(numbers, (0..count).collect::<Vec<_>>(), "a variant has no sample");
    assert_eq!(T::decode(&mut Reader::new(&[count])), Err(CodecError::Invalid), "the newest variant has no sample");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|place| u8::from_str_radix(&text[place..place + 2], 16).unwrap()).collect()
}
