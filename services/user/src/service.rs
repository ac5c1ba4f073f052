//! The service as a whole: its parts wired together, its chores.

use std::sync::Arc;

use emporion_edge::Clock;
use emporion_ports::commands::EngineCommands;
use emporion_ports::keys::KeyDirectory;
use emporion_ports::signals::Signals;
use emporion_ports::store::StoreError;
use emporion_ports::users::UserStore;

use crate::api_keys::ApiKeys;
use crate::error::UserError;
use crate::key_directory::StoredKeys;
use crate::operator::{Operator, OperatorToken};
use crate::outbox::{Outbox, OutboxSender};
use crate::people::{People, PeopleOptions};
use crate::seal::{MasterKeys, SealError};

/// How the service behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserOptions {
    /// How people are treated.
    pub people: PeopleOptions,
    /// Working API keys that an account may have.
    pub api_keys_max: u32,
    /// Seconds for which sent commands are kept. Must exceed the age of the oldest backup of the journal that
    /// may ever be restored: the engine then asks for them again.
    pub outbox_kept_s: u64,
}

impl Default for UserOptions {
    fn default() -> Self {
        const YEAR_S: u64 = 366 * 24 * 60 * 60;
        Self { people: PeopleOptions::default(), api_keys_max: 30, outbox_kept_s: 2 * YEAR_S }
    }
}

/// What the service is made of.
pub struct UserParts {
    /// What it remembers.
    pub store: Arc<dyn UserStore>,
    /// The way into the engine.
    pub engine: Arc<dyn EngineCommands>,
    /// What seals API secrets.
    pub master_keys: MasterKeys,
    /// What authorises operators.
    pub operator_token: OperatorToken,
    /// How it tells other processes that keys changed, and hears of it; in a venue of one process
    /// [`emporion_ports::signals::InProcessSignals`].
    pub signals: Arc<dyn Signals>,
    /// The time.
    pub clock: Clock,
    /// How it behaves.
    pub options: UserOptions,
}

/// Why the service cannot start, in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The master keys do not open what is sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The User Service.
pub struct UserService {
    /// Sign-up, log-in, sessions, passwords.
    pub people: People,
    /// People's API keys.
    pub api_keys: ApiKeys,
    /// What operators do.
    pub operator: Operator,
    pub(crate) operator_token: OperatorToken,
    store: Arc<dyn UserStore>,
    keys: Arc<StoredKeys>,
    outbox: Arc<Outbox>,
    clock: Clock,
    outbox_kept_s: u64,
}

impl UserService {
    /// Checks the master keys against the store and wires the parts. The sender is to be run as a task; until it
    /// has compared the outbox with the engine, nothing that needs the engine is accepted.
    pub async fn start(parts: UserParts) -> Result<(Arc<Self>, OutboxSender), StartError> {
        let UserParts { store, engine, master_keys, operator_token, signals, clock, options } = parts;
        master_keys.prove(&*store).await??;
        let master_keys = Arc::new(master_keys);
        let outbox = Arc::new(Outbox::default());
        let keys = StoredKeys::listening(store.clone(), master_keys.clone(), clock.clone(), signals);
        let sender = OutboxSender::new(store.clone(), engine.clone(), clock.clone(), outbox.clone());
        let service = Self {
            people: People::new(store.clone(), outbox.clone(), clock.clone(), options.people),
            api_keys: ApiKeys::new(
                store.clone(),
                master_keys.clone(),
                keys.clone(),
                clock.clone(),
                options.api_keys_max,
            ),
            operator: Operator::new(store.clone(), engine, outbox.clone(), master_keys, keys.clone(), clock.clone()),
            operator_token,
            store,
            keys,
            outbox,
            clock,
            outbox_kept_s: options.outbox_kept_s,
        };
        Ok((Arc::new(service), sender))
    }

    /// What the edges of all services authenticate with.
    pub fn key_directory(&self) -> Arc<dyn KeyDirectory> {
        self.keys.clone()
    }

    /// The outbox's state, for readiness and for those who wait.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The chores of an hour: forgets ended sessions and commands that no backup needs any more.
    pub async fn tidy(&self) -> Result<(), UserError> {
        let sessions = self.people.prune_sessions().await?;
        let kept_us = self.outbox_kept_s.saturating_mul(1_000_000);
        let before = emporion_model::TimeUs(self.clock.now().0.saturating_sub(kept_us));
        let commands = self.store.prune_outbox(before).await?;
        tracing::debug!(sessions, commands, "tidied the user store");
        Ok(())
    }
}
