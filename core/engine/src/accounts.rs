//! Accounts and the ledger: balances, postings, order counts, and what of a symbol an account has open.
//!
//! Balances change only through [`Accounts::post`], which takes from one cell what it gives to another, and
//! [`Accounts::hold`] / [`Accounts::release`], which move within one account. So the sum over all accounts
//! of an asset is zero by construction.

use emporion_model::event::WindowCount;
use emporion_model::time::SECOND_US;
use emporion_model::{AccountId, AccountKind, Amount, AssetId, OrderCountLimits, SymbolId, TimeUs, TradeGroupId};
use foldhash::fast::SeedableRandomState;
use std::collections::HashMap;

use crate::book::{NONE, OrderIndex};

/// A place in the account table.
pub(crate) type AccountIndex = u32;

pub(crate) const EXTERNAL: AccountIndex = 0;
pub(crate) const FEES: AccountIndex = 2;

/// What a first fill gives back to an account's order counts, by liquidity. The maker's bonus is not
/// documented exactly; 5 is the value of the public example.
const TAKER_BONUS: u32 = 1;
const MAKER_BONUS: u32 = 5;

const TEN_SECONDS_US: u64 = 10 * SECOND_US;
const DAY_US: u64 = 86_400 * SECOND_US;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) free: Amount,
    pub(crate) locked: Amount,
}

emporion_model::codec::durable_struct!(Cell { free, locked });

/// Which part of a balance pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Free,
    Locked,
}

/// What an account has open on one symbol; its orders are a list from the oldest to the newest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(crate) open_orders: u32,
    pub(crate) open_buys: u128,
    pub(crate) oldest: OrderIndex,
    pub(crate) newest: OrderIndex,
}

impl Default for Position {
    fn default() -> Self {
        Self { open_orders: 0, open_buys: 0, oldest: NONE, newest: NONE }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) kind: AccountKind,
    pub(crate) frozen: bool,
    pub(crate) fee_tier: u8,
    pub(crate) trade_group: Option<TradeGroupId>,
    pub(crate) limits: Option<OrderCountLimits>,
    pub(crate) ten_seconds: WindowCount,
    pub(crate) day: WindowCount,
    pub(crate) cells: Vec<Cell>,
    pub(crate) positions: Vec<Position>,
}

impl Account {
    pub(crate) fn new(id: AccountId, kind: AccountKind) -> Self {
        Self {
            id,
            kind,
            frozen: false,
            fee_tier: 0,
            trade_group: None,
            limits: None,
            ten_seconds: WindowCount::default(),
            day: WindowCount::default(),
            cells: Vec::new(),
            positions: Vec::new(),
        }
    }

    pub(crate) fn cell(&self, asset: AssetId) -> Cell {
        self.cells.get(usize::from(asset.0)).copied().unwrap_or_default()
    }

    pub(crate) fn position(&self, symbol: SymbolId) -> Position {
        self.positions.get(usize::from(symbol.0)).copied().unwrap_or_default()
    }

    pub(crate) fn position_mut(&mut self, symbol: SymbolId) -> &mut Position {
        grown(&mut self.positions, symbol.0)
    }

    fn cell_mut(&mut self, asset: AssetId) -> &mut Cell {
        grown(&mut self.cells, asset.0)
    }

    /// Counts a placed order in the windows of `now`.
    pub(crate) fn count_order(&mut self, now: TimeUs) {
        self.ten_seconds = rolled(self.ten_seconds, now, TEN_SECONDS_US);
        self.day = rolled(self.day, now, DAY_US);
        self.ten_seconds.count = self.ten_seconds.count.saturating_add(1);
        self.day.count = self.day.count.saturating_add(1);
    }

    /// Gives counts back for an order's first fill, in the windows of `now` whenever it was placed. Says
    /// whether that changed them.
    pub(crate) fn reward_first_fill(&mut self, now: TimeUs, as_maker: bool) -> bool {
        let bonus = if as_maker { MAKER_BONUS } else { TAKER_BONUS };
        let before = (self.ten_seconds, self.day);
        self.ten_seconds = rolled(self.ten_seconds, now, TEN_SECONDS_US);
        self.day = rolled(self.day, now, DAY_US);
        self.ten_seconds.count = self.ten_seconds.count.saturating_sub(bonus);
        self.day.count = self.day.count.saturating_sub(bonus);
        before != (self.ten_seconds, self.day)
    }

    /// Orders counted in the windows of `now`: of ten seconds, of a day.
    pub(crate) fn order_counts(&self, now: TimeUs) -> (u32, u32) {
        (rolled(self.ten_seconds, now, TEN_SECONDS_US).count, rolled(self.day, now, DAY_US).count)
    }
}

fn rolled(window: WindowCount, now: TimeUs, length_us: u64) -> WindowCount {
    let start = TimeUs(now.0 - now.0 % length_us);
    if window.start == start { window } else { WindowCount { start, count: 0 } }
}

fn grown<T: Default + Clone>(table: &mut Vec<T>, index: u16) -> &mut T {
    let index = usize::from(index);
    if index >= table.len() {
        table.resize(index + 1, T::default());
    }
    &mut table[index]
}

#[derive(Debug)]
pub(crate) struct Accounts {
    table: Vec<Account>,
    by_id: HashMap<AccountId, AccountIndex, SeedableRandomState>,
    /// The cells that the present command touched.
    touched: Vec<(AccountIndex, AssetId)>,
    /// The accounts whose order counts the present command changed.
    counted: Vec<AccountIndex>,
}

impl Accounts {
    pub(crate) fn new(hasher: SeedableRandomState) -> Self {
        Self { table: Vec::new(), by_id: HashMap::with_hasher(hasher), touched: Vec::new(), counted: Vec::new() }
    }

    pub(crate) fn add(&mut self, account: Account) -> AccountIndex {
        let index = AccountIndex::try_from(self.table.len()).expect("there are fewer than 2^32 accounts");
        self.by_id.insert(account.id, index);
        self.table.push(account);
        index
    }

    pub(crate) fn index_of(&self, id: AccountId) -> Option<AccountIndex> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn get(&self, index: AccountIndex) -> &Account {
        &self.table[index as usize]
    }

    pub(crate) fn get_mut(&mut self, index: AccountIndex) -> &mut Account {
        &mut self.table[index as usize]
    }

    /// All accounts in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Account> {
        self.table.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Double entry: `from` pays out of `part`, `to` receives as free.
    pub(crate) fn post(&mut self, from: (AccountIndex, Part), to: AccountIndex, asset: AssetId, amount: Amount) {
        if amount.is_zero() {
            return;
        }
        let payer = self.touch(from.0, asset);
        match from.1 {
            Part::Free => payer.free.0 -= amount.0,
            Part::Locked => payer.locked.0 -= amount.0,
        }
        self.touch(to, asset).free.0 += amount.0;
    }

    /// Sets a part of the free balance aside.
    pub(crate) fn hold(&mut self, account: AccountIndex, asset: AssetId, amount: Amount) {
        let cell = self.touch(account, asset);
        cell.free.0 -= amount.0;
        cell.locked.0 += amount.0;
    }

    /// Gives a part of what was set aside back.
    pub(crate) fn release(&mut self, account: AccountIndex, asset: AssetId, amount: Amount) {
        if !amount.is_zero() {
            let cell = self.touch(account, asset);
            cell.free.0 += amount.0;
            cell.locked.0 -= amount.0;
        }
    }

    pub(crate) fn count_order(&mut self, account: AccountIndex, now: TimeUs) {
        self.get_mut(account).count_order(now);
        self.counted.push(account);
    }

    pub(crate) fn reward_first_fill(&mut self, account: AccountIndex, now: TimeUs, as_maker: bool) {
        if self.get_mut(account).reward_first_fill(now, as_maker) {
            self.counted.push(account);
        }
    }

    /// The accounts whose counts changed since the last call, ascending, each once.
    pub(crate) fn take_counted(&mut self, mut each: impl FnMut(&Account)) {
        let mut counted = std::mem::take(&mut self.counted);
        counted.sort_unstable();
        counted.dedup();
        counted.drain(..).for_each(|index| each(self.get(index)));
        self.counted = counted;
    }

    /// The cells touched since the last call, ascending, each once.
    pub(crate) fn take_touched(&mut self, mut each: impl FnMut(&Account, AssetId, Cell)) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        for (index, asset) in touched.drain(..) {
            let account = self.get(index);
            each(account, asset, account.cell(asset));
        }
        self.touched = touched;
    }

    fn touch(&mut self, account: AccountIndex, asset: AssetId) -> &mut Cell {
        self.touched.push((account, asset));
        self.get_mut(account).cell_mut(asset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_counts_roll_with_aligned_windows() {
        let mut account = Account::new(AccountId(1_000), AccountKind::User);
        let at = |seconds: u64| TimeUs::from_second(seconds);
        account.count_order(at(9));
        account.count_order(at(9));
        assert_eq!(account.order_counts(at(9)), (2, 2));
        account.count_order(at(10));
        assert_eq!(account.order_counts(at(10)), (1, 3));
        assert!(account.reward_first_fill(at(20), false));
        assert_eq!(account.order_counts(at(20)), (0, 2));
        assert!(account.reward_first_fill(at(21), true));
        assert_eq!(account.order_counts(at(21)), (0, 0));
        assert!(!account.reward_first_fill(at(22), true));
        assert_eq!(account.order_counts(at(86_400)), (0, 0));
    }
}
