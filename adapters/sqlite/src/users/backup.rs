//! A consistent copy of `users.db` while the venue uses it.

use std::fmt::Display;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use emporion_ports::store::StoreError;
use emporion_ports::users::StoreResult;
use rusqlite::Connection;

use super::connection::open_reader;
use crate::backup::copy_pages;

/// Copies the users database at `from` to the new file `to`, which must not exist. Readers and the writer of
/// `from` go on; the copy is its state at one moment and is on disk when this returns. Blocks.
pub fn backup(from: &Path, to: &Path) -> StoreResult<()> {
    let mut source = open_reader(from)?;
    claim(to)?;
    let copied = copy(&mut source, to).map_err(|error| failed(to, &error)).and_then(|()| {
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
            Err(StoreError::Failed(format!("{} exists already; a backup overwrites nothing", to.display())))
        }
        Err(error) => Err(failed(to, &error)),
    }
}

fn copy(source: &mut Connection, to: &Path) -> rusqlite::Result<()> {
    let mut target = Connection::open(to)?;
    copy_pages(&*source.transaction()?, &mut target, |_| {})?;
    // Without a log of its own the copy is one file, which can also be read where nothing can be written.
    target.pragma_update(None, "journal_mode", "delete")?;
    target.close().map_err(|(_, error)| error)
}

fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn failed(to: &Path, reason: &dyn Display) -> StoreError {
    StoreError::Failed(format!("cannot back up users.db to {}: {reason}", to.display()))
}
