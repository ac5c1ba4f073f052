//! Snapshots: canonical, complete, and never trusted.

use crate::support::generate::{Op, carry_out};
use crate::support::venue::Venue;
use crate::support::worlds::{client_id, plain};
use emporion_engine::{Engine, SnapshotError};
use emporion_model::codec::CodecError;
use emporion_model::{
    Action, CancelAll, ClientOrderIdReuse, MarketSize, OrderKind, Price, Quantity, Side, StpMode, SymbolId, TimeInForce,
};

/// A venue with something of everything that a snapshot holds: resting and part-filled orders, an open
/// bucket, volumes, remembered commands and client order ids, and a mass cancel that waits.
fn busy_venue() -> Venue {
    let mut genesis = plain();
    genesis.options.client_order_id_reuse = ClientOrderIdReuse::NeverWithin(120);
    genesis.options.cancels_per_step_max = 1;
    let mut venue = Venue::begun(genesis);
    let accounts = venue.open_accounts(2, 1_000_000_000_000);
    let place = |account, side, price, quantity, name| Op::Place {
        account,
        symbol: 0,
        side,
        kind: OrderKind::Limit(Price(price), Quantity(quantity), TimeInForce::Gtc),
        stp: Some(StpMode::Decrement),
        name,
    };
    for (account, side, price, quantity, name) in [
        (0, Side::Buy, 99, 5, 0),
        (0, Side::Buy, 98, 5, 1),
        (1, Side::Sell, 101, 7, 2),
        (1, Side::Sell, 101, 3, 3),
        (0, Side::Buy, 101, 4, 4),
        (1, Side::Sell, 99, 2, 5),
        (0, Side::Sell, 99, 1, 6),
    ] {
        carry_out(&mut venue, &accounts, &place(account, side, price, quantity, name));
        venue.wait(700_000);
    }
    let market = OrderKind::Market(MarketSize::Base(Quantity(1)));
    let op = Op::Place { account: 0, symbol: 0, side: Side::Buy, kind: market, stp: None, name: 200 };
    carry_out(&mut venue, &accounts, &op);
    let cancel_id = client_id("all");
    venue
        .client(Action::CancelAll(CancelAll { account: accounts[1], symbol: SymbolId(0), cancel_id }))
        .expect("there is something to cancel");
    assert!(venue.engine.has_work(), "one step ends one order of two");
    venue
}

#[test]
fn waiting_work_and_memories_survive_a_snapshot() {
    let mut venue = busy_venue();
    venue.check_replay();
    let snapshot = venue.engine.snapshot();
    venue.engine = Engine::restore(&snapshot, 7).expect("our own snapshot");
    venue.finish_work();
    venue.check_replay();
}

/// Flips, cuts and doubles bytes all over a snapshot. Nothing panics, and what is let in is written again byte
/// for byte.
#[test]
fn damaged_snapshots_are_refused_or_canonical() {
    let snapshot = busy_venue().engine.snapshot();
    let mut let_in = 0;
    for place in 0..snapshot.len() {
        for change in [0x01, 0x02, 0x10, 0x80, 0xff] {
            let mut damaged = snapshot.clone();
            damaged[place] ^= change;
            let_in += check_restore(&damaged);
        }
        check_restore(&snapshot[..place]);
        let doubled = [&snapshot[..place], &snapshot[place / 2..]].concat();
        check_restore(&doubled);
    }
    assert!(let_in > 0, "a flipped bit in a free number, such as a seq, still makes a legal state");
}

/// Gives 1 when the bytes were let in.
fn check_restore(bytes: &[u8]) -> usize {
    let Ok(engine) = Engine::restore(bytes, 1) else { return 0 };
    assert_eq!(engine.check_invariants(), Ok(()));
    assert!(engine.snapshot() == bytes, "a snapshot that is let in is written again byte for byte");
    1
}

#[test]
fn foreign_snapshots_are_told_apart() {
    let check = |bytes: &[u8], expected: SnapshotError| {
        assert_eq!(Engine::restore(bytes, 1).err(), Some(expected), "{bytes:?}");
    };
    check(&[], SnapshotError::Codec(CodecError::Truncated));
    check(&[9], SnapshotError::Codec(CodecError::Format(9)));
    let empty = Engine::new(1).snapshot();
    check(&[empty.as_slice(), &[0]].concat(), SnapshotError::Codec(CodecError::Trailing));
    // Format, no mode, seq 0, time 0, and then the rules version.
    let mut newer = empty.clone();
    assert_eq!(newer[..5], [1, 0, 0, 0, 1]);
    newer[4] = 99;
    check(&newer, SnapshotError::Rules(99));
    assert_eq!(Engine::restore(&empty, 2).expect("the state before genesis").state_hash(), Engine::new(3).state_hash());
}
