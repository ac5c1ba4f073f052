//! Messages that were delivered too often move to the queue that the redrive policy names.

use super::pause;
use super::queues::Queue;
use emporion_ports::lanes::InProcessLanes;
use std::sync::Arc;
use std::time::Duration;

/// While the other queue takes nothing: it is over its quota, or is made to fail.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Moves what a queue has set aside. A task of its own does it, so that no client that leaves can end it half-way.
pub(super) fn bury(queue: &Queue) {
    let Some(dead) = &queue.dead else { return };
    let messages = queue.lanes.take_dead();
    if messages.is_empty() {
        return;
    }
    let dead: Arc<InProcessLanes> = Arc::clone(dead);
    tokio::spawn(async move {
        for message in messages {
            while !dead.accept(vec![message.clone()]).await.iter().all(Result::is_ok) {
                pause(RETRY_PAUSE).await;
            }
        }
    });
}
