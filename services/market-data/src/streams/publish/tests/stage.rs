//! Fold, publisher and clients over one venue's journal, moved on step by step.

use super::client::{Client, Rule, levels};
use super::recorder::Recorder;
use super::stream;
use crate::cold_start::cold_start;
use crate::fold::{Book, Fold, Listing};
use crate::streams::name::{Kind, Speed, Stream};
use crate::streams::publish::Publisher;
use crate::testing::{FakeTables, TestVenue};
use emporion_api::wire::{AggTradeEvent, BookTickerEvent, Depth, TradeEvent};
use emporion_model::{Event, Seq, Side, SymbolName};
use emporion_ports::feed::CommittedBatch;
use emporion_ports::tables::Projection;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Symbols that clients hear; the last one may be listed late, or never.
const SYMBOLS: [&str; 3] = ["BTCUSDT", "ETHBTC", "BTC1USDT"];
const TOPS: [u8; 3] = [5, 10, 20];
pub(super) const SPEEDS: [Speed; 2] = [Speed::Ms100, Speed::Ms1000];

pub(super) struct Stage<'v> {
    venue: &'v TestVenue,
    batches: Vec<Arc<CommittedBatch>>,
    fold: Fold,
    publisher: Publisher<Recorder>,
    recorder: Recorder,
    /// How far the journal is known to be committed. No snapshot is given out before the fold is there.
    committed: Seq,
    /// The last command that any fold held; trades up to it are not told again.
    reached: Seq,
    /// The trades that must have been told.
    expected: BTreeMap<SymbolName, Vec<u64>>,
    clients: Vec<Client>,
    /// What is known of the best levels, as the stream told them last.
    best: BTreeMap<SymbolName, BookTickerEvent>,
    tops: BTreeMap<Stream, Depth>,
    trades: BTreeMap<SymbolName, Vec<TradeEvent>>,
    runs: BTreeMap<SymbolName, Vec<AggTradeEvent>>,
}

impl<'v> Stage<'v> {
    /// A stage that begins with tables as after the batch `moment`, which move on at `pace` while they are read.
    pub(super) fn new(venue: &'v TestVenue, moment: usize, pace: usize) -> Self {
        let recorder = Recorder::default();
        for symbol in SYMBOLS {
            let tops = SPEEDS.into_iter().flat_map(|speed| TOPS.map(|levels| Kind::PartialDepth(levels, speed)));
            let others = [Kind::Trade, Kind::AggTrade, Kind::BookTicker];
            tops.chain(others).for_each(|kind| recorder.want(stream(symbol, kind)));
        }
        let clients = SYMBOLS.iter().flat_map(|symbol| {
            SPEEDS
                .into_iter()
                .flat_map(move |speed| Rule::ALL.map(|rule| Client::new(symbol.parse().unwrap(), speed, rule)))
        });
        let mut stage = Self {
            venue,
            batches: venue.batches(),
            fold: Fold::default(),
            publisher: Publisher::new(recorder.clone()),
            recorder,
            committed: Seq::ZERO,
            reached: Seq::ZERO,
            expected: BTreeMap::new(),
            clients: clients.collect(),
            best: BTreeMap::new(),
            tops: BTreeMap::new(),
            trades: BTreeMap::new(),
            runs: BTreeMap::new(),
        };
        stage.restart(moment, pace);
        stage
    }

    /// Makes the fold anew from the tables. Everybody is cut off.
    pub(super) fn restart(&mut self, moment: usize, pace: usize) {
        let tables = FakeTables::moving(self.venue, moment, move |at| usize::from(pace > 0 && at % pace == 0));
        let (fold, projected) = block_on(async {
            let fold = cold_start(&tables.clone().into()).await.unwrap();
            (fold, tables.projected().await.unwrap().seq)
        });
        self.fold = fold;
        self.committed = self.committed.max(projected);
        (0..self.clients.len()).for_each(|client| self.leave(client));
        self.publisher.begin(self.fold.view());
        self.reached = self.reached.max(self.fold.view().seq);
        self.tops.clear();
        self.best.clear();
        for listing in self.fold.view().venue.listings() {
            self.best.insert(listing.symbol.spec.name, best_of(listing, listing.market.read().book()));
        }
    }

    pub(super) fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Applies the next batch, if there is one.
    pub(super) fn batch(&mut self) -> bool {
        let seq = self.fold.view().seq;
        let Some(batch) = self.batches.iter().find(|batch| batch.first_seq > seq).cloned() else { return false };
        assert_eq!(batch.first_seq, seq.next());
        self.fold.apply(&batch).unwrap();
        self.committed = self.committed.max(batch.head.seq);
        self.publisher.on_batch(self.fold.view(), &batch);
        self.expect_trades(&batch);
        self.hear();
        for listing in self.fold.view().venue.listings() {
            let name = listing.symbol.spec.name;
            if SYMBOLS.contains(&name.as_str()) {
                let nothing = || best_of(listing, &Book::default());
                let told = *self.best.entry(name).or_insert_with(nothing);
                let now = best_of(listing, listing.market.read().book());
                assert_eq!(BookTickerEvent { update_id: now.update_id, ..told }, now);
            }
        }
        true
    }

    /// Ends a window.
    pub(super) fn window(&mut self, speed: Speed) {
        self.publisher.on_window(self.fold.view(), speed);
        self.hear();
        for listing in self.fold.view().venue.listings() {
            let name = listing.symbol.spec.name;
            for levels in TOPS.into_iter().filter(|_| SYMBOLS.contains(&name.as_str())) {
                let top = &self.tops[&Stream::Of(name, Kind::PartialDepth(levels, speed))];
                assert_eq!(*top, depth(listing, usize::from(levels)));
            }
        }
    }

    pub(super) fn connect(&mut self, client: usize) {
        self.clients[client].connect();
        self.recorder.want(self.stream_of(client));
    }

    pub(super) fn leave(&mut self, client: usize) {
        self.clients[client].leave();
        let stream = self.stream_of(client);
        let is_alone =
            !(0..self.clients.len()).any(|other| self.clients[other].is_connected && self.stream_of(other) == stream);
        if is_alone {
            self.recorder.leave(stream);
        }
    }

    /// Sends the client a snapshot, as the REST API would; it may use it later.
    pub(super) fn fetch(&mut self, client: usize) {
        let view = self.fold.view();
        let client = &mut self.clients[client];
        let Some(listing) = view.venue.named(&client.symbol) else { return };
        if view.seq >= self.committed && client.is_connected {
            client.fetch(depth(listing, 5_000));
        }
    }

    /// Lets a client use the snapshot that it got.
    pub(super) fn begin(&mut self, client: usize) {
        self.clients[client].begin();
    }

    /// Applies what is left and expects every client to have the fold's book, and every trade to have been told.
    pub(super) fn finish(mut self) {
        while self.batch() {}
        SPEEDS.into_iter().for_each(|speed| self.window(speed));
        for client in 0..self.clients.len() {
            self.begin(client);
            if !self.clients[client].is_connected {
                self.connect(client);
            }
            self.fetch(client);
            self.begin(client);
            self.assert_book(client);
        }
        for listing in self.fold.view().venue.listings() {
            if SYMBOLS.contains(&listing.symbol.spec.name.as_str()) {
                self.assert_trades(listing);
            }
        }
    }

    fn assert_book(&self, client: usize) {
        let client = &self.clients[client];
        let Some(listing) = self.fold.view().venue.named(&client.symbol) else { return };
        let book = depth(listing, usize::MAX);
        let expected = (book.last_update_id, &levels(&book.bids), &levels(&book.asks));
        assert_eq!(client.book().unwrap(), expected, "{client:?}");
    }

    fn expect_trades(&mut self, batch: &CommittedBatch) {
        if batch.head.seq <= self.reached {
            return;
        }
        self.reached = batch.head.seq;
        for event in batch.entries.iter().flat_map(|entry| &entry.events) {
            if let Event::Traded(trade) = event {
                let name = self.fold.view().venue.listings()[usize::from(trade.symbol.0)].symbol.spec.name;
                self.expected.entry(name).or_default().push(trade.trade_id.0);
            }
        }
    }

    /// Each trade was told once and in order, and each lies in one run.
    fn assert_trades(&self, listing: &Listing) {
        let name = listing.symbol.spec.name;
        let told = self.trades.get(&name).cloned().unwrap_or_default();
        let expected = self.expected.get(&name).cloned().unwrap_or_default();
        assert_eq!(told.iter().map(|trade| trade.trade_id).collect::<Vec<_>>(), expected);
        let runs = self.runs.get(&name).cloned().unwrap_or_default();
        assert!(runs.windows(2).all(|pair| pair[0].id < pair[1].id));
        let mut trades = told.iter();
        for run in runs {
            let inside: Vec<_> = trades.by_ref().take((run.last_trade_id - run.first_trade_id + 1) as usize).collect();
            assert_eq!(inside[0].trade_id, run.first_trade_id);
            let price = |trade: &&TradeEvent| (trade.price, trade.time, trade.is_buyer_maker);
            assert!(inside.iter().all(|trade| price(trade) == (run.price, run.time, run.is_buyer_maker)));
            let quantity: i128 = inside.iter().map(|trade| trade.quantity.scaled(8).unwrap()).sum();
            assert_eq!(run.quantity.scaled(8), Some(quantity));
        }
        assert_eq!(trades.next(), None);
    }

    fn stream_of(&self, client: usize) -> Stream {
        Stream::Of(self.clients[client].symbol, Kind::Depth(self.clients[client].speed))
    }

    fn hear(&mut self) {
        for heard in self.recorder.take() {
            let Stream::Of(symbol, kind) = heard.stream else { panic!("{heard:?}") };
            match kind {
                Kind::Trade => self.trades.entry(symbol).or_default().push(parse(&heard.text)),
                Kind::AggTrade => self.runs.entry(symbol).or_default().push(parse(&heard.text)),
                Kind::BookTicker => {
                    let before = self.best.insert(symbol, parse(&heard.text));
                    assert_ne!(before, self.best.get(&symbol).copied());
                }
                Kind::PartialDepth(..) => {
                    let before = self.tops.insert(heard.stream, parse(&heard.text));
                    assert_ne!(before, self.tops.get(&heard.stream).cloned());
                }
                Kind::Depth(_) => {
                    let event: emporion_api::wire::DepthEvent = parse(&heard.text);
                    assert!(event.first_update_id <= event.last_update_id && event.symbol.0 == symbol);
                    for client in 0..self.clients.len() {
                        if self.clients[client].is_connected && self.stream_of(client) == heard.stream {
                            self.clients[client].hear(event.clone());
                        }
                    }
                }
                _ => panic!("{heard:?}"),
            }
        }
    }
}

fn depth(listing: &Listing, limit: usize) -> Depth {
    let market = listing.market.read();
    let rows = |side| market.book().levels(side, limit).iter().map(|level| listing.level(level)).collect();
    Depth { last_update_id: market.book().depth_id().0, bids: rows(Side::Buy), asks: rows(Side::Sell) }
}

fn best_of(listing: &Listing, book: &Book) -> BookTickerEvent {
    let [[bid_price, bid_qty], [ask_price, ask_qty]] =
        [Side::Buy, Side::Sell].map(|side| listing.level_or_zero(book.best(side)));
    let symbol = listing.symbol.spec.name.into();
    BookTickerEvent { update_id: book.depth_id().0, symbol, bid_price, bid_qty, ask_price, ask_qty }
}

pub(super) fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> T {
    serde_json::from_str(text).unwrap()
}

pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
