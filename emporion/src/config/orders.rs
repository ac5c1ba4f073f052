//! Options of the engine. They change outcomes, so they are engine state: `serve` submits them as a journaled
//! command when they differ.

use super::problem::{Problem, within};
use emporion_model::{ClientOrderIdReuse, Options, OrderCountLimits};
use serde::Deserialize;

/// See `[orders]` in the default config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Orders {
    client_order_id_reuse: Reuse,
    client_order_id_reuse_s: u64,
    fills_per_order_max: u64,
    cancels_per_step_max: u64,
    open_orders_max: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reuse {
    WhenClosed,
    NeverWithin,
}

impl Orders {
    pub(super) fn check(&self) -> Result<(), Problem> {
        within("orders.client_order_id_reuse_s", self.client_order_id_reuse_s, 120..=86_400)?;
        within("orders.fills_per_order_max", self.fills_per_order_max, 1..=100_000)?;
        within("orders.cancels_per_step_max", self.cancels_per_step_max, 1..=100_000)?;
        within("orders.open_orders_max", self.open_orders_max, 1..=100_000_000)
    }

    /// The options, with the order counts of the limits.
    pub(super) fn options(&self, order_counts: OrderCountLimits) -> Options {
        Options {
            order_counts,
            client_order_id_reuse: match self.client_order_id_reuse {
                Reuse::WhenClosed => ClientOrderIdReuse::WhenClosed,
                Reuse::NeverWithin => ClientOrderIdReuse::NeverWithin(checked(self.client_order_id_reuse_s)),
            },
            fills_per_order_max: checked(self.fills_per_order_max),
            cancels_per_step_max: checked(self.cancels_per_step_max),
            open_orders_max: checked(self.open_orders_max),
        }
    }
}

fn checked(value: u64) -> u32 {
    u32::try_from(value).expect("the range was checked")
}
