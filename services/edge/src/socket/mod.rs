//! WebSockets: from the upgrade of a request to the last frame.
//!
//! A service gives [`crate::Routes::socket`] a function that makes a [`Session`] for each connection, and pushes
//! what the client shall get into its [`Outbox`]. Frames, pings, limits, the connection's life and its end are
//! settled here, once for all protocols. What must not live here: what messages mean.

mod connection;
mod cut;
mod farewell;
mod handshake;
mod outbox;
mod pulse;
mod upgrade;

pub use cut::Cut;
pub use outbox::{LatestKey, Outbox, OutboxLimits};
pub use tokio_tungstenite::tungstenite::Utf8Bytes;
pub(crate) use upgrade::{Handover, upgrade};

use async_trait::async_trait;
use emporion_model::TimeUs;
use http::{HeaderMap, Uri};
use std::net::IpAddr;
use std::time::Duration;

/// What a connection was opened with.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The client's address, behind trusted proxies.
    pub address: IpAddr,
    /// Path and query as sent.
    pub uri: Uri,
    /// The request's header.
    pub headers: HeaderMap,
    /// When the connection was opened.
    pub opened_at: TimeUs,
}

/// One connection's protocol. Dropped when the connection is gone.
#[async_trait]
pub trait Session: Send {
    /// A text message of the client. Answers go into the outbox. While this waits, nothing more of this client is
    /// read: that is how a session holds back a client that asks for too much. What waits in the outbox is written
    /// meanwhile.
    ///
    /// When the connection ends, this is dropped where it waits: what must not be left half done belongs into a
    /// task of its own.
    async fn receive(&mut self, text: &str);
}

/// What a kind of socket lets its clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketPolicy {
    /// Messages (pings and pongs too) that a client may send in a second of its connection before it is cut.
    pub messages_per_second_max: Option<u32>,
    /// What may wait to be written.
    pub outbox: OutboxLimits,
    /// The weight that opening one costs.
    pub weight: u32,
    /// Whether the event that announces the end is wrapped, as on `/stream`: `{"stream":"!serverShutdown",…}`.
    /// The paths of combined streams decide it by their name.
    pub is_stream: bool,
}

/// How a listener treats its sockets, whatever they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// From one ping to the next.
    pub ping_interval: Duration,
    /// How long the client may take to answer a ping.
    pub pong_timeout: Duration,
    /// How long a connection may live.
    pub lifetime: Duration,
    /// From the event that announces the end to the end.
    pub farewell: Duration,
}

impl Default for SocketOptions {
    /// Binance's figures.
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(20),
            pong_timeout: Duration::from_secs(60),
            lifetime: Duration::from_secs(86_400),
            farewell: Duration::from_secs(5),
        }
    }
}
