//! Request limits: how much each network may ask for per minute, and what happens to one that goes on.
//!
//! Windows are fixed and aligned to the clock, as on Binance. Everything here is a function of the time that
//! comes in; memory is bounded whatever addresses callers use. Processes of one venue count together through
//! [`RequestCounts`]; while that fails, each counts by itself.

use crate::Network;
use emporion_api::ApiError;
use emporion_api::names::{LimitInterval, RateLimitType};
use emporion_api::wire::RateLimit;
use emporion_model::TimeUs;
use emporion_ports::counts::{CountError, RequestCounts, Use, Used};
use emporion_ports::users::IpRule;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;

const MINUTE_S: u64 = 60;
const FIVE_MINUTES_S: u64 = 300;
const DAY_S: u64 = 86_400;

/// How many requests of one window may be refused before the network is banned. Binance does not publish
/// its own figure; a client that stops at its first 429 stays far below with any sensible parallelism.
const REFUSALS_MAX: u32 = 100;

/// The first ban; each further one is twice as long, up to the last. A day after the last ban the count
/// begins anew.
const BAN_FIRST_S: u64 = 120;
const BAN_LAST_S: u64 = 3 * DAY_S;

const SHARDS: usize = 16;

/// What one network may ask for; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitPolicy {
    /// Request weight per minute.
    pub weight_per_minute: Option<u32>,
    /// Requests per five minutes, whatever their weight.
    pub requests_per_five_minutes: Option<u32>,
    /// Attempts to open a WebSocket per five minutes; these are not counted as requests.
    pub connections_per_five_minutes: Option<u32>,
}

impl LimitPolicy {
    /// The limits of the live venue.
    pub const BINANCE: Self = Self {
        weight_per_minute: Some(6_000),
        requests_per_five_minutes: Some(300_000),
        connections_per_five_minutes: Some(300),
    };
    /// A hundred times as much: for demos and tests that still want to see limits work.
    pub const RELAXED: Self = Self {
        weight_per_minute: Some(600_000),
        requests_per_five_minutes: Some(30_000_000),
        connections_per_five_minutes: Some(30_000),
    };
    /// No limits.
    pub const OFF: Self =
        Self { weight_per_minute: None, requests_per_five_minutes: None, connections_per_five_minutes: None };

    /// As `exchangeInfo` tells them.
    pub fn rate_limits(self) -> Vec<RateLimit> {
        let weight = told(RateLimitType::RequestWeight, 1, self.weight_per_minute);
        let requests = told(RateLimitType::RawRequests, 5, self.requests_per_five_minutes);
        weight.into_iter().chain(requests).collect()
    }

    /// The limit of attempts to connect, as the WebSocket API's `exchangeInfo` tells it in the place of the raw
    /// requests.
    pub fn connection_limit(self) -> Option<RateLimit> {
        told(RateLimitType::Connections, 5, self.connections_per_five_minutes)
    }
}

fn told(rate_limit_type: RateLimitType, minutes: u32, limit: Option<u32>) -> Option<RateLimit> {
    let (rate_limit_type, interval) = (rate_limit_type.into(), LimitInterval::Minute.into());
    limit.map(|limit| RateLimit { rate_limit_type, interval, interval_num: minutes, limit })
}

/// Other limits for some addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitOverride {
    /// Which addresses.
    pub addresses: IpRule,
    /// Their limits.
    pub policy: LimitPolicy,
}

/// The limits of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsOptions {
    /// For everyone without an override.
    pub policy: LimitPolicy,
    /// The first one that fits counts.
    pub overrides: Vec<LimitOverride>,
    /// The most networks that are counted each by itself; beyond it new ones share one count.
    pub networks_max: usize,
}

impl Default for LimitsOptions {
    fn default() -> Self {
        Self { policy: LimitPolicy::BINANCE, overrides: Vec::new(), networks_max: 100_000 }
    }
}

/// The counts of all networks.
pub struct Limits {
    options: LimitsOptions,
    shared: Option<Arc<dyn RequestCounts>>,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

/// What a request did to its network's count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The weight used in this minute, this request included.
    pub used_weight: u32,
    /// Whether the request may go on; if not, what the client is told.
    pub verdict: Result<(), ApiError>,
}

impl Limits {
    /// Without any counts yet.
    pub fn new(options: LimitsOptions) -> Self {
        Self { options, shared: None, hasher: RandomState::new(), shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// The same limits, counted together with other processes.
    pub fn shared(self, counts: Arc<dyn RequestCounts>) -> Self {
        Self { shared: Some(counts), ..self }
    }

    /// The limits of everyone without an override, as `exchangeInfo` tells them.
    pub fn policy(&self) -> LimitPolicy {
        self.options.policy
    }

    /// Counts a request of this weight and says whether it may go on. Refused requests count too, so that a
    /// network over its limit stays refused until the window is over.
    pub async fn charge(&self, address: IpAddr, weight: u32, now: TimeUs) -> Charge {
        self.charge_as(Kind::Request, address, weight, now).await
    }

    /// Counts an attempt of this weight to open a WebSocket and says whether it may go on.
    pub async fn charge_connection(&self, address: IpAddr, weight: u32, now: TimeUs) -> Charge {
        self.charge_as(Kind::Connection, address, weight, now).await
    }

    async fn charge_as(&self, kind: Kind, address: IpAddr, weight: u32, now: TimeUs) -> Charge {
        let policy = self.policy_of(address);
        if let Some(shared) = self.shared.as_ref().filter(|_| policy != LimitPolicy::OFF) {
            match charge_shared(&**shared, kind, Network::of(address), policy, weight, now.second()).await {
                Ok(charge) => return charge,
                Err(error) => unshared(&error),
            }
        }
        self.with_count(address, now, |count| {
            let verdict = count.charge(kind, policy, weight, now.second());
            Charge { used_weight: count.weight, verdict }
        })
    }

    /// Adds to a request's weight once its outcome is known, and returns the weight used in this minute.
    pub async fn add(&self, address: IpAddr, weight: u32, now: TimeUs) -> u32 {
        if let Some(shared) = self.shared.as_ref().filter(|_| self.policy_of(address) != LimitPolicy::OFF) {
            let used = Use { weight, ..at(now.second()) };
            match shared.add(&Network::of(address).to_string(), used).await {
                Ok(used) => return used.weight,
                Err(error) => unshared(&error),
            }
        }
        self.add_here(address, weight, now)
    }

    /// Like [`Self::add`] for one who cannot wait; `used_weight` is what was used before.
    pub(crate) fn add_soon(&self, address: IpAddr, used_weight: u32, weight: u32, now: TimeUs) -> u32 {
        let Some(shared) = self.shared.clone().filter(|_| self.policy_of(address) != LimitPolicy::OFF) else {
            return self.add_here(address, weight, now);
        };
        tokio::spawn(async move {
            let used = Use { weight, ..at(now.second()) };
            if let Err(error) = shared.add(&Network::of(address).to_string(), used).await {
                unshared(&error);
            }
        });
        used_weight.saturating_add(weight)
    }

    fn add_here(&self, address: IpAddr, weight: u32, now: TimeUs) -> u32 {
        self.with_count(address, now, |count| {
            count.weight = count.weight.saturating_add(weight);
            count.weight
        })
    }

    /// The limits of this address.
    pub(crate) fn policy_of(&self, address: IpAddr) -> LimitPolicy {
        let fitting = self.options.overrides.iter().find(|entry| entry.addresses.allows(address));
        fitting.map_or(self.options.policy, |entry| entry.policy)
    }

    fn with_count<T>(&self, address: IpAddr, now: TimeUs, f: impl FnOnce(&mut Count) -> T) -> T {
        let network = Network::of(address);
        let shard = self.hasher.hash_one(network) as usize % SHARDS;
        let counts_max = self.options.networks_max.div_ceil(SHARDS);
        let mut shard = self.shards[shard].lock();
        let count = shard.count(network, counts_max, now.second());
        count.roll(now.second());
        f(count)
    }
}

/// Counts a request together with other processes.
async fn charge_shared(
    shared: &dyn RequestCounts,
    kind: Kind,
    network: Network,
    policy: LimitPolicy,
    weight: u32,
    now_s: u64,
) -> Result<Charge, CountError> {
    let network = network.to_string();
    let (requests, connections) = match kind {
        Kind::Request => (1, 0),
        Kind::Connection => (0, 1),
    };
    let used = shared.add(&network, Use { weight, requests, connections, ..at(now_s) }).await?;
    let mut count = Count::of(&used, now_s);
    let charge = |verdict| Charge { used_weight: used.weight, verdict };
    if count.is_banned(now_s) {
        return Ok(charge(Err(count.banned(now_s))));
    }
    let Some(refusal) = count.over(kind, policy, now_s) else { return Ok(charge(Ok(()))) };
    count.refusals = shared.add(&network, Use { refusals: 1, ..at(now_s) }).await?.refusals;
    if count.refusals <= REFUSALS_MAX {
        return Ok(charge(Err(refusal)));
    }
    count.ban(now_s);
    shared.ban(&network, count.bans, count.banned_until_s, count.banned_until_s + DAY_S).await?;
    Ok(charge(Err(count.banned(now_s))))
}

/// Nothing, in the windows of this second.
fn at(now_s: u64) -> Use {
    Use { minute: now_s / MINUTE_S, five_minutes: now_s / FIVE_MINUTES_S, ..Use::default() }
}

fn unshared(error: &CountError) {
    tracing::debug!(%error, "A request is counted by this process alone.");
    metrics::counter!("request_counts_unshared_total").increment(1);
}

/// Some of the networks, under one lock.
#[derive(Default)]
struct Shard {
    counts: HashMap<Network, Count>,
    /// Shared by the networks for which there is no room.
    overflow: Count,
    /// The minute of the last sweep: one sweep a minute, or new networks could make us sweep all day.
    swept: u64,
}

impl Shard {
    fn count(&mut self, network: Network, counts_max: usize, now_s: u64) -> &mut Count {
        if self.counts.len() >= counts_max && !self.counts.contains_key(&network) {
            if self.swept != now_s / MINUTE_S {
                self.swept = now_s / MINUTE_S;
                self.counts.retain(|_, count| !count.is_forgettable(now_s));
            }
            if self.counts.len() >= counts_max {
                return &mut self.overflow;
            }
        }
        self.counts.entry(network).or_default()
    }
}

/// What is counted besides weight.
#[derive(Clone, Copy)]
enum Kind {
    Request,
    Connection,
}

/// One network's requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Count {
    minute: u64,
    weight: u32,
    /// Requests refused in this minute.
    refusals: u32,
    five_minutes: u64,
    requests: u32,
    connections: u32,
    bans: u32,
    banned_until_s: u64,
}

impl Count {
    /// Empties the windows that are over.
    fn roll(&mut self, now_s: u64) {
        if self.minute != now_s / MINUTE_S {
            (self.minute, self.weight, self.refusals) = (now_s / MINUTE_S, 0, 0);
        }
        if self.five_minutes != now_s / FIVE_MINUTES_S {
            (self.five_minutes, self.requests, self.connections) = (now_s / FIVE_MINUTES_S, 0, 0);
        }
        if self.bans > 0 && now_s >= self.banned_until_s + DAY_S {
            self.bans = 0;
        }
    }

    fn charge(&mut self, kind: Kind, policy: LimitPolicy, weight: u32, now_s: u64) -> Result<(), ApiError> {
        if self.is_banned(now_s) {
            return Err(self.banned(now_s));
        }
        self.weight = self.weight.saturating_add(weight);
        let count = match kind {
            Kind::Request => &mut self.requests,
            Kind::Connection => &mut self.connections,
        };
        *count = count.saturating_add(1);
        let Some(refusal) = self.over(kind, policy, now_s) else { return Ok(()) };
        self.refusals += 1;
        if self.refusals <= REFUSALS_MAX {
            return Err(refusal);
        }
        self.ban(now_s);
        Err(self.banned(now_s))
    }

    /// What over all processes was used, in the windows of this second.
    fn of(used: &Used, now_s: u64) -> Self {
        Self {
            minute: now_s / MINUTE_S,
            weight: used.weight,
            refusals: used.refusals,
            five_minutes: now_s / FIVE_MINUTES_S,
            requests: used.requests,
            connections: used.connections,
            bans: used.bans,
            banned_until_s: used.banned_until_s,
        }
    }

    /// What is told to one who is over a limit.
    fn over(&self, kind: Kind, policy: LimitPolicy, now_s: u64) -> Option<ApiError> {
        let (count, count_max) = match kind {
            Kind::Request => (self.requests, policy.requests_per_five_minutes),
            Kind::Connection => (self.connections, policy.connections_per_five_minutes),
        };
        match (policy.weight_per_minute, count_max) {
            (Some(max), _) if self.weight > max => {
                Some(ApiError::too_much_weight(max, "1 MINUTE", MINUTE_S - now_s % MINUTE_S))
            }
            (_, Some(max)) if count > max => Some(ApiError::too_many_requests(FIVE_MINUTES_S - now_s % FIVE_MINUTES_S)),
            _ => None,
        }
    }

    fn is_banned(&self, now_s: u64) -> bool {
        now_s < self.banned_until_s
    }

    /// Bans, for twice as long as the last time.
    fn ban(&mut self, now_s: u64) {
        let doubled = BAN_FIRST_S.saturating_mul(1u64.checked_shl(self.bans).unwrap_or(u64::MAX));
        self.banned_until_s = now_s + doubled.min(BAN_LAST_S);
        self.bans += 1;
    }

    fn banned(&self, now_s: u64) -> ApiError {
        ApiError::banned(self.banned_until_s * 1_000, self.banned_until_s - now_s)
    }

    /// Whether nothing is lost when this count is dropped.
    fn is_forgettable(&self, now_s: u64) -> bool {
        let mut rolled = self.clone();
        rolled.roll(now_s);
        rolled.weight == 0 && rolled.requests == 0 && rolled.connections == 0 && rolled.bans == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    const POLICY: LimitPolicy = LimitPolicy {
        weight_per_minute: Some(100),
        requests_per_five_minutes: Some(300),
        connections_per_five_minutes: Some(3),
    };
    const HOME: &str = "192.0.2.1";

    fn limits(networks_max: usize) -> Limits {
        let office =
            LimitOverride { addresses: IpRule::parse("10.0.0.0/8").expect("a block"), policy: LimitPolicy::OFF };
        Limits::new(LimitsOptions { policy: POLICY, overrides: vec![office], networks_max })
    }

    /// Without shared counts, nothing here ever waits.
    fn now<T>(future: impl Future<Output = T>) -> T {
        future.now_or_never().expect("it waits for nobody")
    }

    /// Charges at a second and gives the weight used with the status and `Retry-After` of a refusal.
    fn charge(limits: &Limits, address: &str, weight: u32, second: u64) -> (u32, Option<(u16, u64)>) {
        let charge = now(limits.charge(address.parse().expect("an address"), weight, TimeUs::from_second(second)));
        let refusal = charge.verdict.err().map(|error| (error.status, error.retry_after_s.expect("always there")));
        (charge.used_weight, refusal)
    }

    #[test]
    fn limits_can_be_told() {
        let told = serde_json::to_string(&LimitPolicy::BINANCE.rate_limits()).expect("serialises");
        let weight = r#"{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000}"#;
        let requests = r#"{"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,"limit":300000}"#;
        assert_eq!(told, format!("[{weight},{requests}]"));
        assert_eq!(LimitPolicy::OFF.rate_limits(), []);
        let told = serde_json::to_string(&LimitPolicy::BINANCE.connection_limit()).expect("serialises");
        assert_eq!(told, r#"{"rateLimitType":"CONNECTIONS","interval":"MINUTE","intervalNum":5,"limit":300}"#);
        assert_eq!(LimitPolicy::OFF.connection_limit(), None);
    }

    #[test]
    fn windows_are_aligned_to_the_clock() {
        let limits = limits(100);
        assert_eq!(charge(&limits, HOME, 60, 119), (60, None));
        assert_eq!(charge(&limits, HOME, 60, 120), (60, None));
        assert_eq!(charge(&limits, HOME, 40, 121), (100, None));
        assert_eq!(charge(&limits, HOME, 1, 122), (101, Some((429, 58))));
        assert_eq!(charge(&limits, HOME, 0, 179), (101, Some((429, 1))));
        assert_eq!(charge(&limits, HOME, 1, 180), (1, None));
    }

    #[test]
    fn requests_count_whatever_they_weigh() {
        let limits = limits(100);
        for _ in 0..300 {
            assert_eq!(charge(&limits, HOME, 0, 600).1, None);
        }
        assert_eq!(charge(&limits, HOME, 0, 661), (0, Some((429, 239))));
        assert_eq!(charge(&limits, HOME, 0, 900), (0, None));
    }

    #[test]
    fn connections_count_apart_from_requests() {
        let limits = limits(100);
        let connect = |second| {
            let address = HOME.parse().expect("an address");
            let charge = now(limits.charge_connection(address, 2, TimeUs::from_second(second)));
            (charge.used_weight, charge.verdict.err().map(|error| (error.status, error.retry_after_s)))
        };
        assert_eq!([connect(600), connect(601), connect(602)], [(2, None), (4, None), (6, None)]);
        assert_eq!(connect(663), (2, Some((429, Some(237)))));
        assert_eq!(charge(&limits, HOME, 1, 663), (3, None));
        for _ in 0..REFUSALS_MAX {
            connect(664);
        }
        assert_eq!(connect(664).1, Some((418, Some(120))));
        assert_eq!(connect(900), (2, None));
    }

    #[test]
    fn a_failed_order_pays_afterwards() {
        let limits = limits(100);
        assert_eq!(charge(&limits, HOME, 0, 60), (0, None));
        assert_eq!(now(limits.add(HOME.parse().expect("an address"), 1, TimeUs::from_second(60))), 1);
    }

    #[test]
    fn networks_are_counted_apart_and_overrides_win() {
        let limits = limits(100);
        assert_eq!(charge(&limits, HOME, 100, 60), (100, None));
        assert_eq!(charge(&limits, "192.0.2.2", 100, 60), (100, None));
        assert_eq!(charge(&limits, "2001:db8::1", 100, 60), (100, None));
        assert_eq!(charge(&limits, "2001:db8::2", 1, 60).1, Some((429, 60)));
        assert_eq!(charge(&limits, "10.1.2.3", 1_000_000, 60), (1_000_000, None));
    }

    /// Goes on after a 429 until banned, and gives the ban's length.
    fn provoke(limits: &Limits, second: u64) -> u64 {
        for _ in 0..=REFUSALS_MAX {
            match charge(limits, HOME, 200, second) {
                (_, Some((418, retry_after_s))) => return retry_after_s,
                (_, refusal) => assert_eq!(refusal.expect("over the limit").0, 429),
            }
        }
        panic!("never banned");
    }

    #[test]
    fn who_goes_on_is_banned_for_longer_each_time() {
        let limits = limits(100);
        let mut now = 6_000;
        let mut bans = Vec::new();
        for _ in 0..13 {
            let ban_s = provoke(&limits, now);
            assert_eq!(charge(&limits, HOME, 1, now + ban_s - 1).1, Some((418, 1)));
            now += ban_s;
            assert_eq!(charge(&limits, HOME, 1, now), (1, None));
            bans.push(ban_s);
        }
        assert_eq!(bans[..4], [120, 240, 480, 960]);
        assert_eq!(bans[12], 3 * DAY_S);
        assert_eq!(provoke(&limits, now + DAY_S), 120);
    }

    #[test]
    fn a_ban_says_until_when() {
        let limits = limits(100);
        provoke(&limits, 6_000);
        let charge = now(limits.charge(HOME.parse().expect("an address"), 1, TimeUs::from_second(6_001)));
        assert!(charge.verdict.expect_err("banned").message.contains("IP banned until 6120000."));
    }

    #[test]
    fn memory_is_bounded() {
        let limits = limits(SHARDS);
        for n in 0..1_000u32 {
            charge(&limits, &format!("198.51.{}.{}", n / 250, n % 250), 1, 60);
        }
        let held = || limits.shards.iter().map(|shard| shard.lock().counts.len()).sum::<usize>();
        assert!(held() <= SHARDS);
        let overflow: u32 = limits.shards.iter().map(|shard| shard.lock().overflow.weight).sum();
        assert_eq!(overflow as usize + held(), 1_000);
        for n in 0..250 {
            charge(&limits, &format!("203.0.113.{n}"), 1, 6_000);
        }
        assert!(limits.shards.iter().all(|shard| {
            shard.lock().counts.keys().all(|network| *network != Network::of("198.51.0.0".parse().expect("an address")))
        }));
    }
}
