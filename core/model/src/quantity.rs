//! Prices, quantities, amounts and rates: integers behind newtypes, with checked arithmetic only.

use crate::codec::durable_newtype;

/// Quote units per base unit, an integer of `10^-price_scale` of the symbol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(pub u64);

/// How much base, an integer of `10^-quantity_scale` of the symbol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(pub u64);

/// A number of an asset's smallest ledger units (`10^-ledger_scale`). Negative only on the external account
/// and in differences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(pub i128);

/// A share, an integer of `10^-8`: 100,000 is 0.1 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(pub u32);

durable_newtype!(Price(u64));
durable_newtype!(Quantity(u64));
durable_newtype!(Amount(i128));
durable_newtype!(Rate(u32));

/// The decimals of a [`Rate`].
pub const RATE_SCALE: u8 = 8;

impl Quantity {
    /// No quantity.
    pub const ZERO: Self = Self(0);

    /// The sum, or `None` when it does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` when `other` is larger.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Whether this is zero.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Amount {
    /// No amount.
    pub const ZERO: Self = Self(0);

    /// The sum, or `None` when it does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` when it does not fit.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Whether this is zero.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Rate {
    /// The whole: 100 %.
    pub const ONE: Self = Self(100_000_000);
}
