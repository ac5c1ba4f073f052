//! An order queue with a real engine behind it that applies, commits and publishes a command as soon as it
//! is submitted; or that fails as told.

use super::tables::MemoryTables;
use crate::testing::MemoryJournal;
use async_trait::async_trait;
use emporion_edge::Clock;
use emporion_engine::{Admission, Engine};
use emporion_model::journal::{BatchBuilder, Head};
use emporion_model::{Action, Command, Genesis, Origin, SourceId};
use emporion_ports::feed::{CommittedBatch, Feed, InProcessFeed};
use emporion_ports::orders::{Committed, OrderQueue, Outcome, QueueError, SessionId};
use emporion_ports::store::Journal;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::watch;

/// What becomes of submitted commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Works,
    /// No command is executed; this is said of each.
    Fails(QueueError),
    /// No command is executed, and nothing is ever said.
    Hangs,
}

pub(crate) struct EngineQueue {
    core: tokio::sync::Mutex<Core>,
    behaviour: Mutex<Behaviour>,
    submitted: Mutex<Vec<(SessionId, Command)>>,
    journal: Arc<MemoryJournal>,
    feed: Arc<InProcessFeed>,
    tables: Arc<MemoryTables>,
    committed: watch::Sender<Committed>,
    clock: Clock,
}

struct Core {
    engine: Engine,
    head: Head,
}

impl EngineQueue {
    pub(super) fn new(
        journal: Arc<MemoryJournal>,
        feed: Arc<InProcessFeed>,
        tables: Arc<MemoryTables>,
        committed: watch::Sender<Committed>,
        clock: Clock,
    ) -> Self {
        let core = Core { engine: Engine::new(1), head: Head::default() };
        Self {
            core: tokio::sync::Mutex::new(core),
            behaviour: Mutex::new(Behaviour::Works),
            submitted: Mutex::default(),
            journal,
            feed,
            tables,
            committed,
            clock,
        }
    }

    pub(super) async fn begin(&self, genesis: Genesis) {
        let action = Action::Genesis(Box::new(genesis));
        self.execute(Command { origin: Origin::Sequencer, action }).await;
    }

    /// Executes a service's command, which must be accepted.
    pub(super) async fn service(&self, source: SourceId, n: u64, action: Action) {
        let outcome = self.execute(Command { origin: Origin::Service(source, n), action }).await;
        assert_eq!(outcome.reject(), None);
    }

    /// Lets engine time pass up to the clock.
    pub(crate) async fn tick(&self) {
        self.execute(Command { origin: Origin::Sequencer, action: Action::Tick }).await;
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock() = behaviour;
    }

    /// What clients submitted, in order.
    pub(crate) fn submitted(&self) -> Vec<(SessionId, Command)> {
        self.submitted.lock().clone()
    }

    /// Applies a command and the steps that it leaves, as one batch, and commits and publishes that.
    async fn execute(&self, command: Command) -> Outcome {
        let mut core = self.core.lock().await;
        let time = self.clock.now().max(core.engine.time());
        let mut builder = BatchBuilder::default();
        let mut next = Some(command);
        while let Some(command) = next {
            let mut events = Vec::new();
            let seq = core.engine.seq().next();
            core.engine.apply(seq, time, &command, &mut events);
            builder.push(&command, &events);
            let step = || Command { origin: Origin::Sequencer, action: Action::Step };
            next = core.engine.has_work().then(step);
        }
        let last = builder.count() as usize - 1;
        let row = builder.seal(&core.head, time, core.engine.rules_version());
        core.head = row.head();
        let batch = Arc::new(CommittedBatch::from_row(&row).unwrap());
        self.journal.commit(Arc::new(row)).await.unwrap();
        self.committed.send_replace(Committed { seq: batch.head.seq, time });
        self.tables.take(batch.clone());
        self.feed.publish(batch.clone());
        Outcome::new(batch, 0, last)
    }
}

#[async_trait]
impl OrderQueue for EngineQueue {
    async fn submit(&self, session: SessionId, command: Command) -> Result<Outcome, QueueError> {
        self.submitted.lock().push((session, command.clone()));
        let behaviour = *self.behaviour.lock();
        match behaviour {
            Behaviour::Works => {}
            Behaviour::Fails(error) => return Err(error),
            Behaviour::Hangs => std::future::pending().await,
        }
        let admission = self.core.lock().await.engine.admit(self.clock.now(), &command);
        assert_eq!(admission, Admission::New, "every command has an id of its own");
        Ok(self.execute(command).await)
    }
}
