//! What every [`Lanes`] must do.
//!
//! An adapter's test module says `emporion_ports::lanes_contract!(open);`, where `open()` is an async function that
//! gives a [`Subject`]: an empty queue, and how time passes for it. `lanes_contract!(open, emulated)` leaves out what
//! cannot be shown on an emulator; the reason stands in the `#[ignore]` of the test.
//!
//! The cases are those behaviours of SQS FIFO queues that the port shows. It does not show the making of queues, messages
//! without lane or id, deduplication by content or across lanes, per-message delays, sequence numbers, replayed receives,
//! dead letters and the quota: the twin's and the adapter's own tests do, where they have them.

mod delivery;
mod sending;
mod waiting;

pub use delivery::*;
pub use sending::*;
pub use waiting::*;

use crate::lanes::{Delivery, Handle, LaneMessage, Lanes};
use std::any::Any;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A queue under test.
pub struct Subject {
    /// The queue, empty.
    pub lanes: Arc<dyn Lanes>,
    /// Lets so much time pass for the queue: by waiting, or by setting its clock.
    pub pass: Pass,
    /// What must live as long as the queue.
    pub keeps: Box<dyn Any + Send + Sync>,
}

/// Lets time pass.
pub type Pass = Box<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// One test per case of the contract on the queue that `$open` makes.
#[macro_export]
macro_rules! lanes_contract {
    ($open:path) => {
        $crate::lanes_contract!(@common $open);
        $crate::lanes_contract!(@cases $open: an_expired_handle_deletes_nothing, an_id_is_forgotten_after_five_minutes,);
    };
    ($open:path, emulated) => {
        $crate::lanes_contract!(@common $open);
        $crate::lanes_contract!(@ignored $open:
            an_expired_handle_deletes_nothing because "the emulator lets an expired handle delete, unlike AWS",
            an_id_is_forgotten_after_five_minutes because "five minutes would have to pass in earnest",
        );
    };
    (@common $open:path) => {
        $crate::lanes_contract!(@cases $open:
            a_lane_keeps_its_order,
            a_lane_is_locked_while_a_message_is_in_flight,
            a_lane_is_locked_until_all_of_a_receive_is_deleted,
            what_is_not_deleted_comes_again_in_order,
            what_is_given_back_comes_again_at_once_in_order,
            what_is_extended_stays_in_flight,
            a_stale_handle_neither_deletes_nor_extends,
            a_made_up_handle_is_refused,
            a_duplicate_is_accepted_and_not_delivered,
            an_id_is_remembered_after_its_message_is_deleted,
            an_id_counts_in_its_own_lane,
            a_batch_keeps_its_order_and_drops_its_duplicates,
            a_batch_has_bounds,
            a_full_batch_of_any_bytes_arrives,
            wrong_messages_are_refused_and_right_ones_beside_them_accepted,
            nothing_to_do_is_done_at_once,
            more_handles_than_a_call_takes_are_done_in_several,
            a_receive_ends_when_nothing_comes,
            a_waiting_receive_wakes_when_a_message_comes,
            a_waiting_receive_wakes_when_a_lane_is_unlocked,
            a_waiting_receive_wakes_when_a_visibility_ends,
            the_backlog_is_counted,
            many_receivers_see_every_message_once_and_in_order,
        );
    };
    (@cases $open:path: $($case:ident,)+) => {
        $(#[tokio::test]
        async fn $case() {
            $crate::contract::lanes::$case(&$open().await).await;
        })+
    };
    (@ignored $open:path: $($case:ident because $reason:literal,)+) => {
        $(#[tokio::test]
        #[ignore = $reason]
        async fn $case() {
            $crate::contract::lanes::$case(&$open().await).await;
        })+
    };
}

/// Longer than any case takes.
const LONG: Duration = Duration::from_secs(60);
/// A visibility that a case waits for.
const SHORT: Duration = Duration::from_secs(2);
/// Long enough for [`SHORT`] to be over, by a queue that is late by a second.
const AFTER_SHORT: Duration = Duration::from_secs(3);
/// How long a receive waits for what must come.
const PATIENCE: Duration = crate::lanes::WAIT_MAX;

impl Subject {
    /// Sends a message of this lane; the text is id and body.
    async fn send(&self, lane: u32, text: &str) {
        assert_eq!(self.lanes.send(vec![message(lane, text)]).await, [Ok(())]);
    }

    /// Sends messages of a lane in one call.
    async fn send_all(&self, lane: u32, texts: &[&str]) {
        let answers = self.lanes.send(texts.iter().map(|text| message(lane, text)).collect()).await;
        assert_eq!(answers, vec![Ok(()); texts.len()]);
    }

    /// Receives what is there.
    async fn receive(&self, max: usize, visibility: Duration) -> Vec<Delivery> {
        self.lanes.receive(max, Duration::ZERO, visibility).await.unwrap()
    }

    /// Receives at least one message, waiting for it.
    async fn wait_for(&self, max: usize) -> Vec<Delivery> {
        let deliveries = self.lanes.receive(max, PATIENCE, LONG).await.unwrap();
        assert!(!deliveries.is_empty(), "nothing came");
        deliveries
    }

    async fn delete(&self, deliveries: &[Delivery]) {
        assert_eq!(self.lanes.delete(&handles(deliveries)).await, vec![Ok(()); deliveries.len()]);
    }
}

fn message(lane: u32, text: &str) -> LaneMessage {
    LaneMessage { lane, dedup_id: format!("id-{text}"), body: text.as_bytes().to_vec() }
}

fn texts(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| std::str::from_utf8(&delivery.body).unwrap()).collect()
}

fn handles(deliveries: &[Delivery]) -> Vec<Handle> {
    deliveries.iter().map(|delivery| delivery.handle.clone()).collect()
}
