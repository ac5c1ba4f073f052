//! Engine ≡ oracle under random commands of unlike kinds. Every command is checked by [`Venue`]; every case
//! ends with the replay. `PROPTEST_CASES=2560` makes it ten times as many cases, `PROPTEST_RNG_SEED` others.
//!
//! A generator that never reaches what it was made for proves nothing, so each test names what its cases
//! together must have reached.

use crate::support::generate::{Profile, Weights, Work, carry_out, carry_out_at_once};
use crate::support::venue::Venue;
use crate::support::worlds::{asset, genesis, near_the_average, plain, symbol};
use emporion_model::symbol::{LotFilter, NotionalFilter};
use emporion_model::{
    Action, Amount, AssetId, ClientOrderIdReuse, CloseReason, Event, ExpiryReason, Price, Quantity, Reject, StpMode,
};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use std::cell::RefCell;

/// What `PROPTEST_CASES` is unless somebody sets it.
const USUAL_CASES: u32 = 256;

/// The cases are the same on every run, so that a failure is found by whoever caused it.
const SEED: u64 = 3;

const ENDS: [Reached; 5] = [
    Reached::Trade,
    Reached::Filled,
    Reached::Ended(CloseReason::Canceled),
    Reached::Ended(CloseReason::Expired(ExpiryReason::UnfilledIoc)),
    Reached::Ended(CloseReason::Expired(ExpiryReason::UnfilledFok)),
];

const ANY_STP: [Option<StpMode>; 6] = [
    None,
    Some(StpMode::None),
    Some(StpMode::ExpireMaker),
    Some(StpMode::ExpireTaker),
    Some(StpMode::ExpireBoth),
    Some(StpMode::Decrement),
];

#[track_caller]
pub(crate) fn check(cases: u32, profile: &Profile, reaches: &[Reached]) {
    let mut config = ProptestConfig::with_source_file(file!());
    config.cases = cases * config.cases / USUAL_CASES;
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(SEED);
    }
    let reached = RefCell::new(Vec::new());
    let ops = profile.ops();
    let outcome = TestRunner::new(config).run(&ops, |ops| {
        let (mut venue, accounts) = profile.venue();
        let carry_out = if profile.work == Work::First { carry_out } else { carry_out_at_once };
        ops.iter().for_each(|op| carry_out(&mut venue, &accounts, op));
        venue.finish_work();
        venue.check_replay();
        note_reached(&mut reached.borrow_mut(), &venue);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let reached = reached.into_inner();
    let missed: Vec<_> = reaches.iter().filter(|wanted| !reached.contains(wanted)).collect();
    assert!(missed.is_empty(), "the generator never reached {missed:?}");
}

/// Something that a generator is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    Trade,
    /// A taker that met more than one maker.
    Sweep,
    /// A trade of an account with itself.
    OwnTrade,
    Prevented(StpMode),
    Filled,
    Ended(CloseReason),
    Fee,
    Bucket,
    Rejected(Reject),
    /// A step of work that waited.
    Step,
}

fn note_reached(reached: &mut Vec<Reached>, venue: &Venue) {
    for (_, command, events) in &venue.log {
        let trades = events.iter().filter(|event| matches!(event, Event::Traded(_))).count();
        let stp = events.iter().find_map(|event| match event {
            Event::OrderPlaced(placed) => Some(placed.stp),
            _ => None,
        });
        let mut found: Vec<_> = events.iter().flat_map(|event| reached_by(event, stp)).collect();
        found.extend((command.action == Action::Step).then_some(Reached::Step));
        found.extend((trades > 1).then_some(Reached::Sweep));
        for one in found {
            if !reached.contains(&one) {
                reached.push(one);
            }
        }
    }
}

fn reached_by(event: &Event, stp: Option<StpMode>) -> Vec<Reached> {
    match event {
        Event::Traded(trade) => {
            let is_own = trade.maker.account == trade.taker.account;
            let flags = [
                (true, Reached::Trade),
                (is_own, Reached::OwnTrade),
                (trade.taker.filled, Reached::Filled),
                (!trade.maker.fee.is_zero() && !trade.taker.fee.is_zero(), Reached::Fee),
            ];
            flags.into_iter().filter(|(holds, _)| *holds).map(|(_, reached)| reached).collect()
        }
        Event::SelfTradePrevented(_) => stp.map(Reached::Prevented).into_iter().collect(),
        Event::OrderClosed(closed) => vec![Reached::Ended(closed.reason)],
        Event::BucketClosed(_) => vec![Reached::Bucket],
        Event::Rejected(reject) => vec![Reached::Rejected(*reject)],
        _ => Vec::new(),
    }
}

/// Few prices, few accounts: long queues, many fills at one price.
#[test]
fn a_tight_book() {
    let weights =
        Weights { limit: 12, maker: 3, market_base: 2, market_quote: 2, cancel: 5, time: 1, ..Weights::default() };
    check(
        400,
        &Profile {
            genesis: plain(),
            accounts: 3,
            deposit: 300_000_000_000,
            prices: (10_000..10_005, 1),
            quantities: (1..20, 10_000),
            amounts: 1..200_000_000_000,
            stp: vec![None, Some(StpMode::None)],
            weights,
            length: 1..160,
            work: Work::First,
        },
        &[ENDS.as_slice(), &[Reached::Sweep, Reached::OwnTrade, Reached::Fee, Reached::Bucket]].concat(),
    );
}

/// Prices all over the range, so that levels lie in chunks of their own.
#[test]
fn sparse_prices() {
    let mut genesis = plain();
    genesis.symbols[0].rules.price.max = Price(1 << 60);
    genesis.symbols[0].rules.lot.max = Quantity(50);
    let weights =
        Weights { limit: 10, maker: 4, market_base: 1, market_quote: 1, cancel: 6, time: 1, ..Weights::default() };
    check(
        400,
        &Profile {
            genesis,
            accounts: 4,
            deposit: 1 << 80,
            prices: (1..1 << 20, 999_999_999),
            quantities: (1..60, 1),
            amounts: 1..1 << 70,
            stp: vec![None, Some(StpMode::None)],
            weights,
            length: 1..160,
            work: Work::First,
        },
        &[ENDS.as_slice(), &[Reached::Sweep]].concat(),
    );
}

/// Two symbols, accounts that meet themselves and their groups.
#[test]
fn self_trades() {
    let mut genesis = plain();
    genesis.symbols.push(symbol("BTC2USDT", 2, 4));
    let weights =
        Weights { limit: 12, maker: 1, market_base: 2, market_quote: 3, cancel: 2, admin: 2, ..Weights::default() };
    check(
        500,
        &Profile {
            genesis,
            accounts: 3,
            deposit: 2_000_000_000,
            prices: (1_000..1_006, 1),
            quantities: (1..12, 1_000),
            amounts: 1..500_000_000,
            stp: ANY_STP.to_vec(),
            weights,
            length: 1..120,
            work: Work::First,
        },
        &[
            Reached::OwnTrade,
            Reached::Prevented(StpMode::ExpireMaker),
            Reached::Prevented(StpMode::ExpireTaker),
            Reached::Prevented(StpMode::ExpireBoth),
            Reached::Prevented(StpMode::Decrement),
            Reached::Ended(CloseReason::ExpiredInMatch),
            Reached::Ended(CloseReason::Expired(ExpiryReason::FillsExhausted)),
        ],
    );
}

/// Ledgers finer than what is shown, steps and ticks above one, filters that bind, and quote amounts that
/// leave dust.
#[test]
fn dust_and_scales() {
    for (ledger, quote_ledger, min_to_market, max_to_market) in
        [(8, 8, true, true), (12, 12, true, false), (12, 6, false, true)]
    {
        let mut profile = dusty(ledger, quote_ledger);
        let notional = &mut profile.genesis.symbols[0].rules.notional;
        *notional = NotionalFilter { min_to_market, max_to_market, ..*notional };
        check(
            240,
            &profile,
            &[
                Reached::Sweep,
                Reached::Fee,
                Reached::Filled,
                Reached::Rejected(Reject::PriceFilter),
                Reached::Rejected(Reject::PercentPriceBySide),
                Reached::Rejected(Reject::LotSize),
                Reached::Rejected(Reject::MarketLotSize),
                Reached::Rejected(Reject::Notional),
                Reached::Rejected(Reject::MaxPosition),
                Reached::Rejected(Reject::EmptyBook),
                Reached::Rejected(Reject::LiquidityBelowMarketLotSize),
                Reached::Ended(CloseReason::Expired(ExpiryReason::InsufficientLiquidity)),
            ],
        );
    }
}

/// Coarser steps at market, which rule quote quantities out.
#[test]
fn coarse_steps_at_market() {
    let mut profile = dusty(8, 8);
    let rules = &mut profile.genesis.symbols[0].rules;
    rules.market_lot.step = Quantity(20);
    rules.quote_quantity_market = false;
    let reaches = [Reject::MarketLotSize, Reject::QuoteQuantityNotAllowed].map(Reached::Rejected);
    check(120, &profile, &reaches);
}

fn dusty(ledger: u8, quote_ledger: u8) -> Profile {
    let mut genesis = genesis(
        vec![asset("BTC", ledger, 8), asset("USDT", quote_ledger, quote_ledger.min(8))],
        vec![symbol("BTCUSDT", 2, 4)],
    );
    let rules = &mut genesis.symbols[0].rules;
    rules.price.tick = Price(5);
    rules.lot = LotFilter { min: Quantity(30), max: Quantity(4_000), step: Quantity(10) };
    rules.market_lot = LotFilter { min: Quantity(40), max: Quantity(400), step: Quantity(0) };
    rules.percent_price = Some(near_the_average(5, 90, 110));
    let cent = 10i128.pow(u32::from(quote_ledger)) / 100;
    rules.notional = NotionalFilter {
        min: Amount(6 * cent),
        min_to_market: true,
        max: Some(Amount(50 * cent)),
        max_to_market: true,
        average_minutes: 5,
    };
    let deposit = 2 * 10i128.pow(u32::from(ledger.max(quote_ledger))) + 1;
    rules.position_max = Some(Amount(deposit + 10i128.pow(u32::from(ledger)) / 10));
    Profile {
        genesis,
        accounts: 3,
        deposit,
        prices: (180..260, 5),
        quantities: (2..60, 10),
        amounts: 1..60 * cent,
        stp: vec![None, Some(StpMode::None), Some(StpMode::Decrement)],
        weights: Weights {
            limit: 10,
            maker: 4,
            market_base: 3,
            market_quote: 6,
            cancel: 2,
            time: 1,
            ..Weights::default()
        },
        length: 1..120,
        work: Work::First,
    }
}

/// Many orders and many cancels, most of them in masses and steps.
#[test]
fn cancel_storms() {
    let mut genesis = plain();
    genesis.options.cancels_per_step_max = 3;
    genesis.options.fills_per_order_max = 4;
    genesis.symbols[0].rules.orders_max = 6;
    let weights = Weights {
        limit: 10,
        maker: 6,
        market_base: 1,
        cancel: 10,
        cancel_all: 2,
        time: 1,
        repeat: 1,
        ..Weights::default()
    };
    check(
        400,
        &Profile {
            genesis,
            accounts: 2,
            deposit: 1_000_000_000_000,
            prices: (100..140, 1),
            quantities: (1..9, 1),
            amounts: 1..2,
            stp: vec![None, Some(StpMode::ExpireBoth)],
            weights,
            length: 1..160,
            work: Work::First,
        },
        &[
            Reached::Step,
            Reached::Ended(CloseReason::Canceled),
            Reached::Ended(CloseReason::Expired(ExpiryReason::FillsExhausted)),
            Reached::Rejected(Reject::MaxNumOrders),
            Reached::Rejected(Reject::CancelRestrictionNotMet),
            Reached::Rejected(Reject::OrderIdsDisagree),
        ],
    );
}

/// Everything at once that an operator can do, and time that jumps.
#[test]
fn admin_chaos() {
    let mut genesis = plain();
    genesis.options.client_order_id_reuse = ClientOrderIdReuse::NeverWithin(120);
    genesis.options.fills_per_order_max = 2;
    genesis.options.cancels_per_step_max = 1;
    genesis.symbols[0].rules.percent_price = Some(near_the_average(0, 99, 102));
    genesis.symbols[0].rules.notional.min_to_market = true;
    genesis.assets.push(asset("ETH", 18, 8));
    genesis.symbols.push(symbol("BTC2USDT", 0, 8));
    genesis.symbols[1].base = AssetId(2);
    let weights = Weights {
        limit: 10,
        maker: 2,
        market_base: 2,
        market_quote: 2,
        cancel: 3,
        cancel_all: 1,
        money: 4,
        admin: 5,
        time: 4,
        repeat: 3,
    };
    check(
        500,
        &Profile {
            genesis,
            accounts: 3,
            deposit: 3_000_000_000,
            prices: (1_000..1_030, 1),
            quantities: (1..30, 100),
            amounts: 1..30_000_000,
            stp: ANY_STP.to_vec(),
            weights,
            length: 1..140,
            work: Work::Whenever,
        },
        &[
            Reached::Trade,
            Reached::Rejected(Reject::AccountFrozen),
            Reached::Rejected(Reject::SymbolNotTrading),
            Reached::Rejected(Reject::TransferNotAllowed),
            Reached::Rejected(Reject::SupplyCapExceeded),
            Reached::Rejected(Reject::DuplicateClientOrderId),
            Reached::Rejected(Reject::TooManyOrdersPerTenSeconds),
            Reached::Rejected(Reject::TooManyOrdersPerDay),
            Reached::Rejected(Reject::OrderTableFull),
            Reached::Rejected(Reject::SourceGap),
            Reached::Rejected(Reject::SourceConflict),
            Reached::Rejected(Reject::DeadlinePassed),
        ],
    );
}
