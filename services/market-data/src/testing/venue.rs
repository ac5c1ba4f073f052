//! A venue driven by scripts: the engine, its journal, and what the tables would hold after each batch.

use emporion_engine::Engine;
use emporion_model::event::Bucket;
use emporion_model::journal::{BatchBuilder, Head, JournalRow};
use emporion_model::symbol::{
    FeeRates, LotFilter, Multiplier, NotionalFilter, PercentPriceFilter, PriceFilter, SymbolRules,
};
use emporion_model::{
    AccountId, AccountKind, Action, Amount, Asset, AssetId, CancelOrder, Command, CommandId, Event, Genesis,
    MarketSize, Mode, Options, OrderId, OrderKind, OrderType, Origin, PlaceOrder, Price, Quantity, Rate, Seq, Side,
    SourceId, StpMode, Symbol, SymbolId, SymbolSpec, SymbolStatus, TimeInForce, TimeUs, Transfer, TransferReason,
};
use emporion_ports::feed::CommittedBatch;
use emporion_ports::tables::{BookSnapshot, Level, TradeRow};
use std::sync::Arc;

pub(crate) const ALICE: AccountId = AccountId(1_000);
pub(crate) const BOB: AccountId = AccountId(1_001);
pub(crate) const BTCUSDT: SymbolId = SymbolId(0);
pub(crate) const ETHBTC: SymbolId = SymbolId(1);

/// What the tables hold after a batch. Trades and buckets are the first so many of all.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) head: Head,
    pub(crate) assets: Vec<Asset>,
    pub(crate) symbols: Vec<Symbol>,
    pub(crate) books: Vec<BookSnapshot>,
    pub(crate) trades: usize,
    pub(crate) buckets: usize,
}

pub(crate) struct TestVenue {
    engine: Engine,
    head: Head,
    time: TimeUs,
    pending: BatchBuilder,
    seq: Seq,
    commands: u64,
    /// The book of every symbol after the last command.
    books: Vec<BookSnapshot>,
    pub(crate) trades: Vec<TradeRow>,
    pub(crate) buckets: Vec<Bucket>,
    pub(crate) rows: Vec<JournalRow>,
    pub(crate) moments: Vec<Moment>,
}

impl TestVenue {
    /// BTC, ETH and USDT, BTCUSDT (two decimals of price, five of quantity) and ETHBTC (five and four), and two
    /// accounts with plenty of each asset, all in the first batch at `time_ms`.
    pub(crate) fn new(time_ms: u64) -> Self {
        let mut venue = Self {
            engine: Engine::new(0),
            head: Head { history: emporion_model::History(1), ..Head::default() },
            time: TimeUs::from_millis(time_ms),
            pending: BatchBuilder::default(),
            seq: Seq::ZERO,
            commands: 0,
            books: Vec::new(),
            trades: Vec::new(),
            buckets: Vec::new(),
            rows: Vec::new(),
            moments: Vec::new(),
        };
        venue.apply(Origin::Sequencer, Action::Genesis(Box::new(genesis())));
        for account in [ALICE, BOB] {
            venue.serve(Action::CreateAccount(AccountKind::User));
            for (asset, amount) in
                [(AssetId(0), 10i128.pow(20)), (AssetId(1), 10i128.pow(20)), (AssetId(2), 10i128.pow(22))]
            {
                venue.serve(Action::Transfer(Transfer {
                    reason: TransferReason::Deposit,
                    from: AccountId::EXTERNAL,
                    to: account,
                    asset,
                    amount: Amount(amount),
                    reference: "".parse().unwrap(),
                }));
            }
        }
        venue.commit();
        venue
    }

    /// Commits what is pending and lets commands come at `time_ms` from now on.
    pub(crate) fn at(&mut self, time_ms: u64) -> &mut Self {
        self.commit();
        self.time = TimeUs::from_millis(time_ms);
        self
    }

    /// A batch of nothing but time.
    pub(crate) fn tick(&mut self) -> &mut Self {
        self.apply(Origin::Sequencer, Action::Tick);
        self.commit()
    }

    /// Seals what is pending into a row.
    pub(crate) fn commit(&mut self) -> &mut Self {
        let pending = std::mem::take(&mut self.pending);
        if pending.count() == 0 {
            return self;
        }
        let row = pending.seal(&self.head, self.time, self.engine.rules_version());
        self.head = row.head();
        self.rows.push(row);
        self.moments.push(Moment {
            head: self.head,
            assets: self.engine.assets().to_vec(),
            symbols: self.engine.symbols().collect(),
            books: self.books.clone(),
            trades: self.trades.len(),
            buckets: self.buckets.len(),
        });
        self
    }

    /// The committed batches, in order.
    pub(crate) fn batches(&self) -> Vec<Arc<CommittedBatch>> {
        self.rows.iter().map(|row| Arc::new(CommittedBatch::from_row(row).unwrap())).collect()
    }

    /// Where the journal ends.
    pub(crate) fn head(&self) -> Head {
        self.head
    }

    /// A limit order; refused ones stay in the journal like any other.
    pub(crate) fn limit(
        &mut self,
        account: AccountId,
        symbol: SymbolId,
        side: Side,
        price: u64,
        quantity: u64,
    ) -> Option<OrderId> {
        self.place(account, symbol, side, OrderKind::Limit(Price(price), Quantity(quantity), TimeInForce::Gtc), None)
    }

    pub(crate) fn market(
        &mut self,
        account: AccountId,
        symbol: SymbolId,
        side: Side,
        quantity: u64,
    ) -> Option<OrderId> {
        self.place(account, symbol, side, OrderKind::Market(MarketSize::Base(Quantity(quantity))), None)
    }

    pub(crate) fn place(
        &mut self,
        account: AccountId,
        symbol: SymbolId,
        side: Side,
        kind: OrderKind,
        stp: Option<StpMode>,
    ) -> Option<OrderId> {
        let client_order_id = format!("c{}", self.commands).parse().unwrap();
        let place = PlaceOrder { account, symbol, side, client_order_id, kind, stp, strategy: None };
        let events = self.ask(Action::PlaceOrder(place));
        events.iter().find_map(|event| match event {
            Event::OrderPlaced(placed) => Some(placed.order_id),
            _ => None,
        })
    }

    pub(crate) fn cancel(&mut self, account: AccountId, symbol: SymbolId, order_id: OrderId) {
        let cancel_id = format!("x{}", self.commands).parse().unwrap();
        let cancel = CancelOrder {
            account,
            symbol,
            order_id: Some(order_id),
            client_order_id: None,
            cancel_id,
            restriction: None,
        };
        self.ask(Action::CancelOrder(cancel));
    }

    pub(crate) fn set_status(&mut self, symbol: SymbolId, status: SymbolStatus) {
        self.serve(Action::SetSymbolStatus(symbol, status));
    }

    /// Lists one more symbol on BTC and USDT.
    pub(crate) fn add_symbol(&mut self, name: &str) {
        self.serve(Action::AddSymbol(Box::new(symbol(name, 0, 2, 2, 5))));
    }

    fn ask(&mut self, action: Action) -> Vec<Event> {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.commands.to_le_bytes());
        self.apply(Origin::Client(CommandId(id), self.time.plus_us(1_000_000)), action)
    }

    fn serve(&mut self, action: Action) -> Vec<Event> {
        let n = self.engine.source_n(SourceId::OPERATOR) + 1;
        self.apply(Origin::Service(SourceId::OPERATOR, n), action)
    }

    fn apply(&mut self, origin: Origin, action: Action) -> Vec<Event> {
        let command = Command { origin, action };
        let mut events = Vec::new();
        self.seq = self.seq.next();
        self.commands += 1;
        self.engine.apply(self.seq, self.time, &command, &mut events);
        self.pending.push(&command, &events);
        self.note(&events);
        events
    }

    /// Notes what the tables would: trades, closed buckets, and, out of the engine, the books.
    fn note(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::Traded(trade) => self.trades.push(TradeRow {
                    symbol: trade.symbol,
                    trade_id: trade.trade_id,
                    agg_trade_id: trade.agg_trade_id,
                    price: trade.price,
                    quantity: trade.quantity,
                    notional: trade.notional,
                    taker_side: trade.taker_side,
                    time: self.time,
                }),
                Event::BucketClosed(bucket) => self.buckets.push(*bucket),
                _ => {}
            }
        }
        for symbol in self.engine.symbols() {
            let levels = |side| {
                let level = |level: emporion_engine::BookLevel| Level {
                    price: level.price,
                    quantity: Quantity(level.quantity.try_into().unwrap()),
                };
                self.engine.levels(symbol.id, side).map(level).collect::<Vec<_>>()
            };
            let (bids, asks) = (levels(Side::Buy), levels(Side::Sell));
            match self.books.get_mut(usize::from(symbol.id.0)) {
                None => self.books.push(BookSnapshot { symbol: symbol.id, depth_id: Seq::ZERO, bids, asks }),
                Some(book) if (&book.bids, &book.asks) != (&bids, &asks) => {
                    *book = BookSnapshot { symbol: symbol.id, depth_id: self.seq, bids, asks };
                }
                Some(_) => {}
            }
        }
    }
}

fn genesis() -> Genesis {
    let asset = |code: &str, ledger_scale| Asset {
        code: code.parse().unwrap(),
        ledger_scale,
        display_scale: 8,
        supply_cap: Amount(10i128.pow(25)),
    };
    Genesis {
        rules_version: 1,
        mode: Mode::Sandbox,
        assets: vec![asset("BTC", 12), asset("ETH", 12), asset("USDT", 8)],
        symbols: vec![symbol("BTCUSDT", 0, 2, 2, 5), symbol("ETHBTC", 1, 0, 5, 4)],
        options: Options::default(),
    }
}

fn symbol(name: &str, base: u16, quote: u16, price_scale: u8, quantity_scale: u8) -> SymbolSpec {
    SymbolSpec {
        name: name.parse().unwrap(),
        base: AssetId(base),
        quote: AssetId(quote),
        price_scale,
        quantity_scale,
        rules: rules(),
        status: SymbolStatus::Trading,
    }
}

fn rules() -> SymbolRules {
    SymbolRules {
        price: PriceFilter { min: Price(1), max: Price(100_000_000), tick: Price(1) },
        lot: LotFilter { min: Quantity(1), max: Quantity(900_000_000), step: Quantity(1) },
        market_lot: LotFilter { min: Quantity(0), max: Quantity(10_000_000), step: Quantity(0) },
        notional: NotionalFilter {
            min: Amount(0),
            min_to_market: true,
            max: Some(Amount(9_000_000 * 10i128.pow(8))),
            max_to_market: false,
            average_minutes: 5,
        },
        percent_price: Some(PercentPriceFilter {
            bid_up: Multiplier(50_000),
            bid_down: Multiplier(2_000),
            ask_up: Multiplier(50_000),
            ask_down: Multiplier(2_000),
            average_minutes: 5,
        }),
        orders_max: 200,
        position_max: None,
        order_types: vec![OrderType::Limit, OrderType::LimitMaker, OrderType::Market],
        quote_quantity_market: true,
        stp_default: StpMode::None,
        stp_allowed: vec![
            StpMode::None,
            StpMode::ExpireMaker,
            StpMode::ExpireTaker,
            StpMode::ExpireBoth,
            StpMode::Decrement,
        ],
        fees: vec![FeeRates { maker: Rate(100_000), taker: Rate(150_000) }],
    }
}
