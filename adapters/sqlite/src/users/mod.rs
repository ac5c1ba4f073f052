//! The user store in one SQLite file, `users.db`.
//!
//! One thread owns the writing connection, a few own reading ones; callers wait without holding up the
//! async threads. Each module below holds the questions about one kind of fact as functions on a
//! connection inside a transaction; none of them decides anything that the port does not ask of a store.

mod accounts;
mod api_keys;
mod audit;
mod backup;
mod connection;
mod imported;
mod outbox;
mod people;
mod sessions;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use async_trait::async_trait;
use emporion_model::event::Bucket;
use emporion_model::{AccountId, Interval, SymbolId, TimeUs};
use emporion_ports::imported::{ImportedKlines, ImportedRange, KlineImport};
use emporion_ports::store::StoreError;
use emporion_ports::users::{
    AccountLink, AccountName, AddedKey, Answer, ApiKey, ApiKeyName, AuditRow, Credential, Deposit, NewApiKey,
    NewDeposit, NewOperatorAccount, NewSession, NewUser, OperatorAccount, OutboxHead, OutboxRow, OutboxTurn,
    PasswordHash, Payload, Recorded, Session, SignUp, Stamp, StoreResult, TokenHash, User, UserId, UserName, UserState,
    UserStore,
};

pub use backup::backup;
use connection::Connections;

use crate::Durability;

/// The user store on a file, and the imported klines in it.
pub struct SqliteUserStore {
    connections: Connections,
    /// The symbols and intervals of which there are imported klines. Every reader of klines asks, most often for a
    /// symbol without any, and the one process that writes the file is this one.
    imported: RwLock<BTreeSet<(SymbolId, Interval)>>,
}

impl SqliteUserStore {
    /// Opens or creates the file at `path` and brings its schema up to date. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] with one sentence: the folder cannot be read, the file is damaged or another
    /// application's, or a newer build wrote it and this one must not use it. The file is then as it was.
    pub fn open(path: &Path, durability: Durability) -> StoreResult<Self> {
        let connections = Connections::open(path, durability)?;
        let imported = RwLock::new(connections.read_now(imported::series)?);
        Ok(Self { connections, imported })
    }
}

#[async_trait]
impl UserStore for SqliteUserStore {
    async fn sign_up(&self, new: &NewUser, open: &Payload, stamp: &Stamp) -> StoreResult<SignUp> {
        let (new, open, stamp) = (new.clone(), open.clone(), *stamp);
        self.connections.write(move |db| people::sign_up(db, &new, &open, &stamp)).await
    }

    async fn credential(&self, name: &UserName) -> StoreResult<Option<Credential>> {
        let name = name.clone();
        self.connections.read(move |db| people::credential(db, &name)).await
    }

    async fn user(&self, user_id: UserId) -> StoreResult<Option<User>> {
        self.connections.read(move |db| people::user(db, user_id)).await
    }

    async fn change_password(
        &self,
        user_id: UserId,
        from: &PasswordHash,
        to: &PasswordHash,
        stamp: &Stamp,
    ) -> StoreResult<bool> {
        let (from, to, stamp) = (from.clone(), to.clone(), *stamp);
        self.connections.write(move |db| people::change_password(db, user_id, &from, &to, &stamp)).await
    }

    async fn set_user_state(&self, name: &UserName, state: UserState, stamp: &Stamp) -> StoreResult<bool> {
        let (name, stamp) = (name.clone(), *stamp);
        self.connections.write(move |db| people::set_state(db, &name, state, &stamp)).await
    }

    async fn open_session(&self, new: &NewSession, stamp: &Stamp) -> StoreResult<bool> {
        let (new, stamp) = (new.clone(), *stamp);
        self.connections.write(move |db| sessions::open(db, &new, &stamp)).await
    }

    async fn session(&self, token: &TokenHash) -> StoreResult<Option<Session>> {
        let token = *token;
        self.connections.read(move |db| sessions::by_token(db, &token)).await
    }

    async fn touch_session(&self, token: &TokenHash, seen_at: TimeUs) -> StoreResult<()> {
        let token = *token;
        self.connections.write(move |db| sessions::touch(db, &token, seen_at)).await
    }

    async fn close_session(&self, token: &TokenHash, stamp: &Stamp) -> StoreResult<bool> {
        let (token, stamp) = (*token, *stamp);
        self.connections.write(move |db| sessions::close(db, &token, &stamp)).await
    }

    async fn prune_sessions(&self, created_before: TimeUs, seen_before: TimeUs) -> StoreResult<u64> {
        self.connections.write(move |db| sessions::prune(db, created_before, seen_before)).await
    }

    async fn add_api_key(
        &self,
        user_id: UserId,
        new: &NewApiKey,
        working_max: u32,
        stamp: &Stamp,
    ) -> StoreResult<AddedKey> {
        let (new, stamp) = (new.clone(), *stamp);
        self.connections.write(move |db| api_keys::add(db, user_id, &new, working_max, &stamp)).await
    }

    async fn api_key(&self, name: &ApiKeyName) -> StoreResult<Option<ApiKey>> {
        let name = name.clone();
        self.connections.read(move |db| api_keys::by_name(db, &name)).await
    }

    async fn api_keys(&self, user_id: UserId) -> StoreResult<Vec<ApiKey>> {
        self.connections.read(move |db| api_keys::of_user(db, user_id)).await
    }

    async fn revoke_api_key(&self, user_id: UserId, name: &ApiKeyName, stamp: &Stamp) -> StoreResult<bool> {
        let (name, stamp) = (name.clone(), *stamp);
        self.connections.write(move |db| api_keys::revoke(db, user_id, &name, &stamp)).await
    }

    async fn master_key_proofs(&self) -> StoreResult<Vec<Vec<u8>>> {
        self.connections.read(api_keys::master_key_proofs).await
    }

    async fn keep_master_key_proof(&self, key_id: &str, proof: &[u8]) -> StoreResult<()> {
        let (key_id, proof) = (key_id.to_owned(), proof.to_owned());
        self.connections.write(move |db| api_keys::keep_master_key_proof(db, &key_id, &proof)).await
    }

    async fn accounts(&self, user_id: UserId) -> StoreResult<Vec<AccountLink>> {
        self.connections.read(move |db| accounts::of_user(db, user_id)).await
    }

    async fn request_account(&self, new: &NewOperatorAccount, stamp: &Stamp) -> StoreResult<OperatorAccount> {
        let (new, stamp) = (new.clone(), *stamp);
        self.connections.write(move |db| accounts::request(db, &new, &stamp)).await
    }

    async fn operator_account(&self, name: &AccountName) -> StoreResult<Option<OperatorAccount>> {
        let name = name.clone();
        self.connections.read(move |db| accounts::by_name(db, &name)).await
    }

    async fn request_deposit(
        &self,
        account_id: AccountId,
        new: &NewDeposit,
        credit: &Payload,
        stamp: &Stamp,
    ) -> StoreResult<Option<Deposit>> {
        let (new, credit, stamp) = (new.clone(), credit.clone(), *stamp);
        self.connections.write(move |db| accounts::request_deposit(db, account_id, &new, &credit, &stamp)).await
    }

    async fn deposit(&self, reference: &str) -> StoreResult<Option<Deposit>> {
        let reference = reference.to_owned();
        self.connections.read(move |db| accounts::deposit(db, &reference)).await
    }

    async fn outbox_turn(&self) -> StoreResult<Box<dyn OutboxTurn>> {
        Ok(Box::new(outbox::OnlyProcess))
    }

    async fn outbox_head(&self) -> StoreResult<OutboxHead> {
        self.connections.read(outbox::head).await
    }

    async fn outbox_row(&self, n: u64) -> StoreResult<Option<OutboxRow>> {
        self.connections.read(move |db| outbox::row(db, n)).await
    }

    async fn deposits_waiting_for(&self, n: u64) -> StoreResult<Vec<NewDeposit>> {
        self.connections.read(move |db| accounts::waiting_for(db, n)).await
    }

    async fn record_answer(
        &self,
        n: u64,
        answer: &Answer,
        follow_ups: &[(String, Payload)],
        stamp: &Stamp,
    ) -> StoreResult<Recorded> {
        let (answer, follow_ups, stamp) = (answer.clone(), follow_ups.to_vec(), *stamp);
        self.connections.write(move |db| outbox::record_answer(db, n, &answer, &follow_ups, &stamp)).await
    }

    async fn prune_outbox(&self, before: TimeUs) -> StoreResult<u64> {
        self.connections.write(move |db| outbox::prune(db, before)).await
    }

    async fn audit_after(&self, seq: u64, rows_max: u32) -> StoreResult<Vec<AuditRow>> {
        self.connections.read(move |db| audit::after(db, seq, rows_max)).await
    }

    async fn backup_into(&self, path: &Path) -> StoreResult<()> {
        let (from, to) = (self.connections.path().to_owned(), path.to_owned());
        let copied = tokio::task::spawn_blocking(move || backup(&from, &to)).await;
        copied.map_err(|error| StoreError::Failed(format!("the backup stopped: {error}")))?
    }
}

#[async_trait]
impl ImportedKlines for SqliteUserStore {
    async fn import(&self, import: KlineImport) -> StoreResult<()> {
        let series = (!import.klines.is_empty()).then_some((import.symbol, import.interval));
        self.connections.write(move |db| imported::import(db, &import)).await?;
        self.imported.write().unwrap_or_else(PoisonError::into_inner).extend(series);
        Ok(())
    }

    async fn ranges(&self) -> StoreResult<Vec<ImportedRange>> {
        self.connections.read(imported::ranges).await
    }

    async fn intervals(&self, symbol: SymbolId) -> StoreResult<Vec<Interval>> {
        let imported = self.imported.read().unwrap_or_else(PoisonError::into_inner);
        Ok(imported.iter().filter(|(of, _)| *of == symbol).map(|&(_, interval)| interval).collect())
    }

    async fn klines(
        &self,
        symbol: SymbolId,
        interval: Interval,
        from: u64,
        until: u64,
        limit: u32,
    ) -> StoreResult<Vec<Bucket>> {
        self.connections.read(move |db| imported::klines(db, symbol, interval, from, until, limit)).await
    }

    async fn newest(&self, symbol: SymbolId, interval: Interval, before: u64) -> StoreResult<Option<Bucket>> {
        self.connections.read(move |db| imported::newest(db, symbol, interval, before)).await
    }
}
