//! What an operator may import: klines that make sense, in the symbol's own units, and of a time before it traded
//! here.

use crate::fold::Listing;
use emporion_api::v1::KlineToImport;
use emporion_model::decimal::{self, DecimalError, pow10};
use emporion_model::event::Bucket;
use emporion_model::time::SECOND_US;
use emporion_model::{Amount, Calendar, Interval, Price, Quantity, TimeUs, TradeId};

/// The most klines in one request.
const KLINES_MAX: usize = 5_000;

/// 2017-01-01 00:00 UTC: before it nothing was traded under this API, and what says so is a wrong unit of time.
const FIRST_SECOND: u64 = 1_483_228_800;

/// What klines are checked against.
pub(crate) struct Rules<'r> {
    pub(crate) listing: &'r Listing,
    pub(crate) interval: Interval,
    /// This server's clock.
    pub(crate) now: TimeUs,
    /// The second of the symbol's first own trade.
    pub(crate) first_trade: Option<u64>,
}

impl Rules<'_> {
    /// The klines as buckets, or one sentence without a full stop about the first wrong one.
    pub(crate) fn buckets(&self, klines: &[KlineToImport]) -> Result<Vec<Bucket>, String> {
        if klines.is_empty() || klines.len() > KLINES_MAX {
            return Err(format!("klines holds {} but must hold 1 to {KLINES_MAX}", klines.len()));
        }
        let mut buckets: Vec<Bucket> = Vec::with_capacity(klines.len());
        for (index, kline) in klines.iter().enumerate() {
            let last = buckets.last().map(|last| last.second);
            let bucket = self.bucket(kline, last).map_err(|clause| format!("klines[{index}]: {clause}"))?;
            buckets.push(bucket);
        }
        Ok(buckets)
    }

    fn bucket(&self, kline: &KlineToImport, last: Option<u64>) -> Result<Bucket, String> {
        let second = self.second(kline.open_time)?;
        if last.is_some_and(|last| last >= second) {
            return Err(format!("the open time {} is not after that of the kline before", kline.open_time));
        }
        let (open, high, low, close) = (
            self.price("the open price", &kline.open)?,
            self.price("the high price", &kline.high)?,
            self.price("the low price", &kline.low)?,
            self.price("the close price", &kline.close)?,
        );
        if low == Price(0) {
            return Err("the low price is zero".to_owned());
        }
        if [open, close].into_iter().any(|price| price < low || price > high) {
            return Err("the open and the close price do not both lie between the low and the high price".to_owned());
        }
        let (base, taker_buy_base) = (
            self.base("the volume", &kline.volume)?,
            self.base("the volume that takers bought", &kline.taker_buy_volume)?,
        );
        let (quote, taker_buy_quote) = (
            self.quote("the quote volume", &kline.quote_volume)?,
            self.quote("the quote volume that takers bought for", &kline.taker_buy_quote_volume)?,
        );
        if taker_buy_base > base || taker_buy_quote > quote {
            return Err("takers bought more than was traded".to_owned());
        }
        Ok(Bucket {
            symbol: self.listing.symbol.id,
            second,
            open,
            high,
            low,
            close,
            last_quantity: Quantity::ZERO,
            last_time: TimeUs::from_second(second),
            base,
            quote,
            taker_buy_base,
            taker_buy_quote,
            trades: kline.trades,
            first_trade_id: TradeId::default(),
            last_trade_id: TradeId::default(),
        })
    }

    /// The first second of a kline that begins at this time, in milliseconds, and lies wholly where it may.
    fn second(&self, open_time: u64) -> Result<u64, String> {
        let (calendar, name) = (Calendar::utc(self.interval), self.interval.as_str());
        let second = open_time / 1_000;
        if second < FIRST_SECOND {
            return Err(format!("the open time {open_time} is before 2017"));
        }
        if second >= self.now.second() {
            return Err(format!("the open time {open_time} is in the future"));
        }
        let start = calendar.start_of(second as i64);
        if TimeUs::from_second(start as u64).millis() != open_time {
            return Err(format!("no kline of {name} begins at the open time {open_time}"));
        }
        let end = calendar.shift(start, 1) as u64;
        if end > self.now.0 / SECOND_US {
            return Err(format!("the kline of {name} from {open_time} on has not ended yet"));
        }
        match self.first_trade.filter(|first_trade| end > *first_trade) {
            Some(first_trade) => Err(format!(
                "the kline of {name} from {open_time} on ends after {}'s first trade here, in the second of {}, from \
                 which on imported klines never show",
                self.listing.symbol.spec.name,
                TimeUs::from_second(first_trade).millis(),
            )),
            None => Ok(second),
        }
    }

    fn price(&self, what: &str, text: &str) -> Result<Price, String> {
        let number = number(what, text, self.listing.symbol.spec.price_scale)?;
        u64::try_from(number).map(Price).map_err(|_| too_large(what))
    }

    /// Exact in the symbol's quantities, in ledger units.
    fn base(&self, what: &str, text: &str) -> Result<Amount, String> {
        let scale = self.listing.symbol.spec.quantity_scale;
        let factor = pow10(self.listing.base.ledger_scale - scale) as i128;
        let amount = number(what, text, scale)?.checked_mul(factor);
        amount.map(Amount).ok_or_else(|| too_large(what))
    }

    fn quote(&self, what: &str, text: &str) -> Result<Amount, String> {
        number(what, text, self.listing.quote.ledger_scale).map(Amount)
    }
}

/// A number in units of `10^-scale`.
fn number(what: &str, text: &str, scale: u8) -> Result<i128, String> {
    let number = decimal::parse(text, scale).map_err(|error| match error {
        DecimalError::TooManyDecimals => format!("{what} is {text} but may have {scale} decimals at most"),
        DecimalError::Malformed | DecimalError::TooLarge => format!("{what} {error}"),
    })?;
    i128::try_from(number).map_err(|_| too_large(what))
}

fn too_large(what: &str) -> String {
    format!("{what} {}", DecimalError::TooLarge)
}
