//! The data folder of a running venue: the lock, and the small files by which commands find the venue.
//!
//! What must not live here: what the store keeps in it.

use crate::Failure;
use crate::config::Users;
use crate::files::{Readers, read_text, write_whole};
use emporion_ports::keys::Secret;
use emporion_sqlite::{Durability, FolderLock};
use emporion_user::seal::MasterKeys;
use rand::TryRngCore;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The users' part of the store.
pub(crate) const USERS_FILE: &str = "users.db";
/// The master key that `serve` makes when the config has none.
pub(crate) const MASTER_KEY_FILE: &str = "master-key";
const ADDRESS_FILE: &str = "address.json";
const OPERATOR_TOKEN_FILE: &str = "operator-token";
/// The id of the master key that `serve` makes.
const OWN_MASTER_KEY: &str = "data-folder";

/// The folder of a venue that this process runs.
pub(crate) struct DataFolder {
    /// The right to write in it.
    pub(crate) lock: FolderLock,
    /// How much the store waits for the disk.
    pub(crate) durability: Durability,
    /// Removed with everything in it when it is dropped; after the lock.
    _temporary: Option<TempDir>,
}

/// Where a running venue answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    /// The base URL of the public API.
    pub(crate) rest: String,
    /// The base URL of operator requests.
    pub(crate) operator: String,
    /// The process.
    pub(crate) pid: u32,
}

impl DataFolder {
    /// Takes the folder at `path`, or a temporary one.
    pub(crate) fn take(path: &Path, is_ephemeral: bool) -> Result<Self, Failure> {
        if !is_ephemeral {
            let lock = FolderLock::acquire(path)?;
            return Ok(Self { lock, durability: Durability::Durable, _temporary: None });
        }
        let temporary = tempfile::Builder::new().prefix("emporion-").tempdir();
        let temporary =
            temporary.map_err(|error| Failure::failed(format!("a temporary data folder cannot be made: {error}")))?;
        let lock = FolderLock::acquire(temporary.path())?;
        Ok(Self { lock, durability: Durability::Ephemeral, _temporary: Some(temporary) })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.lock.folder()
    }

    /// The file with people and keys.
    pub(crate) fn users_file(&self) -> PathBuf {
        self.path().join(USERS_FILE)
    }

    /// The master keys of the config or, when it has none, the one of this folder, which is made on first need.
    pub(crate) fn master_keys(&self, users: &Users) -> Result<MasterKeys, Failure> {
        let keys = match users.master_keys() {
            Some(keys) => keys,
            None => MasterKeys::new(&[(OWN_MASTER_KEY.to_owned(), self.own_master_key()?)]),
        };
        keys.map_err(|error| Failure::failed(error.to_string()))
    }

    fn own_master_key(&self) -> Result<Secret, Failure> {
        let path = self.path().join(MASTER_KEY_FILE);
        if !path.exists() {
            write_whole(&path, &random_hex()?, Readers::Owner)?;
            tracing::info!(path = %path.display(), "A master key was made; API secrets are sealed under it.");
        }
        Ok(Secret::new(read_text("master key", &path)?.trim()))
    }

    /// A new operator's token, for who may read the folder's files.
    pub(crate) fn new_operator_token(&self) -> Result<String, Failure> {
        let token = random_hex()?;
        write_whole(&self.path().join(OPERATOR_TOKEN_FILE), &token, Readers::Owner)?;
        Ok(token)
    }

    /// Says where the venue answers from now on.
    pub(crate) fn publish(&self, address: &Address) -> Result<(), Failure> {
        let json = serde_json::to_string_pretty(address).expect("an address is three plain fields");
        write_whole(&self.path().join(ADDRESS_FILE), &json, Readers::Default)
    }

    /// Says that it answers no more.
    pub(crate) fn unpublish(&self) {
        for name in [ADDRESS_FILE, OPERATOR_TOKEN_FILE] {
            if let Err(error) = fs::remove_file(self.path().join(name)) {
                tracing::warn!(%error, name, "A file that says where the venue answers could not be removed.");
            }
        }
    }
}

/// Where the venue of the folder at `path` answers, and the token that lets an operator in.
pub(crate) fn find_running(path: &Path) -> Result<(Address, String), Failure> {
    let not_running = || {
        Failure::failed(format!("no venue runs on the data folder {}: start it with `emporion serve`", path.display()))
    };
    let address = fs::read_to_string(path.join(ADDRESS_FILE)).map_err(|_| not_running())?;
    let address = serde_json::from_str(&address).map_err(|_| not_running())?;
    Ok((address, read_text("operator's token", &path.join(OPERATOR_TOKEN_FILE))?))
}

/// 256 bits that nobody can guess.
pub(crate) fn random_hex() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    let filled = OsRng.try_fill_bytes(&mut bytes);
    filled.map_err(|error| Failure::failed(format!("the operating system gives no random numbers: {error}")))?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> Address {
        Address { rest: "http://127.0.0.1:1".to_owned(), operator: "http://127.0.0.1:2".to_owned(), pid: 3 }
    }

    #[test]
    fn a_running_venue_is_found_through_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let taken = DataFolder::take(&path, false).unwrap();
        assert!(find_running(&path).is_err());
        let token = taken.new_operator_token().unwrap();
        taken.publish(&address()).unwrap();
        assert_eq!(find_running(&path), Ok((address(), token)));
        taken.unpublish();
        assert!(find_running(&path).unwrap_err().sentence.contains("no venue runs on"));
    }

    #[test]
    fn a_temporary_folder_is_gone_at_the_end() {
        let taken = DataFolder::take(Path::new("/nowhere"), true).unwrap();
        let path = taken.path().to_owned();
        taken.publish(&address()).unwrap();
        drop(taken);
        assert!(!path.exists());
    }
}
