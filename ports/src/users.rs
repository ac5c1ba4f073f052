//! The user store: people, sessions, API keys, links to engine accounts, the outbox, the audit trail.
//!
//! The port keeps facts and gives them back. What must not live here: hashing of passwords, sealing of
//! secrets, limits and anything else that decides; that is the user service's. No balance is kept here.
//!
//! Every changing call is one durable transaction, together with its audit row and, where the engine must
//! hear of it, its outbox row. A call that returns an error changed nothing, or (when the error says so)
//! nobody knows whether it did; all of them may be repeated.

mod accounts;
mod api_keys;
mod audit;
mod outbox;
mod people;

use std::path::Path;

use async_trait::async_trait;
use emporion_model::{AccountId, TimeUs};

use crate::store::StoreError;

pub use accounts::{
    AccountLink, AccountName, Deposit, DepositState, LinkId, LinkState, NewDeposit, NewOperatorAccount,
    OperatorAccount, Owner,
};
pub use api_keys::{AddedKey, ApiKey, ApiKeyName, IpRule, KeyMaterial, NewApiKey, Permissions};
pub use audit::{AUDIT_CHAIN_START, Actor, AuditAction, AuditRow, Stamp};
pub use outbox::{Answer, OutboxHead, OutboxRow, OutboxTurn, Payload, Recorded};
pub use people::{
    Credential, NETWORKS_KEPT, Network, NewSession, NewUser, PasswordHash, Session, SignUp, TokenHash, User, UserId,
    UserName, UserState,
};

/// What every call returns.
pub type StoreResult<T> = Result<T, StoreError>;

/// Everything the user service remembers.
#[async_trait]
pub trait UserStore: Send + Sync {
    // People.

    /// Makes a person with a pending main account whose opening command is `open`, unless the name is
    /// taken. Commits exactly one transaction with one audit row either way, so that neither the answer's
    /// time nor the disk's work tells whether a name exists.
    async fn sign_up(&self, new: &NewUser, open: &Payload, stamp: &Stamp) -> StoreResult<SignUp>;

    /// What a log-in under `name` is checked against.
    async fn credential(&self, name: &UserName) -> StoreResult<Option<Credential>>;

    /// The person with this number.
    async fn user(&self, user_id: UserId) -> StoreResult<Option<User>>;

    /// Replaces the hash `from` by `to` and closes all the person's sessions. `false`, and nothing done, when
    /// `from` is no longer his hash.
    async fn change_password(
        &self,
        user_id: UserId,
        from: &PasswordHash,
        to: &PasswordHash,
        stamp: &Stamp,
    ) -> StoreResult<bool>;

    /// Suspends a person (closing all his sessions) or lets him in again. `false` when there is no such name.
    async fn set_user_state(&self, name: &UserName, state: UserState, stamp: &Stamp) -> StoreResult<bool>;

    // Sessions.

    /// Opens a session and remembers its network. `false`, and nothing done, when the person is suspended or
    /// the verified hash is no longer his.
    async fn open_session(&self, new: &NewSession, stamp: &Stamp) -> StoreResult<bool>;

    /// The session behind a token.
    async fn session(&self, token: &TokenHash) -> StoreResult<Option<Session>>;

    /// Notes that the session was used. Not audited; never moves backwards.
    async fn touch_session(&self, token: &TokenHash, seen_at: TimeUs) -> StoreResult<()>;

    /// Closes a session. `false` when there is none.
    async fn close_session(&self, token: &TokenHash, stamp: &Stamp) -> StoreResult<bool>;

    /// Deletes sessions opened before `created_before` or unused since `seen_before`, and returns how many.
    async fn prune_sessions(&self, created_before: TimeUs, seen_before: TimeUs) -> StoreResult<u64>;

    // API keys.

    /// Adds a key to a person's main account, which may have at most `working_max` keys that work at
    /// `stamp.at`.
    async fn add_api_key(
        &self,
        user_id: UserId,
        new: &NewApiKey,
        working_max: u32,
        stamp: &Stamp,
    ) -> StoreResult<AddedKey>;

    /// The key with this public half, revoked ones included.
    async fn api_key(&self, name: &ApiKeyName) -> StoreResult<Option<ApiKey>>;

    /// The person's keys, oldest first, revoked ones included.
    async fn api_keys(&self, user_id: UserId) -> StoreResult<Vec<ApiKey>>;

    /// Revokes a person's key for good. `false` when he has no such key or it is revoked already.
    async fn revoke_api_key(&self, user_id: UserId, name: &ApiKeyName, stamp: &Stamp) -> StoreResult<bool>;

    /// The proofs of all master keys that ever sealed a secret here: blobs that only the right key opens.
    async fn master_key_proofs(&self) -> StoreResult<Vec<Vec<u8>>>;

    /// Keeps the proof of the master key named `key_id`, unless one is kept already.
    async fn keep_master_key_proof(&self, key_id: &str, proof: &[u8]) -> StoreResult<()>;

    // Accounts and deposits.

    /// The person's accounts, the main one first.
    async fn accounts(&self, user_id: UserId) -> StoreResult<Vec<AccountLink>>;

    /// Makes an account without a person, its key, and its deposits, waiting for the account. When the name
    /// exists, nothing is changed. Returns what then stands under the name.
    async fn request_account(&self, new: &NewOperatorAccount, stamp: &Stamp) -> StoreResult<OperatorAccount>;

    /// The account that an operator made under this name.
    async fn operator_account(&self, name: &AccountName) -> StoreResult<Option<OperatorAccount>>;

    /// Writes down a deposit into an open account together with its command. When the reference exists,
    /// nothing is changed. Returns what then stands under the reference; `None` when no link leads to
    /// `account_id`.
    async fn request_deposit(
        &self,
        account_id: AccountId,
        new: &NewDeposit,
        credit: &Payload,
        stamp: &Stamp,
    ) -> StoreResult<Option<Deposit>>;

    /// The deposit with this reference.
    async fn deposit(&self, reference: &str) -> StoreResult<Option<Deposit>>;

    // The outbox.

    /// Waits until this process may send the outbox. May be dropped while it waits.
    async fn outbox_turn(&self) -> StoreResult<Box<dyn OutboxTurn>>;

    /// Where the outbox stands, as of one moment.
    async fn outbox_head(&self) -> StoreResult<OutboxHead>;

    /// The row with this number; `None` when it was never given or is pruned.
    async fn outbox_row(&self, n: u64) -> StoreResult<Option<OutboxRow>>;

    /// The deposits that wait for the account whose opening command is row `n`, in the order asked for.
    async fn deposits_waiting_for(&self, n: u64) -> StoreResult<Vec<NewDeposit>>;

    /// Records the engine's answer to row `n` and what follows from it: the link or the deposit behind the row
    /// takes its new state. `follow_ups` are the commands of the deposits that waited for the account just
    /// opened, by reference; they enter the outbox in that order. A refused account refuses its waiting
    /// deposits with it.
    async fn record_answer(
        &self,
        n: u64,
        answer: &Answer,
        follow_ups: &[(String, Payload)],
        stamp: &Stamp,
    ) -> StoreResult<Recorded>;

    /// Deletes the oldest rows while they are answered and were written before `before`; returns how many.
    /// Rows must be kept for longer than the oldest backup of the engine's journal.
    async fn prune_outbox(&self, before: TimeUs) -> StoreResult<u64>;

    // The audit trail and the whole.

    /// At most `rows_max` rows of the audit trail after `seq`, in order.
    async fn audit_after(&self, seq: u64, rows_max: u32) -> StoreResult<Vec<AuditRow>>;

    /// Writes a consistent copy of the whole store to the new file `path` while it stays in use.
    /// [`StoreError::Unusable`] from a store that is backed up in another way, which the sentence names.
    async fn backup_into(&self, path: &Path) -> StoreResult<()>;
}

/// Reads the whole audit trail and checks its chain. Returns the number of rows, or the number of the first
/// row that does not follow from the ones before it.
pub async fn check_audit(store: &dyn UserStore) -> StoreResult<Result<u64, u64>> {
    const ROWS_PER_READ: u32 = 1_000;
    let (mut seq, mut chain) = (0, AUDIT_CHAIN_START);
    loop {
        let rows = store.audit_after(seq, ROWS_PER_READ).await?;
        if rows.is_empty() {
            return Ok(Ok(seq));
        }
        for row in rows {
            if row.seq != seq + 1 || row.chain_after(&chain) != row.chain {
                return Ok(Err(seq + 1));
            }
            (seq, chain) = (row.seq, row.chain);
        }
    }
}
