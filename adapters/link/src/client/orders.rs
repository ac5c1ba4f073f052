//! Clients' commands on their way to the leader, with exact meanings of failure.
//! What must not live here: what to do with a command that was not taken.

use super::leader::LeaderLink;
use super::session::Lost;
use crate::wire::{Answer, Request};
use async_trait::async_trait;
use emporion_model::{Command, TimeUs};
use emporion_ports::orders::{OrderQueue, Outcome, QueueError, SessionId};
use emporion_ports::sealed::{GatewayCommand, SealedCommand, VenueKeys};
use std::sync::Arc;
use tokio::sync::watch;

/// Why a sealed command has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Not executed on this way: the sequencer said so, or nothing of the command was written to the socket.
    #[error("not executed: {0}")]
    Busy(&'static str),
    /// Not executed on this way: the process that was asked does not lead. The leader's address, if it knows it.
    #[error("not executed: the process that was asked does not lead")]
    NotLeading(Option<String>),
    /// Not executed on this way: the leader does not accept the seal. A fault of the venue keys, not of the command.
    #[error("not executed: the leader refuses the seal: {0}")]
    Refused(String),
    /// Not executed: long past its deadline.
    #[error("not executed: long past its deadline")]
    Expired,
    /// It may or may not be executed: a byte may have left, and no answer came. Submitting it again under the same
    /// command id is safe.
    #[error("the outcome is unknown: {0}")]
    Unknown(&'static str),
}

impl From<Lost> for LinkError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::NeverSent(why) => Self::Busy(why),
            Lost::Unknown(why) => Self::Unknown(why),
        }
    }
}

impl From<LinkError> for QueueError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Busy(_) | LinkError::NotLeading(_) | LinkError::Refused(_) => Self::Busy,
            LinkError::Expired => Self::Expired,
            LinkError::Unknown(_) => Self::Unknown,
        }
    }
}

/// The direct way of clients' commands to the leader. Cheap to clone.
#[derive(Clone)]
pub struct OrderLink(LeaderLink);

impl OrderLink {
    /// Over a link that may be shared.
    pub fn new(leader: LeaderLink) -> Self {
        Self(leader)
    }

    /// Whether there is a connection to a process that leads. While there is none, submissions fail at once.
    pub fn is_connected(&self) -> watch::Receiver<bool> {
        self.0.is_connected()
    }

    /// Submits a sealed command and waits for its committed outcome. It is in the queue as soon as the future is first
    /// polled, in the order of these polls; dropping the future does not take it back.
    pub async fn submit_sealed(&self, sealed: SealedCommand) -> Result<Outcome, LinkError> {
        match self.0.ask(&Request::Order(sealed)).await? {
            Answer::Outcome(bytes) => Outcome::from_bytes(&bytes.0)
                .map_err(|_| LinkError::Unknown("its outcome cannot be read by this build")),
            Answer::Busy => Err(LinkError::Busy("the sequencer is busy")),
            Answer::NotLeading(leader) => Err(LinkError::NotLeading(leader.map(|leader| leader.0))),
            Answer::NotServed => Err(LinkError::NotLeading(None)),
            Answer::Sealed(why) => Err(LinkError::Refused(why.0)),
            Answer::Expired => Err(LinkError::Expired),
            _ => Err(LinkError::Unknown("the leader does not know it")),
        }
    }
}

/// The direct way alone as an [`OrderQueue`]: seals each command and submits it.
pub struct DirectQueue {
    link: OrderLink,
    venue_keys: VenueKeys,
    now: Arc<dyn Fn() -> TimeUs + Send + Sync>,
}

impl DirectQueue {
    /// Seals with the first of `venue_keys`, at the time that `now` shows.
    pub fn new(link: OrderLink, venue_keys: VenueKeys, now: Arc<dyn Fn() -> TimeUs + Send + Sync>) -> Self {
        Self { link, venue_keys, now }
    }
}

#[async_trait]
impl OrderQueue for DirectQueue {
    async fn submit(&self, session: SessionId, command: Command) -> Result<Outcome, QueueError> {
        let command = GatewayCommand { session, taken_at: (self.now)(), command };
        Ok(self.link.submit_sealed(self.venue_keys.seal(&command)).await?)
    }
}
