//! What a line asks for.
//!
//! ```text
//! alice deposits 1000 USDT            alice withdraws 10 USDT
//! treasury pays alice 5 USDT          fees pay treasury 1 USDT
//! alice buys 1 BTC at 100 as a1       … at 100 ioc, fok or maker … stp decrement … on BTCUSDT … 2 s late
//! alice buys 1 BTC at market as a1    alice sells BTC for 500 USDT as a1
//! alice cancels a1                    … order 3 … order 3 as a1 … while new, while partially filled
//! alice cancels all on BTCUSDT        again (the last client's command, sent once more)
//! operator halts BTCUSDT              … resumes, breaks, restricts to cancels, freezes, unfreezes, …
//! 30 s pass                           counts of alice
//! ```

use super::amounts::read;
use super::setup::{STP_MODES, options};
use super::words::Words;
use emporion_engine::Engine;
use emporion_model::{
    Amount, AssetId, CancelRestriction, ClientOrderId, MarketSize, Options, OrderCountLimits, OrderId, OrderKind,
    Price, Quantity, Side, StpMode, Symbol, SymbolStatus, TimeInForce, TradeGroupId, TransferReason,
};

/// A statement of a script. People go by their names; they have accounts from their first mention on.
#[derive(Clone, Debug)]
pub enum Statement {
    /// Money moves from one account to another.
    Transfer {
        /// Why.
        reason: TransferReason,
        /// Who pays.
        from: String,
        /// Who receives.
        to: String,
        /// How much.
        amount: Amount,
        /// Of what.
        asset: AssetId,
    },
    /// Somebody places an order.
    Order {
        /// Who.
        who: String,
        /// Where.
        symbol: Symbol,
        /// Which way.
        side: Side,
        /// What it asks for.
        kind: OrderKind,
        /// Self-trade prevention, if named.
        stp: Option<StpMode>,
        /// The client order id.
        name: ClientOrderId,
        /// How long past its deadline it comes.
        late_us: u64,
    },
    /// Somebody cancels an order.
    Cancel {
        /// Who.
        who: String,
        /// By id.
        order_id: Option<OrderId>,
        /// By client order id.
        name: Option<ClientOrderId>,
        /// Only in this state.
        restriction: Option<CancelRestriction>,
        /// How long past its deadline it comes.
        late_us: u64,
    },
    /// Somebody cancels all orders on a symbol.
    CancelAll {
        /// Who.
        who: String,
        /// Where.
        symbol: Symbol,
    },
    /// The last client's command comes once more.
    Again,
    /// A symbol's status changes.
    Status(Symbol, SymbolStatus),
    /// An account is stopped or let go.
    Freeze(String, bool),
    /// An account comes into a fee tier.
    FeeTier(String, u8),
    /// An account comes into a trade group.
    Group(String, TradeGroupId),
    /// An account gets order-count limits of its own.
    Limits(String, OrderCountLimits),
    /// The options change.
    Options(Options),
    /// Time passes.
    Wait(u64),
    /// The order counts of somebody are told.
    Counts(String),
}

impl Statement {
    /// Reads a line, whose assets and symbols are those of the venue.
    pub fn read(line: &str, engine: &Engine) -> Result<Self, String> {
        let reader = Reader { engine };
        let mut words = Words::of(line);
        let statement = reader.statement(line, &mut words)?;
        words.finish()?;
        Ok(statement)
    }

    /// Everybody whom the statement mentions.
    pub fn people(&self) -> Vec<&str> {
        match self {
            Self::Transfer { from, to, .. } => vec![from, to],
            Self::Order { who, .. } | Self::Cancel { who, .. } | Self::CancelAll { who, .. } => vec![who],
            Self::Freeze(who, _)
            | Self::FeeTier(who, _)
            | Self::Group(who, _)
            | Self::Limits(who, _)
            | Self::Counts(who) => vec![who],
            Self::Again | Self::Status(..) | Self::Options(_) | Self::Wait(_) => Vec::new(),
        }
    }
}

struct Reader<'e> {
    engine: &'e Engine,
}

impl Reader<'_> {
    fn statement(&self, line: &str, words: &mut Words<'_>) -> Result<Statement, String> {
        if words.eat("again") {
            return Ok(Statement::Again);
        }
        if words.eat("counts of") {
            return Ok(Statement::Counts(words.next()?.to_owned()));
        }
        if words.eat("operator sets options:") {
            let (_, items) = line.split_once(':').ok_or("a colon is missing")?;
            while words.next().is_ok() {}
            return options(*self.engine.options(), items.split(';').map(str::trim)).map(Statement::Options);
        }
        if words.eat("operator") {
            return self.operator(words);
        }
        let who = words.next()?.to_owned();
        if who.starts_with(|first: char| first.is_ascii_digit()) {
            return wait(&who, words);
        }
        match words.next()? {
            "deposits" => self.transfer(TransferReason::Deposit, "outside".to_owned(), who, words),
            "withdraws" => self.transfer(TransferReason::Withdrawal, who, "outside".to_owned(), words),
            "pays" | "pay" => {
                let to = words.next()?.to_owned();
                self.transfer(TransferReason::Adjustment, who, to, words)
            }
            "buys" => self.order(who, Side::Buy, words),
            "sells" => self.order(who, Side::Sell, words),
            "cancels" => self.cancel(who, words),
            other => Err(format!("nobody {other}")),
        }
    }

    fn operator(&self, words: &mut Words<'_>) -> Result<Statement, String> {
        let statuses = [
            ("halts", SymbolStatus::Halt),
            ("resumes", SymbolStatus::Trading),
            ("breaks", SymbolStatus::Break),
            ("restricts to cancels", SymbolStatus::CancelOnly),
        ];
        if let Some(status) = words.choose(&statuses) {
            return Ok(Statement::Status(self.symbol(words.next()?)?, status));
        }
        if let Some(is_frozen) = words.choose(&[("freezes", true), ("unfreezes", false)]) {
            return Ok(Statement::Freeze(words.next()?.to_owned(), is_frozen));
        }
        words.expect("puts")?;
        let who = words.next()?.to_owned();
        if words.eat("into fee tier") {
            return Ok(Statement::FeeTier(who, words.number()?));
        }
        if words.eat("into group") {
            return Ok(Statement::Group(who, TradeGroupId(words.number()?)));
        }
        words.expect("under")?;
        let most = words.number()?;
        let per_day =
            words.choose(&[("orders per 10 s", false), ("orders per day", true)]).ok_or("a window is missing")?;
        let limits = OrderCountLimits { per_ten_seconds: (!per_day).then_some(most), per_day: per_day.then_some(most) };
        Ok(Statement::Limits(who, limits))
    }

    fn transfer(
        &self,
        reason: TransferReason,
        from: String,
        to: String,
        words: &mut Words<'_>,
    ) -> Result<Statement, String> {
        let number = words.next()?;
        let (asset, scale) = self.asset(words.next()?)?;
        Ok(Statement::Transfer { reason, from, to, amount: Amount(read(number, scale)?), asset })
    }

    /// `1 BTC at 100 …`, `1 BTC at market …` or `BTC for 500 USDT …`.
    fn order(&self, who: String, side: Side, words: &mut Words<'_>) -> Result<Statement, String> {
        let first = words.next()?;
        let is_quantity = first.starts_with(|first: char| first.is_ascii_digit());
        let base = if is_quantity { words.next()? } else { first };
        let (symbol, kind) = if is_quantity {
            let price = if words.eat("at market") { None } else { Some(self.price(words)?) };
            let symbol = if words.eat("on") { self.symbol(words.next()?)? } else { self.symbol_of(base)? };
            let quantity = Quantity(read(first, symbol.spec.quantity_scale)?);
            let kind = match price {
                None => OrderKind::Market(MarketSize::Base(quantity)),
                Some(price) => limit(Price(read(price, symbol.spec.price_scale)?), quantity, words),
            };
            (symbol, kind)
        } else {
            words.expect("for")?;
            let amount = words.next()?;
            let quote = words.next()?;
            let (_, scale) = self.asset(quote)?;
            let size = MarketSize::Quote(Amount(read(amount, scale)?));
            (self.symbol(&format!("{base}{quote}"))?, OrderKind::Market(size))
        };
        let stp =
            if words.eat("stp") { Some(words.choose(&STP_MODES).ok_or("an STP mode should come")?) } else { None };
        words.expect("as")?;
        let name = name(words.next()?)?;
        Ok(Statement::Order { who, symbol, side, kind, stp, name, late_us: late(words)? })
    }

    fn price<'a>(&self, words: &mut Words<'a>) -> Result<&'a str, String> {
        words.expect("at")?;
        words.next()
    }

    fn cancel(&self, who: String, words: &mut Words<'_>) -> Result<Statement, String> {
        if words.eat("all on") {
            return Ok(Statement::CancelAll { who, symbol: self.symbol(words.next()?)? });
        }
        let order_id = if words.eat("order") { Some(OrderId(words.number()?)) } else { None };
        let is_named = order_id.is_none() || words.eat("as");
        let name = if is_named { Some(name(words.next()?)?) } else { None };
        let restriction = words.choose(&[
            ("while new", CancelRestriction::OnlyNew),
            ("while partially filled", CancelRestriction::OnlyPartiallyFilled),
        ]);
        Ok(Statement::Cancel { who, order_id, name, restriction, late_us: late(words)? })
    }

    fn asset(&self, code: &str) -> Result<(AssetId, u8), String> {
        let place = self.engine.assets().iter().position(|asset| asset.code.as_str() == code);
        let place = place.ok_or_else(|| format!("there is no asset {code}"))?;
        Ok((AssetId(place as u16), self.engine.assets()[place].ledger_scale))
    }

    fn symbol(&self, name: &str) -> Result<Symbol, String> {
        let found = self.engine.symbols().find(|symbol| symbol.spec.name.as_str() == name);
        found.ok_or_else(|| format!("there is no symbol {name}"))
    }

    /// The first symbol with this base.
    fn symbol_of(&self, base: &str) -> Result<Symbol, String> {
        let (base, _) = self.asset(base)?;
        self.engine.symbols().find(|symbol| symbol.spec.base == base).ok_or_else(|| "no symbol has it".to_owned())
    }
}

fn limit(price: Price, quantity: Quantity, words: &mut Words<'_>) -> OrderKind {
    let times = [("gtc", TimeInForce::Gtc), ("ioc", TimeInForce::Ioc), ("fok", TimeInForce::Fok)];
    if words.eat("maker") {
        return OrderKind::LimitMaker(price, quantity);
    }
    OrderKind::Limit(price, quantity, words.choose(&times).unwrap_or(TimeInForce::Gtc))
}

fn name(text: &str) -> Result<ClientOrderId, String> {
    text.parse().map_err(|error| format!("{text} {error}"))
}

/// `2 s late`.
fn late(words: &mut Words<'_>) -> Result<u64, String> {
    if words.eat("1 us late") {
        return Ok(1);
    }
    if words.is_empty() {
        return Ok(0);
    }
    let seconds: u64 = words.number()?;
    words.expect("s late")?;
    Ok(seconds * 1_000_000)
}

fn wait(number: &str, words: &mut Words<'_>) -> Result<Statement, String> {
    let units = [("ms pass", 1_000), ("s pass", 1_000_000), ("min pass", 60_000_000)];
    let unit_us = words.choose(&units).ok_or("\"ms pass\", \"s pass\" or \"min pass\" should come")?;
    let number: u64 = number.parse().map_err(|_| format!("{number} is not a number"))?;
    Ok(Statement::Wait(number * unit_us))
}
