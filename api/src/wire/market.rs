//! Market data: books, trades, klines.

use super::Decimal;
use crate::Time;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
}
