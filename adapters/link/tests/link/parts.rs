//! A venue's two ends on loopback: a queue that records what it is given, a server before it, and links to it.

use crate::certificates::Authority;
use async_trait::async_trait;
use emporion_link::{Handlers, LeaderLink, Leading, LinkOptions, LinkTls, OrderLink, SequencerDoor, serve};
use emporion_model::journal::{BatchBuilder, Head};
use emporion_model::{Action, Asset, AssetCode, AssetId, Command, CommandId, Origin, Seq, SourceId, TimeUs};
use emporion_ports::commands::{EngineCommands, ServiceOutcome, SubmitError};
use emporion_ports::feed::CommittedBatch;
use emporion_ports::orders::{OrderQueue, Outcome, QueueError, SessionId};
use emporion_ports::sealed::{GatewayCommand, SealedCommand, VenueKeys};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// Records what it is given and answers once it is open, every hundred commands' last first.
pub(crate) struct Recorder {
    pub(crate) taken: Mutex<Vec<(SessionId, u128)>>,
    pub(crate) is_open: watch::Sender<bool>,
}

#[async_trait]
impl OrderQueue for Recorder {
    async fn submit(&self, session: SessionId, command: Command) -> Result<Outcome, QueueError> {
        let number = number(&command);
        self.taken.lock().unwrap().push((session, number));
        self.is_open.subscribe().wait_for(|is_open| *is_open).await.unwrap();
        for _ in 0..100 - number % 100 {
            tokio::task::yield_now().await;
        }
        Ok(outcome(&command))
    }
}

#[async_trait]
impl EngineCommands for Recorder {
    async fn submit(&self, _source: SourceId, n: u64, _action: Action) -> Result<ServiceOutcome, SubmitError> {
        if n == 1 { Ok(ServiceOutcome::Done) } else { Err(SubmitError::OutOfOrder { last_n: 1 }) }
    }

    async fn last_n(&self, _source: SourceId) -> Result<u64, SubmitError> {
        Ok(1)
    }

    async fn asset(&self, _code: AssetCode) -> Result<Option<(AssetId, Asset)>, SubmitError> {
        Ok(None)
    }
}

pub(crate) fn recorder(is_open: bool) -> Arc<Recorder> {
    Arc::new(Recorder { taken: Mutex::default(), is_open: watch::Sender::new(is_open) })
}

pub(crate) fn number(command: &Command) -> u128 {
    match command.origin {
        Origin::Client(CommandId(id), _) => u128::from_be_bytes(id),
        _ => panic!("only clients here"),
    }
}

fn outcome(command: &Command) -> Outcome {
    let mut builder = BatchBuilder::default();
    builder.push(command, &[]);
    let row = builder.seal(&Head { seq: Seq(1), ..Head::default() }, TimeUs(1), 1);
    Outcome::new(Arc::new(CommittedBatch::from_row(&row).unwrap()), 0, 0)
}

fn venue_keys() -> VenueKeys {
    VenueKeys::new(&[(1, [1; 32])]).unwrap()
}

pub(crate) fn sealed(session: u64, number: u128) -> SealedCommand {
    let origin = Origin::Client(CommandId(number.to_be_bytes()), TimeUs(9));
    let command = Command { origin, action: Action::Tick };
    venue_keys().seal(&GatewayCommand { session: SessionId(session), taken_at: TimeUs(1), command })
}

pub(crate) fn here(recorder: &Arc<Recorder>) -> Leading {
    let (orders, commands) = (Arc::<Recorder>::clone(recorder), Arc::<Recorder>::clone(recorder));
    Leading::Here { orders, commands }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) leading: watch::Sender<Leading>,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) running: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.running.abort();
    }
}

pub(crate) async fn server(tls: LinkTls, leading: Leading, options: LinkOptions) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let leading = watch::Sender::new(leading);
    let door = SequencerDoor { venue_keys: venue_keys(), leading: leading.subscribe() };
    let (stop, stopped) = oneshot::channel::<()>();
    let handlers = Handlers { sequencer: Some(door), keys: None };
    let running = tokio::spawn(serve(listener, tls, handlers, options, async move { drop(stopped.await) }));
    Server { address, leading, stop: Some(stop), running }
}

/// A link to a leader that can be moved.
pub(crate) fn link(
    tls: LinkTls,
    address: SocketAddr,
    options: LinkOptions,
) -> (watch::Sender<Option<String>>, LeaderLink) {
    let leader = watch::Sender::new(Some(address.to_string()));
    let link = LeaderLink::start(Arc::new(leader.subscribe()), tls, options);
    (leader, link)
}

pub(crate) async fn connected(link: &OrderLink, expected: bool) {
    let mut is_connected = link.is_connected();
    let reached = tokio::time::timeout(Duration::from_secs(60), is_connected.wait_for(|now| *now == expected)).await;
    reached.expect("the link gets there within a minute").unwrap();
}

/// A server and a link to it with certificates of one authority.
pub(crate) async fn pair(recorder: &Arc<Recorder>, options: LinkOptions) -> (Authority, Server, LeaderLink, OrderLink) {
    let authority = Authority::new();
    let server = server(authority.tls("server"), here(recorder), options.clone()).await;
    let (_, leader) = link(authority.tls("client"), server.address, options);
    let orders = OrderLink::new(leader.clone());
    connected(&orders, true).await;
    (authority, server, leader, orders)
}
