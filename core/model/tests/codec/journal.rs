//! Journal rows: the chain covers everything, and a row is trusted only behind the one before it.

use crate::strategies::{command, event};
use emporion_model::codec::CodecError;
use emporion_model::journal::{BatchBuilder, Chain, Head, JournalRow, RowError};
use emporion_model::{Command, Epoch, Event, History, Seq, TimeUs};
use proptest::collection::vec;
use proptest::prelude::*;

fn head() -> impl Strategy<Value = Head> {
    (any::<u32>(), any::<u32>(), any::<u32>(), any::<[u8; 32]>(), any::<u32>()).prop_map(
        |(history, epoch, seq, chain, time)| Head {
            history: History(history),
            epoch: Epoch(epoch.into()),
            seq: Seq(seq.into()),
            chain: Chain(chain),
            time: TimeUs(time.into()),
            rules_version: 1,
        },
    )
}

fn batch() -> impl Strategy<Value = Vec<(Command, Vec<Event>)>> {
    vec((command(), vec(event(), 0..4)), 1..5)
}

fn row_of(head: &Head, batch: &[(Command, Vec<Event>)]) -> JournalRow {
    let mut builder = BatchBuilder::default();
    batch.iter().for_each(|(command, events)| builder.push(command, events));
    assert_eq!(builder.count(), batch.len() as u64);
    let payload_bytes = builder.payload_bytes();
    let row = builder.seal(head, head.time.plus_us(5), 1);
    assert_eq!(row.payload.len(), payload_bytes);
    row
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_row_gives_its_commands_and_events_back(head in head(), batch in batch()) {
        let row = row_of(&head, &batch);
        prop_assert_eq!(row.verify_after(&head), Ok(()));
        let entries = row.entries().unwrap();
        prop_assert_eq!(entries.len(), batch.len());
        for (place, ((seq, entry), (command, events))) in entries.iter().zip(&batch).enumerate() {
            prop_assert_eq!(seq.0, head.seq.0 + 1 + place as u64);
            prop_assert_eq!((&entry.command, &entry.events), (command, events));
        }
        prop_assert_eq!(row.head(), Head {
            seq: row.last_seq, chain: row.chain, time: row.time, rules_version: 1, ..head
        });
    }

    #[test]
    fn any_changed_bit_breaks_the_chain(head in head(), batch in batch(), place: prop::sample::Index, bit in 0u8..8) {
        let mut row = row_of(&head, &batch);
        let place = place.index(row.payload.len());
        row.payload[place] ^= 1 << bit;
        prop_assert_eq!(row.verify_after(&head), Err(RowError::Chain));
    }
}

type Tamper = fn(&mut JournalRow);

/// A change of any field is noticed, and named.
#[test]
fn every_field_is_covered() {
    let head = Head { epoch: Epoch(3), seq: Seq(10), time: TimeUs(1_000), rules_version: 1, ..Head::default() };
    let tick = Command { origin: emporion_model::Origin::Sequencer, action: emporion_model::Action::Tick };
    let tampers: [(Tamper, RowError); 9] = [
        (|row| row.history = History(1), RowError::Order),
        (|row| row.epoch = Epoch(2), RowError::Order),
        (|row| row.epoch = Epoch(4), RowError::Chain),
        (|row| row.first_seq = Seq(12), RowError::Order),
        (|row| row.last_seq = Seq(12), RowError::Chain),
        (|row| row.time = TimeUs(999), RowError::Order),
        (|row| row.time = TimeUs(1_006), RowError::Chain),
        (|row| row.rules_version = 2, RowError::Chain),
        (|row| row.prev_chain = Chain([1; 32]), RowError::Order),
    ];
    for (place, (tamper, expected)) in tampers.into_iter().enumerate() {
        let mut row = row_of(&head, &[(tick.clone(), Vec::new())]);
        tamper(&mut row);
        assert_eq!(row.verify_after(&head), Err(expected), "case {place}");
    }
}

/// More or fewer commands than the seqs say are told apart, also at the end of the numbers.
#[test]
fn a_row_holds_as_many_commands_as_its_seqs_say() {
    let head = Head::default();
    let tick = Command { origin: emporion_model::Origin::Sequencer, action: emporion_model::Action::Tick };
    let row = row_of(&head, &[(tick.clone(), Vec::new()), (tick, Vec::new())]);
    let check = |first: u64, last: u64, expected| {
        let row = JournalRow { first_seq: Seq(first), last_seq: Seq(last), ..row.clone() };
        assert_eq!(row.entries().map(|entries| entries.len()), expected, "{first} to {last}");
    };
    check(1, 2, Ok(2));
    check(u64::MAX - 1, u64::MAX, Ok(2));
    check(1, 1, Err(RowError::Payload(CodecError::Trailing)));
    check(u64::MAX, u64::MAX, Err(RowError::Payload(CodecError::Trailing)));
    check(1, 3, Err(RowError::Payload(CodecError::Truncated)));
    check(2, 1, Err(RowError::Payload(CodecError::Trailing)));
    check(1, u64::MAX, Err(RowError::Payload(CodecError::Truncated)));
}
