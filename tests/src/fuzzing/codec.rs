//! Durable bytes.

use emporion_engine::Engine;
use emporion_model::codec::{Durable, from_bytes, to_bytes};
use emporion_model::journal::{BatchBuilder, Chain, Head, JournalRow};
use emporion_model::{Command, Epoch, Event, History, Seq, TimeUs};

/// A command has one encoding.
pub(super) fn command(bytes: &[u8]) {
    check_strict::<Command>(bytes);
}

/// An event has one encoding.
pub(super) fn event(bytes: &[u8]) {
    check_strict::<Event>(bytes);
}

fn check_strict<T: Durable>(bytes: &[u8]) {
    if let Ok(value) = from_bytes::<T>(bytes) {
        assert!(to_bytes(&value) == bytes, "what is read is written again byte for byte");
    }
}

/// The bytes as a row's payload. The first of them says how many commands the row claims to hold.
pub(super) fn journal_row(bytes: &[u8]) {
    let Some((&count, payload)) = bytes.split_first() else { return };
    let head = Head::default();
    let row = JournalRow {
        history: History(0),
        epoch: Epoch(0),
        first_seq: Seq(1),
        last_seq: Seq(count.into()),
        time: TimeUs(0),
        rules_version: 1,
        prev_chain: Chain::default(),
        chain: Chain::default(),
        payload: payload.to_vec(),
    };
    let sealed = JournalRow { chain: row.expected_chain(), ..row.clone() };
    assert_eq!(sealed.verify_after(&head).is_ok(), count > 0, "a row of at least one command follows");
    assert!(row.verify_after(&head).is_err(), "a chain of zeros is none");
    let Ok(entries) = row.entries() else { return };
    let mut again = BatchBuilder::default();
    for (place, (seq, entry)) in entries.iter().enumerate() {
        assert_eq!(seq.0, place as u64 + 1);
        again.push(&entry.command, &entry.events);
    }
    assert_eq!(again.count(), u64::from(count));
    if count > 0 {
        assert!(again.seal(&head, TimeUs(0), 1) == sealed, "what is read is written again byte for byte");
    }
}

/// A snapshot that is let in keeps every invariant and is written again byte for byte.
pub(super) fn snapshot(bytes: &[u8]) {
    if let Ok(engine) = Engine::restore(bytes, 1) {
        assert_eq!(engine.check_invariants(), Ok(()));
        assert!(engine.snapshot() == bytes, "what is read is written again byte for byte");
    }
}
