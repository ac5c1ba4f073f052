//! The venue as the bots see it: its public API, and nothing else.

use super::bot::{Order, Step};
use crate::Failure;
use crate::client::{Answer, Http};
use bytes::Bytes;
use emporion_api::Named;
use emporion_api::signing::{Query, Signer};
use emporion_edge::Clock;
use emporion_model::TimeInForce;
use emporion_model::decimal::{format, parse, significant_decimals};
use http_body_util::Full;
use hyper::{Method, Request, StatusCode};
use serde_json::Value;
use std::net::SocketAddr;

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
}

/// The symbols that the venue at `address` lists.
pub(super) async fn markets(http: &Http, address: SocketAddr) -> Result<Vec<Market>, Failure> {
    let failed = |reason: String| Failure::failed(format!("the demo cannot read the venue's symbols: {reason}"));
    let request = Request::get(format!("http://{address}/api/v3/exchangeInfo")).body(Full::default());
    let request = request.map_err(|error| failed(error.to_string()))?;
    let answer = http.send(request).await.map_err(failed)?;
    let listed: Value = serde_json::from_slice(&answer.body).map_err(|error| failed(error.to_string()))?;
    let symbols = listed["symbols"].as_array().ok_or_else(|| failed(answer.status.to_string()))?;
    let markets: Option<Vec<_>> = symbols.iter().map(market).collect();
    markets.ok_or_else(|| failed("a symbol has no filters".to_owned()))
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
    let (symbol, base, quote) = (text("symbol")?, text("baseAsset")?, text("quoteAsset")?);
    Some(Market { symbol, base, quote, price_scale, tick, quantity_scale, step })
}

/// A client with an API key.
pub(super) struct Trader {
    http: Http,
    address: SocketAddr,
    clock: Clock,
    api_key: String,
    signer: Signer,
}

impl Trader {
    pub(super) fn new(http: Http, address: SocketAddr, api_key: String, secret_key: &str) -> Self {
        Self { http, address, clock: Clock::system(), api_key, signer: Signer::hmac(secret_key) }
    }

    /// Cancels whatever an earlier run left.
    pub(super) async fn cancel_all(&self, market: &Market) {
        let query = Query::new().with("symbol", &market.symbol);
        self.send(Method::DELETE, "/api/v3/openOrders", query).await;
    }

    async fn cancel(&self, market: &Market, client_order_id: &str) {
        let query = Query::new().with("symbol", &market.symbol).with("origClientOrderId", client_order_id);
        self.send(Method::DELETE, "/api/v3/order", query).await;
    }

    async fn place(&self, market: &Market, order: &Order, time_in_force: TimeInForce) {
        let query = Query::new()
            .with("symbol", &market.symbol)
            .with("side", order.side.name())
            .with("type", "LIMIT")
            .with("timeInForce", time_in_force.name())
            .with("price", decimal(order.price, market.price_scale))
            .with("quantity", decimal(order.quantity, market.quantity_scale))
            .with("newClientOrderId", &order.client_order_id)
            .with("newOrderRespType", "ACK");
        self.send(Method::POST, "/api/v3/order", query).await;
    }

    /// Sends a signed request. What a venue refuses is no news: a canceled order may be filled, a book empty.
    async fn send(&self, method: Method, path: &str, query: Query) {
        let query = query.with("timestamp", self.clock.now().millis()).signed(&self.signer);
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}?{query}", self.address))
            .header("X-MBX-APIKEY", &self.api_key)
            .body(Full::<Bytes>::default())
            .expect("a query is percent-encoded and a key is letters and digits");
        match self.http.send(request).await {
            Ok(Answer { status: StatusCode::OK, .. }) => {}
            Ok(Answer { status, body }) => {
                let answer = String::from_utf8_lossy(&body);
                tracing::debug!(%status, %answer, "The venue refused a bot.");
            }
            Err(error) => tracing::debug!(error, "A bot got no answer."),
        }
    }
}

/// Does what was decided for one step.
pub(super) async fn perform(market: &Market, step: Step, maker: &Trader, taker: &Trader) {
    for client_order_id in &step.cancels {
        maker.cancel(market, client_order_id).await;
    }
    for quote in &step.quotes {
        maker.place(market, quote, TimeInForce::Gtc).await;
    }
    if let Some(take) = &step.take {
        taker.place(market, take, TimeInForce::Ioc).await;
    }
}

fn decimal(units: u64, scale: u8) -> String {
    format(i128::from(units), scale, scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_market_is_read_from_exchange_info() {
        let symbol = serde_json::json!({
            "symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT",
            "filters": [
                { "filterType": "PRICE_FILTER", "tickSize": "0.05000000" },
                { "filterType": "LOT_SIZE", "stepSize": "0.00001000" },
            ],
        });
        let [symbol_name, base, quote] = ["BTCUSDT", "BTC", "USDT"].map(str::to_owned);
        let expected = Market { symbol: symbol_name, base, quote, price_scale: 2, tick: 5, quantity_scale: 5, step: 1 };
        assert_eq!(market(&symbol), Some(expected));
        assert_eq!(market(&serde_json::json!({ "symbol": "BTCUSDT" })), None);
    }

    #[test]
    fn numbers_keep_all_their_decimals() {
        assert_eq!((decimal(6_500_001, 2), decimal(7, 0)), ("65000.01".to_owned(), "7".to_owned()));
    }
}
