//! Looking at the state: for audits, tests and start-up. Nothing here changes it, and no public query comes
//! here.

use crate::accounts::{Account, Cell};
use crate::book::{Level, NONE, OrderIndex};
use crate::state::{State, SymbolState};
use crate::{Engine, orders::Order};
use emporion_model::event::{Balance, OrderCounts};
use emporion_model::{
    AccountId, AccountKind, Amount, Asset, AssetId, ClientOrderId, Mode, Options, OrderId, OrderKind, Price, Quantity,
    Seq, Side, SourceId, Symbol, SymbolId, TimeUs,
};

/// A level of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookLevel {
    /// The price.
    pub price: Price,
    /// The sum of what is left of its orders.
    pub quantity: u128,
    /// How many orders there are.
    pub orders: u32,
}

/// An order that rests in a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    /// Where.
    pub symbol: SymbolId,
    /// Its id there.
    pub order_id: OrderId,
    /// Whose.
    pub account: AccountId,
    /// The client's id.
    pub client_order_id: ClientOrderId,
    /// Which way.
    pub side: Side,
    /// What it asked for.
    pub kind: OrderKind,
    /// What is filled.
    pub executed: Quantity,
    /// What the fills came to.
    pub executed_quote: Amount,
    /// What self-trade prevention took.
    pub prevented: Quantity,
    /// What is left.
    pub remaining: Quantity,
    /// What it holds.
    pub held: Amount,
}

/// An asset's books in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssetSum {
    /// Which.
    pub asset: AssetId,
    /// What users hold, free and locked.
    pub users: Amount,
    /// What the treasury holds.
    pub treasury: Amount,
    /// What fees came to.
    pub fees: Amount,
    /// The outside world's balance: the negative of the other three.
    pub external: Amount,
}

impl AssetSum {
    /// The sum over all accounts, which is zero.
    pub fn total(&self) -> Amount {
        Amount(self.users.0 + self.treasury.0 + self.fees.0 + self.external.0)
    }
}

impl Engine {
    /// The seq of the last command.
    pub fn seq(&self) -> Seq {
        self.state.seq
    }

    /// The time of the last command.
    pub fn time(&self) -> TimeUs {
        self.state.time
    }

    /// The rules in force.
    pub fn rules_version(&self) -> u16 {
        self.state.rules_version
    }

    /// Whether the money is real; `None` before genesis.
    pub fn mode(&self) -> Option<Mode> {
        self.state.mode
    }

    /// The options in force.
    pub fn options(&self) -> &Options {
        &self.state.options
    }

    /// The assets in the order of their ids.
    pub fn assets(&self) -> &[Asset] {
        &self.state.assets
    }

    /// The symbols in the order of their ids.
    pub fn symbols(&self) -> impl Iterator<Item = Symbol> {
        self.state.symbols.iter().map(|symbol| Symbol { id: symbol.id, spec: symbol.spec.clone() })
    }

    /// All accounts that were opened, with their kinds, in the order of their ids.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountId, AccountKind)> {
        self.state.accounts.iter().map(|account| (account.id, account.kind))
    }

    /// All balances that are or were not zero, by account and asset.
    pub fn balances(&self) -> impl Iterator<Item = Balance> {
        self.state.accounts.iter().flat_map(|account| {
            let cells = account.cells.iter().enumerate();
            cells.map(|(asset, cell)| balance(account, AssetId(asset as u16), *cell))
        })
    }

    /// The order counts of all accounts as of their last change, in the order of their ids. A window that is over
    /// counts zero, whatever stands here.
    pub fn order_counts(&self) -> impl Iterator<Item = OrderCounts> {
        self.state.accounts.iter().map(counts)
    }

    /// The open orders, by symbol, bids first, each half in price-time priority.
    pub fn open_orders(&self) -> impl Iterator<Item = OpenOrder> {
        let state = &self.state;
        state.symbols.iter().flat_map(move |symbol| working(state, symbol)).map(move |index| open_order(state, index))
    }

    /// The levels of one half from the best; none for an unknown symbol.
    pub fn levels(&self, symbol: SymbolId, side: Side) -> impl Iterator<Item = BookLevel> {
        let half = self.state.symbol(symbol).map(|symbol| symbol.book.half(side));
        half.into_iter().flat_map(|half| half.levels()).map(|level| BookLevel {
            price: level.price,
            quantity: level.quantity,
            orders: level.orders,
        })
    }

    /// The last number of every service that sent commands.
    pub fn sources(&self) -> impl Iterator<Item = (SourceId, u64)> {
        self.state.dedup.sources.iter().map(|(source, known)| (*source, known.n))
    }

    /// How many command ids are remembered.
    pub fn remembered_commands(&self) -> usize {
        self.state.dedup.len()
    }

    /// What each asset comes to over all accounts.
    pub fn asset_sums(&self) -> Vec<AssetSum> {
        let none = |asset: usize| AssetSum {
            asset: AssetId(asset as u16),
            users: Amount::ZERO,
            treasury: Amount::ZERO,
            fees: Amount::ZERO,
            external: Amount::ZERO,
        };
        let mut sums: Vec<_> = (0..self.state.assets.len()).map(none).collect();
        for account in self.state.accounts.iter() {
            for (sum, cell) in sums.iter_mut().zip(&account.cells) {
                let held = cell.free.0 + cell.locked.0;
                match account.kind {
                    AccountKind::User | AccountKind::Replayer => sum.users.0 += held,
                    AccountKind::Treasury => sum.treasury.0 += held,
                    AccountKind::Fees => sum.fees.0 += held,
                    AccountKind::External => sum.external.0 += held,
                }
            }
        }
        sums
    }

    /// Checks every invariant of the state; says in a sentence which one does not hold.
    pub fn check_invariants(&self) -> Result<(), String> {
        self.check_conservation()?;
        self.check_balances()?;
        self.check_holds()?;
        self.state.symbols.iter().try_for_each(|symbol| self.check_book(symbol))
    }

    fn check_conservation(&self) -> Result<(), String> {
        let broken = self.asset_sums().into_iter().find(|sum| !sum.total().is_zero());
        broken.map_or(Ok(()), |sum| Err(format!("asset {} does not add up to zero: {sum:?}", sum.asset)))
    }

    fn check_balances(&self) -> Result<(), String> {
        for account in self.state.accounts.iter() {
            for (asset, cell) in self.state.assets.iter().zip(&account.cells) {
                let floor = if account.kind == AccountKind::External { -asset.supply_cap.0 } else { 0 };
                if cell.free.0 < floor || cell.locked.0 < 0 {
                    return Err(format!("account {} has a balance of {} below its floor", account.id, asset.code));
                }
            }
        }
        Ok(())
    }

    /// Locked is the sum of the holds, and a hold is exactly what its order may still have to pay.
    fn check_holds(&self) -> Result<(), String> {
        let mut locked: std::collections::BTreeMap<(AccountId, AssetId), i128> = Default::default();
        for symbol in &self.state.symbols {
            for index in working(&self.state, symbol) {
                let (hold, order) = (self.state.orders.hold_of(index), open_order(&self.state, index));
                let price = order.kind.price().ok_or("an order without a limit rests")?;
                let due = match order.side {
                    Side::Buy => (symbol.spec.quote, symbol.scales.notional(price, order.remaining)),
                    Side::Sell => (symbol.spec.base, symbol.scales.base(order.remaining)),
                };
                if (hold.asset, Some(hold.amount)) != due {
                    return Err(format!("order {} of {} holds other than it must", order.order_id, symbol.spec.name));
                }
                *locked.entry((order.account, hold.asset)).or_default() += hold.amount.0;
            }
        }
        for balance in self.balances() {
            let held = locked.remove(&(balance.account, balance.asset)).unwrap_or_default();
            if balance.locked.0 != held {
                return Err(format!("account {} has locked other than its orders hold", balance.account));
            }
        }
        if locked.is_empty() { Ok(()) } else { Err("an order holds what its account does not have".to_owned()) }
    }

    fn check_book(&self, symbol: &SymbolState) -> Result<(), String> {
        let name = symbol.spec.name;
        let best = |side| symbol.book.half(side).levels().next().map(|level: &Level| level.price);
        if let (Some(bid), Some(ask)) = (best(Side::Buy), best(Side::Sell))
            && bid >= ask
        {
            return Err(format!("the book of {name} is crossed"));
        }
        for side in [Side::Buy, Side::Sell] {
            for level in symbol.book.half(side).levels() {
                let line: Vec<_> = line_of(&self.state, level).collect();
                let sum: u128 =
                    line.iter().map(|&index| u128::from(self.state.orders.nodes.get(index).remaining.0)).sum();
                let whole = line.iter().all(|&index| !self.state.orders.nodes.get(index).remaining.is_zero());
                if sum != level.quantity || line.len() != level.orders as usize || !whole {
                    return Err(format!("level {} of {name} is not the sum of its orders", level.price.0));
                }
            }
        }
        Ok(())
    }
}

/// The orders of a level, first in line first.
pub(crate) fn line_of<'a>(state: &'a State, level: &Level) -> impl Iterator<Item = OrderIndex> + use<'a> {
    let first = Some(level.first()).filter(|first| *first != NONE);
    std::iter::successors(first, |&index| state.orders.nodes.behind(index))
}

/// The orders of a book: bids, then asks, each half in price-time priority.
pub(crate) fn working<'a>(state: &'a State, symbol: &'a SymbolState) -> impl Iterator<Item = OrderIndex> + use<'a> {
    [Side::Buy, Side::Sell]
        .into_iter()
        .flat_map(|side| symbol.book.half(side).levels())
        .flat_map(|level| line_of(state, level))
}

fn open_order(state: &State, index: OrderIndex) -> OpenOrder {
    let order: &Order = state.orders.get(index);
    OpenOrder {
        symbol: order.symbol,
        order_id: order.id,
        account: state.accounts.get(order.account).id,
        client_order_id: order.client_order_id,
        side: order.side,
        kind: order.kind,
        executed: order.executed,
        executed_quote: order.executed_quote,
        prevented: order.prevented,
        remaining: state.orders.nodes.get(index).remaining,
        held: state.orders.hold_of(index).amount,
    }
}

pub(crate) fn balance(account: &Account, asset: AssetId, cell: Cell) -> Balance {
    Balance { account: account.id, asset, free: cell.free, locked: cell.locked }
}

pub(crate) fn counts(account: &Account) -> OrderCounts {
    OrderCounts { account: account.id, ten_seconds: account.ten_seconds, day: account.day }
}
