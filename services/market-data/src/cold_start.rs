//! From the tables to a fold that the journal's newest rows can be applied to.
//!
//! The tables move on while they are read, so each answer may be of a later seq than the one before. The
//! fold begins at the earliest of them, and every part takes only what it does not have yet.

use crate::fold::{Book, Fold, FoldError, Market, Series, Tape, Venue, View, series, tape};
use emporion_model::event::Bucket;
use emporion_model::{Seq, Side, Symbol, SymbolId, TimeUs, TradeId};
use emporion_ports::store::StoreError;
use emporion_ports::tables::{
    At, BookSnapshot, KlineInterval, KlineQueries, ListRange, Projection, Queries, TradeQueries, VenueQueries,
};
use std::sync::Arc;

/// How many trades one question asks for.
const TRADES_PER_ANSWER: u32 = 1_000;

/// The questions that market data asks of the tables.
#[derive(Clone)]
pub struct Tables {
    /// About the venue and its books.
    pub venue: Arc<dyn VenueQueries>,
    /// About trades.
    pub trades: Arc<dyn TradeQueries>,
    /// About klines.
    pub klines: Arc<dyn KlineQueries>,
    /// About how far they are.
    pub projection: Arc<dyn Projection>,
}

impl From<Arc<dyn Queries>> for Tables {
    fn from(queries: Arc<dyn Queries>) -> Self {
        Self { venue: queries.clone(), trades: queries.clone(), klines: queries.clone(), projection: queries }
    }
}

/// Why the tables do not make a fold.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ColdStartError {
    /// They cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// They contradict themselves.
    #[error("the tables make no market: {0}")]
    Fold(#[from] FoldError),
}

/// A fold at the state of the tables. What comes next are the batches after its view's seq.
pub(crate) async fn cold_start(tables: &Tables) -> Result<Fold, ColdStartError> {
    let venue = tables.venue.venue().await?;
    let mut start = Start { tables, seq: venue.seq, time: venue.time };
    let symbols = tables.venue.symbols().await?;
    // After the symbols, so that no symbol's asset is missing.
    let assets = tables.venue.assets().await?;
    let books = tables.venue.book_snapshots().await?;
    start.note(&symbols);
    start.note(&assets);
    start.note(&books);
    let options = venue.value.map(|venue| venue.options).unwrap_or_default();
    let mut listed = Venue::new(options, assets.value.into_iter().map(|(_, asset)| asset).collect());
    let mut snapshots = books.value.into_iter().peekable();
    for symbol in symbols.value {
        let snapshot = snapshots.next_if(|snapshot| snapshot.symbol == symbol.id);
        let market = start.market(&listed, &symbol, books.seq, snapshot).await?;
        listed.list(symbol, market)?;
    }
    Ok(Fold::restore(View { seq: start.seq, time: start.time, venue: Arc::new(listed), ..View::default() }))
}

/// A cold start on its way.
struct Start<'t> {
    tables: &'t Tables,
    /// The earliest answer's seq, after which the journal is read.
    seq: Seq,
    /// The earliest answer's time.
    time: TimeUs,
}

impl Start<'_> {
    fn note<T>(&mut self, answer: &At<T>) {
        self.seq = self.seq.min(answer.seq);
        self.time = self.time.min(answer.time);
    }

    async fn market(
        &mut self,
        venue: &Venue,
        symbol: &Symbol,
        book_seq: Seq,
        snapshot: Option<BookSnapshot>,
    ) -> Result<Market, ColdStartError> {
        let scales = venue.scales(&symbol.spec)?;
        let book = snapshot.map(book_of).unwrap_or_default();
        let series = self.series(symbol.id).await?;
        let first_open = series.last().map_or(TradeId(0), |last| TradeId(last.last_trade_id.0 + 1));
        let tape = self.tape(symbol.id).await?;
        let mut market = Market::restore(scales, self.time, book_seq, book, tape, series);
        self.record_from(&mut market, symbol.id, first_open).await?;
        Ok(market)
    }

    /// The closed seconds.
    async fn series(&mut self, symbol: SymbolId) -> Result<Series, ColdStartError> {
        let klines = &self.tables.klines;
        let kept_from = TimeUs::from_second(self.time.second().saturating_sub(series::KEPT_SECONDS));
        let second = KlineInterval::Second;
        let kept = klines.klines(symbol, second, Some(kept_from), None, u32::MAX).await?;
        self.note(&kept);
        let before = match kept_from.0.checked_sub(1) {
            Some(end) => klines.klines(symbol, second, None, Some(TimeUs(end)), 1).await?.value.pop(),
            None => None,
        };
        let buckets: Vec<Bucket> = kept.value.into_iter().map(|kline| kline.bucket).collect();
        Ok(Series::restore(kept.time.second(), before.map(|kline| kline.bucket), buckets))
    }

    async fn tape(&mut self, symbol: SymbolId) -> Result<Tape, ColdStartError> {
        let limit = tape::TAPE_LENGTH as u32;
        let trades = self.tables.trades.trades(symbol, ListRange::LATEST, limit).await?;
        let runs = self.tables.trades.agg_trades(symbol, ListRange::LATEST, limit).await?;
        self.note(&trades);
        self.note(&runs);
        Ok(Tape::restore(trades.value, runs.value))
    }

    /// Adds the trades from `first` on: those of the second that is still open, and of any that closed since.
    async fn record_from(
        &mut self,
        market: &mut Market,
        symbol: SymbolId,
        first: TradeId,
    ) -> Result<(), ColdStartError> {
        let mut from = first;
        loop {
            let trades = self.tables.trades.trades(symbol, ListRange::FromId(from), TRADES_PER_ANSWER).await?.value;
            for trade in &trades {
                market.record(trade)?;
                from = TradeId(trade.trade_id.0 + 1);
            }
            if trades.len() < TRADES_PER_ANSWER as usize {
                return Ok(());
            }
        }
    }
}

fn book_of(snapshot: BookSnapshot) -> Book {
    let mut book = Book::new(snapshot.depth_id);
    for (side, levels) in [(Side::Buy, snapshot.bids), (Side::Sell, snapshot.asks)] {
        for level in levels {
            book.grow(side, level.price, level.quantity, snapshot.depth_id);
        }
    }
    book
}
