//! `GET myTrades`: an account's trades on a symbol.

use super::params::{Span, bad_combination, long};
use super::reads::answered;
use super::{Gateway, answers};
use emporion_api::params::Reader;
use emporion_api::wire::MyTrade;
use emporion_api::{ApiError, TimeUnit};
use emporion_edge::Caller;
use emporion_model::{OrderId, SymbolName, TradeId};
use emporion_ports::tables::ListRange;

/// How many trades a list has, unless the client says otherwise, and at most.
const LIMIT_DEFAULT: u32 = 500;
const LIMIT_MAX: u32 = 1_000;

/// A part of the caller's trades on a symbol.
#[derive(Clone, Debug)]
pub struct TradesQuery {
    symbol: SymbolName,
    order_id: Option<OrderId>,
    part: Part,
    limit: u32,
}

#[derive(Clone, Debug)]
enum Part {
    From(TradeId),
    Within(Span),
}

impl TradesQuery {
    /// Reads the parameters. Of their combinations exactly the seven documented ones are taken: nothing;
    /// `orderId`, with or without `fromId`; `fromId`; `startTime`, `endTime`, or both.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, ApiError> {
        let symbol = reader.required("symbol")?;
        let order_id = long(reader, "orderId")?.map(OrderId);
        let from = long(reader, "fromId")?.map(TradeId);
        let span = Span::read(reader)?;
        let limit = reader.limit(LIMIT_DEFAULT, LIMIT_MAX)?;
        let part = match from {
            _ if !span.is_open() && (order_id.is_some() || from.is_some()) => return Err(bad_combination()),
            Some(from) => Part::From(from),
            None => Part::Within(span),
        };
        Ok(Self { symbol, order_id, part, limit })
    }
}

impl Gateway {
    /// A part of the caller's trades on a symbol, oldest first; both halves of a trade with itself.
    pub async fn trades(&self, caller: &Caller, query: &TradesQuery, unit: TimeUnit) -> Result<Vec<MyTrade>, ApiError> {
        let symbol = self.symbol(query.symbol).await?;
        let range = match query.part {
            Part::From(id) => ListRange::FromId(id),
            Part::Within(span) => span.range(self.0.clock.now())?,
        };
        let tables = self.0.reads.tables().await?;
        let rows = answered(tables.fills(caller.account, symbol.id, query.order_id, range, query.limit).await)?;
        Ok(rows.value.iter().map(|row| answers::my_trade(&symbol, row, unit)).collect())
    }
}
