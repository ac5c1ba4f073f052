//! Who is who: people's accounts and the names of their orders.

use emporion_model::{AccountId, Event, OrderId, SymbolId};
use std::collections::BTreeMap;

#[derive(Debug)]
pub(super) struct Names {
    accounts: BTreeMap<String, AccountId>,
    orders: BTreeMap<(SymbolId, OrderId), String>,
}

impl Default for Names {
    fn default() -> Self {
        let own = [("outside", AccountId::EXTERNAL), ("treasury", AccountId::TREASURY), ("fees", AccountId::FEES)];
        let accounts = own.into_iter().map(|(name, id)| (name.to_owned(), id)).collect();
        Self { accounts, orders: BTreeMap::new() }
    }
}

impl Names {
    pub(super) fn add(&mut self, name: &str, account: AccountId) {
        self.accounts.insert(name.to_owned(), account);
    }

    pub(super) fn account(&self, name: &str) -> Option<AccountId> {
        self.accounts.get(name).copied()
    }

    pub(super) fn of(&self, account: AccountId) -> &str {
        let found = self.accounts.iter().find(|(_, id)| **id == account);
        found.map_or("somebody", |(name, _)| name)
    }

    /// Keeps the names of orders that are placed.
    pub(super) fn note(&mut self, events: &[Event]) {
        for event in events {
            if let Event::OrderPlaced(placed) = event {
                let name = format!("{}: {}", self.of(placed.account), placed.client_order_id);
                self.orders.insert((placed.symbol, placed.order_id), name);
            }
        }
    }

    /// `alice: a1`
    pub(super) fn of_order(&self, symbol: SymbolId, id: OrderId) -> &str {
        self.orders.get(&(symbol, id)).map_or("an unknown order", String::as_str)
    }
}
