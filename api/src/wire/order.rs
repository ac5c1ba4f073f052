//! Orders as cancels and queries answer them.

use super::{Decimal, Text};
use crate::Time;
use crate::names::{Name, OrderType};
use emporion_model::{ClientOrderId, ExpiryReason, OrderStatus, Side, StpMode, SymbolName, TimeInForce};
use serde::{Deserialize, Serialize};

/// `orderListId` of an order that is in no list.
pub const NO_ORDER_LIST: i64 = -1;

/// `DELETE order`, and one element of `DELETE openOrders`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CanceledOrder {
    /// The symbol.
    pub symbol: Text<SymbolName>,
    /// The order's client id.
    pub orig_client_order_id: Text<ClientOrderId>,
    /// The order's id on this symbol.
    pub order_id: u64,
    /// [`NO_ORDER_LIST`].
    pub order_list_id: i64,
    /// The client's id of the cancel itself, or ours if it gave none.
    pub client_order_id: Text<ClientOrderId>,
    /// When.
    pub transact_time: Time,
    /// The limit price.
    pub price: Decimal,
    /// The quantity asked for.
    pub orig_qty: Decimal,
    /// The quantity filled.
    pub executed_qty: Decimal,
    /// The quote quantity asked for, zero if it was not.
    pub orig_quote_order_qty: Decimal,
    /// The quote amount of all fills.
    pub cummulative_quote_qty: Decimal,
    /// `CANCELED`.
    pub status: Name<OrderStatus>,
    /// How long it would have stayed.
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
    /// Self-trade prevention in force.
    pub self_trade_prevention_mode: Name<StpMode>,
    /// The quantity that self-trade prevention took away, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prevented_quantity: Option<Decimal>,
}

/// `GET order`, and one element of `GET openOrders` and `GET allOrders`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// The symbol.
    pub symbol: Text<SymbolName>,
    /// The order's id on this symbol.
    pub order_id: u64,
    /// [`NO_ORDER_LIST`].
    pub order_list_id: i64,
    /// The order's client id.
    pub client_order_id: Text<ClientOrderId>,
    /// The limit price, zero for a market order.
    pub price: Decimal,
    /// The quantity asked for.
    pub orig_qty: Decimal,
    /// The quantity filled.
    pub executed_qty: Decimal,
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
    /// Zero: it has none.
    pub stop_price: Decimal,
    /// Zero: it hides nothing.
    pub iceberg_qty: Decimal,
    /// When it was placed.
    pub time: Time,
    /// When it last changed.
    pub update_time: Time,
    /// Whether it is, or was, in the book.
    pub is_working: bool,
    /// Since when.
    pub working_time: Time,
    /// The quote quantity asked for, zero if it was not.
    pub orig_quote_order_qty: Decimal,
    /// Self-trade prevention in force.
    pub self_trade_prevention_mode: Name<StpMode>,
    /// The client's label, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy_id: Option<u64>,
    /// The client's label, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy_type: Option<u32>,
    /// The prevented self-trade that ended it, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prevented_match_id: Option<u64>,
    /// The quantity that self-trade prevention took away, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prevented_quantity: Option<Decimal>,
    /// Why it expired, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiry_reason: Option<Name<ExpiryReason>>,
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_cancel_swaps_the_client_ids() {
        check(
            CanceledOrder {
                symbol: text("LTCBTC"),
                orig_client_order_id: text("myOrder1"),
                order_id: 4,
                order_list_id: NO_ORDER_LIST,
                client_order_id: text("cancelMyOrder1"),
                transact_time: time(1_684_804_350_068),
                price: Decimal::new(2, 0),
                orig_qty: Decimal::new(1, 0),
                executed_qty: Decimal::ZERO,
                orig_quote_order_qty: Decimal::ZERO,
                cummulative_quote_qty: Decimal::ZERO,
                status: OrderStatus::Canceled.into(),
                time_in_force: TimeInForce::Gtc.into(),
                order_type: OrderType::Limit.into(),
                side: Side::Buy.into(),
                strategy_id: None,
                strategy_type: None,
                self_trade_prevention_mode: StpMode::None.into(),
                prevented_quantity: None,
            },
            concat!(
                r#"{"symbol":"LTCBTC","origClientOrderId":"myOrder1","orderId":4,"orderListId":-1,"#,
                r#""clientOrderId":"cancelMyOrder1","transactTime":1684804350068,"price":"2.00000000","#,
                r#""origQty":"1.00000000","executedQty":"0.00000000","origQuoteOrderQty":"0.00000000","#,
                r#""cummulativeQuoteQty":"0.00000000","status":"CANCELED","timeInForce":"GTC","type":"LIMIT","#,
                r#""side":"BUY","selfTradePreventionMode":"NONE"}"#,
            ),
        );
    }

    #[test]
    fn a_query_always_has_stop_price_and_iceberg_quantity() {
        let order = Order {
            symbol: text("LTCBTC"),
            order_id: 1,
            order_list_id: NO_ORDER_LIST,
            client_order_id: text("myOrder1"),
            price: Decimal::new(1, 1),
            orig_qty: Decimal::new(1, 0),
            executed_qty: Decimal::ZERO,
            cummulative_quote_qty: Decimal::ZERO,
            status: OrderStatus::New.into(),
            time_in_force: TimeInForce::Gtc.into(),
            order_type: OrderType::Limit.into(),
            side: Side::Buy.into(),
            stop_price: Decimal::ZERO,
            iceberg_qty: Decimal::ZERO,
            time: time(1_499_827_319_559),
            update_time: time(1_499_827_319_559),
            is_working: true,
            working_time: time(1_499_827_319_559),
            orig_quote_order_qty: Decimal::ZERO,
            self_trade_prevention_mode: StpMode::None.into(),
            strategy_id: None,
            strategy_type: None,
            prevented_match_id: None,
            prevented_quantity: None,
            expiry_reason: None,
        };
        let json = concat!(
            r#"{"symbol":"LTCBTC","orderId":1,"orderListId":-1,"clientOrderId":"myOrder1","price":"0.10000000","#,
            r#""origQty":"1.00000000","executedQty":"0.00000000","cummulativeQuoteQty":"0.00000000","status":"NEW","#,
            r#""timeInForce":"GTC","type":"LIMIT","side":"BUY","stopPrice":"0.00000000","icebergQty":"0.00000000","#,
            r#""time":1499827319559,"updateTime":1499827319559,"isWorking":true,"workingTime":1499827319559,"#,
            r#""origQuoteOrderQty":"0.00000000","selfTradePreventionMode":"NONE"}"#,
        );
        check(order, json);
        check(
            Order { prevented_match_id: Some(0), prevented_quantity: Some(Decimal::new(12, 1)), ..order },
            &json.replace(r#""NONE"}"#, r#""NONE","preventedMatchId":0,"preventedQuantity":"1.20000000"}"#),
        );
    }
}
