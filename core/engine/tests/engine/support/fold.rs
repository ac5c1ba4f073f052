//! What a reader of events alone knows: levels, balances and open orders. It must agree with the engine's
//! own state, or some event tells less than what happened.

use emporion_model::{AccountId, AssetId, Event, OrderId, Price, Quantity, Side, SymbolId};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Fold {
    pub(crate) levels: BTreeMap<(SymbolId, Side, Price), u128>,
    pub(crate) balances: BTreeMap<(AccountId, AssetId), (i128, i128)>,
    /// What is left of every order that can still change, as far as it is a quantity.
    pub(crate) open: BTreeMap<(SymbolId, OrderId), OpenOrder>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenOrder {
    pub(crate) account: AccountId,
    pub(crate) executed: Quantity,
    pub(crate) prevented: Quantity,
    pub(crate) asked: Option<Quantity>,
    pub(crate) rests: bool,
}

impl Fold {
    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::OrderPlaced(placed) => {
                let order = OpenOrder {
                    account: placed.account,
                    executed: Quantity::ZERO,
                    prevented: Quantity::ZERO,
                    asked: placed.kind.quantity(),
                    rests: false,
                };
                self.open.insert((placed.symbol, placed.order_id), order);
            }
            Event::OrderRested(rested) => {
                self.raise(rested.symbol, rested.side, rested.price, rested.quantity);
                let order = self.order(rested.symbol, rested.order_id);
                order.rests = true;
                let left = order.asked.expect("it rests").0 - order.executed.0 - order.prevented.0;
                assert_eq!(rested.quantity.0, left, "what rests is what is left");
            }
            Event::Traded(trade) => {
                self.lower(trade.symbol, trade.taker_side.opposite(), trade.price, trade.quantity);
                for fill in [&trade.maker, &trade.taker] {
                    let order = self.order(trade.symbol, fill.order_id);
                    order.executed.0 += trade.quantity.0;
                    assert_eq!((order.executed, order.account), (fill.executed, fill.account));
                    if fill.filled {
                        self.open.remove(&(trade.symbol, fill.order_id));
                    }
                }
            }
            Event::SelfTradePrevented(prevented) => {
                let side = prevented.taker_side.opposite();
                self.lower(prevented.symbol, side, prevented.price, prevented.maker_quantity);
                self.order(prevented.symbol, prevented.maker_order_id).prevented.0 += prevented.maker_quantity.0;
                self.order(prevented.symbol, prevented.taker_order_id).prevented.0 += prevented.taker_quantity.0;
            }
            Event::OrderClosed(closed) => {
                if let Some(price) = closed.price {
                    self.lower(closed.symbol, closed.side, price, closed.removed);
                }
                let order = self.open.remove(&(closed.symbol, closed.order_id)).expect("an open order closes once");
                assert_eq!((order.rests, order.account), (closed.price.is_some(), closed.account));
            }
            Event::BalanceChanged(balance) => {
                self.balances.insert((balance.account, balance.asset), (balance.free.0, balance.locked.0));
            }
            _ => {}
        }
    }

    fn order(&mut self, symbol: SymbolId, id: OrderId) -> &mut OpenOrder {
        self.open.get_mut(&(symbol, id)).expect("events are about open orders")
    }

    fn raise(&mut self, symbol: SymbolId, side: Side, price: Price, by: Quantity) {
        *self.levels.entry((symbol, side, price)).or_default() += u128::from(by.0);
    }

    /// By nothing when prevention has already emptied the level or the taker alone loses.
    fn lower(&mut self, symbol: SymbolId, side: Side, price: Price, by: Quantity) {
        if by.is_zero() {
            return;
        }
        let level = self.levels.get_mut(&(symbol, side, price)).expect("only a level that exists shrinks");
        *level -= u128::from(by.0);
        if *level == 0 {
            self.levels.remove(&(symbol, side, price));
        }
    }
}
