//! What the load must know of a symbol to send orders that its filters let through.

use super::LoadError;
use super::client::Connection;
use emporion_model::decimal;
use serde_json::Value;

/// A symbol's steps as integers, and where its market is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Market {
    /// Its name.
    pub symbol: String,
    price_scale: u8,
    quantity_scale: u8,
    tick: u128,
    step: u128,
    /// A quantity, in units, that is well above the least notional.
    quantity: u128,
    /// The middle of the book in price units.
    pub mid: u128,
    /// Whether anybody ever traded it.
    pub has_traded: bool,
}

impl Market {
    /// Asks the venue. A symbol that has no price yet is priced at `price_if_none`.
    pub async fn ask(connection: &mut Connection, symbol: &str, price_if_none: &str) -> Result<Self, LoadError> {
        let info = json(connection, &format!("/api/v3/exchangeInfo?symbol={symbol}")).await?;
        let filters = info["symbols"][0]["filters"].as_array().ok_or(LoadError::Senseless("exchangeInfo"))?;
        let filter = |name: &str, key: &str| {
            let filter = filters.iter().find(|filter| filter["filterType"] == name)?;
            filter[key].as_str()
        };
        let tick = filter("PRICE_FILTER", "tickSize").ok_or(LoadError::Senseless("PRICE_FILTER"))?;
        let step = filter("LOT_SIZE", "stepSize").ok_or(LoadError::Senseless("LOT_SIZE"))?;
        let least = filter("NOTIONAL", "minNotional").or_else(|| filter("MIN_NOTIONAL", "minNotional")).unwrap_or("0");
        let scale_of = |text: &str| decimal::significant_decimals(text).map_err(|_| LoadError::Senseless("a filter"));
        let (price_scale, quantity_scale) = (scale_of(tick)?, scale_of(step)?);
        let number = |text: &str, scale| decimal::parse(text, scale).map_err(|_| LoadError::Senseless("a filter"));
        let book = json(connection, &format!("/api/v3/ticker/bookTicker?symbol={symbol}")).await?;
        let quoted = |key: &str| book[key].as_str().and_then(|text| decimal::parse(text, price_scale).ok());
        let mid = match (quoted("bidPrice").unwrap_or(0), quoted("askPrice").unwrap_or(0)) {
            (bid, ask) if bid > 0 && ask > 0 => (bid + ask) / 2,
            _ => number(price_if_none, price_scale)?,
        };
        let last = json(connection, &format!("/api/v3/trades?symbol={symbol}&limit=1")).await?;
        let has_traded = last.as_array().is_some_and(|trades| !trades.is_empty());
        let (tick, step) = (number(tick, price_scale)?, number(step, quantity_scale)?);
        let least = number(least, price_scale + quantity_scale)?.max(1);
        let quantity = (least * 2 / mid.max(1)).div_ceil(step).max(1) * step;
        Ok(Self { symbol: symbol.to_owned(), price_scale, quantity_scale, tick, step, quantity, mid, has_traded })
    }

    /// A market for tests.
    #[cfg(test)]
    pub(super) fn example() -> Self {
        let (price_scale, quantity_scale, has_traded) = (2, 5, false);
        let (tick, step, quantity, mid) = (1, 1, 16, 6_500_000);
        Self { symbol: "BTCUSDT".to_owned(), price_scale, quantity_scale, tick, step, quantity, mid, has_traded }
    }

    /// The price so many ticks away from the middle.
    pub fn price(&self, ticks: i64) -> String {
        let mid = self.mid / self.tick;
        let price = mid.saturating_add_signed(i128::from(ticks)).max(1) * self.tick;
        decimal::format(price as i128, self.price_scale, self.price_scale)
    }

    /// A small legal quantity, `steps` above the least.
    pub fn quantity(&self, steps: u64) -> String {
        let quantity = self.quantity + u128::from(steps) * self.step;
        decimal::format(quantity as i128, self.quantity_scale, self.quantity_scale)
    }
}

async fn json(connection: &mut Connection, path: &str) -> Result<Value, LoadError> {
    let answer = connection.get(path).await;
    if !answer.is_success() {
        return Err(LoadError::Refused { path: path.to_owned(), status: answer.status, body: answer.body });
    }
    serde_json::from_slice(&answer.body).map_err(|_| LoadError::Senseless("an answer"))
}
