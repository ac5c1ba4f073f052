//! Request counts that all processes of a venue share, so that a limit holds however requests are spread.
//!
//! What must not live here: what a limit is, and what happens to who is over it; that is the edge's.

use async_trait::async_trait;
use parking_lot::Mutex;
use std::collections::HashMap;

/// What a request adds to the counts of its network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// The minute since the epoch in which it counts.
    pub minute: u64,
    /// The stretch of five minutes since the epoch in which it counts.
    pub five_minutes: u64,
    /// Weight, counted by the minute.
    pub weight: u32,
    /// Requests, counted by five minutes.
    pub requests: u32,
    /// Attempts to open a socket, counted by five minutes.
    pub connections: u32,
    /// Refused requests, counted by the minute.
    pub refusals: u32,
}

/// What was used by a network, over all processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Weight of the minute.
    pub weight: u32,
    /// Requests of the five minutes.
    pub requests: u32,
    /// Attempts to open a socket of the five minutes.
    pub connections: u32,
    /// Refusals of the minute.
    pub refusals: u32,
    /// How many bans the network had lately: 0 once they are to be forgotten by the start of the asked minute.
    pub bans: u32,
    /// Until when it is banned, in seconds since the epoch; 0 when that is not after the start of the asked minute.
    pub banned_until_s: u64,
}

/// Why the shared counts could not be used; the caller counts by itself meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shared request counts failed: {0}")]
pub struct CountError(pub String);

/// The counts of all networks.
#[async_trait]
pub trait RequestCounts: Send + Sync {
    /// Adds to the counts of `network` (any short text) and gives what they are afterwards.
    async fn add(&self, network: &str, used: Use) -> Result<Used, CountError>;

    /// Bans `network` until a second since the epoch as its ban number `bans`, which is remembered until
    /// `forget_at_s`. A ban that is there and lasts longer stays.
    async fn ban(&self, network: &str, bans: u32, until_s: u64, forget_at_s: u64) -> Result<(), CountError>;
}

/// Counts of one process.
#[derive(Debug, Default)]
pub struct InProcessCounts(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    networks: HashMap<String, Count>,
    /// The latest minute in which anything was counted: the clock.
    minute: u64,
}

/// One network. A count of a minute that is not the asked one is nothing.
#[derive(Clone, Debug, Default)]
struct Count {
    minute: (u64, Use),
    five_minutes: (u64, Use),
    ban: Ban,
}

#[derive(Clone, Copy, Debug, Default)]
struct Ban {
    bans: u32,
    until_s: u64,
    forget_at_s: u64,
}

#[async_trait]
impl RequestCounts for InProcessCounts {
    async fn add(&self, network: &str, used: Use) -> Result<Used, CountError> {
        let mut counts = self.0.lock();
        counts.pass_to(used.minute);
        Ok(counts.networks.entry(network.to_owned()).or_default().add(used))
    }

    async fn ban(&self, network: &str, bans: u32, until_s: u64, forget_at_s: u64) -> Result<(), CountError> {
        let mut counts = self.0.lock();
        let ban = &mut counts.networks.entry(network.to_owned()).or_default().ban;
        ban.bans = ban.bans.max(bans);
        ban.until_s = ban.until_s.max(until_s);
        ban.forget_at_s = ban.forget_at_s.max(forget_at_s);
        Ok(())
    }
}

impl Counts {
    /// Forgets, once a minute, the networks of which nothing counts any more.
    fn pass_to(&mut self, minute: u64) {
        if minute <= self.minute {
            return;
        }
        self.minute = minute;
        let (five_minutes, now_s) = (minute / 5, minute * 60);
        self.networks.retain(|_, count| {
            count.minute.0 >= minute || count.five_minutes.0 >= five_minutes || count.ban.forget_at_s > now_s
        });
    }
}

impl Count {
    fn add(&mut self, used: Use) -> Used {
        if self.minute.0 != used.minute {
            self.minute = (used.minute, Use::default());
        }
        if self.five_minutes.0 != used.five_minutes {
            self.five_minutes = (used.five_minutes, Use::default());
        }
        let (minute, five_minutes) = (&mut self.minute.1, &mut self.five_minutes.1);
        minute.weight = minute.weight.saturating_add(used.weight);
        minute.refusals = minute.refusals.saturating_add(used.refusals);
        five_minutes.requests = five_minutes.requests.saturating_add(used.requests);
        five_minutes.connections = five_minutes.connections.saturating_add(used.connections);
        let now_s = used.minute.saturating_mul(60);
        let Ban { bans, until_s, forget_at_s } = self.ban;
        if forget_at_s <= now_s {
            self.ban = Ban::default();
        }
        Used {
            weight: minute.weight,
            requests: five_minutes.requests,
            connections: five_minutes.connections,
            refusals: minute.refusals,
            bans: if forget_at_s > now_s { bans } else { 0 },
            banned_until_s: if until_s.min(forget_at_s) > now_s { until_s } else { 0 },
        }
    }
}

#[cfg(all(test, feature = "contract"))]
mod tests {
    use super::*;
    use std::sync::Arc;

    async fn open() -> Arc<dyn RequestCounts> {
        Arc::new(InProcessCounts::default())
    }

    crate::counts_contract!(open);

    #[tokio::test]
    async fn networks_are_forgotten_once_nothing_of_them_counts() {
        let counts = InProcessCounts::default();
        let at = |minute| Use { minute, five_minutes: minute / 5, weight: 1, ..Use::default() };
        counts.ban("banned", 1, 700, 6_000).await.unwrap();
        for minute in 0..20 {
            counts.add(&format!("network {minute}"), at(minute)).await.unwrap();
        }
        assert!(counts.0.lock().networks.len() <= 7);
        assert_eq!(counts.add("banned", at(20)).await.unwrap().bans, 1);
        counts.add("other", at(100)).await.unwrap();
        assert_eq!(counts.0.lock().networks.len(), 1);
    }
}
