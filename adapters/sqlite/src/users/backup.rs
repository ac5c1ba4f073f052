//! A consistent copy of `users.db` while the venue uses it.

use std::fmt::Display;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use emporion_ports::users::{StoreResult, UserStoreError};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, Error, ffi};

use super::connection::open_reader;

/// Copies the users database at `from` to the new file `to`, which must not exist. Readers and the writer of
/// `from` go on; the copy is its state at one moment and is on disk when this returns. Blocks.
pub fn backup(from: &Path, to: &Path) -> StoreResult<()> {
    let source = open_reader(from)?;
    claim(to)?;
    let copied = copy(&source, to).map_err(|error| failed(to, &error)).and_then(|()| {
        let synced = File::open(to).and_then(|file| file.sync_all());
        synced.and_then(|()| sync_folder(to)).map_err(|error| failed(to, &error))
    });
    if copied.is_err() {
        // A half-written copy must not pass for a backup.
        let _ = fs::remove_file(to);
    }
    copied
}

/// Makes sure that this backup is the one that creates the file.
fn claim(to: &Path) -> StoreResult<()> {
    match File::create_new(to) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(UserStoreError::Failed(format!("{} exists already; a backup overwrites nothing", to.display())))
        }
        Err(error) => Err(failed(to, &error)),
    }
}

fn copy(source: &Connection, to: &Path) -> rusqlite::Result<()> {
    let mut target = Connection::open(to)?;
    // All pages in one step: the reading transaction keeps them at one moment, and writers are not held up.
    match Backup::new(source, &mut target)?.step(-1)? {
        StepResult::Done => {}
        _ => return Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None)),
    }
    // One file, without a write-ahead log beside it.
    let mode: String = target.query_row("pragma journal_mode = delete", [], |row| row.get(0))?;
    debug_assert_eq!(mode, "delete");
    target.close().map_err(|(_, error)| error)
}

fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn failed(to: &Path, reason: &dyn Display) -> UserStoreError {
    UserStoreError::Failed(format!("cannot back up users.db to {}: {reason}", to.display()))
}
