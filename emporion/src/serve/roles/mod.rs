//! Processes of one role each: the same services as in one process, on the parts that all processes share.
//!
//! What must not live here: rules of the venue, and the venue in one process ([`super::Venue`]).

mod lease_watch;
mod market_data;
mod order;
mod process;
mod sequencer;
mod shared;
mod user;

use super::Signals;
use crate::config::{Config, Role};
use crate::{Failure, cli};
use metrics_exporter_prometheus::PrometheusHandle;
use process::Process;
use shared::Shared;
pub(crate) use shared::postgres_options;

/// Runs one role until it is told to stop.
pub(super) async fn run(
    config: &Config,
    arguments: &cli::Serve,
    metrics: PrometheusHandle,
    mut signals: Signals,
) -> Result<(), Failure> {
    if arguments.demo || arguments.ephemeral {
        let role = config.role.name();
        return Err(Failure::usage(format!("--demo and --ephemeral are for role \"all\", not for \"{role}\"")));
    }
    let opened = async {
        let shared = Shared::open(config, metrics).await?;
        match config.role {
            Role::Order => order::open(&shared).await,
            Role::MarketData => market_data::open(&shared).await,
            Role::User => user::open(&shared).await,
            Role::Sequencer => sequencer::open(&shared).await,
            Role::All => Err(Failure::bug("the role \"all\" is no role of its own")),
        }
    };
    let process: Process = tokio::select! {
        process = opened => process?,
        name = signals.next() => {
            tracing::info!(signal = name, "The process stops before it answered.");
            return Ok(());
        }
    };
    process.run(config, arguments.ready_file.as_deref(), signals).await
}
