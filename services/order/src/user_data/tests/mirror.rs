//! Clients that read REST once and then only listen: whatever happens, and whenever they began, they end with the
//! state that the tables have.

use super::support::{Stream, follow, told};
use crate::gateway::directory;
use crate::gateway::numbers::shown_amount;
use crate::gateway::tests::support::MemoryTables;
use crate::gateway::{Listings, answers};
use crate::projector::tests::venue::Venue;
use crate::testing::MemoryJournal;
use crate::user_data::UserDataFeed;
use emporion_api::TimeUnit;
use emporion_model::{AccountId, OrderId, SymbolId, TradeId};
use emporion_ports::feed::{Feed, InProcessFeed};
use emporion_ports::store::Journal;
use emporion_ports::tables::{AccountQueries, ListRange, OrderQueries, OrderRow, TradeQueries};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinHandle;

const USERS: u64 = 4;
/// Genesis and the opening of each account.
const OPENING_BATCHES: usize = 1 + USERS as usize;

/// Status, executed base and quote, and prevented base.
type OrderState = (String, String, String, Option<String>);

/// An account as a client knows it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Mirror {
    orders: BTreeMap<(String, u64), OrderState>,
    balances: BTreeMap<String, (String, String)>,
}

impl Mirror {
    /// What REST says, out of whatever the tables hold now.
    async fn read(tables: &MemoryTables, listings: &Listings, account: AccountId) -> Self {
        let mut mirror = Self::default();
        for row in tables.open_orders(account, None).await.unwrap().value {
            let (key, state) = rest_order(listings, &row);
            mirror.orders.insert(key, state);
        }
        for row in tables.balances(account).await.unwrap().value {
            let asset = &listings.assets()[usize::from(row.balance.asset.0)];
            let shown = |amount| shown_amount(asset, amount).to_string();
            mirror.balances.insert(asset.code.to_string(), (shown(row.balance.free), shown(row.balance.locked)));
        }
        mirror
    }

    fn hear(&mut self, event: &Value) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        match event["e"].as_str().unwrap() {
            "executionReport" => {
                let prevented = event.get("A").map(text);
                let state = (text(&event["X"]), text(&event["z"]), text(&event["Z"]), prevented);
                self.orders.insert((text(&event["s"]), event["i"].as_u64().unwrap()), state);
            }
            "outboundAccountPosition" => {
                for balance in event["B"].as_array().unwrap() {
                    self.balances.insert(text(&balance["a"]), (text(&balance["f"]), text(&balance["l"])));
                }
            }
            _ => {}
        }
    }

    fn open_orders(&self) -> BTreeMap<(String, u64), OrderState> {
        let is_open = |state: &OrderState| ["NEW", "PARTIALLY_FILLED"].contains(&state.0.as_str());
        self.orders
            .iter()
            .filter(|(_, state)| is_open(state))
            .map(|(key, state)| (key.clone(), state.clone()))
            .collect()
    }
}

fn rest_order(listings: &Listings, row: &OrderRow) -> ((String, u64), OrderState) {
    let symbol = listings.symbol_of(row.symbol).unwrap();
    let order = serde_json::to_value(answers::order(symbol, row, TimeUnit::Millisecond)).unwrap();
    let text = |name: &str| order[name].as_str().unwrap().to_owned();
    let prevented = order.get("preventedQuantity").map(|value| value.as_str().unwrap().to_owned());
    ((text("symbol"), row.order_id.0), (text("status"), text("executedQty"), text("cummulativeQuoteQty"), prevented))
}

/// A venue whose batches are committed one by one.
struct World {
    venue: Venue,
    journal: Arc<MemoryJournal>,
    feed: Arc<InProcessFeed>,
    tables: Arc<MemoryTables>,
    committed: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut venue = Venue::begun(seed);
        venue.trade(150);
        let feed = Arc::new(InProcessFeed::new(8));
        Self { venue, journal: Arc::new(MemoryJournal::new()), feed, tables: Arc::default(), committed: 0 }
    }

    /// Commits the next batch; not every one gets into the feed.
    async fn commit(&mut self, is_published: bool) {
        let (row, batch) = (&self.venue.rows[self.committed], &self.venue.batches[self.committed]);
        self.journal.commit(Arc::new(row.clone())).await.unwrap();
        self.tables.take(batch.clone());
        if is_published {
            self.feed.publish(batch.clone());
        }
        self.committed += 1;
    }
}

/// A stream with what its client read from REST once it had begun.
struct Client {
    stream: Stream,
    mirror: Mirror,
    /// Whether it heard everything from the opening on.
    is_first: bool,
}

fn connect(world: &World, user_data: &UserDataFeed, account: AccountId) -> JoinHandle<Client> {
    let (tables, user_data) = (world.tables.clone(), user_data.clone());
    let is_first = world.committed == OPENING_BATCHES;
    tokio::spawn(async move {
        let stream = Stream::open(&user_data, account).await.unwrap();
        let listed = directory::read(&*tables).await.unwrap();
        let mirror = Mirror::read(&tables, &listed.listings, account).await;
        Client { stream, mirror, is_first }
    })
}

/// The next of a seed's numbers below a bound (an xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn user(&mut self) -> AccountId {
        AccountId(AccountId::FIRST_USER.0 + self.below(USERS))
    }
}

/// Commits all batches while clients come and go and the tables fall behind and catch up.
async fn run(seed: u64) -> (World, Vec<Client>) {
    let (mut world, mut random) = (World::new(seed), Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1));
    for _ in 0..OPENING_BATCHES {
        world.commit(true).await;
    }
    let user_data = follow(&world.tables, &world.journal, &world.feed);
    let mut clients: Vec<(AccountId, JoinHandle<Client>)> = Vec::new();
    for account in (0..USERS).map(|user| AccountId(AccountId::FIRST_USER.0 + user)) {
        clients.push((account, connect(&world, &user_data, account)));
    }
    while clients.iter().any(|(_, client)| !client.is_finished()) {
        tokio::task::yield_now().await;
    }
    world.tables.hold();
    while world.committed < world.venue.batches.len() {
        match random.below(5) {
            0 | 1 => {
                let account = random.user();
                clients.push((account, connect(&world, &user_data, account)));
            }
            // All leave an account, which is loaded again for the next one. The first user's stay.
            2 => {
                let left = random.user();
                clients.retain(|(account, _)| *account != left || left == AccountId::FIRST_USER);
            }
            _ => world.tables.release_some(random.below(7) as usize),
        }
        let is_last = world.committed + 1 == world.venue.batches.len();
        world.commit(is_last || random.below(10) > 0).await;
        for _ in 0..random.below(12) {
            tokio::task::yield_now().await;
        }
    }
    world.tables.release();
    let mut connected = Vec::new();
    for (_, client) in clients {
        connected.push(client.await.unwrap());
    }
    told(&user_data, world.venue.batches.last().unwrap().head.seq).await;
    (world, connected)
}

/// Lets a client hear all that it was told, and compares what it then knows with the tables. Gives the events.
async fn check_client(world: &World, listings: &Listings, client: &Client) -> Vec<Value> {
    let (account, tables) = (client.stream.account, &world.tables);
    let events = client.stream.taken().await.unwrap();
    let mut mirror = client.mirror.clone();
    events.iter().for_each(|event| mirror.hear(event));
    let expected = Mirror::read(tables, listings, account).await;
    assert_eq!((mirror.open_orders(), &mirror.balances), (expected.orders.clone(), &expected.balances));
    for ((symbol, id), state) in &mirror.orders {
        let symbol = listings.symbol(symbol.parse().unwrap()).unwrap();
        let row = tables.order(account, symbol.id, OrderId(*id)).await.unwrap().value;
        assert_eq!(rest_order(listings, &row.expect("the account's own order")).1, *state);
    }
    let ids: Vec<u64> = events.iter().filter_map(|event| event["I"].as_u64()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b));
    if client.is_first {
        let told = events.iter().filter(|event| event["x"] == "TRADE").count();
        assert_eq!(told, fill_count(tables, account).await);
    }
    events
}

async fn fill_count(tables: &MemoryTables, account: AccountId) -> usize {
    let mut count = 0;
    for symbol in [0, 1].map(SymbolId) {
        let range = ListRange::FromId(TradeId(0));
        count += tables.fills(account, symbol, None, range, u32::MAX).await.unwrap().value.len();
    }
    count
}

#[tokio::test]
async fn a_client_that_listens_knows_what_rest_would_say() {
    let (mut clients_count, mut events_count) = (0, 0);
    for seed in 1..=25 {
        let (world, clients) = run(seed).await;
        let listed = directory::read(&*world.tables).await.unwrap();
        let mut longest: BTreeMap<AccountId, Vec<Value>> = BTreeMap::new();
        for client in &clients {
            let events = check_client(&world, &listed.listings, client).await;
            clients_count += 1;
            events_count += events.len();
            // Who listens to the same account hears the same.
            let others = longest.entry(client.stream.account).or_default();
            let (short, long) = if events.len() < others.len() { (&events, &*others) } else { (&*others, &events) };
            assert!(long.ends_with(short), "seed {seed}");
            if events.len() > others.len() {
                *others = events;
            }
        }
    }
    assert!(clients_count > 400 && events_count > 30_000, "{clients_count} clients, {events_count} events");
}
