//! A venue without a network: the engine itself, so that tests see every trade and every queue.

use super::grid::Grid;
use super::numbers::{Price, Quantity};
use super::plan::{Canceled, Depth, Deviations, Found, Number, Order, Placed, Planner, Seen};
use super::play::{End, Market, Player, Speed};
use super::recording::{BadLine, Changes, Opened, Record, Trade, What};
use crate::Failure;
use emporion_engine::Engine;
use emporion_model::event::Event;
use emporion_model::symbol::{FeeRates, LotFilter, NotionalFilter, PriceFilter};
use emporion_model::{
    self as model, AccountId, AccountKind, Action, Amount, Asset, AssetId, CancelOrder, Command, CommandId, Genesis,
    Mode, OrderId, OrderKind, OrderType, Origin, PlaceOrder, Rate, Reject, Side, SourceId, StpMode, SymbolId,
    SymbolRules, SymbolSpec, SymbolStatus, TimeInForce, TimeUs, Transfer, TransferReason,
};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

const SYMBOL: SymbolId = SymbolId(0);
/// Units of eight decimals in one of the symbol's: prices have two decimals, quantities five.
const PRICE_UNITS: u128 = 1_000_000;
const QUANTITY_UNITS: u128 = 1_000;

/// The engine with three accounts: maker, taker and somebody else.
struct Venue {
    engine: Engine,
    commands: u64,
    /// By client order id.
    orders: BTreeMap<String, State>,
    by_id: BTreeMap<OrderId, String>,
    tape: Vec<Trade>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    executed: Quantity,
    is_open: bool,
}

const MAKER: AccountId = AccountId::FIRST_USER;

fn account(index: u64) -> AccountId {
    AccountId(MAKER.0 + index)
}

impl Venue {
    fn new() -> Self {
        let mut venue = Self {
            engine: Engine::new(1),
            commands: 0,
            orders: BTreeMap::new(),
            by_id: BTreeMap::new(),
            tape: Vec::new(),
        };
        venue.apply(Origin::Sequencer, Action::Genesis(Box::new(genesis())));
        let mut n = 0;
        let mut next = || {
            n += 1;
            Origin::Service(SourceId::USERS, n)
        };
        for (index, kind) in [AccountKind::Replayer, AccountKind::Replayer, AccountKind::User].into_iter().enumerate() {
            venue.apply(next(), Action::CreateAccount(kind));
            for asset in [AssetId(0), AssetId(1)] {
                let transfer = Transfer {
                    reason: TransferReason::Deposit,
                    from: AccountId::EXTERNAL,
                    to: account(index as u64),
                    asset,
                    amount: Amount(10_000_000_000_000_000_000),
                    reference: "test".parse().unwrap(),
                };
                venue.apply(next(), Action::Transfer(transfer));
            }
        }
        venue
    }

    fn apply(&mut self, origin: Origin, action: Action) -> Vec<Event> {
        let mut events = Vec::new();
        self.engine.apply(self.engine.seq().next(), TimeUs(1), &Command { origin, action }, &mut events);
        if !matches!(origin, Origin::Client(..)) {
            assert!(!matches!(events.last(), Some(Event::Rejected(_))), "{events:?}");
        }
        for event in &events {
            self.fold(event);
        }
        events
    }

    fn fold(&mut self, event: &Event) {
        match event {
            Event::OrderPlaced(placed) => {
                let name = placed.client_order_id.to_string();
                self.orders.insert(name.clone(), State::default());
                self.by_id.insert(placed.order_id, name);
            }
            Event::OrderRested(rested) => self.state(rested.order_id).is_open = true,
            Event::OrderClosed(closed) => self.state(closed.order_id).is_open = false,
            Event::Traded(trade) => {
                for fill in [&trade.maker, &trade.taker] {
                    let state = self.state(fill.order_id);
                    state.executed = quantity(fill.executed);
                    state.is_open &= !fill.filled;
                }
                let taker = trade.taker_side;
                self.tape.push(Trade { price: price(trade.price), quantity: quantity(trade.quantity), taker });
            }
            _ => {}
        }
    }

    fn state(&mut self, order_id: OrderId) -> &mut State {
        self.orders.get_mut(&self.by_id[&order_id]).unwrap()
    }

    fn client(&mut self, action: Action) -> Vec<Event> {
        self.commands += 1;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.commands.to_le_bytes());
        self.apply(Origin::Client(CommandId(id), TimeUs(2)), action)
    }

    /// Places a limit order; its state afterwards.
    fn place(&mut self, index: u64, name: &str, order: &Order, time_in_force: TimeInForce) -> Result<State, Reject> {
        let at = model::Price(u64::try_from(order.price.0 / PRICE_UNITS).unwrap());
        let much = model::Quantity(u64::try_from(order.quantity.0 / QUANTITY_UNITS).unwrap());
        let events = self.client(Action::PlaceOrder(PlaceOrder {
            account: account(index),
            symbol: SYMBOL,
            side: order.side,
            client_order_id: name.parse().unwrap(),
            kind: OrderKind::Limit(at, much, time_in_force),
            stp: None,
            strategy: None,
        }));
        match events.last() {
            Some(Event::Rejected(reject)) => Err(*reject),
            _ => Ok(self.orders[name]),
        }
    }

    fn cancel(&mut self, index: u64, name: &str) -> bool {
        let events = self.client(Action::CancelOrder(CancelOrder {
            account: account(index),
            symbol: SYMBOL,
            order_id: None,
            client_order_id: Some(name.parse().unwrap()),
            cancel_id: "cancel".parse().unwrap(),
            restriction: None,
        }));
        !matches!(events.last(), Some(Event::Rejected(_)))
    }

    fn levels(&self, side: Side) -> BTreeMap<Price, Quantity> {
        let levels = self.engine.levels(SYMBOL, side);
        levels.map(|level| (price(level.price), Quantity(level.quantity * QUANTITY_UNITS))).collect()
    }
}

fn price(price: model::Price) -> Price {
    Price(u128::from(price.0) * PRICE_UNITS)
}

fn quantity(quantity: model::Quantity) -> Quantity {
    Quantity(u128::from(quantity.0) * QUANTITY_UNITS)
}

/// BTCUSDT with limits on orders that a recording breaks.
fn genesis() -> Genesis {
    let asset = |code: &str| Asset {
        code: code.parse().unwrap(),
        ledger_scale: 8,
        display_scale: 8,
        supply_cap: Amount(100_000_000_000_000_000_000),
    };
    let most = model::Quantity(900_000_000);
    let lot = LotFilter { min: model::Quantity(1), max: most, step: model::Quantity(1) };
    let notional = NotionalFilter {
        min: Amount(500_000_000),
        min_to_market: false,
        max: None,
        max_to_market: false,
        average_minutes: 5,
    };
    let rules = SymbolRules {
        price: PriceFilter { min: model::Price(1), max: model::Price(100_000_000), tick: model::Price(1) },
        lot,
        market_lot: lot,
        notional,
        percent_price: None,
        orders_max: 200,
        position_max: None,
        order_types: OrderType::ALL.to_vec(),
        quote_quantity_market: true,
        stp_default: StpMode::ExpireMaker,
        stp_allowed: vec![StpMode::ExpireMaker],
        fees: vec![FeeRates { maker: Rate(0), taker: Rate(0) }],
    };
    let spec = SymbolSpec {
        name: "BTCUSDT".parse().unwrap(),
        base: AssetId(0),
        quote: AssetId(1),
        price_scale: 2,
        quantity_scale: 5,
        rules,
        status: SymbolStatus::Trading,
    };
    Genesis {
        rules_version: *emporion_engine::RULES_VERSIONS.end(),
        mode: Mode::Sandbox,
        assets: vec![asset("BTC"), asset("USDT")],
        symbols: vec![spec],
        options: model::Options::default(),
    }
}

fn grid() -> Grid {
    let number = |text: &str| Quantity::parse(text).unwrap();
    Grid {
        price_max: Price::parse("1000000").unwrap(),
        step: number("0.00001"),
        quantity_min: number("0.00001"),
        quantity_max: number("9000"),
        ..super::grid::example()
    }
}

/// The engine as a market; the test keeps a handle on it.
struct Simulated(Rc<RefCell<Venue>>);

fn name(number: Number) -> String {
    format!("own-{number}")
}

impl Market for Simulated {
    async fn cancel(&mut self, numbers: &[Number]) -> Result<Vec<Canceled>, Failure> {
        let mut venue = self.0.borrow_mut();
        let cancel = |number: &Number| {
            let executed = venue.orders[&name(*number)].executed;
            if venue.cancel(0, &name(*number)) { Canceled::Done { executed } } else { Canceled::Unknown }
        };
        Ok(numbers.iter().map(cancel).collect())
    }

    async fn place(&mut self, orders: &[Order]) -> Result<Vec<Placed>, Failure> {
        let mut venue = self.0.borrow_mut();
        let place = |order: &Order| {
            let state = venue.place(0, &name(order.number), order, TimeInForce::Gtc);
            state.map_or(Placed::Refused, |State { executed, is_open }| Placed::Done { executed, is_open })
        };
        Ok(orders.iter().map(place).collect())
    }

    async fn take(&mut self, order: &Order) -> Result<Vec<(Price, Quantity)>, Failure> {
        let mut venue = self.0.borrow_mut();
        let before = venue.tape.len();
        venue.place(1, &name(order.number), order, TimeInForce::Ioc).expect("the taker is refused");
        Ok(venue.tape[before..].iter().map(|trade| (trade.price, trade.quantity)).collect())
    }

    async fn look(&mut self, numbers: &[Number]) -> Result<Vec<Found>, Failure> {
        let venue = self.0.borrow();
        let found = |number: &Number| {
            let State { executed, is_open } = venue.orders[&name(*number)];
            Found { executed, is_open }
        };
        Ok(numbers.iter().map(found).collect())
    }

    async fn depth(&mut self) -> Result<Depth, Failure> {
        let venue = self.0.borrow();
        let half = |side| Seen { levels: venue.levels(side), is_cut: false };
        Ok(Depth { bids: half(Side::Buy), asks: half(Side::Sell) })
    }

    async fn wait(&mut self, _until: Instant) -> Result<(), Failure> {
        Ok(())
    }
}

/// A play of records that a test hands over bit by bit, with others trading in between.
struct Play {
    venue: Rc<RefCell<Venue>>,
    player: Player<Simulated>,
    runtime: tokio::runtime::Runtime,
    _stop: watch::Sender<bool>,
}

impl Play {
    fn new() -> Self {
        let venue = Rc::new(RefCell::new(Venue::new()));
        let (stop, stopped) = watch::channel(false);
        let (market, planner) = (Simulated(venue.clone()), Planner::new(grid()));
        let player = Player::new(market, planner, Speed::FASTEST, Duration::ZERO, stopped);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Self { venue, player, runtime, _stop: stop }
    }

    fn play(&mut self, records: impl IntoIterator<Item = Result<Record, BadLine>>) {
        let end = self.runtime.block_on(self.player.play(records.into_iter(), || {}));
        assert_eq!(end, End::Whole);
        self.venue.borrow().engine.check_invariants().unwrap();
    }

    /// The book changes: levels as `side quantity@price`.
    fn book(&mut self, levels: &[&str]) {
        let mut changes = Changes::default();
        for level in levels {
            let order = order(level);
            let half = if order.side == Side::Buy { &mut changes.bids } else { &mut changes.asks };
            half.push((order.price, order.quantity));
        }
        self.play([Ok(Record { line: 1, at_ns: 0, what: What::Book(changes) })]);
    }

    /// A trade, as its taker's `side quantity@price`.
    fn trade(&mut self, taker: &str) {
        let Order { side, price, quantity, .. } = order(taker);
        let trade = Trade { price, quantity, taker: side };
        self.play([Ok(Record { line: 1, at_ns: 0, what: What::Trade(trade) })]);
    }

    /// Somebody else places an order.
    fn user(&mut self, name: &str, text: &str) {
        self.venue.borrow_mut().place(2, name, &order(text), TimeInForce::Gtc).expect("a user is refused");
    }

    /// What is filled of a user's order.
    fn filled(&self, name: &str) -> String {
        self.venue.borrow().orders[name].executed.to_string()
    }

    /// What was traded since the last call.
    fn tape(&mut self) -> Vec<String> {
        let tape = std::mem::take(&mut self.venue.borrow_mut().tape);
        tape.iter().map(|trade| format!("{:?} {}@{}", trade.taker, trade.quantity, trade.price)).collect()
    }

    /// The venue's bids, the best first, each with how many orders there are.
    fn bids(&self) -> Vec<String> {
        let venue = self.venue.borrow();
        let levels = venue.engine.levels(SYMBOL, Side::Buy);
        let told = levels.map(|level| {
            format!("{}@{}/{}", Quantity(level.quantity * QUANTITY_UNITS), price(level.price), level.orders)
        });
        told.collect()
    }
}

fn order(text: &str) -> Order {
    let (side, rest) = text.split_once(' ').unwrap();
    let (quantity, price) = rest.split_once('@').unwrap();
    let side = if side == "Buy" { Side::Buy } else { Side::Sell };
    Order { number: 0, side, price: Price::parse(price).unwrap(), quantity: Quantity::parse(quantity).unwrap() }
}

fn recording() -> Vec<Record> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/btcusdt_20240808_head.gz");
    let records = Opened::open(&path).unwrap().records(&grid(), 1);
    records.collect::<Result<_, _>>().unwrap()
}

fn trades(records: &[Record]) -> Vec<Trade> {
    let trade = |record: &Record| match record.what {
        What::Trade(trade) => Some(trade),
        What::Book(_) => None,
    };
    records.iter().filter_map(trade).collect()
}

/// The recording's book at its end, put together apart from the planner.
fn last_book(records: &[Record]) -> [BTreeMap<Price, Quantity>; 2] {
    let mut halves = [BTreeMap::new(), BTreeMap::new()];
    for record in records {
        let What::Book(changes) = &record.what else { continue };
        for (half, levels) in halves.iter_mut().zip([&changes.bids, &changes.asks]) {
            half.extend(levels.iter().map(|(price, quantity)| (*price, grid().possible(*price, *quantity))));
            half.retain(|_, quantity| *quantity > Quantity::ZERO);
        }
    }
    halves
}

#[test]
fn the_tape_and_the_last_book_are_the_recordings() {
    let records = recording();
    let mut play = Play::new();
    play.play(records.iter().cloned().map(Ok));
    let recorded = trades(&records);
    assert!(recorded.len() > 300, "the recording has trades");
    assert_eq!(play.venue.borrow().tape, recorded);
    let [bids, asks] = last_book(&records);
    assert_eq!(play.venue.borrow().levels(Side::Buy), bids);
    assert_eq!(play.venue.borrow().levels(Side::Sell), asks);
    let tally = &play.player.tally.trades;
    assert_eq!((tally.recorded, tally.equal, tally.short), (recorded.len() as u64, recorded.len() as u64, 0));
    let one_is_off_the_steps = Deviations { off_grid: 1, ..Deviations::default() };
    assert_eq!(play.player.planner.deviations(), one_is_off_the_steps);
}

#[test]
fn a_users_order_fills_when_the_volume_ahead_of_it_has_passed() {
    let mut play = Play::new();
    play.book(&["Buy 5@100", "Sell 5@101"]);
    play.user("user", "Buy 1@100");
    play.trade("Sell 3@100");
    play.book(&["Buy 2@100"]);
    assert_eq!((play.filled("user"), play.tape()), ("0".to_owned(), vec!["Sell 3@100".to_owned()]));
    play.book(&["Buy 6@100"]);
    assert_eq!(play.bids(), ["7@100/3"], "growth goes behind");
    play.trade("Sell 2@100");
    assert_eq!(play.filled("user"), "0");
    play.trade("Sell 0.4@100");
    assert_eq!(play.filled("user"), "0.4");
    play.trade("Sell 1@100");
    assert_eq!(play.filled("user"), "1");
    assert_eq!(play.tape(), ["Sell 2@100", "Sell 0.4@100", "Sell 0.6@100", "Sell 0.4@100"]);
    let trades = &play.player.tally.trades;
    assert_eq!((trades.equal, trades.met_by_others, trades.short), (3, 1, 0));
    play.book(&["Buy 3@100"]);
    assert_eq!(play.bids(), ["3@100/1"], "the level is what is recorded again");
    assert_eq!(play.player.planner.deviations(), Default::default());
}

#[test]
fn levels_shrink_from_behind_and_keep_what_is_ahead_of_a_user() {
    let mut play = Play::new();
    play.book(&["Buy 5@100", "Sell 5@101"]);
    play.user("user", "Buy 1@100");
    let mut check = |recorded: &str, bids: &[&str], kept_ahead: u64| {
        play.book(&[recorded]);
        assert_eq!(play.bids(), bids, "{recorded}");
        assert_eq!(play.player.planner.deviations().kept_ahead, kept_ahead, "{recorded}");
    };
    check("Buy 8@100", &["9@100/3"], 0);
    check("Buy 6@100", &["7@100/3"], 0);
    check("Buy 4@100", &["6@100/2"], 1);
    check("Buy 4@100", &["6@100/2"], 1);
    check("Buy 7@100", &["8@100/3"], 1);
    check("Buy 5@100", &["6@100/2"], 1);
    check("Buy 0@100", &["1@100/1"], 1);
    check("Buy 2@100", &["3@100/2"], 1);
    play.trade("Sell 1@100");
    assert_eq!(play.filled("user"), "1", "who was left alone is first");
}

#[test]
fn users_at_better_prices_and_in_the_way_are_met_as_on_any_market() {
    let mut play = Play::new();
    play.book(&["Buy 5@100", "Sell 5@102"]);
    play.user("better", "Buy 1@101");
    play.trade("Sell 2@100");
    assert_eq!(play.tape(), ["Sell 1@101", "Sell 1@100"]);
    assert_eq!(play.player.tally.trades.met_by_others, 1);

    play.user("in-the-way", "Sell 1@101");
    play.book(&["Buy 3@101"]);
    assert_eq!((play.filled("in-the-way"), play.tape()), ("1".to_owned(), vec!["Buy 1@101".to_owned()]));
    assert_eq!(play.player.planner.deviations().crossed, 1);

    play.book(&["Buy 0@101"]);
    play.user("before-a-trade", "Sell 1@101");
    play.trade("Sell 2@101");
    assert_eq!(play.filled("before-a-trade"), "1");
    assert_eq!(play.tape(), ["Buy 1@101", "Sell 1@101", "Sell 1@101"], "the trade is printed all the same");
}

#[test]
fn what_a_user_takes_comes_back_with_the_next_change() {
    let mut play = Play::new();
    play.book(&["Buy 5@100", "Buy 4@99", "Sell 5@102"]);
    play.user("first", "Sell 2@100");
    play.book(&[]);
    assert_eq!(play.bids(), ["5@100/2", "4@99/1"]);
    assert_eq!(play.player.planner.deviations().taken_by_others, 1);
    play.user("all", "Sell 7@99");
    play.trade("Sell 1@99");
    play.book(&["Buy 4@100"]);
    assert_eq!(play.bids(), ["4@100/1", "4@99/3"]);
    assert_eq!(play.tape(), ["Sell 2@100", "Sell 3@100", "Sell 2@100", "Sell 2@99", "Sell 1@99"]);
    assert_eq!(play.player.planner.deviations().taken_by_others, 4);
}

#[test]
fn a_user_who_comes_unseen_leaves_no_order_astray() {
    let mut play = Play::new();
    play.book(&["Buy 5@100", "Sell 5@102"]);
    play.trade("Buy 5@102");
    play.user("unseen", "Buy 3@101");
    play.trade("Sell 2@101");
    assert_eq!(play.filled("unseen"), "2", "the maker's order for the trade is behind");
    play.book(&["Buy 4@100"]);
    assert_eq!(play.bids(), ["1@101/1", "4@100/1"], "and does not stay");
}
