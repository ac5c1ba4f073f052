//! The role `order`: gateways, private events and the WebSocket API, which reach the sequencer over two ways.

use super::process::Process;
use super::shared::Shared;
use crate::Failure;
use crate::config::QueueMode;
use crate::serve::listeners::Listeners;
use async_trait::async_trait;
use emporion_api::paths;
use emporion_edge::{Readiness, Routes};
use emporion_link::{LinkError, OrderLink};
use emporion_order::gateway::{Directory, Gateway};
use emporion_order::user_data::UserDataFeed;
use emporion_order::ways::{self, Answers, Direct, DirectError, LaneHealth, TwoWays, WaysOptions, WaysParts};
use emporion_ports::orders::{OrderQueue, Outcome};
use emporion_ports::sealed::SealedCommand;
use std::sync::Arc;
use tokio::sync::watch;

pub(super) async fn open(shared: &Shared<'_>) -> Result<Process, Failure> {
    let config = shared.config;
    let bound = shared.bind().await?;
    let mut tasks = shared.tasks();
    let ways = two_ways(shared, &mut tasks).await?;
    let queue: Arc<dyn OrderQueue> = Arc::new(ways);
    let (journal, feed, queries) = (shared.journal.clone(), shared.feed.clone(), shared.queries.clone());
    let (directory, follower) = Directory::load(queries.clone(), journal.clone(), feed.clone()).await?;
    let gateway = Gateway::new(queue, shared.committed.clone(), queries.clone(), directory, shared.clock.clone());
    let (user_data, user_data_follower) = UserDataFeed::new(queries, journal, feed);
    let market_data = shared.sharing_market_data(shared.committed.clone());
    tasks.spawn(async move {
        tokio::join!(follower.run(), user_data_follower.run());
        Failure::failed("the feed closed while the process ran")
    });
    let limits = config.limits.requests();
    let metrics = shared.metrics.clone();
    let routes = Routes::new(shared.edge(shared.keys())).metrics(move || metrics.render());
    // The methods of market data are the WebSocket API's too, which is here.
    let routes = market_data.add_routes(gateway.routes(routes), limits.policy);
    let routes = routes.ws_api(&paths::WS_API, Arc::new(user_data.clone()));
    let listeners = Listeners::open(bound, routes.into_router(), None, config.http.serve(config.sockets.options()));
    let (mut folded, mut followed) = (market_data.seq_watch(), user_data.seq_watch());
    let committed = shared.committed.committed().await?.seq;
    let is_ready = Box::pin(async move {
        // Both senders live as long as the services.
        let _ = folded.wait_for(|seq| *seq >= committed).await;
        let _ = followed.wait_for(|seq| *seq >= committed).await;
    });
    Ok(Process { readiness: shared.readiness.clone(), listeners, internal: None, is_ready, tasks, finish: None })
}

/// The two ways of an order, with everything that runs beside them.
async fn two_ways(shared: &Shared<'_>, tasks: &mut tokio::task::JoinSet<Failure>) -> Result<TwoWays, Failure> {
    let config = shared.config;
    let options = WaysOptions {
        mode: match config.queue.mode {
            QueueMode::Spill => ways::QueueMode::Spill,
            QueueMode::Always => ways::QueueMode::Always,
        },
        lanes: config.sqs.lanes(),
        ..WaysOptions::default()
    };
    let answers = Arc::new(Answers::new(options.unanswered_max));
    let (lanes, _) = shared.lanes().await?;
    let link = OrderLink::new(shared.leader());
    tasks.spawn(tell_of_leader(shared.readiness.clone(), link.is_connected()));
    let parts = WaysParts {
        direct: Arc::new(Stream(link)),
        lanes,
        answers: answers.clone(),
        keys: shared.venue_keys()?,
        signals: shared.signals.clone(),
        clock: shared.clock.clone(),
    };
    let ways = TwoWays::new(parts, options);
    let (journal, feed) = (shared.journal.clone(), shared.feed.clone());
    tasks.spawn(async move {
        answers.run(journal, feed).await;
        Failure::failed("the feed closed while the process ran")
    });
    let running = ways.clone();
    tasks.spawn(async move {
        running.run().await;
        Failure::bug("the ways to the sequencer ended")
    });
    let canary = ways.canary();
    let (mut health, readiness) = (canary.health(), shared.readiness.clone());
    tasks.spawn(async move {
        canary.run().await;
        Failure::bug("the canary ended")
    });
    tasks.spawn(async move {
        while health.changed().await.is_ok() {
            readiness.set_degraded("lanes", *health.borrow_and_update() == LaneHealth::Degraded);
        }
        std::future::pending().await
    });
    Ok(ways)
}

/// Says whether there is a direct way to who leads.
async fn tell_of_leader(readiness: Readiness, mut connected: watch::Receiver<bool>) -> Failure {
    loop {
        readiness.set_degraded("sequencer", !*connected.borrow_and_update());
        if connected.changed().await.is_err() {
            return Failure::bug("the stream to the sequencer ended");
        }
    }
}

/// The internal stream as the direct way.
struct Stream(OrderLink);

#[async_trait]
impl Direct for Stream {
    async fn submit(&self, sealed: SealedCommand) -> Result<Outcome, DirectError> {
        self.0.submit_sealed(sealed).await.map_err(|error| match error {
            LinkError::Busy(_) | LinkError::NotLeading(_) | LinkError::Refused(_) => DirectError::NotSent,
            LinkError::Expired => DirectError::Expired,
            LinkError::Unknown(_) => DirectError::Unknown,
        })
    }

    fn connected(&self) -> watch::Receiver<bool> {
        self.0.is_connected()
    }
}
