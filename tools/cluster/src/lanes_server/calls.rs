//! The calls of SQS that lanes need.

use super::queues::{Attributes, Queues};
use super::{CallFailure, dead};
use emporion_ports::lanes::{BATCH_MAX, Delivery, Handle, LaneError, LaneMessage, Lanes, WAIT_MAX};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;

/// The longest visibility, in seconds.
const VISIBILITY_SECONDS_MAX: u64 = 12 * 3600;

/// Runs a call, such as `SendMessage`, and gives its answer.
pub(super) async fn run(queues: &Queues, call: &str, body: &[u8]) -> Result<Value, CallFailure> {
    match call {
        "CreateQueue" => create_queue(queues, read(body)?),
        "GetQueueUrl" => get_queue_url(queues, &read(body)?),
        "GetQueueAttributes" => get_queue_attributes(queues, read(body)?).await,
        "SendMessage" => send_message(queues, read(body)?).await,
        "SendMessageBatch" => send_message_batch(queues, read(body)?).await,
        "ReceiveMessage" => receive_message(queues, read(body)?).await,
        "ChangeMessageVisibility" => change_visibility(queues, read(body)?).await,
        "ChangeMessageVisibilityBatch" => change_visibility_batch(queues, read(body)?).await,
        "DeleteMessage" => delete_message(queues, read(body)?).await,
        "DeleteMessageBatch" => delete_message_batch(queues, read(body)?).await,
        _ => Err(CallFailure::new("UnsupportedOperation", format!("there is no call {call:?} here"))),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, CallFailure> {
    serde_json::from_slice(body).map_err(|error| CallFailure::wrong(format!("the call cannot be read: {error}")))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateQueue {
    queue_name: String,
    #[serde(default)]
    attributes: Attributes,
}

fn create_queue(queues: &Queues, call: CreateQueue) -> Result<Value, CallFailure> {
    let queue = queues.create(&call.queue_name, call.attributes)?;
    Ok(json!({"QueueUrl": queues.url(&queue.name)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetQueueUrl {
    queue_name: String,
}

fn get_queue_url(queues: &Queues, call: &GetQueueUrl) -> Result<Value, CallFailure> {
    Ok(json!({"QueueUrl": queues.url(&queues.find(&call.queue_name)?.name)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetQueueAttributes {
    queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
}

async fn get_queue_attributes(queues: &Queues, call: GetQueueAttributes) -> Result<Value, CallFailure> {
    let queue = queues.find(&call.queue_url)?;
    let backlog = queue.lanes.backlog().await?;
    let mut attributes = queue.attributes.clone();
    for (name, count) in [("", backlog.waiting), ("NotVisible", backlog.in_flight), ("Delayed", 0)] {
        attributes.insert(format!("ApproximateNumberOfMessages{name}"), count.to_string());
    }
    let is_asked = |name: &String| call.attribute_names.iter().any(|asked| asked == "All" || asked == name);
    attributes.retain(|name, _| is_asked(name));
    Ok(json!({"Attributes": attributes}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewMessage {
    message_body: String,
    message_group_id: String,
    message_deduplication_id: String,
}

impl NewMessage {
    fn read(self) -> Result<LaneMessage, CallFailure> {
        let group = &self.message_group_id;
        let lane = group.parse();
        let lane = lane.map_err(|_| CallFailure::wrong(format!("the group {group:?} is no lane: a number")))?;
        Ok(LaneMessage { lane, dedup_id: self.message_deduplication_id, body: self.message_body.into_bytes() })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage {
    queue_url: String,
    #[serde(flatten)]
    message: NewMessage,
}

async fn send_message(queues: &Queues, call: SendMessage) -> Result<Value, CallFailure> {
    let queue = queues.find(&call.queue_url)?;
    let message = call.message.read()?;
    let message_id = message_id(message.lane, &message.dedup_id);
    let mut answers = queue.lanes.accept(vec![message]).await;
    let accepted = answers.pop().expect("there is an answer to each message")?;
    Ok(json!({"MessageId": message_id, "SequenceNumber": sequence_number(accepted.sequence)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch<T> {
    queue_url: String,
    entries: Vec<Entry<T>>,
}

/// An entry of a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<T> {
    id: String,
    #[serde(flatten)]
    entry: T,
}

async fn send_message_batch(queues: &Queues, call: Batch<NewMessage>) -> Result<Value, CallFailure> {
    let queue = queues.find(&call.queue_url)?;
    check_count(call.entries.len())?;
    let mut answer = BatchAnswer::default();
    let mut messages = Vec::with_capacity(call.entries.len());
    let mut ids = Vec::with_capacity(call.entries.len());
    for Entry { id, entry } in call.entries {
        match entry.read() {
            Ok(message) => {
                ids.push((id, message_id(message.lane, &message.dedup_id)));
                messages.push(message);
            }
            Err(failure) => answer.failed.push(failure.entry(&id)),
        }
    }
    for ((id, message_id), accepted) in ids.iter().zip(queue.lanes.accept(messages).await) {
        match accepted {
            Ok(accepted) => answer
                .successful
                .push(json!({"Id": id, "MessageId": message_id, "SequenceNumber": sequence_number(accepted.sequence)})),
            Err(error) => answer.failed.push(CallFailure::from(error).entry(id)),
        }
    }
    Ok(answer.value())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiveMessage {
    queue_url: String,
    max_number_of_messages: Option<usize>,
    wait_time_seconds: Option<u64>,
    visibility_timeout: Option<u64>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    attribute_names: Vec<String>,
}

async fn receive_message(queues: &Queues, call: ReceiveMessage) -> Result<Value, CallFailure> {
    let queue = queues.find(&call.queue_url)?;
    let default = |name: &str| queue.attributes.get(name).and_then(|value| value.parse().ok()).unwrap_or(0);
    let max = call.max_number_of_messages.unwrap_or(1);
    if !(1..=BATCH_MAX).contains(&max) {
        return Err(CallFailure::wrong(format!("MaxNumberOfMessages is {max}, which is not 1 to {BATCH_MAX}")));
    }
    let wait_seconds = call.wait_time_seconds.unwrap_or_else(|| default("ReceiveMessageWaitTimeSeconds"));
    if wait_seconds > WAIT_MAX.as_secs() {
        return Err(CallFailure::wrong(format!("WaitTimeSeconds is {wait_seconds}, which is more than 20")));
    }
    let visibility = visibility(call.visibility_timeout.unwrap_or_else(|| default("VisibilityTimeout")))?;
    let outcome = queue.lanes.receive(max, Duration::from_secs(wait_seconds), visibility).await;
    dead::bury(&queue);
    let asked: Vec<String> = [call.message_system_attribute_names, call.attribute_names].concat();
    let messages: Vec<Value> = outcome?.into_iter().map(|delivery| received(delivery, &asked)).collect();
    Ok(if messages.is_empty() { json!({}) } else { json!({"Messages": messages}) })
}

fn received(delivery: Delivery, asked: &[String]) -> Value {
    let message_id = message_id(delivery.lane, &delivery.dedup_id);
    let mut attributes = Attributes::new();
    for (name, value) in [
        ("ApproximateReceiveCount", delivery.deliveries.to_string()),
        ("MessageDeduplicationId", delivery.dedup_id),
        ("MessageGroupId", delivery.lane.to_string()),
        ("SentTimestamp", delivery.sent_at_ms.to_string()),
    ] {
        if asked.iter().any(|asked| asked == "All" || asked == name) {
            attributes.insert(name.to_owned(), value);
        }
    }
    let body = String::from_utf8_lossy(&delivery.body);
    json!({"MessageId": message_id, "ReceiptHandle": delivery.handle.0, "Body": body, "Attributes": attributes})
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewVisibility {
    receipt_handle: String,
    visibility_timeout: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeVisibility {
    queue_url: String,
    #[serde(flatten)]
    change: NewVisibility,
}

async fn change_visibility(queues: &Queues, call: ChangeVisibility) -> Result<Value, CallFailure> {
    let queue = queues.find(&call.queue_url)?;
    let visibility = visibility(call.change.visibility_timeout)?;
    let answers = queue.lanes.extend(&[Handle(call.change.receipt_handle)], visibility).await;
    answers.into_iter().collect::<Result<Vec<()>, LaneError>>()?;
    Ok(json!({}))
}

async fn change_visibility_batch(queues: &Queues, call: Batch<NewVisibility>) -> Result<Value, CallFailure> {
    let queue = queues.find(&call.queue_url)?;
    check_count(call.entries.len())?;
    let mut answer = BatchAnswer::default();
    for some in call.entries.chunk_by(|a, b| a.entry.visibility_timeout == b.entry.visibility_timeout) {
        let handles: Vec<Handle> = some.iter().map(|entry| Handle(entry.entry.receipt_handle.clone())).collect();
        let answers = match visibility(some[0].entry.visibility_timeout) {
            Ok(visibility) => queue.lanes.extend(&handles, visibility).await,
            Err(failure) => {
                answer.failed.extend(some.iter().map(|entry| failure.entry(&entry.id)));
                continue;
            }
        };
        answer.add(some.iter().map(|entry| &*entry.id), answers)?;
    }
    Ok(answer.value())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OldMessage {
    receipt_handle: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteMessage {
    queue_url: String,
    #[serde(flatten)]
    message: OldMessage,
}

async fn delete_message(queues: &Queues, call: DeleteMessage) -> Result<Value, CallFailure> {
    let queue = queues.find(&call.queue_url)?;
    let answers = queue.lanes.delete(&[Handle(call.message.receipt_handle)]).await;
    answers.into_iter().collect::<Result<Vec<()>, LaneError>>()?;
    Ok(json!({}))
}

async fn delete_message_batch(queues: &Queues, call: Batch<OldMessage>) -> Result<Value, CallFailure> {
    let queue = queues.find(&call.queue_url)?;
    check_count(call.entries.len())?;
    let handles: Vec<Handle> = call.entries.iter().map(|entry| Handle(entry.entry.receipt_handle.clone())).collect();
    let mut answer = BatchAnswer::default();
    answer.add(call.entries.iter().map(|entry| &*entry.id), queue.lanes.delete(&handles).await)?;
    Ok(answer.value())
}

/// What came of the entries of a batch.
#[derive(Default)]
struct BatchAnswer {
    successful: Vec<Value>,
    failed: Vec<Value>,
}

impl BatchAnswer {
    /// Adds what came of deliveries. Over its quota, SQS does the whole call not.
    fn add<'a>(
        &mut self,
        ids: impl Iterator<Item = &'a str>,
        answers: Vec<Result<(), LaneError>>,
    ) -> Result<(), CallFailure> {
        for (id, answer) in ids.zip(answers) {
            match answer {
                Ok(()) => self.successful.push(json!({"Id": id})),
                Err(error @ LaneError::Throttled(_)) => return Err(error.into()),
                Err(error) => self.failed.push(CallFailure::from(error).entry(id)),
            }
        }
        Ok(())
    }

    fn value(self) -> Value {
        json!({"Successful": self.successful, "Failed": self.failed})
    }
}

fn check_count(count: usize) -> Result<(), CallFailure> {
    match count {
        0 => Err(CallFailure::new("EmptyBatchRequest", "there are no entries in the batch")),
        count if count > BATCH_MAX => Err(CallFailure::new(
            "TooManyEntriesInBatchRequest",
            format!("{count} entries in a batch; {BATCH_MAX} is the most"),
        )),
        _ => Ok(()),
    }
}

fn visibility(seconds: u64) -> Result<Duration, CallFailure> {
    if seconds > VISIBILITY_SECONDS_MAX {
        let text = format!("VisibilityTimeout is {seconds}, which is more than {VISIBILITY_SECONDS_MAX}");
        return Err(CallFailure::wrong(text));
    }
    Ok(Duration::from_secs(seconds))
}

/// The same for who sends a message and who receives it.
fn message_id(lane: u32, dedup_id: &str) -> String {
    format!("{lane}-{dedup_id}")
}

/// Of twenty digits, as SQS's.
fn sequence_number(sequence: u64) -> String {
    format!("{sequence:020}")
}
