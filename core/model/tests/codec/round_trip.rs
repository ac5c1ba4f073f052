//! Whatever is written is read again; whatever is read is written again byte for byte; nothing panics.

use crate::strategies::{command, event};
use emporion_model::codec::{Durable, from_bytes, to_bytes};
use emporion_model::journal::{Entry, Head};
use emporion_model::{Command, Event, Genesis, Options, OrderStatus};
use proptest::prelude::*;
use std::fmt::Debug;

/// What decodes has exactly these bytes; the rest is refused without a panic.
fn check_strict<T: Durable + Debug>(bytes: &[u8]) {
    if let Ok(value) = from_bytes::<T>(bytes) {
        assert_eq!(to_bytes(&value), bytes, "{value:?} has another encoding");
    }
}

proptest! {
    #[test]
    fn commands_survive(command in command()) {
        prop_assert_eq!(from_bytes::<Command>(&to_bytes(&command)), Ok(command));
    }

    #[test]
    fn events_survive(event in event()) {
        prop_assert_eq!(from_bytes::<Event>(&to_bytes(&event)), Ok(event));
    }

    #[test]
    fn random_bytes_are_refused_or_canonical(tail in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = [&[1], tail.as_slice()].concat();
        check_strict::<Command>(&bytes);
        check_strict::<Event>(&bytes);
        check_strict::<Entry>(&bytes);
        check_strict::<Head>(&bytes);
        check_strict::<Genesis>(&bytes);
        check_strict::<Options>(&bytes);
        check_strict::<OrderStatus>(&bytes);
    }

    #[test]
    fn damaged_commands_are_refused_or_canonical(command in command(), place: prop::sample::Index, change in 1u8..) {
        let mut bytes = to_bytes(&command);
        let place = place.index(bytes.len());
        bytes[place] ^= change;
        check_strict::<Command>(&bytes);
        check_strict::<Command>(&bytes[..place]);
    }

    #[test]
    fn damaged_events_are_refused_or_canonical(event in event(), place: prop::sample::Index, change in 1u8..) {
        let mut bytes = to_bytes(&event);
        let place = place.index(bytes.len());
        bytes[place] ^= change;
        check_strict::<Event>(&bytes);
        check_strict::<Event>(&bytes[..place]);
    }

    /// No value is the beginning of another: a cut is always noticed.
    #[test]
    fn a_cut_is_always_noticed(event in event(), place: prop::sample::Index) {
        let bytes = to_bytes(&event);
        prop_assert!(from_bytes::<Event>(&bytes[..place.index(bytes.len())]).is_err());
    }
}
