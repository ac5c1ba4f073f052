//! The in-process queue: the contract of lanes, what the port does not show, and its faults. Time is tokio's, and paused.
#![allow(missing_docs, clippy::unwrap_used)]

mod faults;
mod rules;

use emporion_ports::contract::lanes::Subject;
use emporion_ports::lanes::{ClockMs, Delivery, FifoOptions, Handle, InProcessLanes, LaneMessage};
use std::sync::Arc;
use std::time::Duration;

mod contract {
    emporion_ports::lanes_contract!(super::open);
}

async fn open() -> Subject {
    tokio::time::pause();
    Subject {
        lanes: queue(FifoOptions::default()),
        pass: Box::new(|duration| Box::pin(pass(duration))),
        keeps: Box::new(()),
    }
}

/// A queue by paused time, which passes when nobody has anything to do.
fn queue(options: FifoOptions) -> Arc<InProcessLanes> {
    let start = tokio::time::Instant::now();
    let clock: ClockMs = Arc::new(move || 1_700_000_000_000 + start.elapsed().as_millis() as u64);
    Arc::new(InProcessLanes::new(clock, options))
}

#[expect(clippy::disallowed_methods, reason = "time is paused: this sets the clock")]
async fn pass(duration: Duration) {
    tokio::time::sleep(duration).await;
}

fn message(lane: u32, number: u64) -> LaneMessage {
    LaneMessage { lane, dedup_id: number.to_string(), body: number.to_le_bytes().to_vec() }
}

fn number(delivery: &Delivery) -> u64 {
    u64::from_le_bytes(delivery.body[..].try_into().unwrap())
}

fn handles(deliveries: &[Delivery]) -> Vec<Handle> {
    deliveries.iter().map(|delivery| delivery.handle.clone()).collect()
}

const MINUTE: Duration = Duration::from_secs(60);
