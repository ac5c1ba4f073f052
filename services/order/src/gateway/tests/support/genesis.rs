//! What the tests trade: `BTCUSDT`, which takes everything there is, and `ETHUSDT`, which takes limit orders
//! only and prevents no self-trades.

use crate::gateway::ListedSymbol;
use emporion_model::asset::SUPPLY_CAP_MAX;
use emporion_model::symbol::{FeeRates, LotFilter, NotionalFilter, PriceFilter};
use emporion_model::{
    AccountId, AccountKind, Action, Amount, Asset, AssetId, Genesis, Mode, Options, OrderCountLimits, OrderType, Price,
    Quantity, Rate, StpMode, Symbol, SymbolId, SymbolRules, SymbolSpec, SymbolStatus, Transfer, TransferReason,
};

pub(super) fn genesis() -> Genesis {
    let options = Options {
        order_counts: OrderCountLimits { per_ten_seconds: Some(20), per_day: Some(1_000) },
        ..Options::default()
    };
    Genesis { rules_version: 1, mode: Mode::Sandbox, assets: assets(), symbols: vec![btcusdt(), ethusdt()], options }
}

/// Commands that open the accounts of Alice and Bob and give each 10 BTC, 10 ETH and 100,000 USDT.
pub(super) fn accounts() -> Vec<Action> {
    let account = |n| AccountId(AccountId::FIRST_USER.0 + n);
    let mut actions = vec![Action::CreateAccount(AccountKind::User), Action::CreateAccount(AccountKind::User)];
    for to in [account(0), account(1)] {
        for (place, (asset, units)) in assets().into_iter().zip([10, 10, 100_000]).enumerate() {
            let amount = Amount(units * 10i128.pow(u32::from(asset.ledger_scale)));
            actions.push(Action::Transfer(Transfer {
                reason: TransferReason::Deposit,
                from: AccountId::EXTERNAL,
                to,
                asset: AssetId(place as u16),
                amount,
                reference: "".parse().unwrap(),
            }));
        }
    }
    actions
}

/// `BTCUSDT` as the gateway lists it.
pub(crate) fn listed_symbol() -> ListedSymbol {
    let [btc, _, usdt] = <[Asset; 3]>::try_from(assets()).unwrap();
    ListedSymbol::new(Symbol { id: SymbolId(0), spec: btcusdt() }, btc, usdt)
}

fn assets() -> Vec<Asset> {
    let asset = |code: &str, ledger_scale| Asset {
        code: code.parse().unwrap(),
        ledger_scale,
        display_scale: 8,
        supply_cap: Amount(SUPPLY_CAP_MAX),
    };
    vec![asset("BTC", 12), asset("ETH", 8), asset("USDT", 8)]
}

fn btcusdt() -> SymbolSpec {
    SymbolSpec {
        name: "BTCUSDT".parse().unwrap(),
        base: AssetId(0),
        quote: AssetId(2),
        price_scale: 2,
        quantity_scale: 5,
        rules: rules(),
        status: SymbolStatus::Trading,
    }
}

fn ethusdt() -> SymbolSpec {
    SymbolSpec {
        name: "ETHUSDT".parse().unwrap(),
        base: AssetId(1),
        quantity_scale: 4,
        rules: SymbolRules {
            lot: LotFilter { min: Quantity(1), max: Quantity(90_000_000), step: Quantity(1) },
            order_types: vec![OrderType::Limit],
            quote_quantity_market: false,
            stp_allowed: vec![StpMode::None],
            fees: vec![rates(50_000, 75_000)],
            ..rules()
        },
        ..btcusdt()
    }
}

fn rules() -> SymbolRules {
    SymbolRules {
        price: PriceFilter { min: Price(1), max: Price(100_000_000), tick: Price(1) },
        lot: LotFilter { min: Quantity(1), max: Quantity(900_000_000), step: Quantity(1) },
        market_lot: LotFilter { min: Quantity(0), max: Quantity(10_000_000), step: Quantity(0) },
        notional: NotionalFilter {
            min: Amount(5_00000000),
            min_to_market: true,
            max: None,
            max_to_market: false,
            average_minutes: 5,
        },
        percent_price: None,
        orders_max: 8,
        position_max: None,
        order_types: vec![OrderType::Limit, OrderType::LimitMaker, OrderType::Market],
        quote_quantity_market: true,
        stp_default: StpMode::None,
        stp_allowed: vec![
            StpMode::None,
            StpMode::ExpireMaker,
            StpMode::ExpireTaker,
            StpMode::ExpireBoth,
            StpMode::Decrement,
        ],
        fees: vec![rates(100_000, 200_000), rates(0, 50_000)],
    }
}

fn rates(maker: u32, taker: u32) -> FeeRates {
    FeeRates { maker: Rate(maker), taker: Rate(taker) }
}
