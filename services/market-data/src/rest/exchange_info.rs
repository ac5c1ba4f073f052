//! `GET exchangeInfo`: the symbols with their rules, and the limits that are really in force.

use super::selection::{Names, Selection};
use crate::MarketData;
use crate::fold::{Listing, Venue};
use emporion_api::names::{LimitInterval, RateLimitType};
use emporion_api::params::Texts;
use emporion_api::wire::{Decimal, ExchangeInfo, Filter, OneOrMany, RateLimit, SymbolInfo};
use emporion_api::{ApiError, Code, Name, Reader};
use emporion_edge::{Json, LimitPolicy, Request};
use emporion_model::Options;
use emporion_model::symbol::{NotionalFilter, PercentPriceFilter};

/// The permission that every symbol here asks for and every account here has.
const SPOT: &str = "SPOT";

/// The other documented permissions: legal to ask for, and no symbol here has them. Besides these there are
/// numbered trade groups.
const ELSEWHERE: [&str; 2] = ["MARGIN", "LEVERAGED"];
const GROUP_PREFIX: &str = "TRD_GRP_";

/// What is asked for.
struct Asked {
    selection: Selection,
    /// Whether the permissions that were asked for are ones that the symbols have.
    any: bool,
    show_permission_sets: bool,
}

/// The venue and its symbols.
pub(super) async fn exchange_info(
    (data, limits): (MarketData, LimitPolicy),
    request: Request,
) -> Result<Json<ExchangeInfo>, ApiError> {
    let asked = request.read(Asked::read)?;
    let view = data.current().await?;
    Ok(Json(ExchangeInfo {
        timezone: "UTC".to_owned(),
        server_time: request.time_unit.of(request.received_at),
        rate_limits: rate_limits(&limits, view.venue.options(), request.is_message()),
        exchange_filters: Vec::new(),
        symbols: asked.symbols(&view.venue)?,
    }))
}

impl Asked {
    /// Symbols are chosen by name, or by permission and status, but not by both (-1128).
    fn read(reader: &mut Reader<'_>) -> Result<Self, ApiError> {
        let selection = Selection::read(reader)?;
        let permissions: Option<Texts<'_>> = reader.optional("permissions")?;
        let show_permission_sets = reader.optional("showPermissionSets")?.unwrap_or(true);
        let by_name = !matches!(selection.names, Names::All);
        if by_name && (permissions.is_some() || selection.status.is_some()) {
            return Err(Code::OptionalParamsBadCombo.into());
        }
        let words = permissions.map_or_else(|| vec![SPOT], |permissions| permissions.0);
        if !words.iter().all(|word| is_permission(word)) {
            return Err(ApiError::invalid_parameter("permissions"));
        }
        Ok(Self { selection, any: words.contains(&SPOT), show_permission_sets })
    }

    fn symbols(&self, venue: &Venue) -> Result<Vec<SymbolInfo>, ApiError> {
        if !self.any {
            return Ok(Vec::new());
        }
        let shown = self.selection.show(venue, |listing| symbol_info(listing, self.show_permission_sets))?;
        Ok(match shown {
            OneOrMany::One(symbol) => vec![symbol],
            OneOrMany::Many(symbols) => symbols,
        })
    }
}

fn is_permission(word: &str) -> bool {
    let is_group = |number: &str| number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    word == SPOT || ELSEWHERE.contains(&word) || word.strip_prefix(GROUP_PREFIX).is_some_and(is_group)
}

/// Those of the limits that there are. Accounts and networks with limits of their own see them only in
/// answers to their requests. The WebSocket API tells of connections where REST tells of requests.
fn rate_limits(policy: &LimitPolicy, options: &Options, is_message: bool) -> Vec<RateLimit> {
    let counts = options.order_counts;
    let limit = |rate_limit_type: RateLimitType, interval: LimitInterval, interval_num, limit: Option<u32>| {
        let (rate_limit_type, interval) = (rate_limit_type.into(), interval.into());
        limit.map(|limit| RateLimit { rate_limit_type, interval, interval_num, limit })
    };
    [
        limit(RateLimitType::RequestWeight, LimitInterval::Minute, 1, policy.weight_per_minute),
        limit(RateLimitType::Orders, LimitInterval::Second, 10, counts.per_ten_seconds),
        limit(RateLimitType::Orders, LimitInterval::Day, 1, counts.per_day),
        match is_message {
            true => policy.connection_limit(),
            false => limit(RateLimitType::RawRequests, LimitInterval::Minute, 5, policy.requests_per_five_minutes),
        },
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn symbol_info(listing: &Listing, show_permission_sets: bool) -> SymbolInfo {
    let (spec, base, quote) = (&listing.symbol.spec, &listing.base, &listing.quote);
    SymbolInfo {
        symbol: spec.name.into(),
        status: spec.status.into(),
        base_asset: base.code.into(),
        base_asset_precision: base.display_scale,
        quote_asset: quote.code.into(),
        quote_precision: quote.display_scale,
        quote_asset_precision: quote.display_scale,
        base_commission_precision: base.display_scale,
        quote_commission_precision: quote.display_scale,
        order_types: spec.rules.order_types.iter().map(|&kind| Name(kind.into())).collect(),
        iceberg_allowed: false,
        oco_allowed: false,
        oto_allowed: false,
        opo_allowed: false,
        quote_order_qty_market_allowed: spec.rules.quote_quantity_market,
        allow_trailing_stop: false,
        cancel_replace_allowed: false,
        amend_allowed: false,
        peg_instructions_allowed: false,
        is_spot_trading_allowed: true,
        is_margin_trading_allowed: false,
        filters: filters(listing),
        permissions: Vec::new(),
        permission_sets: if show_permission_sets { vec![vec![SPOT.to_owned()]] } else { Vec::new() },
        default_self_trade_prevention_mode: spec.rules.stp_default.into(),
        allowed_self_trade_prevention_modes: spec.rules.stp_allowed.iter().map(|&mode| mode.into()).collect(),
    }
}

fn filters(listing: &Listing) -> Vec<Filter> {
    let rules = &listing.symbol.spec.rules;
    let always = [
        Filter::PriceFilter {
            min_price: listing.price(rules.price.min),
            max_price: listing.price(rules.price.max),
            tick_size: listing.price(rules.price.tick),
        },
        Filter::LotSize {
            min_qty: listing.quantity(rules.lot.min),
            max_qty: listing.quantity(rules.lot.max),
            step_size: listing.quantity(rules.lot.step),
        },
        Filter::MarketLotSize {
            min_qty: listing.quantity(rules.market_lot.min),
            max_qty: listing.quantity(rules.market_lot.max),
            step_size: listing.quantity(rules.market_lot.step),
        },
        notional(listing, &rules.notional),
        Filter::MaxNumOrders { max_num_orders: rules.orders_max },
    ];
    let percent_price = rules.percent_price.as_ref().map(percent_price);
    let max_position = rules.position_max.map(|max| Filter::MaxPosition { max_position: listing.base_amount(max) });
    always.into_iter().chain(percent_price).chain(max_position).collect()
}

fn notional(listing: &Listing, filter: &NotionalFilter) -> Filter {
    let min_notional = listing.quote_amount(filter.min);
    match filter.max {
        None => Filter::MinNotional {
            min_notional,
            apply_to_market: filter.min_to_market,
            avg_price_mins: filter.average_minutes,
        },
        Some(max) => Filter::Notional {
            min_notional,
            apply_min_to_market: filter.min_to_market,
            max_notional: listing.quote_amount(max),
            apply_max_to_market: filter.max_to_market,
            avg_price_mins: filter.average_minutes,
        },
    }
}

fn percent_price(filter: &PercentPriceFilter) -> Filter {
    Filter::PercentPriceBySide {
        bid_multiplier_up: Decimal::multiplier(filter.bid_up),
        bid_multiplier_down: Decimal::multiplier(filter.bid_down),
        ask_multiplier_up: Decimal::multiplier(filter.ask_up),
        ask_multiplier_down: Decimal::multiplier(filter.ask_down),
        avg_price_mins: filter.average_minutes,
    }
}
