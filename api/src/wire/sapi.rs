//! The few `/sapi/v1` answers that clients ask for by default. `margin/allPairs` and
//! `margin/isolated/allPairs` are empty arrays.

use super::{Decimal, Text};
use emporion_model::{AssetCode, SymbolName};
use serde::{Deserialize, Serialize};

/// `GET system/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemStatus {
    /// 0 is normal, 1 is maintenance.
    pub status: u8,
    /// `normal` or `system_maintenance`.
    pub msg: String,
}

/// `GET account/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountStatus {
    /// `Normal` or `Locked`.
    pub data: String,
}

/// `GET asset/tradeFee`: one symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TradeFee {
    /// The symbol.
    pub symbol: Text<SymbolName>,
    /// The maker's rate.
    pub maker_commission: Decimal,
    /// The taker's rate.
    pub taker_commission: Decimal,
}

/// `GET capital/config/getall`: one asset with the caller's balance. It has no networks: nothing is moved
/// on any chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CoinInfo {
    /// The asset.
    pub coin: Text<AssetCode>,
    /// Whether all its networks take deposits.
    pub deposit_all_enable: bool,
    /// At the caller's disposal.
    pub free: Decimal,
    /// Always zero.
    pub freeze: Decimal,
    /// Always zero.
    pub ipoable: Decimal,
    /// Always zero.
    pub ipoing: Decimal,
    /// Whether the asset is issued by a state.
    pub is_legal_money: bool,
    /// Held for orders.
    pub locked: Decimal,
    /// A name to show; the code here.
    pub name: Text<AssetCode>,
    /// The chains it moves on; none.
    pub network_list: Vec<String>,
    /// Always zero.
    pub storage: Decimal,
    /// Whether it is traded.
    pub trading: bool,
    /// Whether all its networks take withdrawals.
    pub withdraw_all_enable: bool,
    /// Always zero.
    pub withdrawing: Decimal,
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;
    use emporion_model::Rate;

    #[test]
    fn stubs_have_the_keys_that_clients_read() {
        check(SystemStatus { status: 0, msg: "normal".to_owned() }, r#"{"status":0,"msg":"normal"}"#);
        check(AccountStatus { data: "Normal".to_owned() }, r#"{"data":"Normal"}"#);
        check(
            TradeFee {
                symbol: Text("BTCUSDT".parse().expect("legal")),
                maker_commission: Decimal::rate(Rate(100_000)),
                taker_commission: Decimal::rate(Rate(100_000)),
            },
            r#"{"symbol":"BTCUSDT","makerCommission":"0.00100000","takerCommission":"0.00100000"}"#,
        );
        let code = Text("BTC".parse().expect("legal"));
        check(
            CoinInfo {
                coin: code,
                deposit_all_enable: false,
                free: Decimal::new(1, 0),
                freeze: Decimal::ZERO,
                ipoable: Decimal::ZERO,
                ipoing: Decimal::ZERO,
                is_legal_money: false,
                locked: Decimal::ZERO,
                name: code,
                network_list: Vec::new(),
                storage: Decimal::ZERO,
                trading: true,
                withdraw_all_enable: false,
                withdrawing: Decimal::ZERO,
            },
            concat!(
                r#"{"coin":"BTC","depositAllEnable":false,"free":"1.00000000","freeze":"0.00000000","#,
                r#""ipoable":"0.00000000","ipoing":"0.00000000","isLegalMoney":false,"locked":"0.00000000","#,
                r#""name":"BTC","networkList":[],"storage":"0.00000000","trading":true,"withdrawAllEnable":false,"#,
                r#""withdrawing":"0.00000000"}"#,
            ),
        );
    }
}
