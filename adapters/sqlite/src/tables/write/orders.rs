//! Orders and prevented self-trades.

use emporion_model::{CloseReason, ExpiryReason, Quantity};
use emporion_ports::tables::{OrderChange, OrderRow, PreventedChange, TableChanges};
use rusqlite::{CachedStatement, Connection, params};

use super::require;
use crate::values::{get, number};

const INSERT_ORDER: &str = "insert into orders
    (account, symbol, order_id, client_order_id, side, order_type, price, quantity, quote_quantity, time_in_force,
     stp, trade_group, strategy_id, strategy_type, status, expiry_reason, executed, executed_quote, prevented,
     prevented_match_id, cancel_id, placed_at, updated_at)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)";
const UPDATE_ORDER: &str = "update orders set status = coalesce(?4, status), executed = coalesce(?5, executed),
    executed_quote = coalesce(?6, executed_quote), prevented = coalesce(?7, prevented),
    prevented_match_id = coalesce(?8, prevented_match_id), expiry_reason = coalesce(?9, expiry_reason),
    cancel_id = coalesce(?10, cancel_id), updated_at = ?11
    where account = ?1 and symbol = ?2 and order_id = ?3";
const SELECT_PREVENTED: &str = "select prevented from orders where account = ?1 and symbol = ?2 and order_id = ?3";
const INSERT_PREVENTED_MATCH: &str = "insert into prevented_matches
    (symbol, prevented_match_id, price, taker_side, taker_account, taker_order_id, taker_quantity,
     taker_execution_id, maker_account, maker_order_id, maker_quantity, maker_execution_id, time)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";

pub(super) fn write(connection: &Connection, changes: &TableChanges) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(INSERT_ORDER)?;
    changes.new_orders.iter().try_for_each(|row| insert_order(&mut insert, row))?;
    let mut update = connection.prepare_cached(UPDATE_ORDER)?;
    for change in &changes.order_changes {
        let prevented = prevented_now(connection, change)?;
        update_order(&mut update, change, prevented)?;
    }
    let mut insert_match = connection.prepare_cached(INSERT_PREVENTED_MATCH)?;
    changes.prevented.iter().try_for_each(|row| insert_prevented_match(&mut insert_match, row))
}

fn insert_order(insert: &mut CachedStatement<'_>, row: &OrderRow) -> rusqlite::Result<()> {
    insert.execute(params![
        number(row.account.0),
        row.symbol.0,
        number(row.order_id.0),
        row.client_order_id.as_str(),
        row.side as i64,
        row.kind.order_type() as i64,
        row.kind.price().map(|price| number(price.0)),
        row.kind.quantity().map(|quantity| number(quantity.0)),
        row.kind.quote_quantity().map(|amount| amount.0),
        row.kind.time_in_force() as i64,
        row.stp as i64,
        row.trade_group.map(|group| number(group.0)),
        row.strategy.and_then(|strategy| strategy.id).map(number),
        row.strategy.and_then(|strategy| strategy.kind),
        row.status as i64,
        row.close_reason.and_then(expiry_reason).map(|reason| reason as i64),
        number(row.executed.0),
        row.executed_quote.0,
        number(row.prevented.0),
        row.prevented_match_id.map(|id| number(id.0)),
        row.cancel_id.as_ref().map(|id| id.as_str()),
        number(row.placed_at.0),
        number(row.updated_at.0),
    ])?;
    Ok(())
}

fn update_order(
    update: &mut CachedStatement<'_>,
    change: &OrderChange,
    prevented: Option<Quantity>,
) -> rusqlite::Result<()> {
    require(update.execute(params![
        number(change.account.0),
        change.symbol.0,
        number(change.order_id.0),
        change.status.map(|status| status as i64),
        change.executed.map(|(base, _)| number(base.0)),
        change.executed.map(|(_, quote)| quote.0),
        prevented.map(|quantity| number(quantity.0)),
        change.prevented_match_id.map(|id| number(id.0)),
        change.close_reason.and_then(expiry_reason).map(|reason| reason as i64),
        change.cancel_id.as_ref().map(|id| id.as_str()),
        number(change.updated_at.0),
    ])?)
}

/// The sum is not left to SQL, which would make a float of one that is too large for it.
fn prevented_now(connection: &Connection, change: &OrderChange) -> rusqlite::Result<Option<Quantity>> {
    if change.prevented_more.is_zero() {
        return Ok(None);
    }
    let key = (number(change.account.0), change.symbol.0, number(change.order_id.0));
    let before: Quantity = connection.prepare_cached(SELECT_PREVENTED)?.query_row(key, |row| get(row, 0))?;
    let sum = before.checked_add(change.prevented_more);
    sum.map(Some).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, number(before.0)))
}

/// With the status it says why the order ended.
fn expiry_reason(reason: CloseReason) -> Option<ExpiryReason> {
    match reason {
        CloseReason::Expired(reason) => Some(reason),
        CloseReason::Canceled | CloseReason::ExpiredInMatch => None,
    }
}

fn insert_prevented_match(insert: &mut CachedStatement<'_>, change: &PreventedChange) -> rusqlite::Result<()> {
    let prevented = &change.prevented;
    insert.execute(params![
        prevented.symbol.0,
        number(prevented.prevented_match_id.0),
        number(prevented.price.0),
        prevented.taker_side as i64,
        number(prevented.taker_account.0),
        number(prevented.taker_order_id.0),
        number(prevented.taker_quantity.0),
        number(prevented.taker_execution_id.0),
        number(prevented.maker_account.0),
        number(prevented.maker_order_id.0),
        number(prevented.maker_quantity.0),
        number(prevented.maker_execution_id.0),
        number(change.time.0),
    ])?;
    Ok(())
}
