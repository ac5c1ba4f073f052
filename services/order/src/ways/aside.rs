//! Messages that nobody can use are moved aside, for people to look at, and never stop their lane.
//!
//! What must not live here: what makes a message unusable.

use super::answers::pause;
use super::message::hex;
use emporion_model::journal::hash_bytes;
use emporion_ports::lanes::{LaneMessage, Lanes};
use std::sync::Arc;
use std::time::Duration;

/// How often the aside is tried before a message is only logged.
const ATTEMPTS: u32 = 3;

const RETRY: Duration = Duration::from_millis(100);

/// Where unusable messages of a lane go.
pub(super) struct Aside<'a> {
    pub(super) lanes: Option<&'a Arc<dyn Lanes>>,
    pub(super) lane: u32,
}

impl Aside<'_> {
    /// Counts, logs and keeps a body that cannot be used.
    pub(super) async fn put(&self, body: Vec<u8>, reason: &str) {
        metrics::counter!("lane_garbage_total").increment(1);
        let digest = hex(&hash_bytes(&body));
        tracing::error!(
            lane = self.lane,
            bytes = body.len(),
            sha256 = digest,
            reason,
            "A message of a lane cannot be used and is moved aside; nobody who may submit commands made it, or a venue \
             key is missing here."
        );
        let Some(lanes) = self.lanes else { return };
        let message = LaneMessage { lane: self.lane, dedup_id: digest.clone(), body };
        for _ in 0..ATTEMPTS {
            match lanes.send(vec![message.clone()]).await.pop() {
                Some(Ok(())) => return,
                _ => pause(RETRY).await,
            }
        }
        tracing::error!(sha256 = digest, "It could not be kept: the queue for such messages takes nothing.");
    }
}
