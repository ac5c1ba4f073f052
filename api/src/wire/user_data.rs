//! The events of a user data stream: what its owner sees of an account.
//!
//! Keys that only some reports have stand where the documented samples have them; those that no sample has come
//! last, in the order of the documented table.

use super::{Decimal, Text};
use crate::Time;
use crate::names::{Name, Named, OrderType};
use emporion_model::{AssetCode, ClientOrderId, ExpiryReason, OrderStatus, Side, StpMode, SymbolName, TimeInForce};
use serde::{Deserialize, Serialize};

/// `tradeId` of a report without a trade.
pub const NO_TRADE: i64 = -1;

/// One event, named by its `e`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "e", rename_all = "camelCase")]
pub enum UserDataEvent {
    /// An order changed.
    ExecutionReport(Box<ExecutionReport>),
    /// Balances changed.
    OutboundAccountPosition(AccountPosition),
    /// An amount came or went other than by a trade.
    BalanceUpdate(BalanceUpdate),
    /// Nothing more will come of this subscription.
    EventStreamTerminated(EventStreamTerminated),
}

/// An order changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionReport {
    /// When the event was made.
    #[serde(rename = "E")]
    pub event_time: Time,
    /// The symbol.
    #[serde(rename = "s")]
    pub symbol: Text<SymbolName>,
    /// The order's client id; of a cancel, the cancel's own.
    #[serde(rename = "c")]
    pub client_order_id: Text<ClientOrderId>,
    /// The order's side.
    #[serde(rename = "S")]
    pub side: Name<Side>,
    /// Its type.
    #[serde(rename = "o")]
    pub order_type: Name<OrderType>,
    /// How long it stays.
    #[serde(rename = "f")]
    pub time_in_force: Name<TimeInForce>,
    /// The quantity asked for.
    #[serde(rename = "q")]
    pub orig_qty: Decimal,
    /// The limit price, zero for a market order.
    #[serde(rename = "p")]
    pub price: Decimal,
    /// Zero: it has none.
    #[serde(rename = "P")]
    pub stop_price: Decimal,
    /// Zero: it hides nothing.
    #[serde(rename = "F")]
    pub iceberg_qty: Decimal,
    /// [`super::NO_ORDER_LIST`].
    #[serde(rename = "g")]
    pub order_list_id: i64,
    /// Of a cancel, the order's client id; else empty.
    #[serde(rename = "C", with = "or_empty")]
    pub orig_client_order_id: Option<Text<ClientOrderId>>,
    /// What happened.
    #[serde(rename = "x")]
    pub execution_type: Name<ExecutionType>,
    /// How the order stands after it.
    #[serde(rename = "X")]
    pub status: Name<OrderStatus>,
    /// Why it was refused.
    #[serde(rename = "r")]
    pub reject_reason: Name<RejectReason>,
    /// The order's id on this symbol.
    #[serde(rename = "i")]
    pub order_id: u64,
    /// What this trade filled, else zero.
    #[serde(rename = "l")]
    pub last_qty: Decimal,
    /// All that is filled.
    #[serde(rename = "z")]
    pub executed_qty: Decimal,
    /// This trade's price, else zero.
    #[serde(rename = "L")]
    pub last_price: Decimal,
    /// What this trade cost; `0` without one.
    #[serde(rename = "n")]
    pub commission: Decimal,
    /// In which asset; null without a trade.
    #[serde(rename = "N")]
    pub commission_asset: Option<Text<AssetCode>>,
    /// When the engine did it.
    #[serde(rename = "T")]
    pub transact_time: Time,
    /// The trade's id, or [`NO_TRADE`].
    #[serde(rename = "t")]
    pub trade_id: i64,
    /// The last prevented self-trade that took something of the order.
    #[serde(rename = "v", skip_serializing_if = "Option::is_none")]
    pub prevented_match_id: Option<u64>,
    /// The change's id: rises, with gaps.
    #[serde(rename = "I")]
    pub execution_id: u64,
    /// Whether the order is on the book.
    #[serde(rename = "w")]
    pub is_working: bool,
    /// Whether the order was the maker of this trade.
    #[serde(rename = "m")]
    pub is_maker: bool,
    /// Of no use; true for trades, as documented samples have it.
    #[serde(rename = "M")]
    pub is_best_match: bool,
    /// When the order was placed.
    #[serde(rename = "O")]
    pub placed_time: Time,
    /// The quote amount of all fills.
    #[serde(rename = "Z")]
    pub cummulative_quote_qty: Decimal,
    /// The quote amount of this trade, else zero.
    #[serde(rename = "Y")]
    pub last_quote_qty: Decimal,
    /// The quote quantity asked for, zero if it was not.
    #[serde(rename = "Q")]
    pub orig_quote_order_qty: Decimal,
    /// The client's label, if it gave one.
    #[serde(rename = "j", skip_serializing_if = "Option::is_none")]
    pub strategy_id: Option<u64>,
    /// The client's label, if it gave one.
    #[serde(rename = "J", skip_serializing_if = "Option::is_none")]
    pub strategy_type: Option<u32>,
    /// Since when it works in the book.
    #[serde(rename = "W", skip_serializing_if = "Option::is_none")]
    pub working_time: Option<Time>,
    /// Self-trade prevention in force.
    #[serde(rename = "V")]
    pub self_trade_prevention_mode: Name<StpMode>,
    /// All that self-trade prevention took away.
    #[serde(rename = "A", skip_serializing_if = "Option::is_none")]
    pub prevented_qty: Option<Decimal>,
    /// What this prevention took away.
    #[serde(rename = "B", skip_serializing_if = "Option::is_none")]
    pub last_prevented_qty: Option<Decimal>,
    /// The owner's trade group, if it has one and a self-trade was prevented.
    #[serde(rename = "u", skip_serializing_if = "Option::is_none")]
    pub trade_group_id: Option<u64>,
    /// The other order of this prevention.
    #[serde(rename = "U", skip_serializing_if = "Option::is_none")]
    pub counter_order_id: Option<u64>,
    /// The other order's symbol.
    #[serde(rename = "Cs", skip_serializing_if = "Option::is_none")]
    pub counter_symbol: Option<Text<SymbolName>>,
    /// What would have been traded.
    #[serde(rename = "pl", skip_serializing_if = "Option::is_none")]
    pub prevented_execution_qty: Option<Decimal>,
    /// At which price.
    #[serde(rename = "pL", skip_serializing_if = "Option::is_none")]
    pub prevented_execution_price: Option<Decimal>,
    /// For which quote amount.
    #[serde(rename = "pY", skip_serializing_if = "Option::is_none")]
    pub prevented_execution_quote_qty: Option<Decimal>,
    /// Why it expired, if it did.
    #[serde(rename = "eR", skip_serializing_if = "Option::is_none")]
    pub expiry_reason: Option<Name<ExpiryReason>>,
}

/// What happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionType {
    /// It was accepted.
    New,
    /// Its owner canceled it.
    Canceled,
    /// Some or all of it was filled.
    Trade,
    /// A rule ended it.
    Expired,
    /// Self-trade prevention took some or all of it.
    TradePrevention,
}

impl Named for ExecutionType {
    const ALL: &'static [Self] = &[Self::New, Self::Canceled, Self::Trade, Self::Expired, Self::TradePrevention];

    fn name(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Canceled => "CANCELED",
            Self::Trade => "TRADE",
            Self::Expired => "EXPIRED",
            Self::TradePrevention => "TRADE_PREVENTION",
        }
    }
}

/// Why an order was refused. Refused orders have no reports here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectReason {
    /// It was not.
    None,
}

impl Named for RejectReason {
    const ALL: &'static [Self] = &[Self::None];

    fn name(self) -> &'static str {
        "NONE"
    }
}

/// The balances that a command changed, as they are after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPosition {
    /// When the event was made.
    #[serde(rename = "E")]
    pub event_time: Time,
    /// When the account last changed.
    #[serde(rename = "u")]
    pub update_time: Time,
    /// The balances.
    #[serde(rename = "B")]
    pub balances: Vec<PositionBalance>,
}

/// One balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionBalance {
    /// The asset.
    #[serde(rename = "a")]
    pub asset: Text<AssetCode>,
    /// At the owner's disposal.
    #[serde(rename = "f")]
    pub free: Decimal,
    /// Held for orders.
    #[serde(rename = "l")]
    pub locked: Decimal,
}

/// An amount came (or, below zero, went) other than by a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceUpdate {
    /// When the event was made.
    #[serde(rename = "E")]
    pub event_time: Time,
    /// The asset.
    #[serde(rename = "a")]
    pub asset: Text<AssetCode>,
    /// How much.
    #[serde(rename = "d")]
    pub delta: Decimal,
    /// When the engine did it.
    #[serde(rename = "T")]
    pub clear_time: Time,
}

/// A subscription was ended by its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventStreamTerminated {
    /// When.
    #[serde(rename = "E")]
    pub event_time: Time,
}

/// A text that is empty where there is none.
mod or_empty {
    use super::{ClientOrderId, Text};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
    use std::borrow::Cow;

    pub(super) fn serialize<S: Serializer>(
        text: &Option<Text<ClientOrderId>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match text {
            Some(text) => text.serialize(serializer),
            None => serializer.serialize_str(""),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Text<ClientOrderId>>, D::Error> {
        match &*Cow::<'de, str>::deserialize(deserializer)? {
            "" => Ok(None),
            text => text.parse().map(|text| Some(Text(text))).map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{NO_ORDER_LIST, check};
    use super::*;
    use crate::TimeUnit;
    use emporion_model::TimeUs;

    fn time(millis: u64) -> Time {
        TimeUnit::Millisecond.of(TimeUs::from_millis(millis))
    }

    fn text<T: std::str::FromStr>(text: &str) -> Text<T> {
        Text(text.parse().ok().expect("legal"))
    }

    fn placed() -> ExecutionReport {
        ExecutionReport {
            event_time: time(1_499_405_658_658),
            symbol: text("ETHBTC"),
            client_order_id: text("mUvoqJxFIILMdfAW5iGSOW"),
            side: Side::Buy.into(),
            order_type: OrderType::Limit.into(),
            time_in_force: TimeInForce::Gtc.into(),
            orig_qty: Decimal::new(1, 0),
            price: Decimal::new(10_264_410, 8),
            stop_price: Decimal::ZERO,
            iceberg_qty: Decimal::ZERO,
            order_list_id: NO_ORDER_LIST,
            orig_client_order_id: None,
            execution_type: ExecutionType::New.into(),
            status: OrderStatus::New.into(),
            reject_reason: RejectReason::None.into(),
            order_id: 4_293_153,
            last_qty: Decimal::ZERO,
            executed_qty: Decimal::ZERO,
            last_price: Decimal::ZERO,
            commission: Decimal::ZERO.with_places(0),
            commission_asset: None,
            transact_time: time(1_499_405_658_657),
            trade_id: NO_TRADE,
            prevented_match_id: None,
            execution_id: 8_641_984,
            is_working: true,
            is_maker: false,
            is_best_match: false,
            placed_time: time(1_499_405_658_657),
            cummulative_quote_qty: Decimal::ZERO,
            last_quote_qty: Decimal::ZERO,
            orig_quote_order_qty: Decimal::ZERO,
            strategy_id: None,
            strategy_type: None,
            working_time: Some(time(1_499_405_658_657)),
            self_trade_prevention_mode: StpMode::None.into(),
            prevented_qty: None,
            last_prevented_qty: None,
            trade_group_id: None,
            counter_order_id: None,
            counter_symbol: None,
            prevented_execution_qty: None,
            prevented_execution_price: None,
            prevented_execution_quote_qty: None,
            expiry_reason: None,
        }
    }

    const PLACED: &str = concat!(
        r#"{"e":"executionReport","E":1499405658658,"s":"ETHBTC","c":"mUvoqJxFIILMdfAW5iGSOW","S":"BUY","o":"LIMIT","#,
        r#""f":"GTC","q":"1.00000000","p":"0.10264410","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"NEW","#,
        r#""X":"NEW","r":"NONE","i":4293153,"l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null,"#,
        r#""T":1499405658657,"t":-1,"I":8641984,"w":true,"m":false,"M":false,"O":1499405658657,"Z":"0.00000000","#,
        r#""Y":"0.00000000","Q":"0.00000000","W":1499405658657,"V":"NONE"}"#,
    );

    /// The documented report with some of its text replaced.
    #[track_caller]
    fn check_report(report: ExecutionReport, replaced: &[(&str, &str)]) {
        let mut json = PLACED.to_owned();
        for (from, to) in replaced {
            assert_eq!(json.matches(from).count(), 1, "{from}");
            json = json.replace(from, to);
        }
        check(UserDataEvent::ExecutionReport(Box::new(report)), &json);
    }

    #[test]
    fn a_new_order_is_reported_as_documented() {
        check_report(placed(), &[]);
    }

    #[test]
    fn a_cancel_swaps_the_client_ids() {
        check_report(
            ExecutionReport {
                client_order_id: text("cancel1"),
                orig_client_order_id: Some(text("mUvoqJxFIILMdfAW5iGSOW")),
                execution_type: ExecutionType::Canceled.into(),
                status: OrderStatus::Canceled.into(),
                is_working: false,
                ..placed()
            },
            &[
                (r#""c":"mUvoqJxFIILMdfAW5iGSOW""#, r#""c":"cancel1""#),
                (r#""C":"""#, r#""C":"mUvoqJxFIILMdfAW5iGSOW""#),
                (r#""x":"NEW","X":"NEW""#, r#""x":"CANCELED","X":"CANCELED""#),
                (r#""w":true"#, r#""w":false"#),
            ],
        );
    }

    #[test]
    fn a_trade_says_what_it_filled_and_cost() {
        check_report(
            ExecutionReport {
                execution_type: ExecutionType::Trade.into(),
                status: OrderStatus::PartiallyFilled.into(),
                last_qty: Decimal::new(5, 1),
                executed_qty: Decimal::new(75, 2),
                last_price: Decimal::new(1, 1),
                commission: Decimal::new(5, 4),
                commission_asset: Some(text("ETH")),
                trade_id: 7,
                is_maker: true,
                is_best_match: true,
                cummulative_quote_qty: Decimal::new(75, 3),
                last_quote_qty: Decimal::new(5, 2),
                ..placed()
            },
            &[
                (r#""x":"NEW","X":"NEW""#, r#""x":"TRADE","X":"PARTIALLY_FILLED""#),
                (
                    r#""l":"0.00000000","z":"0.00000000","L":"0.00000000","n":"0","N":null"#,
                    r#""l":"0.50000000","z":"0.75000000","L":"0.10000000","n":"0.00050000","N":"ETH""#,
                ),
                (r#""t":-1"#, r#""t":7"#),
                (r#""m":false,"M":false"#, r#""m":true,"M":true"#),
                (r#""Z":"0.00000000","Y":"0.00000000""#, r#""Z":"0.07500000","Y":"0.05000000""#),
            ],
        );
    }

    #[test]
    fn an_expired_order_says_why() {
        for (reason, name) in [
            (ExpiryReason::UnfilledIoc, "UNFILLED_IOC_QUANTITY_EXPIRED"),
            (ExpiryReason::UnfilledFok, "UNFILLED_FOK_ORDER_EXPIRED"),
            (ExpiryReason::InsufficientLiquidity, "INSUFFICIENT_LIQUIDITY"),
            (ExpiryReason::FillsExhausted, "EXCHANGE_CANCELED"),
        ] {
            check_report(
                ExecutionReport {
                    execution_type: ExecutionType::Expired.into(),
                    status: OrderStatus::Expired.into(),
                    is_working: false,
                    expiry_reason: Some(reason.into()),
                    ..placed()
                },
                &[
                    (r#""x":"NEW","X":"NEW""#, r#""x":"EXPIRED","X":"EXPIRED""#),
                    (r#""w":true"#, r#""w":false"#),
                    (r#""V":"NONE"}"#, &format!(r#""V":"NONE","eR":"{name}"}}"#)),
                ],
            );
        }
    }

    #[test]
    fn labels_and_the_working_time_are_there_when_they_exist() {
        let strategy = ExecutionReport { strategy_id: Some(1), strategy_type: Some(1_000_000), ..placed() };
        check_report(strategy, &[(r#""W":"#, r#""j":1,"J":1000000,"W":"#)]);
        let waiting = ExecutionReport { working_time: None, ..placed() };
        check_report(waiting, &[(r#""W":1499405658657,"#, "")]);
    }

    #[test]
    fn a_prevented_self_trade_says_what_was_lost_and_what_would_have_been() {
        check_report(
            ExecutionReport {
                execution_type: ExecutionType::TradePrevention.into(),
                status: OrderStatus::ExpiredInMatch.into(),
                prevented_match_id: Some(3),
                is_working: false,
                self_trade_prevention_mode: StpMode::ExpireTaker.into(),
                prevented_qty: Some(Decimal::new(3, 0)),
                last_prevented_qty: Some(Decimal::new(2, 0)),
                trade_group_id: Some(1),
                counter_order_id: Some(37),
                counter_symbol: Some(text("BTCUSDT")),
                prevented_execution_qty: Some(Decimal::new(2_123_456, 6)),
                prevented_execution_price: Some(Decimal::new(10_000_001, 8)),
                prevented_execution_quote_qty: Some(Decimal::new(21_234_562, 8)),
                ..placed()
            },
            &[
                (r#""x":"NEW","X":"NEW""#, r#""x":"TRADE_PREVENTION","X":"EXPIRED_IN_MATCH""#),
                (r#""t":-1,"#, r#""t":-1,"v":3,"#),
                (r#""w":true"#, r#""w":false"#),
                (
                    r#""V":"NONE"}"#,
                    concat!(
                        r#""V":"EXPIRE_TAKER","A":"3.00000000","B":"2.00000000","u":1,"U":37,"Cs":"BTCUSDT","#,
                        r#""pl":"2.12345600","pL":"0.10000001","pY":"0.21234562"}"#,
                    ),
                ),
            ],
        );
    }

    #[test]
    fn balances_as_they_are_and_by_how_much_they_changed() {
        let balance = PositionBalance { asset: text("ETH"), free: Decimal::new(10_000, 0), locked: Decimal::new(5, 1) };
        check(
            UserDataEvent::OutboundAccountPosition(AccountPosition {
                event_time: time(1_564_034_571_105),
                update_time: time(1_564_034_571_073),
                balances: vec![balance, PositionBalance { asset: text("BTC"), ..balance }],
            }),
            concat!(
                r#"{"e":"outboundAccountPosition","E":1564034571105,"u":1564034571073,"B":["#,
                r#"{"a":"ETH","f":"10000.00000000","l":"0.50000000"},"#,
                r#"{"a":"BTC","f":"10000.00000000","l":"0.50000000"}]}"#,
            ),
        );
        check(
            UserDataEvent::BalanceUpdate(BalanceUpdate {
                event_time: time(1_573_200_697_110),
                asset: text("BTC"),
                delta: Decimal::new(-100, 0),
                clear_time: time(1_573_200_697_068),
            }),
            r#"{"e":"balanceUpdate","E":1573200697110,"a":"BTC","d":"-100.00000000","T":1573200697068}"#,
        );
    }

    #[test]
    fn the_end_of_a_subscription() {
        check(
            UserDataEvent::EventStreamTerminated(EventStreamTerminated { event_time: time(1_728_973_001_334) }),
            r#"{"e":"eventStreamTerminated","E":1728973001334}"#,
        );
    }
}
