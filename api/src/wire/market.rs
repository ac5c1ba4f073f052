//! Market data: books, trades, klines, tickers.

use super::{Decimal, Text};
use crate::Time;
use emporion_model::SymbolName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An object for a client that named one symbol, an array for one that named several or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// Several, or all.
    Many(Vec<T>),
}

/// `GET depth`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Depth {
    /// The id of the last change that the levels contain.
    pub last_update_id: u64,
    /// Price and quantity, highest price first.
    pub bids: Vec<[Decimal; 2]>,
    /// Price and quantity, lowest price first.
    pub asks: Vec<[Decimal; 2]>,
}

/// `GET trades` and `GET historicalTrades`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublicTrade {
    /// The trade's id.
    pub id: u64,
    /// The price.
    pub price: Decimal,
    /// The base quantity.
    pub qty: Decimal,
    /// Price × quantity.
    pub quote_qty: Decimal,
    /// When.
    pub time: Time,
    /// Whether the buyer was the maker.
    pub is_buyer_maker: bool,
    /// Always true.
    pub is_best_match: bool,
}

/// `GET aggTrades`: fills of one taker order at one price as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AggTrade {
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
    /// When.
    #[serde(rename = "T")]
    pub time: Time,
    /// Whether the buyer was the maker.
    #[serde(rename = "m")]
    pub is_buyer_maker: bool,
    /// Always true.
    #[serde(rename = "M")]
    pub is_best_match: bool,
}

/// `GET klines` and `GET uiKlines`: a row of twelve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kline {
    /// Its first moment.
    pub open_time: Time,
    /// First price.
    pub open: Decimal,
    /// Highest price.
    pub high: Decimal,
    /// Lowest price.
    pub low: Decimal,
    /// Last price.
    pub close: Decimal,
    /// Base quantity.
    pub volume: Decimal,
    /// Its last moment.
    pub close_time: Time,
    /// Quote amount.
    pub quote_volume: Decimal,
    /// Number of trades.
    pub trades: u64,
    /// Base quantity of trades whose taker bought.
    pub taker_buy_volume: Decimal,
    /// Quote amount of trades whose taker bought.
    pub taker_buy_quote_volume: Decimal,
}

type KlineRow<'a> = (
    Time,
    Decimal,
    Decimal,
    Decimal,
    Decimal,
    Decimal,
    Time,
    Decimal,
    u64,
    Decimal,
    Decimal,
    std::borrow::Cow<'a, str>,
);

impl Serialize for Kline {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row: KlineRow<'_> = (
            self.open_time,
            self.open,
            self.high,
            self.low,
            self.close,
            self.volume,
            self.close_time,
            self.quote_volume,
            self.trades,
            self.taker_buy_volume,
            self.taker_buy_quote_volume,
            "0".into(),
        );
        row.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Kline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let row = KlineRow::<'de>::deserialize(deserializer)?;
        let (open_time, open, high, low, close, volume, close_time, quote_volume, trades, buy_volume, buy_quote, _) =
            row;
        Ok(Self {
            open_time,
            open,
            high,
            low,
            close,
            volume,
            close_time,
            quote_volume,
            trades,
            taker_buy_volume: buy_volume,
            taker_buy_quote_volume: buy_quote,
        })
    }
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

/// `GET ticker/24hr` with `type=MINI`.
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

    #[test]
    fn books_and_trades() {
        check(
            Depth {
                last_update_id: 1_027_024,
                bids: vec![[number(4, 0), number(431, 0)]],
                asks: vec![[number(4_000_002, 6), number(12, 0)]],
            },
            r#"{"lastUpdateId":1027024,"bids":[["4.00000000","431.00000000"]],"asks":[["4.00000200","12.00000000"]]}"#,
        );
        check(
            PublicTrade {
                id: 28_457,
                price: number(4_000_001, 6),
                qty: number(12, 0),
                quote_qty: number(48_000_012, 6),
                time: time(1_499_865_549_590),
                is_buyer_maker: true,
                is_best_match: true,
            },
            r#"{"id":28457,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.00001200","time":1499865549590,"isBuyerMaker":true,"isBestMatch":true}"#,
        );
        check(
            AggTrade {
                id: 26_129,
                price: number(1_633_102, 8),
                quantity: number(470_443_515, 8),
                first_trade_id: 27_781,
                last_trade_id: 27_781,
                time: time(1_498_793_709_153),
                is_buyer_maker: true,
                is_best_match: true,
            },
            r#"{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}"#,
        );
    }

    #[test]
    fn a_kline_is_a_row_of_twelve() {
        check(
            Kline {
                open_time: time(1_499_040_000_000),
                open: number(1_634_790, 8),
                high: number(8, 1),
                low: number(15_758, 6),
                close: number(15_771, 6),
                volume: number(14_897_611_427_815, 8),
                close_time: time(1_499_644_799_999),
                quote_volume: number(243_419_055_334, 8),
                trades: 308,
                taker_buy_volume: number(175_687_402_397, 8),
                taker_buy_quote_volume: number(2_846_694_368, 8),
            },
            r#"[1499040000000,"0.01634790","0.80000000","0.01575800","0.01577100","148976.11427815",1499644799999,"2434.19055334",308,"1756.87402397","28.46694368","0"]"#,
        );
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
