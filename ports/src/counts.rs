//! Request counts that all processes of a venue share, so that a limit holds however requests are spread.
//!
//! What must not live here: what a limit is, and what happens to who is over it; that is the edge's.

use async_trait::async_trait;

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
    /// How many bans the network had lately.
    pub bans: u32,
    /// Until when it is banned, in seconds since the epoch; 0 when it is not.
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
