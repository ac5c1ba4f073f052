//! Lanes of commands in SQS FIFO queues.
//!
//! What lives here: calls of SQS, and what its answers mean for [`Lanes`]. What must not: retries (the caller, who knows
//! the deadlines, sends again under the same id), and what a message means.

mod entries;
mod failure;
mod options;
mod queues;

pub use options::{SqsOptions, StaticCredentials};
pub use queues::{NewQueue, create_queue};

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, MessageSystemAttributeName,
    QueueAttributeName,
};
use emporion_ports::lanes::{
    BATCH_MAX, BODY_BYTES_MAX, Backlog, Delivery, Handle, LaneError, LaneMessage, Lanes, SendError, WAIT_MAX,
};
use std::fmt;
use std::time::{Duration, Instant};

/// The longest visibility that SQS knows.
const VISIBILITY_MAX: Duration = Duration::from_secs(12 * 3600);

/// A queue of SQS.
#[derive(Clone)]
pub struct SqsLanes {
    client: Client,
    queue_url: String,
    call_time_max: Duration,
}

impl SqsLanes {
    /// Connects, and checks that the queue is there and is as lanes need it: FIFO, with high throughput.
    ///
    /// # Errors
    /// [`LaneError::Unusable`] with a sentence when the queue or the credentials are wrong,
    /// [`LaneError::Unavailable`] when SQS does not answer.
    pub async fn open(options: &SqsOptions) -> Result<Self, LaneError> {
        let client = options.client().await?;
        let lanes = Self { client, queue_url: options.queue_url.clone(), call_time_max: options.call_time_max };
        queues::check(&lanes.client, &lanes.queue_url).await?;
        Ok(lanes)
    }

    async fn send_batch(&self, messages: Vec<LaneMessage>) -> Vec<Result<(), SendError>> {
        let count = messages.len();
        let bytes: usize = messages.iter().map(|message| message.body.len()).sum();
        if count > BATCH_MAX || bytes > BODY_BYTES_MAX {
            let text = format!(
                "{count} messages of {bytes} bytes in a call; {BATCH_MAX} of {BODY_BYTES_MAX} bytes are the most"
            );
            return vec![Err(SendError::Refused(text)); count];
        }
        let mut answers = Vec::with_capacity(count);
        let mut entries = Vec::with_capacity(count);
        for (index, message) in messages.into_iter().enumerate() {
            match entries::of_message(index, message) {
                Ok(entry) => {
                    entries.push(entry);
                    answers.push(Err(SendError::Unknown("SQS did not say what came of it".to_owned())));
                }
                Err(reason) => answers.push(Err(SendError::Refused(reason))),
            }
        }
        if entries.is_empty() {
            return answers;
        }
        let call = self.client.send_message_batch().queue_url(&self.queue_url).set_entries(Some(entries)).send();
        match measured("send", call).await {
            Ok(output) => {
                for entry in output.successful() {
                    entries::answer(&mut answers, entry.id(), Ok(()));
                }
                for entry in output.failed() {
                    entries::answer(&mut answers, entry.id(), Err(failure::of_sent_entry(entry)));
                }
            }
            Err(error) => {
                let error = failure::of_send(&error);
                let is_open = |answer: &&mut Result<(), SendError>| matches!(answer, Err(SendError::Unknown(_)));
                answers.iter_mut().filter(is_open).for_each(|answer| *answer = Err(error.clone()));
            }
        }
        answers
    }

    async fn extend_batch(&self, handles: &[Handle], visibility: Duration) -> Vec<Result<(), LaneError>> {
        let entry = |(index, handle): (usize, &Handle)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(&handle.0)
                .visibility_timeout(whole_seconds(visibility, VISIBILITY_MAX))
                .build()
                .expect("id and handle are given")
        };
        let entries = handles.iter().enumerate().map(entry).collect();
        let call =
            self.client.change_message_visibility_batch().queue_url(&self.queue_url).set_entries(Some(entries)).send();
        match measured("extend", call).await {
            Ok(output) => {
                let done = output.successful().iter().map(|entry| entry.id());
                entries::answers(handles.len(), done, output.failed())
            }
            Err(error) => vec![Err(failure::of_call(&error)); handles.len()],
        }
    }

    async fn delete_batch(&self, handles: &[Handle]) -> Vec<Result<(), LaneError>> {
        let entry = |(index, handle): (usize, &Handle)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(&handle.0)
                .build()
                .expect("id and handle are given")
        };
        let entries = handles.iter().enumerate().map(entry).collect();
        let call = self.client.delete_message_batch().queue_url(&self.queue_url).set_entries(Some(entries)).send();
        match measured("delete", call).await {
            Ok(output) => {
                let done = output.successful().iter().map(|entry| entry.id());
                entries::answers(handles.len(), done, output.failed())
            }
            Err(error) => vec![Err(failure::of_call(&error)); handles.len()],
        }
    }
}

#[async_trait]
impl Lanes for SqsLanes {
    async fn send(&self, messages: Vec<LaneMessage>) -> Vec<Result<(), SendError>> {
        self.send_batch(messages).await
    }

    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Delivery>, LaneError> {
        let wait_seconds = whole_seconds(wait, WAIT_MAX);
        let call_time_max = self.call_time_max + Duration::from_secs(wait_seconds.unsigned_abs().into());
        let timeouts = TimeoutConfig::builder().operation_timeout(call_time_max).build();
        let call = self
            .client
            .receive_message()
            .queue_url(&self.queue_url)
            .max_number_of_messages(max.clamp(1, BATCH_MAX) as i32)
            .wait_time_seconds(wait_seconds)
            .visibility_timeout(whole_seconds(visibility, VISIBILITY_MAX))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::MessageDeduplicationId)
            .message_system_attribute_names(MessageSystemAttributeName::MessageGroupId)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .customize()
            .config_override(aws_sdk_sqs::config::Builder::new().timeout_config(timeouts))
            .send();
        let output = measured("receive", call).await.map_err(|error| failure::of_call(&error))?;
        Ok(output.messages.unwrap_or_default().into_iter().filter_map(entries::to_delivery).collect())
    }

    async fn extend(&self, handles: &[Handle], visibility: Duration) -> Vec<Result<(), LaneError>> {
        let mut answers = Vec::with_capacity(handles.len());
        for some in handles.chunks(BATCH_MAX) {
            answers.extend(self.extend_batch(some, visibility).await);
        }
        answers
    }

    async fn delete(&self, handles: &[Handle]) -> Vec<Result<(), LaneError>> {
        let mut answers = Vec::with_capacity(handles.len());
        for some in handles.chunks(BATCH_MAX) {
            answers.extend(self.delete_batch(some).await);
        }
        answers
    }

    async fn backlog(&self) -> Result<Backlog, LaneError> {
        let waiting = QueueAttributeName::ApproximateNumberOfMessages;
        let in_flight = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let attributes =
            queues::attributes(&self.client, &self.queue_url, [waiting.clone(), in_flight.clone()]).await?;
        let number = |name: &QueueAttributeName| {
            attributes.get(name).and_then(|text| text.parse().ok()).ok_or_else(|| {
                LaneError::Unavailable(format!("SQS does not say how much waits: there is no {name} in its answer"))
            })
        };
        Ok(Backlog { waiting: number(&waiting)?, in_flight: number(&in_flight)? })
    }
}

/// Rounded up, so that only zero is zero.
fn whole_seconds(duration: Duration, max: Duration) -> i32 {
    let duration = duration.min(max);
    i32::try_from(duration.as_secs() + u64::from(duration.subsec_nanos() > 0)).unwrap_or(i32::MAX)
}

async fn measured<T, E>(call: &'static str, future: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let since = Instant::now();
    let answer = future.await;
    let result = if answer.is_ok() { "answered" } else { "failed" };
    metrics::histogram!("sqs_call_duration_seconds", "call" => call, "result" => result)
        .record(since.elapsed().as_secs_f64());
    answer
}

impl fmt::Debug for SqsLanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqsLanes").field("queue_url", &self.queue_url).finish_non_exhaustive()
    }
}
