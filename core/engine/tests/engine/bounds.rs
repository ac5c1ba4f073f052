//! Bounded work per command, and arithmetic at the ends of every range.

use crate::support::generate::{Op, Profile, Weights, Work, carry_out};
use crate::support::venue::Venue;
use crate::support::worlds::{BTC, USDT, asset, client_id, genesis, plain, symbol};
use emporion_model::asset::SUPPLY_CAP_MAX;
use emporion_model::event::Trade;
use emporion_model::symbol::FeeRates;
use emporion_model::{
    Action, Amount, CancelAll, CloseReason, Event, ExpiryReason, Genesis, MarketSize, OrderKind, Price, Quantity, Rate,
    Reject, Side, StpMode, SymbolId, TimeInForce,
};

fn place(account: usize, side: Side, kind: OrderKind, name: u8) -> Op {
    Op::Place { account, symbol: 0, side, kind, stp: Some(StpMode::None), name }
}

fn limit(price: u64, quantity: u64, time_in_force: TimeInForce) -> OrderKind {
    OrderKind::Limit(Price(price), Quantity(quantity), time_in_force)
}

fn last_events(venue: &Venue) -> &[Event] {
    venue.log.last().map(|(_, _, events)| events.as_slice()).expect("something was applied")
}

fn trades(venue: &Venue) -> Vec<Trade> {
    let trade = |event: &Event| if let Event::Traded(trade) = event { Some(*trade) } else { None };
    last_events(venue).iter().filter_map(trade).collect()
}

fn end(venue: &Venue) -> Option<CloseReason> {
    let reason = |event: &Event| if let Event::OrderClosed(closed) = event { Some(closed.reason) } else { None };
    last_events(venue).iter().rev().find_map(reason)
}

/// What a taker of this kind comes to against five asks of one unit when it may meet three makers: how many
/// trades, and the reason of its end.
#[track_caller]
fn check_fills(kind: OrderKind, fills: usize, reason: Option<ExpiryReason>) {
    let mut genesis = plain();
    genesis.options.fills_per_order_max = 3;
    let mut venue = Venue::begun(genesis);
    let accounts = venue.open_accounts(2, 1_000_000_000_000);
    for name in 0..5 {
        carry_out(&mut venue, &accounts, &place(1, Side::Sell, limit(100, 1, TimeInForce::Gtc), name));
    }
    carry_out(&mut venue, &accounts, &place(0, Side::Buy, kind, 9));
    assert_eq!((trades(&venue).len(), end(&venue)), (fills, reason.map(CloseReason::Expired)), "{kind:?}");
    venue.check_replay();
}

#[test]
fn a_taker_meets_a_bounded_number_of_makers() {
    let exhausted = Some(ExpiryReason::FillsExhausted);
    check_fills(limit(100, 3, TimeInForce::Gtc), 3, None);
    check_fills(limit(100, 4, TimeInForce::Gtc), 3, exhausted);
    check_fills(limit(100, 4, TimeInForce::Ioc), 3, exhausted);
    check_fills(limit(100, 3, TimeInForce::Fok), 3, None);
    check_fills(limit(100, 4, TimeInForce::Fok), 0, Some(ExpiryReason::UnfilledFok));
    check_fills(OrderKind::Market(MarketSize::Base(Quantity(4))), 3, exhausted);
    check_fills(OrderKind::Market(MarketSize::Quote(Amount(100 * 100 * 4))), 3, exhausted);
    check_fills(OrderKind::Market(MarketSize::Quote(Amount(100 * 100 * 3 + 99))), 3, None);
}

/// Seven orders end in steps of three, each with a seq of its own, oldest first.
#[test]
fn a_mass_cancel_goes_on_in_steps() {
    let mut genesis = plain();
    genesis.options.cancels_per_step_max = 3;
    let mut venue = Venue::begun(genesis);
    let accounts = venue.open_accounts(2, 1_000_000_000_000);
    for name in 0..7 {
        let price = 100 - u64::from(name) % 3;
        carry_out(&mut venue, &accounts, &place(0, Side::Buy, limit(price, 1, TimeInForce::Gtc), name));
    }
    let cancel = CancelAll { account: accounts[0], symbol: SymbolId(0), cancel_id: client_id("all") };
    assert_eq!(venue.client(Action::CancelAll(cancel)), Ok(()));
    let mut ended = vec![closed_orders(&venue)];
    while venue.engine.has_work() {
        assert_eq!(venue.run(Action::Step), Ok(()));
        ended.push(closed_orders(&venue));
    }
    assert_eq!(ended, [vec![1, 2, 3], vec![4, 5, 6], vec![7]]);
    assert_eq!(venue.run(Action::Step), Err(Reject::NothingToDo));
    venue.check_replay();
}

fn closed_orders(venue: &Venue) -> Vec<u64> {
    let id = |event: &Event| if let Event::OrderClosed(closed) = event { Some(closed.order_id.0) } else { None };
    last_events(venue).iter().filter_map(id).collect()
}

/// As many orders as one step may end leave nothing to do.
#[test]
fn a_mass_cancel_that_fits_one_step_has_no_second() {
    let mut genesis = plain();
    genesis.options.cancels_per_step_max = 2;
    let mut venue = Venue::begun(genesis);
    let accounts = venue.open_accounts(1, 1_000_000);
    for name in 0..2 {
        carry_out(&mut venue, &accounts, &place(0, Side::Buy, limit(1, 1, TimeInForce::Gtc), name));
    }
    carry_out(&mut venue, &accounts, &Op::CancelAll { account: 0, symbol: 0 });
    assert!(!venue.engine.has_work());
}

/// A quote amount whose last meeting was with its own order, and whose rest buys no step of the next level:
/// no fill can end the order, so prevention does.
#[test]
fn an_order_whose_rest_buys_nothing_ends_all_the_same() {
    for (stp, first_ask, amount, fills) in [
        (StpMode::Decrement, None, 25_000, 0),
        (StpMode::ExpireMaker, None, 15_000, 0),
        (StpMode::Decrement, Some(99), 9_900 + 25_000, 1),
        (StpMode::ExpireMaker, Some(99), 9_900 + 15_000, 1),
    ] {
        let mut venue = Venue::begun(plain());
        let accounts = venue.open_accounts(2, 1_000_000_000_000);
        let asks = [first_ask.map(|price| (1, price)), Some((0, 100)), Some((1, 200))];
        for (name, (account, price)) in asks.into_iter().flatten().enumerate() {
            let ask = place(account, Side::Sell, limit(price, 1, TimeInForce::Gtc), name as u8);
            carry_out(&mut venue, &accounts, &ask);
        }
        let kind = OrderKind::Market(MarketSize::Quote(Amount(amount)));
        let taker = Op::Place { account: 0, symbol: 0, side: Side::Buy, kind, stp: Some(stp), name: 9 };
        carry_out(&mut venue, &accounts, &taker);
        assert_eq!((trades(&venue).len(), end(&venue)), (fills, Some(CloseReason::ExpiredInMatch)), "{stp:?}");
        venue.check_replay();
    }
}

/// The widest symbol that a venue accepts: price × quantity comes to just below 2^109 ledger units.
fn widest() -> Genesis {
    let mut genesis = genesis(vec![asset("BTC", 18, 8), asset("USDT", 18, 8)], vec![symbol("BTCUSDT", 0, 18)]);
    genesis.assets.iter_mut().for_each(|asset| asset.supply_cap = Amount(SUPPLY_CAP_MAX));
    let rules = &mut genesis.symbols[0].rules;
    rules.price.max = Price((1 << 45) - 1);
    rules.lot.max = Quantity(u64::MAX);
    rules.market_lot.max = Quantity(u64::MAX);
    rules.fees = vec![FeeRates { maker: Rate::ONE, taker: Rate::ONE }];
    genesis
}

#[test]
fn the_widest_symbol_is_just_accepted() {
    let check = |change: fn(&mut Genesis), expected| {
        let mut genesis = widest();
        change(&mut genesis);
        assert_eq!(Venue::empty().run(Action::Genesis(Box::new(genesis))), expected);
    };
    check(|_| {}, Ok(()));
    check(|genesis| genesis.symbols[0].rules.price.max = Price(1 << 45), Ok(()));
    check(|genesis| genesis.symbols[0].rules.price.max = Price((1 << 45) + 1), Err(Reject::BadDescription));
    check(|genesis| genesis.symbols[0].rules.price.max = Price(u64::MAX), Err(Reject::BadDescription));
    check(|genesis| genesis.symbols[0].quantity_scale = 17, Err(Reject::BadDescription));
    check(|genesis| genesis.assets[0].supply_cap.0 += 1, Err(Reject::BadDescription));
}

/// Every number at both ends of its type: rejects, never a panic, and nothing changes.
#[test]
fn absurd_numbers_are_refused() {
    let mut venue = Venue::begun(widest());
    let accounts = venue.open_accounts(2, SUPPLY_CAP_MAX / 2);
    carry_out(&mut venue, &accounts, &place(1, Side::Sell, limit(1, u64::MAX, TimeInForce::Gtc), 0));
    let numbers = [0, 1, (1 << 45) - 1, 1 << 63, u64::MAX];
    let amounts = [i128::MIN, -1, 0, 1, 1 << 95, i128::MAX];
    let limits = numbers.iter().flat_map(|&price| numbers.map(|quantity| limit(price, quantity, TimeInForce::Fok)));
    let bases = numbers.map(|quantity| OrderKind::Market(MarketSize::Base(Quantity(quantity))));
    let quotes = amounts.map(|amount| OrderKind::Market(MarketSize::Quote(Amount(amount))));
    for kind in limits.chain(bases).chain(quotes) {
        for side in [Side::Sell, Side::Buy] {
            carry_out(&mut venue, &accounts, &place(0, side, kind, 1));
            let reject = last_events(&venue).last();
            assert_ne!(reject, Some(&Event::Rejected(Reject::Internal)), "{side:?} {kind:?}");
        }
    }
    venue.check_replay();
}

/// More base than a quantity can say lies in the book for next to nothing. An order by quote quantity stops
/// at the end of the type.
#[test]
fn a_quote_amount_never_buys_more_than_a_quantity_can_say() {
    let mut venue = Venue::begun(widest());
    let accounts = venue.open_accounts(2, SUPPLY_CAP_MAX / 2);
    for name in 0..3 {
        carry_out(&mut venue, &accounts, &place(1, Side::Sell, limit(1, 1 << 63, TimeInForce::Gtc), name));
    }
    let all = OrderKind::Market(MarketSize::Quote(Amount(SUPPLY_CAP_MAX / 4)));
    carry_out(&mut venue, &accounts, &place(0, Side::Buy, all, 1));
    let bought: u64 = trades(&venue).iter().map(|trade| trade.quantity.0).sum();
    assert_eq!(bought, u64::MAX);
    assert!(trades(&venue).last().is_some_and(|trade| trade.taker.filled));
    venue.check_replay();
}

/// Money may come in up to the cap, and all of it may be paid in fees.
#[test]
fn the_whole_supply_can_become_fees() {
    let mut venue = Venue::begun(widest());
    let accounts = venue.open_accounts(2, SUPPLY_CAP_MAX / 2);
    for name in 0..8 {
        let rest = limit(1 << 32, 1_000_000_000_000_000_000, TimeInForce::Gtc);
        carry_out(&mut venue, &accounts, &place(1, Side::Sell, rest, name));
        carry_out(&mut venue, &accounts, &place(0, Side::Buy, rest, name + 8));
    }
    let fees = |asset| venue.engine.asset_sums().into_iter().find(|sum| sum.asset == asset).map(|sum| sum.fees);
    assert_eq!(fees(BTC), Some(Amount(8_000_000_000_000_000_000)));
    assert_eq!(fees(USDT), Some(Amount(8_000_000_000_000_000_000 << 32)));
    venue.check_replay();
}

/// Random commands with numbers at the ends of their ranges.
#[test]
fn random_commands_at_the_ends_of_the_ranges() {
    let weights = Weights {
        limit: 10,
        maker: 2,
        market_base: 3,
        market_quote: 4,
        cancel: 2,
        money: 1,
        time: 1,
        ..Weights::default()
    };
    let profile = Profile {
        genesis: widest(),
        accounts: 3,
        deposit: SUPPLY_CAP_MAX / 4,
        prices: (1..9, (1 << 42) - 1),
        quantities: (1..9, (1 << 61) - 1),
        amounts: 1..1 << 107,
        stp: vec![None, Some(StpMode::None), Some(StpMode::Decrement), Some(StpMode::ExpireTaker)],
        weights,
        length: 1..100,
        work: Work::First,
    };
    crate::properties::check(120, &profile, &[]);
    let cheap = Profile { prices: (1..9, 1), amounts: 1..1 << 68, ..profile };
    crate::properties::check(120, &cheap, &[crate::properties::Reached::Sweep]);
}
