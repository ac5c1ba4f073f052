//! Assets: things with a balance and a scale.

use crate::codec::durable_struct;
use crate::decimal::{SCALE_MAX, pow10};
use crate::{Amount, AssetCode};

/// An asset as its creator describes it. Its id is its place in the order of creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The code, unique over the venue.
    pub code: AssetCode,
    /// The decimals of the ledger; fixed at creation.
    pub ledger_scale: u8,
    /// The decimals that clients see; the ledger's further digits are cut off in answers.
    pub display_scale: u8,
    /// The most that may ever have come in from outside, in ledger units.
    pub supply_cap: Amount,
}

durable_struct!(Asset { code, ledger_scale, display_scale, supply_cap });

/// The largest supply cap, so that no sum of balances and no product with a rate leaves 128 bits.
pub const SUPPLY_CAP_MAX: i128 = 1 << 96;

impl Asset {
    /// What is wrong with this description, if anything.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.ledger_scale > SCALE_MAX {
            return Err("an asset's ledger scale is at most 18");
        }
        if self.display_scale > self.ledger_scale || self.display_scale > 8 {
            return Err("an asset's display scale is at most 8 and at most its ledger scale");
        }
        if self.supply_cap.0 <= 0 || self.supply_cap.0 > SUPPLY_CAP_MAX {
            return Err("an asset's supply cap is above zero and at most 2^96 ledger units");
        }
        Ok(())
    }

    /// Ledger units in the smallest shown unit.
    pub fn display_unit(&self) -> i128 {
        pow10(self.ledger_scale - self.display_scale) as i128
    }
}
