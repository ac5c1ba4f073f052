//! Symbols: tradable pairs with their rules.

use crate::codec::{durable_enum, durable_struct};
use crate::decimal::{SCALE_MAX, pow10};
use crate::{Amount, Asset, AssetId, OrderType, Price, Quantity, Rate, StpMode, SymbolId, SymbolName};

/// What a symbol lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SymbolStatus {
    /// Orders and cancels.
    Trading,
    /// Stopped by the operator: cancels only, market data goes on.
    Halt,
    /// Stopped for a pause of the market: cancels only, no market data.
    Break,
    /// Only cancels; on the way to or out of a halt.
    CancelOnly,
}

durable_enum!(SymbolStatus { Trading = 0, Halt = 1, Break = 2, CancelOnly = 3 });

/// `PRICE_FILTER`: `min <= price <= max` and `price % tick == 0`; a zero switches that part off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceFilter {
    /// Least price.
    pub min: Price,
    /// Greatest price.
    pub max: Price,
    /// Smallest price step.
    pub tick: Price,
}

durable_struct!(PriceFilter { min, max, tick });

/// `LOT_SIZE` and `MARKET_LOT_SIZE`: `min <= quantity <= max` and `quantity % step == 0`; a zero step
/// switches that part off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LotFilter {
    /// Least quantity.
    pub min: Quantity,
    /// Greatest quantity.
    pub max: Quantity,
    /// Smallest quantity step.
    pub step: Quantity,
}

durable_struct!(LotFilter { min, max, step });

/// `MIN_NOTIONAL` (without a maximum) and `NOTIONAL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotionalFilter {
    /// Least price × quantity, in ledger units of the quote asset.
    pub min: Amount,
    /// Whether `min` binds market orders, priced at the average.
    pub min_to_market: bool,
    /// Greatest price × quantity. With it the filter is called `NOTIONAL`, without it `MIN_NOTIONAL`.
    pub max: Option<Amount>,
    /// Whether `max` binds market orders.
    pub max_to_market: bool,
    /// Minutes of the average price for market orders: 5, or 0 for the last price.
    pub average_minutes: u8,
}

durable_struct!(NotionalFilter { min, min_to_market, max, max_to_market, average_minutes });

/// `PERCENT_PRICE_BY_SIDE`: the limit price lies within these multiples of the average price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PercentPriceFilter {
    /// Greatest multiple for a buy.
    pub bid_up: Multiplier,
    /// Least multiple for a buy.
    pub bid_down: Multiplier,
    /// Greatest multiple for a sell.
    pub ask_up: Multiplier,
    /// Least multiple for a sell.
    pub ask_down: Multiplier,
    /// Minutes of the average price: 5, or 0 for the last price.
    pub average_minutes: u8,
}

durable_struct!(PercentPriceFilter { bid_up, bid_down, ask_up, ask_down, average_minutes });

/// A factor, an integer of `10^-4`: 50,000 is 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Multiplier(pub u32);

crate::codec::durable_newtype!(Multiplier(u32));

/// The decimals of a [`Multiplier`].
pub const MULTIPLIER_SCALE: u8 = 4;

/// What a fee tier pays on this symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeRates {
    /// Of what a maker receives.
    pub maker: Rate,
    /// Of what a taker receives.
    pub taker: Rate,
}

durable_struct!(FeeRates { maker, taker });

/// The rules that an order on a symbol must keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolRules {
    /// `PRICE_FILTER`.
    pub price: PriceFilter,
    /// `LOT_SIZE`.
    pub lot: LotFilter,
    /// `MARKET_LOT_SIZE`.
    pub market_lot: LotFilter,
    /// `MIN_NOTIONAL` or `NOTIONAL`.
    pub notional: NotionalFilter,
    /// `PERCENT_PRICE_BY_SIDE`, if any.
    pub percent_price: Option<PercentPriceFilter>,
    /// `MAX_NUM_ORDERS`: open orders of one account on the symbol.
    pub orders_max: u32,
    /// `MAX_POSITION`: free + locked base + open buys, in ledger units of the base asset.
    pub position_max: Option<Amount>,
    /// The order types that the symbol takes, in ascending order.
    pub order_types: Vec<OrderType>,
    /// Whether market orders may be sized by quote quantity.
    pub quote_quantity_market: bool,
    /// The self-trade prevention of an order that names none.
    pub stp_default: StpMode,
    /// The self-trade prevention modes that an order may name, in ascending order.
    pub stp_allowed: Vec<StpMode>,
    /// Fees by tier; an account whose tier has no entry pays the last one's.
    pub fees: Vec<FeeRates>,
}

durable_struct!(SymbolRules {
    price,
    lot,
    market_lot,
    notional,
    percent_price,
    orders_max,
    position_max,
    order_types,
    quote_quantity_market,
    stp_default,
    stp_allowed,
    fees
});

/// A symbol as its creator describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolSpec {
    /// The name, unique over the venue.
    pub name: SymbolName,
    /// What is traded.
    pub base: AssetId,
    /// What it is priced in.
    pub quote: AssetId,
    /// The decimals of a price; fixed at creation.
    pub price_scale: u8,
    /// The decimals of a quantity; fixed at creation.
    pub quantity_scale: u8,
    /// Its rules.
    pub rules: SymbolRules,
    /// The status it starts with.
    pub status: SymbolStatus,
}

durable_struct!(SymbolSpec { name, base, quote, price_scale, quantity_scale, rules, status });

/// A symbol that exists: its id and description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its id.
    pub id: SymbolId,
    /// Its description, with the status of now.
    pub spec: SymbolSpec,
}

durable_struct!(Symbol { id, spec });

/// The factors between a symbol's integers and the ledger's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scales {
    /// Ledger units of the quote asset in one price unit × one quantity unit.
    pub quote_factor: i128,
    /// Ledger units of the base asset in one quantity unit.
    pub base_factor: i128,
}

impl Scales {
    /// What `quantity` costs at `price`, exactly; `None` beyond 128 bits.
    pub fn notional(&self, price: Price, quantity: Quantity) -> Option<Amount> {
        let product = i128::from(price.0).checked_mul(i128::from(quantity.0))?;
        product.checked_mul(self.quote_factor).map(Amount)
    }

    /// `quantity` in ledger units of the base asset; `None` beyond 128 bits.
    pub fn base(&self, quantity: Quantity) -> Option<Amount> {
        i128::from(quantity.0).checked_mul(self.base_factor).map(Amount)
    }
}

impl SymbolSpec {
    /// The factors between this symbol's integers and the ledgers of its two assets, which must be the ones
    /// that [`SymbolSpec::check`] accepted.
    pub fn scales(&self, base: &Asset, quote: &Asset) -> Scales {
        Scales {
            quote_factor: pow10(quote.ledger_scale - self.price_scale - self.quantity_scale) as i128,
            base_factor: pow10(base.ledger_scale - self.quantity_scale) as i128,
        }
    }

    /// What is wrong with this description beside these assets, if anything. Afterwards price × quantity is
    /// exact in the quote ledger, and no order that the filters let through can overflow 128 bits.
    pub fn check(&self, base: &Asset, quote: &Asset) -> Result<(), &'static str> {
        if self.base == self.quote {
            return Err("a symbol's base and quote are two different assets");
        }
        if self.price_scale > SCALE_MAX || self.quantity_scale > SCALE_MAX {
            return Err("a symbol's scales are at most 18");
        }
        if self.price_scale + self.quantity_scale > quote.ledger_scale {
            return Err("price scale + quantity scale is at most the ledger scale of the quote asset");
        }
        if self.quantity_scale > base.ledger_scale {
            return Err("the quantity scale is at most the ledger scale of the base asset");
        }
        self.rules.check()?;
        self.check_range(base, quote)
    }

    /// Every amount of an order, and the sum over the most fills that a taker may have (below 2^17), stays
    /// below the type's end.
    fn check_range(&self, base: &Asset, quote: &Asset) -> Result<(), &'static str> {
        let scales = self.scales(base, quote);
        let largest = scales.notional(self.rules.price.max, self.rules.lot.max);
        let position = scales.base(self.rules.lot.max);
        if largest.is_none_or(|amount| amount.0 >= 1 << 109) || position.is_none_or(|amount| amount.0 >= 1 << 109) {
            return Err("greatest price × greatest quantity is below 2^109 ledger units");
        }
        Ok(())
    }
}

impl SymbolRules {
    fn check(&self) -> Result<(), &'static str> {
        if self.price.tick.0 == 0 || self.price.min.0 == 0 || self.price.max < self.price.min {
            return Err("PRICE_FILTER needs 0 < min <= max and a tick above 0");
        }
        for lot in [&self.lot, &self.market_lot] {
            if lot.max.is_zero() || lot.max < lot.min {
                return Err("LOT_SIZE and MARKET_LOT_SIZE need min <= max and a max above 0");
            }
        }
        if self.lot.step.is_zero() || self.lot.min.is_zero() {
            return Err("LOT_SIZE needs a step and a min above 0");
        }
        if !self.market_lot.step.0.is_multiple_of(self.lot.step.0) {
            return Err("MARKET_LOT_SIZE needs a step of 0 or a multiple of LOT_SIZE's");
        }
        // Resting orders come in steps of LOT_SIZE, so a quote quantity could not be met in coarser ones.
        if self.quote_quantity_market && self.market_lot.step > self.lot.step {
            return Err("market orders by quote quantity need a MARKET_LOT_SIZE with a step of 0 or LOT_SIZE's");
        }
        if self.notional.min.0 < 0 || self.notional.max.is_some_and(|max| max < self.notional.min) {
            return Err("NOTIONAL needs 0 <= min <= max");
        }
        let minutes = [self.notional.average_minutes, self.percent_price.map_or(0, |filter| filter.average_minutes)];
        if minutes.iter().any(|minutes| ![0, 5].contains(minutes)) {
            return Err("average price minutes are 5, or 0 for the last price");
        }
        if self.percent_price.is_some_and(|filter| filter.bid_up < filter.bid_down || filter.ask_up < filter.ask_down) {
            return Err("PERCENT_PRICE_BY_SIDE needs down <= up");
        }
        if self.orders_max == 0 || self.position_max.is_some_and(|max| max.0 <= 0) {
            return Err("MAX_NUM_ORDERS and MAX_POSITION are above 0");
        }
        if self.fees.is_empty() || self.fees.iter().any(|fee| fee.maker > Rate::ONE || fee.taker > Rate::ONE) {
            return Err("a symbol has fees for at least one tier, none above 100 %");
        }
        let ascending = |modes: &[StpMode]| modes.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending(&self.stp_allowed) || !self.stp_allowed.contains(&self.stp_default) {
            return Err("the allowed STP modes are in ascending order and include the default");
        }
        if self.order_types.is_empty() || !self.order_types.windows(2).all(|pair| pair[0] < pair[1]) {
            return Err("the order types are in ascending order and not empty");
        }
        Ok(())
    }

    /// The fee rates of a tier.
    pub fn fee_rates(&self, tier: u8) -> FeeRates {
        let last = self.fees.len() - 1;
        self.fees[usize::from(tier).min(last)]
    }
}
