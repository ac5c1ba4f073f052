//! The answers' shapes: exact key names in the documented order, decimals as text, ids and times as integers.
//!
//! Misspellings that clients rely on (`cummulativeQuoteQty`) are kept. Nothing is computed here; services
//! fill these in. Everything also reads back, for our own clients.

mod account;
mod decimal;
mod general;
mod market;
mod order;
mod placement;
mod sapi;
mod stream;
mod ticker;
mod user_data;

pub use account::{
    Account, Balance, Commission, CommissionDiscount, CommissionRates, MyTrade, OrderCommission, OrderRates,
};
pub use decimal::{Decimal, RATE_PLACES, VALUE_PLACES};
pub use general::{Empty, ExchangeInfo, Filter, OrderCount, RateLimit, ServerTime, SymbolInfo};
pub use market::{AggTrade, Depth, Kline, PublicTrade};
pub use order::{CanceledOrder, NO_ORDER_LIST, Order};
pub use placement::{Fill, NewOrder, NewOrderAck, NewOrderResult, PreventedMatch};
pub use sapi::{AccountStatus, CoinInfo, SystemStatus, TradeFee};
pub use stream::{
    AggTradeEvent, AveragePriceEvent, BookTickerEvent, DepthEvent, KlineEvent, MiniTickerEvent, StreamKline,
    TickerEvent, TradeEvent,
};
pub use ticker::{AveragePrice, BookTicker, MiniTicker, OneOrMany, PriceTicker, Ticker, WindowTicker};
pub use user_data::{
    AccountPosition, BalanceUpdate, EventStreamTerminated, ExecutionReport, ExecutionType, NO_TRADE, PositionBalance,
    RejectReason, UserDataEvent,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

/// One of the model's short texts (a symbol's name, an asset's code, a client order id) as JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<T>(pub T);

impl<T> From<T> for Text<T> {
    fn from(text: T) -> Self {
        Self(text)
    }
}

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map(Self).map_err(D::Error::custom)
    }
}

/// Writes `value` and compares it with the documented JSON, then reads it back.
#[cfg(test)]
#[track_caller]
fn check<T: Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(value: T, json: &str) {
    assert_eq!(serde_json::to_string(&value).expect("serialises"), json);
    assert_eq!(serde_json::from_str::<T>(json).expect("reads back"), value);
}
