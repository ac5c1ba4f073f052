//! Outcomes by the feed: whoever waits for a command gets its outcome once its batch is committed, whichever way and
//! whichever process brought it there.
//!
//! What must not live here: sending commands, and anything that is lost when a message of the feed is: gaps are filled
//! from the journal.

use emporion_model::{CommandId, Origin};
use emporion_ports::feed::{CommittedBatch, Feed, FollowError, FollowedFeed};
use emporion_ports::orders::Outcome;
use emporion_ports::store::Journal;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long to wait before the journal is asked again after it failed.
const RETRY: Duration = Duration::from_millis(200);

/// Who waits for which command.
pub struct Answers {
    pending: Mutex<HashMap<CommandId, Vec<oneshot::Sender<Outcome>>>>,
    pending_max: usize,
}

impl Answers {
    /// Room for those who wait for up to `pending_max` commands.
    pub fn new(pending_max: usize) -> Self {
        Self { pending: Mutex::default(), pending_max }
    }

    /// The outcome of a command that is committed from now on; `None` when too many are waited for. Call it before the
    /// command leaves.
    pub fn expect(self: &Arc<Self>, command_id: CommandId) -> Option<Expected> {
        let mut pending = self.pending.lock();
        if pending.len() >= self.pending_max && !pending.contains_key(&command_id) {
            return None;
        }
        let (sender, outcome) = oneshot::channel();
        pending.entry(command_id).or_default().push(sender);
        Some(Expected { answers: Arc::clone(self), command_id, outcome })
    }

    /// Hands the outcomes of a committed batch to those who wait.
    pub fn follow(&self, batch: &Arc<CommittedBatch>) {
        let mut pending = self.pending.lock();
        if pending.is_empty() {
            return;
        }
        for (place, entry) in batch.entries.iter().enumerate() {
            let Origin::Client(command_id, _) = entry.command.origin else { continue };
            for sender in pending.remove(&command_id).into_iter().flatten() {
                // Whoever waited may just have gone away.
                let _ = sender.send(Outcome::at(Arc::clone(batch), place));
            }
        }
    }

    /// Follows the feed until its publisher is gone. A journal that goes on elsewhere is followed from its head on.
    pub async fn run(&self, journal: Arc<dyn Journal>, feed: Arc<dyn Feed>) {
        let mut followed: Option<FollowedFeed> = None;
        loop {
            let Some(from) = followed.as_mut() else {
                match journal.head().await {
                    Ok(head) => followed = Some(FollowedFeed::new(Arc::clone(&journal), &*feed, head.seq)),
                    Err(error) => {
                        tracing::warn!(%error, "The journal's head cannot be read; outcomes may come late.");
                        pause(RETRY).await;
                    }
                }
                continue;
            };
            match from.next().await {
                Ok(batch) => self.follow(&batch),
                Err(FollowError::Closed) => return,
                Err(FollowError::Journal(error)) => {
                    tracing::warn!(%error, "A gap in the feed cannot be filled yet; outcomes may come late.");
                    pause(RETRY).await;
                }
                Err(error) => {
                    tracing::error!(%error, "Outcomes are followed from the journal's head on.");
                    followed = None;
                    pause(RETRY).await;
                }
            }
        }
    }
}

/// The outcome of a command, to come. Dropping it gives up waiting.
pub struct Expected {
    answers: Arc<Answers>,
    command_id: CommandId,
    outcome: oneshot::Receiver<Outcome>,
}

impl Expected {
    /// Waits for the outcome. May be dropped while it waits, and called again.
    pub async fn outcome(&mut self) -> Outcome {
        match (&mut self.outcome).await {
            Ok(outcome) => outcome,
            // The map outlives those who wait, and drops nobody unanswered.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.outcome.close();
        let mut pending = self.answers.pending.lock();
        if let Some(senders) = pending.get_mut(&self.command_id) {
            senders.retain(|sender| !sender.is_closed());
            if senders.is_empty() {
                pending.remove(&self.command_id);
            }
        }
    }
}

/// Waits without an event, where asking again at once would only harm.
#[expect(clippy::disallowed_methods, reason = "a pause between two attempts at something that has just failed")]
pub(super) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}
