//! Answers about the venue itself.

use super::{Decimal, Text};
use crate::Time;
use crate::names::{LimitInterval, Name, OrderType, RateLimitType};
use emporion_model::{AssetCode, StpMode, SymbolName, SymbolStatus};
use serde::{Deserialize, Serialize};

/// `{}`: `GET ping` and `POST order/test`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

/// `GET time`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerTime {
    /// The server's clock.
    pub server_time: Time,
}

/// One of the venue's limits, in `exchangeInfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// What is counted.
    pub rate_limit_type: Name<RateLimitType>,
    /// The window's unit.
    pub interval: Name<LimitInterval>,
    /// How many units the window has.
    pub interval_num: u32,
    /// The most in one window.
    pub limit: u32,
}

/// A limit with what is used of it: `GET rateLimit/order`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderCount {
    /// What is counted.
    pub rate_limit_type: Name<RateLimitType>,
    /// The window's unit.
    pub interval: Name<LimitInterval>,
    /// How many units the window has.
    pub interval_num: u32,
    /// The most in one window.
    pub limit: u32,
    /// How many there are in this window.
    pub count: u32,
}

/// `GET exchangeInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeInfo {
    /// Always `UTC`.
    pub timezone: String,
    /// The server's clock.
    pub server_time: Time,
    /// The limits in force.
    pub rate_limits: Vec<RateLimit>,
    /// Filters over all symbols; none so far.
    pub exchange_filters: Vec<Filter>,
    /// The symbols asked for.
    pub symbols: Vec<SymbolInfo>,
}

/// A symbol in `exchangeInfo`: 26 keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SymbolInfo {
    /// The symbol.
    pub symbol: Text<SymbolName>,
    /// What it lets through now.
    pub status: Name<SymbolStatus>,
    /// What is traded.
    pub base_asset: Text<AssetCode>,
    /// Decimals of the base asset.
    pub base_asset_precision: u8,
    /// What it is priced in.
    pub quote_asset: Text<AssetCode>,
    /// As `quote_asset_precision`; an older name that clients still read.
    pub quote_precision: u8,
    /// Decimals of the quote asset.
    pub quote_asset_precision: u8,
    /// Decimals of a commission in the base asset.
    pub base_commission_precision: u8,
    /// Decimals of a commission in the quote asset.
    pub quote_commission_precision: u8,
    /// What kinds of orders it takes.
    pub order_types: Vec<Name<OrderType>>,
    /// Whether orders may show a part of their quantity only.
    pub iceberg_allowed: bool,
    /// Whether it takes one-cancels-the-other lists.
    pub oco_allowed: bool,
    /// Whether it takes one-triggers-the-other lists.
    pub oto_allowed: bool,
    /// Whether it takes one-pays-the-other lists.
    pub opo_allowed: bool,
    /// Whether market orders may be sized in quote.
    pub quote_order_qty_market_allowed: bool,
    /// Whether stops may trail.
    pub allow_trailing_stop: bool,
    /// Whether an order may be canceled and replaced in one call.
    pub cancel_replace_allowed: bool,
    /// Whether an order may be shrunk in place.
    pub amend_allowed: bool,
    /// Whether prices may be pegged to the book.
    pub peg_instructions_allowed: bool,
    /// Always true here.
    pub is_spot_trading_allowed: bool,
    /// Always false here.
    pub is_margin_trading_allowed: bool,
    /// Its rules.
    pub filters: Vec<Filter>,
    /// Always empty; the truth is in `permission_sets`.
    pub permissions: Vec<String>,
    /// All of these sets must share a permission with the account.
    pub permission_sets: Vec<Vec<String>>,
    /// Self-trade prevention of an order that names none.
    pub default_self_trade_prevention_mode: Name<StpMode>,
    /// What an order may name.
    pub allowed_self_trade_prevention_modes: Vec<Name<StpMode>>,
}

/// One of a symbol's rules, in `exchangeInfo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "filterType", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
pub enum Filter {
    /// Bounds and step of a price; a zero switches that part off.
    PriceFilter {
        /// Least price.
        min_price: Decimal,
        /// Greatest price.
        max_price: Decimal,
        /// Step.
        tick_size: Decimal,
    },
    /// Bounds and step of a quantity.
    LotSize {
        /// Least quantity.
        min_qty: Decimal,
        /// Greatest quantity.
        max_qty: Decimal,
        /// Step.
        step_size: Decimal,
    },
    /// Bounds and step of a market order's quantity.
    MarketLotSize {
        /// Least quantity.
        min_qty: Decimal,
        /// Greatest quantity.
        max_qty: Decimal,
        /// Step.
        step_size: Decimal,
    },
    /// Least price × quantity.
    MinNotional {
        /// The least.
        min_notional: Decimal,
        /// Whether it binds market orders.
        apply_to_market: bool,
        /// Minutes of the average price for market orders.
        avg_price_mins: u8,
    },
    /// Least and greatest price × quantity.
    Notional {
        /// The least.
        min_notional: Decimal,
        /// Whether it binds market orders.
        apply_min_to_market: bool,
        /// The greatest.
        max_notional: Decimal,
        /// Whether it binds market orders.
        apply_max_to_market: bool,
        /// Minutes of the average price for market orders.
        avg_price_mins: u8,
    },
    /// A limit price's distance from the average price.
    PercentPriceBySide {
        /// Greatest multiple for a buy.
        bid_multiplier_up: Decimal,
        /// Least multiple for a buy.
        bid_multiplier_down: Decimal,
        /// Greatest multiple for a sell.
        ask_multiplier_up: Decimal,
        /// Least multiple for a sell.
        ask_multiplier_down: Decimal,
        /// Minutes of the average price.
        avg_price_mins: u8,
    },
    /// Open orders of one account on the symbol.
    MaxNumOrders {
        /// The most.
        max_num_orders: u32,
    },
    /// Base that one account may hold or have on order.
    MaxPosition {
        /// The most.
        max_position: Decimal,
    },
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;
    use crate::TimeUnit;
    use emporion_model::TimeUs;

    #[test]
    fn small_answers() {
        check(Empty {}, "{}");
        let server_time = TimeUnit::Millisecond.of(TimeUs(1_499_827_319_559_000));
        check(ServerTime { server_time }, r#"{"serverTime":1499827319559}"#);
        let weight = RateLimit {
            rate_limit_type: RateLimitType::RequestWeight.into(),
            interval: LimitInterval::Minute.into(),
            interval_num: 1,
            limit: 6_000,
        };
        check(weight, r#"{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000}"#);
        let orders = OrderCount {
            rate_limit_type: RateLimitType::Orders.into(),
            interval: LimitInterval::Second.into(),
            interval_num: 10,
            limit: 50,
            count: 3,
        };
        check(orders, r#"{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":50,"count":3}"#);
    }

    #[test]
    fn filters() {
        let one = Decimal::new(1, 0);
        check(
            Filter::PriceFilter { min_price: one, max_price: one, tick_size: one },
            r#"{"filterType":"PRICE_FILTER","minPrice":"1.00000000","maxPrice":"1.00000000","tickSize":"1.00000000"}"#,
        );
        check(
            Filter::LotSize { min_qty: one, max_qty: one, step_size: one },
            r#"{"filterType":"LOT_SIZE","minQty":"1.00000000","maxQty":"1.00000000","stepSize":"1.00000000"}"#,
        );
        check(
            Filter::MarketLotSize { min_qty: Decimal::ZERO, max_qty: one, step_size: Decimal::ZERO },
            r#"{"filterType":"MARKET_LOT_SIZE","minQty":"0.00000000","maxQty":"1.00000000","stepSize":"0.00000000"}"#,
        );
        check(
            Filter::MinNotional { min_notional: one, apply_to_market: true, avg_price_mins: 5 },
            r#"{"filterType":"MIN_NOTIONAL","minNotional":"1.00000000","applyToMarket":true,"avgPriceMins":5}"#,
        );
        check(
            Filter::Notional {
                min_notional: one,
                apply_min_to_market: false,
                max_notional: one,
                apply_max_to_market: false,
                avg_price_mins: 5,
            },
            r#"{"filterType":"NOTIONAL","minNotional":"1.00000000","applyMinToMarket":false,"maxNotional":"1.00000000","applyMaxToMarket":false,"avgPriceMins":5}"#,
        );
        let five = one.with_places(4);
        check(
            Filter::PercentPriceBySide {
                bid_multiplier_up: five,
                bid_multiplier_down: five,
                ask_multiplier_up: five,
                ask_multiplier_down: five,
                avg_price_mins: 1,
            },
            r#"{"filterType":"PERCENT_PRICE_BY_SIDE","bidMultiplierUp":"1.0000","bidMultiplierDown":"1.0000","askMultiplierUp":"1.0000","askMultiplierDown":"1.0000","avgPriceMins":1}"#,
        );
        check(Filter::MaxNumOrders { max_num_orders: 200 }, r#"{"filterType":"MAX_NUM_ORDERS","maxNumOrders":200}"#);
        check(Filter::MaxPosition { max_position: one }, r#"{"filterType":"MAX_POSITION","maxPosition":"1.00000000"}"#);
    }

    #[test]
    fn exchange_info_has_all_keys_in_order() {
        let symbol = SymbolInfo {
            symbol: Text("ETHBTC".parse().expect("legal")),
            status: SymbolStatus::Trading.into(),
            base_asset: Text("ETH".parse().expect("legal")),
            base_asset_precision: 8,
            quote_asset: Text("BTC".parse().expect("legal")),
            quote_precision: 8,
            quote_asset_precision: 8,
            base_commission_precision: 8,
            quote_commission_precision: 8,
            order_types: vec![OrderType::Limit.into(), OrderType::LimitMaker.into(), OrderType::Market.into()],
            iceberg_allowed: false,
            oco_allowed: false,
            oto_allowed: false,
            opo_allowed: false,
            quote_order_qty_market_allowed: true,
            allow_trailing_stop: false,
            cancel_replace_allowed: false,
            amend_allowed: false,
            peg_instructions_allowed: false,
            is_spot_trading_allowed: true,
            is_margin_trading_allowed: false,
            filters: Vec::new(),
            permissions: Vec::new(),
            permission_sets: vec![vec!["SPOT".to_owned()]],
            default_self_trade_prevention_mode: StpMode::None.into(),
            allowed_self_trade_prevention_modes: vec![StpMode::None.into()],
        };
        let info = ExchangeInfo {
            timezone: "UTC".to_owned(),
            server_time: TimeUnit::Millisecond.of(TimeUs(1_565_246_363_776_000)),
            rate_limits: Vec::new(),
            exchange_filters: Vec::new(),
            symbols: vec![symbol],
        };
        check(
            info,
            concat!(
                r#"{"timezone":"UTC","serverTime":1565246363776,"rateLimits":[],"exchangeFilters":[],"symbols":[{"#,
                r#""symbol":"ETHBTC","status":"TRADING","baseAsset":"ETH","baseAssetPrecision":8,"quoteAsset":"BTC","#,
                r#""quotePrecision":8,"quoteAssetPrecision":8,"baseCommissionPrecision":8,"quoteCommissionPrecision":8,"#,
                r#""orderTypes":["LIMIT","LIMIT_MAKER","MARKET"],"icebergAllowed":false,"ocoAllowed":false,"#,
                r#""otoAllowed":false,"opoAllowed":false,"quoteOrderQtyMarketAllowed":true,"allowTrailingStop":false,"#,
                r#""cancelReplaceAllowed":false,"amendAllowed":false,"pegInstructionsAllowed":false,"#,
                r#""isSpotTradingAllowed":true,"isMarginTradingAllowed":false,"filters":[],"permissions":[],"#,
                r#""permissionSets":[["SPOT"]],"defaultSelfTradePreventionMode":"NONE","#,
                r#""allowedSelfTradePreventionModes":["NONE"]}]}"#,
            ),
        );
    }
}
