//! What is done with a request. What must not live here: frames and sockets.

use crate::metrics;
use crate::wire::{Answer, Blob, Request, SentKey, Text};
use emporion_model::Origin;
use emporion_ports::commands::{EngineCommands, SubmitError};
use emporion_ports::keys::KeyDirectory;
use emporion_ports::orders::{OrderQueue, QueueError};
use emporion_ports::sealed::{SealError, SealedCommand, VenueKeys};
use std::sync::Arc;
use tokio::sync::watch;

/// What this process offers to others.
#[derive(Clone, Default)]
pub struct Handlers {
    /// The way to its sequencer.
    pub sequencer: Option<SequencerDoor>,
    /// Lookups of API keys.
    pub keys: Option<Arc<dyn KeyDirectory>>,
}

/// The way to the sequencer of this process, while it leads.
#[derive(Clone)]
pub struct SequencerDoor {
    /// What opens clients' commands.
    pub venue_keys: VenueKeys,
    /// Whether this process leads. When it stops leading, its clients are sent away.
    pub leading: watch::Receiver<Leading>,
}

/// Who leads, as this process knows it.
#[derive(Clone)]
pub enum Leading {
    /// This process; its sequencer takes commands here.
    Here {
        /// Clients' commands.
        orders: Arc<dyn OrderQueue>,
        /// Services' commands.
        commands: Arc<dyn EngineCommands>,
    },
    /// Another process, at this `host:port` of its internal stream, if it is known.
    Elsewhere(Option<String>),
}

impl Leading {
    pub(super) fn is_here(&self) -> bool {
        matches!(self, Self::Here { .. })
    }

    pub(super) fn elsewhere(&self) -> Option<Text> {
        match self {
            Self::Here { .. } => None,
            Self::Elsewhere(leader) => leader.clone().map(Text),
        }
    }
}

impl Handlers {
    /// Does what `request` asks. A command is in its queue as soon as the future is first polled.
    pub(super) async fn answer(&self, request: Request) -> Answer {
        match request {
            Request::Order(sealed) => self.order(&sealed).await,
            Request::Key(name) => match &self.keys {
                None => Answer::NotServed,
                Some(keys) => match keys.lookup(&name.0).await {
                    Ok(record) => Answer::Key(record.map(|record| SentKey((*record).clone()))),
                    Err(error) => Answer::KeyFailed(Text(error.to_string())),
                },
            },
            Request::Service(source, n, action) => match self.commands() {
                Err(refused) => refused,
                Ok(commands) => Answer::Service(commands.submit(source, n, action).await.into()),
            },
            Request::LastN(source) => match self.commands() {
                Err(refused) => refused,
                Ok(commands) => commands.last_n(source).await.map_or_else(failed, Answer::LastN),
            },
            Request::Asset(code) => match self.commands() {
                Err(refused) => refused,
                Ok(commands) => commands.asset(code).await.map_or_else(failed, Answer::Asset),
            },
        }
    }

    async fn order(&self, sealed: &SealedCommand) -> Answer {
        let Some(door) = &self.sequencer else { return Answer::NotServed };
        let command = match door.venue_keys.open(sealed) {
            Ok(command) if matches!(command.command.origin, Origin::Client(..)) => command,
            Ok(_) => return refused_seal("not a client", "what it seals is not a client's command"),
            Err(error) => return refused_seal(seal_label(&error), &error.to_string()),
        };
        let leading = door.leading.borrow().clone();
        let Leading::Here { orders, .. } = leading else { return Answer::NotLeading(leading.elsewhere()) };
        match orders.submit(command.session, command.command).await {
            Ok(outcome) => Answer::Outcome(Blob(outcome.to_bytes())),
            Err(QueueError::Busy) => Answer::Busy,
            Err(QueueError::Expired) => Answer::Expired,
            Err(QueueError::Unknown) => Answer::Unknown,
        }
    }

    fn commands(&self) -> Result<Arc<dyn EngineCommands>, Answer> {
        let door = self.sequencer.as_ref().ok_or(Answer::NotServed)?;
        match &*door.leading.borrow() {
            Leading::Here { commands, .. } => Ok(Arc::clone(commands)),
            elsewhere @ Leading::Elsewhere(_) => Err(Answer::NotLeading(elsewhere.elsewhere())),
        }
    }
}

fn failed(error: SubmitError) -> Answer {
    Answer::Service(Err(error).into())
}

fn refused_seal(reason: &'static str, why: &str) -> Answer {
    metrics::bad_seal(reason);
    tracing::warn!(why, "a client's command was refused: nobody with a venue key of this process sealed it as it is");
    Answer::Sealed(Text(why.to_owned()))
}

fn seal_label(error: &SealError) -> &'static str {
    match error {
        SealError::UnknownKey(_) => "unknown key",
        SealError::Wrong => "wrong",
        SealError::Unreadable(_) => "unreadable",
    }
}
