//! The embedded store: journal, tables and users in three SQLite files, snapshots beside them.
//!
//! What must not live here: anything that decides. The ports say what is asked; this crate answers from files.

mod backup;
mod database;
mod folder;
mod journal;
mod readers;
mod schema;
mod snapshots;
mod store;
mod tables;
#[cfg(test)]
mod tests;
pub mod users;
mod values;
mod worker;

pub use backup::{BackupProgress, Copied, open_backup, restore};
pub use database::Durability;
pub use folder::{FolderLock, refuse_network};
pub use journal::SqliteJournal;
pub use snapshots::FileSnapshots;
pub use store::{Store, refuse_lost_end};
pub use tables::SqliteTables;
