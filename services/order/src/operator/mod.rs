//! What an operator does to the venue's assets and symbols, over `/v1/operator`.
//!
//! Accounts, deposits and people are the User Service's. What must not live here: how the operator's token is
//! kept; who wires this up says which tokens are the operator's.

pub mod describe;

mod numbered;
mod routes;
#[cfg(test)]
mod tests;

pub use numbered::Numbered;
pub use routes::add_routes;

use emporion_api::v1::{AddSymbols, SymbolList, SymbolStanding, SymbolsAdded};
use emporion_api::{Named, v1};
use emporion_model::{Action, Asset, Reject, SymbolStatus};
use emporion_ports::commands::{EngineCommands, ServiceOutcome, SubmitError};
use emporion_ports::committed::CommittedHead;
use emporion_ports::store::StoreError;
use emporion_ports::tables::{Projection, VenueQueries, Waited};
use std::sync::Arc;
use std::time::Duration;

/// How long a request waits for the tables to hold what is committed.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells whether a token is the operator's.
pub type IsOperator = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The tables that the operator's requests read.
pub trait VenueTables: Projection + VenueQueries {}

impl<T: Projection + VenueQueries + ?Sized> VenueTables for T {}

/// The operator's side of the Order Service.
pub struct Operator {
    commands: Numbered,
    tables: Arc<dyn VenueTables>,
    committed: Arc<dyn CommittedHead>,
    is_operator: IsOperator,
}

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OperatorError {
    /// A description or a field breaks a rule.
    #[error("{0}")]
    Invalid(String),
    /// There is no such symbol.
    #[error("no such symbol")]
    UnknownSymbol,
    /// The engine refused.
    #[error("the engine refused: {0}")]
    Rejected(Reject),
    /// The engine gave no outcome.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The tables could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tables do not hold yet what is committed.
    #[error("the tables are behind")]
    Behind,
}

impl Operator {
    /// On these parts. `engine` must take commands of [`emporion_model::SourceId::OPERATOR`] from here alone.
    pub fn new(
        engine: Arc<dyn EngineCommands>,
        tables: Arc<dyn VenueTables>,
        committed: Arc<dyn CommittedHead>,
        is_operator: IsOperator,
    ) -> Self {
        let commands = Numbered::new(engine, emporion_model::SourceId::OPERATOR);
        Self { commands, tables, committed, is_operator }
    }

    pub(crate) async fn symbols(&self) -> Result<SymbolList, OperatorError> {
        let assets = self.assets().await?;
        let code = |id: emporion_model::AssetId| assets[usize::from(id.0)].code.to_string();
        let symbols = self.tables.symbols().await?.value.into_iter().map(|symbol| SymbolStanding {
            symbol: symbol.spec.name.to_string(),
            base: code(symbol.spec.base),
            quote: code(symbol.spec.quote),
            status: symbol.spec.status.name().to_owned(),
        });
        Ok(SymbolList { symbols: symbols.collect() })
    }

    /// Adds what is not there yet. All descriptions are read before the first command, so a wrong one adds nothing.
    pub(crate) async fn add(&self, wish: AddSymbols) -> Result<SymbolsAdded, OperatorError> {
        let mut done = SymbolsAdded::default();
        let mut assets = self.assets().await?;
        let mut actions = Vec::new();
        for description in &wish.assets {
            let asset = describe::asset(description).map_err(OperatorError::Invalid)?;
            if assets.iter().any(|other| other.code == asset.code) {
                done.existing.push(asset.code.to_string());
                continue;
            }
            assets.push(asset.clone());
            actions.push((asset.code.to_string(), Action::AddAsset(asset)));
        }
        for description in &wish.symbols {
            let spec = describe::symbol(description, &assets).map_err(OperatorError::Invalid)?;
            actions.push((spec.name.to_string(), Action::AddSymbol(Box::new(spec))));
        }
        for (name, action) in actions {
            match self.submit(action).await {
                Ok(()) => done.added.push(name),
                Err(OperatorError::Rejected(Reject::NameTaken)) => done.existing.push(name),
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Gives a symbol a status; done, too, when it has it already.
    pub(crate) async fn set_status(&self, name: &str, word: &str) -> Result<(), OperatorError> {
        let status = SymbolStatus::from_name(word);
        let status = status.ok_or_else(|| {
            let words: Vec<_> = SymbolStatus::ALL.iter().map(|status| status.name()).collect();
            OperatorError::Invalid(format!("status is {word:?} but must be one of {}", words.join(", ")))
        })?;
        self.wait_for_tables().await?;
        let symbols = self.tables.symbols().await?.value;
        let symbol = symbols.iter().find(|symbol| symbol.spec.name.as_str() == name);
        let symbol = symbol.ok_or(OperatorError::UnknownSymbol)?;
        match self.submit(Action::SetSymbolStatus(symbol.id, status)).await {
            Err(OperatorError::Rejected(Reject::Unchanged)) => Ok(()),
            done => done,
        }
    }

    /// The assets by id, as committed.
    async fn assets(&self) -> Result<Vec<Asset>, OperatorError> {
        self.wait_for_tables().await?;
        Ok(self.tables.assets().await?.value.into_iter().map(|(_, asset)| asset).collect())
    }

    async fn wait_for_tables(&self) -> Result<(), OperatorError> {
        let seq = self.committed.committed().await?.seq;
        match self.tables.wait_projected(seq, PATIENCE).await? {
            Waited::Reached => Ok(()),
            Waited::TimedOut => Err(OperatorError::Behind),
        }
    }

    async fn submit(&self, action: Action) -> Result<(), OperatorError> {
        match self.commands.submit(action).await? {
            ServiceOutcome::Rejected(reject) => Err(OperatorError::Rejected(reject)),
            ServiceOutcome::Done | ServiceOutcome::AccountOpened(_) => Ok(()),
        }
    }
}

/// What the operator is told.
impl From<OperatorError> for v1::Error {
    fn from(error: OperatorError) -> Self {
        use v1::ErrorCode as Code;
        match error {
            OperatorError::Invalid(sentence) => Self::new(Code::InvalidField, format!("{sentence}.")),
            OperatorError::UnknownSymbol => Self::new(Code::NotFound, "There is no such symbol."),
            OperatorError::Rejected(reject) => Self::new(Code::Conflict, format!("The engine refused: {reject}")),
            OperatorError::Submit(SubmitError::Busy(_)) | OperatorError::Behind => {
                Self::new(Code::Busy, "Not executed: there is no room at the moment.").with_retry_after_s(1)
            }
            OperatorError::Submit(error) => {
                tracing::warn!(%error, "An operator's command has no outcome.");
                Self::new(
                    Code::UnknownOutcome,
                    "Not finished in time. Repeat the same request to learn what became of it.",
                )
            }
            OperatorError::Store(error) => {
                tracing::error!(%error, "An operator's request could not read the tables.");
                Self::new(Code::Internal, "Something failed inside; the request may be repeated.")
            }
        }
    }
}
