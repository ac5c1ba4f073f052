//! The running venue as a market: two accounts of its own, and the public API. What an order of unknown outcome
//! became is looked up, what was not done for want of room is asked for again.

use super::grid::Grid;
use super::numbers::{Price, Quantity};
use super::plan::{Canceled, Depth, Found, Number, Order, Placed, Seen};
use super::play::Market;
use super::socket::{Answer, Key, Line, Request, pause};
use crate::Failure;
use crate::client::{Http, OperatorClient};
use crate::config::Config;
use crate::serve::find_running;
use emporion_api::Named;
use emporion_api::signing::Signer;
use emporion_api::v1::{
    AccountMade, AccountPurpose, AccountRequest, AssetAmount, DepositMade, DepositRequest, DepositState,
};
use emporion_edge::Clock;
use emporion_model::TimeInForce;
use http_body_util::Full;
use hyper::StatusCode;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// What each account gets of each asset: the first of ten to the power of these that the asset's supply allows.
const DEPOSIT_EXPONENTS: std::ops::RangeInclusive<u32> = 2..=10;
/// The most levels of a half that the venue tells.
const DEPTH_LIMIT: usize = 5_000;
/// Before what the venue was too busy for is asked for again.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// What is still refused for want of room after this time ends the play.
const BUSY_MAX: Duration = Duration::from_secs(600);
/// The longest wait for a limit's window to end.
const WINDOW_MAX: Duration = Duration::from_secs(120);

/// The venue.
pub(super) struct Venue {
    http: Http,
    base: String,
    symbol: String,
    maker: Line,
    taker: Line,
    /// What the client order ids of this play begin with.
    run: String,
    /// The venue's words about the first placement that it refused.
    pub(super) first_refusal: Option<String>,
    /// How often it waited because requests were too many.
    pub(super) throttled: u64,
}

/// What the venue says of a symbol.
pub(super) async fn grid_of(config: &Config, symbol: &str) -> Result<Grid, Failure> {
    let (address, _) = find_running(&config.data_dir)?;
    let listed = get(&Http::new(), &format!("{}/api/v3/exchangeInfo?symbol={symbol}", address.rest)).await;
    let listed = listed.map_err(|Failure { exit, sentence }| Failure {
        exit,
        sentence: format!("the steps of {symbol} cannot be learned: {sentence}"),
    })?;
    let unread = || Failure::failed(format!("the venue does not tell the steps of {symbol}"));
    Grid::read(&listed["symbols"][0]).ok_or_else(unread)
}

impl Venue {
    /// Makes or finds the two accounts, connects, and cancels what an earlier play left.
    pub(super) async fn open(config: &Config, grid: &Grid) -> Result<Self, Failure> {
        let (address, _) = find_running(&config.data_dir)?;
        let operator = OperatorClient::find(config)?;
        let [maker, taker] = ["maker", "taker"].map(|role| format!("replay-{role}-{}", grid.symbol));
        let (maker, taker) = (account(&operator, &maker, grid).await?, account(&operator, &taker, grid).await?);
        let host = address.rest.trim_start_matches("http://");
        let run: u32 = rand::random();
        let mut venue = Self {
            http: Http::new(),
            base: address.rest.clone(),
            symbol: grid.symbol.clone(),
            maker: Line::open(host, maker).await?,
            taker: Line::open(host, taker).await?,
            run: format!("replay-{run:08x}"),
            first_refusal: None,
            throttled: 0,
        };
        venue.cancel_all().await?;
        Ok(venue)
    }

    /// Cancels everything that the maker has on the symbol.
    pub(super) async fn cancel_all(&mut self) -> Result<(), Failure> {
        loop {
            let request = self.request("openOrders.cancelAll", Vec::new());
            let answers = ask(&mut self.maker, &mut self.throttled, vec![request]).await?;
            match answers.into_iter().next().flatten() {
                Some(Answer { status: 200, .. }) => return Ok(()),
                Some(answer) if code(&answer) == NOTHING_TO_CANCEL => return Ok(()),
                Some(answer) => return Err(refused("to cancel the maker's orders", &answer)),
                None => pause(BUSY_PAUSE).await,
            }
        }
    }

    fn name(&self, number: Number) -> String {
        format!("{}-{number}", self.run)
    }

    fn request(&self, method: &'static str, mut parameters: Vec<(&'static str, String)>) -> Request {
        parameters.push(("symbol", self.symbol.clone()));
        Request { method, parameters }
    }

    fn placement(&self, order: &Order, time_in_force: TimeInForce, answer: &str) -> Request {
        let parameters = vec![
            ("side", order.side.name().to_owned()),
            ("type", "LIMIT".to_owned()),
            ("timeInForce", time_in_force.name().to_owned()),
            ("price", order.price.to_string()),
            ("quantity", order.quantity.to_string()),
            ("newClientOrderId", self.name(order.number)),
            ("newOrderRespType", answer.to_owned()),
        ];
        self.request("order.place", parameters)
    }

    fn about(&self, method: &'static str, number: Number) -> Request {
        self.request(method, vec![("origClientOrderId", self.name(number))])
    }

    async fn ask_maker(&mut self, requests: Vec<Request>) -> Result<Vec<Option<Answer>>, Failure> {
        ask(&mut self.maker, &mut self.throttled, requests).await
    }

    /// What became of an order of the maker; `None` when there never was one.
    async fn state(&mut self, number: Number) -> Result<Option<Value>, Failure> {
        loop {
            let request = self.about("order.status", number);
            let answers = self.ask_maker(vec![request]).await?;
            match answers.into_iter().next().flatten() {
                Some(Answer { status: 200, body }) => return Ok(Some(body)),
                Some(answer) if code(&answer) == NO_SUCH_ORDER => return Ok(None),
                Some(answer) => return Err(refused("to tell an order's state", &answer)),
                None => pause(BUSY_PAUSE).await,
            }
        }
    }

    /// What a placement came to.
    async fn settle_placement(&mut self, order: &Order, answer: Option<Answer>) -> Result<Placed, Failure> {
        let mut answer = answer;
        loop {
            match answer {
                Some(Answer { status: 200, body }) => return placed(&body),
                Some(refusal) if !is_duplicate(&refusal) => {
                    self.first_refusal.get_or_insert_with(|| message(&refusal));
                    return Ok(Placed::Refused);
                }
                // Of unknown outcome, or done at an earlier try whose outcome was unknown.
                _ => {}
            }
            if let Some(state) = self.state(order.number).await? {
                return placed(&state);
            }
            let request = self.placement(order, TimeInForce::Gtc, "RESULT");
            answer = self.ask_maker(vec![request]).await?.into_iter().next().flatten();
        }
    }

    /// What a cancel came to.
    async fn settle_cancel(&mut self, number: Number, answer: Option<Answer>) -> Result<Canceled, Failure> {
        let mut answer = answer;
        loop {
            match answer {
                Some(Answer { status: 200, body }) => {
                    return Ok(Canceled::Done { executed: quantity(&body, "executedQty")? });
                }
                Some(refusal) if code(&refusal) == NOTHING_TO_CANCEL => return Ok(Canceled::Unknown),
                Some(refusal) => return Err(refused("to cancel an order", &refusal)),
                None => {}
            }
            match self.state(number).await? {
                None => return Ok(Canceled::Unknown),
                Some(state) if state["status"] == "CANCELED" => {
                    return Ok(Canceled::Done { executed: quantity(&state, "executedQty")? });
                }
                Some(state) if !is_open(&state) => return Ok(Canceled::Unknown),
                Some(_) => {}
            }
            let request = self.about("order.cancel", number);
            answer = self.ask_maker(vec![request]).await?.into_iter().next().flatten();
        }
    }

    async fn ask_taker(&mut self, request: Request) -> Result<Option<Answer>, Failure> {
        Ok(ask(&mut self.taker, &mut self.throttled, vec![request]).await?.into_iter().next().flatten())
    }

    /// What the taker's order met, when its answer was lost; `None` when it never was one.
    async fn lost_fills(&mut self, order: &Order) -> Result<Option<Vec<(Price, Quantity)>>, Failure> {
        loop {
            let state = self.ask_taker(self.about("order.status", order.number)).await?;
            let order_id = match state {
                Some(Answer { status: 200, body }) => body["orderId"].to_string(),
                Some(answer) if code(&answer) == NO_SUCH_ORDER => return Ok(None),
                Some(answer) => return Err(refused("to tell an order's state", &answer)),
                None => continue,
            };
            match self.ask_taker(self.request("myTrades", vec![("orderId", order_id)])).await? {
                Some(Answer { status: 200, body }) => return fills(&body).map(Some),
                Some(answer) => return Err(refused("to tell an order's trades", &answer)),
                None => {}
            }
        }
    }
}

impl Market for Venue {
    async fn cancel(&mut self, numbers: &[Number]) -> Result<Vec<Canceled>, Failure> {
        let requests = numbers.iter().map(|number| self.about("order.cancel", *number)).collect();
        let mut canceled = Vec::with_capacity(numbers.len());
        for (number, answer) in numbers.iter().zip(self.ask_maker(requests).await?) {
            canceled.push(self.settle_cancel(*number, answer).await?);
        }
        Ok(canceled)
    }

    async fn place(&mut self, orders: &[Order]) -> Result<Vec<Placed>, Failure> {
        let requests = orders.iter().map(|order| self.placement(order, TimeInForce::Gtc, "RESULT")).collect();
        let mut placed = Vec::with_capacity(orders.len());
        for (order, answer) in orders.iter().zip(self.ask_maker(requests).await?) {
            placed.push(self.settle_placement(order, answer).await?);
        }
        Ok(placed)
    }

    async fn take(&mut self, order: &Order) -> Result<Vec<(Price, Quantity)>, Failure> {
        loop {
            match self.ask_taker(self.placement(order, TimeInForce::Ioc, "FULL")).await? {
                Some(Answer { status: 200, body }) => return fills(&body["fills"]),
                Some(refusal) if !is_duplicate(&refusal) => {
                    return Err(refused(&format!("a trade of {} at {}", order.quantity, order.price), &refusal));
                }
                _ => {}
            }
            if let Some(fills) = self.lost_fills(order).await? {
                return Ok(fills);
            }
        }
    }

    async fn look(&mut self, numbers: &[Number]) -> Result<Vec<Found>, Failure> {
        let requests = numbers.iter().map(|number| self.about("order.status", *number)).collect();
        let mut all = Vec::with_capacity(numbers.len());
        for (number, answer) in numbers.iter().zip(self.ask_maker(requests).await?) {
            let state = match answer {
                Some(Answer { status: 200, body }) => Some(body),
                _ => self.state(*number).await?,
            };
            let gone = || Failure::failed("the venue does not know an order that it took");
            let state = state.ok_or_else(gone)?;
            all.push(Found { executed: quantity(&state, "executedQty")?, is_open: is_open(&state) });
        }
        Ok(all)
    }

    async fn depth(&mut self) -> Result<Depth, Failure> {
        let url = format!("{}/api/v3/depth?symbol={}&limit={DEPTH_LIMIT}", self.base, self.symbol);
        let until = Instant::now() + BUSY_MAX;
        let book: Value = loop {
            let answer = self.http.send(get_request(&url)?).await.map_err(|reason| unasked(&self.base, &reason))?;
            if answer.status == StatusCode::OK {
                break serde_json::from_slice(&answer.body).map_err(|_| undocumented("depth"))?;
            }
            let error: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let is_limited = answer.status.as_u16() == 429;
            if !(is_limited || error["code"] == BUSY) || Instant::now() >= until {
                return Err(refused("to show its book", &Answer { status: answer.status.as_u16(), body: error }));
            }
            self.throttled += u64::from(is_limited);
            pause(if is_limited { until_next_minute() } else { BUSY_PAUSE }).await;
        };
        Ok(Depth { bids: seen(&book["bids"])?, asks: seen(&book["asks"])? })
    }

    async fn wait(&mut self, until: Instant) -> Result<(), Failure> {
        tokio::select! {
            () = sleep_until(until) => {}
            () = self.maker.idle() => {}
            () = self.taker.idle() => {}
        }
        Ok(())
    }
}

const BUSY: i64 = -1008;
const UNKNOWN: i64 = -1007;
const LATE: i64 = -1021;
const NOTHING_TO_CANCEL: i64 = -2011;
const NO_SUCH_ORDER: i64 = -2013;

/// Asks until every request is decided. None is of unknown outcome.
async fn ask(line: &mut Line, throttled: &mut u64, requests: Vec<Request>) -> Result<Vec<Option<Answer>>, Failure> {
    let until = Instant::now() + BUSY_MAX;
    let mut decided = vec![None; requests.len()];
    let mut open: Vec<usize> = (0..requests.len()).collect();
    loop {
        let batch: Vec<_> = open.iter().map(|index| requests[*index].clone()).collect();
        let mut again = Vec::new();
        let mut wait = BUSY_PAUSE;
        for (index, answer) in open.iter().copied().zip(line.exchange(&batch).await?) {
            let Some(answer) = answer else { continue };
            match code(&answer) {
                _ if answer.is_limited() => {
                    wait = wait.max(until_retry(&answer.body));
                    again.push(index);
                }
                BUSY | LATE => again.push(index),
                UNKNOWN => {}
                _ if answer.status >= 500 => {}
                _ => decided[index] = Some(answer),
            }
        }
        if again.is_empty() {
            return Ok(decided);
        }
        if Instant::now() >= until {
            return Err(Failure::failed("the venue has been too busy for too long"));
        }
        *throttled += u64::from(wait > BUSY_PAUSE);
        pause(wait).await;
        open = again;
    }
}

/// How long a limit's window lasts, as the venue says.
fn until_retry(error: &Value) -> Duration {
    let until_ms = error["data"]["retryAfter"].as_u64().unwrap_or_default();
    let now_ms = Clock::system().now().millis();
    let wait = Duration::from_millis(until_ms.saturating_sub(now_ms));
    wait.clamp(Duration::from_secs(1), WINDOW_MAX)
}

/// How long the present window of request weights lasts: windows are minutes of the clock.
fn until_next_minute() -> Duration {
    const MINUTE_MS: u64 = 60_000;
    Duration::from_millis(MINUTE_MS - Clock::system().now().millis() % MINUTE_MS)
}

/// The account with this name, with enough of both assets.
async fn account(operator: &OperatorClient, name: &str, grid: &Grid) -> Result<Key, Failure> {
    let assets = [&grid.base, &grid.quote];
    let most = amount(*DEPOSIT_EXPONENTS.end());
    let deposits = assets.map(|asset| AssetAmount { asset: asset.clone(), amount: most.clone() });
    let request = AccountRequest {
        name: name.to_owned(),
        deposits: deposits.to_vec(),
        ed25519_public_key: None,
        kind: AccountPurpose::Replayer,
    };
    let made: AccountMade = operator.post("/v1/operator/accounts", &request).await?;
    for deposit in made.deposits.iter().filter(|deposit| deposit.state == DepositState::Refused) {
        deposit_less(operator, name, made.account_id, &deposit.asset).await?;
    }
    let without = || Failure::failed("the venue made an account without a secret");
    let signer = Signer::hmac(&made.secret_key.ok_or_else(without)?);
    Ok(Key { api_key: made.api_key, signer })
}

/// Deposits as much as the asset's supply allows. Each try has a reference of its own and is done once at most.
async fn deposit_less(operator: &OperatorClient, name: &str, account_id: u64, asset: &str) -> Result<(), Failure> {
    for exponent in DEPOSIT_EXPONENTS.rev().skip(1) {
        let request = DepositRequest {
            reference: format!("{name}-{asset}-{exponent}"),
            account_id,
            asset: asset.to_owned(),
            amount: amount(exponent),
        };
        let made: DepositMade = operator.post("/v1/operator/deposits", &request).await?;
        if made.state == DepositState::Done {
            return Ok(());
        }
    }
    Err(Failure::failed(format!("the supply of {asset} leaves nothing for the account {name}")))
}

fn amount(exponent: u32) -> String {
    10u64.pow(exponent).to_string()
}

fn get_request(url: &str) -> Result<hyper::Request<Full<bytes::Bytes>>, Failure> {
    let request = hyper::Request::get(url).body(Full::default());
    request.map_err(|error| Failure::usage(format!("no request can be made of this: {error}")))
}

async fn get(http: &Http, url: &str) -> Result<Value, Failure> {
    let answer = http.send(get_request(url)?).await.map_err(|reason| unasked(url, &reason))?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status == StatusCode::OK {
        return Ok(body);
    }
    Err(refused("to answer", &Answer { status: answer.status.as_u16(), body }))
}

fn unasked(base: &str, reason: &str) -> Failure {
    Failure::failed(format!("the venue at {base} cannot be asked: {reason}"))
}

fn refused(what: &str, answer: &Answer) -> Failure {
    Failure::failed(format!("the venue refused {what}: {}", message(answer).trim_end_matches('.')))
}

fn undocumented(field: &str) -> Failure {
    Failure::failed(format!("the venue's answer is not the documented one: it has no good {field}"))
}

fn code(answer: &Answer) -> i64 {
    answer.body["code"].as_i64().unwrap_or_default()
}

fn message(answer: &Answer) -> String {
    answer.body["msg"].as_str().map_or_else(|| format!("status {}", answer.status), str::to_owned)
}

fn is_duplicate(answer: &Answer) -> bool {
    answer.body["msg"] == "Duplicate order sent."
}

fn is_open(order: &Value) -> bool {
    order["status"] == "NEW" || order["status"] == "PARTIALLY_FILLED"
}

fn placed(order: &Value) -> Result<Placed, Failure> {
    Ok(Placed::Done { executed: quantity(order, "executedQty")?, is_open: is_open(order) })
}

fn quantity(object: &Value, field: &str) -> Result<Quantity, Failure> {
    let text = object[field].as_str().and_then(|text| Quantity::parse(text).ok());
    text.ok_or_else(|| undocumented(field))
}

fn price(object: &Value, field: &str) -> Result<Price, Failure> {
    let text = object[field].as_str().and_then(|text| Price::parse(text).ok());
    text.ok_or_else(|| undocumented(field))
}

fn fills(list: &Value) -> Result<Vec<(Price, Quantity)>, Failure> {
    let list = list.as_array().ok_or_else(|| undocumented("fills"))?;
    list.iter().map(|fill| Ok((price(fill, "price")?, quantity(fill, "qty")?))).collect()
}

fn seen(half: &Value) -> Result<Seen, Failure> {
    let rows = half.as_array().ok_or_else(|| undocumented("depth"))?;
    let level = |row: &Value| {
        let text = |index: usize| row[index].as_str();
        Some((Price::parse(text(0)?).ok()?, Quantity::parse(text(1)?).ok()?))
    };
    let levels: Option<_> = rows.iter().map(level).collect();
    Ok(Seen { levels: levels.ok_or_else(|| undocumented("depth"))?, is_cut: rows.len() >= DEPTH_LIMIT })
}

#[cfg(test)]
mod tests {
    use super::super::socket::testing::{Server, key};
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_read_as_documented() {
        let [one, half] = ["1.00000000", "0.50000000"].map(|text| Quantity::parse(text).unwrap());
        let open = json!({ "status": "PARTIALLY_FILLED", "executedQty": "0.50000000" });
        assert_eq!(placed(&open), Ok(Placed::Done { executed: half, is_open: true }));
        let filled = json!({ "status": "FILLED", "executedQty": "1.00000000" });
        assert_eq!(placed(&filled), Ok(Placed::Done { executed: one, is_open: false }));
        assert!(placed(&json!({ "status": "NEW" })).unwrap_err().sentence.contains("executedQty"));
        let at = Price::parse("9").unwrap();
        assert_eq!(fills(&json!([{ "price": "9.00", "qty": "1.0", "commission": "0" }])), Ok(vec![(at, one)]));
        assert_eq!(fills(&json!([])), Ok(vec![]));
        let half_book = seen(&json!([["9.00", "1.0"]])).unwrap();
        assert_eq!((half_book.levels.get(&at), half_book.is_cut), (Some(&one), false));
        assert!(seen(&json!([["9.00"]])).is_err());
    }

    /// What there was no room for is asked for again until it is decided, what has no known outcome is left to its
    /// asker, and both come back in the order in which they were asked for.
    #[tokio::test]
    async fn requests_are_asked_for_again_until_they_are_decided() {
        let error = |status: u16, code: i32| Some((status, json!({ "code": code, "msg": "no" })));
        let server = Server::start(vec![
            error(503, -1008),
            Some((200, json!("first"))),
            error(504, -1007),
            error(400, -2010),
            error(400, -1021),
            Some((200, json!("after-being-busy"))),
            error(429, -1003),
            Some((200, json!("after-a-limit"))),
        ])
        .await;
        let mut line = Line::open(&server.address, key()).await.unwrap();
        let request = Request { method: "order.place", parameters: Vec::new() };
        let mut throttled = 0;
        let answers = ask(&mut line, &mut throttled, vec![request; 5]).await.unwrap();
        let told = answers.iter().map(|answer| answer.as_ref().map(|answer| (answer.status, answer.body.clone())));
        let told: Vec<_> = told.collect();
        let refusal = Some((400, json!({ "code": -2010, "msg": "no" })));
        let [busy, first, limited] =
            ["after-being-busy", "first", "after-a-limit"].map(|body| Some((200, json!(body))));
        assert_eq!(told, [busy, first, None, refusal, limited]);
        assert_eq!(throttled, 1);
    }

    #[test]
    fn waits_end_with_the_window_that_the_venue_names() {
        let in_ms = |ms: u64| json!({ "data": { "retryAfter": Clock::system().now().millis() + ms } });
        assert_eq!(until_retry(&json!({})), Duration::from_secs(1));
        assert_eq!(until_retry(&in_ms(3_600_000)), WINDOW_MAX);
        assert!(until_retry(&in_ms(30_000)) > Duration::from_secs(20));
    }
}
