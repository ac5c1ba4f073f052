//! The dry run of a taker against a book: what it would meet, without changing anything.
//!
//! Strict price-time priority. The steps go into one reused buffer; applying an order replays them.

use crate::accounts::{AccountIndex, Accounts};
use crate::book::{Half, Nodes, OrderIndex};
use crate::rounding::affordable_floor;
use emporion_model::{Amount, Price, Quantity, Scales, StpMode, TradeGroupId};

/// The incoming order as matching sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taker {
    pub(crate) account: AccountIndex,
    pub(crate) trade_group: Option<TradeGroupId>,
    pub(crate) stp: StpMode,
    pub(crate) limit: Option<Price>,
    pub(crate) size: Size,
    pub(crate) steps_max: usize,
}

/// What the taker still wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// So much base.
    Base(Quantity),
    /// Whole steps of base for so much quote.
    Quote(Amount, Quantity),
}

/// One meeting of taker and maker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// They trade this quantity.
    Trade(OrderIndex, Quantity),
    /// They would trade with themselves: what the maker and what the taker lose instead.
    Prevent { maker: OrderIndex, maker_loses: Quantity, taker_loses: Quantity },
}

/// Why the dry run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WalkEnd {
    /// Nothing of the taker is left, or no further step at the price it has reached fits its quote amount.
    Filled,
    /// Nothing more in the book is within its limit.
    BookEnd,
    /// It met as many makers as one command may.
    Exhausted,
    /// Self-trade prevention took the rest of it.
    SelfTrade,
}

/// What the dry run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Walk {
    pub(crate) executed: Quantity,
    pub(crate) notional: Amount,
    pub(crate) prevented: Quantity,
    pub(crate) end: WalkEnd,
}

/// Walks `half` from its best price and writes what the taker meets into `steps`.
pub(crate) fn walk(
    taker: &Taker,
    half: &Half,
    nodes: &Nodes,
    accounts: &Accounts,
    scales: &Scales,
    steps: &mut Vec<Step>,
) -> Walk {
    steps.clear();
    let mut run = Run { taker, accounts, scales, steps, left: taker.size, result: Walk::NOTHING };
    let mut level = half.best();
    while let Some(index) = level {
        let price = half.level(index).price;
        if !half.reaches(taker.limit, price) {
            break;
        }
        let mut order = Some(half.level(index).first());
        while let Some(maker) = order {
            if let Some(end) = run.meet(maker, price, nodes) {
                return Walk { end, ..run.result };
            }
            order = nodes.behind(maker);
        }
        level = half.after(index);
    }
    run.result
}

impl Walk {
    const NOTHING: Self =
        Self { executed: Quantity::ZERO, notional: Amount::ZERO, prevented: Quantity::ZERO, end: WalkEnd::BookEnd };
}

struct Run<'a> {
    taker: &'a Taker,
    accounts: &'a Accounts,
    scales: &'a Scales,
    steps: &'a mut Vec<Step>,
    left: Size,
    result: Walk,
}

impl Run<'_> {
    /// Takes one maker; says so when the walk ends with it.
    fn meet(&mut self, maker: OrderIndex, price: Price, nodes: &Nodes) -> Option<WalkEnd> {
        let unit_cost = self.unit_cost(price);
        let wanted = self.wanted(unit_cost);
        if wanted.is_zero() {
            return Some(WalkEnd::Filled);
        }
        if self.steps.len() == self.taker.steps_max {
            return Some(WalkEnd::Exhausted);
        }
        let node = nodes.get(maker);
        let quantity = wanted.min(node.remaining);
        if self.taker.stp != StpMode::None && self.is_self(node.owner) {
            return self.prevent(maker, node.remaining, wanted, unit_cost);
        }
        self.steps.push(Step::Trade(maker, quantity));
        self.result.executed.0 += quantity.0;
        self.result.notional.0 += i128::from(quantity.0) * unit_cost;
        self.lower(quantity, unit_cost);
        self.wanted(unit_cost).is_zero().then_some(WalkEnd::Filled)
    }

    fn prevent(
        &mut self,
        maker: OrderIndex,
        remaining: Quantity,
        wanted: Quantity,
        unit_cost: i128,
    ) -> Option<WalkEnd> {
        let (maker_loses, taker_loses) = match self.taker.stp {
            StpMode::None => unreachable!("orders without prevention trade"),
            StpMode::ExpireMaker => (remaining, Quantity::ZERO),
            StpMode::ExpireTaker => (Quantity::ZERO, wanted),
            StpMode::ExpireBoth => (remaining, wanted),
            StpMode::Decrement => (wanted.min(remaining), wanted.min(remaining)),
        };
        self.steps.push(Step::Prevent { maker, maker_loses, taker_loses });
        self.result.prevented.0 += taker_loses.0;
        self.lower(taker_loses, unit_cost);
        (taker_loses == wanted).then_some(WalkEnd::SelfTrade)
    }

    fn is_self(&self, owner: AccountIndex) -> bool {
        let same_group = |group| self.accounts.get(owner).trade_group == Some(group);
        owner == self.taker.account || self.taker.trade_group.is_some_and(same_group)
    }

    /// What one quantity unit costs in quote ledger units.
    fn unit_cost(&self, price: Price) -> i128 {
        self.scales.notional(price, Quantity(1)).expect("a symbol's ranges keep every notional in 128 bits").0
    }

    fn wanted(&self, unit_cost: i128) -> Quantity {
        match self.left {
            Size::Base(quantity) => quantity,
            Size::Quote(budget, step) => affordable_floor(budget, unit_cost, step, self.room()),
        }
    }

    /// How much more a taker can execute or lose before its quantities leave their type. Only an order by
    /// quote quantity can come so far: nobody said how much base it is.
    fn room(&self) -> Quantity {
        Quantity(u64::MAX - self.result.executed.0 - self.result.prevented.0)
    }

    fn lower(&mut self, quantity: Quantity, unit_cost: i128) {
        match &mut self.left {
            Size::Base(left) => left.0 -= quantity.0,
            Size::Quote(budget, _) => budget.0 -= i128::from(quantity.0) * unit_cost,
        }
    }
}
