//! Small venues to test on.

use emporion_model::symbol::{FeeRates, LotFilter, Multiplier, NotionalFilter, PercentPriceFilter, PriceFilter};
use emporion_model::{
    Amount, Asset, AssetId, ClientOrderId, Genesis, Mode, Options, OrderCountLimits, OrderType, Price, Quantity, Rate,
    StpMode, SymbolId, SymbolRules, SymbolSpec, SymbolStatus,
};

pub(crate) const BTC: AssetId = AssetId(0);
pub(crate) const USDT: AssetId = AssetId(1);
pub(crate) const BTCUSDT: SymbolId = SymbolId(0);

pub(crate) fn asset(code: &str, ledger_scale: u8, display_scale: u8) -> Asset {
    Asset { code: code.parse().expect("legal"), ledger_scale, display_scale, supply_cap: Amount(1 << 90) }
}

/// A symbol on the first two assets that lets nearly everything through.
pub(crate) fn symbol(name: &str, price_scale: u8, quantity_scale: u8) -> SymbolSpec {
    SymbolSpec {
        name: name.parse().expect("legal"),
        base: BTC,
        quote: USDT,
        price_scale,
        quantity_scale,
        rules: rules(),
        status: SymbolStatus::Trading,
    }
}

pub(crate) fn rules() -> SymbolRules {
    let lot = LotFilter { min: Quantity(1), max: Quantity(1_000_000_000), step: Quantity(1) };
    SymbolRules {
        price: PriceFilter { min: Price(1), max: Price(1_000_000_000), tick: Price(1) },
        lot,
        market_lot: LotFilter { min: Quantity(0), step: Quantity(0), ..lot },
        notional: no_notional(),
        percent_price: None,
        orders_max: 200,
        position_max: None,
        order_types: OrderType::ALL.to_vec(),
        quote_quantity_market: true,
        stp_default: StpMode::ExpireMaker,
        stp_allowed: StpMode::ALL.to_vec(),
        fees: vec![
            FeeRates { maker: Rate(100_000), taker: Rate(150_000) },
            FeeRates { maker: Rate(0), taker: Rate(333_333) },
        ],
    }
}

pub(crate) fn no_notional() -> NotionalFilter {
    NotionalFilter { min: Amount(0), min_to_market: false, max: None, max_to_market: false, average_minutes: 5 }
}

/// Limit prices within these hundredths of the average.
pub(crate) fn near_the_average(average_minutes: u8, down: u32, up: u32) -> PercentPriceFilter {
    let (up, down) = (Multiplier(100 * up), Multiplier(100 * down));
    PercentPriceFilter { bid_up: up, bid_down: down, ask_up: up, ask_down: down, average_minutes }
}

/// Options without order-count limits.
pub(crate) fn options() -> Options {
    Options { order_counts: OrderCountLimits::default(), ..Options::default() }
}

pub(crate) fn genesis(assets: Vec<Asset>, symbols: Vec<SymbolSpec>) -> Genesis {
    Genesis { rules_version: 1, mode: Mode::Sandbox, assets, symbols, options: options() }
}

/// BTC and USDT with eight decimals each, and BTCUSDT with prices in 0.01 and quantities in 0.0001.
pub(crate) fn plain() -> Genesis {
    genesis(vec![asset("BTC", 8, 8), asset("USDT", 8, 8)], vec![symbol("BTCUSDT", 2, 4)])
}

pub(crate) fn client_id(text: &str) -> ClientOrderId {
    text.parse().expect("legal")
}
