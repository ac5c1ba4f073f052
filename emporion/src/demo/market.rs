//! The venue as the bots see it: its public API, and nothing else.

use super::bot::{Order, Step, Told};
use super::maker::{Quoted, Quoting};
use super::prices::{FINE, USDT};
use super::takers::Kind;
use super::trading::stride;
use crate::Failure;
use crate::client::{Answer, Http};
use bytes::Bytes;
use emporion_api::Named;
use emporion_api::signing::{Query, Signer};
use emporion_edge::Clock;
use emporion_model::Side;
use emporion_model::decimal::{format, parse, pow10, significant_decimals};
use http_body_util::Full;
use hyper::{Method, Request, StatusCode};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// What a bot must know of a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Market {
    pub(super) symbol: String,
    pub(super) base: String,
    pub(super) quote: String,
    /// The decimals of prices.
    pub(super) price_scale: u8,
    /// The price step, in units of the price scale.
    pub(super) tick: u64,
    /// The decimals of quantities.
    pub(super) quantity_scale: u8,
    /// The quantity step, in units of the quantity scale.
    pub(super) step: u64,
    /// Whether orders are taken.
    pub(super) is_trading: bool,
}

impl Market {
    /// How many steps lie between two at which bots act here.
    pub(super) fn stride(&self) -> u32 {
        stride(&self.base, &self.quote)
    }

    /// A price so far from `center` on this side, on the tick farther away.
    pub(super) fn price_away(&self, center: u64, side: Side, away: u64) -> u64 {
        let tick = self.tick;
        match side {
            Side::Buy => (center.saturating_sub(away) / tick).max(1) * tick,
            Side::Sell => (center + away).div_ceil(tick) * tick,
        }
    }
}

/// What anybody may ask of the venue.
#[derive(Clone)]
pub(super) struct Public {
    pub(super) http: Http,
    pub(super) address: SocketAddr,
}

impl Public {
    async fn get(&self, path: &str) -> Result<Value, String> {
        let request = Request::get(format!("http://{}{path}", self.address)).body(Full::default());
        let answer = self.http.send(request.map_err(|error| error.to_string())?).await?;
        match answer.status {
            StatusCode::OK => serde_json::from_slice(&answer.body).map_err(|error| error.to_string()),
            status => Err(format!("{status} {}", String::from_utf8_lossy(&answer.body))),
        }
    }

    /// The symbols that the venue lists.
    pub(super) async fn markets(&self) -> Result<Vec<Market>, Failure> {
        let failed = |reason: String| Failure::failed(format!("the demo cannot read the venue's symbols: {reason}"));
        let listed = self.get("/api/v3/exchangeInfo").await.map_err(failed)?;
        let symbols = listed["symbols"].as_array().ok_or_else(|| failed("there is no list".to_owned()))?;
        let markets: Option<Vec<_>> = symbols.iter().map(market).collect();
        markets.ok_or_else(|| failed("a symbol has no filters".to_owned()))
    }

    /// What assets were last traded at in USDT, in a walk's unit; only those that were.
    pub(super) async fn last_worths(&self) -> Result<BTreeMap<String, u64>, Failure> {
        let failed = |reason: String| Failure::failed(format!("the demo cannot read the venue's prices: {reason}"));
        let listed = self.get("/api/v3/ticker/price").await.map_err(failed)?;
        Ok(listed.as_array().into_iter().flatten().filter_map(last_worth).collect())
    }

    /// Whether there are quotes on both sides and was a trade; otherwise what is missing. Nothing is, where no orders
    /// are taken.
    pub(super) async fn look(&self, market: &Market) -> Result<(), String> {
        if !market.is_trading {
            return Ok(());
        }
        let book = self.get(&format!("/api/v3/depth?symbol={}&limit=5", market.symbol)).await?;
        let trades = self.get(&format!("/api/v3/aggTrades?symbol={}&limit=1", market.symbol)).await?;
        for (what, list) in [("bid", &book["bids"]), ("ask", &book["asks"]), ("trade", &trades)] {
            if list.as_array().is_none_or(Vec::is_empty) {
                return Err(format!("there is no {what}"));
            }
        }
        Ok(())
    }
}

fn market(symbol: &Value) -> Option<Market> {
    let text = |name: &str| symbol[name].as_str().map(str::to_owned);
    let filter = |kind: &str, field: &str| {
        let filters = symbol["filters"].as_array()?;
        let step = filters.iter().find(|filter| filter["filterType"] == kind)?[field].as_str()?;
        let scale = significant_decimals(step).ok()?;
        Some((scale, u64::try_from(parse(step, scale).ok()?).ok().filter(|step| *step > 0)?))
    };
    let (price_scale, tick) = filter("PRICE_FILTER", "tickSize")?;
    let (quantity_scale, step) = filter("LOT_SIZE", "stepSize")?;
    let (symbol_name, base, quote) = (text("symbol")?, text("baseAsset")?, text("quoteAsset")?);
    let is_trading = symbol["status"] == "TRADING";
    Some(Market { symbol: symbol_name, base, quote, price_scale, tick, quantity_scale, step, is_trading })
}

/// The asset of a symbol like BTCUSDT, and its price in a walk's unit.
fn last_worth(row: &Value) -> Option<(String, u64)> {
    let asset = row["symbol"].as_str()?.strip_suffix("USDT")?;
    let text = row["price"].as_str()?;
    let scale = significant_decimals(text).ok()?;
    let worth = parse(text, scale).ok()?.checked_mul(u128::from(USDT * FINE))? / pow10(scale);
    Some((asset.to_owned(), u64::try_from(worth).ok().filter(|worth| *worth > 0)?))
}

/// A client with an API key.
pub(super) struct Trader {
    public: Public,
    clock: Clock,
    api_key: String,
    signer: Signer,
    /// Begins every client order id, so that one run never uses those of another.
    run: String,
}

impl Trader {
    pub(super) fn new(public: Public, clock: Clock, api_key: String, secret_key: &str) -> Self {
        let run = format!("{:x}", clock.now().second());
        Self { public, clock, api_key, signer: Signer::hmac(secret_key), run }
    }

    /// Cancels whatever an earlier run left.
    pub(super) async fn cancel_all(&self, market: &Market) {
        let query = Query::new().with("symbol", &market.symbol);
        self.send(Method::DELETE, "/api/v3/openOrders", query).await;
    }

    /// Cancels an order and says how much of it was filled. One that is there no more was filled as a whole: nobody
    /// else cancels a bot's orders.
    async fn cancel(&self, market: &Market, order: &Order) -> u64 {
        let client_order_id = self.client_order_id(order);
        let query = Query::new().with("symbol", &market.symbol).with("origClientOrderId", &client_order_id);
        match self.send(Method::DELETE, "/api/v3/order", query).await {
            Outcome::Done(answer) => executed(market, &answer).map_or(0, |(quantity, _)| quantity),
            Outcome::Refused => order.quantity,
            Outcome::Unknown => 0,
        }
    }

    /// Places a quote that must not trade at once, and says whether it was refused.
    async fn quote(&self, market: &Market, order: &Order) -> bool {
        let query = self.order(market, order, "LIMIT_MAKER").with("newOrderRespType", "ACK");
        matches!(self.send(Method::POST, "/api/v3/order", query).await, Outcome::Refused)
    }

    /// Takes, and says at which price if anything was had.
    async fn take(&self, market: &Market, order: &Order) -> Option<u64> {
        let query = match order.price {
            Some(_) => self.order(market, order, "LIMIT").with("timeInForce", "IOC"),
            None => self.order(market, order, "MARKET"),
        };
        match self.send(Method::POST, "/api/v3/order", query.with("newOrderRespType", "RESULT")).await {
            Outcome::Done(answer) => executed(market, &answer)?.1,
            Outcome::Refused | Outcome::Unknown => None,
        }
    }

    fn order(&self, market: &Market, order: &Order, order_type: &str) -> Query {
        let query = Query::new()
            .with("symbol", &market.symbol)
            .with("side", order.side.name())
            .with("type", order_type)
            .with("quantity", decimal(order.quantity, market.quantity_scale))
            .with("newClientOrderId", self.client_order_id(order));
        match order.price {
            Some(price) => query.with("price", decimal(price, market.price_scale)),
            None => query,
        }
    }

    fn client_order_id(&self, order: &Order) -> String {
        format!("{}-{}", self.run, order.client_order_id)
    }

    /// Sends a signed request. What a venue refuses is no news: a quote may come too late, a book be empty.
    async fn send(&self, method: Method, path: &str, query: Query) -> Outcome {
        let query = query.with("timestamp", self.clock.now().millis()).signed(&self.signer);
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}?{query}", self.public.address))
            .header("X-MBX-APIKEY", &self.api_key)
            .body(Full::<Bytes>::default())
            .expect("a query is percent-encoded and a key is letters and digits");
        match self.public.http.send(request).await {
            Ok(Answer { status: StatusCode::OK, body }) => {
                Outcome::Done(serde_json::from_slice(&body).unwrap_or_default())
            }
            Ok(Answer { status, body }) => {
                let answer = String::from_utf8_lossy(&body);
                tracing::debug!(%status, %answer, "The venue refused a bot.");
                if status.is_client_error() { Outcome::Refused } else { Outcome::Unknown }
            }
            Err(error) => {
                tracing::debug!(error, "A bot got no answer.");
                Outcome::Unknown
            }
        }
    }
}

/// What became of a request.
enum Outcome {
    Done(Value),
    Refused,
    /// It may have been executed. The maker's levels are renewed all the time, so it finds out.
    Unknown,
}

/// How much of an order was filled and, if anything, at which price in the mean.
fn executed(market: &Market, answer: &Value) -> Option<(u64, Option<u64>)> {
    let number = |name: &str, scale: u8| parse(answer[name].as_str()?, scale).ok();
    let quantity = number("executedQty", market.quantity_scale)?;
    let notional = number("cummulativeQuoteQty", market.price_scale + market.quantity_scale)?;
    let price = notional.checked_div(quantity).and_then(|price| u64::try_from(price).ok());
    Some((u64::try_from(quantity).ok()?, price))
}

/// The bots' keys.
pub(super) struct Crew {
    /// By the maker's number.
    pub(super) makers: Vec<Arc<Trader>>,
    pub(super) takers: BTreeMap<Kind, Arc<Trader>>,
}

impl Crew {
    /// Does what was decided for one step, and says what the venue told about it.
    pub(super) async fn perform(&self, market: &Market, step: &Step) -> Told {
        let mut told = Told::default();
        for (number, quoting) in &step.quoting {
            told.quoted.push((*number, perform_quoting(&self.makers[*number], market, quoting).await));
        }
        for take in &step.takes {
            told.prices.extend(self.takers[&take.kind].take(market, &take.order).await);
        }
        told
    }
}

async fn perform_quoting(maker: &Trader, market: &Market, quoting: &Quoting) -> Quoted {
    let mut quoted = Quoted::default();
    for order in &quoting.cancels {
        quoted.filled.push((order.side, maker.cancel(market, order).await));
    }
    for order in &quoting.quotes {
        if maker.quote(market, order).await {
            quoted.refused.push(order.client_order_id.clone());
        }
    }
    quoted
}

fn decimal(units: u64, scale: u8) -> String {
    format(i128::from(units), scale, scale)
}

#[cfg(test)]
mod tests {
    use super::super::bot::tests::btcusdt;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_market_is_read_from_exchange_info() {
        let symbol = json!({
            "symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", "status": "TRADING",
            "filters": [
                { "filterType": "PRICE_FILTER", "tickSize": "0.05000000" },
                { "filterType": "LOT_SIZE", "stepSize": "0.00001000" },
            ],
        });
        assert_eq!(market(&symbol), Some(Market { tick: 5, ..btcusdt() }));
        assert_eq!(market(&json!({ "symbol": "BTCUSDT" })), None);
    }

    #[test]
    fn last_prices_are_worths_of_assets() {
        let row = |symbol: &str, price: &str| last_worth(&json!({ "symbol": symbol, "price": price }));
        assert_eq!(row("BTCUSDT", "65000.01000000"), Some(("BTC".to_owned(), 65_000_010_000 * FINE)));
        assert_eq!(row("DOGEUSDT", "0.12345000"), Some(("DOGE".to_owned(), 123_450 * FINE)));
        assert_eq!(row("ETHBTC", "0.05000000"), None);
        assert_eq!(row("BTCUSDT", "0.00000000"), None);
    }

    #[test]
    fn what_was_filled_is_read_from_an_answer() {
        let answer = |quantity: &str, quote: &str| {
            executed(&btcusdt(), &json!({ "executedQty": quantity, "cummulativeQuoteQty": quote }))
        };
        assert_eq!(answer("0.00200000", "130.02000000"), Some((200, Some(6_501_000))));
        assert_eq!(answer("0.00000000", "0.00000000"), Some((0, None)));
        assert_eq!(executed(&btcusdt(), &json!({})), None);
    }

    #[test]
    fn prices_lie_on_the_tick_farther_away() {
        let market = Market { tick: 5, ..btcusdt() };
        assert_eq!(market.price_away(102, Side::Buy, 1), 100);
        assert_eq!(market.price_away(102, Side::Sell, 1), 105);
        assert_eq!(market.price_away(102, Side::Buy, 1_000), 5);
    }

    #[test]
    fn numbers_keep_all_their_decimals() {
        assert_eq!((decimal(6_500_001, 2), decimal(7, 0)), ("65000.01".to_owned(), "7".to_owned()));
    }
}
