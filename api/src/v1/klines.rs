//! Imported klines. Authorised by the operator token.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/operator/klines`
///
/// All of the klines are imported, or none. One that is there already is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ImportKlines {
    /// The symbol's name.
    #[schema(example = "BTCUSDT")]
    pub symbol: String,
    /// How long each kline is, as the public API writes it; the day begins at 00:00 UTC.
    #[schema(example = "1h")]
    pub interval: String,
    /// Where they come from, for people: 1 to 255 bytes.
    #[schema(example = "BTCUSDT-1h-2025-01.csv")]
    pub source: String,
    /// Whether the klines are only checked, and nothing is imported.
    #[serde(default)]
    pub check_only: bool,
    /// At least one and at most 5,000, in the order of time. Each is an array of ten: the open time in milliseconds;
    /// open, high, low and close price, volume and quote volume as decimal texts; the number of trades; and of the
    /// two volumes what takers bought. A refusal names the first wrong one as `klines[N]`, counted from 0.
    #[schema(value_type = Vec<(u64, String, String, String, String, String, String, u64, String, String)>)]
    pub klines: Vec<KlineToImport>,
}

/// One kline, which stands as an array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub struct KlineToImport {
    /// Its first millisecond.
    pub open_time: u64,
    /// The first price.
    pub open: String,
    /// The highest price.
    pub high: String,
    /// The lowest price.
    pub low: String,
    /// The last price.
    pub close: String,
    /// Base quantity.
    pub volume: String,
    /// Quote amount.
    pub quote_volume: String,
    /// Number of trades.
    pub trades: u64,
    /// Base quantity that takers bought.
    pub taker_buy_volume: String,
    /// Quote amount that takers bought for.
    pub taker_buy_quote_volume: String,
}

type Row = (u64, String, String, String, String, String, String, u64, String, String);

impl From<Row> for KlineToImport {
    fn from(row: Row) -> Self {
        let (open_time, open, high, low, close, volume, quote_volume, trades, taker_buy_volume, taker_buy_quote_volume) =
            row;
        Self {
            open_time,
            open,
            high,
            low,
            close,
            volume,
            quote_volume,
            trades,
            taker_buy_volume,
            taker_buy_quote_volume,
        }
    }
}

impl From<KlineToImport> for Row {
    fn from(kline: KlineToImport) -> Self {
        (
            kline.open_time,
            kline.open,
            kline.high,
            kline.low,
            kline.close,
            kline.volume,
            kline.quote_volume,
            kline.trades,
            kline.taker_buy_volume,
            kline.taker_buy_quote_volume,
        )
    }
}

/// Klines that were checked and, unless that was all that was asked for, imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KlinesImported {
    /// How many are in order.
    pub checked: u64,
    /// How many were imported.
    pub imported: u64,
}

/// `GET /v1/operator/klines`: what is imported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportedKlineList {
    /// By symbol and interval.
    pub ranges: Vec<ImportedKlineRange>,
}

/// What is imported of one symbol and interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportedKlineRange {
    /// The symbol's name.
    pub symbol: String,
    /// How long each kline is.
    pub interval: String,
    /// The first one's open time, in milliseconds.
    pub first_open_time: u64,
    /// The last one's open time, in milliseconds.
    pub last_open_time: u64,
    /// How many there are; there may be holes between them.
    pub klines: u64,
    /// Where the last one came from.
    pub source: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kline_is_an_array_of_ten() {
        let json = r#"[1700000000000,"1","2","0.5","1.5","10","15",3,"4","6"]"#;
        let kline: KlineToImport = serde_json::from_str(json).expect("reads");
        assert_eq!((kline.open_time, kline.close.as_str(), kline.trades), (1_700_000_000_000, "1.5", 3));
        assert_eq!(serde_json::to_string(&kline).expect("serialises"), json);
        for wrong in ["[]", "{}", r#"[1,"1","2","0.5","1.5","10","15",3,"4"]"#, r#"[1,1,2,0.5,1.5,10,15,3,4,6]"#] {
            assert!(serde_json::from_str::<KlineToImport>(wrong).is_err(), "{wrong}");
        }
    }
}
