//! Market data: tickers and the average price.

use super::{Decimal, Text};
use crate::Time;
use emporion_model::SymbolName;
use serde::{Deserialize, Serialize};

/// An object for a client that named one symbol, an array for one that named several or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// Several, or all.
    Many(Vec<T>),
}

/// `GET avgPrice`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AveragePrice {
    /// Minutes that the average covers.
    pub mins: u8,
    /// Volume-weighted average price.
    pub price: Decimal,
    /// When the last trade was.
    pub close_time: Time,
}

/// `GET ticker/24hr` with `type=FULL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ticker {
    /// The symbol.
    pub symbol: Text<SymbolName>,
    /// Last less open price.
    pub price_change: Decimal,
    /// The same in percent of the open price, with three decimals.
    pub price_change_percent: Decimal,
    /// Quote volume by volume.
    pub weighted_avg_price: Decimal,
    /// The last price before the window.
    pub prev_close_price: Decimal,
    /// The last price.
    pub last_price: Decimal,
    /// The last trade's quantity.
    pub last_qty: Decimal,
    /// The best bid.
    pub bid_price: Decimal,
    /// Its quantity.
    pub bid_qty: Decimal,
    /// The best ask.
    pub ask_price: Decimal,
    /// Its quantity.
    pub ask_qty: Decimal,
    /// The window's first price.
    pub open_price: Decimal,
    /// The window's highest price.
    pub high_price: Decimal,
    /// The window's lowest price.
    pub low_price: Decimal,
    /// Base quantity.
    pub volume: Decimal,
    /// Quote amount.
    pub quote_volume: Decimal,
    /// The window's first moment.
    pub open_time: Time,
    /// The window's last moment.
    pub close_time: Time,
    /// The first trade's id, -1 without one.
    pub first_id: i64,
    /// The last trade's id, -1 without one.
    pub last_id: i64,
    /// Number of trades.
    pub count: u64,
}

/// `GET ticker` and `GET ticker/tradingDay` with `type=FULL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowTicker {
    /// The symbol.
    pub symbol: Text<SymbolName>,
    /// Last less open price.
    pub price_change: Decimal,
    /// The same in percent of the open price, with three decimals.
    pub price_change_percent: Decimal,
    /// Quote volume by volume.
    pub weighted_avg_price: Decimal,
    /// The window's first price.
    pub open_price: Decimal,
    /// The window's highest price.
    pub high_price: Decimal,
    /// The window's lowest price.
    pub low_price: Decimal,
    /// The last price.
    pub last_price: Decimal,
    /// Base quantity.
    pub volume: Decimal,
    /// Quote amount.
    pub quote_volume: Decimal,
    /// The window's first moment.
    pub open_time: Time,
    /// The window's last moment.
    pub close_time: Time,
    /// The first trade's id, -1 without one.
    pub first_id: i64,
    /// The last trade's id, -1 without one.
    pub last_id: i64,
    /// Number of trades.
    pub count: u64,
}

/// `GET ticker/24hr`, `GET ticker` and `GET ticker/tradingDay` with `type=MINI`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MiniTicker {
    /// The symbol.
    pub symbol: Text<SymbolName>,
    /// The window's first price.
    pub open_price: Decimal,
    /// The window's highest price.
    pub high_price: Decimal,
    /// The window's lowest price.
    pub low_price: Decimal,
    /// The last price.
    pub last_price: Decimal,
    /// Base quantity.
    pub volume: Decimal,
    /// Quote amount.
    pub quote_volume: Decimal,
    /// The window's first moment.
    pub open_time: Time,
    /// The window's last moment.
    pub close_time: Time,
    /// The first trade's id, -1 without one.
    pub first_id: i64,
    /// The last trade's id, -1 without one.
    pub last_id: i64,
    /// Number of trades.
    pub count: u64,
}

impl From<Ticker> for MiniTicker {
    fn from(full: Ticker) -> Self {
        Self {
            symbol: full.symbol,
            open_price: full.open_price,
            high_price: full.high_price,
            low_price: full.low_price,
            last_price: full.last_price,
            volume: full.volume,
            quote_volume: full.quote_volume,
            open_time: full.open_time,
            close_time: full.close_time,
            first_id: full.first_id,
            last_id: full.last_id,
            count: full.count,
        }
    }
}

impl From<WindowTicker> for MiniTicker {
    fn from(full: WindowTicker) -> Self {
        Self {
            symbol: full.symbol,
            open_price: full.open_price,
            high_price: full.high_price,
            low_price: full.low_price,
            last_price: full.last_price,
            volume: full.volume,
            quote_volume: full.quote_volume,
            open_time: full.open_time,
            close_time: full.close_time,
            first_id: full.first_id,
            last_id: full.last_id,
            count: full.count,
        }
    }
}

/// `GET ticker/price`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceTicker {
    /// The symbol.
    pub symbol: Text<SymbolName>,
    /// The last price.
    pub price: Decimal,
}

/// `GET ticker/bookTicker`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BookTicker {
    /// The symbol.
    pub symbol: Text<SymbolName>,
    /// The best bid, zero without one.
    pub bid_price: Decimal,
    /// Its quantity.
    pub bid_qty: Decimal,
    /// The best ask, zero without one.
    pub ask_price: Decimal,
    /// Its quantity.
    pub ask_qty: Decimal,
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;
    use crate::TimeUnit;
    use emporion_model::TimeUs;

    fn number(value: i128, scale: u8) -> Decimal {
        Decimal::new(value, scale)
    }

    fn time(millis: u64) -> Time {
        TimeUnit::Millisecond.of(TimeUs::from_millis(millis))
    }

    fn symbol(text: &str) -> Text<SymbolName> {
        Text(text.parse().expect("legal"))
    }

    fn ticker() -> Ticker {
        Ticker {
            symbol: symbol("BNBBTC"),
            price_change: number(-94_999_998, 6),
            price_change_percent: number(-95_960, 3).with_places(3),
            weighted_avg_price: number(29_628_482, 8),
            prev_close_price: number(10_002, 5),
            last_price: number(4_000_002, 6),
            last_qty: number(200, 0),
            bid_price: number(4, 0),
            bid_qty: number(100, 0),
            ask_price: number(4_000_002, 6),
            ask_qty: number(100, 0),
            open_price: number(99, 0),
            high_price: number(100, 0),
            low_price: number(1, 1),
            volume: number(89_133, 1),
            quote_volume: number(153, 1),
            open_time: time(1_499_783_499_040),
            close_time: time(1_499_869_899_040),
            first_id: 28_385,
            last_id: 28_460,
            count: 76,
        }
    }

    fn window_ticker() -> WindowTicker {
        let full = ticker();
        WindowTicker {
            symbol: full.symbol,
            price_change: full.price_change,
            price_change_percent: full.price_change_percent,
            weighted_avg_price: full.weighted_avg_price,
            open_price: full.open_price,
            high_price: full.high_price,
            low_price: full.low_price,
            last_price: full.last_price,
            volume: full.volume,
            quote_volume: full.quote_volume,
            open_time: time(1_499_783_460_000),
            close_time: full.close_time,
            first_id: full.first_id,
            last_id: full.last_id,
            count: full.count,
        }
    }

    #[test]
    fn tickers() {
        check(
            ticker(),
            concat!(
                r#"{"symbol":"BNBBTC","priceChange":"-94.99999800","priceChangePercent":"-95.960","#,
                r#""weightedAvgPrice":"0.29628482","prevClosePrice":"0.10002000","lastPrice":"4.00000200","#,
                r#""lastQty":"200.00000000","bidPrice":"4.00000000","bidQty":"100.00000000","askPrice":"4.00000200","#,
                r#""askQty":"100.00000000","openPrice":"99.00000000","highPrice":"100.00000000","#,
                r#""lowPrice":"0.10000000","volume":"8913.30000000","quoteVolume":"15.30000000","#,
                r#""openTime":1499783499040,"closeTime":1499869899040,"firstId":28385,"lastId":28460,"count":76}"#,
            ),
        );
        check(
            MiniTicker::from(ticker()),
            concat!(
                r#"{"symbol":"BNBBTC","openPrice":"99.00000000","highPrice":"100.00000000","lowPrice":"0.10000000","#,
                r#""lastPrice":"4.00000200","volume":"8913.30000000","quoteVolume":"15.30000000","#,
                r#""openTime":1499783499040,"closeTime":1499869899040,"firstId":28385,"lastId":28460,"count":76}"#,
            ),
        );
        check(
            window_ticker(),
            concat!(
                r#"{"symbol":"BNBBTC","priceChange":"-94.99999800","priceChangePercent":"-95.960","#,
                r#""weightedAvgPrice":"0.29628482","openPrice":"99.00000000","highPrice":"100.00000000","#,
                r#""lowPrice":"0.10000000","lastPrice":"4.00000200","volume":"8913.30000000","#,
                r#""quoteVolume":"15.30000000","openTime":1499783460000,"closeTime":1499869899040,"#,
                r#""firstId":28385,"lastId":28460,"count":76}"#,
            ),
        );
        check(
            MiniTicker::from(window_ticker()),
            concat!(
                r#"{"symbol":"BNBBTC","openPrice":"99.00000000","highPrice":"100.00000000","lowPrice":"0.10000000","#,
                r#""lastPrice":"4.00000200","volume":"8913.30000000","quoteVolume":"15.30000000","#,
                r#""openTime":1499783460000,"closeTime":1499869899040,"firstId":28385,"lastId":28460,"count":76}"#,
            ),
        );
        check(
            AveragePrice { mins: 5, price: number(935_751_834, 8), close_time: time(1_694_061_154_503) },
            r#"{"mins":5,"price":"9.35751834","closeTime":1694061154503}"#,
        );
        check(
            BookTicker {
                symbol: symbol("LTCBTC"),
                bid_price: number(4, 0),
                bid_qty: number(431, 0),
                ask_price: number(4_000_002, 6),
                ask_qty: number(9, 0),
            },
            r#"{"symbol":"LTCBTC","bidPrice":"4.00000000","bidQty":"431.00000000","askPrice":"4.00000200","askQty":"9.00000000"}"#,
        );
    }

    #[test]
    fn one_symbol_is_an_object_and_several_are_an_array() {
        let price = PriceTicker { symbol: symbol("LTCBTC"), price: number(4_000_002, 6) };
        check(OneOrMany::One(price), r#"{"symbol":"LTCBTC","price":"4.00000200"}"#);
        check(OneOrMany::Many(vec![price]), r#"[{"symbol":"LTCBTC","price":"4.00000200"}]"#);
    }
}
