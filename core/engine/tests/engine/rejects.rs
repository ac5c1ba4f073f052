//! Every reject, by the shortest way to it; and the order in which a command is checked.

use crate::support::venue::Venue;
use crate::support::worlds::{BTC, BTCUSDT, USDT, asset, client_id, genesis, near_the_average, options, plain, symbol};
use emporion_model::symbol::NotionalFilter;
use emporion_model::{
    AccountId, AccountKind, Action, Amount, AssetId, CancelAll, CancelOrder, CancelRestriction, ClientOrderId,
    ClientOrderIdReuse, Command, Genesis, MarketSize, Mode, OrderCountLimits, OrderId, OrderKind, OrderType, Origin,
    PlaceOrder, Price, Quantity, Reject, Side, SourceId, StpMode, SymbolId, SymbolStatus, TimeInForce, TimeUs,
    Transfer, TransferReason,
};
use std::collections::BTreeSet;

const ALICE: AccountId = AccountId(1_000);
const BOB: AccountId = AccountId(1_001);
const NOBODY: AccountId = AccountId(4_711);
const UNKNOWN_SYMBOL: SymbolId = SymbolId(9);

/// A venue of this genesis where Alice and Bob have 100 of each asset, and Bob's bid and ask rest.
fn venue_of(change: impl FnOnce(&mut Genesis)) -> Venue {
    let mut genesis = plain();
    change(&mut genesis);
    let mut venue = Venue::begun(genesis);
    venue.open_accounts(2, 10_000_000_000);
    venue
}

fn venue() -> Venue {
    venue_of(|_| {})
}

fn order(account: AccountId, side: Side, name: &str, kind: OrderKind) -> PlaceOrder {
    let client_order_id = client_id(name);
    PlaceOrder { account, symbol: BTCUSDT, side, client_order_id, kind, stp: None, strategy: None }
}

/// A limit order of price × 0.01 and quantity × 0.0001.
fn limit(price: u64, quantity: u64) -> OrderKind {
    OrderKind::Limit(Price(price), Quantity(quantity), TimeInForce::Gtc)
}

fn place(venue: &mut Venue, order: PlaceOrder) -> Result<(), Reject> {
    venue.client(Action::PlaceOrder(order))
}

fn buy(venue: &mut Venue, account: AccountId, name: &str, price: u64, quantity: u64) -> Result<(), Reject> {
    place(venue, order(account, Side::Buy, name, limit(price, quantity)))
}

fn sell(venue: &mut Venue, account: AccountId, name: &str, price: u64, quantity: u64) -> Result<(), Reject> {
    place(venue, order(account, Side::Sell, name, limit(price, quantity)))
}

fn market(venue: &mut Venue, side: Side, size: MarketSize) -> Result<(), Reject> {
    place(venue, order(ALICE, side, "m", OrderKind::Market(size)))
}

fn cancel(venue: &mut Venue, id: Option<u64>, name: Option<&str>) -> Result<(), Reject> {
    restricted_cancel(venue, id, name, None)
}

fn restricted_cancel(
    venue: &mut Venue,
    id: Option<u64>,
    name: Option<&str>,
    restriction: Option<CancelRestriction>,
) -> Result<(), Reject> {
    venue.client(Action::CancelOrder(CancelOrder {
        account: ALICE,
        symbol: BTCUSDT,
        order_id: id.map(OrderId),
        client_order_id: name.map(client_id),
        cancel_id: client_id("c"),
        restriction,
    }))
}

fn transfer(
    venue: &mut Venue,
    reason: TransferReason,
    from: AccountId,
    to: AccountId,
    amount: i128,
) -> Result<(), Reject> {
    let reference = "ticket 7".parse().expect("legal");
    venue.operator(Action::Transfer(Transfer { reason, from, to, asset: BTC, amount: Amount(amount), reference }))
}

fn numbered(venue: &mut Venue, n: u64, kind: AccountKind) -> Result<(), Reject> {
    let origin = Origin::Service(SourceId::USERS, n);
    venue.submit(Command { origin, action: Action::CreateAccount(kind) })
}

type Case = (Reject, fn() -> Result<(), Reject>);

/// One way to each reject.
const CASES: &[Case] = &[
    (Reject::OriginNotAllowed, || venue().operator(Action::Tick)),
    (Reject::OriginNotAllowed, || venue().client(Action::SetFrozen(BOB, true))),
    (Reject::OriginNotAllowed, || venue().run(Action::CreateAccount(AccountKind::User))),
    (Reject::OriginNotAllowed, || venue().operator(Action::Genesis(Box::new(plain())))),
    (Reject::NotBegun, || Venue::empty().run(Action::Tick)),
    (Reject::NotBegun, || Venue::empty().operator(Action::AddAsset(asset("ETH", 8, 8)))),
    (Reject::AlreadyBegan, || venue().run(Action::Genesis(Box::new(plain())))),
    (Reject::DeadlinePassed, || {
        let mut venue = venue();
        let cancel = CancelAll { account: ALICE, symbol: BTCUSDT, cancel_id: client_id("c") };
        venue.client_until(TimeUs(venue.time.0 - 1), Action::CancelAll(cancel))
    }),
    (Reject::SourceGap, || numbered(&mut venue(), 2, AccountKind::User)),
    (Reject::SourceConflict, || {
        let mut venue = venue();
        numbered(&mut venue, 1, AccountKind::User)?;
        numbered(&mut venue, 1, AccountKind::Fees)
    }),
    (Reject::SourceConflict, || numbered(&mut venue(), 0, AccountKind::User)),
    (Reject::UnknownAccount, || buy(&mut venue(), NOBODY, "a", 1, 1)),
    (Reject::UnknownAccount, || buy(&mut venue(), AccountId::TREASURY, "a", 1, 1)),
    (Reject::UnknownAccount, || venue().operator(Action::SetFrozen(AccountId::FEES, true))),
    (Reject::UnknownAccount, || transfer(&mut venue(), TransferReason::Deposit, AccountId::EXTERNAL, NOBODY, 1)),
    (Reject::UnknownSymbol, || {
        place(&mut venue(), PlaceOrder { symbol: UNKNOWN_SYMBOL, ..order(ALICE, Side::Buy, "a", limit(1, 1)) })
    }),
    (Reject::UnknownSymbol, || venue().set_status(UNKNOWN_SYMBOL, SymbolStatus::Halt)),
    (Reject::UnknownAsset, || {
        let spec = emporion_model::SymbolSpec { base: AssetId(7), ..symbol("XUSDT", 2, 4) };
        venue().operator(Action::AddSymbol(Box::new(spec)))
    }),
    (Reject::AccountFrozen, || {
        let mut venue = venue();
        venue.operator(Action::SetFrozen(ALICE, true))?;
        buy(&mut venue, ALICE, "a", 1, 1)
    }),
    (Reject::AccountFrozen, || {
        let mut venue = venue();
        venue.operator(Action::SetFrozen(ALICE, true))?;
        transfer(&mut venue, TransferReason::Withdrawal, ALICE, AccountId::EXTERNAL, 1)
    }),
    (Reject::SymbolNotTrading, || stopped(SymbolStatus::Halt)),
    (Reject::SymbolNotTrading, || stopped(SymbolStatus::Break)),
    (Reject::SymbolNotTrading, || stopped(SymbolStatus::CancelOnly)),
    (Reject::OrderTypeNotAllowed, || {
        let mut venue = venue_of(|genesis| genesis.symbols[0].rules.order_types = vec![OrderType::Market]);
        buy(&mut venue, ALICE, "a", 1, 1)
    }),
    (Reject::QuoteQuantityNotAllowed, || {
        let mut venue = venue_of(|genesis| genesis.symbols[0].rules.quote_quantity_market = false);
        market(&mut venue, Side::Buy, MarketSize::Quote(Amount(1)))
    }),
    (Reject::StpModeNotAllowed, || {
        let mut venue = venue_of(|genesis| {
            genesis.symbols[0].rules.stp_allowed.retain(|mode| *mode != StpMode::Decrement);
        });
        let stp = Some(StpMode::Decrement);
        place(&mut venue, PlaceOrder { stp, ..order(ALICE, Side::Buy, "a", limit(1, 1)) })
    }),
    (Reject::TooManyOrdersPerDay, || {
        let mut venue = venue();
        let limits = OrderCountLimits { per_ten_seconds: None, per_day: Some(1) };
        venue.operator(Action::SetOrderCountLimits(ALICE, Some(limits)))?;
        buy(&mut venue, ALICE, "a", 1, 1)?;
        venue.wait(10_000_000);
        buy(&mut venue, ALICE, "b", 1, 1)
    }),
    (Reject::TooManyOrdersPerTenSeconds, || {
        let mut venue = venue_of(|genesis| genesis.options.order_counts.per_ten_seconds = Some(1));
        buy(&mut venue, ALICE, "a", 1, 1)?;
        buy(&mut venue, ALICE, "b", 1, 1)
    }),
    (Reject::DuplicateClientOrderId, || {
        let mut venue = venue();
        buy(&mut venue, ALICE, "a", 1, 1)?;
        buy(&mut venue, ALICE, "a", 1, 1)
    }),
    (Reject::DuplicateClientOrderId, || {
        let mut venue =
            venue_of(|genesis| genesis.options.client_order_id_reuse = ClientOrderIdReuse::NeverWithin(120));
        buy(&mut venue, ALICE, "a", 1, 1)?;
        cancel(&mut venue, None, Some("a"))?;
        venue.wait(120_000_000);
        buy(&mut venue, ALICE, "a", 1, 1)
    }),
    (Reject::DuplicateClientOrderId, || {
        // Used again in the very second in which the first use is forgotten; the second use counts from then.
        let mut venue =
            venue_of(|genesis| genesis.options.client_order_id_reuse = ClientOrderIdReuse::NeverWithin(120));
        venue.wait(300_000);
        buy(&mut venue, ALICE, "a", 1, 1)?;
        cancel(&mut venue, None, Some("a"))?;
        venue.wait(119_800_000);
        venue.run(Action::Tick)?;
        venue.wait(400_000);
        buy(&mut venue, ALICE, "a", 1, 1)?;
        cancel(&mut venue, None, Some("a"))?;
        venue.wait(2_000_000);
        buy(&mut venue, ALICE, "a", 1, 1)
    }),
    (Reject::BadDescription, || venue().operator(Action::AddAsset(asset("ETH", 8, 9)))),
    (Reject::BadDescription, || venue().operator(Action::AddSymbol(Box::new(symbol("BTC2USDT", 5, 4))))),
    (Reject::BadDescription, || venue().operator(Action::CreateAccount(AccountKind::Treasury))),
    (Reject::NotWithRealMoney, || {
        venue_of(|genesis| genesis.mode = Mode::Live).operator(Action::CreateAccount(AccountKind::Replayer))
    }),
    (Reject::BadDescription, || {
        let mut spec = symbol("BTC2USDT", 2, 4);
        spec.rules.market_lot.step = Quantity(2);
        venue().operator(Action::AddSymbol(Box::new(spec)))
    }),
    (Reject::BadDescription, || {
        let options = emporion_model::Options { fills_per_order_max: 0, ..options() };
        venue().operator(Action::SetOptions(options))
    }),
    (Reject::BadDescription, || {
        let twice = genesis(vec![asset("BTC", 8, 8), asset("BTC", 8, 8)], vec![]);
        Venue::empty().run(Action::Genesis(Box::new(twice)))
    }),
    (Reject::RulesVersionUnknown, || venue().operator(Action::SetRulesVersion(2))),
    (Reject::Unchanged, || venue().operator(Action::SetRulesVersion(1))),
    (Reject::Unchanged, || venue().set_status(BTCUSDT, SymbolStatus::Trading)),
    (Reject::Unchanged, || venue().operator(Action::SetOptions(options()))),
    (Reject::NameTaken, || venue().operator(Action::AddAsset(asset("BTC", 10, 8)))),
    (Reject::NameTaken, || venue().operator(Action::AddSymbol(Box::new(symbol("BTCUSDT", 0, 0))))),
    (Reject::PriceFilter, || {
        let mut venue = venue_of(|genesis| genesis.symbols[0].rules.price.tick = Price(5));
        buy(&mut venue, ALICE, "a", 13, 1)
    }),
    (Reject::PriceFilter, || buy(&mut venue(), ALICE, "a", 1_000_000_001, 1)),
    (Reject::PercentPriceBySide, || {
        let mut venue = venue_of(|genesis| genesis.symbols[0].rules.percent_price = Some(near_the_average(5, 50, 200)));
        sell(&mut venue, BOB, "b", 100, 1)?;
        buy(&mut venue, ALICE, "a", 100, 1)?;
        buy(&mut venue, ALICE, "a", 201, 1)
    }),
    (Reject::LotSize, || buy(&mut venue(), ALICE, "a", 1, 1_000_000_001)),
    (Reject::LotSize, || {
        let mut venue = venue_of(|genesis| genesis.symbols[0].rules.lot.min = Quantity(5));
        sell(&mut venue, BOB, "b", 100, 50)?;
        market(&mut venue, Side::Buy, MarketSize::Quote(Amount(4 * 100 * 100)))
    }),
    (Reject::MarketLotSize, || {
        let mut venue = venue_of(|genesis| genesis.symbols[0].rules.market_lot.max = Quantity(9));
        market(&mut venue, Side::Buy, MarketSize::Base(Quantity(10)))
    }),
    (Reject::MinNotional, || {
        let mut venue = venue_of(|genesis| genesis.symbols[0].rules.notional.min = Amount(10_000));
        buy(&mut venue, ALICE, "a", 9, 11)
    }),
    (Reject::MinNotional, || {
        let mut venue = venue_of(|genesis| genesis.symbols[0].rules.notional.min_to_market = true);
        market(&mut venue, Side::Buy, MarketSize::Base(Quantity(1)))
    }),
    (Reject::Notional, || {
        let mut venue = venue_of(|genesis| {
            let notional = &mut genesis.symbols[0].rules.notional;
            *notional = NotionalFilter { max: Some(Amount(10_000)), ..*notional };
        });
        buy(&mut venue, ALICE, "a", 10, 11)
    }),
    (Reject::MaxNumOrders, || {
        let mut venue = venue_of(|genesis| genesis.symbols[0].rules.orders_max = 1);
        buy(&mut venue, ALICE, "a", 1, 1)?;
        buy(&mut venue, ALICE, "b", 1, 1)
    }),
    (Reject::OrderTableFull, || {
        let mut venue = venue_of(|genesis| genesis.options.open_orders_max = 1);
        buy(&mut venue, BOB, "a", 1, 1)?;
        buy(&mut venue, ALICE, "a", 1, 1)
    }),
    (Reject::WouldTake, || {
        let mut venue = venue();
        sell(&mut venue, BOB, "b", 100, 1)?;
        place(&mut venue, order(ALICE, Side::Buy, "a", OrderKind::LimitMaker(Price(100), Quantity(1))))
    }),
    (Reject::EmptyBook, || market(&mut venue(), Side::Buy, MarketSize::Quote(Amount(1_000_000)))),
    (Reject::LiquidityBelowLotSize, || {
        let mut venue = venue_of(|genesis| genesis.symbols[0].rules.lot.min = Quantity(5));
        sell(&mut venue, BOB, "b", 100, 6)?;
        place(&mut venue, order(ALICE, Side::Buy, "a", limit(100, 5)))?;
        market(&mut venue, Side::Buy, MarketSize::Quote(Amount(1_000_000)))
    }),
    (Reject::LiquidityBelowMarketLotSize, || {
        let mut venue = venue_of(|genesis| genesis.symbols[0].rules.market_lot.min = Quantity(5));
        sell(&mut venue, BOB, "b", 100, 1)?;
        market(&mut venue, Side::Buy, MarketSize::Quote(Amount(1_000_000)))
    }),
    (Reject::MaxPosition, || {
        let mut venue =
            venue_of(|genesis| genesis.symbols[0].rules.position_max = Some(Amount(10_000_000_000 + 10_000)));
        buy(&mut venue, ALICE, "a", 1, 1)?;
        buy(&mut venue, ALICE, "b", 1, 1)
    }),
    (Reject::InsufficientBalance, || buy(&mut venue(), ALICE, "a", 10_001, 10_000)),
    (Reject::InsufficientBalance, || sell(&mut venue(), ALICE, "a", 1, 1_000_001)),
    (Reject::InsufficientBalance, || transfer(&mut venue(), TransferReason::Adjustment, AccountId::TREASURY, ALICE, 1)),
    (Reject::InsufficientBalance, || {
        let mut venue = venue();
        sell(&mut venue, ALICE, "a", 1, 1_000_000)?;
        transfer(&mut venue, TransferReason::Withdrawal, ALICE, AccountId::EXTERNAL, 1)
    }),
    (Reject::UnknownOrder, || cancel(&mut venue(), Some(1), None)),
    (Reject::UnknownOrder, || cancel(&mut venue(), None, None)),
    (Reject::UnknownOrder, || {
        let mut venue = venue();
        buy(&mut venue, BOB, "b", 1, 1)?;
        cancel(&mut venue, Some(1), None)
    }),
    (Reject::UnknownOrder, || {
        let cancel = CancelAll { account: ALICE, symbol: BTCUSDT, cancel_id: client_id("c") };
        venue().client(Action::CancelAll(cancel))
    }),
    (Reject::OrderIdsDisagree, || {
        let mut venue = venue();
        buy(&mut venue, ALICE, "a", 1, 1)?;
        cancel(&mut venue, Some(1), Some("b"))
    }),
    (Reject::CancelRestrictionNotMet, || {
        let mut venue = venue();
        buy(&mut venue, ALICE, "a", 1, 1)?;
        restricted_cancel(&mut venue, Some(1), None, Some(CancelRestriction::OnlyPartiallyFilled))
    }),
    (Reject::CancelRestrictionNotMet, || {
        let mut venue = venue();
        buy(&mut venue, ALICE, "a", 1, 2)?;
        sell(&mut venue, BOB, "b", 1, 1)?;
        restricted_cancel(&mut venue, Some(1), None, Some(CancelRestriction::OnlyNew))
    }),
    (Reject::TransferNotAllowed, || transfer(&mut venue(), TransferReason::Adjustment, BOB, ALICE, 1)),
    (Reject::TransferNotAllowed, || transfer(&mut venue(), TransferReason::Deposit, AccountId::TREASURY, ALICE, 1)),
    (Reject::AmountNotPositive, || transfer(&mut venue(), TransferReason::Deposit, AccountId::EXTERNAL, ALICE, 0)),
    (Reject::AmountNotPositive, || transfer(&mut venue(), TransferReason::Withdrawal, ALICE, AccountId::EXTERNAL, -1)),
    (Reject::SupplyCapExceeded, || {
        let above = (1 << 90) - 2 * 10_000_000_000 + 1;
        transfer(&mut venue(), TransferReason::Deposit, AccountId::EXTERNAL, ALICE, above)
    }),
    (Reject::SupplyCapExceeded, || {
        transfer(&mut venue(), TransferReason::Deposit, AccountId::EXTERNAL, ALICE, i128::MAX)
    }),
    (Reject::NothingToDo, || venue().run(Action::Step)),
];

fn stopped(status: SymbolStatus) -> Result<(), Reject> {
    let mut venue = venue();
    venue.set_status(BTCUSDT, status)?;
    buy(&mut venue, ALICE, "a", 1, 1)
}

#[test]
fn every_reject_has_a_way_to_it() {
    let mut reached = BTreeSet::new();
    for (place, (reject, way)) in CASES.iter().enumerate() {
        assert_eq!(way(), Err(*reject), "case {place}");
        reached.insert(*reject);
    }
    // `Internal` needs a fault in the engine's state, `TableFull` 65,535 assets: its unit tests reach both.
    reached.extend([Reject::Internal, Reject::TableFull]);
    let missing: Vec<_> = Reject::ALL.iter().filter(|reject| !reached.contains(reject)).collect();
    assert!(missing.is_empty(), "no case reaches {missing:?}");
}

/// An order that is wrong in every way is refused for the first reason of the list; each is then mended and
/// the next one shows.
#[test]
fn reasons_are_given_in_the_order_of_the_list() {
    let mut venue = venue_of(|genesis| {
        let rules = &mut genesis.symbols[0].rules;
        rules.order_types = vec![OrderType::Limit, OrderType::LimitMaker];
        rules.stp_allowed = vec![StpMode::None, StpMode::ExpireMaker];
        rules.percent_price = Some(near_the_average(0, 50, 200));
        rules.notional.min = Amount(300 * 2_000);
        rules.position_max = Some(Amount(10_000_000_000 + 10_000 * 20_000));
        rules.orders_max = 1;
        genesis.options.open_orders_max = 2;
    });
    sell(&mut venue, BOB, "b1", 200, 5_000).expect("rests");
    buy(&mut venue, ALICE, "a1", 200, 1_000).expect("trades: the last price is 2.00");
    buy(&mut venue, ALICE, "a2", 150, 10_000).expect("rests, as the one that Alice may have");
    let limits = |per_ten_seconds, per_day| Some(OrderCountLimits { per_ten_seconds, per_day });
    venue.operator(Action::SetOrderCountLimits(ALICE, limits(Some(0), Some(0)))).expect("legal");
    venue.operator(Action::SetFrozen(ALICE, true)).expect("legal");
    venue.set_status(BTCUSDT, SymbolStatus::Halt).expect("legal");

    let mut wrong = PlaceOrder {
        account: NOBODY,
        symbol: UNKNOWN_SYMBOL,
        stp: Some(StpMode::Decrement),
        ..order(NOBODY, Side::Buy, "a2", OrderKind::Market(MarketSize::Base(Quantity(0))))
    };
    let maker = |price, quantity| OrderKind::LimitMaker(Price(price), Quantity(quantity));
    type Mend = Box<dyn Fn(&mut Venue, &mut PlaceOrder)>;
    let order_only = |mend: fn(&mut PlaceOrder)| -> Mend { Box::new(move |_, order| mend(order)) };
    let operator =
        |action: Action| -> Mend { Box::new(move |venue, _| venue.operator(action.clone()).expect("legal")) };
    let kind = |kind: OrderKind| -> Mend { Box::new(move |_, order| order.kind = kind) };
    let mends: Vec<(Reject, Mend)> = vec![
        (Reject::UnknownAccount, order_only(|order| order.account = ALICE)),
        (Reject::UnknownSymbol, order_only(|order| order.symbol = BTCUSDT)),
        (Reject::AccountFrozen, operator(Action::SetFrozen(ALICE, false))),
        (Reject::SymbolNotTrading, operator(Action::SetSymbolStatus(BTCUSDT, SymbolStatus::Trading))),
        (Reject::OrderTypeNotAllowed, kind(maker(0, 0))),
        (Reject::StpModeNotAllowed, order_only(|order| order.stp = None)),
        (Reject::TooManyOrdersPerDay, operator(Action::SetOrderCountLimits(ALICE, limits(Some(0), None)))),
        (Reject::TooManyOrdersPerTenSeconds, operator(Action::SetOrderCountLimits(ALICE, None))),
        (Reject::DuplicateClientOrderId, order_only(|order| order.client_order_id = client_id("a3"))),
        (Reject::PriceFilter, kind(maker(900, 0))),
        (Reject::PercentPriceBySide, kind(maker(300, 0))),
        (Reject::LotSize, kind(maker(300, 1))),
        (Reject::MinNotional, kind(maker(300, 1_000_000))),
        (Reject::MaxNumOrders, Box::new(|venue, _| cancel(venue, None, Some("a2")).expect("it is open"))),
    ];
    let mut last = Reject::Internal;
    for (reject, mend) in mends {
        assert_eq!(place(&mut venue, wrong.clone()), Err(reject));
        assert!(last < reject, "{last:?} stands before {reject:?} in the list");
        mend(&mut venue, &mut wrong);
        last = reject;
    }
    assert_eq!(place(&mut venue, wrong.clone()), Err(Reject::WouldTake));
    wrong.kind = limit(300, 1_000_000);
    assert_eq!(place(&mut venue, wrong.clone()), Err(Reject::MaxPosition));
    (wrong.side, wrong.kind) = (Side::Sell, limit(300, 2_000_000));
    assert_eq!(place(&mut venue, wrong.clone()), Err(Reject::InsufficientBalance));
    venue.check_replay();
}

/// A refused command leaves everything as it was, but for the seq, the time and what is remembered.
#[test]
fn a_reject_moves_no_money_and_no_order() {
    let mut venue = venue();
    buy(&mut venue, ALICE, "a", 100, 10).expect("rests");
    let sums = venue.engine.asset_sums();
    let orders: Vec<_> = venue.engine.open_orders().collect();
    for kind in [limit(0, 0), limit(1, 0), limit(u64::MAX, u64::MAX), OrderKind::Market(MarketSize::Quote(Amount(-1)))]
    {
        place(&mut venue, order(ALICE, Side::Buy, "b", kind)).expect_err("it is wrong");
    }
    assert_eq!(venue.engine.asset_sums(), sums);
    assert!(venue.engine.open_orders().eq(orders));
    let usdt = venue.engine.balances().find(|balance| (balance.account, balance.asset) == (ALICE, USDT));
    assert_eq!(usdt.map(|balance| balance.locked), Some(Amount(100 * 10 * 100)));
    let _unused: ClientOrderId = client_id("b");
    venue.check_replay();
}

/// A recording has levels and trades that no client could ask for: far away, tiny, by the thousand.
#[test]
fn a_recorded_market_is_bound_by_steps_and_funds_alone() {
    let mut venue = venue_of(|genesis| {
        let rules = &mut genesis.symbols[0].rules;
        rules.percent_price = Some(near_the_average(5, 50, 200));
        rules.notional.min = Amount(10_000);
        rules.orders_max = 1;
        rules.position_max = Some(Amount(10_000_000_000 + 100_000));
        genesis.options.order_counts = OrderCountLimits { per_ten_seconds: Some(2), per_day: Some(2) };
    });
    let replayer = venue.open_accounts(3, 10_000_000_000)[2];
    sell(&mut venue, BOB, "b", 100, 10).expect("rests");
    buy(&mut venue, ALICE, "a", 100, 10).expect("trades");
    for (name, price) in [("r1", 1), ("r2", 2), ("r3", 90)] {
        buy(&mut venue, replayer, name, price, 100).expect("no limit binds it");
    }
    sell(&mut venue, replayer, "r4", 100_000, 1).expect("no limit binds it");
    assert_eq!(buy(&mut venue, replayer, "r5", 1_000_000_001, 1), Err(Reject::PriceFilter));
    assert_eq!(buy(&mut venue, replayer, "r6", 1, 0), Err(Reject::LotSize));
    assert_eq!(sell(&mut venue, replayer, "r7", 100, 2_000_000), Err(Reject::InsufficientBalance));
    venue.check_replay();
}
