//! Orders and prevented self-trades.

use emporion_model::event::SelfTradePrevented;
use emporion_model::{
    AccountId, Amount, ClientOrderId, CloseReason, ExecutionId, ExpiryReason, MarketSize, OrderId, OrderKind,
    OrderStatus, OrderType, PreventedMatchId, Price, Quantity, Strategy, SymbolId, TimeInForce,
};
use emporion_ports::tables::{ListRange, OrderRow, PreventedMatchRow};
use rusqlite::{Connection, OptionalExtension, Row};

use super::bound::{List, Part};
use crate::values::{get, number, optional_text, text, unsigned};

macro_rules! select_orders {
    ($rest:literal) => {
        concat!(
            "select account, symbol, order_id, client_order_id, side, order_type, price, quantity, quote_quantity,
             time_in_force, stp, trade_group, strategy_id, strategy_type, status, expiry_reason, executed,
             executed_quote, prevented, prevented_match_id, cancel_id, placed_at, updated_at from orders ",
            $rest
        )
    };
}

/// Every open order of the venue.
pub(super) const OPEN_ORDERS: &str = select_orders!("indexed by open_orders where status <= 1");
const ORDER: &str = select_orders!("where account = ?1 and symbol = ?2 and order_id = ?3");
const NEWEST_ORDER: &str = select_orders!(
    "indexed by orders_by_client_order_id
     where account = ?1 and symbol = ?2 and client_order_id = ?3 order by order_id desc limit 1"
);
const OPEN_ORDERS_OF_ACCOUNT: &str =
    select_orders!("indexed by open_orders where status <= 1 and account = ?1 order by symbol, order_id");
const OPEN_ORDERS_OF_SYMBOL: &str =
    select_orders!("indexed by open_orders where status <= 1 and account = ?1 and symbol = ?2 order by order_id");
const ORDERS_ASCENDING: &str = select_orders!(
    "where account = ?1 and symbol = ?2 and order_id >= ?3 and order_id < ?4 order by order_id limit ?5"
);
const ORDERS_DESCENDING: &str = select_orders!(
    "where account = ?1 and symbol = ?2 and order_id >= ?3 and order_id < ?4 order by order_id desc limit ?5"
);
const PROBE_ORDERS: &str = "select order_id, placed_at from orders
    where account = ?1 and symbol = ?2 and order_id >= ?3 order by order_id limit 1";
const LAST_ORDER: &str = "select coalesce(max(order_id), 0) from orders where account = ?1 and symbol = ?2";

macro_rules! select_prevented {
    ($from:literal) => {
        concat!(
            "select p.symbol, p.prevented_match_id, p.price, p.taker_side, p.taker_account, p.taker_order_id,
             p.taker_quantity, p.taker_execution_id, p.maker_account, p.maker_order_id, p.maker_quantity,
             p.maker_execution_id, o.stp, p.time from ",
            $from,
            " p join orders o
             on o.account = p.taker_account and o.symbol = p.symbol and o.order_id = p.taker_order_id
             order by p.prevented_match_id limit ?4"
        )
    };
}

const PREVENTED_MATCH: &str = select_prevented!(
    "(select * from prevented_matches where symbol = ?2 and prevented_match_id = ?3 and ?1 in (taker_account, maker_account))"
);
/// An order can have been taker first and maker later, so both halves are asked for.
const PREVENTED_MATCHES: &str = select_prevented!(
    "(select * from (select * from prevented_matches indexed by prevented_matches_of_taker_order
        where symbol = ?2 and taker_order_id = ?5 and taker_account = ?1 and prevented_match_id >= ?3
        order by prevented_match_id limit ?4)
      union all select * from (select * from prevented_matches indexed by prevented_matches_of_maker_order
        where symbol = ?2 and maker_order_id = ?5 and maker_account = ?1 and prevented_match_id >= ?3
        order by prevented_match_id limit ?4))"
);

pub(crate) fn order(
    connection: &Connection,
    account: AccountId,
    symbol: SymbolId,
    order_id: OrderId,
) -> rusqlite::Result<Option<OrderRow>> {
    let key = (number(account.0), symbol.0, number(order_id.0));
    connection.prepare_cached(ORDER)?.query_row(key, read_order).optional()
}

pub(crate) fn newest_order(
    connection: &Connection,
    account: AccountId,
    symbol: SymbolId,
    client_order_id: &ClientOrderId,
) -> rusqlite::Result<Option<OrderRow>> {
    let key = (number(account.0), symbol.0, client_order_id.as_str());
    connection.prepare_cached(NEWEST_ORDER)?.query_row(key, read_order).optional()
}

pub(crate) fn open_orders(
    connection: &Connection,
    account: AccountId,
    symbol: Option<SymbolId>,
) -> rusqlite::Result<Vec<OrderRow>> {
    match symbol {
        None => {
            let mut statement = connection.prepare_cached(OPEN_ORDERS_OF_ACCOUNT)?;
            statement.query_map([number(account.0)], read_order)?.collect()
        }
        Some(symbol) => {
            let mut statement = connection.prepare_cached(OPEN_ORDERS_OF_SYMBOL)?;
            statement.query_map((number(account.0), symbol.0), read_order)?.collect()
        }
    }
}

pub(crate) fn orders(
    connection: &Connection,
    account: AccountId,
    symbol: SymbolId,
    range: ListRange<OrderId>,
    limit: u32,
) -> rusqlite::Result<Vec<OrderRow>> {
    let part = Part::of(range, |id| id.0, &Orders { connection, account, symbol })?;
    let sql = if part.newest_first { ORDERS_DESCENDING } else { ORDERS_ASCENDING };
    let mut statement = connection.prepare_cached(sql)?;
    let key = (number(account.0), symbol.0, number(part.first), number(part.until), limit);
    let rows = statement.query_map(key, read_order)?.collect::<rusqlite::Result<_>>()?;
    Ok(part.ascending(rows))
}

/// An account's orders on a symbol: ids and times of placing.
struct Orders<'a> {
    connection: &'a Connection,
    account: AccountId,
    symbol: SymbolId,
}

impl List for Orders<'_> {
    fn probe(&self, order_id: u64) -> rusqlite::Result<Option<(u64, u64)>> {
        let key = (number(self.account.0), self.symbol.0, number(order_id));
        let read = |row: &Row<'_>| Ok((unsigned(row, 0)?, unsigned(row, 1)?));
        self.connection.prepare_cached(PROBE_ORDERS)?.query_row(key, read).optional()
    }

    fn last_id(&self) -> rusqlite::Result<u64> {
        let key = (number(self.account.0), self.symbol.0);
        self.connection.prepare_cached(LAST_ORDER)?.query_row(key, |row| unsigned(row, 0))
    }
}

pub(crate) fn prevented_match(
    connection: &Connection,
    account: AccountId,
    symbol: SymbolId,
    prevented_match_id: PreventedMatchId,
) -> rusqlite::Result<Option<PreventedMatchRow>> {
    let key = (number(account.0), symbol.0, number(prevented_match_id.0), 1);
    connection.prepare_cached(PREVENTED_MATCH)?.query_row(key, read_prevented_match).optional()
}

pub(crate) fn prevented_matches(
    connection: &Connection,
    account: AccountId,
    symbol: SymbolId,
    order_id: OrderId,
    from: PreventedMatchId,
    limit: u32,
) -> rusqlite::Result<Vec<PreventedMatchRow>> {
    let key = (number(account.0), symbol.0, number(from.0), limit, number(order_id.0));
    connection.prepare_cached(PREVENTED_MATCHES)?.query_map(key, read_prevented_match)?.collect()
}

pub(super) fn read_order(row: &Row<'_>) -> rusqlite::Result<OrderRow> {
    let status = get(row, 14)?;
    Ok(OrderRow {
        account: get(row, 0)?,
        symbol: get(row, 1)?,
        order_id: get(row, 2)?,
        client_order_id: text(row, 3)?,
        side: get(row, 4)?,
        kind: read_kind(row)?,
        stp: get(row, 10)?,
        trade_group: get(row, 11)?,
        strategy: read_strategy(row)?,
        status,
        close_reason: close_reason(status, get(row, 15)?),
        executed: get(row, 16)?,
        executed_quote: get(row, 17)?,
        prevented: get(row, 18)?,
        prevented_match_id: get(row, 19)?,
        cancel_id: optional_text(row, 20)?,
        placed_at: get(row, 21)?,
        updated_at: get(row, 22)?,
    })
}

fn read_kind(row: &Row<'_>) -> rusqlite::Result<OrderKind> {
    let price = || get::<Price>(row, 6);
    let quantity = || get::<Quantity>(row, 7);
    Ok(match get(row, 5)? {
        OrderType::Limit => OrderKind::Limit(price()?, quantity()?, get::<TimeInForce>(row, 9)?),
        OrderType::LimitMaker => OrderKind::LimitMaker(price()?, quantity()?),
        OrderType::Market => OrderKind::Market(match get::<Option<Amount>>(row, 8)? {
            Some(amount) => MarketSize::Quote(amount),
            None => MarketSize::Base(quantity()?),
        }),
    })
}

fn read_strategy(row: &Row<'_>) -> rusqlite::Result<Option<Strategy>> {
    let id = row.get::<_, Option<i64>>(12)?.map(i64::cast_unsigned);
    let strategy = Strategy { id, kind: row.get(13)? };
    let is_named = strategy.id.is_some() || strategy.kind.is_some();
    Ok(is_named.then_some(strategy))
}

fn close_reason(status: OrderStatus, expiry: Option<ExpiryReason>) -> Option<CloseReason> {
    match status {
        OrderStatus::New | OrderStatus::PartiallyFilled | OrderStatus::Filled => None,
        OrderStatus::Canceled => Some(CloseReason::Canceled),
        OrderStatus::Expired => expiry.map(CloseReason::Expired),
        OrderStatus::ExpiredInMatch => Some(CloseReason::ExpiredInMatch),
    }
}

fn read_prevented_match(row: &Row<'_>) -> rusqlite::Result<PreventedMatchRow> {
    let prevented = SelfTradePrevented {
        symbol: get(row, 0)?,
        prevented_match_id: get(row, 1)?,
        price: get(row, 2)?,
        taker_side: get(row, 3)?,
        taker_account: get(row, 4)?,
        taker_order_id: get(row, 5)?,
        taker_quantity: get(row, 6)?,
        taker_execution_id: ExecutionId(unsigned(row, 7)?),
        maker_account: get(row, 8)?,
        maker_order_id: get(row, 9)?,
        maker_quantity: get(row, 10)?,
        maker_execution_id: ExecutionId(unsigned(row, 11)?),
    };
    Ok(PreventedMatchRow { prevented, stp: get(row, 12)?, time: get(row, 13)? })
}
