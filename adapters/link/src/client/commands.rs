//! Services' commands on their way to the leader. What must not live here: their numbers and their order.

use super::leader::LeaderLink;
use super::session::Lost;
use crate::wire::{Answer, Request, ServiceAnswer};
use async_trait::async_trait;
use emporion_model::{Action, Asset, AssetCode, AssetId, SourceId};
use emporion_ports::commands::{EngineCommands, ServiceOutcome, SubmitError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a request waits for somebody who leads and has room: longer than a takeover takes, as operators and
/// scripts need not see one.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two tries of a request that nobody took.
const AGAIN: Duration = Duration::from_millis(50);

/// The leader's [`EngineCommands`], from another process. Cheap to clone.
#[derive(Clone)]
pub struct CommandsLink(LeaderLink);

impl CommandsLink {
    /// Over a link that may be shared.
    pub fn new(leader: LeaderLink) -> Self {
        Self(leader)
    }

    /// Asks until somebody takes the request, or for as long as it is worth waiting.
    async fn ask(&self, request: Request) -> Result<Answer, SubmitError> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.ask_once(&request).await {
                Err(SubmitError::Busy(_)) if Instant::now() < until => pause().await,
                answer => return answer,
            }
        }
    }

    async fn ask_once(&self, request: &Request) -> Result<Answer, SubmitError> {
        match self.0.ask(request).await {
            Ok(Answer::Busy) => Err(SubmitError::Busy("the leader is busy".to_owned())),
            Ok(Answer::NotLeading(_) | Answer::NotServed) => {
                Err(SubmitError::Busy("the process that was asked does not lead".to_owned()))
            }
            Ok(Answer::Service(answer)) if !matches!(request, Request::Service(..)) => Err(refused(answer)),
            Ok(answer) => Ok(answer),
            Err(Lost::NeverSent(why)) => Err(SubmitError::Busy(why.to_owned())),
            Err(Lost::Unknown(why)) => Err(SubmitError::Unknown(why.to_owned())),
        }
    }
}

#[async_trait]
impl EngineCommands for CommandsLink {
    async fn submit(&self, source: SourceId, n: u64, action: Action) -> Result<ServiceOutcome, SubmitError> {
        match self.ask(Request::Service(source, n, action)).await? {
            Answer::Service(answer) => answer.into(),
            _ => Err(unexpected()),
        }
    }

    async fn last_n(&self, source: SourceId) -> Result<u64, SubmitError> {
        match self.ask(Request::LastN(source)).await? {
            Answer::LastN(n) => Ok(n),
            _ => Err(unexpected()),
        }
    }

    async fn asset(&self, code: AssetCode) -> Result<Option<(AssetId, Asset)>, SubmitError> {
        match self.ask(Request::Asset(code)).await? {
            Answer::Asset(asset) => Ok(asset),
            _ => Err(unexpected()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a pause is meant: nobody says when there is room")]
async fn pause() {
    sleep(AGAIN).await;
}

/// Why a question was not answered.
fn refused(answer: ServiceAnswer) -> SubmitError {
    Result::from(answer).err().unwrap_or_else(unexpected)
}

fn unexpected() -> SubmitError {
    SubmitError::Unknown("the leader's answer is not one to this request".to_owned())
}
