//! Balances, fees and order counts.

use super::{Oracle, Resting};
use emporion_model::event::{Balance, WindowCount};
use emporion_model::{AccountId, Amount, AssetId, Rate, Side, SymbolId, TimeUs};

const TEN_SECONDS_US: u64 = 10_000_000;
const DAY_US: u64 = 86_400_000_000;

impl Oracle {
    /// Moves an amount from one account to another.
    pub(super) fn pay(&mut self, from: AccountId, to: AccountId, asset: AssetId, amount: i128) {
        if amount != 0 {
            for (account, change) in [(from, -amount), (to, amount)] {
                *self.money.entry((account, asset)).or_default() += change;
                self.touched.insert((account, asset));
            }
        }
    }

    pub(crate) fn balance(&self, account: AccountId, asset: AssetId) -> Balance {
        let locked = self.locked(account, asset);
        let free = self.money.get(&(account, asset)).copied().unwrap_or_default() - locked;
        Balance { account, asset, free: Amount(free), locked: Amount(locked) }
    }

    pub(super) fn free(&self, account: AccountId, asset: AssetId) -> i128 {
        self.balance(account, asset).free.0
    }

    /// What the account's open orders hold of the asset.
    fn locked(&self, account: AccountId, asset: AssetId) -> i128 {
        let of_account = self.open.iter().filter(|order| order.account == account);
        of_account.map(|order| self.hold_of(order)).filter(|(held, _)| *held == asset).map(|(_, amount)| amount).sum()
    }

    /// What an open order holds: the cost at its limit of what is left, or what is left.
    pub(crate) fn hold_of(&self, order: &Resting) -> (AssetId, i128) {
        let spec = &self.markets[usize::from(order.symbol.0)].spec;
        match order.side {
            Side::Buy => (spec.quote, self.cost(order.symbol, order.price.0, order.left)),
            Side::Sell => (spec.base, self.base_amount(order.symbol, order.left)),
        }
    }

    /// Price × quantity in the ledger of the quote asset.
    pub(super) fn cost(&self, symbol: SymbolId, price: u64, quantity: u64) -> i128 {
        let spec = &self.markets[usize::from(symbol.0)].spec;
        let decimals = self.assets[usize::from(spec.quote.0)].ledger_scale - spec.price_scale - spec.quantity_scale;
        i128::from(price) * i128::from(quantity) * 10i128.pow(decimals.into())
    }

    /// A quantity in the ledger of the base asset.
    pub(super) fn base_amount(&self, symbol: SymbolId, quantity: u64) -> i128 {
        let spec = &self.markets[usize::from(symbol.0)].spec;
        let decimals = self.assets[usize::from(spec.base.0)].ledger_scale - spec.quantity_scale;
        i128::from(quantity) * 10i128.pow(decimals.into())
    }

    /// The fee on what is received, cut to the decimals that clients see.
    pub(super) fn fee(&self, asset: AssetId, received: i128, rate: Rate) -> i128 {
        let asset = &self.assets[usize::from(asset.0)];
        let shown_unit = 10i128.pow((asset.ledger_scale - asset.display_scale).into());
        let (whole, rest) = (received / 100_000_000, received % 100_000_000);
        let exact = whole * i128::from(rate.0) + rest * i128::from(rate.0) / 100_000_000;
        exact / shown_unit * shown_unit
    }

    /// Counts a placement (+1) or gives counts back (negative).
    pub(super) fn count(&mut self, account: AccountId, change: i64) {
        let now = self.time;
        self.people.get_mut(&account).expect("the account exists").counted.push((now, change));
    }

    /// The counts of the two windows of now.
    pub(super) fn counts(&self, account: AccountId) -> (WindowCount, WindowCount) {
        let window = |length_us| {
            let start = TimeUs(self.time.0 / length_us * length_us);
            let within = self.people[&account].counted.iter().filter(|(time, _)| *time >= start);
            let count = within.fold(0, |count, (_, change)| (count + change).max(0));
            WindowCount { start, count: u32::try_from(count).expect("a test places fewer orders") }
        };
        (window(TEN_SECONDS_US), window(DAY_US))
    }
}
