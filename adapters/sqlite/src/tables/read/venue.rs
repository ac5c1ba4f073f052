//! The venue, assets, symbols and books.

use std::collections::BTreeMap;

use emporion_model::{Asset, AssetId, Price, Quantity, Seq, Side, Symbol, SymbolId, SymbolSpec};
use emporion_ports::tables::{BookSnapshot, Level, Venue};
use rusqlite::{Connection, Row};

use super::orders::{OPEN_ORDERS, read_order};
use crate::values::{description, get};

const SELECT_VENUE: &str = "select mode, rules_version, options from venue where mode is not null";
const SELECT_ASSETS: &str = "select asset, description from assets order by asset";
const SELECT_SYMBOLS: &str = "select symbol, status, description from symbols order by symbol";
const SELECT_DEPTH_IDS: &str = "select symbol, depth_id from symbols order by symbol";

pub(crate) fn venue(connection: &Connection) -> rusqlite::Result<Option<Venue>> {
    use rusqlite::OptionalExtension;
    let read =
        |row: &Row<'_>| Ok(Venue { mode: get(row, 0)?, rules_version: row.get(1)?, options: description(row, 2)? });
    connection.prepare_cached(SELECT_VENUE)?.query_row([], read).optional()
}

pub(crate) fn assets(connection: &Connection) -> rusqlite::Result<Vec<(AssetId, Asset)>> {
    let read = |row: &Row<'_>| Ok((get(row, 0)?, description(row, 1)?));
    connection.prepare_cached(SELECT_ASSETS)?.query_map([], read)?.collect()
}

pub(crate) fn symbols(connection: &Connection) -> rusqlite::Result<Vec<Symbol>> {
    let read = |row: &Row<'_>| {
        let spec = SymbolSpec { status: get(row, 1)?, ..description(row, 2)? };
        Ok(Symbol { id: get(row, 0)?, spec })
    };
    connection.prepare_cached(SELECT_SYMBOLS)?.query_map([], read)?.collect()
}

/// A book is what its open orders still work for.
pub(crate) fn book_snapshots(connection: &Connection) -> rusqlite::Result<Vec<BookSnapshot>> {
    let mut books: BTreeMap<SymbolId, Book> = BTreeMap::new();
    for order in connection.prepare_cached(OPEN_ORDERS)?.query_map([], read_order)? {
        let order = order?;
        if let Some(price) = order.kind.price() {
            let level = books.entry(order.symbol).or_default().side(order.side).entry(price).or_default();
            *level = level.saturating_add(u128::from(order.remaining().0));
        }
    }
    let read = |row: &Row<'_>| {
        let (symbol, depth_id): (SymbolId, Seq) = (get(row, 0)?, get(row, 1)?);
        Ok(books.remove(&symbol).unwrap_or_default().snapshot(symbol, depth_id))
    };
    connection.prepare_cached(SELECT_DEPTH_IDS)?.query_map([], read)?.collect()
}

/// Quantity by price, per side.
#[derive(Default)]
struct Book {
    bids: BTreeMap<Price, u128>,
    asks: BTreeMap<Price, u128>,
}

impl Book {
    fn side(&mut self, side: Side) -> &mut BTreeMap<Price, u128> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    fn snapshot(self, symbol: SymbolId, depth_id: Seq) -> BookSnapshot {
        let level = |(price, quantity): (Price, u128)| Level { price, quantity: capped(quantity) };
        BookSnapshot {
            symbol,
            depth_id,
            bids: self.bids.into_iter().rev().map(level).collect(),
            asks: self.asks.into_iter().map(level).collect(),
        }
    }
}

/// A level beyond what a quantity can be is shown as the largest one.
fn capped(quantity: u128) -> Quantity {
    Quantity(u64::try_from(quantity).unwrap_or(u64::MAX))
}
