//! What the engine itself keeps of a symbol's trades: the open one-second bucket, five minutes of volume
//! for the average price, and the last price. Everything longer is built from the closed buckets.

use crate::rounding::average_price_floor;
use emporion_model::event::Bucket;
use emporion_model::{Amount, Price, Quantity, Side, SymbolId, TimeUs, TradeId};
use std::collections::VecDeque;

/// The seconds that the average price looks back.
const AVERAGE_SECONDS: u64 = 300;

/// One trade as the series needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TradeFacts {
    pub(crate) symbol: SymbolId,
    pub(crate) trade_id: TradeId,
    pub(crate) time: TimeUs,
    pub(crate) price: Price,
    pub(crate) quantity: Quantity,
    pub(crate) base: Amount,
    pub(crate) quote: Amount,
    pub(crate) taker_side: Side,
}

/// A second's share of the average price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SecondVolume {
    pub(crate) second: u64,
    pub(crate) base_units: u128,
    pub(crate) quote: i128,
}

emporion_model::codec::durable_struct!(SecondVolume { second, base_units, quote });

#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    pub(crate) bucket: Option<Bucket>,
    pub(crate) last_price: Option<Price>,
    pub(crate) volumes: VecDeque<SecondVolume>,
    base_units: u128,
    quote: i128,
}

impl Series {
    /// A series as a snapshot holds it; `None` when its volumes add up to more than fits.
    pub(crate) fn restore(
        bucket: Option<Bucket>,
        last_price: Option<Price>,
        volumes: Vec<SecondVolume>,
    ) -> Option<Self> {
        let base_units = volumes.iter().try_fold(0u128, |sum, volume| sum.checked_add(volume.base_units))?;
        let quote = volumes.iter().try_fold(0i128, |sum, volume| sum.checked_add(volume.quote))?;
        Some(Self { bucket, last_price, volumes: volumes.into(), base_units, quote })
    }

    /// Lets time pass: closes the bucket of an earlier second and forgets volume beyond the average.
    pub(crate) fn advance(&mut self, second: u64) -> Option<Bucket> {
        while let Some(oldest) = self.volumes.front().filter(|oldest| oldest.second + AVERAGE_SECONDS <= second) {
            self.base_units -= oldest.base_units;
            self.quote -= oldest.quote;
            self.volumes.pop_front();
        }
        self.bucket.take_if(|bucket| bucket.second < second)
    }

    pub(crate) fn record(&mut self, trade: &TradeFacts) {
        self.last_price = Some(trade.price);
        self.record_volume(trade);
        let bucket = self.bucket.get_or_insert_with(|| empty_bucket(trade));
        bucket.high = bucket.high.max(trade.price);
        bucket.low = bucket.low.min(trade.price);
        bucket.close = trade.price;
        bucket.last_quantity = trade.quantity;
        bucket.last_time = trade.time;
        bucket.base.0 += trade.base.0;
        bucket.quote.0 += trade.quote.0;
        if trade.taker_side == Side::Buy {
            bucket.taker_buy_base.0 += trade.base.0;
            bucket.taker_buy_quote.0 += trade.quote.0;
        }
        bucket.trades += 1;
        bucket.last_trade_id = trade.trade_id;
    }

    /// The average price of these minutes: 5, or 0 for the last price. Without a trade in them, the last
    /// price; `None` when the symbol never traded.
    pub(crate) fn average(&self, minutes: u8, quote_factor: i128) -> Option<Price> {
        let average = (minutes > 0).then(|| average_price_floor(self.quote, self.base_units, quote_factor)).flatten();
        average.or(self.last_price)
    }

    fn record_volume(&mut self, trade: &TradeFacts) {
        let (second, base_units) = (trade.time.second(), u128::from(trade.quantity.0));
        self.base_units += base_units;
        self.quote += trade.quote.0;
        match self.volumes.back_mut().filter(|newest| newest.second == second) {
            Some(newest) => {
                newest.base_units += base_units;
                newest.quote += trade.quote.0;
            }
            None => self.volumes.push_back(SecondVolume { second, base_units, quote: trade.quote.0 }),
        }
    }
}

fn empty_bucket(trade: &TradeFacts) -> Bucket {
    Bucket {
        symbol: trade.symbol,
        second: trade.time.second(),
        open: trade.price,
        high: trade.price,
        low: trade.price,
        close: trade.price,
        last_quantity: trade.quantity,
        last_time: trade.time,
        base: Amount::ZERO,
        quote: Amount::ZERO,
        taker_buy_base: Amount::ZERO,
        taker_buy_quote: Amount::ZERO,
        trades: 0,
        first_trade_id: trade.trade_id,
        last_trade_id: trade.trade_id,
    }
}
