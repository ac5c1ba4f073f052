//! Market data: the events of the streams.
//!
//! Each has its type in `e` and its time in `E`, but for the top of the book and the partial book, which have
//! neither; a partial book is a [`super::Depth`].

use super::{Decimal, Text};
use crate::Time;
use emporion_model::SymbolName;
use serde::{Deserialize, Serialize};

/// `<symbol>@trade`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "e", rename = "trade")]
pub struct TradeEvent {
    /// When the trade was committed.
    #[serde(rename = "E")]
    pub event_time: Time,
    /// The symbol.
    #[serde(rename = "s")]
    pub symbol: Text<SymbolName>,
    /// The trade's id.
    #[serde(rename = "t")]
    pub trade_id: u64,
    /// The price.
    #[serde(rename = "p")]
    pub price: Decimal,
    /// The base quantity.
    #[serde(rename = "q")]
    pub quantity: Decimal,
    /// When the trade was.
    #[serde(rename = "T")]
    pub time: Time,
    /// Whether the buyer was the maker.
    #[serde(rename = "m")]
    pub is_buyer_maker: bool,
    /// Always true.
    #[serde(rename = "M")]
    pub is_best_match: bool,
}

/// `<symbol>@aggTrade`: fills of one taker order at one price as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "e", rename = "aggTrade")]
pub struct AggTradeEvent {
    /// When the trades were committed.
    #[serde(rename = "E")]
    pub event_time: Time,
    /// The symbol.
    #[serde(rename = "s")]
    pub symbol: Text<SymbolName>,
    /// The run's id.
    #[serde(rename = "a")]
    pub id: u64,
    /// The price.
    #[serde(rename = "p")]
    pub price: Decimal,
    /// The base quantity.
    #[serde(rename = "q")]
    pub quantity: Decimal,
    /// The first trade's id.
    #[serde(rename = "f")]
    pub first_trade_id: u64,
    /// The last trade's id.
    #[serde(rename = "l")]
    pub last_trade_id: u64,
    /// When the trades were.
    #[serde(rename = "T")]
    pub time: Time,
    /// Whether the buyer was the maker.
    #[serde(rename = "m")]
    pub is_buyer_maker: bool,
    /// Always true.
    #[serde(rename = "M")]
    pub is_best_match: bool,
}

/// `<symbol>@kline_<interval>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "e", rename = "kline")]
pub struct KlineEvent<'a> {
    /// The time of what is shown.
    #[serde(rename = "E")]
    pub event_time: Time,
    /// The symbol.
    #[serde(rename = "s")]
    pub symbol: Text<SymbolName>,
    /// The kline.
    #[serde(rename = "k", borrow)]
    pub kline: StreamKline<'a>,
}

/// A kline as streams show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamKline<'a> {
    /// Its first moment.
    #[serde(rename = "t")]
    pub open_time: Time,
    /// Its last moment.
    #[serde(rename = "T")]
    pub close_time: Time,
    /// The symbol.
    #[serde(rename = "s")]
    pub symbol: Text<SymbolName>,
    /// Its length, as streams name it.
    #[serde(rename = "i")]
    pub interval: &'a str,
    /// The first trade's id, -1 without one.
    #[serde(rename = "f")]
    pub first_trade_id: i64,
    /// The last trade's id, -1 without one.
    #[serde(rename = "L")]
    pub last_trade_id: i64,
    /// First price.
    #[serde(rename = "o")]
    pub open: Decimal,
    /// Last price.
    #[serde(rename = "c")]
    pub close: Decimal,
    /// Highest price.
    #[serde(rename = "h")]
    pub high: Decimal,
    /// Lowest price.
    #[serde(rename = "l")]
    pub low: Decimal,
    /// Base quantity.
    #[serde(rename = "v")]
    pub volume: Decimal,
    /// Number of trades.
    #[serde(rename = "n")]
    pub trades: u64,
    /// Whether nothing more comes to it.
    #[serde(rename = "x")]
    pub is_closed: bool,
    /// Quote amount.
    #[serde(rename = "q")]
    pub quote_volume: Decimal,
    /// Base quantity of trades whose taker bought.
    #[serde(rename = "V")]
    pub taker_buy_volume: Decimal,
    /// Quote amount of trades whose taker bought.
    #[serde(rename = "Q")]
    pub taker_buy_quote_volume: Decimal,
    /// Means nothing: zero without decimals.
    #[serde(rename = "B")]
    pub ignored: Decimal,
}

/// `<symbol>@miniTicker`, and one of `!miniTicker@arr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "e", rename = "24hrMiniTicker")]
pub struct MiniTickerEvent {
    /// The time of what is shown.
    #[serde(rename = "E")]
    pub event_time: Time,
    /// The symbol.
    #[serde(rename = "s")]
    pub symbol: Text<SymbolName>,
    /// The last price.
    #[serde(rename = "c")]
    pub last_price: Decimal,
    /// The window's first price.
    #[serde(rename = "o")]
    pub open_price: Decimal,
    /// The window's highest price.
    #[serde(rename = "h")]
    pub high_price: Decimal,
    /// The window's lowest price.
    #[serde(rename = "l")]
    pub low_price: Decimal,
    /// Base quantity.
    #[serde(rename = "v")]
    pub volume: Decimal,
    /// Quote amount.
    #[serde(rename = "q")]
    pub quote_volume: Decimal,
}

/// `<symbol>@ticker`, and one of `!ticker@arr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "e", rename = "24hrTicker")]
pub struct TickerEvent {
    /// The time of what is shown.
    #[serde(rename = "E")]
    pub event_time: Time,
    /// The symbol.
    #[serde(rename = "s")]
    pub symbol: Text<SymbolName>,
    /// Last less open price.
    #[serde(rename = "p")]
    pub price_change: Decimal,
    /// The same in percent of the open price, with three decimals.
    #[serde(rename = "P")]
    pub price_change_percent: Decimal,
    /// Quote volume by volume.
    #[serde(rename = "w")]
    pub weighted_avg_price: Decimal,
    /// The last price before the window.
    #[serde(rename = "x")]
    pub prev_close_price: Decimal,
    /// The last price.
    #[serde(rename = "c")]
    pub last_price: Decimal,
    /// The last trade's quantity.
    #[serde(rename = "Q")]
    pub last_qty: Decimal,
    /// The best bid.
    #[serde(rename = "b")]
    pub bid_price: Decimal,
    /// Its quantity.
    #[serde(rename = "B")]
    pub bid_qty: Decimal,
    /// The best ask.
    #[serde(rename = "a")]
    pub ask_price: Decimal,
    /// Its quantity.
    #[serde(rename = "A")]
    pub ask_qty: Decimal,
    /// The window's first price.
    #[serde(rename = "o")]
    pub open_price: Decimal,
    /// The window's highest price.
    #[serde(rename = "h")]
    pub high_price: Decimal,
    /// The window's lowest price.
    #[serde(rename = "l")]
    pub low_price: Decimal,
    /// Base quantity.
    #[serde(rename = "v")]
    pub volume: Decimal,
    /// Quote amount.
    #[serde(rename = "q")]
    pub quote_volume: Decimal,
    /// The window's first moment.
    #[serde(rename = "O")]
    pub open_time: Time,
    /// The window's last moment.
    #[serde(rename = "C")]
    pub close_time: Time,
    /// The first trade's id, -1 without one.
    #[serde(rename = "F")]
    pub first_id: i64,
    /// The last trade's id, -1 without one.
    #[serde(rename = "L")]
    pub last_id: i64,
    /// Number of trades.
    #[serde(rename = "n")]
    pub count: u64,
}

/// `<symbol>@avgPrice`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "e", rename = "avgPrice")]
pub struct AveragePriceEvent<'a> {
    /// The time of what is shown.
    #[serde(rename = "E")]
    pub event_time: Time,
    /// The symbol.
    #[serde(rename = "s")]
    pub symbol: Text<SymbolName>,
    /// The time that the average covers.
    #[serde(rename = "i")]
    pub interval: &'a str,
    /// Volume-weighted average price.
    #[serde(rename = "w")]
    pub price: Decimal,
    /// When the last trade was.
    #[serde(rename = "T")]
    pub last_trade_time: Time,
}

/// `<symbol>@depth`: what changed in a book. Each event begins where the one before it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "e", rename = "depthUpdate")]
pub struct DepthEvent {
    /// The time of what is shown.
    #[serde(rename = "E")]
    pub event_time: Time,
    /// The symbol.
    #[serde(rename = "s")]
    pub symbol: Text<SymbolName>,
    /// The id after the last one of the event before.
    #[serde(rename = "U")]
    pub first_update_id: u64,
    /// The id of the last change.
    #[serde(rename = "u")]
    pub last_update_id: u64,
    /// Price and the quantity that is there now, zero for none; highest price first.
    #[serde(rename = "b")]
    pub bids: Vec<[Decimal; 2]>,
    /// Price and the quantity that is there now, zero for none; lowest price first.
    #[serde(rename = "a")]
    pub asks: Vec<[Decimal; 2]>,
}

/// `<symbol>@bookTicker`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookTickerEvent {
    /// The id of the book's last change.
    #[serde(rename = "u")]
    pub update_id: u64,
    /// The symbol.
    #[serde(rename = "s")]
    pub symbol: Text<SymbolName>,
    /// The best bid, zero without one.
    #[serde(rename = "b")]
    pub bid_price: Decimal,
    /// Its quantity.
    #[serde(rename = "B")]
    pub bid_qty: Decimal,
    /// The best ask, zero without one.
    #[serde(rename = "a")]
    pub ask_price: Decimal,
    /// Its quantity.
    #[serde(rename = "A")]
    pub ask_qty: Decimal,
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;
    use crate::TimeUnit;
    use emporion_model::TimeUs;

    const EVENT_TIME: u64 = 1_672_515_782_136;

    fn number(value: i128, scale: u8) -> Decimal {
        Decimal::new(value, scale)
    }

    fn time(millis: u64) -> Time {
        TimeUnit::Millisecond.of(TimeUs::from_millis(millis))
    }

    fn symbol(text: &str) -> Text<SymbolName> {
        Text(text.parse().expect("legal"))
    }

    /// As [`check`], for what borrows from the JSON that it is read from.
    #[track_caller]
    fn check_borrowing<'a, T: Serialize + Deserialize<'a> + PartialEq + std::fmt::Debug>(value: T, json: &'a str) {
        assert_eq!(serde_json::to_string(&value).expect("serialises"), json);
        assert_eq!(serde_json::from_str::<T>(json).expect("reads back"), value);
    }

    #[test]
    fn trades() {
        check(
            TradeEvent {
                event_time: time(EVENT_TIME),
                symbol: symbol("BNBBTC"),
                trade_id: 12_345,
                price: number(1, 3),
                quantity: number(100, 0),
                time: time(EVENT_TIME),
                is_buyer_maker: true,
                is_best_match: true,
            },
            concat!(
                r#"{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.00100000","q":"100.00000000","#,
                r#""T":1672515782136,"m":true,"M":true}"#
            ),
        );
        check(
            AggTradeEvent {
                event_time: time(EVENT_TIME),
                symbol: symbol("BNBBTC"),
                id: 12_345,
                price: number(1, 3),
                quantity: number(100, 0),
                first_trade_id: 100,
                last_trade_id: 105,
                time: time(EVENT_TIME),
                is_buyer_maker: true,
                is_best_match: true,
            },
            concat!(
                r#"{"e":"aggTrade","E":1672515782136,"s":"BNBBTC","a":12345,"p":"0.00100000","q":"100.00000000","#,
                r#""f":100,"l":105,"T":1672515782136,"m":true,"M":true}"#
            ),
        );
    }

    #[test]
    fn klines() {
        check_borrowing(
            KlineEvent {
                event_time: time(EVENT_TIME),
                symbol: symbol("BNBBTC"),
                kline: StreamKline {
                    open_time: time(1_672_515_780_000),
                    close_time: time(1_672_515_839_999),
                    symbol: symbol("BNBBTC"),
                    interval: "1m",
                    first_trade_id: 100,
                    last_trade_id: 200,
                    open: number(1, 3),
                    close: number(2, 3),
                    high: number(25, 4),
                    low: number(15, 4),
                    volume: number(1_000, 0),
                    trades: 100,
                    is_closed: false,
                    quote_volume: number(1, 0),
                    taker_buy_volume: number(500, 0),
                    taker_buy_quote_volume: number(5, 1),
                    ignored: Decimal::ZERO.with_places(0),
                },
            },
            concat!(
                r#"{"e":"kline","E":1672515782136,"s":"BNBBTC","k":{"t":1672515780000,"T":1672515839999,"#,
                r#""s":"BNBBTC","i":"1m","f":100,"L":200,"o":"0.00100000","c":"0.00200000","h":"0.00250000","#,
                r#""l":"0.00150000","v":"1000.00000000","n":100,"x":false,"q":"1.00000000","V":"500.00000000","#,
                r#""Q":"0.50000000","B":"0"}}"#
            ),
        );
    }

    #[test]
    fn tickers() {
        check(
            MiniTickerEvent {
                event_time: time(EVENT_TIME),
                symbol: symbol("BNBBTC"),
                last_price: number(25, 4),
                open_price: number(1, 3),
                high_price: number(26, 4),
                low_price: number(9, 4),
                volume: number(10_000, 0),
                quote_volume: number(18, 0),
            },
            concat!(
                r#"{"e":"24hrMiniTicker","E":1672515782136,"s":"BNBBTC","c":"0.00250000","o":"0.00100000","#,
                r#""h":"0.00260000","l":"0.00090000","v":"10000.00000000","q":"18.00000000"}"#
            ),
        );
        check(
            TickerEvent {
                event_time: time(EVENT_TIME),
                symbol: symbol("BNBBTC"),
                price_change: number(15, 4),
                price_change_percent: number(150_000, 3).with_places(3),
                weighted_avg_price: number(18, 4),
                prev_close_price: number(8, 4),
                last_price: number(25, 4),
                last_qty: number(10, 0),
                bid_price: number(24, 4),
                bid_qty: number(11, 0),
                ask_price: number(27, 4),
                ask_qty: number(100, 0),
                open_price: number(1, 3),
                high_price: number(26, 4),
                low_price: number(9, 4),
                volume: number(10_000, 0),
                quote_volume: number(18, 0),
                open_time: time(0),
                close_time: time(86_400_000),
                first_id: 0,
                last_id: 18_150,
                count: 18_151,
            },
            concat!(
                r#"{"e":"24hrTicker","E":1672515782136,"s":"BNBBTC","p":"0.00150000","P":"150.000","#,
                r#""w":"0.00180000","x":"0.00080000","c":"0.00250000","Q":"10.00000000","b":"0.00240000","#,
                r#""B":"11.00000000","a":"0.00270000","A":"100.00000000","o":"0.00100000","h":"0.00260000","#,
                r#""l":"0.00090000","v":"10000.00000000","q":"18.00000000","O":0,"C":86400000,"F":0,"L":18150,"#,
                r#""n":18151}"#
            ),
        );
        check_borrowing(
            AveragePriceEvent {
                event_time: time(1_693_907_033_000),
                symbol: symbol("BTCUSDT"),
                interval: "5m",
                price: number(2_577_686, 2),
                last_trade_time: time(1_693_907_032_213),
            },
            concat!(
                r#"{"e":"avgPrice","E":1693907033000,"s":"BTCUSDT","i":"5m","w":"25776.86000000","#,
                r#""T":1693907032213}"#
            ),
        );
    }

    #[test]
    fn books() {
        check(
            DepthEvent {
                event_time: time(EVENT_TIME),
                symbol: symbol("BNBBTC"),
                first_update_id: 157,
                last_update_id: 160,
                bids: vec![[number(24, 4), number(10, 0)]],
                asks: vec![[number(26, 4), Decimal::ZERO]],
            },
            concat!(
                r#"{"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":157,"u":160,"#,
                r#""b":[["0.00240000","10.00000000"]],"a":[["0.00260000","0.00000000"]]}"#
            ),
        );
        check(
            BookTickerEvent {
                update_id: 400_900_217,
                symbol: symbol("BNBUSDT"),
                bid_price: number(253_519, 4),
                bid_qty: number(3_121, 2),
                ask_price: number(253_652, 4),
                ask_qty: number(4_066, 2),
            },
            concat!(
                r#"{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","#,
                r#""A":"40.66000000"}"#
            ),
        );
    }
}
