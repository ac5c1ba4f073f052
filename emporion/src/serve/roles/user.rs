//! The role `user`: people, sessions and keys; what keys are good for, for the other processes; and the operator's
//! requests, on a listener of their own.

use super::process::Process;
use super::shared::{Shared, rest};
use crate::Failure;
use crate::files::read_text;
use crate::serve::folder::random_hex;
use crate::serve::listeners::Listeners;
use emporion_api::{Role, Security};
use emporion_edge::{EdgeOptions, LimitPolicy, LimitsOptions, Routes};
use emporion_link::{CommandsLink, Handlers};
use emporion_market_data::MarketData;
use emporion_order::operator::{self, Operator};
use emporion_ports::commands::EngineCommands;
use emporion_user::operator::OperatorToken;
use emporion_user::outbox::OutboxState;
use emporion_user::{UserOptions, UserParts, UserService};
use std::sync::Arc;
use std::time::Duration;

/// How long a process that starts waits until it may write commands down. Nobody may lead at the moment.
const OUTBOX_WAIT: Duration = Duration::from_secs(3);
/// Between two rounds of tidying.
const TIDY_ROUND: Duration = Duration::from_secs(3_600);

pub(super) async fn open(shared: &Shared<'_>) -> Result<Process, Failure> {
    let config = shared.config;
    let bound = shared.bind().await?;
    let token = operator_token(config)?;
    let engine: Arc<dyn EngineCommands> = Arc::new(CommandsLink::new(shared.leader()));
    let master_keys = config.users.master_keys().ok_or_else(|| Failure::bug("the master keys were checked"))?;
    let parts = UserParts {
        store: shared.users.clone(),
        engine: engine.clone(),
        master_keys: master_keys.map_err(|error| Failure::usage(error.to_string()))?,
        operator_token: OperatorToken::new(&token),
        signals: shared.signals.clone(),
        clock: shared.clock.clone(),
        options: UserOptions { outbox_kept_s: config.users.outbox_retention().as_secs(), ..UserOptions::default() },
    };
    let started = UserService::start(parts).await;
    let (users, outbox) = started.map_err(|error| Failure::failed(error.to_string()))?;
    let mut tasks = shared.tasks();
    let readiness = shared.readiness.clone();
    tasks.spawn(async move {
        outbox.run().await;
        // The sender logged why. Trading goes on; accounts and deposits wait for a person.
        readiness.set_degraded("outbox", true);
        std::future::pending().await
    });
    let tidied = users.clone();
    tasks.spawn(async move {
        loop {
            if let Err(error) = tidied.tidy().await {
                tracing::warn!(%error, "The user store could not be tidied; the next round tries again.");
            }
            rest(TIDY_ROUND).await;
        }
    });
    let keys = users.key_directory();
    let handlers = Handlers { sequencer: None, keys: Some(keys.clone()) };
    let (internal, _) = shared.serve_internal(handlers).await?;
    let metrics = shared.metrics.clone();
    let public = Routes::new(shared.edge(keys)).metrics(move || metrics.render());
    let public = emporion_user::http::add_people_routes(public, &users).into_router();
    let market_data = shared.market_data(shared.committed.clone());
    let operator = operator_routes(shared, &token, engine, &users, &market_data);
    let options = config.http.serve(config.sockets.options());
    let listeners = Listeners::open(bound, public, Some(operator.into_router()), options);
    let mut outbox = users.outbox().watch();
    let is_ready = Box::pin(async move {
        // Without one that leads it serves what is read from the store.
        let compared = outbox.wait_for(|state| *state != OutboxState::Starting);
        let _ = tokio::time::timeout(OUTBOX_WAIT, compared).await;
    });
    let (readiness, internal) = (shared.readiness.clone(), Some(internal));
    Ok(Process { readiness, listeners, internal, is_ready, tasks, finish: None })
}

/// Operator requests are not limited: who holds the token is trusted.
fn operator_routes(
    shared: &Shared<'_>,
    token: &str,
    engine: Arc<dyn EngineCommands>,
    users: &Arc<UserService>,
    market_data: &MarketData,
) -> Routes {
    let token = OperatorToken::new(token);
    let is_operator: Arc<dyn Fn(&str) -> bool + Send + Sync> = Arc::new(move |shown: &str| token.matches(shown));
    let limits = LimitsOptions { policy: LimitPolicy::OFF, ..LimitsOptions::default() };
    let body_bytes_max = MarketData::OPERATOR_BODY_BYTES_MAX;
    let options = EdgeOptions { limits, body_bytes_max, ..EdgeOptions::default() };
    let edge = shared.edge_with(options, users.key_directory());
    let tables = shared.tables.clone();
    let operator = Arc::new(Operator::new(engine, tables, shared.committed.clone(), is_operator.clone()));
    let routes = operator::add_routes(Routes::new(edge), &operator);
    let routes = market_data.add_operator_routes(routes, is_operator);
    let routes = emporion_user::http::add_operator_routes(routes, users);
    let missing = routes.missing(&[Role::Order, Role::MarketData, Role::User]);
    let missing = missing.into_iter().filter(|endpoint| endpoint.security == Security::Operator);
    assert_eq!(missing.count(), 0, "every operator's path of the table is served");
    routes
}

/// The operator's token: out of its file, or one that nobody knows, so that nobody is the operator here.
fn operator_token(config: &crate::config::Config) -> Result<String, Failure> {
    let path = &config.operator.token_file;
    if path.as_os_str().is_empty() {
        tracing::warn!("No operator can be let in: `operator.token_file` is empty.");
        return random_hex();
    }
    let token = read_text("operator's token", path)?.trim().to_owned();
    if token.len() < 32 {
        let sentence = format!("the operator's token in {} is shorter than 32 characters", path.display());
        return Err(Failure::usage(sentence));
    }
    Ok(token)
}
