//! Messages as SQS has them: text bodies, groups, and entries of a batch.
//!
//! SQS takes text only, so a body goes as base64. What somebody else has put into the queue is delivered as it stands,
//! for the receiver to refuse and to move aside: it must neither stop its lane nor be hidden.

use crate::failure;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, Message, MessageSystemAttributeName as Attribute, SendMessageBatchRequestEntry,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use emporion_ports::lanes::{Delivery, Handle, LaneError, LaneMessage};

/// The lane of a message whose group is no number.
const STRANGE_LANE: u32 = u32::MAX;

/// An entry of a batch; its id is its place.
pub(crate) fn of_message(index: usize, message: LaneMessage) -> Result<SendMessageBatchRequestEntry, String> {
    let id = &message.dedup_id;
    if id.is_empty() || id.len() > 128 || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("the deduplication id {id:?} is not 1 to 128 ASCII letters, digits and punctuation marks"));
    }
    if message.body.is_empty() {
        return Err("a message has no body; one byte is the least".to_owned());
    }
    Ok(SendMessageBatchRequestEntry::builder()
        .id(index.to_string())
        .message_body(STANDARD.encode(&message.body))
        .message_group_id(message.lane.to_string())
        .message_deduplication_id(message.dedup_id)
        .build()
        .expect("id and body are given"))
}

/// `None` for a message that cannot be deleted, which SQS never gives.
pub(crate) fn to_delivery(message: Message) -> Option<Delivery> {
    let attribute = |name: &Attribute| message.attributes().and_then(|attributes| attributes.get(name));
    let number = |name: &Attribute| attribute(name).and_then(|text| text.parse().ok());
    let text = message.body().unwrap_or_default();
    Some(Delivery {
        lane: attribute(&Attribute::MessageGroupId).and_then(|group| group.parse().ok()).unwrap_or(STRANGE_LANE),
        dedup_id: attribute(&Attribute::MessageDeduplicationId).cloned().unwrap_or_default(),
        body: STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec()),
        handle: Handle(message.receipt_handle()?.to_owned()),
        deliveries: number(&Attribute::ApproximateReceiveCount)
            .map_or(1, |count| u32::try_from(count).unwrap_or(u32::MAX)),
        sent_at_ms: number(&Attribute::SentTimestamp).unwrap_or(0),
    })
}

/// Puts an answer in the place that its entry's id names.
pub(crate) fn answer<E>(answers: &mut [Result<(), E>], id: &str, outcome: Result<(), E>) {
    if let Some(answer) = id.parse().ok().and_then(|index: usize| answers.get_mut(index)) {
        *answer = outcome;
    }
}

/// What came of each of so many deliveries.
pub(crate) fn answers<'a>(
    count: usize,
    done: impl Iterator<Item = &'a str>,
    failed: &[BatchResultErrorEntry],
) -> Vec<Result<(), LaneError>> {
    let mut answers = vec![Err(LaneError::Unavailable("SQS did not say what came of it".to_owned())); count];
    done.for_each(|id| answer(&mut answers, id, Ok(())));
    failed.iter().for_each(|entry| answer(&mut answers, entry.id(), Err(failure::of_delivery(entry))));
    answers
}
