//! What is computed from past trades: the last price, the average price, one-second buckets.

use super::Oracle;
use emporion_model::event::Bucket;
use emporion_model::{Amount, Event, Price, Quantity, Side, SymbolId, TimeUs, TradeId};

const AVERAGE_SECONDS: u64 = 300;

#[derive(Clone, Copy, Debug)]
pub(super) struct Deal {
    pub(super) symbol: SymbolId,
    pub(super) id: TradeId,
    pub(super) time: TimeUs,
    pub(super) price: u64,
    pub(super) quantity: u64,
    pub(super) taker_side: Side,
}

impl Oracle {
    /// Moves the clock; a second that is over and had trades becomes a bucket.
    pub(super) fn let_time_pass(&mut self, time: TimeUs) {
        let ended = self.time.second();
        self.time = time;
        if time.second() > ended {
            let symbols = (0..self.markets.len()).map(|place| SymbolId(place as u16));
            let buckets: Vec<_> = symbols.filter_map(|symbol| self.bucket(symbol, ended)).collect();
            self.events.extend(buckets.into_iter().map(Event::BucketClosed));
        }
    }

    pub(super) fn last_price(&self, symbol: SymbolId) -> Option<u64> {
        self.deals.iter().rfind(|deal| deal.symbol == symbol).map(|deal| deal.price)
    }

    /// The average of the last five minutes, or with 0 minutes or without trades in them the last price.
    pub(super) fn average(&self, symbol: SymbolId, minutes: u8) -> Option<u64> {
        let recent = |deal: &&Deal| deal.symbol == symbol && deal.time.second() + AVERAGE_SECONDS > self.time.second();
        let recent: Vec<_> = self.deals.iter().filter(recent).collect();
        if minutes == 0 || recent.is_empty() {
            return self.last_price(symbol);
        }
        let weighted: u128 = recent.iter().map(|deal| u128::from(deal.price) * u128::from(deal.quantity)).sum();
        let weight: u128 = recent.iter().map(|deal| u128::from(deal.quantity)).sum();
        Some(u64::try_from(weighted / weight).expect("an average of prices is no larger than a price"))
    }

    fn bucket(&self, symbol: SymbolId, second: u64) -> Option<Bucket> {
        let of_second = |deal: &&Deal| deal.symbol == symbol && deal.time.second() == second;
        let deals: Vec<_> = self.deals.iter().filter(of_second).collect();
        let (first, last) = (deals.first()?, deals.last()?);
        let base_of = |deal: &&Deal| self.base_amount(symbol, deal.quantity);
        let quote_of = |deal: &&Deal| self.cost(symbol, deal.price, deal.quantity);
        let bought: Vec<_> = deals.iter().copied().filter(|deal| deal.taker_side == Side::Buy).collect();
        Some(Bucket {
            symbol,
            second,
            open: Price(first.price),
            high: Price(deals.iter().map(|deal| deal.price).max()?),
            low: Price(deals.iter().map(|deal| deal.price).min()?),
            close: Price(last.price),
            last_quantity: Quantity(last.quantity),
            last_time: last.time,
            base: Amount(deals.iter().map(base_of).sum()),
            quote: Amount(deals.iter().map(quote_of).sum()),
            taker_buy_base: Amount(bought.iter().map(base_of).sum()),
            taker_buy_quote: Amount(bought.iter().map(quote_of).sum()),
            trades: deals.len() as u64,
            first_trade_id: first.id,
            last_trade_id: last.id,
        })
    }
}
