//! One play at a time on each symbol: a lock in the venue's data folder, which ends with the process however that
//! ends. Two plays would share their accounts, and each cancel what the other placed.

use crate::Failure;
use std::fs::{File, TryLockError};
use std::path::Path;

/// The right to play on a symbol, until this is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    /// The operating system's lock lives as long as this is open.
    _file: File,
}

impl Claim {
    /// Takes it. The file stays behind: whoever removed it could remove another's.
    ///
    /// # Errors
    /// One sentence: another process plays on the symbol, or the folder cannot be written in.
    pub(super) fn take(folder: &Path, symbol: &str) -> Result<Self, Failure> {
        let path = folder.join(format!("replay-{symbol}.lock"));
        let unusable = |error| Failure::failed(format!("the lock {} cannot be taken: {error}", path.display()));
        let file = File::options().write(true).create(true).truncate(false).open(&path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(Failure::failed(format!("another replay plays on {symbol}: wait for its end, or stop it")))
            }
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_played_on_once_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = Claim::take(folder.path(), "BTCUSDT").unwrap();
        let refusal = Claim::take(folder.path(), "BTCUSDT").unwrap_err().sentence;
        assert_eq!(refusal, "another replay plays on BTCUSDT: wait for its end, or stop it");
        Claim::take(folder.path(), "ETHUSDT").unwrap();
        drop(first);
        Claim::take(folder.path(), "BTCUSDT").unwrap();
        let missing = Claim::take(&folder.path().join("missing"), "BTCUSDT").unwrap_err().sentence;
        assert!(missing.contains("cannot be taken"), "{missing}");
    }
}
