//! What a queue must be like, and making one.

use crate::failure;
use crate::options::SqsOptions;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use emporion_ports::lanes::{BODY_BYTES_MAX, LaneError};
use std::collections::HashMap;
use std::time::Duration;

/// SQS's own bound for a message and for a batch, in bytes.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// A message that was received fewer times than this is no poison: a sequencer that is restarted again and again
/// receives it again and again.
const RECEIVES_MIN: u32 = 100;

/// A queue to be made, for clusters and tests; on AWS queues are made by whoever makes the network.
#[derive(Clone, Debug)]
pub struct NewQueue {
    /// Its name, which ends in `.fifo`.
    pub name: String,
    /// How long a delivery is kept where a receive does not say it.
    pub visibility: Duration,
    /// How long a message is kept that nobody deletes: 60 s to 14 days.
    pub retention: Duration,
    /// After how many deliveries a message is moved to the queue of the same name that ends in `-dead.fifo`, which is
    /// made too; `None`: never.
    pub receives_max: Option<u32>,
}

impl NewQueue {
    /// A queue as the venue wants it: four days, a thousand deliveries.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            visibility: Duration::from_secs(10),
            retention: Duration::from_secs(4 * 24 * 3600),
            receives_max: Some(1000),
        }
    }

    /// The name of the queue for what was delivered too often.
    pub fn dead_name(&self) -> String {
        format!("{}-dead.fifo", self.name.trim_end_matches(".fifo"))
    }
}

/// Makes a FIFO queue with high throughput, and gives its URL; one that exists already must be the same.
///
/// Of `options` the URL may be anything that begins with `http://`.
pub async fn create_queue(options: &SqsOptions, queue: &NewQueue) -> Result<String, LaneError> {
    let client = options.client().await?;
    let redrive = match queue.receives_max {
        Some(receives_max) => {
            let dead = create(&client, &queue.dead_name(), queue, None).await?;
            let attributes = attributes(&client, &dead, [Attribute::QueueArn]).await?;
            let arn = attributes.get(&Attribute::QueueArn).cloned().unwrap_or_default();
            Some(format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"{receives_max}"}}"#))
        }
        None => None,
    };
    create(&client, &queue.name, queue, redrive).await
}

async fn create(client: &Client, name: &str, queue: &NewQueue, redrive: Option<String>) -> Result<String, LaneError> {
    let call = client
        .create_queue()
        .queue_name(name)
        .attributes(Attribute::FifoQueue, "true")
        .attributes(Attribute::DeduplicationScope, "messageGroup")
        .attributes(Attribute::FifoThroughputLimit, "perMessageGroupId")
        .attributes(Attribute::MaximumMessageSize, MESSAGE_BYTES_MAX.to_string())
        .attributes(Attribute::VisibilityTimeout, queue.visibility.as_secs().to_string())
        .attributes(Attribute::MessageRetentionPeriod, queue.retention.as_secs().to_string());
    let call = match redrive {
        Some(policy) => call.attributes(Attribute::RedrivePolicy, policy),
        None => call,
    };
    let output = call.send().await.map_err(|error| match failure::of_call(&error) {
        LaneError::Unavailable(text) | LaneError::Unusable(text) => {
            LaneError::Unusable(format!("the queue {name} cannot be made: {text}"))
        }
        error => error,
    })?;
    output.queue_url.ok_or_else(|| LaneError::Unavailable(format!("SQS does not give the URL of the queue {name}")))
}

pub(crate) async fn attributes(
    client: &Client,
    queue_url: &str,
    names: impl IntoIterator<Item = Attribute>,
) -> Result<HashMap<Attribute, String>, LaneError> {
    let names = names.into_iter().collect();
    let call = client.get_queue_attributes().queue_url(queue_url).set_attribute_names(Some(names)).send();
    let output = crate::measured("attributes", call).await.map_err(|error| failure::of_call(&error))?;
    Ok(output.attributes.unwrap_or_default())
}

/// Refuses a queue that would mix up orders or be too slow for them.
pub(crate) async fn check(client: &Client, queue_url: &str) -> Result<(), LaneError> {
    let attributes = attributes(client, queue_url, [Attribute::All]).await.map_err(|error| match error {
        LaneError::Unusable(text) => LaneError::Unusable(format!(
            "the queue {queue_url} cannot be used: {text}; see sqs.url and the credentials"
        )),
        LaneError::Unavailable(text) => {
            LaneError::Unavailable(format!("the queue {queue_url} does not answer: {text}"))
        }
        error => error,
    })?;
    let attribute = |name: Attribute| attributes.get(&name).map_or("", String::as_str);
    check_attributes(attribute).map_err(|text| LaneError::Unusable(format!("the queue {queue_url} {text}")))?;
    if let Some(receives_max) = receives_max(attribute(Attribute::RedrivePolicy))
        && receives_max < RECEIVES_MIN
    {
        tracing::warn!(
            receives_max,
            "The queue sets commands aside after few deliveries; a maxReceiveCount of 1000 lets them outlive restarts"
        );
    }
    Ok(())
}

fn check_attributes<'a>(attribute: impl Fn(Attribute) -> &'a str) -> Result<(), String> {
    if attribute(Attribute::FifoQueue) != "true" {
        return Err("is not FIFO, so orders would overtake each other: make one whose name ends in .fifo".to_owned());
    }
    for (name, wanted) in
        [(Attribute::DeduplicationScope, "messageGroup"), (Attribute::FifoThroughputLimit, "perMessageGroupId")]
    {
        let found = attribute(name.clone());
        if found != wanted {
            return Err(format!("has no high throughput: {name} is {found:?}; set it to {wanted}"));
        }
    }
    let found = attribute(Attribute::MaximumMessageSize);
    let needed = BODY_BYTES_MAX.div_ceil(3) * 4;
    if found.parse().is_ok_and(|bytes: usize| bytes < needed) {
        return Err(format!("takes messages of at most {found} bytes: set MaximumMessageSize to {MESSAGE_BYTES_MAX}"));
    }
    Ok(())
}

/// `maxReceiveCount` of a redrive policy, which comes as a number or a text.
fn receives_max(policy: &str) -> Option<u32> {
    let (_, rest) = policy.split_once("\"maxReceiveCount\"")?;
    let digits = rest.trim_start_matches([' ', ':', '"']);
    digits.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_attribute_is_named_with_what_it_should_be() {
        let good = |name: &Attribute| match name {
            Attribute::FifoQueue => "true",
            Attribute::DeduplicationScope => "messageGroup",
            Attribute::FifoThroughputLimit => "perMessageGroupId",
            Attribute::MaximumMessageSize => "1048576",
            _ => "",
        };
        assert_eq!(check_attributes(|name| good(&name)), Ok(()));
        for (wrong, value, says) in [
            (Attribute::FifoQueue, "", ".fifo"),
            (Attribute::DeduplicationScope, "queue", "messageGroup"),
            (Attribute::FifoThroughputLimit, "perQueue", "perMessageGroupId"),
            (Attribute::MaximumMessageSize, "262144", "1048576"),
        ] {
            let text = check_attributes(|name| if name == wrong { value } else { good(&name) }).unwrap_err();
            assert!(text.contains(says), "{text}");
        }
    }

    #[test]
    fn the_receives_of_a_redrive_policy_are_a_number_or_a_text() {
        assert_eq!(receives_max(r#"{"deadLetterTargetArn":"arn:x","maxReceiveCount":"3"}"#), Some(3));
        assert_eq!(receives_max(r#"{"maxReceiveCount": 1000, "deadLetterTargetArn":"arn:x"}"#), Some(1000));
        assert_eq!(receives_max(""), None);
    }
}
