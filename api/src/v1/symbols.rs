//! Assets and symbols as people describe them: what an operator adds, and what a genesis file lists.
//!
//! The same fields stand in the requests' JSON and in the files' TOML. Numbers with decimals are texts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An asset to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AssetDescription {
    /// 1 to 12 capital letters and digits.
    #[schema(example = "BTC")]
    pub code: String,
    /// The decimals of the ledger, at most 18; fixed for ever.
    #[schema(example = 12)]
    pub ledger_scale: u8,
    /// The decimals that clients see, at most 8.
    #[schema(example = 8)]
    pub display_scale: u8,
    /// The most that may ever come in from outside.
    #[schema(example = "21000000")]
    pub supply_cap: String,
}

/// A symbol to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SymbolDescription {
    /// 1 to 24 capital letters and digits.
    #[schema(example = "BTCUSDT")]
    pub name: String,
    /// The code of the asset that is traded.
    #[schema(example = "BTC")]
    pub base: String,
    /// The code of the asset that it is priced in.
    #[schema(example = "USDT")]
    pub quote: String,
    /// The decimals of a price, fixed for ever; missing: those of the tick size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_scale: Option<u8>,
    /// The decimals of a quantity, fixed for ever; missing: those of the step size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity_scale: Option<u8>,
    /// `PRICE_FILTER`.
    pub price: PriceRange,
    /// `LOT_SIZE`.
    pub lot: LotRange,
    /// `MARKET_LOT_SIZE`; missing: `LOT_SIZE` without a step of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_lot: Option<LotRange>,
    /// `NOTIONAL`, or `MIN_NOTIONAL` without a maximum.
    pub notional: NotionalRange,
    /// `PERCENT_PRICE_BY_SIDE`; missing: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_price: Option<PercentRange>,
    /// `MAX_NUM_ORDERS`: open orders of one account.
    #[serde(default = "orders_max")]
    #[schema(default = 200)]
    pub orders_max: u32,
    /// `MAX_POSITION`, in the base asset; missing: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_max: Option<String>,
    /// Out of `LIMIT`, `LIMIT_MAKER` and `MARKET`; missing: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_types: Option<Vec<String>>,
    /// Whether market orders may be sized by quote quantity.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub quote_quantity_market: bool,
    /// The self-trade prevention of an order that names none; missing: `EXPIRE_MAKER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stp_default: Option<String>,
    /// The modes that an order may name; missing: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stp_allowed: Option<Vec<String>>,
    /// What each fee tier pays, the standard one first.
    pub fees: Vec<FeeTier>,
    /// The status to start with; missing: `TRADING`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

fn orders_max() -> u32 {
    200
}

fn yes() -> bool {
    true
}

/// Limits of a price, in the quote asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PriceRange {
    /// The least price.
    pub min: String,
    /// The greatest price.
    pub max: String,
    /// The smallest price step.
    pub tick: String,
}

/// Limits of a quantity, in the base asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LotRange {
    /// The least quantity.
    pub min: String,
    /// The greatest quantity.
    pub max: String,
    /// The smallest quantity step.
    pub step: String,
}

/// Limits of price × quantity, in the quote asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NotionalRange {
    /// The least.
    pub min: String,
    /// The greatest; missing: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
    /// Whether the least binds market orders.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub min_to_market: bool,
    /// Whether the greatest binds market orders.
    #[serde(default)]
    pub max_to_market: bool,
    /// Minutes of the average price that market orders are priced with: 5, or 0 for the last price.
    #[serde(default = "average_minutes")]
    #[schema(default = 5)]
    pub average_minutes: u8,
}

/// How far a limit price may lie from the average price, as multiples of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PercentRange {
    /// The greatest multiple for a buy.
    pub bid_up: String,
    /// The least multiple for a buy.
    pub bid_down: String,
    /// The greatest multiple for a sell.
    pub ask_up: String,
    /// The least multiple for a sell.
    pub ask_down: String,
    /// Minutes of the average price: 5, or 0 for the last price.
    #[serde(default = "average_minutes")]
    #[schema(default = 5)]
    pub average_minutes: u8,
}

fn average_minutes() -> u8 {
    5
}

/// What a fee tier pays, as shares of what is received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FeeTier {
    /// The share of a maker.
    #[schema(example = "0.001")]
    pub maker: String,
    /// The share of a taker.
    #[schema(example = "0.001")]
    pub taker: String,
}

/// `POST /v1/operator/symbols`: assets and symbols to add. What is there already with these codes and names is
/// left as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AddSymbols {
    /// The assets, added first.
    #[serde(default)]
    pub assets: Vec<AssetDescription>,
    /// The symbols.
    #[serde(default)]
    pub symbols: Vec<SymbolDescription>,
}

/// What was added, and what was there before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SymbolsAdded {
    /// Codes of new assets and names of new symbols.
    pub added: Vec<String>,
    /// Codes and names that were taken; nothing was done for them.
    pub existing: Vec<String>,
}

/// A symbol of the venue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SymbolStanding {
    /// The symbol's name.
    pub symbol: String,
    /// The base asset's code.
    pub base: String,
    /// The quote asset's code.
    pub quote: String,
    /// `TRADING`, `HALT`, `BREAK` or `CANCEL_ONLY`.
    pub status: String,
}

/// `GET /v1/operator/symbols`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SymbolList {
    /// All symbols, in the order in which they were added.
    pub symbols: Vec<SymbolStanding>,
}

/// `PUT /v1/operator/symbols/{symbol}/status`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SymbolStatusRequest {
    /// `TRADING`, `HALT`, `BREAK` or `CANCEL_ONLY`.
    pub status: String,
}
