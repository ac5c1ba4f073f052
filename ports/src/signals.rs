//! Signals: small words between processes that make things faster, and on which nothing depends.
//!
//! A signal may be lost, doubled or late. Who needs certainty has another way to it: a short time to live, a row in
//! the store. What must not live here: anything that is lost when a signal is.

use crate::users::ApiKeyName;
use async_trait::async_trait;
use emporion_model::codec::{CodecError, Durable, Reader, Writer};
use emporion_model::{AccountId, TimeUs};
use tokio::sync::broadcast;

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// What is known of this key is no longer true.
    KeyChanged(ApiKeyName),
    /// What is known of every key may no longer be true.
    AllKeysChanged,
    /// A process sent a command of this account over the lanes; until this time further ones must go there too, or
    /// they could overtake it.
    OnLanes {
        /// Whose.
        account: AccountId,
        /// Until when; the sender says so again while it needs more time.
        until: TimeUs,
    },
    /// All that the sender had on the lanes of this account is answered.
    OffLanes(AccountId),
    /// A leader says that it takes commands at this `host:port`.
    Leader(String),
}

impl Durable for Signal {
    fn encode(&self, writer: &mut Writer) {
        match self {
            Self::KeyChanged(name) => {
                writer.unsigned(0);
                writer.bytes(name.as_str().as_bytes());
            }
            Self::AllKeysChanged => writer.unsigned(1),
            Self::OnLanes { account, until } => {
                writer.unsigned(2);
                account.encode(writer);
                until.encode(writer);
            }
            Self::OffLanes(account) => {
                writer.unsigned(3);
                account.encode(writer);
            }
            Self::Leader(address) => {
                writer.unsigned(4);
                writer.bytes(address.as_bytes());
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(match reader.unsigned()? {
            0 => Self::KeyChanged(ApiKeyName::parse(text(reader)?).ok_or(CodecError::Invalid)?),
            1 => Self::AllKeysChanged,
            2 => Self::OnLanes { account: Durable::decode(reader)?, until: Durable::decode(reader)? },
            3 => Self::OffLanes(Durable::decode(reader)?),
            4 => Self::Leader(text(reader)?.to_owned()),
            _ => return Err(CodecError::Invalid),
        })
    }
}

fn text<'a>(reader: &mut Reader<'a>) -> Result<&'a str, CodecError> {
    std::str::from_utf8(reader.bytes()?).map_err(|_| CodecError::Invalid)
}

/// Sends and receives signals.
pub trait Signals: Send + Sync {
    /// Tells everybody, this process included. Never waits and never fails.
    fn tell(&self, signal: Signal);

    /// Everything that is told from now on.
    fn listen(&self) -> Box<dyn SignalReceiver>;
}

/// One listener's end.
#[async_trait]
pub trait SignalReceiver: Send {
    /// The next signal; `None` says that some may have been lost (the way was interrupted, or the listener was slow)
    /// and that what was kept because of earlier ones must be asked again. May be dropped while it waits.
    async fn next(&mut self) -> Option<Signal>;
}

/// Signals within one process.
#[derive(Debug)]
pub struct InProcessSignals(broadcast::Sender<Signal>);

impl Default for InProcessSignals {
    fn default() -> Self {
        Self(broadcast::Sender::new(1_024))
    }
}

impl Signals for InProcessSignals {
    fn tell(&self, signal: Signal) {
        // An error only says that nobody listens.
        let _ = self.0.send(signal);
    }

    fn listen(&self) -> Box<dyn SignalReceiver> {
        Box::new(Listening(self.0.subscribe()))
    }
}

struct Listening(broadcast::Receiver<Signal>);

#[async_trait]
impl SignalReceiver for Listening {
    async fn next(&mut self) -> Option<Signal> {
        match self.0.recv().await {
            Ok(signal) => Some(signal),
            Err(broadcast::error::RecvError::Lagged(_)) => None,
            // The sender lives as long as the process that listens; nothing more will come.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(all(test, feature = "contract"))]
mod tests {
    use super::*;
    use std::sync::Arc;

    async fn open() -> Arc<dyn Signals> {
        Arc::new(InProcessSignals::default())
    }

    crate::signals_contract!(open);

    #[tokio::test]
    async fn a_slow_listener_is_told_that_it_missed_some() {
        let signals = InProcessSignals::default();
        let mut listener = signals.listen();
        (0..2_000).for_each(|account| signals.tell(Signal::OffLanes(AccountId(account))));
        assert_eq!(listener.next().await, None);
        assert!(listener.next().await.is_some());
    }
}
