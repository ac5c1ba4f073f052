//! Plays records one after another, each when it is due: the planner says what, the market does it.

use super::numbers::{Price, Quantity};
use super::plan::{Canceled, Depth, Found, Number, Order, Placed, Planner, Print, Step};
use super::recording::{BadLine, Record, Trade, What};
use crate::Failure;
use serde::Serialize;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// A trade's level is tried to be filled so often against others who stand in its way.
const FILL_TRIES: usize = 8;

/// Where orders are placed. Every call ends when all of its orders are answered. An error ends the play.
pub(super) trait Market {
    /// Cancels the maker's orders.
    async fn cancel(&mut self, numbers: &[Number]) -> Result<Vec<Canceled>, Failure>;
    /// Places the maker's orders.
    async fn place(&mut self, orders: &[Order]) -> Result<Vec<Placed>, Failure>;
    /// Places the taker's order, which does not rest, and gives what it met.
    async fn take(&mut self, order: &Order) -> Result<Vec<(Price, Quantity)>, Failure>;
    /// Looks at the maker's orders.
    async fn look(&mut self, numbers: &[Number]) -> Result<Vec<Found>, Failure>;
    /// Looks at the book.
    async fn depth(&mut self) -> Result<Depth, Failure>;
    /// Keeps what connections there are alive until then.
    async fn wait(&mut self, until: Instant) -> Result<(), Failure>;
}

/// How fast recorded time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Speed {
    /// Thousandths of the recorded speed; zero is as fast as can be.
    thousandths: u64,
}

/// The decimals of a speed.
const SPEED_SCALE: u8 = 3;
const SPEED_MAX: u64 = 1_000_000_000;

impl Speed {
    /// As fast as the venue can.
    #[cfg(test)]
    pub(super) const FASTEST: Self = Self { thousandths: 0 };

    /// Reads a plain decimal number.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let thousandths = emporion_model::decimal::parse(text, SPEED_SCALE).map_err(|error| error.to_string())?;
        let thousandths = u64::try_from(thousandths).ok().filter(|thousandths| *thousandths <= SPEED_MAX);
        thousandths.map(|thousandths| Self { thousandths }).ok_or_else(|| "is above 1000000".to_owned())
    }

    /// Whether recorded time passes faster than it did.
    pub(super) fn is_compressing(self) -> bool {
        self.thousandths == 0 || self.thousandths > 1_000
    }

    /// How long recorded nanoseconds take; `None` when nothing is waited for.
    fn stretch(self, recorded_ns: u64) -> Option<Duration> {
        let ns = (u128::from(recorded_ns) * 1_000).checked_div(u128::from(self.thousandths))?;
        Some(Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX)))
    }
}

/// What was played so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tally {
    /// The last line of the recording that was played as a whole.
    pub(super) line: u64,
    /// Changes of the book.
    pub(super) books: u64,
    pub(super) trades: Trades,
    /// Orders placed, the taker's included.
    pub(super) placements: u64,
    pub(super) cancels: u64,
    /// How far behind the recording it ever was.
    pub(super) late_ms_max: u64,
}

/// Recorded trades, by how they came out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Trades {
    pub(super) recorded: u64,
    /// With the recorded quantity: the two below.
    pub(super) printed: u64,
    /// As one trade at the recorded price.
    pub(super) equal: u64,
    /// Where others met some of it.
    pub(super) met_by_others: u64,
    /// With less than the recorded quantity.
    pub(super) short: u64,
}

/// How a play ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// At the recording's end.
    Whole,
    /// Because it was asked to.
    Stopped,
    /// At a line that is not right.
    BadLine(BadLine),
    /// Because the venue did not do what was asked.
    Failed(Failure),
}

/// Plays records on a market.
pub(super) struct Player<M> {
    pub(super) market: M,
    pub(super) planner: Planner,
    pub(super) tally: Tally,
    speed: Speed,
    look_every: Duration,
    looked: Option<Instant>,
    /// When the first record was due, and when it was recorded.
    begun: Option<(Instant, u64)>,
    stop: watch::Receiver<bool>,
}

impl<M: Market> Player<M> {
    /// One that looks for others in the book before a change of it, at most every `look_every`.
    pub(super) fn new(
        market: M,
        planner: Planner,
        speed: Speed,
        look_every: Duration,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let (tally, looked, begun) = (Tally::default(), None, None);
        Self { market, planner, tally, speed, look_every, looked, begun, stop }
    }

    /// Plays everything.
    pub(super) async fn play(
        &mut self,
        records: impl Iterator<Item = Result<Record, BadLine>>,
        mut progress: impl FnMut(),
    ) -> End {
        for record in records {
            let record = match record {
                Ok(record) => record,
                Err(bad) => return End::BadLine(bad),
            };
            if let Some(end) = self.record(&record).await {
                return end;
            }
            self.tally.line = self.tally.line.max(record.line);
            progress();
        }
        // What the last trades disturbed is put right.
        let step = self.planner.follow(&super::recording::Changes::default());
        match self.perform(&step).await {
            Ok(()) => End::Whole,
            Err(failure) => End::Failed(failure),
        }
    }

    async fn record(&mut self, record: &Record) -> Option<End> {
        if let Err(failure) = self.until_due(record.at_ns).await {
            return Some(End::Failed(failure));
        }
        if *self.stop.borrow() {
            return Some(End::Stopped);
        }
        let done = match &record.what {
            What::Book(changes) => {
                self.tally.books += 1;
                self.book(changes).await
            }
            What::Trade(trade) => {
                let grid = self.planner.grid();
                if let Some(fault) = grid.price_fault(trade.price).or_else(|| grid.quantity_fault(trade.quantity)) {
                    let advice = "play it on a symbol with the recording's steps";
                    let what = format!("its trade cannot be made on {}: {fault}: {advice}", grid.symbol);
                    return Some(End::BadLine(BadLine::new(record.line, what)));
                }
                self.trade(trade).await
            }
        };
        done.err().map(End::Failed)
    }

    async fn until_due(&mut self, at_ns: u64) -> Result<(), Failure> {
        let (begun, first_ns) = *self.begun.get_or_insert((Instant::now(), at_ns));
        let Some(after) = self.speed.stretch(at_ns.saturating_sub(first_ns)) else { return Ok(()) };
        let Some(due) = begun.checked_add(after) else { return Ok(()) };
        let late = u64::try_from(due.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.tally.late_ms_max = self.tally.late_ms_max.max(late);
        if due <= Instant::now() {
            return Ok(());
        }
        let mut stop = self.stop.clone();
        tokio::select! {
            waited = self.market.wait(due) => waited,
            () = asked(&mut stop) => Ok(()),
        }
    }

    async fn book(&mut self, changes: &super::recording::Changes) -> Result<(), Failure> {
        if self.looked.is_none_or(|looked| looked.elapsed() >= self.look_every) {
            self.looked = Some(Instant::now());
            let depth = self.market.depth().await?;
            let numbers = self.planner.see(&depth);
            self.look(&numbers).await?;
            self.planner.rest(&depth);
        }
        let step = self.planner.follow(changes);
        self.perform(&step).await
    }

    async fn trade(&mut self, trade: &Trade) -> Result<(), Failure> {
        self.tally.trades.recorded += 1;
        let step = self.planner.before(trade);
        self.perform(&step).await?;
        for _ in 1..FILL_TRIES {
            // An order of somebody else that stood in the way ate what was placed.
            if !self.place(&step).await? {
                break;
            }
        }
        let order = self.planner.take(trade);
        self.tally.placements += 1;
        let fills = self.market.take(&order).await?;
        let (print, numbers) = self.planner.taken(trade, &fills);
        let trades = &mut self.tally.trades;
        match print {
            Print::Equal => trades.equal += 1,
            Print::MetByOthers => trades.met_by_others += 1,
            Print::Short => trades.short += 1,
        }
        trades.printed = trades.equal + trades.met_by_others;
        self.look(&numbers).await
    }

    /// Cancels, then places.
    async fn perform(&mut self, step: &Step) -> Result<(), Failure> {
        let numbers = self.planner.cancels(step);
        if !numbers.is_empty() {
            self.tally.cancels += numbers.len() as u64;
            for (number, canceled) in numbers.iter().zip(self.market.cancel(&numbers).await?) {
                self.planner.canceled(*number, canceled);
            }
        }
        self.place(step).await.map(drop)
    }

    /// Places what a step still needs: whether anything met somebody.
    async fn place(&mut self, step: &Step) -> Result<bool, Failure> {
        let orders = self.planner.placements(step);
        if orders.is_empty() {
            return Ok(false);
        }
        self.tally.placements += orders.len() as u64;
        let mut met = false;
        for (order, placed) in orders.iter().zip(self.market.place(&orders).await?) {
            met |= matches!(placed, Placed::Done { executed, .. } if executed > Quantity::ZERO);
            self.planner.placed(order, placed);
        }
        Ok(met)
    }

    async fn look(&mut self, numbers: &[Number]) -> Result<(), Failure> {
        if numbers.is_empty() {
            return Ok(());
        }
        for (number, found) in numbers.iter().zip(self.market.look(numbers).await?) {
            self.planner.found(*number, found);
        }
        Ok(())
    }
}

/// Waits until it is asked to stop, for ever if nobody can ask any more.
async fn asked(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
