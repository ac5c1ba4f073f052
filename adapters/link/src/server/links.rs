//! Which connection of a client's link is the present one.
//!
//! A client that lost a connection opens another while frames may still be unread on the first. If those were taken
//! later, a session's commands would overtake each other; so a link's new connection ends its earlier one first. What
//! must not live here: anything about a connection but whether it may go on.

use parking_lot::Mutex;
use std::collections::HashMap;
use tokio::sync::watch;

#[derive(Default)]
pub(super) struct Links(Mutex<HashMap<[u8; 16], Present>>);

struct Present {
    /// Tells the connection to end.
    end: watch::Sender<bool>,
    /// Closed once it has.
    ended: watch::Receiver<()>,
}

/// A connection's right to go on. Dropped when it takes nothing more.
pub(super) struct Turn {
    end: watch::Receiver<bool>,
    _ended: watch::Sender<()>,
}

impl Links {
    /// Makes this the present connection of `link`, once the one before has ended.
    pub(super) async fn turn(&self, link: [u8; 16]) -> Turn {
        let (end, told) = watch::channel(false);
        let (holds, ended) = watch::channel(());
        let before = {
            let mut links = self.0.lock();
            links.retain(|_, present| present.ended.has_changed().is_ok());
            links.insert(link, Present { end, ended })
        };
        if let Some(mut before) = before {
            before.end.send_replace(true);
            // An error says that the connection is gone, which is what is waited for.
            while before.ended.changed().await.is_ok() {}
        }
        Turn { end: told, _ended: holds }
    }
}

impl Turn {
    /// Completes when a later connection of the same link takes over.
    pub(super) async fn is_over(&mut self) {
        if self.end.wait_for(|is_over| *is_over).await.is_err() {
            // The link is forgotten only with its connection.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn a_later_connection_waits_until_the_earlier_one_has_ended() {
        let links = Links::default();
        let mut first = links.turn([1; 16]).await;
        let _other = links.turn([2; 16]).await;
        assert!(first.is_over().now_or_never().is_none());
        let mut second = Box::pin(links.turn([1; 16]));
        assert!((&mut second).now_or_never().is_none());
        first.is_over().await;
        drop(first);
        let mut second = second.await;
        assert!(second.is_over().now_or_never().is_none());
    }
}
