//! New orders as their placement answers them.

use super::{Decimal, Text};
use crate::Time;
use crate::names::{Name, OrderType};
use emporion_model::{AssetCode, ClientOrderId, ExpiryReason, OrderStatus, Side, StpMode, SymbolName, TimeInForce};
use serde::{Deserialize, Serialize};

/// `POST order`, by `newOrderRespType`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NewOrder {
    /// `RESULT` and `FULL`; the latter has `fills`.
    Result(Box<NewOrderResult>),
    /// `ACK`.
    Ack(NewOrderAck),
}

/// The order was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewOrderAck {
    /// The symbol.
    pub symbol: Text<SymbolName>,
    /// The order's id on this symbol.
    pub order_id: u64,
    /// [`NO_ORDER_LIST`].
    pub order_list_id: i64,
    /// The client's id, or ours if it gave none.
    pub client_order_id: Text<ClientOrderId>,
    /// When.
    pub transact_time: Time,
}

/// The order and what became of it at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewOrderResult {
    /// The symbol.
    pub symbol: Text<SymbolName>,
    /// The order's id on this symbol.
    pub order_id: u64,
    /// [`NO_ORDER_LIST`].
    pub order_list_id: i64,
    /// The client's id, or ours if it gave none.
    pub client_order_id: Text<ClientOrderId>,
    /// When.
    pub transact_time: Time,
    /// The limit price, zero for a market order.
    pub price: Decimal,
    /// The quantity asked for.
    pub orig_qty: Decimal,
    /// The quantity filled.
    pub executed_qty: Decimal,
    /// The quote quantity asked for, zero if it was not.
    pub orig_quote_order_qty: Decimal,
    /// The quote amount of all fills.
    pub cummulative_quote_qty: Decimal,
    /// Its status.
    pub status: Name<OrderStatus>,
    /// How long it stays.
    pub time_in_force: Name<TimeInForce>,
    /// Its type.
    #[serde(rename = "type")]
    pub order_type: Name<OrderType>,
    /// Its side.
    pub side: Name<Side>,
    /// The client's label, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy_id: Option<u64>,
    /// The client's label, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy_type: Option<u32>,
    /// Since when it works in the book.
    pub working_time: Time,
    /// Self-trade prevention in force.
    pub self_trade_prevention_mode: Name<StpMode>,
    /// Its fills, in `FULL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fills: Option<Vec<Fill>>,
    /// The self-trades that were prevented, if any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prevented_matches: Vec<PreventedMatch>,
    /// The owner's trade group, if it has one and a self-trade was prevented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trade_group_id: Option<u64>,
    /// The quantity that self-trade prevention took away, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prevented_quantity: Option<Decimal>,
    /// Why it expired, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry_reason: Option<Name<ExpiryReason>>,
}

/// One fill of a new order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fill {
    /// The maker's price.
    pub price: Decimal,
    /// The base quantity.
    pub qty: Decimal,
    /// What the taker paid.
    pub commission: Decimal,
    /// In which asset.
    pub commission_asset: Text<AssetCode>,
    /// The trade's id.
    pub trade_id: u64,
}

/// A self-trade that did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreventedMatch {
    /// Its id on this symbol.
    pub prevented_match_id: u64,
    /// The maker.
    pub maker_order_id: u64,
    /// The maker's price.
    pub price: Decimal,
    /// What the taker lost, if it lost any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taker_prevented_quantity: Option<Decimal>,
    /// What the maker lost, if it lost any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maker_prevented_quantity: Option<Decimal>,
}

#[cfg(test)]
mod tests {
    use super::super::NO_ORDER_LIST;
    use super::super::check;
    use super::*;
    use crate::TimeUnit;
    use emporion_model::TimeUs;

    fn time(millis: u64) -> Time {
        TimeUnit::Millisecond.of(TimeUs::from_millis(millis))
    }

    fn text<T: std::str::FromStr>(text: &str) -> Text<T> {
        Text(text.parse().ok().expect("legal"))
    }

    fn result() -> NewOrderResult {
        NewOrderResult {
            symbol: text("BTCUSDT"),
            order_id: 28,
            order_list_id: NO_ORDER_LIST,
            client_order_id: text("6gCrw2kRUAF9CvJDGP16IP"),
            transact_time: time(1_507_725_176_595),
            price: Decimal::ZERO,
            orig_qty: Decimal::new(10, 0),
            executed_qty: Decimal::new(10, 0),
            orig_quote_order_qty: Decimal::ZERO,
            cummulative_quote_qty: Decimal::new(10, 0),
            status: OrderStatus::Filled.into(),
            time_in_force: TimeInForce::Gtc.into(),
            order_type: OrderType::Market.into(),
            side: Side::Sell.into(),
            strategy_id: None,
            strategy_type: None,
            working_time: time(1_507_725_176_595),
            self_trade_prevention_mode: StpMode::None.into(),
            fills: None,
            prevented_matches: Vec::new(),
            trade_group_id: None,
            prevented_quantity: None,
            expiry_reason: None,
        }
    }

    const RESULT: &str = concat!(
        r#"{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"6gCrw2kRUAF9CvJDGP16IP","#,
        r#""transactTime":1507725176595,"price":"0.00000000","origQty":"10.00000000","executedQty":"10.00000000","#,
        r#""origQuoteOrderQty":"0.00000000","cummulativeQuoteQty":"10.00000000","status":"FILLED","#,
        r#""timeInForce":"GTC","type":"MARKET","side":"SELL","workingTime":1507725176595,"#,
        r#""selfTradePreventionMode":"NONE"}"#,
    );

    #[test]
    fn a_placement_answers_as_much_as_was_asked_for() {
        let ack = NewOrderAck {
            symbol: text("BTCUSDT"),
            order_id: 28,
            order_list_id: NO_ORDER_LIST,
            client_order_id: text("6gCrw2kRUAF9CvJDGP16IP"),
            transact_time: time(1_507_725_176_595),
        };
        check(
            NewOrder::Ack(ack),
            r#"{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"6gCrw2kRUAF9CvJDGP16IP","transactTime":1507725176595}"#,
        );
        check(NewOrder::Result(Box::new(result())), RESULT);
        let fill = Fill {
            price: Decimal::new(4_000, 0),
            qty: Decimal::new(1, 0),
            commission: Decimal::new(4, 0),
            commission_asset: text("USDT"),
            trade_id: 56,
        };
        check(
            NewOrder::Result(Box::new(NewOrderResult { fills: Some(vec![fill]), ..result() })),
            &RESULT.replace(
                r#""NONE"}"#,
                r#""NONE","fills":[{"price":"4000.00000000","qty":"1.00000000","commission":"4.00000000","commissionAsset":"USDT","tradeId":56}]}"#,
            ),
        );
        check(
            NewOrder::Result(Box::new(NewOrderResult { fills: Some(Vec::new()), ..result() })),
            &RESULT.replace(r#""NONE"}"#, r#""NONE","fills":[]}"#),
        );
    }

    #[test]
    fn conditional_keys_appear_only_with_a_value() {
        let prevented = PreventedMatch {
            prevented_match_id: 0,
            maker_order_id: 2,
            price: Decimal::new(1, 0),
            taker_prevented_quantity: Some(Decimal::new(3, 0)),
            maker_prevented_quantity: None,
        };
        check(
            NewOrderResult {
                strategy_id: Some(37_463_720),
                strategy_type: Some(1_000_000),
                prevented_matches: vec![prevented],
                trade_group_id: Some(1),
                prevented_quantity: Some(Decimal::new(3, 0)),
                expiry_reason: Some(ExpiryReason::InsufficientLiquidity.into()),
                ..result()
            },
            &RESULT
                .replace(r#""SELL","#, r#""SELL","strategyId":37463720,"strategyType":1000000,"#)
                .replace(
                    r#""NONE"}"#,
                    r#""NONE","preventedMatches":[{"preventedMatchId":0,"makerOrderId":2,"price":"1.00000000","takerPreventedQuantity":"3.00000000"}],"tradeGroupId":1,"preventedQuantity":"3.00000000","expiryReason":"INSUFFICIENT_LIQUIDITY"}"#,
                ),
        );
    }
}
