//! Tables that stand where the test lets them stand, and may move on with every question.

use super::TestVenue;
use super::venue::Moment;
use crate::cold_start::Tables;
use async_trait::async_trait;
use emporion_model::event::Bucket;
use emporion_model::{AccountId, AggTradeId, Asset, AssetId, Mode, OrderId, Seq, Symbol, SymbolId, TimeUs, TradeId};
use emporion_ports::store::StoreError;
use emporion_ports::tables::{
    AggTradeRow, Answer, At, BookSnapshot, FillRow, Kline, KlineInterval, KlineQueries, ListRange, ProjectedHead,
    Projection, TableDigest, TradeQueries, TradeRow, Venue, VenueQueries, Waited,
};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Answers as the tables would after some batch of a [`TestVenue`].
pub(crate) struct FakeTables {
    moments: Vec<Moment>,
    trades: Vec<TradeRow>,
    buckets: Vec<Bucket>,
    /// The moment of the next answer, and by how many each answer moves on.
    at: Mutex<usize>,
    steps: Box<dyn Fn(usize) -> usize + Send + Sync>,
    mode: Mode,
}

impl FakeTables {
    /// Tables that are up to date and stay there.
    pub(crate) fn new(venue: &TestVenue) -> Arc<Self> {
        Self::moving(venue, venue.moments.len() - 1, |_| 0)
    }

    /// The same of a venue whose money is real.
    pub(crate) fn live(venue: &TestVenue) -> Arc<Self> {
        let mut tables = Self::new(venue);
        Arc::get_mut(&mut tables).unwrap().mode = Mode::Live;
        tables
    }

    /// Tables that begin at a moment and move on by `steps(moment)` after each answer.
    pub(crate) fn moving(
        venue: &TestVenue,
        at: usize,
        steps: impl Fn(usize) -> usize + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            moments: venue.moments.clone(),
            trades: venue.trades.clone(),
            buckets: venue.buckets.clone(),
            at: Mutex::new(at),
            steps: Box::new(steps),
            mode: Mode::Sandbox,
        })
    }

    fn answer<T>(&self, value: impl FnOnce(&Moment) -> T) -> Answer<T> {
        let mut at = self.at.lock();
        let moment = &self.moments[*at];
        *at = (*at + (self.steps)(*at)).min(self.moments.len() - 1);
        Ok(At { seq: moment.head.seq, time: moment.head.time, value: value(moment) })
    }
}

impl From<Arc<FakeTables>> for Tables {
    fn from(tables: Arc<FakeTables>) -> Self {
        Self { venue: tables.clone(), trades: tables.clone(), klines: tables.clone(), projection: tables }
    }
}

#[async_trait]
impl Projection for FakeTables {
    async fn projected(&self) -> Result<ProjectedHead, StoreError> {
        Ok(self.moments[*self.at.lock()].head.into())
    }

    async fn wait_projected(&self, seq: Seq, _: Duration) -> Result<Waited, StoreError> {
        let reached = self.projected().await?.seq >= seq;
        Ok(if reached { Waited::Reached } else { Waited::TimedOut })
    }

    async fn digests(&self) -> Answer<Vec<TableDigest>> {
        Err(StoreError::Failed("market data compares no tables".into()))
    }
}

#[async_trait]
impl VenueQueries for FakeTables {
    async fn venue(&self) -> Answer<Option<Venue>> {
        self.answer(|moment| {
            let rules_version = moment.head.rules_version;
            Some(Venue { mode: self.mode, rules_version, options: emporion_model::Options::default() })
        })
    }

    async fn assets(&self) -> Answer<Vec<(AssetId, Asset)>> {
        self.answer(|moment| (0..).map(AssetId).zip(moment.assets.iter().cloned()).collect())
    }

    async fn symbols(&self) -> Answer<Vec<Symbol>> {
        self.answer(|moment| moment.symbols.clone())
    }

    async fn book_snapshots(&self) -> Answer<Vec<BookSnapshot>> {
        self.answer(|moment| moment.books.clone())
    }
}

#[async_trait]
impl TradeQueries for FakeTables {
    async fn trades(&self, symbol: SymbolId, range: ListRange<TradeId>, limit: u32) -> Answer<Vec<TradeRow>> {
        self.answer(|moment| {
            let trades = self.trades[..moment.trades].iter().filter(|trade| trade.symbol == symbol).copied();
            part(trades, range, limit, |trade| (trade.trade_id, trade.time))
        })
    }

    async fn agg_trades(&self, symbol: SymbolId, range: ListRange<AggTradeId>, limit: u32) -> Answer<Vec<AggTradeRow>> {
        self.answer(|moment| {
            let mut runs: BTreeMap<AggTradeId, AggTradeRow> = BTreeMap::new();
            for trade in self.trades[..moment.trades].iter().filter(|trade| trade.symbol == symbol) {
                let run = runs.entry(trade.agg_trade_id).or_insert(AggTradeRow {
                    symbol,
                    agg_trade_id: trade.agg_trade_id,
                    price: trade.price,
                    quantity: emporion_model::Quantity::ZERO,
                    first_trade_id: trade.trade_id,
                    last_trade_id: trade.trade_id,
                    taker_side: trade.taker_side,
                    time: trade.time,
                });
                run.quantity.0 += trade.quantity.0;
                run.last_trade_id = trade.trade_id;
            }
            part(runs.into_values(), range, limit, |run| (run.agg_trade_id, run.time))
        })
    }

    async fn fills(
        &self,
        _: AccountId,
        _: SymbolId,
        _: Option<OrderId>,
        _: ListRange<TradeId>,
        _: u32,
    ) -> Answer<Vec<FillRow>> {
        Err(StoreError::Failed("market data asks for nobody's fills".into()))
    }
}

#[async_trait]
impl KlineQueries for FakeTables {
    async fn klines(
        &self,
        symbol: SymbolId,
        interval: KlineInterval,
        start: Option<TimeUs>,
        end: Option<TimeUs>,
        limit: u32,
    ) -> Answer<Vec<Kline>> {
        self.answer(|moment| {
            let mut klines: BTreeMap<u64, Kline> = BTreeMap::new();
            for bucket in self.buckets[..moment.buckets].iter().filter(|bucket| bucket.symbol == symbol) {
                let second = interval.start_of(bucket.second);
                match klines.get_mut(&second) {
                    Some(kline) => kline.append(bucket),
                    None => {
                        klines.insert(second, Kline { interval, bucket: Bucket { second, ..*bucket } });
                    }
                }
            }
            let time = |kline: &Kline| (kline.bucket.second, TimeUs::from_second(kline.bucket.second));
            part(klines.into_values(), ListRange::Times { start, end }, limit, time)
        })
    }
}

/// The part of an ascending list that a range and a limit leave.
fn part<T, Id: PartialOrd>(
    all: impl Iterator<Item = T>,
    range: ListRange<Id>,
    limit: u32,
    key: impl Fn(&T) -> (Id, TimeUs),
) -> Vec<T> {
    let limit = limit as usize;
    match range {
        ListRange::FromId(from) => all.filter(|row| key(row).0 >= from).take(limit).collect(),
        ListRange::Times { start, end } => {
            let in_time = |row: &T| {
                let (_, time) = key(row);
                start.is_none_or(|start| time >= start) && end.is_none_or(|end| time <= end)
            };
            let mut rows: Vec<T> = all.filter(in_time).collect();
            if start.is_some() {
                rows.truncate(limit);
            } else {
                rows.drain(..rows.len().saturating_sub(limit));
            }
            rows
        }
    }
}
