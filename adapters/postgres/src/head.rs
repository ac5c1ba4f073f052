//! How far the journal is committed, asked of the primary: one statement for all who asked before it was sent.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use emporion_model::{Seq, TimeUs};
use emporion_ports::committed::CommittedHead;
use emporion_ports::orders::Committed;
use emporion_ports::store::StoreError;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::pool::{Pools, failed};
use crate::values::unsigned;

const COMMITTED: &str = "select seq, engine_time_us from engine_head";
/// Who waits for a time asks again after so long.
const PAUSE: Duration = Duration::from_millis(20);

type Answer = Result<Committed, StoreError>;

/// The journal's head as readers see it.
#[derive(Clone, Debug)]
pub struct PostgresHead {
    pools: Pools,
    asking: Arc<Mutex<Asking>>,
}

/// Those whose statement is not sent yet; as many as there are requests in flight.
#[derive(Debug, Default)]
struct Asking {
    waiting: Vec<oneshot::Sender<Answer>>,
    is_sending: bool,
    /// How many statements were sent.
    statements: u64,
}

impl PostgresHead {
    pub(crate) fn new(pools: Pools) -> Self {
        Self { pools, asking: Arc::default() }
    }

    /// How many statements were sent so far.
    pub fn statements(&self) -> u64 {
        self.asking.lock().statements
    }

    /// Sends one statement after another until nobody waits any more.
    async fn answer_all(self) {
        loop {
            let waiting = {
                let mut asking = self.asking.lock();
                if asking.waiting.is_empty() {
                    asking.is_sending = false;
                    return;
                }
                asking.statements += 1;
                std::mem::take(&mut asking.waiting)
            };
            let answer = self.ask().await;
            for asker in waiting {
                // Whoever has gone away does not care.
                let _ = asker.send(answer.clone());
            }
        }
    }

    async fn ask(&self) -> Answer {
        let client = self.pools.write().await?;
        let statement = client.prepare_cached(COMMITTED).await.map_err(failed)?;
        let row = client.query_one(&statement, &[]).await.map_err(failed)?;
        Ok(Committed { seq: Seq(unsigned(&row, "seq")?), time: TimeUs(unsigned(&row, "engine_time_us")?) })
    }
}

#[async_trait]
impl CommittedHead for PostgresHead {
    async fn committed(&self) -> Result<Committed, StoreError> {
        let (sender, answer) = oneshot::channel();
        let begins = {
            let mut asking = self.asking.lock();
            asking.waiting.push(sender);
            !std::mem::replace(&mut asking.is_sending, true)
        };
        if begins {
            tokio::spawn(self.clone().answer_all());
        }
        answer.await.unwrap_or_else(|_| Err(StoreError::Failed("the process is stopping".to_owned())))
    }

    async fn wait_time(&self, time: TimeUs, patience: Duration) -> Result<Option<Committed>, StoreError> {
        let deadline = Instant::now() + patience;
        loop {
            let committed = self.committed().await?;
            if committed.time >= time {
                return Ok(Some(committed));
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(None);
            }
            pause(PAUSE.min(deadline - now)).await;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the head changes in another process, which tells nobody")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
