//! Orders and prevented self-trades.

use emporion_model::{CloseReason, ExpiryReason};
use emporion_ports::tables::{OrderChange, OrderRow, TableChanges};

use super::{Value, Write, column, push};
use crate::tables::values::{amount, number, price, quantity};

macro_rules! insert_orders {
    ($table:literal) => {
        concat!(
            "insert into ",
            $table,
            " (account, symbol, order_id, client_order_id, side, order_type, price, quantity, quote_quantity,
               time_in_force, stp, trade_group, strategy_id, strategy_type, status, expiry_reason, executed,
               executed_quote, prevented, prevented_match_id, cancel_id, placed_at, updated_at)
             select * from unnest($1::int8[], $2::int4[], $3::int8[], $4::text[], $5::int2[], $6::int2[],
                $7::numeric[], $8::numeric[], $9::numeric[], $10::int2[], $11::int2[], $12::int8[], $13::int8[],
                $14::int8[], $15::int2[], $16::int2[], $17::numeric[], $18::numeric[], $19::numeric[], $20::int8[],
                $21::text[], $22::int8[], $23::int8[])"
        )
    };
}

const INSERT_OPEN: &str = insert_orders!("open_orders");
const INSERT_CLOSED: &str = insert_orders!("closed_orders");

macro_rules! changes {
    () => {
        "unnest($1::int8[], $2::int4[], $3::int8[], $4::int2[], $5::numeric[], $6::numeric[], $7::numeric[],
            $8::int8[], $9::int2[], $10::text[], $11::int8[])
            as c (account, symbol, order_id, status, executed, executed_quote, prevented_more, prevented_match_id,
                expiry_reason, cancel_id, updated_at)
         where o.account = c.account and o.symbol = c.symbol and o.order_id = c.order_id"
    };
}

const UPDATE_OPEN: &str = concat!(
    "update open_orders o set status = coalesce(c.status, o.status), executed = coalesce(c.executed, o.executed),
        executed_quote = coalesce(c.executed_quote, o.executed_quote), prevented = o.prevented + c.prevented_more,
        prevented_match_id = coalesce(c.prevented_match_id, o.prevented_match_id),
        expiry_reason = coalesce(c.expiry_reason, o.expiry_reason), cancel_id = coalesce(c.cancel_id, o.cancel_id),
        updated_at = c.updated_at
     from ",
    changes!()
);
const CLOSE: &str = concat!(
    "with closed as (delete from open_orders o using ",
    changes!(),
    " returning o.account, o.symbol, o.order_id, o.client_order_id, o.side, o.order_type, o.price, o.quantity,
        o.quote_quantity, o.time_in_force, o.stp, o.trade_group, o.strategy_id, o.strategy_type, c.status,
        coalesce(c.expiry_reason, o.expiry_reason), coalesce(c.executed, o.executed),
        coalesce(c.executed_quote, o.executed_quote), o.prevented + c.prevented_more,
        coalesce(c.prevented_match_id, o.prevented_match_id), coalesce(c.cancel_id, o.cancel_id), o.placed_at,
        c.updated_at)
     insert into closed_orders (account, symbol, order_id, client_order_id, side, order_type, price, quantity,
        quote_quantity, time_in_force, stp, trade_group, strategy_id, strategy_type, status, expiry_reason, executed,
        executed_quote, prevented, prevented_match_id, cancel_id, placed_at, updated_at)
     select * from closed"
);
const INSERT_PREVENTED: &str = "insert into prevented_matches
    (symbol, prevented_match_id, price, taker_side, taker_account, taker_order_id, taker_quantity,
     taker_execution_id, maker_account, maker_order_id, maker_quantity, maker_execution_id, time)
    select * from unnest($1::int4[], $2::int8[], $3::numeric[], $4::int2[], $5::int8[], $6::int8[], $7::numeric[],
        $8::int8[], $9::int8[], $10::int8[], $11::numeric[], $12::int8[], $13::int8[])";

pub(super) fn write(changes: &TableChanges, writes: &mut Vec<Write>) {
    let (open, closed): (Vec<&OrderRow>, Vec<&OrderRow>) =
        changes.new_orders.iter().partition(|row| row.status.is_open());
    push(writes, INSERT_OPEN, &open, rows_of);
    push(writes, INSERT_CLOSED, &closed, rows_of);
    let closes = |change: &&OrderChange| change.status.is_some_and(|status| !status.is_open());
    let (closing, staying): (Vec<&OrderChange>, Vec<&OrderChange>) = changes.order_changes.iter().partition(closes);
    push(writes, UPDATE_OPEN, &staying, changes_of);
    push(writes, CLOSE, &closing, changes_of);
    push(writes, INSERT_PREVENTED, &changes.prevented, |rows| {
        vec![
            column(rows, |row| i32::from(row.prevented.symbol.0)),
            column(rows, |row| number(row.prevented.prevented_match_id.0)),
            column(rows, |row| price(row.prevented.price)),
            column(rows, |row| row.prevented.taker_side as i16),
            column(rows, |row| number(row.prevented.taker_account.0)),
            column(rows, |row| number(row.prevented.taker_order_id.0)),
            column(rows, |row| quantity(row.prevented.taker_quantity)),
            column(rows, |row| number(row.prevented.taker_execution_id.0)),
            column(rows, |row| number(row.prevented.maker_account.0)),
            column(rows, |row| number(row.prevented.maker_order_id.0)),
            column(rows, |row| quantity(row.prevented.maker_quantity)),
            column(rows, |row| number(row.prevented.maker_execution_id.0)),
            column(rows, |row| number(row.time.0)),
        ]
    });
}

fn rows_of(rows: &[&OrderRow]) -> Vec<Value> {
    vec![
        column(rows, |row| number(row.account.0)),
        column(rows, |row| i32::from(row.symbol.0)),
        column(rows, |row| number(row.order_id.0)),
        column(rows, |row| row.client_order_id.as_str().to_owned()),
        column(rows, |row| row.side as i16),
        column(rows, |row| row.kind.order_type() as i16),
        column(rows, |row| row.kind.price().map(price)),
        column(rows, |row| row.kind.quantity().map(quantity)),
        column(rows, |row| row.kind.quote_quantity().map(amount)),
        column(rows, |row| row.kind.time_in_force() as i16),
        column(rows, |row| row.stp as i16),
        column(rows, |row| row.trade_group.map(|group| number(group.0))),
        column(rows, |row| row.strategy.and_then(|strategy| strategy.id).map(number)),
        column(rows, |row| row.strategy.and_then(|strategy| strategy.kind).map(i64::from)),
        column(rows, |row| row.status as i16),
        column(rows, |row| row.close_reason.and_then(expiry_reason).map(|reason| reason as i16)),
        column(rows, |row| quantity(row.executed)),
        column(rows, |row| amount(row.executed_quote)),
        column(rows, |row| quantity(row.prevented)),
        column(rows, |row| row.prevented_match_id.map(|id| number(id.0))),
        column(rows, |row| row.cancel_id.as_ref().map(|id| id.as_str().to_owned())),
        column(rows, |row| number(row.placed_at.0)),
        column(rows, |row| number(row.updated_at.0)),
    ]
}

fn changes_of(rows: &[&OrderChange]) -> Vec<Value> {
    vec![
        column(rows, |change| number(change.account.0)),
        column(rows, |change| i32::from(change.symbol.0)),
        column(rows, |change| number(change.order_id.0)),
        column(rows, |change| change.status.map(|status| status as i16)),
        column(rows, |change| change.executed.map(|(base, _)| quantity(base))),
        column(rows, |change| change.executed.map(|(_, quote)| amount(quote))),
        column(rows, |change| quantity(change.prevented_more)),
        column(rows, |change| change.prevented_match_id.map(|id| number(id.0))),
        column(rows, |change| change.close_reason.and_then(expiry_reason).map(|reason| reason as i16)),
        column(rows, |change| change.cancel_id.as_ref().map(|id| id.as_str().to_owned())),
        column(rows, |change| number(change.updated_at.0)),
    ]
}

/// With the status it says why the order ended.
fn expiry_reason(reason: CloseReason) -> Option<ExpiryReason> {
    match reason {
        CloseReason::Expired(reason) => Some(reason),
        CloseReason::Canceled | CloseReason::ExpiredInMatch => None,
    }
}
