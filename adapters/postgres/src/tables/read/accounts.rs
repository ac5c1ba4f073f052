//! Accounts, balances, order counts and transfers.

use emporion_model::event::{Balance, OrderCounts, WindowCount};
use emporion_model::{AccountId, Seq, Transfer};
use emporion_ports::store::StoreError;
use emporion_ports::tables::{AccountRow, BalanceRow, ListRange, TransferRow};

use super::range::Part;
use crate::tables::answer::{Question, question};
use crate::tables::values::{Cells, number};

const ACCOUNT: &str = question!(
    "select account, kind, frozen, fee_tier, order_count_limits, trade_group, created_at from accounts
     where account = $1"
);
const BALANCES: &str = question!("select account, asset, free, locked, updated_at from balances where account = $1");
const ORDER_COUNTS: &str = question!(
    "select account, ten_seconds_start, ten_seconds_count, day_start, day_count from order_counts where account = $1"
);

/// A transfer between an account and itself would be in both halves; `union` keeps one. A seq is looked for at its
/// time, which rises with it.
macro_rules! transfers {
    ($order:literal) => {
        question!(
            "(select seq, time, reason, from_account, to_account, asset, amount, reference from transfers
              where from_account = $1 and seq >= $2 and time <= $4
                and time >= greatest($3::int8, coalesce((select time from transfers where seq >= $2 order by seq limit 1), 0))
              order by ",
            $order,
            " limit $5)
             union
             (select seq, time, reason, from_account, to_account, asset, amount, reference from transfers
              where to_account = $1 and seq >= $2 and time <= $4
                and time >= greatest($3::int8, coalesce((select time from transfers where seq >= $2 order by seq limit 1), 0))
              order by ",
            $order,
            " limit $5)
             order by ",
            $order,
            " limit $5"
        )
    };
}

const TRANSFERS_ASCENDING: &str = transfers!("time, seq");
const TRANSFERS_DESCENDING: &str = transfers!("time desc, seq desc");

fn of_account(sql: &'static str, account: AccountId) -> Question {
    Question { sql, values: vec![Box::new(number(account.0))] }
}

pub(crate) fn account(account: AccountId) -> Question {
    of_account(ACCOUNT, account)
}

pub(crate) fn balances(account: AccountId) -> Question {
    of_account(BALANCES, account)
}

pub(crate) fn order_counts(account: AccountId) -> Question {
    of_account(ORDER_COUNTS, account)
}

pub(crate) fn transfers(account: AccountId, range: ListRange<Seq>, limit: u32) -> Question {
    let part = Part::of(range, |seq| seq.0);
    let sql = if part.newest_first { TRANSFERS_DESCENDING } else { TRANSFERS_ASCENDING };
    Question {
        sql,
        values: vec![
            Box::new(number(account.0)),
            Box::new(part.first),
            Box::new(part.start),
            Box::new(part.end),
            Box::new(i64::from(limit)),
        ],
    }
}

pub(crate) fn read_account(cells: &mut Cells<'_>) -> Result<AccountRow, StoreError> {
    Ok(AccountRow {
        account: cells.get()?,
        kind: cells.get()?,
        frozen: cells.get()?,
        fee_tier: cells.get()?,
        order_count_limits: cells.description()?,
        trade_group: cells.maybe()?,
        created_at: cells.get()?,
    })
}

pub(crate) fn read_balance(cells: &mut Cells<'_>) -> Result<BalanceRow, StoreError> {
    let balance = Balance { account: cells.get()?, asset: cells.get()?, free: cells.get()?, locked: cells.get()? };
    Ok(BalanceRow { balance, updated_at: cells.get()? })
}

pub(crate) fn read_order_counts(cells: &mut Cells<'_>) -> Result<OrderCounts, StoreError> {
    Ok(OrderCounts {
        account: cells.get()?,
        ten_seconds: WindowCount { start: cells.get()?, count: cells.get()? },
        day: WindowCount { start: cells.get()?, count: cells.get()? },
    })
}

pub(crate) fn read_transfer(cells: &mut Cells<'_>) -> Result<TransferRow, StoreError> {
    let (seq, time) = (cells.get()?, cells.get()?);
    let transfer = Transfer {
        reason: cells.get()?,
        from: cells.get()?,
        to: cells.get()?,
        asset: cells.get()?,
        amount: cells.get()?,
        reference: cells.text()?,
    };
    Ok(TransferRow { seq, time, transfer })
}
