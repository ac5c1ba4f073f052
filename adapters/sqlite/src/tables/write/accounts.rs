//! Accounts, balances, order counts and transfers.

use emporion_model::codec;
use emporion_ports::tables::{AccountChange, AccountRow, TableChanges, TransferRow};
use rusqlite::{CachedStatement, Connection};

use crate::tables::read::accounts::read_account;
use crate::values::number;

const WRITE_ACCOUNT: &str = "insert or replace into accounts
    (account, kind, frozen, fee_tier, order_count_limits, trade_group, created_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const WRITE_BALANCE: &str =
    "insert or replace into balances (account, asset, free, locked, updated_at) values (?1, ?2, ?3, ?4, ?5)";
const WRITE_ORDER_COUNTS: &str = "insert or replace into order_counts
    (account, ten_seconds_start, ten_seconds_count, day_start, day_count) values (?1, ?2, ?3, ?4, ?5)";
const INSERT_TRANSFER: &str = "insert into transfers
    (seq, time, reason, from_account, to_account, asset, amount, reference) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

pub(super) fn write(connection: &Connection, changes: &TableChanges) -> rusqlite::Result<()> {
    for change in &changes.accounts {
        write_account(connection, change)?;
    }
    let mut write_balance = connection.prepare_cached(WRITE_BALANCE)?;
    for row in &changes.balances {
        let balance = &row.balance;
        let (free, locked) = (balance.free.0, balance.locked.0);
        write_balance.execute((number(balance.account.0), balance.asset.0, free, locked, number(row.updated_at.0)))?;
    }
    let mut write_counts = connection.prepare_cached(WRITE_ORDER_COUNTS)?;
    for counts in &changes.order_counts {
        write_counts.execute((
            number(counts.account.0),
            number(counts.ten_seconds.start.0),
            counts.ten_seconds.count,
            number(counts.day.start.0),
            counts.day.count,
        ))?;
    }
    let mut insert_transfer = connection.prepare_cached(INSERT_TRANSFER)?;
    changes.transfers.iter().try_for_each(|row| write_transfer(&mut insert_transfer, row))
}

fn write_account(connection: &Connection, change: &AccountChange) -> rusqlite::Result<()> {
    let mut row = match change.opened {
        Some((kind, at)) => AccountRow::opened(change.account, kind, at),
        None => read_account(connection, change.account)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?,
    };
    row.apply(change);
    connection.prepare_cached(WRITE_ACCOUNT)?.execute((
        number(row.account.0),
        row.kind as i64,
        row.frozen,
        row.fee_tier,
        codec::to_bytes(&row.order_count_limits),
        row.trade_group.map(|group| number(group.0)),
        number(row.created_at.0),
    ))?;
    Ok(())
}

fn write_transfer(insert: &mut CachedStatement<'_>, row: &TransferRow) -> rusqlite::Result<()> {
    let transfer = &row.transfer;
    insert.execute((
        number(row.seq.0),
        number(row.time.0),
        transfer.reason as i64,
        number(transfer.from.0),
        number(transfer.to.0),
        transfer.asset.0,
        transfer.amount.0,
        transfer.reference.as_str(),
    ))?;
    Ok(())
}
