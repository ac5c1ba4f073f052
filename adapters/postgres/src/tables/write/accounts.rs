//! Accounts, balances, order counts and transfers.

use emporion_model::codec;
use emporion_ports::tables::{AccountChange, AccountRow, TableChanges};

use super::{Write, column, push};
use crate::tables::values::{amount, number};

const INSERT_ACCOUNTS: &str = "insert into accounts
    (account, kind, frozen, fee_tier, order_count_limits, trade_group, created_at)
    select * from unnest($1::int8[], $2::int2[], $3::bool[], $4::int2[], $5::bytea[], $6::int8[], $7::int8[])";
const UPDATE_ACCOUNTS: &str = "update accounts a set frozen = coalesce(c.frozen, a.frozen),
    fee_tier = coalesce(c.fee_tier, a.fee_tier),
    order_count_limits = coalesce(c.order_count_limits, a.order_count_limits),
    trade_group = case when c.sets_trade_group then c.trade_group else a.trade_group end
    from unnest($1::int8[], $2::bool[], $3::int2[], $4::bytea[], $5::bool[], $6::int8[])
        as c (account, frozen, fee_tier, order_count_limits, sets_trade_group, trade_group)
    where a.account = c.account";
const WRITE_BALANCES: &str = "insert into balances (account, asset, free, locked, updated_at)
    select * from unnest($1::int8[], $2::int4[], $3::numeric[], $4::numeric[], $5::int8[])
    on conflict (account, asset) do update
    set free = excluded.free, locked = excluded.locked, updated_at = excluded.updated_at";
const WRITE_ORDER_COUNTS: &str = "insert into order_counts
    (account, ten_seconds_start, ten_seconds_count, day_start, day_count)
    select * from unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::int8[])
    on conflict (account) do update
    set ten_seconds_start = excluded.ten_seconds_start, ten_seconds_count = excluded.ten_seconds_count,
        day_start = excluded.day_start, day_count = excluded.day_count";
const INSERT_TRANSFERS: &str = "insert into transfers
    (seq, time, reason, from_account, to_account, asset, amount, reference)
    select * from unnest(
        $1::int8[], $2::int8[], $3::int2[], $4::int8[], $5::int8[], $6::int4[], $7::numeric[], $8::text[])";

pub(super) fn write(changes: &TableChanges, writes: &mut Vec<Write>) {
    write_accounts(&changes.accounts, writes);
    push(writes, WRITE_BALANCES, &changes.balances, |rows| {
        vec![
            column(rows, |row| number(row.balance.account.0)),
            column(rows, |row| i32::from(row.balance.asset.0)),
            column(rows, |row| amount(row.balance.free)),
            column(rows, |row| amount(row.balance.locked)),
            column(rows, |row| number(row.updated_at.0)),
        ]
    });
    push(writes, WRITE_ORDER_COUNTS, &changes.order_counts, |rows| {
        vec![
            column(rows, |counts| number(counts.account.0)),
            column(rows, |counts| number(counts.ten_seconds.start.0)),
            column(rows, |counts| i64::from(counts.ten_seconds.count)),
            column(rows, |counts| number(counts.day.start.0)),
            column(rows, |counts| i64::from(counts.day.count)),
        ]
    });
    push(writes, INSERT_TRANSFERS, &changes.transfers, |rows| {
        vec![
            column(rows, |row| number(row.seq.0)),
            column(rows, |row| number(row.time.0)),
            column(rows, |row| row.transfer.reason as i16),
            column(rows, |row| number(row.transfer.from.0)),
            column(rows, |row| number(row.transfer.to.0)),
            column(rows, |row| i32::from(row.transfer.asset.0)),
            column(rows, |row| amount(row.transfer.amount)),
            column(rows, |row| row.transfer.reference.as_str().to_owned()),
        ]
    });
}

fn write_accounts(changes: &[AccountChange], writes: &mut Vec<Write>) {
    let opened = |change: &AccountChange| {
        let (kind, at) = change.opened?;
        let mut row = AccountRow::opened(change.account, kind, at);
        row.apply(change);
        Some(row)
    };
    let new: Vec<AccountRow> = changes.iter().filter_map(opened).collect();
    push(writes, INSERT_ACCOUNTS, &new, |rows| {
        vec![
            column(rows, |row| number(row.account.0)),
            column(rows, |row| row.kind as i16),
            column(rows, |row| row.frozen),
            column(rows, |row| i16::from(row.fee_tier)),
            column(rows, |row| codec::to_bytes(&row.order_count_limits)),
            column(rows, |row| row.trade_group.map(|group| number(group.0))),
            column(rows, |row| number(row.created_at.0)),
        ]
    });
    let old: Vec<&AccountChange> = changes.iter().filter(|change| change.opened.is_none()).collect();
    push(writes, UPDATE_ACCOUNTS, &old, |rows| {
        vec![
            column(rows, |change| number(change.account.0)),
            column(rows, |change| change.frozen),
            column(rows, |change| change.fee_tier.map(i16::from)),
            column(rows, |change| change.order_count_limits.as_ref().map(codec::to_bytes)),
            column(rows, |change| change.trade_group.is_some()),
            column(rows, |change| change.trade_group.flatten().map(|group| number(group.0))),
        ]
    });
}
