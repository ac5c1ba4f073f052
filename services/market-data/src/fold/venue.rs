//! What is listed: assets, symbols with their status of now, options. Changes rarely and is shared whole.

use super::FoldError;
use super::market::Market;
use emporion_model::{
    Asset, AssetId, Event, Options, Scales, Symbol, SymbolId, SymbolName, SymbolSpec, SymbolStatus, TimeUs,
};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A symbol with its assets and its market.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The symbol with its status of now.
    pub symbol: Symbol,
    /// What is traded.
    pub base: Asset,
    /// What it is priced in.
    pub quote: Asset,
    /// Its market. Locked for writing by the fold alone, once per batch that touches it, so a reader sees it
    /// as after a whole batch.
    pub market: Arc<RwLock<Market>>,
}

/// Everything that is listed.
#[derive(Clone, Debug, Default)]
pub struct Venue {
    options: Options,
    assets: Vec<Asset>,
    listings: Vec<Arc<Listing>>,
    by_name: BTreeMap<SymbolName, usize>,
}

impl Venue {
    /// A venue with these options and assets, in the order of their ids, and no symbols yet.
    pub fn new(options: Options, assets: Vec<Asset>) -> Self {
        Self { options, assets, ..Self::default() }
    }

    /// Lists a symbol with its market. Symbols come in the order of their ids.
    pub fn list(&mut self, symbol: Symbol, market: Market) -> Result<(), FoldError> {
        if usize::from(symbol.id.0) != self.listings.len() {
            return Err(FoldError::Symbol(symbol.id));
        }
        let (base, quote) = (self.asset(symbol.spec.base)?.clone(), self.asset(symbol.spec.quote)?.clone());
        self.by_name.insert(symbol.spec.name, self.listings.len());
        self.listings.push(Arc::new(Listing { symbol, base, quote, market: Arc::new(RwLock::new(market)) }));
        Ok(())
    }

    /// Applies an event that changes what is listed; one that is known already changes nothing.
    pub fn apply(&mut self, time: TimeUs, event: &Event) -> Result<(), FoldError> {
        match event {
            Event::OptionsSet(options) => self.options = *options,
            Event::AssetAdded(id, asset) if usize::from(id.0) == self.assets.len() => self.assets.push(asset.clone()),
            Event::SymbolAdded(symbol) if usize::from(symbol.id.0) >= self.listings.len() => {
                let market = Market::new(self.scales(&symbol.spec)?, time);
                self.list((**symbol).clone(), market)?;
            }
            Event::SymbolStatusSet(id, status) => self.set_status(*id, *status)?,
            _ => {}
        }
        Ok(())
    }

    /// Whether [`Venue::apply`] has to see an event.
    pub fn is_changed_by(event: &Event) -> bool {
        matches!(
            event,
            Event::OptionsSet(_) | Event::AssetAdded(..) | Event::SymbolAdded(_) | Event::SymbolStatusSet(..)
        )
    }

    /// The venue's options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The factors between a symbol's integers and the ledgers of its assets, which exist already.
    pub fn scales(&self, spec: &SymbolSpec) -> Result<Scales, FoldError> {
        Ok(spec.scales(self.asset(spec.base)?, self.asset(spec.quote)?))
    }

    /// All assets, by id.
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    /// All symbols, by id.
    pub fn listings(&self) -> &[Arc<Listing>] {
        &self.listings
    }

    /// The symbol with this id.
    pub fn listing(&self, id: SymbolId) -> Result<&Arc<Listing>, FoldError> {
        self.listings.get(usize::from(id.0)).ok_or(FoldError::Symbol(id))
    }

    /// The symbol with this name.
    pub fn named(&self, name: &SymbolName) -> Option<&Arc<Listing>> {
        self.by_name.get(name).map(|&index| &self.listings[index])
    }

    fn asset(&self, id: AssetId) -> Result<&Asset, FoldError> {
        self.assets.get(usize::from(id.0)).ok_or(FoldError::Asset(id))
    }

    fn set_status(&mut self, id: SymbolId, status: SymbolStatus) -> Result<(), FoldError> {
        self.listing(id)?;
        Arc::make_mut(&mut self.listings[usize::from(id.0)]).symbol.spec.status = status;
        Ok(())
    }
}
