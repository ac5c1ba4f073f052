//! The user store and the imported klines.
//!
//! Each module below holds the questions about one kind of fact; none of them decides anything that the port does not
//! ask of a store. Everything is read at the primary: what concerns who may do what must not be old.

mod accounts;
mod api_keys;
mod change;
mod imported;
mod outbox;
mod people;
mod sessions;
#[cfg(test)]
mod tests;
mod turn;
mod values;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::Object;
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
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::pool::Pools;
use crate::{Postgres, PostgresOptions};
use change::Changes;

/// How long it may take until this process sees that another imported klines of a further symbol or interval.
const SERIES_FRESH: Duration = Duration::from_secs(1);

/// The symbols and intervals of which there are imported klines.
type Series = BTreeSet<(SymbolId, Interval)>;

/// The user store in PostgreSQL, and the imported klines beside it. Any number of processes use it at once.
pub struct PostgresUsers {
    options: PostgresOptions,
    pools: Pools,
    changes: Changes,
    /// The symbols and intervals of which there are imported klines, and when they were read. Every reader of klines
    /// asks, most often for a symbol without any. None ever goes away.
    imported: Mutex<Option<(Instant, Series)>>,
}

impl PostgresUsers {
    /// On the connections of `postgres`, which was opened with these options, and a few of its own: one for changes,
    /// and one for the turn to send the outbox.
    pub fn new(postgres: &Postgres, options: PostgresOptions) -> Self {
        let (pools, changes) = (postgres.pools().clone(), Changes::new(&options));
        Self { options, pools, changes, imported: Mutex::new(None) }
    }

    async fn connection(&self) -> StoreResult<Object> {
        self.pools.write().await
    }

    /// What is known of the series, if it is fresh enough.
    fn fresh_series(&self) -> Option<Series> {
        let known = self.imported.lock();
        known.as_ref().filter(|(read_at, _)| read_at.elapsed() < SERIES_FRESH).map(|(_, series)| series.clone())
    }

    /// The series, at most [`SERIES_FRESH`] old while the database answers. While it does not, those known before.
    async fn series(&self) -> StoreResult<Series> {
        if let Some(series) = self.fresh_series() {
            return Ok(series);
        }
        let read_at = Instant::now();
        let read = async { imported::series(&mut self.connection().await?).await };
        match read.await {
            Ok(series) => {
                *self.imported.lock() = Some((read_at, series.clone()));
                Ok(series)
            }
            Err(error) => {
                let known = self.imported.lock();
                known.as_ref().map(|(_, series)| series.clone()).ok_or(error)
            }
        }
    }
}

#[async_trait]
impl UserStore for PostgresUsers {
    async fn sign_up(&self, new: &NewUser, open: &Payload, stamp: &Stamp) -> StoreResult<SignUp> {
        let mut change = self.changes.begin().await?;
        let outcome = people::sign_up(&mut change, new, open, stamp).await?;
        change.commit(outcome).await
    }

    async fn credential(&self, name: &UserName) -> StoreResult<Option<Credential>> {
        people::credential(&mut self.connection().await?, name).await
    }

    async fn user(&self, user_id: UserId) -> StoreResult<Option<User>> {
        people::user(&mut self.connection().await?, user_id).await
    }

    async fn change_password(
        &self,
        user_id: UserId,
        from: &PasswordHash,
        to: &PasswordHash,
        stamp: &Stamp,
    ) -> StoreResult<bool> {
        let mut change = self.changes.begin().await?;
        let changed = people::change_password(&mut change, user_id, from, to, stamp).await?;
        change.commit(changed).await
    }

    async fn set_user_state(&self, name: &UserName, state: UserState, stamp: &Stamp) -> StoreResult<bool> {
        let mut change = self.changes.begin().await?;
        let exists = people::set_state(&mut change, name, state, stamp).await?;
        change.commit(exists).await
    }

    async fn open_session(&self, new: &NewSession, stamp: &Stamp) -> StoreResult<bool> {
        let mut change = self.changes.begin().await?;
        let opened = sessions::open(&mut change, new, stamp).await?;
        change.commit(opened).await
    }

    async fn session(&self, token: &TokenHash) -> StoreResult<Option<Session>> {
        sessions::by_token(&mut self.connection().await?, token).await
    }

    async fn touch_session(&self, token: &TokenHash, seen_at: TimeUs) -> StoreResult<()> {
        sessions::touch(&mut self.connection().await?, token, seen_at).await
    }

    async fn close_session(&self, token: &TokenHash, stamp: &Stamp) -> StoreResult<bool> {
        let mut change = self.changes.begin().await?;
        let closed = sessions::close(&mut change, token, stamp).await?;
        change.commit(closed).await
    }

    async fn prune_sessions(&self, created_before: TimeUs, seen_before: TimeUs) -> StoreResult<u64> {
        sessions::prune(&mut self.connection().await?, created_before, seen_before).await
    }

    async fn add_api_key(
        &self,
        user_id: UserId,
        new: &NewApiKey,
        working_max: u32,
        stamp: &Stamp,
    ) -> StoreResult<AddedKey> {
        let mut change = self.changes.begin().await?;
        let added = api_keys::add(&mut change, user_id, new, working_max, stamp).await?;
        change.commit(added).await
    }

    async fn api_key(&self, name: &ApiKeyName) -> StoreResult<Option<ApiKey>> {
        api_keys::by_name(&mut self.connection().await?, name).await
    }

    async fn api_keys(&self, user_id: UserId) -> StoreResult<Vec<ApiKey>> {
        api_keys::of_user(&mut self.connection().await?, user_id).await
    }

    async fn revoke_api_key(&self, user_id: UserId, name: &ApiKeyName, stamp: &Stamp) -> StoreResult<bool> {
        let mut change = self.changes.begin().await?;
        let revoked = api_keys::revoke(&mut change, user_id, name, stamp).await?;
        change.commit(revoked).await
    }

    async fn master_key_proofs(&self) -> StoreResult<Vec<Vec<u8>>> {
        api_keys::master_key_proofs(&mut self.connection().await?).await
    }

    async fn keep_master_key_proof(&self, key_id: &str, proof: &[u8]) -> StoreResult<()> {
        let mut change = self.changes.begin().await?;
        api_keys::keep_master_key_proof(&mut change, key_id, proof).await?;
        change.commit(()).await
    }

    async fn accounts(&self, user_id: UserId) -> StoreResult<Vec<AccountLink>> {
        accounts::of_user(&mut self.connection().await?, user_id).await
    }

    async fn request_account(&self, new: &NewOperatorAccount, stamp: &Stamp) -> StoreResult<OperatorAccount> {
        let mut change = self.changes.begin().await?;
        let stands = accounts::request(&mut change, new, stamp).await?;
        change.commit(stands).await
    }

    async fn operator_account(&self, name: &AccountName) -> StoreResult<Option<OperatorAccount>> {
        accounts::by_name(&mut self.connection().await?, name).await
    }

    async fn request_deposit(
        &self,
        account_id: AccountId,
        new: &NewDeposit,
        credit: &Payload,
        stamp: &Stamp,
    ) -> StoreResult<Option<Deposit>> {
        let mut change = self.changes.begin().await?;
        let stands = accounts::request_deposit(&mut change, account_id, new, credit, stamp).await?;
        change.commit(stands).await
    }

    async fn deposit(&self, reference: &str) -> StoreResult<Option<Deposit>> {
        accounts::deposit(&mut self.connection().await?, reference).await
    }

    async fn outbox_turn(&self) -> StoreResult<Box<dyn OutboxTurn>> {
        turn::wait(&self.options).await
    }

    async fn outbox_head(&self) -> StoreResult<OutboxHead> {
        outbox::head(&mut self.connection().await?).await
    }

    async fn outbox_row(&self, n: u64) -> StoreResult<Option<OutboxRow>> {
        outbox::row(&mut self.connection().await?, n).await
    }

    async fn deposits_waiting_for(&self, n: u64) -> StoreResult<Vec<NewDeposit>> {
        accounts::waiting_for(&mut self.connection().await?, n).await
    }

    async fn record_answer(
        &self,
        n: u64,
        answer: &Answer,
        follow_ups: &[(String, Payload)],
        stamp: &Stamp,
    ) -> StoreResult<Recorded> {
        let mut change = self.changes.begin().await?;
        let recorded = outbox::record_answer(&mut change, n, answer, follow_ups, stamp).await?;
        change.commit(recorded).await
    }

    async fn prune_outbox(&self, before: TimeUs) -> StoreResult<u64> {
        outbox::prune(&mut self.connection().await?, before).await
    }

    async fn audit_after(&self, seq: u64, rows_max: u32) -> StoreResult<Vec<AuditRow>> {
        change::audit_after(&mut self.connection().await?, seq, rows_max).await
    }

    async fn backup_into(&self, _: &Path) -> StoreResult<()> {
        Err(StoreError::Unusable(
            "people are kept in PostgreSQL, which is backed up by its own means and not into a file from here: use \
             pg_dump, or base backups with archived WAL for point-in-time recovery"
                .to_owned(),
        ))
    }
}

#[async_trait]
impl ImportedKlines for PostgresUsers {
    async fn import(&self, import: KlineImport) -> StoreResult<()> {
        imported::import(&mut self.connection().await?, &import).await?;
        // What was known is now less than there is.
        *self.imported.lock() = None;
        Ok(())
    }

    async fn ranges(&self) -> StoreResult<Vec<ImportedRange>> {
        imported::ranges(&mut self.connection().await?).await
    }

    async fn intervals(&self, symbol: SymbolId) -> StoreResult<Vec<Interval>> {
        let series = self.series().await?;
        Ok(series.into_iter().filter(|(of, _)| *of == symbol).map(|(_, interval)| interval).collect())
    }

    async fn klines(
        &self,
        symbol: SymbolId,
        interval: Interval,
        from: u64,
        until: u64,
        limit: u32,
    ) -> StoreResult<Vec<Bucket>> {
        imported::klines(&mut self.connection().await?, (symbol, interval), from, until, limit).await
    }

    async fn newest(&self, symbol: SymbolId, interval: Interval, before: u64) -> StoreResult<Option<Bucket>> {
        imported::newest(&mut self.connection().await?, (symbol, interval), before).await
    }
}
