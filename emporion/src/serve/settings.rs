//! Settings that can change an outcome: they are engine state, and the config only asks for them. Where the two
//! differ, a journaled command makes the engine follow.

use crate::Failure;
use crate::config::{AccountLimits, Config};
use emporion_model::{Action, Options, Seq, SourceId};
use emporion_order::operator::Numbered;
use emporion_ports::commands::{EngineCommands, ServiceOutcome};
use emporion_ports::tables::{Queries, Waited};
use std::sync::Arc;
use std::time::Duration;

/// How long the tables may take to hold what is committed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes the engine follow the config; `seq` is committed.
///
/// # Errors
/// One sentence: an account that the config names does not exist, or the engine refuses.
pub(crate) async fn apply(
    config: &Config,
    tables: &dyn Queries,
    seq: Seq,
    engine: Arc<dyn EngineCommands>,
) -> Result<(), Failure> {
    if tables.wait_projected(seq, PATIENCE).await? == Waited::TimedOut {
        return Err(Failure::failed("the tables do not follow the journal"));
    }
    let commands = Numbered::new(engine, SourceId::CONFIG);
    let found = tables.venue().await?.value.map(|venue| venue.options);
    follow_options(&commands, found, config.options()).await?;
    for limits in &config.limits.accounts {
        follow_account(&commands, tables, limits).await?;
    }
    Ok(())
}

async fn follow_options(commands: &Numbered, found: Option<Options>, wanted: Options) -> Result<(), Failure> {
    if found == Some(wanted) {
        return Ok(());
    }
    submit(commands, Action::SetOptions(wanted)).await?;
    tracing::info!(?found, ?wanted, "The engine's options follow the config.");
    Ok(())
}

async fn follow_account(commands: &Numbered, tables: &dyn Queries, limits: &AccountLimits) -> Result<(), Failure> {
    let (account, wanted) = (limits.account(), limits.order_counts());
    let Some(row) = tables.account(account).await?.value else {
        return Err(Failure::usage(format!(
            "`limits.accounts` names account {account}, which this venue does not have: make it first, or take the \
             entry out"
        )));
    };
    if row.order_count_limits == wanted {
        return Ok(());
    }
    submit(commands, Action::SetOrderCountLimits(account, wanted)).await?;
    tracing::info!(account_id = account.0, ?wanted, "The account's order counts follow the config.");
    Ok(())
}

async fn submit(commands: &Numbered, action: Action) -> Result<(), Failure> {
    let what = "the engine does not follow the config";
    match commands.submit(action).await {
        Ok(ServiceOutcome::Rejected(reject)) => Err(Failure::failed(format!("{what}: {reject}"))),
        Ok(ServiceOutcome::Done | ServiceOutcome::AccountOpened(_)) => Ok(()),
        Err(error) => Err(Failure::failed(format!("{what}: {error}"))),
    }
}
