//! The venue, assets, symbols and books.

use emporion_model::{Asset, AssetId, Price, Quantity, Seq, Side, Symbol, SymbolId, SymbolSpec, SymbolStatus};
use emporion_ports::store::StoreError;
use emporion_ports::tables::{BookSnapshot, Level, Venue};

use crate::tables::answer::{Question, question};
use crate::tables::values::Cells;

const VENUE: &str = question!("select mode, rules_version, options from venue where mode is not null");
const ASSETS: &str = question!("select asset, description from assets");
const SYMBOLS: &str = question!("select symbol, status, description from symbols");
/// A book is what its open orders still work for. A level beyond what a quantity can be is shown as the largest one.
const BOOKS: &str = question!(
    "select s.symbol, s.depth_id, l.side, l.price, l.quantity from symbols s left join (
        select symbol, side, price,
            least(sum(greatest(quantity - executed - prevented, 0)), 18446744073709551615) as quantity
        from open_orders where price is not null group by symbol, side, price) l on l.symbol = s.symbol"
);

/// One level of a book, or a book without any.
pub(crate) type BookLine = (SymbolId, Seq, Option<(Side, Price, Quantity)>);

fn plain(sql: &'static str) -> Question {
    Question { sql, values: Vec::new() }
}

pub(crate) fn venue() -> Question {
    plain(VENUE)
}

pub(crate) fn assets() -> Question {
    plain(ASSETS)
}

pub(crate) fn symbols() -> Question {
    plain(SYMBOLS)
}

pub(crate) fn books() -> Question {
    plain(BOOKS)
}

pub(crate) fn read_venue(cells: &mut Cells<'_>) -> Result<Venue, StoreError> {
    Ok(Venue { mode: cells.get()?, rules_version: cells.get()?, options: cells.description()? })
}

pub(crate) fn read_asset(cells: &mut Cells<'_>) -> Result<(AssetId, Asset), StoreError> {
    Ok((cells.get()?, cells.description()?))
}

pub(crate) fn read_symbol(cells: &mut Cells<'_>) -> Result<Symbol, StoreError> {
    let (id, status): (SymbolId, SymbolStatus) = (cells.get()?, cells.get()?);
    Ok(Symbol { id, spec: SymbolSpec { status, ..cells.description()? } })
}

pub(crate) fn read_book_line(cells: &mut Cells<'_>) -> Result<BookLine, StoreError> {
    let (symbol, depth_id) = (cells.get()?, cells.get()?);
    let level = match cells.maybe()? {
        None => None,
        Some(side) => Some((side, cells.get()?, cells.get()?)),
    };
    Ok((symbol, depth_id, level))
}

/// The books of these lines, whose order does not matter.
pub(crate) fn books_of(mut lines: Vec<BookLine>) -> Vec<BookSnapshot> {
    lines.sort_unstable_by_key(|(symbol, _, level)| (*symbol, level.map(|(_, price, _)| price)));
    let mut books: Vec<BookSnapshot> = Vec::new();
    for (symbol, depth_id, level) in lines {
        if books.last().is_none_or(|book| book.symbol != symbol) {
            books.push(BookSnapshot { symbol, depth_id, bids: Vec::new(), asks: Vec::new() });
        }
        if let (Some(book), Some((side, price, quantity))) = (books.last_mut(), level) {
            let side = match side {
                Side::Buy => &mut book.bids,
                Side::Sell => &mut book.asks,
            };
            side.push(Level { price, quantity });
        }
    }
    books.iter_mut().for_each(|book| book.bids.reverse());
    books
}
