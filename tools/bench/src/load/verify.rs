//! Asks the venue after a load what became of each order and cancel.

use super::client::Connection;
use super::mix::Kind;
use super::outcome::{Final, Listed, Outcome, Outcomes, Sent};
use super::plan::of_order;
use super::{Account, Load};
use emporion_api::signing::Query;
use hyper::Method;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long after a command's deadline the venue's answer is final.
const FINAL_AFTER: Duration = Duration::from_secs(2);
/// How long one question may be repeated.
const PATIENCE: Duration = Duration::from_secs(60);
const BETWEEN: Duration = Duration::from_millis(100);
/// The longest list of orders that an answer holds.
const LIST_MAX: usize = 1_000;

impl Load {
    /// The newest order of each account, 0 where there is none: what a load places comes after it.
    pub(super) async fn newest_orders(&mut self) -> Vec<u64> {
        let mut newest = Vec::new();
        for account in &self.accounts {
            let query = Query::new().with("symbol", &self.market.symbol).with("limit", 1);
            let list = ask(&mut self.connection, account, "/api/v3/allOrders", query).await;
            newest.push(list.and_then(|list| list[0]["orderId"].as_u64()).unwrap_or(0));
        }
        newest
    }

    /// What became of `sent`, all of which came after the `newest` orders. Every unknown one is asked for until the
    /// answer is final, which takes until some time after its deadline.
    pub(super) async fn verify(&self, sent: Vec<Sent>, newest: &[u64]) -> Outcomes {
        let unknown: Vec<&Sent> = sent.iter().filter(|sent| sent.outcome == Outcome::Unknown).collect();
        if let Some(last) = unknown.iter().map(|sent| sent.answered_at).max() {
            pause((last + self.recv_window + FINAL_AFTER).saturating_duration_since(Instant::now())).await;
        }
        let mut asking = JoinSet::new();
        for (number, account) in self.accounts.iter().enumerate() {
            let own = unknown.iter().filter(|sent| sent.account == number);
            let own: Vec<_> = own.map(|sent| (sent.order.clone(), sent.kind)).collect();
            let (account, market, newest) = (Arc::clone(account), self.market.clone(), newest[number]);
            let mut connection = Connection::new(self.config.target);
            asking.spawn(async move {
                let mut finals = BTreeMap::new();
                for (order, kind) in own {
                    let query = of_order(&market, &order);
                    let found = match ask(&mut connection, &account, "/api/v3/order", query).await {
                        None => Final::Open,
                        Some(Value::Null) => Final::Never,
                        Some(order) => Final::There { is_canceled: order["status"] == "CANCELED" },
                    };
                    finals.insert((order, kind), found);
                }
                (finals, list(&mut connection, &account, &market.symbol, newest).await)
            });
        }
        let (mut finals, mut listed) = (BTreeMap::new(), BTreeMap::new());
        while let Some(asked) = asking.join_next().await {
            let (more_finals, more_listed): (BTreeMap<(String, Kind), Final>, BTreeMap<String, Listed>) =
                asked.expect("asking does not panic");
            finals.extend(more_finals);
            listed.extend(more_listed);
        }
        Outcomes::judge(&sent, &listed, &finals)
    }
}

/// All orders of an account after the one named.
async fn list(connection: &mut Connection, account: &Account, symbol: &str, newest: u64) -> BTreeMap<String, Listed> {
    let (mut listed, mut next) = (BTreeMap::<String, Listed>::new(), newest + 1);
    loop {
        let query = Query::new().with("symbol", symbol).with("orderId", next).with("limit", LIST_MAX);
        let page = ask(connection, account, "/api/v3/allOrders", query).await.unwrap_or_default();
        let orders = page.as_array().map(Vec::as_slice).unwrap_or_default();
        for order in orders {
            let is_canceled = order["status"] == "CANCELED";
            let id = order["clientOrderId"].as_str().unwrap_or_default().to_owned();
            let entry = listed.entry(id).or_insert(Listed { count: 0, is_canceled });
            entry.count += 1;
            next = next.max(order["orderId"].as_u64().unwrap_or(0) + 1);
        }
        if orders.len() < LIST_MAX {
            return listed;
        }
    }
}

/// A signed question, until there is an answer: null if there is no such order. None if there never is an answer.
async fn ask(connection: &mut Connection, account: &Account, path: &'static str, query: Query) -> Option<Value> {
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = connection.signed(Method::GET, path, query.clone(), account.by()).await;
        if answer.is_success() {
            return serde_json::from_slice(&answer.body).ok();
        }
        if answer.error_code() == Some(-2013) {
            return Some(Value::Null);
        }
        if Instant::now() > until {
            return None;
        }
        pause(BETWEEN).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "deadlines pass by themselves, and a busy venue is asked again later")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
