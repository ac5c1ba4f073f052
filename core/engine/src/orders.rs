//! The order table: every open order of the venue with what matching does not need, its hold, and the ways
//! to find it. A book holds only the working ones, as nodes under the same index.

use crate::accounts::{AccountIndex, Accounts, Part};
use crate::book::{NONE, Nodes, OrderIndex};
use emporion_model::{
    Amount, AssetId, ClientOrderId, OrderId, OrderKind, Quantity, Side, StpMode, Strategy, SymbolId, TradeGroupId,
};
use foldhash::fast::SeedableRandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

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
}

/// An order's neighbours among its account's orders on the symbol. Apart from the orders, because leaving
/// touches the neighbours' too.
#[derive(Clone, Copy, Debug)]
struct Links {
    older: OrderIndex,
    newer: OrderIndex,
}

#[derive(Debug)]
pub(crate) struct OrderTable {
    pub(crate) nodes: Nodes,
    orders: Vec<Option<Order>>,
    links: Vec<Links>,
    count: usize,
    holds: Vec<Hold>,
    free_holds: Vec<HoldIndex>,
    /// Places by order id and by client order id. The keys are in the orders themselves, so that these
    /// tables stay small enough for the processor's cache.
    by_id: HashTable<OrderIndex>,
    by_client_id: HashTable<OrderIndex>,
    hasher: SeedableRandomState,
}

impl OrderTable {
    pub(crate) fn new(hasher: SeedableRandomState) -> Self {
        Self {
            nodes: Nodes::default(),
            orders: Vec::new(),
            links: Vec::new(),
            count: 0,
            holds: Vec::new(),
            free_holds: Vec::new(),
            by_id: HashTable::new(),
            by_client_id: HashTable::new(),
            hasher,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn get(&self, index: OrderIndex) -> &Order {
        order_at(&self.orders, index)
    }

    pub(crate) fn get_mut(&mut self, index: OrderIndex) -> &mut Order {
        self.orders[index as usize].as_mut().expect("an index that a book or an account holds is of an open order")
    }

    pub(crate) fn find(&self, symbol: SymbolId, id: OrderId) -> Option<OrderIndex> {
        let is_it = |&index: &OrderIndex| (self.get(index).symbol, self.get(index).id) == (symbol, id);
        self.by_id.find(hash_of_id(&self.hasher, symbol, id), is_it).copied()
    }

    pub(crate) fn find_client(&self, account: AccountIndex, id: &ClientOrderId) -> Option<OrderIndex> {
        let is_it = |&index: &OrderIndex| {
            let order = self.get(index);
            order.account == account && order.client_order_id == *id
        };
        self.by_client_id.find(hash_of_client_id(&self.hasher, account, id), is_it).copied()
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
        let place = index as usize;
        if place == self.orders.len() {
            self.orders.push(None);
            self.links.push(Links { older: NONE, newer: NONE });
        }
        self.link(accounts, &order, index, remaining);
        self.orders[place] = Some(order);
        self.enlist(index);
        self.count += 1;
        index
    }

    /// Removes an order that has left its book, releases what its hold still has, and forgets the hold.
    pub(crate) fn remove(&mut self, accounts: &mut Accounts, index: OrderIndex) -> Order {
        self.delist(index);
        let order = self.orders[index as usize].take().expect("an order is removed once");
        let remaining = self.nodes.get(index).remaining;
        let hold = self.holds[order.hold as usize];
        accounts.release(hold.account, hold.asset, hold.amount);
        self.free_holds.push(order.hold);
        self.unlink(accounts, &order, index, remaining);
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

    fn enlist(&mut self, index: OrderIndex) {
        let Self { orders, by_id, by_client_id, hasher, .. } = self;
        let id_hash = |&index: &OrderIndex| {
            let order = order_at(orders, index);
            hash_of_id(hasher, order.symbol, order.id)
        };
        let client_id_hash = |&index: &OrderIndex| {
            let order = order_at(orders, index);
            hash_of_client_id(hasher, order.account, &order.client_order_id)
        };
        by_id.insert_unique(id_hash(&index), index, id_hash);
        by_client_id.insert_unique(client_id_hash(&index), index, client_id_hash);
    }

    fn delist(&mut self, index: OrderIndex) {
        let order = order_at(&self.orders, index);
        let id_hash = hash_of_id(&self.hasher, order.symbol, order.id);
        let client_id_hash = hash_of_client_id(&self.hasher, order.account, &order.client_order_id);
        for (table, hash) in [(&mut self.by_id, id_hash), (&mut self.by_client_id, client_id_hash)] {
            let entry = table.find_entry(hash, |&other| other == index);
            entry.expect("an open order is in both tables").remove();
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

    fn link(&mut self, accounts: &mut Accounts, order: &Order, index: OrderIndex, remaining: Quantity) {
        let position = accounts.get_mut(order.account).position_mut(order.symbol);
        position.open_orders += 1;
        if order.side == Side::Buy {
            position.open_buys += u128::from(remaining.0);
        }
        let older = std::mem::replace(&mut position.newest, index);
        if older == NONE {
            position.oldest = index;
        } else {
            self.links[older as usize].newer = index;
        }
        self.links[index as usize] = Links { older, newer: NONE };
    }

    fn unlink(&mut self, accounts: &mut Accounts, order: &Order, index: OrderIndex, remaining: Quantity) {
        let position = accounts.get_mut(order.account).position_mut(order.symbol);
        position.open_orders -= 1;
        if order.side == Side::Buy {
            position.open_buys -= u128::from(remaining.0);
        }
        let Links { older, newer } = self.links[index as usize];
        if older == NONE {
            position.oldest = newer;
        } else {
            self.links[older as usize].newer = newer;
        }
        if newer == NONE {
            position.newest = older;
        } else {
            self.links[newer as usize].older = older;
        }
    }
}

fn order_at(orders: &[Option<Order>], index: OrderIndex) -> &Order {
    orders[index as usize].as_ref().expect("an index that a book or an account holds is of an open order")
}

fn hash_of_id(hasher: &SeedableRandomState, symbol: SymbolId, id: OrderId) -> u64 {
    hasher.hash_one((symbol, id))
}

fn hash_of_client_id(hasher: &SeedableRandomState, account: AccountIndex, id: &ClientOrderId) -> u64 {
    hasher.hash_one((account, id.as_bytes()))
}
