//! Commands of a source that keeps no outbox: they are numbered by the engine's own memory, one at a time.

use emporion_model::{Action, SourceId};
use emporion_ports::commands::{EngineCommands, ServiceOutcome, SubmitError};
use std::sync::Arc;
use tokio::sync::Mutex;

/// How often a command without an outcome is sent again, under the same number, before its caller is told.
const TRIES: usize = 3;

/// Numbers and submits the commands of one source. There must be one of these for a source in all the venue.
pub struct Numbered {
    engine: Arc<dyn EngineCommands>,
    source: SourceId,
    turn: Mutex<()>,
}

impl Numbered {
    /// Of this source.
    pub fn new(engine: Arc<dyn EngineCommands>, source: SourceId) -> Self {
        Self { engine, source, turn: Mutex::new(()) }
    }

    /// Submits `action` once and waits for its committed outcome. After [`SubmitError::Unknown`] the command may
    /// have been executed: callers submit only what may be executed twice or is refused the second time.
    pub async fn submit(&self, action: Action) -> Result<ServiceOutcome, SubmitError> {
        let _turn = self.turn.lock().await;
        let n = self.engine.last_n(self.source).await? + 1;
        for _ in 1..TRIES {
            match self.engine.submit(self.source, n, action.clone()).await {
                Err(SubmitError::Unknown(_)) => {}
                outcome => return outcome,
            }
        }
        self.engine.submit(self.source, n, action).await
    }
}
