//! The order table: every open order of the venue with what matching does not need, its hold, and the ways
//! to find it. A book holds only the working ones, as nodes under the same index.

use crate::accounts::{AccountIndex, Accounts, Part};
use crate::book::{NONE, Nodes, OrderIndex};
use emporion_model::{
    Amount, AssetId, ClientOrderId, OrderId, OrderKind, Quantity, Side, StpMode, Strategy, SymbolId, TradeGroupId,
};
use foldhash::fast::SeedableRandomState;
use std::collections::HashMap;

/// A place in the hold table.
pub(crate) type HoldIndex = u32;

/// What is set aside of an account's balance. An order, or later a list of orders, points to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    pub(crate) account: AccountIndex,
    pub(crate) asset: AssetId,
    pub(crate) amount: Amount,
}

#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) id: OrderId,
    pub(crate) symbol: SymbolId,
    pub(crate) account: AccountIndex,
    pub(crate) client_order_id: ClientOrderId,
    pub(crate) side: Side,
    pub(crate) kind: OrderKind,
    pub(crate) stp: StpMode,
    pub(crate) trade_group: Option<TradeGroupId>,
    pub(crate) strategy: Option<Strategy>,
    pub(crate) executed: Quantity,
    pub(crate) executed_quote: Amount,
    pub(crate) prevented: Quantity,
    pub(crate) hold: HoldIndex,
    pub(crate) older: OrderIndex,
    pub(crate) newer: OrderIndex,
}

#[derive(Debug)]
pub(crate) struct OrderTable {
    pub(crate) nodes: Nodes,
    orders: Vec<Option<Order>>,
    count: usize,
    holds: Vec<Hold>,
    free_holds: Vec<HoldIndex>,
    by_id: HashMap<(SymbolId, OrderId), OrderIndex, SeedableRandomState>,
    by_client_id: HashMap<(AccountIndex, ClientOrderId), OrderIndex, SeedableRandomState>,
}

impl OrderTable {
    pub(crate) fn new(hasher: SeedableRandomState) -> Self {
        Self {
            nodes: Nodes::default(),
            orders: Vec::new(),
            count: 0,
            holds: Vec::new(),
            free_holds: Vec::new(),
            by_id: HashMap::with_hasher(hasher.clone()),
            by_client_id: HashMap::with_hasher(hasher),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn get(&self, index: OrderIndex) -> &Order {
        self.orders[index as usize].as_ref().expect("an index that a book or an account holds is of an open order")
    }

    pub(crate) fn get_mut(&mut self, index: OrderIndex) -> &mut Order {
        self.orders[index as usize].as_mut().expect("an index that a book or an account holds is of an open order")
    }

    pub(crate) fn find(&self, symbol: SymbolId, id: OrderId) -> Option<OrderIndex> {
        self.by_id.get(&(symbol, id)).copied()
    }

    pub(crate) fn find_client(&self, account: AccountIndex, id: &ClientOrderId) -> Option<OrderIndex> {
        self.by_client_id.get(&(account, *id)).copied()
    }

    pub(crate) fn hold_of(&self, index: OrderIndex) -> Hold {
        self.holds[self.get(index).hold as usize]
    }

    /// Enters an order with its hold, whose amount moves from free to locked, as its account's newest.
    pub(crate) fn add(
        &mut self,
        accounts: &mut Accounts,
        mut order: Order,
        remaining: Quantity,
        hold: (AssetId, Amount),
    ) -> OrderIndex {
        let (asset, amount) = hold;
        accounts.hold(order.account, asset, amount);
        order.hold = self.take_hold(Hold { account: order.account, asset, amount });
        let index = self.nodes.take(order.account, remaining);
        self.link(accounts, &mut order, index, remaining);
        self.by_id.insert((order.symbol, order.id), index);
        self.by_client_id.insert((order.account, order.client_order_id), index);
        let place = index as usize;
        if place == self.orders.len() {
            self.orders.push(Some(order));
        } else {
            self.orders[place] = Some(order);
        }
        self.count += 1;
        index
    }

    /// Removes an order that has left its book, releases what its hold still has, and forgets the hold.
    pub(crate) fn remove(&mut self, accounts: &mut Accounts, index: OrderIndex) -> Order {
        let order = self.orders[index as usize].take().expect("an order is removed once");
        let remaining = self.nodes.get(index).remaining;
        let hold = self.holds[order.hold as usize];
        accounts.release(hold.account, hold.asset, hold.amount);
        self.free_holds.push(order.hold);
        self.unlink(accounts, &order, remaining);
        self.by_id.remove(&(order.symbol, order.id));
        self.by_client_id.remove(&(order.account, order.client_order_id));
        self.nodes.give_back(index);
        self.count -= 1;
        order
    }

    /// Pays out of an order's hold.
    pub(crate) fn pay_from_hold(
        &mut self,
        accounts: &mut Accounts,
        index: OrderIndex,
        to: AccountIndex,
        amount: Amount,
    ) {
        let hold_index = self.get(index).hold as usize;
        let hold = &mut self.holds[hold_index];
        hold.amount.0 -= amount.0;
        accounts.post((hold.account, Part::Locked), to, hold.asset, amount);
    }

    /// Gives a part of an order's hold back to its account.
    pub(crate) fn release_from_hold(&mut self, accounts: &mut Accounts, index: OrderIndex, amount: Amount) {
        let hold_index = self.get(index).hold as usize;
        let hold = &mut self.holds[hold_index];
        hold.amount.0 -= amount.0;
        accounts.release(hold.account, hold.asset, amount);
    }

    /// Lowers what the account has open when part of a resting order is gone.
    pub(crate) fn note_shrunk(&self, accounts: &mut Accounts, index: OrderIndex, by: Quantity) {
        let order = self.get(index);
        if order.side == Side::Buy {
            accounts.get_mut(order.account).position_mut(order.symbol).open_buys -= u128::from(by.0);
        }
    }

    fn take_hold(&mut self, hold: Hold) -> HoldIndex {
        if let Some(index) = self.free_holds.pop() {
            self.holds[index as usize] = hold;
            return index;
        }
        self.holds.push(hold);
        HoldIndex::try_from(self.holds.len() - 1).expect("there is one hold an order, and orders are bounded")
    }

    fn link(&mut self, accounts: &mut Accounts, order: &mut Order, index: OrderIndex, remaining: Quantity) {
        let position = accounts.get_mut(order.account).position_mut(order.symbol);
        position.open_orders += 1;
        if order.side == Side::Buy {
            position.open_buys += u128::from(remaining.0);
        }
        order.newer = NONE;
        order.older = std::mem::replace(&mut position.newest, index);
        if order.older == NONE {
            position.oldest = index;
        } else {
            self.get_mut(order.older).newer = index;
        }
    }

    fn unlink(&mut self, accounts: &mut Accounts, order: &Order, remaining: Quantity) {
        let position = accounts.get_mut(order.account).position_mut(order.symbol);
        position.open_orders -= 1;
        if order.side == Side::Buy {
            position.open_buys -= u128::from(remaining.0);
        }
        if order.older == NONE {
            position.oldest = order.newer;
        } else {
            self.get_mut(order.older).newer = order.newer;
        }
        if order.newer == NONE {
            position.newest = order.older;
        } else {
            self.get_mut(order.newer).older = order.older;
        }
    }
}
