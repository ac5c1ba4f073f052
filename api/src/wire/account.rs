//! One account: balances, trades, commissions.

use super::{Decimal, Text};
use crate::Time;
use emporion_model::{AssetCode, SymbolName};
use serde::{Deserialize, Serialize};

/// `GET account`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// In basis points, as `commission_rates` say exactly.
    pub maker_commission: u32,
    /// In basis points.
    pub taker_commission: u32,
    /// In basis points.
    pub buyer_commission: u32,
    /// In basis points.
    pub seller_commission: u32,
    /// The exact rates.
    pub commission_rates: CommissionRates,
    /// Whether it may trade.
    pub can_trade: bool,
    /// Whether it may withdraw.
    pub can_withdraw: bool,
    /// Whether it may deposit.
    pub can_deposit: bool,
    /// Always false here.
    pub brokered: bool,
    /// Whether its orders must name a self-trade prevention.
    pub require_self_trade_prevention: bool,
    /// Always false here.
    pub prevent_sor: bool,
    /// When a balance last changed.
    pub update_time: Time,
    /// Always `SPOT`.
    pub account_type: String,
    /// What it holds.
    pub balances: Vec<Balance>,
    /// `SPOT`.
    pub permissions: Vec<String>,
    /// The account's id.
    pub uid: u64,
}

/// What an account holds of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// The asset.
    pub asset: Text<AssetCode>,
    /// At its disposal.
    pub free: Decimal,
    /// Held for orders.
    pub locked: Decimal,
}

/// Commission as shares of what is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommissionRates {
    /// For a maker.
    pub maker: Decimal,
    /// For a taker.
    pub taker: Decimal,
    /// On top for a buyer.
    pub buyer: Decimal,
    /// On top for a seller.
    pub seller: Decimal,
}

/// The discount for paying commission in another asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommissionDiscount {
    /// Whether the account takes it.
    pub enabled_for_account: bool,
    /// Whether the symbol gives it.
    pub enabled_for_symbol: bool,
    /// The asset to pay in; null without one.
    pub discount_asset: Option<Text<AssetCode>>,
    /// By how much.
    pub discount: Decimal,
}

/// `GET account/commission`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Commission {
    /// The symbol.
    pub symbol: Text<SymbolName>,
    /// The usual commission.
    pub standard_commission: CommissionRates,
    /// On top for some symbols.
    pub special_commission: CommissionRates,
    /// On top where a tax is due.
    pub tax_commission: CommissionRates,
    /// The discount on the usual commission.
    pub discount: CommissionDiscount,
}

/// What one order would pay as maker or taker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRates {
    /// As maker.
    pub maker: Decimal,
    /// As taker.
    pub taker: Decimal,
}

/// `POST order/test` with `computeCommissionRates=true`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderCommission {
    /// The usual commission.
    pub standard_commission_for_order: OrderRates,
    /// On top for some symbols.
    pub special_commission_for_order: OrderRates,
    /// On top where a tax is due.
    pub tax_commission_for_order: OrderRates,
    /// The discount on the usual commission.
    pub discount: CommissionDiscount,
}

/// `GET myTrades`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MyTrade {
    /// The symbol.
    pub symbol: Text<SymbolName>,
    /// The trade's id.
    pub id: u64,
    /// The account's order.
    pub order_id: u64,
    /// [`super::NO_ORDER_LIST`].
    pub order_list_id: i64,
    /// The price.
    pub price: Decimal,
    /// The base quantity.
    pub qty: Decimal,
    /// Price × quantity.
    pub quote_qty: Decimal,
    /// What the account paid.
    pub commission: Decimal,
    /// In which asset.
    pub commission_asset: Text<AssetCode>,
    /// When.
    pub time: Time,
    /// Whether the account bought.
    pub is_buyer: bool,
    /// Whether its order was the maker.
    pub is_maker: bool,
    /// Always true.
    pub is_best_match: bool,
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;
    use crate::TimeUnit;
    use emporion_model::{Rate, TimeUs};

    fn rates(maker: u32, taker: u32) -> CommissionRates {
        let zero = Decimal::rate(Rate(0));
        CommissionRates {
            maker: Decimal::rate(Rate(maker)),
            taker: Decimal::rate(Rate(taker)),
            buyer: zero,
            seller: zero,
        }
    }

    const DISCOUNT: CommissionDiscount = CommissionDiscount {
        enabled_for_account: false,
        enabled_for_symbol: false,
        discount_asset: None,
        discount: Decimal::ZERO,
    };

    #[test]
    fn an_account_has_all_keys_in_order() {
        let balance = Balance {
            asset: Text("BTC".parse().expect("legal")),
            free: Decimal::new(472_384_689_208_129, 8),
            locked: Decimal::ZERO,
        };
        check(
            Account {
                maker_commission: 15,
                taker_commission: 15,
                buyer_commission: 0,
                seller_commission: 0,
                commission_rates: rates(150_000, 150_000),
                can_trade: true,
                can_withdraw: true,
                can_deposit: true,
                brokered: false,
                require_self_trade_prevention: false,
                prevent_sor: false,
                update_time: TimeUnit::Millisecond.of(TimeUs(123_456_789_000)),
                account_type: "SPOT".to_owned(),
                balances: vec![balance],
                permissions: vec!["SPOT".to_owned()],
                uid: 354_937_868,
            },
            concat!(
                r#"{"makerCommission":15,"takerCommission":15,"buyerCommission":0,"sellerCommission":0,"#,
                r#""commissionRates":{"maker":"0.00150000","taker":"0.00150000","buyer":"0.00000000","seller":"0.00000000"},"#,
                r#""canTrade":true,"canWithdraw":true,"canDeposit":true,"brokered":false,"#,
                r#""requireSelfTradePrevention":false,"preventSor":false,"updateTime":123456789,"accountType":"SPOT","#,
                r#""balances":[{"asset":"BTC","free":"4723846.89208129","locked":"0.00000000"}],"#,
                r#""permissions":["SPOT"],"uid":354937868}"#,
            ),
        );
    }

    #[test]
    fn commissions() {
        let rates_json = |maker: &str, taker: &str| {
            format!(r#"{{"maker":"{maker}","taker":"{taker}","buyer":"0.00000000","seller":"0.00000000"}}"#)
        };
        let discount = r#""discount":{"enabledForAccount":false,"enabledForSymbol":false,"discountAsset":null,"discount":"0.00000000"}}"#;
        let none = rates_json("0.00000000", "0.00000000");
        check(
            Commission {
                symbol: Text("BTCUSDT".parse().expect("legal")),
                standard_commission: rates(10, 20),
                special_commission: rates(0, 0),
                tax_commission: rates(0, 0),
                discount: DISCOUNT,
            },
            &format!(
                r#"{{"symbol":"BTCUSDT","standardCommission":{},"specialCommission":{none},"taxCommission":{none},{discount}"#,
                rates_json("0.00000010", "0.00000020"),
            ),
        );
        let order = |maker, taker| OrderRates { maker: Decimal::rate(Rate(maker)), taker: Decimal::rate(Rate(taker)) };
        let none = r#"{"maker":"0.00000000","taker":"0.00000000"}"#;
        check(
            OrderCommission {
                standard_commission_for_order: order(112, 114),
                special_commission_for_order: order(0, 0),
                tax_commission_for_order: order(0, 0),
                discount: DISCOUNT,
            },
            &format!(
                r#"{{"standardCommissionForOrder":{{"maker":"0.00000112","taker":"0.00000114"}},"specialCommissionForOrder":{none},"taxCommissionForOrder":{none},{discount}"#
            ),
        );
    }

    #[test]
    fn a_trade_of_ones_own() {
        check(
            MyTrade {
                symbol: Text("BNBBTC".parse().expect("legal")),
                id: 28_457,
                order_id: 100_234,
                order_list_id: -1,
                price: Decimal::new(4_000_001, 6),
                qty: Decimal::new(12, 0),
                quote_qty: Decimal::new(48_000_012, 6),
                commission: Decimal::new(101, 1),
                commission_asset: Text("BNB".parse().expect("legal")),
                time: TimeUnit::Millisecond.of(TimeUs(1_499_865_549_590_000)),
                is_buyer: true,
                is_maker: false,
                is_best_match: true,
            },
            concat!(
                r#"{"symbol":"BNBBTC","id":28457,"orderId":100234,"orderListId":-1,"price":"4.00000100","#,
                r#""qty":"12.00000000","quoteQty":"48.00001200","commission":"10.10000000","commissionAsset":"BNB","#,
                r#""time":1499865549590,"isBuyer":true,"isMaker":false,"isBestMatch":true}"#,
            ),
        );
    }
}
