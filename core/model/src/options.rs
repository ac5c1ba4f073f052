//! Options that can change an outcome. They are engine state: set by genesis or by a journaled command.

use crate::codec::{durable_struct, durable_tagged};

/// How many orders an account may place in a window; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderCountLimits {
    /// Per 10 seconds, in windows aligned to the clock.
    pub per_ten_seconds: Option<u32>,
    /// Per day, in windows that begin at 00:00 UTC.
    pub per_day: Option<u32>,
}

durable_struct!(OrderCountLimits { per_ten_seconds, per_day });

/// When a client order id may be used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientOrderIdReuse {
    /// As soon as the earlier order is no longer open: Binance's rule.
    #[default]
    WhenClosed,
    /// Not within so many seconds of its last placement, whatever became of that order.
    NeverWithin(u32),
}

durable_tagged!(ClientOrderIdReuse { 0 => WhenClosed, 1 => NeverWithin(seconds) });

/// The venue's options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The order counts of an account without limits of its own.
    pub order_counts: OrderCountLimits,
    /// When a client order id may be used again.
    pub client_order_id_reuse: ClientOrderIdReuse,
    /// The most makers that one taker may meet; the rest of it expires.
    pub fills_per_order_max: u32,
    /// The most orders that one step of a mass cancel ends.
    pub cancels_per_step_max: u32,
    /// The most open orders over the whole venue.
    pub open_orders_max: u32,
}

durable_struct!(Options {
    order_counts,
    client_order_id_reuse,
    fills_per_order_max,
    cancels_per_step_max,
    open_orders_max
});

impl Default for Options {
    fn default() -> Self {
        Self {
            order_counts: OrderCountLimits { per_ten_seconds: Some(100), per_day: Some(200_000) },
            client_order_id_reuse: ClientOrderIdReuse::WhenClosed,
            fills_per_order_max: 5_000,
            cancels_per_step_max: 500,
            open_orders_max: 4_000_000,
        }
    }
}

impl Options {
    /// What is wrong with these options, if anything.
    pub fn check(&self) -> Result<(), &'static str> {
        if !(1..=100_000).contains(&self.fills_per_order_max) {
            return Err("fills per order are 1 to 100,000");
        }
        if !(1..=100_000).contains(&self.cancels_per_step_max) {
            return Err("cancels per step are 1 to 100,000");
        }
        if !(1..=100_000_000).contains(&self.open_orders_max) {
            return Err("open orders are 1 to 100,000,000");
        }
        if matches!(self.client_order_id_reuse, ClientOrderIdReuse::NeverWithin(seconds) if !(120..=86_400).contains(&seconds))
        {
            return Err("never_within is 120 to 86,400 seconds: at least twice the longest deadline");
        }
        Ok(())
    }
}
