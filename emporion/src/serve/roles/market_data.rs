//! The role `market-data`: everything that is the same for all, the streams, and the page.

use super::process::Process;
use super::shared::Shared;
use crate::Failure;
use crate::serve::listeners::Listeners;
use crate::serve::page;
use emporion_api::Role;
use emporion_edge::Routes;
use emporion_ports::committed::NoBarrier;
use std::sync::Arc;

pub(super) async fn open(shared: &Shared<'_>) -> Result<Process, Failure> {
    let config = shared.config;
    let bound = shared.bind().await?;
    // What everybody may know is shown as soon as it comes, and says how old it is: no request asks the database how
    // far the journal is.
    let market_data = shared.sharing_market_data(Arc::new(NoBarrier));
    let metrics = shared.metrics.clone();
    let routes = Routes::new(shared.edge(shared.keys())).metrics(move || metrics.render());
    let routes = market_data.add_routes(page::add_routes(routes), config.limits.requests().policy);
    let missing = routes.missing(&[Role::MarketData]);
    let missing = missing.into_iter().filter(|endpoint| endpoint.security != emporion_api::Security::Operator);
    assert_eq!(missing.count(), 0, "every path of the role is served");
    let listeners = Listeners::open(bound, routes.into_router(), None, config.http.serve(config.sockets.options()));
    let committed = shared.committed.committed().await?.seq;
    let mut folded = market_data.seq_watch();
    let is_ready = Box::pin(async move {
        // The sender lives as long as the service, which the routes hold.
        let _ = folded.wait_for(|seq| *seq >= committed).await;
    });
    let tasks = shared.tasks();
    Ok(Process { readiness: shared.readiness.clone(), listeners, internal: None, is_ready, tasks, finish: None })
}
