//! See `emporion_tests::fuzzing`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| emporion_tests::fuzzing::run("event", bytes));
