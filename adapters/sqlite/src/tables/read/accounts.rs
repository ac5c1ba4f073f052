//! Accounts, balances, order counts and transfers.

use emporion_model::event::{Balance, OrderCounts, WindowCount};
use emporion_model::{AccountId, Seq, Transfer};
use emporion_ports::tables::{AccountRow, BalanceRow, ListRange, TransferRow};
use rusqlite::{Connection, OptionalExtension, Row};

use super::bound::{List, Part};
use crate::values::{description, get, number, text, unsigned};

const SELECT_ACCOUNT: &str = "select account, kind, frozen, fee_tier, order_count_limits, trade_group, created_at
    from accounts where account = ?1";
const SELECT_BALANCES: &str =
    "select account, asset, free, locked, updated_at from balances where account = ?1 order by asset";
const SELECT_ORDER_COUNTS: &str = "select account, ten_seconds_start, ten_seconds_count, day_start, day_count
    from order_counts where account = ?1";
const PROBE_TRANSFERS: &str = "select seq, time from transfers where seq >= ?1 order by seq limit 1";
const LAST_TRANSFER: &str = "select coalesce(max(seq), 0) from transfers";

/// A transfer between an account and itself would be in both halves; `union` keeps one.
const TRANSFERS_ASCENDING: &str = "select * from (
        select seq, time, reason, from_account, to_account, asset, amount, reference
        from transfers indexed by transfers_from where from_account = ?1 and seq >= ?2 and seq < ?3
        order by seq limit ?4)
    union select * from (
        select seq, time, reason, from_account, to_account, asset, amount, reference
        from transfers indexed by transfers_to where to_account = ?1 and seq >= ?2 and seq < ?3
        order by seq limit ?4)
    order by seq limit ?4";
const TRANSFERS_DESCENDING: &str = "select * from (
        select seq, time, reason, from_account, to_account, asset, amount, reference
        from transfers indexed by transfers_from where from_account = ?1 and seq >= ?2 and seq < ?3
        order by seq desc limit ?4)
    union select * from (
        select seq, time, reason, from_account, to_account, asset, amount, reference
        from transfers indexed by transfers_to where to_account = ?1 and seq >= ?2 and seq < ?3
        order by seq desc limit ?4)
    order by seq desc limit ?4";

pub(crate) fn read_account(connection: &Connection, account: AccountId) -> rusqlite::Result<Option<AccountRow>> {
    let read = |row: &Row<'_>| {
        Ok(AccountRow {
            account: get(row, 0)?,
            kind: get(row, 1)?,
            frozen: row.get(2)?,
            fee_tier: row.get(3)?,
            order_count_limits: description(row, 4)?,
            trade_group: get(row, 5)?,
            created_at: get(row, 6)?,
        })
    };
    connection.prepare_cached(SELECT_ACCOUNT)?.query_row([number(account.0)], read).optional()
}

pub(crate) fn balances(connection: &Connection, account: AccountId) -> rusqlite::Result<Vec<BalanceRow>> {
    let read = |row: &Row<'_>| {
        let balance = Balance { account: get(row, 0)?, asset: get(row, 1)?, free: get(row, 2)?, locked: get(row, 3)? };
        Ok(BalanceRow { balance, updated_at: get(row, 4)? })
    };
    connection.prepare_cached(SELECT_BALANCES)?.query_map([number(account.0)], read)?.collect()
}

pub(crate) fn order_counts(connection: &Connection, account: AccountId) -> rusqlite::Result<Option<OrderCounts>> {
    let read = |row: &Row<'_>| {
        Ok(OrderCounts {
            account: get(row, 0)?,
            ten_seconds: WindowCount { start: get(row, 1)?, count: row.get(2)? },
            day: WindowCount { start: get(row, 3)?, count: row.get(4)? },
        })
    };
    connection.prepare_cached(SELECT_ORDER_COUNTS)?.query_row([number(account.0)], read).optional()
}

pub(crate) fn transfers(
    connection: &Connection,
    account: AccountId,
    range: ListRange<Seq>,
    limit: u32,
) -> rusqlite::Result<Vec<TransferRow>> {
    let part = Part::of(range, |seq| seq.0, &Transfers(connection))?;
    let sql = if part.newest_first { TRANSFERS_DESCENDING } else { TRANSFERS_ASCENDING };
    let mut statement = connection.prepare_cached(sql)?;
    let key = (number(account.0), number(part.first), number(part.until), limit);
    let rows = statement.query_map(key, read_transfer)?.collect::<rusqlite::Result<_>>()?;
    Ok(part.ascending(rows))
}

/// All transfers: seqs and times.
struct Transfers<'a>(&'a Connection);

impl List for Transfers<'_> {
    fn probe(&self, seq: u64) -> rusqlite::Result<Option<(u64, u64)>> {
        let read = |row: &Row<'_>| Ok((unsigned(row, 0)?, unsigned(row, 1)?));
        self.0.prepare_cached(PROBE_TRANSFERS)?.query_row([number(seq)], read).optional()
    }

    fn last_id(&self) -> rusqlite::Result<u64> {
        self.0.prepare_cached(LAST_TRANSFER)?.query_row([], |row| unsigned(row, 0))
    }
}

fn read_transfer(row: &Row<'_>) -> rusqlite::Result<TransferRow> {
    let transfer = Transfer {
        reason: get(row, 2)?,
        from: get(row, 3)?,
        to: get(row, 4)?,
        asset: get(row, 5)?,
        amount: get(row, 6)?,
        reference: text(row, 7)?,
    };
    Ok(TransferRow { seq: get(row, 0)?, time: get(row, 1)?, transfer })
}
