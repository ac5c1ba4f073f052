//! `emporion backup`: a venue, running or not, into a new folder: the journal first, then the users. What the users
//! know beyond the journal is sent to the engine again after a restore.

use super::{Hash, block_on, folder_config};
use crate::Failure;
use crate::cli::VenueArgs;
use crate::files::{Readers, read_text, write_whole};
use crate::output::Output;
use crate::progress::Progress;
use crate::serve::{MASTER_KEY_FILE, USERS_FILE};
use emporion_model::journal::Head;
use emporion_order::replay::{RecoverError, recover};
use emporion_sqlite::{FolderLock, Store, open_backup, users};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// Says what a backup is of. It is written last: a folder without it is not a backup.
const MANIFEST_FILE: &str = "backup.json";

/// What a backup is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    /// The journal's last seq.
    pub(super) seq: u64,
    /// The chain of its last row.
    pub(super) chain: String,
    /// The hash of the state that it leads to.
    pub(super) state_hash: String,
}

impl Manifest {
    pub(super) fn new(head: &Head, state_hash: [u8; 32]) -> Self {
        Self { seq: head.seq.0, chain: head.chain.to_string(), state_hash: Hash(state_hash).to_string() }
    }

    /// Of the backup in `folder`.
    pub(super) fn read(folder: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(folder.join(MANIFEST_FILE));
        let none = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("there is no finished backup in {}: {MANIFEST_FILE}: {error}", folder.display()))
        };
        serde_json::from_str(&text.map_err(|error| none(&error))?).map_err(|error| none(&error))
    }

    /// Prints it as a command's answer.
    pub(super) fn print(&self, output: Output) -> Result<(), Failure> {
        output.answer(self, || format!("seq         {}\nstate hash  {}", self.seq, self.state_hash))
    }
}

pub(super) fn run(folder: &Path, venue: &VenueArgs, output: Output) -> Result<(), Failure> {
    let from = folder_config(venue)?.data_dir;
    let store = Store::open_read_only(&from)?;
    let lock = FolderLock::acquire_empty(folder)?;
    let progress = Progress::of("copying the journal");
    store.backup_into(&lock, |at| progress.set(at.pages_done.into(), at.pages.into()))?;
    drop(progress);
    copy_users(&from, folder)?;
    let manifest = block_on(replay(folder))?;
    let json = serde_json::to_string_pretty(&manifest).expect("a manifest is three plain fields");
    write_whole(&folder.join(MANIFEST_FILE), &json, Readers::Default)?;
    manifest.print(output)
}

/// Copies people and keys and, if the venue made one, the master key that opens the latter.
pub(super) fn copy_users(from: &Path, to: &Path) -> Result<(), Failure> {
    if from.join(USERS_FILE).exists() {
        users::backup(&from.join(USERS_FILE), &to.join(USERS_FILE))?;
    }
    let key = from.join(MASTER_KEY_FILE);
    if key.exists() {
        write_whole(&to.join(MASTER_KEY_FILE), &read_text("master key", &key)?, Readers::Owner)?;
    }
    Ok(())
}

/// Replays the copy, so that it is known to be whole.
async fn replay(folder: &Path) -> Result<Manifest, Failure> {
    let (journal, snapshots) = open_backup(folder)?;
    let progress = Progress::of("replaying the copy");
    let recovered = recover(&journal, &snapshots, 0, &|done, total| progress.set(done.0, total.0)).await;
    let recovered =
        recovered.map_err(|error: RecoverError| Failure::differs(format!("the copy is not whole: {error}")))?;
    Ok(Manifest::new(&recovered.head, recovered.engine.state_hash()))
}
