//! The demo: funded accounts, and bots that trade through the public API so that books, tape and klines live.
//!
//! Only for play money. The bots are clients like any other: they have keys of their own and know nothing but
//! what the public API tells. Their decisions depend on the seed alone.

mod bot;
mod market;
mod prices;

use crate::Failure;
use crate::client::Http;
use crate::config;
use crate::serve::ReadyAccount;
use bot::{Bot, ORDERS_PER_STEP_TENTHS};
use emporion_model::AccountKind;
use emporion_user::UserService;
use emporion_user::operator::AccountWish;
use market::{Trader, markets, perform};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// The accounts for people, who find their keys in the ready file.
const PEOPLE: [&str; 2] = ["alice", "bob"];
const MAKER: &str = "demo-maker";
const TAKER: &str = "demo-taker";
/// What people begin with, in USDT's worth of each asset.
const PEOPLE_WORTH: u64 = 1_000_000;
/// What bots begin with: enough to pay fees for many years.
const BOTS_WORTH: u64 = 1_000_000_000;

/// A running demo. The bots stop when it is dropped.
pub(crate) struct Demo {
    accounts: Vec<ReadyAccount>,
    _bots: JoinSet<()>,
}

impl Demo {
    /// Makes the accounts, or finds those of an earlier start; lets the bots fill the books; and leaves them
    /// trading.
    pub(crate) async fn start(
        config: &config::Demo,
        users: &UserService,
        address: SocketAddr,
    ) -> Result<Self, Failure> {
        let http = Http::new();
        let markets = markets(&http, address).await?;
        let assets: BTreeSet<_> = markets.iter().flat_map(|market| [&*market.base, &*market.quote]).collect();
        let mut accounts = Vec::new();
        for name in PEOPLE {
            accounts.push(account(users, name, &assets, PEOPLE_WORTH).await?);
        }
        let mut traders = Vec::new();
        for name in [MAKER, TAKER] {
            let ReadyAccount { api_key, secret_key, .. } = account(users, name, &assets, BOTS_WORTH).await?;
            traders.push(Arc::new(Trader::new(http.clone(), address, api_key, &secret_key)));
        }
        let [maker, taker] = &traders[..] else { unreachable!("one was made for each of two names") };
        let bots: Vec<_> = markets.iter().filter_map(|market| Bot::new(market.clone(), config.seed)).collect();
        let bots = fill_books(bots, maker, taker).await;
        tracing::info!(symbols = bots.len(), seed = config.seed, "The demo's bots trade.");
        Ok(Self { accounts, _bots: trade(bots, config.orders_per_second, maker, taker) })
    }

    /// The accounts for people.
    pub(crate) fn accounts(&self) -> &[ReadyAccount] {
        &self.accounts
    }
}

/// The account with this name, funded in all of `assets` that the demo knows.
async fn account(
    users: &UserService,
    name: &str,
    assets: &BTreeSet<&str>,
    worth: u64,
) -> Result<ReadyAccount, Failure> {
    let deposit = |asset: &'static str| {
        let amount = worth.checked_mul(prices::USDT)? / prices::first_worth(asset)?;
        Some((asset.to_owned(), amount.to_string()))
    };
    let deposits = prices::known_assets().filter(|asset| assets.contains(asset)).filter_map(deposit).collect();
    let wish = AccountWish { name: name.to_owned(), kind: AccountKind::User, deposits, ed25519_public_pem: None };
    let made = users.operator.make_account(wish).await;
    let made = made.map_err(|error| Failure::failed(format!("the demo's account {name} cannot be made: {error}")))?;
    let secret = made.secret.as_ref().map(|secret| String::from_utf8_lossy(secret.expose()).into_owned());
    Ok(ReadyAccount { name: name.to_owned(), api_key: made.api_key, secret_key: secret.unwrap_or_default() })
}

/// Lets every bot begin, all at the same time, and waits until they have.
async fn fill_books(bots: Vec<Bot>, maker: &Arc<Trader>, taker: &Arc<Trader>) -> Vec<Bot> {
    let mut beginning = JoinSet::new();
    for mut bot in bots {
        let (maker, taker) = (maker.clone(), taker.clone());
        beginning.spawn(async move {
            maker.cancel_all(bot.market()).await;
            let step = bot.begin();
            perform(bot.market(), step, &maker, &taker).await;
            bot
        });
    }
    beginning.join_all().await
}

/// Lets every bot go on, one after the other within each round, so that the load is even.
fn trade(bots: Vec<Bot>, orders_per_second: u64, maker: &Arc<Trader>, taker: &Arc<Trader>) -> JoinSet<()> {
    let mut trading = JoinSet::new();
    let count = u32::try_from(bots.len()).unwrap_or(u32::MAX).max(1);
    let round = Duration::from_micros(ORDERS_PER_STEP_TENTHS * 100_000 * u64::from(count) / orders_per_second);
    let start = Instant::now();
    for (mut bot, place) in bots.into_iter().zip(1..) {
        let (maker, taker) = (maker.clone(), taker.clone());
        trading.spawn(async move {
            let mut rounds = interval_at(start + round * place / count, round);
            rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                rounds.tick().await;
                let step = bot.next();
                perform(bot.market(), step, &maker, &taker).await;
            }
        });
    }
    trading
}
