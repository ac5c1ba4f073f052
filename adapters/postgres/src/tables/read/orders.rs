//! Orders and prevented self-trades. One statement sees one state, so an order is in exactly one of the two tables.

use emporion_model::event::SelfTradePrevented;
use emporion_model::{
    AccountId, Amount, ClientOrderId, CloseReason, ExpiryReason, MarketSize, OrderId, OrderKind, OrderStatus,
    OrderType, PreventedMatchId, Price, Quantity, Strategy, SymbolId, TimeInForce,
};
use emporion_ports::store::StoreError;
use emporion_ports::tables::{ListRange, OrderRow, PreventedMatchRow};

use super::range::Part;
use crate::tables::answer::{Question, question};
use crate::tables::values::{Cells, bound, number};

macro_rules! orders_of {
    ($($rest:expr),+ $(,)?) => {
        concat!(
            "(select account, symbol, order_id, client_order_id, side, order_type, price, quantity, quote_quantity,
                time_in_force, stp, trade_group, strategy_id, strategy_type, status, expiry_reason, executed,
                executed_quote, prevented, prevented_match_id, cancel_id, placed_at, updated_at from ",
            $($rest),+,
            ")"
        )
    };
}

macro_rules! both {
    ($condition:expr, $pruning:expr, $order:literal, $limit:literal) => {
        question!(
            orders_of!(
                "open_orders where account = $1 and symbol = $2 and ",
                $condition,
                " order by ",
                $order,
                " limit ",
                $limit
            ),
            " union all ",
            orders_of!(
                "closed_orders where account = $1 and symbol = $2 and ",
                $condition,
                $pruning,
                " order by ",
                $order,
                " limit ",
                $limit
            ),
            " order by ",
            $order,
            " limit ",
            $limit
        )
    };
}

const ORDER: &str = both!("order_id = $3", "", "order_id", "1");
const NEWEST_ORDER: &str = both!("client_order_id = $3", "", "order_id desc", "1");
const FROM_ID: &str = both!("order_id >= $3", "", "order_id", "$4");
/// An order closes after it was placed, so weeks before the start hold none.
const ASCENDING: &str =
    both!("placed_at >= $3 and placed_at <= $4", " and updated_at >= $3", "placed_at, order_id", "$5");
const DESCENDING: &str =
    both!("placed_at >= $3 and placed_at <= $4", " and updated_at >= $3", "placed_at desc, order_id desc", "$5");
const OPEN_ORDERS: &str = question!(orders_of!("open_orders where account = $1 and ($2::int4 is null or symbol = $2)"));

macro_rules! prevented {
    ($from:literal) => {
        question!(
            "select p.symbol, p.prevented_match_id, p.price, p.taker_side, p.taker_account, p.taker_order_id,
                p.taker_quantity, p.taker_execution_id, p.maker_account, p.maker_order_id, p.maker_quantity,
                p.maker_execution_id, o.stp, p.time
             from (",
            $from,
            ") p cross join lateral (
                select stp from open_orders
                where account = p.taker_account and symbol = p.symbol and order_id = p.taker_order_id
                union all
                select stp from closed_orders
                where account = p.taker_account and symbol = p.symbol and order_id = p.taker_order_id) o
             order by p.prevented_match_id limit $4"
        )
    };
}

const PREVENTED_MATCH: &str = prevented!(
    "select * from prevented_matches
     where symbol = $2 and prevented_match_id = $3 and $1 in (taker_account, maker_account)"
);
/// An order can have been taker first and maker later, so both halves are asked for.
const PREVENTED_MATCHES: &str = prevented!(
    "(select * from prevented_matches
      where symbol = $2 and taker_order_id = $5 and taker_account = $1 and prevented_match_id >= $3
      order by prevented_match_id limit $4)
     union all
     (select * from prevented_matches
      where symbol = $2 and maker_order_id = $5 and maker_account = $1 and prevented_match_id >= $3
      order by prevented_match_id limit $4)"
);

pub(crate) fn order(account: AccountId, symbol: SymbolId, order_id: OrderId) -> Question {
    Question {
        sql: ORDER,
        values: vec![Box::new(number(account.0)), Box::new(i32::from(symbol.0)), Box::new(number(order_id.0))],
    }
}

pub(crate) fn newest_order(account: AccountId, symbol: SymbolId, client_order_id: ClientOrderId) -> Question {
    let name = client_order_id.as_str().to_owned();
    Question {
        sql: NEWEST_ORDER,
        values: vec![Box::new(number(account.0)), Box::new(i32::from(symbol.0)), Box::new(name)],
    }
}

pub(crate) fn open_orders(account: AccountId, symbol: Option<SymbolId>) -> Question {
    let symbol = symbol.map(|symbol| i32::from(symbol.0));
    Question { sql: OPEN_ORDERS, values: vec![Box::new(number(account.0)), Box::new(symbol)] }
}

pub(crate) fn orders(account: AccountId, symbol: SymbolId, range: ListRange<OrderId>, limit: u32) -> Question {
    let part = Part::of(range, |id| id.0);
    let (account, symbol, limit) =
        (Box::new(number(account.0)), Box::new(i32::from(symbol.0)), Box::new(i64::from(limit)));
    if part.by_id {
        return Question { sql: FROM_ID, values: vec![account, symbol, Box::new(part.first), limit] };
    }
    let sql = if part.newest_first { DESCENDING } else { ASCENDING };
    Question { sql, values: vec![account, symbol, Box::new(part.start), Box::new(part.end), limit] }
}

pub(crate) fn prevented_match(account: AccountId, symbol: SymbolId, id: PreventedMatchId) -> Question {
    Question {
        sql: PREVENTED_MATCH,
        values: vec![
            Box::new(number(account.0)),
            Box::new(i32::from(symbol.0)),
            Box::new(bound(id.0)),
            Box::new(1_i64),
        ],
    }
}

pub(crate) fn prevented_matches(
    account: AccountId,
    symbol: SymbolId,
    order_id: OrderId,
    from: PreventedMatchId,
    limit: u32,
) -> Question {
    Question {
        sql: PREVENTED_MATCHES,
        values: vec![
            Box::new(number(account.0)),
            Box::new(i32::from(symbol.0)),
            Box::new(bound(from.0)),
            Box::new(i64::from(limit)),
            Box::new(number(order_id.0)),
        ],
    }
}

pub(crate) fn read_order(cells: &mut Cells<'_>) -> Result<OrderRow, StoreError> {
    let (account, symbol, order_id) = (cells.get()?, cells.get()?, cells.get()?);
    let (client_order_id, side) = (cells.text()?, cells.get()?);
    let order_type: OrderType = cells.get()?;
    let (price, quantity): (Option<Price>, Option<Quantity>) = (cells.maybe()?, cells.maybe()?);
    let (quote_quantity, time_in_force): (Option<Amount>, TimeInForce) = (cells.maybe()?, cells.get()?);
    let kind = kind(order_type, price, quantity, quote_quantity, time_in_force)
        .ok_or_else(|| StoreError::Damaged("the tables are damaged: an order without price or quantity".to_owned()))?;
    let (stp, trade_group) = (cells.get()?, cells.maybe()?);
    let strategy = Strategy { id: cells.maybe()?, kind: cells.maybe()? };
    let is_named = strategy.id.is_some() || strategy.kind.is_some();
    let status = cells.get()?;
    Ok(OrderRow {
        symbol,
        order_id,
        account,
        client_order_id,
        side,
        kind,
        stp,
        trade_group,
        strategy: is_named.then_some(strategy),
        status,
        close_reason: close_reason(status, cells.maybe()?),
        executed: cells.get()?,
        executed_quote: cells.get()?,
        prevented: cells.get()?,
        prevented_match_id: cells.maybe()?,
        cancel_id: cells.maybe_text()?,
        placed_at: cells.get()?,
        updated_at: cells.get()?,
    })
}

fn kind(
    order_type: OrderType,
    price: Option<Price>,
    quantity: Option<Quantity>,
    quote: Option<Amount>,
    time_in_force: TimeInForce,
) -> Option<OrderKind> {
    Some(match order_type {
        OrderType::Limit => OrderKind::Limit(price?, quantity?, time_in_force),
        OrderType::LimitMaker => OrderKind::LimitMaker(price?, quantity?),
        OrderType::Market => OrderKind::Market(match quote {
            Some(amount) => MarketSize::Quote(amount),
            None => MarketSize::Base(quantity?),
        }),
    })
}

fn close_reason(status: OrderStatus, expiry: Option<ExpiryReason>) -> Option<CloseReason> {
    match status {
        OrderStatus::New | OrderStatus::PartiallyFilled | OrderStatus::Filled => None,
        OrderStatus::Canceled => Some(CloseReason::Canceled),
        OrderStatus::Expired => expiry.map(CloseReason::Expired),
        OrderStatus::ExpiredInMatch => Some(CloseReason::ExpiredInMatch),
    }
}

pub(crate) fn read_prevented_match(cells: &mut Cells<'_>) -> Result<PreventedMatchRow, StoreError> {
    let prevented = SelfTradePrevented {
        symbol: cells.get()?,
        prevented_match_id: cells.get()?,
        price: cells.get()?,
        taker_side: cells.get()?,
        taker_account: cells.get()?,
        taker_order_id: cells.get()?,
        taker_quantity: cells.get()?,
        taker_execution_id: cells.get()?,
        maker_account: cells.get()?,
        maker_order_id: cells.get()?,
        maker_quantity: cells.get()?,
        maker_execution_id: cells.get()?,
    };
    Ok(PreventedMatchRow { prevented, stp: cells.get()?, time: cells.get()? })
}
