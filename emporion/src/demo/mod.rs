//! The demo: funded accounts, a past, and bots that trade through the public API so that books, tape and klines live.
//!
//! Only for play money. The bots are clients like any other: they have keys of their own and know nothing but what
//! the public API tells. The seed fixes what they decide, beside what the venue tells each about its own orders.

mod bot;
mod history;
mod maker;
mod market;
mod prices;
mod takers;
mod trading;

use crate::Failure;
use crate::client::Http;
use crate::config;
use crate::serve::ReadyAccount;
use bot::Bot;
use emporion_edge::Clock;
use emporion_model::AccountKind;
use emporion_ports::imported::ImportedKlines;
use emporion_ports::tables::Queries;
use emporion_user::UserService;
use emporion_user::operator::AccountWish;
use history::{Shape, write_history};
use market::{Crew, Market, Public, Trader};
use prices::typical_move;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use takers::{Kind, MEAN_WORTH};
use tokio::task::JoinSet;
use trading::{ORDERS_PER_STEP_TENTHS, TAKES_PER_HUNDRED};

/// The accounts for people, who find their keys in the ready file.
const PEOPLE: [&str; 2] = ["alice", "bob"];
const MAKER: &str = "demo-maker";
/// What people begin with, in USDT's worth of each asset.
const PEOPLE_WORTH: u64 = 1_000_000;
/// What bots begin with: enough to pay fees for many years.
const BOTS_WORTH: u64 = 1_000_000_000;

/// What a demo stands on.
pub(crate) struct Ground<'a> {
    pub(crate) config: &'a config::Demo,
    pub(crate) users: &'a UserService,
    /// The venue's tables: which symbols there are, and whether they have traded.
    pub(crate) queries: &'a dyn Queries,
    /// Where the past is written.
    pub(crate) imported: &'a dyn ImportedKlines,
    /// Where the public API answers.
    pub(crate) address: SocketAddr,
    pub(crate) clock: Clock,
}

/// A running demo. The bots stop when it is dropped.
pub(crate) struct Demo {
    accounts: Vec<ReadyAccount>,
    _bots: JoinSet<()>,
}

impl Demo {
    /// Writes a past for symbols that have none, makes the accounts, or finds those of an earlier start, and leaves
    /// the bots trading, once each symbol has a book and a trade.
    pub(crate) async fn start(ground: Ground<'_>) -> Result<Self, Failure> {
        let Ground { config, users, queries, imported, address, clock } = ground;
        let public = Public { http: Http::new(), address };
        let markets = public.markets().await?;
        if config.history {
            let symbols = write_history(imported, queries, shape(config, &markets), clock.now()).await?;
            tracing::info!(symbols, "The demo's history is there.");
        }
        let assets: BTreeSet<_> = markets.iter().flat_map(|market| [&*market.base, &*market.quote]).collect();
        let mut accounts = Vec::new();
        for name in PEOPLE {
            accounts.push(account(users, name, &assets, PEOPLE_WORTH).await?);
        }
        let crew = Arc::new(crew(config, users, &assets, &public, &clock).await?);
        let begun = trading::open(bots(config, &markets, &public).await?, &public, &crew).await?;
        tracing::info!(symbols = begun.len(), seed = config.seed, "The demo's bots trade.");
        Ok(Self { accounts, _bots: trading::trade(begun, round(config, &markets), &crew) })
    }

    /// The accounts for people.
    pub(crate) fn accounts(&self) -> &[ReadyAccount] {
        &self.accounts
    }
}

/// Between two steps.
fn round(config: &config::Demo, markets: &[Market]) -> Duration {
    trading::round(markets.iter().map(Market::stride), config.orders_per_second)
}

/// A past that looks as if the bots had made it.
fn shape(config: &config::Demo, markets: &[Market]) -> Shape {
    let round_us = u64::try_from(round(config, markets).as_micros()).unwrap_or(u64::MAX).max(1);
    let tenths = 60_000_000 * ORDERS_PER_STEP_TENTHS * TAKES_PER_HUNDRED * MEAN_WORTH / round_us;
    Shape { seed: config.seed, volatility_bps: config.volatility_bps, turnover_per_minute: tenths / 1_000 }
}

/// A bot for each market, which goes on from the last prices.
async fn bots(config: &config::Demo, markets: &[Market], public: &Public) -> Result<Vec<Bot>, Failure> {
    let round_us = u64::try_from(round(config, markets).as_micros()).unwrap_or(u64::MAX);
    let typical = typical_move(config.volatility_bps, round_us);
    let last = public.last_worths().await?;
    let mut bots: Vec<_> = markets.iter().filter_map(|market| Bot::new(market.clone(), config, typical)).collect();
    bots.iter_mut().for_each(|bot| bot.go_on_from(|asset| last.get(asset).copied()));
    Ok(bots)
}

/// The bots' accounts: one for each maker, and one for each kind of taker.
async fn crew(
    config: &config::Demo,
    users: &UserService,
    assets: &BTreeSet<&str>,
    public: &Public,
    clock: &Clock,
) -> Result<Crew, Failure> {
    let trader = async |name: &str| {
        let ReadyAccount { api_key, secret_key, .. } = account(users, name, assets, BOTS_WORTH).await?;
        Ok::<_, Failure>(Arc::new(Trader::new(public.clone(), clock.clone(), api_key, &secret_key)))
    };
    let mut makers = Vec::new();
    for number in 1..=config.makers() {
        let name = if number == 1 { MAKER.to_owned() } else { format!("{MAKER}-{number}") };
        makers.push(trader(&name).await?);
    }
    let mut takers = BTreeMap::new();
    for kind in Kind::ALL {
        let name = match kind {
            Kind::Random => "demo-taker",
            Kind::Momentum => "demo-momentum",
            Kind::Reverter => "demo-reverter",
        };
        takers.insert(kind, trader(name).await?);
    }
    Ok(Crew { makers, takers })
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
