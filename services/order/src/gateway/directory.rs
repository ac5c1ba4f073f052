//! The venue's symbols, assets and options in memory: read from the tables once, then kept current by the
//! feed. No request asks the store for them.

use super::PATIENCE;
use emporion_api::{ApiError, Code};
use emporion_model::event::Event;
use emporion_model::{Asset, AssetId, Options, Scales, Seq, Symbol, SymbolId, SymbolName, SymbolSpec};
use emporion_ports::feed::{CommittedBatch, Feed, FollowError, FollowedFeed};
use emporion_ports::store::{Journal, StoreError};
use emporion_ports::tables::Queries;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long the follower rests before it starts again after a failure.
const RESTART_PAUSE: Duration = Duration::from_millis(200);

/// What is listed, as of the last batch that was folded; cheap to clone.
#[derive(Clone)]
pub struct Directory(watch::Receiver<Folded>);

/// The listings after a batch.
pub(crate) struct Folded {
    /// The last seq that is in the listings.
    pub(crate) seq: Seq,
    pub(crate) listings: Arc<Listings>,
}

impl Directory {
    /// Reads what is listed. The follower keeps the directory current while it runs; without it, everything
    /// that came later stays unknown.
    pub async fn load(
        queries: Arc<dyn Queries>,
        journal: Arc<dyn Journal>,
        feed: Arc<dyn Feed>,
    ) -> Result<(Self, DirectoryFollower), StoreError> {
        let (sender, receiver) = watch::channel(read(&*queries).await?);
        Ok((Self(receiver), DirectoryFollower { sender, queries, journal, feed }))
    }

    /// What is listed now.
    pub fn listings(&self) -> Arc<Listings> {
        self.0.borrow().listings.clone()
    }

    /// What is listed, `seq` and all before it included; -1008 when that does not come in time.
    pub async fn listings_at(&self, seq: Seq) -> Result<Arc<Listings>, ApiError> {
        let mut receiver = self.0.clone();
        let reached = tokio::time::timeout(PATIENCE, receiver.wait_for(|folded| folded.seq >= seq)).await;
        match reached {
            Ok(Ok(folded)) => Ok(folded.listings.clone()),
            Ok(Err(_)) | Err(_) => Err(ApiError::busy(1)),
        }
    }

    /// The symbol with this name; -1121 only when it is not listed at `seq` either.
    pub async fn symbol_at(&self, name: SymbolName, seq: Seq) -> Result<Arc<ListedSymbol>, ApiError> {
        self.listings_at(seq).await?.symbol(name).cloned().ok_or_else(|| Code::BadSymbol.into())
    }
}

/// The listings as the tables have them. Of the three answers the oldest counts: folding again what a newer
/// one already has ends in the same state. Symbols are read before assets, so that theirs are there.
pub(crate) async fn read(queries: &dyn Queries) -> Result<Folded, StoreError> {
    let venue = queries.venue().await?;
    let symbols = queries.symbols().await?;
    let assets = queries.assets().await?;
    let seq = venue.seq.min(symbols.seq).min(assets.seq);
    let mut listings =
        Listings { options: venue.value.map(|venue| venue.options).unwrap_or_default(), ..Listings::default() };
    assets.value.into_iter().for_each(|(id, asset)| listings.add_asset(id, asset));
    symbols.value.into_iter().for_each(|symbol| listings.add_symbol(symbol));
    Ok(Folded { seq, listings: Arc::new(listings) })
}

/// Keeps a [`Directory`] current.
pub struct DirectoryFollower {
    sender: watch::Sender<Folded>,
    queries: Arc<dyn Queries>,
    journal: Arc<dyn Journal>,
    feed: Arc<dyn Feed>,
}

impl DirectoryFollower {
    /// Folds the feed until it closes. After any other failure it starts again from the tables; meanwhile the
    /// directory stays as it is, and what is asked of a later seq has to wait.
    pub async fn run(self) {
        loop {
            match self.follow().await {
                FollowError::Closed => return,
                error => tracing::error!(%error, "the directory of symbols starts again from the tables"),
            }
            metrics::counter!("gateway_directory_restarts_total").increment(1);
            rest().await;
            match read(&*self.queries).await {
                Ok(folded) => drop(self.sender.send_replace(folded)),
                Err(error) => tracing::error!(%error, "the directory of symbols could not be read"),
            }
        }
    }

    async fn follow(&self) -> FollowError {
        let after = self.sender.borrow().seq;
        let mut feed = FollowedFeed::new(self.journal.clone(), &*self.feed, after);
        loop {
            match feed.next().await {
                Ok(batch) => self.sender.send_modify(|folded| folded.fold(&batch)),
                Err(error) => return error,
            }
            // The journal may hold a long run of batches ready, and other tasks want their turn.
            tokio::task::consume_budget().await;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the pause itself is meant: it spares a store that is in trouble")]
async fn rest() {
    tokio::time::sleep(RESTART_PAUSE).await;
}

impl Folded {
    /// Takes the batch that follows.
    pub(crate) fn fold(&mut self, batch: &CommittedBatch) {
        self.seq = batch.head.seq;
        for event in batch.entries.iter().flat_map(|entry| &entry.events) {
            match event {
                Event::AssetAdded(id, asset) => self.change().add_asset(*id, asset.clone()),
                Event::SymbolAdded(symbol) => self.change().add_symbol((**symbol).clone()),
                Event::SymbolStatusSet(id, status) => {
                    if let Some(symbol) = self.change().symbols.get_mut(usize::from(id.0)) {
                        Arc::make_mut(symbol).spec.status = *status;
                    }
                }
                Event::OptionsSet(options) => self.change().options = *options,
                _ => {}
            }
        }
    }

    fn change(&mut self) -> &mut Listings {
        Arc::make_mut(&mut self.listings)
    }
}

/// Everything that is listed.
#[derive(Clone, Debug, Default)]
pub struct Listings {
    assets: Vec<Asset>,
    symbols: Vec<Arc<ListedSymbol>>,
    by_name: HashMap<SymbolName, SymbolId>,
    options: Options,
}

impl Listings {
    /// All assets; an asset's id is its place.
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    /// All symbols; a symbol's id is its place.
    pub fn symbols(&self) -> &[Arc<ListedSymbol>] {
        &self.symbols
    }

    /// The symbol with this name.
    pub fn symbol(&self, name: SymbolName) -> Option<&Arc<ListedSymbol>> {
        self.by_name.get(&name).and_then(|id| self.symbol_of(*id))
    }

    /// The symbol with this id.
    pub fn symbol_of(&self, id: SymbolId) -> Option<&Arc<ListedSymbol>> {
        self.symbols.get(usize::from(id.0))
    }

    /// The venue's options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    fn add_asset(&mut self, id: AssetId, asset: Asset) {
        put(&mut self.assets, id.0, asset);
    }

    fn add_symbol(&mut self, symbol: Symbol) {
        let asset =
            |id: AssetId| self.assets.get(usize::from(id.0)).expect("a symbol is listed after its assets").clone();
        let (base, quote) = (asset(symbol.spec.base), asset(symbol.spec.quote));
        self.by_name.insert(symbol.spec.name, symbol.id);
        put(&mut self.symbols, symbol.id.0, Arc::new(ListedSymbol::new(symbol, base, quote)));
    }
}

/// Puts `entry` at a place of a table whose places are filled in order, or replaces what is there.
fn put<T>(table: &mut Vec<T>, place: u16, entry: T) {
    let place = usize::from(place);
    assert!(place <= table.len(), "assets and symbols are numbered without gaps");
    if place == table.len() {
        table.push(entry);
    } else {
        table[place] = entry;
    }
}

/// A symbol with what its orders and answers need of its two assets.
#[derive(Clone, Debug)]
pub struct ListedSymbol {
    /// Its id.
    pub id: SymbolId,
    /// Its description, with the status of now.
    pub spec: SymbolSpec,
    /// The factors between its integers and the ledger's.
    pub scales: Scales,
    /// What is traded.
    pub base: Asset,
    /// What it is priced in.
    pub quote: Asset,
}

impl ListedSymbol {
    /// A symbol of these two assets.
    pub fn new(symbol: Symbol, base: Asset, quote: Asset) -> Self {
        Self { id: symbol.id, scales: symbol.spec.scales(&base, &quote), spec: symbol.spec, base, quote }
    }

    /// The one of its assets that has this id; none of another symbol's.
    pub fn asset(&self, id: AssetId) -> Option<&Asset> {
        match id {
            _ if id == self.spec.base => Some(&self.base),
            _ if id == self.spec.quote => Some(&self.quote),
            _ => None,
        }
    }
}
