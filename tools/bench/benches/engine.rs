//! `cargo bench -p emporion-bench --bench engine`: the book alone and the whole engine beside two published
//! order books, on the same commands in the same run.
//!
//! The book alone does what the peers do: match, rest, cancel. The whole engine also checks filters and
//! funds, holds and settles, takes fees, remembers command ids and gives events. Words after `--` choose
//! subjects by name.
#![allow(clippy::print_stdout, clippy::disallowed_methods, missing_docs, clippy::unwrap_used)]

use emporion_bench::stream::{MID, Operation, Stream};
use emporion_engine::Engine;
use emporion_engine::book::{Book, NONE, Nodes, OrderIndex};
use emporion_model::asset::SUPPLY_CAP_MAX;
use emporion_model::options::{Options, OrderCountLimits};
use emporion_model::symbol::{FeeRates, LotFilter, NotionalFilter, PriceFilter};
use emporion_model::*;
use rust_decimal::Decimal;
use std::time::{Duration, Instant};

const OPERATIONS: usize = 1_000_000;
const ROUNDS: usize = 5;

/// What is measured: its name and how it runs a stream.
type Subject = (&'static str, fn(&Stream) -> Duration);

const SUBJECTS: [Subject; 4] =
    [("emporion book", book), ("emporion engine", engine), ("rust_ob 2.5", rust_ob_book), ("bourse-book 0.4", bourse)];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_chosen = |subject: &&Subject| words.is_empty() || words.iter().any(|word| subject.0.contains(word.as_str()));
    let subjects: Vec<&Subject> = SUBJECTS.iter().filter(is_chosen).collect();
    println!("{OPERATIONS} commands, median of {ROUNDS} interleaved rounds; cps = commands/s");
    for resting in [10_000, 200_000] {
        let stream = Stream::generate(42, resting, OPERATIONS);
        let mut times = vec![Vec::new(); subjects.len()];
        for _ in 0..ROUNDS {
            for ((_, run), times) in subjects.iter().zip(&mut times) {
                times.push(run(&stream));
            }
        }
        println!("\nabout {resting} resting orders");
        report(&subjects, &mut times);
    }
}

fn report(subjects: &[&Subject], times: &mut [Vec<Duration>]) {
    times.iter_mut().for_each(|times| times.sort());
    let median = |place: usize| times[place][ROUNDS / 2].as_secs_f64();
    let slowest = (0..subjects.len()).map(median).fold(0.0, f64::max);
    for (place, (name, _)) in subjects.iter().enumerate() {
        let cps = |seconds: f64| OPERATIONS as f64 / seconds;
        let (median, best) = (median(place), times[place][0].as_secs_f64());
        println!(
            "  {name:<16}{:>12.0} cps (best {:>10.0}), ×{:.2} of the slowest",
            cps(median),
            cps(best),
            slowest / median
        );
    }
}

/// Times `each` over the timed part, after the filling.
fn run(stream: &Stream, mut each: impl FnMut(Operation)) -> Duration {
    stream.filling.iter().for_each(|operation| each(*operation));
    let start = Instant::now();
    stream.timed.iter().for_each(|operation| each(*operation));
    start.elapsed()
}

fn side(is_buy: bool) -> Side {
    if is_buy { Side::Buy } else { Side::Sell }
}

fn book(stream: &Stream) -> Duration {
    let (mut book, mut nodes) = (Book::default(), Nodes::default());
    let mut places: Vec<(OrderIndex, bool)> = Vec::with_capacity(stream.orders());
    let mut number_of: Vec<usize> = Vec::new();
    run(stream, |operation| {
        let (is_buy, limit, quantity) = match operation {
            Operation::Limit(is_buy, price, quantity) => (is_buy, Some(Price(price)), quantity),
            Operation::Market(is_buy, quantity) => (is_buy, None, quantity),
            Operation::Cancel(order) => {
                let (index, is_buy) = std::mem::replace(&mut places[order], (NONE, false));
                if index != NONE {
                    book.half_mut(side(is_buy)).leave(&mut nodes, index);
                    nodes.give_back(index);
                }
                return;
            }
        };
        let mut left = quantity;
        let half = book.half_mut(side(!is_buy));
        while left > 0
            && let Some(level) =
                half.best().map(|best| half.level(best)).filter(|level| half.reaches(limit, level.price))
        {
            let maker = level.first();
            let quantity = left.min(nodes.get(maker).remaining.0);
            half.shrink(&mut nodes, maker, Quantity(quantity));
            left -= quantity;
            if nodes.get(maker).remaining.is_zero() {
                half.leave(&mut nodes, maker);
                nodes.give_back(maker);
                places[number_of[maker as usize]].0 = NONE;
            }
        }
        let mut index = NONE;
        if let Some(price) = limit.filter(|_| left > 0) {
            index = nodes.take(0, Quantity(left));
            book.half_mut(side(is_buy)).enter(&mut nodes, index, price);
            if index as usize >= number_of.len() {
                number_of.resize(index as usize + 1, 0);
            }
            number_of[index as usize] = places.len();
        }
        places.push((index, is_buy));
    })
}

fn rust_ob_book(stream: &Stream) -> Duration {
    let mut book = rust_ob::OrderBook::new();
    let mut number = 0usize;
    let side = |is_buy| if is_buy { rust_ob::Side::Buy } else { rust_ob::Side::Sell };
    run(stream, |operation| {
        match operation {
            Operation::Limit(is_buy, price, quantity) => {
                drop(book.process_limit_order(number, side(is_buy), Decimal::from(price), Decimal::from(quantity)));
            }
            Operation::Market(is_buy, quantity) => {
                drop(book.process_market_order(number, side(is_buy), Decimal::from(quantity)));
            }
            Operation::Cancel(order) => return drop(book.cancel_order(order)),
        }
        number += 1;
    })
}

fn bourse(stream: &Stream) -> Duration {
    let mut book: bourse_book::OrderBook = bourse_book::OrderBook::new(0, 1, true);
    let side = |is_buy| if is_buy { bourse_book::types::Side::Bid } else { bourse_book::types::Side::Ask };
    let mut time = 0;
    run(stream, |operation| {
        time += 1;
        book.set_time(time);
        let (is_buy, price, quantity) = match operation {
            Operation::Limit(is_buy, price, quantity) => (is_buy, Some(price as u32), quantity),
            Operation::Market(is_buy, quantity) => (is_buy, None, quantity),
            Operation::Cancel(order) => return book.cancel_order(order),
        };
        let order = book.create_order(side(is_buy), quantity as u32, 0, price).unwrap();
        book.place_order(order);
    })
}

const ACCOUNTS: u64 = 64;
const FAR_FUTURE: TimeUs = TimeUs(4_000_000_000_000_000);

fn engine(stream: &Stream) -> Duration {
    let mut engine = funded_engine();
    let mut events = Vec::new();
    let commands = |operations: &[Operation], number: &mut usize| -> Vec<Command> {
        operations.iter().map(|operation| command(*operation, number)).collect()
    };
    let mut number = 0;
    let (filling, timed) = (commands(&stream.filling, &mut number), commands(&stream.timed, &mut number));
    let mut apply = |commands: &[Command]| {
        for (place, command) in commands.iter().enumerate() {
            events.clear();
            let time = TimeUs(engine.time().0 + u64::from(place % 2 == 0));
            engine.apply(engine.seq().next(), time, command, &mut events);
        }
    };
    apply(&filling);
    let start = Instant::now();
    apply(&timed);
    let elapsed = start.elapsed();
    engine.check_invariants().unwrap();
    elapsed
}

fn command(operation: Operation, number: &mut usize) -> Command {
    let id = |number: usize| format!("o{number}").parse::<ClientOrderId>().unwrap();
    let account = |number: usize| AccountId(AccountId::FIRST_USER.0 + number as u64 % ACCOUNTS);
    let place = |number: usize, is_buy, kind| {
        Action::PlaceOrder(PlaceOrder {
            account: account(number),
            symbol: SymbolId(0),
            side: side(is_buy),
            client_order_id: id(number),
            kind,
            stp: None,
            strategy: None,
        })
    };
    let action = match operation {
        Operation::Limit(is_buy, price, quantity) => {
            place(*number, is_buy, OrderKind::Limit(Price(price), Quantity(quantity), TimeInForce::Gtc))
        }
        Operation::Market(is_buy, quantity) => {
            place(*number, is_buy, OrderKind::Market(MarketSize::Base(Quantity(quantity))))
        }
        Operation::Cancel(order) => Action::CancelOrder(CancelOrder {
            account: account(order),
            symbol: SymbolId(0),
            // Every order of the stream is accepted, so its id is its number from 1.
            order_id: Some(OrderId(order as u64 + 1)),
            client_order_id: None,
            cancel_id: id(order),
            restriction: None,
        }),
    };
    *number += usize::from(!matches!(operation, Operation::Cancel(_)));
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let unique =
        u128::from(NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Command { origin: Origin::Client(CommandId(unique.to_le_bytes()), FAR_FUTURE), action }
}

fn funded_engine() -> Engine {
    let mut engine = Engine::new(7);
    let asset = |code: &str| Asset {
        code: code.parse().unwrap(),
        ledger_scale: 8,
        display_scale: 8,
        supply_cap: Amount(SUPPLY_CAP_MAX),
    };
    let lot = LotFilter { min: Quantity(1), max: Quantity(1_000_000_000), step: Quantity(1) };
    let fees = FeeRates { maker: Rate(100_000), taker: Rate(100_000) };
    let rules = SymbolRules {
        price: PriceFilter { min: Price(1), max: Price(MID * 10), tick: Price(1) },
        lot,
        market_lot: lot,
        notional: NotionalFilter {
            min: Amount(1),
            min_to_market: true,
            max: None,
            max_to_market: false,
            average_minutes: 5,
        },
        percent_price: None,
        orders_max: u32::MAX,
        position_max: None,
        order_types: OrderType::ALL.to_vec(),
        quote_quantity_market: true,
        stp_default: StpMode::None,
        stp_allowed: StpMode::ALL.to_vec(),
        fees: vec![fees],
    };
    let symbol = SymbolSpec {
        name: "BTCUSDT".parse().unwrap(),
        base: AssetId(0),
        quote: AssetId(1),
        price_scale: 2,
        quantity_scale: 5,
        rules,
        status: SymbolStatus::Trading,
    };
    let options = Options { order_counts: OrderCountLimits::default(), ..Options::default() };
    let genesis = Genesis {
        rules_version: 1,
        mode: Mode::Sandbox,
        assets: vec![asset("BTC"), asset("USDT")],
        symbols: vec![symbol],
        options,
    };
    let mut events = Vec::new();
    let mut apply = |origin, action| {
        engine.apply(engine.seq().next(), TimeUs(1), &Command { origin, action }, &mut events);
    };
    apply(Origin::Sequencer, Action::Genesis(Box::new(genesis)));
    let mut actions = vec![Action::CreateAccount(AccountKind::User); ACCOUNTS as usize];
    for account in 0..ACCOUNTS {
        actions.extend([AssetId(0), AssetId(1)].map(|asset| {
            Action::Transfer(Transfer {
                reason: TransferReason::Deposit,
                from: AccountId::EXTERNAL,
                to: AccountId(AccountId::FIRST_USER.0 + account),
                asset,
                amount: Amount(1 << 80),
                reference: "".parse().unwrap(),
            })
        }));
    }
    for (n, action) in (1..).zip(actions) {
        apply(Origin::Service(SourceId::USERS, n), action);
    }
    engine
}
