//! From worths to klines: the pen draws each piece of the past as a bucket, a series puts buckets together.

use super::path::Path;
use super::pieces::{Piece, Pieces, first_start};
use super::{Market, Shape};
use crate::demo::prices::{USDT, decisions, price_of, typical_move};
use crate::demo::trading::stride;
use emporion_model::decimal::pow10;
use emporion_model::event::Bucket;
use emporion_model::{Amount, Calendar, Interval, Price, Quantity, Scales, TimeUs, TradeId};
use rand::Rng;
use rand::rngs::StdRng;

/// How much is traded in each hour of a day in UTC, in hundredths of the mean.
const HOURS: [u64; 24] =
    [90, 82, 74, 66, 60, 58, 62, 72, 86, 100, 108, 112, 118, 136, 158, 164, 152, 138, 124, 114, 108, 104, 100, 96];
/// The same for days from Monday on.
const DAYS: [u64; 7] = [104, 110, 112, 110, 106, 80, 78];
const DAYS_FROM_MONDAY: i64 = 3;
/// What a trade is worth in the mean, in USDT.
const TRADE: u64 = 400;

/// Draws the pieces of one market.
pub(super) struct Pen<'a> {
    market: &'a Market,
    shape: Shape,
    base: &'a Path,
    quote: &'a Path,
    scales: Scales,
    price_unit: u128,
    quantity_unit: u128,
    rng: StdRng,
}

impl<'a> Pen<'a> {
    /// For a market whose assets went these ways.
    pub(super) fn new(market: &'a Market, shape: Shape, (base, quote): (&'a Path, &'a Path)) -> Self {
        let spec = &market.symbol.spec;
        let rng = decisions(shape.seed, &format!("history/{}", spec.name));
        Self {
            market,
            shape,
            base,
            quote,
            scales: spec.scales(&market.base.1, &market.quote.1),
            price_unit: pow10(spec.price_scale),
            quantity_unit: pow10(spec.quantity_scale),
            rng,
        }
    }

    /// The trades of a piece, as one bucket. There is always one.
    pub(super) fn draw(&mut self, index: usize, piece: Piece) -> Bucket {
        let open = self.price(self.base.before(index), self.quote.before(index));
        let close = self.price(self.base.after(index), self.quote.after(index));
        let typical = typical_move(self.shape.volatility_bps, piece.seconds.unsigned_abs() * 1_000_000);
        let typical = u64::try_from(u128::from(close) * u128::from(typical) / 1_000_000).unwrap_or(u64::MAX);
        let size = open.abs_diff(close);
        let tick = self.tick();
        let high = (open.max(close) + self.wick(typical, size)) / tick * tick;
        let low = (open.min(close).saturating_sub(self.wick(typical, size))).div_ceil(tick).max(1) * tick;
        let mean = (open + close + high + low) / 4;
        let trades = self.trades(piece, size, typical);
        let quantity = self.quantity(trades, index);
        let bought = self.bought(quantity, close > open, size > typical);
        let last_quantity = self.steps(quantity / trades);
        let end = u64::try_from(piece.start + piece.seconds).unwrap_or_default();
        let last_time = TimeUs(TimeUs::from_second(end).0 - self.rng.random_range(1..=900_000));
        let (base, quote) = self.amounts(quantity, mean);
        let (taker_buy_base, taker_buy_quote) = self.amounts(bought, mean);
        Bucket {
            symbol: self.market.symbol.id,
            second: piece.start.unsigned_abs(),
            open: Price(open),
            high: Price(high),
            low: Price(low),
            close: Price(close),
            last_quantity: Quantity(last_quantity),
            last_time,
            base,
            quote,
            taker_buy_base,
            taker_buy_quote,
            trades,
            first_trade_id: TradeId(0),
            last_trade_id: TradeId(0),
        }
    }

    /// The price on the tick below.
    fn price(&self, base: u64, quote: u64) -> u64 {
        let tick = self.tick();
        (price_of(base, quote, self.price_unit) / tick).max(1) * tick
    }

    fn tick(&self) -> u64 {
        self.market.symbol.spec.rules.price.tick.0.max(1)
    }

    /// How far the price went beyond open and close; at most half of what it was.
    fn wick(&mut self, typical: u64, size: u64) -> u64 {
        let longest = (typical + size) / 2;
        // The smaller of two: most wicks are short.
        self.rng.random_range(0..=longest).min(self.rng.random_range(0..=longest))
    }

    /// How many trades: by the time of the day and the week, more with large moves.
    fn trades(&mut self, piece: Piece, size: u64, typical: u64) -> u64 {
        let seconds = piece.seconds.unsigned_abs();
        let hour = usize::try_from(piece.start.rem_euclid(86_400) / 3_600).unwrap_or_default();
        let day =
            usize::try_from((piece.start.div_euclid(86_400) + DAYS_FROM_MONDAY).rem_euclid(7)).unwrap_or_default();
        let time = if seconds < 86_400 { HOURS[hour] } else { 100 } * DAYS[day];
        // A move of typical size doubles what is traded.
        let moved = 50 + (50 * size.min(8 * typical)).checked_div(typical).unwrap_or(0);
        let luck: u64 = self.rng.random_range(50..=150);
        let factors = u128::from(time) * u128::from(moved) * u128::from(luck);
        let stride = stride(&self.market.base.0, &self.market.quote.0);
        let trades = u128::from(self.shape.turnover_per_minute) * u128::from(seconds) * factors
            / (60 * u128::from(TRADE) * 100_000_000 * u128::from(stride));
        u64::try_from(trades).unwrap_or(u64::MAX).max(1)
    }

    /// How much base so many trades move.
    fn quantity(&mut self, trades: u64, index: usize) -> u64 {
        let worth = u128::from(self.rng.random_range(TRADE / 2..=TRADE * 3 / 2)) * u128::from(USDT);
        let worth = worth * u128::from(crate::demo::prices::FINE);
        let each = worth * self.quantity_unit / u128::from(self.base.after(index)).max(1);
        let quantity = u64::try_from(each.saturating_mul(trades.into())).unwrap_or(u64::MAX >> 8);
        let step = self.step();
        (quantity / step * step).max(step.saturating_mul(trades))
    }

    /// How much of it takers bought: about half, more when the price rose.
    fn bought(&mut self, quantity: u64, rose: bool, is_large: bool) -> u64 {
        let tilt = if is_large { 15 } else { 5 };
        let percent = self.rng.random_range(30..=70) + if rose { tilt } else { 0 } - if rose { 0 } else { tilt };
        self.steps(u64::try_from(u128::from(quantity) * percent / 100).unwrap_or(quantity)).min(quantity)
    }

    /// A quantity on the step below, at least one step.
    fn steps(&self, quantity: u64) -> u64 {
        let step = self.step();
        (quantity / step).max(1) * step
    }

    fn step(&self) -> u64 {
        self.market.symbol.spec.rules.lot.step.0.max(1)
    }

    /// Base and quote in ledger units.
    fn amounts(&self, quantity: u64, price: u64) -> (Amount, Amount) {
        let (price, quantity) = (Price(price), Quantity(quantity));
        let most = Amount(i128::MAX);
        (self.scales.base(quantity).unwrap_or(most), self.scales.notional(price, quantity).unwrap_or(most))
    }
}

/// The klines of one interval on their way, oldest first.
pub(super) struct Series {
    interval: Interval,
    calendar: Calendar,
    /// The start of the first kline.
    first: i64,
    /// The end of the last kline so far.
    end: i64,
    klines: Vec<Bucket>,
}

impl Series {
    /// Of the klines that are written.
    pub(super) fn new(interval: Interval, pieces: &Pieces) -> Self {
        let first = first_start(interval, pieces.end());
        Self { interval, calendar: Calendar::utc(interval), first, end: first, klines: Vec::new() }
    }

    /// Adds the next piece; what is before the first kline is left out.
    pub(super) fn add(&mut self, piece: &Bucket) {
        let second = piece.second.cast_signed();
        if second < self.first {
            return;
        }
        match self.klines.last_mut() {
            Some(kline) if second < self.end => kline.append(piece),
            _ => {
                let start = self.calendar.start_of(second);
                self.end = self.calendar.shift(start, 1);
                self.klines.push(Bucket { second: start.unsigned_abs(), ..*piece });
            }
        }
    }

    /// All of them.
    pub(super) fn finish(self) -> (Interval, Vec<Bucket>) {
        (self.interval, self.klines)
    }
}
