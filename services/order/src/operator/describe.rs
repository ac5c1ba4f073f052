//! Assets and symbols out of the words in which people describe them, exactly: no number is rounded.
//!
//! An error is a sentence that begins with the code or name that it is about.

use emporion_api::Named;
use emporion_api::names::OrderType as OrderTypeName;
use emporion_api::v1::{AssetDescription, FeeTier, LotRange, NotionalRange, PercentRange, SymbolDescription};
use emporion_model::decimal::{parse, significant_decimals};
use emporion_model::quantity::RATE_SCALE;
use emporion_model::symbol::{
    FeeRates, LotFilter, MULTIPLIER_SCALE, Multiplier, NotionalFilter, PercentPriceFilter, PriceFilter,
};
use emporion_model::{
    Amount, Asset, AssetId, OrderType, Price, Quantity, Rate, StpMode, SymbolRules, SymbolSpec, SymbolStatus,
};

/// The decimals that the public API writes: a price or a quantity with more could not be shown whole.
const SHOWN_SCALE_MAX: u8 = 8;

/// The asset that `description` describes, checked by the rules of assets.
pub fn asset(description: &AssetDescription) -> Result<Asset, String> {
    let about = |problem: String| format!("asset {}: {problem}", description.code);
    let cap = scaled("supplyCap", &description.supply_cap, description.ledger_scale).map_err(about)?;
    let asset = Asset {
        code: description.code.parse().map_err(|error| about(format!("its code {error}")))?,
        ledger_scale: description.ledger_scale,
        display_scale: description.display_scale,
        supply_cap: Amount(cap),
    };
    asset.check().map_err(|rule| about(rule.to_owned()))?;
    Ok(asset)
}

/// The symbol that `description` describes beside `assets`, whose ids are their places; checked by the rules of
/// symbols.
pub fn symbol(description: &SymbolDescription, assets: &[Asset]) -> Result<SymbolSpec, String> {
    let spec = Describing { description, assets }.spec();
    spec.map_err(|problem| format!("symbol {}: {problem}", description.name))
}

struct Describing<'a> {
    description: &'a SymbolDescription,
    assets: &'a [Asset],
}

impl Describing<'_> {
    fn spec(&self) -> Result<SymbolSpec, String> {
        let description = self.description;
        let ((base, base_asset), (quote, quote_asset)) =
            (self.asset(&description.base)?, self.asset(&description.quote)?);
        let price_scale = scale(description.price_scale, "price.tick", &description.price.tick)?;
        let quantity_scale = scale(description.quantity_scale, "lot.step", &description.lot.step)?;
        let spec = SymbolSpec {
            name: description.name.parse().map_err(|error| format!("its name {error}"))?,
            base,
            quote,
            price_scale,
            quantity_scale,
            rules: self.rules(price_scale, quantity_scale, base_asset, quote_asset)?,
            status: named(description.status.as_deref(), "status", SymbolStatus::Trading)?,
        };
        spec.check(base_asset, quote_asset)?;
        Ok(spec)
    }

    fn asset(&self, code: &str) -> Result<(AssetId, &Asset), String> {
        let place = self.assets.iter().position(|asset| asset.code.as_str() == code);
        let place = place.ok_or_else(|| format!("there is no asset {code}"))?;
        let id = u16::try_from(place).map_err(|_| "there are too many assets".to_owned())?;
        Ok((AssetId(id), &self.assets[place]))
    }

    fn rules(&self, price_scale: u8, quantity_scale: u8, base: &Asset, quote: &Asset) -> Result<SymbolRules, String> {
        let description = self.description;
        let lot = lot("lot", &description.lot, quantity_scale)?;
        let market_lot = match &description.market_lot {
            Some(range) => self::lot("marketLot", range, quantity_scale)?,
            None => LotFilter { step: Quantity::ZERO, ..lot },
        };
        let position_max = description.position_max.as_deref();
        let price = |name, text: &str| scaled(name, text, price_scale).map(Price);
        Ok(SymbolRules {
            price: PriceFilter {
                min: price("price.min", &description.price.min)?,
                max: price("price.max", &description.price.max)?,
                tick: price("price.tick", &description.price.tick)?,
            },
            lot,
            market_lot,
            notional: notional(&description.notional, quote)?,
            percent_price: description.percent_price.as_ref().map(percent_price).transpose()?,
            orders_max: description.orders_max,
            position_max: position_max
                .map(|text| scaled("positionMax", text, base.ledger_scale).map(Amount))
                .transpose()?,
            order_types: order_types(description.order_types.as_deref())?,
            quote_quantity_market: description.quote_quantity_market,
            stp_default: named(description.stp_default.as_deref(), "stpDefault", StpMode::ExpireMaker)?,
            stp_allowed: stp_allowed(description.stp_allowed.as_deref())?,
            fees: description.fees.iter().map(fee_tier).collect::<Result<_, _>>()?,
        })
    }
}

fn lot(name: &str, range: &LotRange, quantity_scale: u8) -> Result<LotFilter, String> {
    let quantity = |field, text: &str| scaled(&format!("{name}.{field}"), text, quantity_scale).map(Quantity);
    Ok(LotFilter {
        min: quantity("min", &range.min)?,
        max: quantity("max", &range.max)?,
        step: quantity("step", &range.step)?,
    })
}

fn notional(range: &NotionalRange, quote: &Asset) -> Result<NotionalFilter, String> {
    let amount = |name, text: &str| scaled(name, text, quote.ledger_scale).map(Amount);
    Ok(NotionalFilter {
        min: amount("notional.min", &range.min)?,
        min_to_market: range.min_to_market,
        max: range.max.as_deref().map(|text| amount("notional.max", text)).transpose()?,
        max_to_market: range.max_to_market,
        average_minutes: range.average_minutes,
    })
}

fn percent_price(range: &PercentRange) -> Result<PercentPriceFilter, String> {
    let multiplier = |name, text: &str| scaled(name, text, MULTIPLIER_SCALE).map(Multiplier);
    Ok(PercentPriceFilter {
        bid_up: multiplier("percentPrice.bidUp", &range.bid_up)?,
        bid_down: multiplier("percentPrice.bidDown", &range.bid_down)?,
        ask_up: multiplier("percentPrice.askUp", &range.ask_up)?,
        ask_down: multiplier("percentPrice.askDown", &range.ask_down)?,
        average_minutes: range.average_minutes,
    })
}

fn fee_tier(tier: &FeeTier) -> Result<FeeRates, String> {
    let rate = |name, text: &str| scaled(name, text, RATE_SCALE).map(Rate);
    Ok(FeeRates { maker: rate("fees.maker", &tier.maker)?, taker: rate("fees.taker", &tier.taker)? })
}

fn order_types(names: Option<&[String]>) -> Result<Vec<OrderType>, String> {
    let all = [OrderType::Limit, OrderType::LimitMaker, OrderType::Market];
    let Some(names) = names else { return Ok(all.to_vec()) };
    let unknown = |name: &&String| !all.iter().any(|known| OrderTypeName::from(*known).name() == name.as_str());
    if let Some(name) = names.iter().find(unknown) {
        return Err(format!("orderTypes cannot hold {name:?}, only LIMIT, LIMIT_MAKER and MARKET"));
    }
    let is_named = |order_type: &OrderType| names.iter().any(|name| name == OrderTypeName::from(*order_type).name());
    Ok(all.into_iter().filter(is_named).collect())
}

fn stp_allowed(names: Option<&[String]>) -> Result<Vec<StpMode>, String> {
    let Some(names) = names else { return Ok(StpMode::ALL.to_vec()) };
    let mode = |name: &String| named(Some(name), "stpAllowed", StpMode::None);
    let mut modes = names.iter().map(mode).collect::<Result<Vec<_>, _>>()?;
    modes.sort_unstable();
    modes.dedup();
    Ok(modes)
}

/// The scale that is given, or the one that `step` needs.
fn scale(given: Option<u8>, name: &str, step: &str) -> Result<u8, String> {
    let scale = match given {
        Some(scale) => scale,
        None => significant_decimals(step).map_err(|error| format!("{name} {step:?} {error}"))?,
    };
    if scale > SHOWN_SCALE_MAX {
        return Err(format!("{name} has a scale of {scale}, but clients are shown {SHOWN_SCALE_MAX} decimals"));
    }
    Ok(scale)
}

/// The value with this word.
pub(super) fn named<T: Named>(word: Option<&str>, field: &str, missing: T) -> Result<T, String> {
    let Some(word) = word else { return Ok(missing) };
    let words = || T::ALL.iter().map(|value| value.name()).collect::<Vec<_>>().join(", ");
    T::from_name(word).ok_or_else(|| format!("{field} is {word:?} but must be one of {}", words()))
}

/// `text` as an integer of `10^-scale`.
fn scaled<T: TryFrom<u128>>(name: &str, text: &str, scale: u8) -> Result<T, String> {
    // Powers of ten beyond the largest scale would not fit; the rules of assets and symbols refuse such scales
    // by themselves, with a better sentence.
    let scale = scale.min(emporion_model::decimal::SCALE_MAX);
    let units = parse(text, scale).map_err(|error| format!("{name} {text:?} {error} (scale {scale})"))?;
    T::try_from(units).map_err(|_| format!("{name} {text:?} is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use emporion_api::v1::PriceRange;

    fn assets() -> Vec<Asset> {
        let asset = |code: &str| {
            let description = AssetDescription {
                code: code.to_owned(),
                ledger_scale: 12,
                display_scale: 8,
                supply_cap: "21000000".to_owned(),
            };
            super::asset(&description).unwrap()
        };
        vec![asset("BTC"), asset("USDT")]
    }

    fn btcusdt() -> SymbolDescription {
        let [one, thousand] = ["0.00001", "9000"].map(str::to_owned);
        SymbolDescription {
            name: "BTCUSDT".to_owned(),
            base: "BTC".to_owned(),
            quote: "USDT".to_owned(),
            price_scale: None,
            quantity_scale: None,
            price: PriceRange { min: "0.01".to_owned(), max: "1000000".to_owned(), tick: "0.01".to_owned() },
            lot: LotRange { min: one.clone(), max: thousand, step: one },
            market_lot: None,
            notional: NotionalRange {
                min: "5".to_owned(),
                max: None,
                min_to_market: true,
                max_to_market: false,
                average_minutes: 5,
            },
            percent_price: None,
            orders_max: 200,
            position_max: None,
            order_types: None,
            quote_quantity_market: true,
            stp_default: None,
            stp_allowed: None,
            fees: vec![FeeTier { maker: "0.001".to_owned(), taker: "0.0015".to_owned() }],
            status: None,
        }
    }

    #[test]
    fn a_description_becomes_exact_integers() {
        let spec = symbol(&btcusdt(), &assets()).unwrap();
        assert_eq!((spec.price_scale, spec.quantity_scale), (2, 5));
        assert_eq!((spec.base, spec.quote), (AssetId(0), AssetId(1)));
        assert_eq!(spec.rules.price, PriceFilter { min: Price(1), max: Price(100_000_000), tick: Price(1) });
        assert_eq!(spec.rules.lot.max, Quantity(900_000_000));
        assert_eq!(spec.rules.market_lot.step, Quantity::ZERO);
        assert_eq!(spec.rules.notional.min, Amount(5_000_000_000_000));
        assert_eq!(spec.rules.fees, [FeeRates { maker: Rate(100_000), taker: Rate(150_000) }]);
        assert_eq!(spec.rules.order_types.len(), 3);
        assert_eq!(spec.status, SymbolStatus::Trading);
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut SymbolDescription), expected: &str) {
        let mut description = btcusdt();
        change(&mut description);
        let error = symbol(&description, &assets()).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn what_cannot_be_is_told_with_its_field() {
        check(|symbol| symbol.base = "ETH".to_owned(), "symbol BTCUSDT: there is no asset ETH");
        check(|symbol| symbol.price.tick = "1e-2".to_owned(), "price.tick \"1e-2\" is not a plain decimal");
        check(|symbol| symbol.price.tick = "0.000000001".to_owned(), "price.tick has a scale of 9");
        check(|symbol| symbol.quantity_scale = Some(12), "lot.step has a scale of 12");
        check(|symbol| symbol.price.min = "0.001".to_owned(), "price.min \"0.001\" has more decimals");
        check(
            |symbol| symbol.lot.max = "99999999999999999999".to_owned(),
            "lot.max \"99999999999999999999\" is too large",
        );
        check(|symbol| symbol.status = Some("OPEN".to_owned()), "status is \"OPEN\" but must be one of TRADING");
        check(|symbol| symbol.order_types = Some(vec!["STOP_LOSS".to_owned()]), "orderTypes cannot hold \"STOP_LOSS\"");
        check(|symbol| symbol.stp_allowed = Some(vec![]), "STP modes");
        check(|symbol| symbol.fees.clear(), "fees for at least one tier");
        check(|symbol| symbol.name = "btc".to_owned(), "its name must be");
        check(|symbol| symbol.price_scale = Some(200), "symbol BTCUSDT");
        check(|symbol| symbol.quote = "BTC".to_owned(), "two different assets");
    }
}
