//! What a script says about its venue before the first statement.
//!
//! ```text
//! asset BTC: ledger 12; shows 8; cap 21000000
//! symbol BTCUSDT: tick 0.01; step 0.0001; fees 0.1% 0.1%
//! options: fills per order 3; cancels per step 2
//! ```
//!
//! Without such lines a venue has BTC and USDT with eight decimals and BTCUSDT in steps of 0.01 and 0.0001,
//! free of fees. A symbol's tick and step give its scales; what a line leaves out lets everything through.

use super::amounts::read;
use super::words::Words;
use emporion_model::symbol::{FeeRates, LotFilter, Multiplier, NotionalFilter, PercentPriceFilter, PriceFilter};
use emporion_model::{
    Amount, Asset, AssetId, ClientOrderIdReuse, Genesis, Mode, Options, OrderCountLimits, OrderType, Price, Quantity,
    Rate, StpMode, SymbolRules, SymbolSpec, SymbolStatus, decimal,
};

/// The words of the STP modes.
pub(super) const STP_MODES: [(&str, StpMode); 5] = [
    ("none", StpMode::None),
    ("expire maker", StpMode::ExpireMaker),
    ("expire taker", StpMode::ExpireTaker),
    ("expire both", StpMode::ExpireBoth),
    ("decrement", StpMode::Decrement),
];

const ORDER_TYPES: [(&str, OrderType); 3] =
    [("limit maker", OrderType::LimitMaker), ("limit", OrderType::Limit), ("market", OrderType::Market)];

/// Whether a line is a part of the venue's description.
pub fn describes_venue(line: &str) -> bool {
    ["asset ", "symbol ", "options:"].iter().any(|start| line.starts_with(start))
}

/// A venue's description while it is read.
#[derive(Debug)]
pub struct Setup {
    assets: Vec<Asset>,
    symbols: Vec<SymbolSpec>,
    options: Options,
}

impl Default for Setup {
    fn default() -> Self {
        let mut setup = Self { assets: Vec::new(), symbols: Vec::new(), options: unlimited() };
        for line in ["asset BTC:", "asset USDT:", "symbol BTCUSDT: tick 0.01; step 0.0001"] {
            setup.read(line).expect("the plain venue is well described");
        }
        setup
    }
}

fn unlimited() -> Options {
    Options { order_counts: OrderCountLimits::default(), ..Options::default() }
}

impl Setup {
    /// Reads one line of the description; it replaces an asset or symbol of the same name.
    pub fn read(&mut self, line: &str) -> Result<(), String> {
        let (subject, items) = line.split_once(':').ok_or("a colon is missing")?;
        let items = items.split(';').map(str::trim).filter(|item| !item.is_empty());
        match subject.split_once(' ') {
            Some(("asset", code)) => put(&mut self.assets, asset(code, items)?, |asset| asset.code.to_string()),
            Some(("symbol", name)) => {
                let symbol = symbol(name, &self.assets, items)?;
                put(&mut self.symbols, symbol, |symbol| symbol.name.to_string());
            }
            _ => self.options = options(self.options, items)?,
        }
        Ok(())
    }

    /// The genesis that was described.
    pub fn genesis(&self) -> Genesis {
        Genesis {
            rules_version: 1,
            mode: Mode::Sandbox,
            assets: self.assets.clone(),
            symbols: self.symbols.clone(),
            options: self.options,
        }
    }
}

fn put<T>(table: &mut Vec<T>, item: T, name: impl Fn(&T) -> String) {
    match table.iter().position(|other| name(other) == name(&item)) {
        Some(place) => table[place] = item,
        None => table.push(item),
    }
}

fn asset<'a>(code: &str, items: impl Iterator<Item = &'a str>) -> Result<Asset, String> {
    let code = code.parse().map_err(|error| format!("{code} {error}"))?;
    let mut asset = Asset { code, ledger_scale: 8, display_scale: 8, supply_cap: Amount(0) };
    let mut cap = "1000000000";
    for item in items {
        let mut words = Words::of(item);
        match words.next()? {
            "ledger" => asset.ledger_scale = words.number()?,
            "shows" => asset.display_scale = words.number()?,
            "cap" => cap = words.next()?,
            other => return Err(format!("{other} is nothing of an asset")),
        }
        words.finish()?;
    }
    asset.supply_cap = Amount(read(cap, asset.ledger_scale)?);
    Ok(asset)
}

/// Reads the options, over what they were.
pub(super) fn options<'a>(before: Options, items: impl Iterator<Item = &'a str>) -> Result<Options, String> {
    let mut options = before;
    for item in items {
        let mut words = Words::of(item);
        if words.eat("fills per order") {
            options.fills_per_order_max = words.number()?;
        } else if words.eat("cancels per step") {
            options.cancels_per_step_max = words.number()?;
        } else if words.eat("open orders") {
            options.open_orders_max = words.number()?;
        } else if words.eat("orders per 10 s") {
            options.order_counts.per_ten_seconds = Some(words.number()?);
        } else if words.eat("orders per day") {
            options.order_counts.per_day = Some(words.number()?);
        } else if words.eat("client order ids never within") {
            options.client_order_id_reuse = ClientOrderIdReuse::NeverWithin(words.number()?);
            words.expect("s")?;
        }
        words.finish()?;
    }
    Ok(options)
}

fn symbol<'a>(name: &str, assets: &[Asset], items: impl Iterator<Item = &'a str>) -> Result<SymbolSpec, String> {
    let items: Vec<_> = items.collect();
    let pairs = (0..assets.len()).flat_map(|base| (0..assets.len()).map(move |quote| (base, quote)));
    let is_pair = |(base, quote): &(usize, usize)| format!("{}{}", assets[*base].code, assets[*quote].code) == name;
    let (base, quote) = pairs.into_iter().find(is_pair).ok_or("a symbol is two assets, base before quote")?;
    let decimals_of = |key: &str| {
        let value = items.iter().find_map(|item| item.strip_prefix(key)).unwrap_or("0.01").trim();
        decimal::significant_decimals(value).map_err(|error| format!("{value} {error}"))
    };
    let scales = SymbolScales {
        price: decimals_of("tick ")?,
        quantity: decimals_of("step ")?,
        base: assets[base].ledger_scale,
        quote: assets[quote].ledger_scale,
    };
    let mut rules = open_rules();
    for item in &items {
        scales.rule(&mut rules, item)?;
    }
    if rules.fees.is_empty() {
        rules.fees.push(FeeRates { maker: Rate(0), taker: Rate(0) });
    }
    Ok(SymbolSpec {
        name: name.parse().map_err(|error| format!("{name} {error}"))?,
        base: AssetId(base as u16),
        quote: AssetId(quote as u16),
        price_scale: scales.price,
        quantity_scale: scales.quantity,
        rules,
        status: SymbolStatus::Trading,
    })
}

fn open_rules() -> SymbolRules {
    let lot = LotFilter { min: Quantity(1), max: Quantity(1 << 40), step: Quantity(1) };
    SymbolRules {
        price: PriceFilter { min: Price(1), max: Price(1 << 40), tick: Price(1) },
        lot,
        market_lot: LotFilter { min: Quantity(0), step: Quantity(0), ..lot },
        notional: NotionalFilter {
            min: Amount(0),
            min_to_market: false,
            max: None,
            max_to_market: false,
            average_minutes: 5,
        },
        percent_price: None,
        orders_max: 200,
        position_max: None,
        order_types: OrderType::ALL.to_vec(),
        quote_quantity_market: true,
        stp_default: StpMode::ExpireMaker,
        stp_allowed: StpMode::ALL.to_vec(),
        fees: Vec::new(),
    }
}

/// The decimals of a symbol's numbers.
struct SymbolScales {
    price: u8,
    quantity: u8,
    base: u8,
    quote: u8,
}

impl SymbolScales {
    /// Reads one rule.
    fn rule(&self, rules: &mut SymbolRules, item: &str) -> Result<(), String> {
        let mut words = Words::of(item);
        if words.eat("tick") {
            rules.price.tick = Price(read(words.next()?, self.price)?);
        } else if words.eat("price") {
            let (min, max) = self.range(words.next()?, self.price)?;
            (rules.price.min, rules.price.max) = (Price(min), Price(max));
        } else if words.eat("step") {
            rules.lot.step = Quantity(read(words.next()?, self.quantity)?);
        } else if words.eat("lot") {
            let (min, max) = self.range(words.next()?, self.quantity)?;
            (rules.lot.min, rules.lot.max) = (Quantity(min), Quantity(max));
        } else if words.eat("market lot") {
            let (min, max) = self.range(words.next()?, self.quantity)?;
            (rules.market_lot.min, rules.market_lot.max) = (Quantity(min), Quantity(max));
            if words.eat("step") {
                rules.market_lot.step = Quantity(read(words.next()?, self.quantity)?);
            }
        } else if words.eat("notional at least") {
            rules.notional.min = Amount(read(words.next()?, self.quote)?);
            rules.notional.min_to_market = words.eat("also at market");
        } else if words.eat("notional at most") {
            rules.notional.max = Some(Amount(read(words.next()?, self.quote)?));
            rules.notional.max_to_market = words.eat("also at market");
        } else if words.eat("within") {
            rules.percent_price = Some(self.percent_price(&mut words)?);
        } else if words.eat("orders at most") {
            rules.orders_max = words.number()?;
        } else if words.eat("position at most") {
            rules.position_max = Some(Amount(read(words.next()?, self.base)?));
        } else if words.eat("fees") {
            let rate = |word: &str| read(word.trim_end_matches('%'), 6).map(Rate);
            rules.fees.push(FeeRates { maker: rate(words.next()?)?, taker: rate(words.next()?)? });
        } else if words.eat("no quote quantity") {
            rules.quote_quantity_market = false;
        } else if words.eat("no") {
            let order_type = words.choose(&ORDER_TYPES).ok_or("an order type should come")?;
            rules.order_types.retain(|other| *other != order_type);
        } else if words.eat("stp only") {
            let mode = words.choose(&STP_MODES).ok_or("an STP mode should come")?;
            (rules.stp_default, rules.stp_allowed) = (mode, vec![mode]);
        }
        words.finish()
    }

    fn range(&self, text: &str, scale: u8) -> Result<(u64, u64), String> {
        let (min, max) = text.split_once("..").ok_or("a range is two numbers with .. between them")?;
        Ok((read(min, scale)?, read(max, scale)?))
    }

    /// `within 0.8..1.2 of the average`, or `of the last price`.
    fn percent_price(&self, words: &mut Words<'_>) -> Result<PercentPriceFilter, String> {
        let (down, up) = words.next()?.split_once("..").ok_or("a range is two numbers with .. between them")?;
        let (down, up) = (Multiplier(read(down, 4)?), Multiplier(read(up, 4)?));
        let average_minutes = match words.choose(&[("of the average", 5), ("of the last price", 0)]) {
            Some(minutes) => minutes,
            None => return Err("\"of the average\" or \"of the last price\" should come".to_owned()),
        };
        Ok(PercentPriceFilter { bid_up: up, bid_down: down, ask_up: up, ask_down: down, average_minutes })
    }
}
