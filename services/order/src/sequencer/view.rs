//! What services ask about the committed state: their own numbering, and assets by code.

use emporion_engine::Engine;
use emporion_model::event::Event;
use emporion_model::{Asset, AssetCode, AssetId, Origin, Reject, SourceId};
use emporion_ports::feed::CommittedBatch;
use parking_lot::RwLock;
use std::collections::BTreeMap;

#[derive(Default)]
struct Facts {
    last_n: BTreeMap<SourceId, u64>,
    assets: BTreeMap<AssetCode, (AssetId, Asset)>,
}

/// A fold of the committed batches.
pub(super) struct CommittedView {
    facts: RwLock<Facts>,
}

impl CommittedView {
    /// Of the state that a start recovered.
    pub(super) fn of(engine: &Engine) -> Self {
        let assets = (0..).map(AssetId).zip(engine.assets());
        let assets = assets.map(|(id, asset)| (asset.code, (id, asset.clone()))).collect();
        Self { facts: RwLock::new(Facts { last_n: engine.sources().collect(), assets }) }
    }

    pub(super) fn follow(&self, batch: &CommittedBatch) {
        for entry in &batch.entries {
            if let Origin::Service(source, n) = entry.command.origin
                && counts(entry.events.last())
            {
                self.facts.write().last_n.insert(source, n);
            }
            for event in &entry.events {
                if let Event::AssetAdded(id, asset) = event {
                    self.facts.write().assets.insert(asset.code, (*id, asset.clone()));
                }
            }
        }
    }

    pub(super) fn last_n(&self, source: SourceId) -> u64 {
        self.facts.read().last_n.get(&source).copied().unwrap_or(0)
    }

    pub(super) fn asset(&self, code: AssetCode) -> Option<(AssetId, Asset)> {
        self.facts.read().assets.get(&code).cloned()
    }
}

/// A number is used up by every outcome except those that say that it was the wrong one.
fn counts(last: Option<&Event>) -> bool {
    let numbering = [Reject::SourceGap, Reject::SourceConflict, Reject::OriginNotAllowed, Reject::NotBegun];
    !matches!(last, Some(Event::Rejected(reject)) if numbering.contains(reject))
}
