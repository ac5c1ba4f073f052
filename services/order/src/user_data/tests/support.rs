//! Listening to accounts of a venue.

use crate::gateway::tests::support::{MemoryTables, Venue};
use crate::testing::MemoryJournal;
use crate::user_data::UserDataFeed;
use emporion_api::{ApiError, TimeUnit};
use emporion_edge::socket::{Cut, Outbox, OutboxLimits, Utf8Bytes};
use emporion_edge::user_data::{Sink, Subscription, UserData};
use emporion_model::{AccountId, Seq};
use emporion_ports::feed::InProcessFeed;
use serde_json::Value;
use std::sync::Arc;

/// What a test writes into a stream to know where it stands.
const MARK: &str = r#"{"mark":true}"#;

/// A running feed of private events on these parts.
pub(super) fn follow(
    tables: &Arc<MemoryTables>,
    journal: &Arc<MemoryJournal>,
    feed: &Arc<InProcessFeed>,
) -> UserDataFeed {
    let (user_data, follower) = UserDataFeed::new(tables.clone(), journal.clone(), feed.clone());
    tokio::spawn(follower.run());
    user_data
}

/// Waits until everybody was told everything up to `seq`.
pub(super) async fn told(user_data: &UserDataFeed, seq: Seq) {
    user_data.seq_watch().wait_for(|followed| *followed >= seq).await.unwrap();
}

/// A venue with private streams.
pub(super) struct Streams {
    pub(super) venue: Venue,
    pub(super) user_data: UserDataFeed,
}

impl Streams {
    pub(super) async fn start() -> Self {
        let venue = Venue::start().await;
        let user_data = follow(&venue.tables, &venue.journal, &venue.feed);
        Self { venue, user_data }
    }

    pub(super) async fn listen(&self, account: AccountId) -> Stream {
        Stream::open(&self.user_data, account).await.unwrap()
    }

    /// All that a stream was told since it was last asked, once the feed has told what the tables hold.
    pub(super) async fn told(&self, stream: &Stream) -> Vec<Value> {
        told(&self.user_data, self.venue.tables.seq()).await;
        stream.taken().await.unwrap()
    }
}

/// One subscription and its connection.
pub(super) struct Stream {
    pub(super) account: AccountId,
    pub(super) outbox: Outbox,
    _subscription: Subscription,
}

impl Stream {
    pub(super) async fn open(user_data: &UserDataFeed, account: AccountId) -> Result<Self, ApiError> {
        let limits = OutboxLimits { messages_max: 1_000_000, bytes_max: 1 << 30 };
        Self::open_into(user_data, account, Outbox::new(limits), TimeUnit::Millisecond).await
    }

    pub(super) async fn open_into(
        user_data: &UserDataFeed,
        account: AccountId,
        outbox: Outbox,
        unit: TimeUnit,
    ) -> Result<Self, ApiError> {
        let subscription = user_data.subscribe(account, Sink::new(outbox.clone(), 0, unit)).await?;
        Ok(Self { account, outbox, _subscription: subscription })
    }

    /// The events that wait, without their wrapping.
    pub(super) async fn taken(&self) -> Result<Vec<Value>, Cut> {
        let texts = self.texts().await?;
        Ok(texts.iter().map(|text| serde_json::from_str::<Value>(text).unwrap()["event"].take()).collect())
    }

    /// What waits to be sent.
    pub(super) async fn texts(&self) -> Result<Vec<String>, Cut> {
        self.outbox.push(MARK.into());
        let mut texts = Vec::new();
        while texts.last().is_none_or(|last: &Utf8Bytes| last.as_str() != MARK) {
            self.outbox.take(&mut texts).await?;
        }
        texts.pop();
        Ok(texts.iter().map(|text| text.as_str().to_owned()).collect())
    }
}

/// Checks that an event has these keys with these values, whatever else it has. A null is expected to be missing
/// unless the key is `N`.
#[track_caller]
pub(super) fn check(event: &Value, expected: &Value) {
    for (key, value) in expected.as_object().unwrap() {
        let found = event.get(key);
        let expected = if value.is_null() && key != "N" { None } else { Some(value) };
        assert_eq!(found, expected, "{key} of {event}");
    }
}

/// Execution types and statuses of reports, and the names of other events, in short.
pub(super) fn kinds(events: &[Value]) -> Vec<String> {
    let kind = |event: &Value| match event["e"].as_str().unwrap() {
        "executionReport" => format!("{} {}", event["x"].as_str().unwrap(), event["X"].as_str().unwrap()),
        name => name.to_owned(),
    };
    events.iter().map(kind).collect()
}
