//! Keeps one connection to one peer: opens it, and opens it again. What must not live here: what is asked over it.

use super::connect::{self, Opened};
use super::leader::LeaderAddress;
use super::session::{Lost, Session, Standing};
use crate::metrics;
use crate::options::LinkOptions;
use crate::tls::LinkTls;
use crate::wire::{Answer, Request};
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(250);
/// How often it is asked whether another process leads, while one that says so is connected.
const LEADER_EVERY: Duration = Duration::from_millis(250);

/// Whom to connect to.
pub(super) enum Target {
    Leader(Arc<dyn LeaderAddress>),
    Address(String),
}

pub(super) struct Peer {
    current: watch::Receiver<Option<Arc<Session>>>,
    is_connected: watch::Receiver<bool>,
    keeping: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

impl Peer {
    pub(super) fn start(target: Target, tls: LinkTls, options: LinkOptions) -> Self {
        let (current, is_connected) = (watch::Sender::new(None), watch::Sender::new(false));
        let (current_receiver, is_connected_receiver) = (current.subscribe(), is_connected.subscribe());
        let link = SmallRng::from_os_rng().random();
        let keeper = Keeper { target, tls, options, link, current, is_connected, running: JoinSet::new() };
        let keeping = tokio::spawn(keeper.run());
        Self { current: current_receiver, is_connected: is_connected_receiver, keeping }
    }

    pub(super) fn is_connected(&self) -> watch::Receiver<bool> {
        self.is_connected.clone()
    }

    pub(super) fn session(&self) -> Option<Arc<Session>> {
        self.current.borrow().clone()
    }

    /// Queues the request when first polled, and waits for its answer.
    pub(super) async fn ask(&self, request: &Request) -> Result<Answer, Lost> {
        let session = self.session().ok_or(Lost::NeverSent("no leader is connected"))?;
        let answer = session.ask(request)?;
        let answer = answer.await.unwrap_or(Err(Lost::Unknown("the connection was lost")));
        if let Ok(Answer::NotLeading(leader)) = &answer {
            session.part(leader.clone().map(|leader| leader.0));
        }
        answer
    }
}

struct Keeper {
    target: Target,
    tls: LinkTls,
    options: LinkOptions,
    link: [u8; 16],
    current: watch::Sender<Option<Arc<Session>>>,
    is_connected: watch::Sender<bool>,
    /// The present connection, and earlier ones that wait for answers.
    running: JoinSet<()>,
}

impl Keeper {
    async fn run(mut self) {
        let (mut pause, mut last_error) = (PAUSE_MIN, None);
        let (mut hint, mut connections) = (None, 0u64);
        loop {
            let Some(address) = self.address(hint.take()).await else {
                wait(&mut pause).await;
                continue;
            };
            match connect::open(&address, self.link, &self.tls, &self.options).await {
                Ok(opened) if self.wants(&opened) => {
                    connections += 1;
                    if connections > 1 {
                        metrics::reconnected();
                    }
                    tracing::info!(address, "an internal connection is open");
                    (pause, last_error) = (PAUSE_MIN, None);
                    hint = self.keep(address, opened).await;
                }
                Ok(other) => {
                    hint = other.leader.filter(|leader| *leader != address);
                    wait(&mut pause).await;
                }
                Err(error) => {
                    // The same failure many times a second is one line.
                    if last_error.as_ref() != Some(&error) {
                        tracing::warn!(address, %error, "an internal connection could not be opened");
                    }
                    last_error = Some(error);
                    wait(&mut pause).await;
                }
            }
            while self.running.try_join_next().is_some() {}
        }
    }

    /// Hands the connection out until it ends or parts; who leads instead, if that was told.
    async fn keep(&mut self, mut address: String, mut opened: Opened) -> Option<String> {
        loop {
            let session = Arc::clone(&opened.session);
            self.running.spawn(opened.run());
            self.current.send_replace(Some(Arc::clone(&session)));
            self.is_connected.send_replace(true);
            let mut standing = session.standing();
            let moved = tokio::select! {
                parted = standing.wait_for(|standing| *standing != Standing::Open) => Err(match parted.as_deref() {
                    Ok(Standing::Parting(leader)) => leader.clone(),
                    _ => None,
                }),
                moved = self.moved(&address) => Ok(moved),
            };
            match moved {
                Ok(moved) => {
                    (address, opened) = moved;
                    tracing::info!(address, "another process leads, and is connected");
                    session.part(None);
                }
                Err(leader) => {
                    self.current.send_replace(None);
                    self.is_connected.send_replace(false);
                    return leader;
                }
            }
        }
    }

    /// Completes when another address is said to lead and its process agrees.
    async fn moved(&self, present: &str) -> (String, Opened) {
        let Target::Leader(leader) = &self.target else { return std::future::pending().await };
        loop {
            pause_for(LEADER_EVERY).await;
            let Some(address) = leader.leader().await.filter(|address| address != present) else { continue };
            match connect::open(&address, self.link, &self.tls, &self.options).await {
                Ok(opened) if opened.leads => return (address, opened),
                _ => {}
            }
        }
    }

    async fn address(&self, hint: Option<String>) -> Option<String> {
        match &self.target {
            Target::Address(address) => Some(address.clone()),
            Target::Leader(_) if hint.is_some() => hint,
            // An address that cannot be asked for is none.
            Target::Leader(leader) => timeout(self.options.connect_max, leader.leader()).await.unwrap_or(None),
        }
    }

    fn wants(&self, opened: &Opened) -> bool {
        opened.leads || matches!(self.target, Target::Address(_))
    }
}

async fn wait(pause: &mut Duration) {
    let jittered = SmallRng::from_os_rng().random_range(*pause / 2..*pause);
    pause_for(jittered).await;
    *pause = (*pause * 2).min(PAUSE_MAX);
}

#[expect(clippy::disallowed_methods, reason = "a pause is meant: a peer that comes back says nothing beforehand")]
async fn pause_for(duration: Duration) {
    tokio::time::sleep(duration).await;
}
