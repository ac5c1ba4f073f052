//! `emporion restore`: a venue out of a backup, in an empty data folder, that ends in the same seq and state hash.

use super::backup::{Manifest, copy_users};
use super::{block_on, folder_config};
use crate::Failure;
use crate::cli::VenueArgs;
use crate::output::Output;
use crate::progress::Progress;
use emporion_order::projector::Projector;
use emporion_order::replay::recover;
use emporion_sqlite::{Durability, FolderLock, Store, restore};
use std::path::Path;

pub(super) fn run(from: &Path, venue: &VenueArgs, output: Output) -> Result<(), Failure> {
    let config = folder_config(venue)?;
    let expected = Manifest::read(from)?;
    let lock = FolderLock::acquire_empty(&config.data_dir)?;
    // The journal last: a folder without it is not taken for a venue.
    copy_users(from, lock.folder())?;
    let progress = Progress::of("copying the journal");
    restore(from, &lock, |at| progress.set(at.pages_done.into(), at.pages.into()))?;
    drop(progress);
    let store = Store::open(&lock, Durability::Durable)?;
    let restored = block_on(rebuild(&store))?;
    if restored != expected {
        return Err(Failure::differs(format!(
            "the restored venue ends at seq {} with state hash {}, but the backup is of seq {} and {}",
            restored.seq, restored.state_hash, expected.seq, expected.state_hash
        )));
    }
    restored.print(output)
}

/// Replays the journal and builds the tables from it.
async fn rebuild(store: &Store) -> Result<Manifest, Failure> {
    let progress = Progress::of("replaying the journal");
    let recovered = recover(&*store.journal, &*store.snapshots, 0, &|done, total| progress.set(done.0, total.0)).await;
    let recovered = recovered.map_err(|error| Failure::differs(format!("the backup is not whole: {error}")))?;
    drop(progress);
    let progress = Progress::of("building the tables");
    let report = |done: emporion_model::Seq, total: emporion_model::Seq| progress.set(done.0, total.0);
    let built = Projector::start(store.journal.clone(), store.tables.clone(), &report).await;
    built.map_err(|error| Failure::failed(format!("the tables cannot be built: {error}")))?;
    Ok(Manifest::new(&recovered.head, recovered.engine.state_hash()))
}
