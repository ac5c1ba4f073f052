//! The gateway: the public edge of the Order Service.
//!
//! Every endpoint is a file with three parts: parameters to a typed request, the request to a command or a
//! question, and the outcome or the rows to the wire's answer. The last two are methods of [`Gateway`] that
//! know nothing of HTTP, so that every protocol shares them; `rest` alone hangs them on paths. A client is
//! whoever signed: no account ever comes out of a parameter. What must not live here: rules that the engine
//! judges, and any read that does not pass `reads`.

mod account;
pub(crate) mod answers;
mod cancel;
mod commission;
pub(crate) mod directory;
mod ids;
pub(crate) mod numbers;
mod orders;
mod params;
mod place;
mod placed;
mod reads;
mod rest;
mod sapi;
mod submit;
mod test_order;
mod trades;

#[cfg(test)]
pub(crate) mod tests;

pub use account::AccountQuery;
pub use cancel::{CancelAllRequest, CancelOrderRequest};
pub use commission::CommissionQuery;
pub use directory::{Directory, DirectoryFollower, ListedSymbol, Listings};
pub use orders::{AllOrdersQuery, OpenOrdersQuery, OrderQuery};
pub use place::{PlaceOrderRequest, PlacementAnswer};
pub use test_order::TestOrderRequest;
pub use trades::TradesQuery;

use emporion_api::ApiError;
use emporion_edge::{Clock, Routes};
use emporion_model::SymbolName;
use emporion_ports::committed::CommittedHead;
use emporion_ports::orders::OrderQueue;
use emporion_ports::tables::Queries;
use reads::Reads;
use std::sync::Arc;
use std::time::Duration;

/// How long a request waits for a copy of the venue to catch up with what is committed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// The public edge; cheap to clone.
#[derive(Clone)]
pub struct Gateway(Arc<Parts>);

struct Parts {
    queue: Arc<dyn OrderQueue>,
    reads: Reads,
    directory: Directory,
    clock: Clock,
}

impl Gateway {
    /// Of these parts. No read is older than what `committed` says at its arrival.
    pub fn new(
        queue: Arc<dyn OrderQueue>,
        committed: Arc<dyn CommittedHead>,
        queries: Arc<dyn Queries>,
        directory: Directory,
        clock: Clock,
    ) -> Self {
        let reads = Reads::new(committed, queries, clock.clone());
        Self(Arc::new(Parts { queue, reads, directory, clock }))
    }

    /// Adds the REST endpoints of the Order Service.
    pub fn routes(&self, routes: Routes) -> Routes {
        rest::routes(self, routes)
    }

    /// The symbol with this name, or -1121: said only when the directory holds all that is committed.
    async fn symbol(&self, name: SymbolName) -> Result<Arc<ListedSymbol>, ApiError> {
        if let Some(symbol) = self.0.directory.listings().symbol(name) {
            return Ok(symbol.clone());
        }
        self.0.directory.symbol_at(name, self.0.reads.committed().await?).await
    }
}
