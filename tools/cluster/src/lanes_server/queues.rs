//! Queues by name, and the attributes with which they were made.

use super::{CallFailure, LanesServerOptions};
use emporion_ports::lanes::{DedupScope, FifoFaults, FifoOptions, InProcessLanes};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Emulators have one account.
const ACCOUNT: &str = "000000000000";
/// SQS's bound for a message and for a batch, in bytes of text.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// What a queue is like that was not told otherwise.
const DEFAULTS: [(&str, &str); 7] = [
    ("DeduplicationScope", "queue"),
    ("DelaySeconds", "0"),
    ("FifoThroughputLimit", "perQueue"),
    ("MaximumMessageSize", "1048576"),
    ("MessageRetentionPeriod", "345600"),
    ("ReceiveMessageWaitTimeSeconds", "0"),
    ("VisibilityTimeout", "30"),
];

pub(super) type Attributes = BTreeMap<String, String>;

/// All queues of a server.
pub(super) struct Queues {
    endpoint: String,
    options: LanesServerOptions,
    by_name: Mutex<BTreeMap<String, Arc<Queue>>>,
}

/// A queue, and what was said of it when it was made.
pub(super) struct Queue {
    pub(super) name: String,
    pub(super) attributes: Attributes,
    pub(super) lanes: Arc<InProcessLanes>,
    /// Where messages go that were delivered too often.
    pub(super) dead: Option<Arc<InProcessLanes>>,
}

/// After how many deliveries a message goes where.
struct Redrive {
    deliveries_max: u32,
    dead: Arc<InProcessLanes>,
}

impl Queues {
    pub(super) fn new(endpoint: String, options: LanesServerOptions) -> Self {
        Self { endpoint, options, by_name: Mutex::default() }
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(super) fn url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.endpoint)
    }

    /// The queue of this name, or of the URL that ends in it.
    pub(super) fn find(&self, url: &str) -> Result<Arc<Queue>, CallFailure> {
        let name = url.rsplit('/').next().unwrap_or(url);
        let found = self.by_name.lock().get(name).cloned();
        found.ok_or_else(|| CallFailure::new("QueueDoesNotExist", format!("there is no queue {name:?} here")))
    }

    /// A queue as lanes need it.
    pub(super) fn create_for_lanes(&self, name: &str) -> Result<Arc<Queue>, CallFailure> {
        let attributes = [
            ("FifoQueue", "true"),
            ("DeduplicationScope", "messageGroup"),
            ("FifoThroughputLimit", "perMessageGroupId"),
        ];
        self.create(name, attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }

    /// Makes a queue; one that exists already must not be otherwise.
    pub(super) fn create(&self, name: &str, attributes: Attributes) -> Result<Arc<Queue>, CallFailure> {
        check(name, &attributes)?;
        let redrive = attributes.get("RedrivePolicy").map(|policy| self.redrive(policy)).transpose()?;
        let mut by_name = self.by_name.lock();
        if let Some(queue) = by_name.get(name) {
            let is_same = attributes.iter().all(|(name, value)| queue.attributes.get(name) == Some(value));
            return if is_same {
                Ok(Arc::clone(queue))
            } else {
                Err(CallFailure::new("QueueNameExists", format!("the queue {name} exists with other attributes")))
            };
        }
        let queue = Arc::new(self.queue(name, attributes, redrive));
        by_name.insert(name.to_owned(), Arc::clone(&queue));
        Ok(queue)
    }

    fn queue(&self, name: &str, given: Attributes, redrive: Option<Redrive>) -> Queue {
        let mut attributes: Attributes = DEFAULTS.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        attributes.extend(given);
        attributes.insert("QueueArn".to_owned(), format!("{}{name}", arn_prefix()));
        let is_by_lane = attributes.get("DeduplicationScope").is_some_and(|scope| scope == "messageGroup");
        let (deliveries_max, dead) = redrive.map(|redrive| (redrive.deliveries_max, redrive.dead)).unzip();
        let options = FifoOptions {
            dedup_scope: if is_by_lane { DedupScope::Lane } else { DedupScope::Queue },
            body_bytes_max: MESSAGE_BYTES_MAX,
            deliveries_max,
            calls_per_second: self.options.calls_per_second,
            seed: 0,
        };
        let lanes = Arc::new(InProcessLanes::new(Arc::clone(&self.options.clock), options));
        lanes.set_faults(FifoFaults { latency: self.options.latency, ..FifoFaults::default() });
        Queue { name: name.to_owned(), attributes, lanes, dead }
    }

    /// `{"deadLetterTargetArn":"…","maxReceiveCount":"3"}`, the count as a text or a number.
    fn redrive(&self, policy: &str) -> Result<Redrive, CallFailure> {
        let wrong = || CallFailure::wrong(format!("RedrivePolicy is {policy}, which names no queue here and no count"));
        let policy: Value = serde_json::from_str(policy).map_err(|_| wrong())?;
        let count = &policy["maxReceiveCount"];
        let count = count.as_u64().or_else(|| count.as_str()?.parse().ok()).and_then(|count| u32::try_from(count).ok());
        let deliveries_max = count.filter(|count| *count > 0).ok_or_else(wrong)?;
        let name = policy["deadLetterTargetArn"].as_str().and_then(|arn| arn.strip_prefix(&arn_prefix()));
        let dead = Arc::clone(&self.find(name.ok_or_else(wrong)?)?.lanes);
        Ok(Redrive { deliveries_max, dead })
    }
}

fn arn_prefix() -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:")
}

fn check(name: &str, attributes: &Attributes) -> Result<(), CallFailure> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if name.len() > 80 || !name.strip_suffix(".fifo").is_some_and(is_name) {
        return Err(CallFailure::wrong(format!(
            "{name:?} is no name of a FIFO queue: at most 80 letters, digits, - and _ that end in .fifo"
        )));
    }
    if attributes.get("FifoQueue").is_none_or(|value| value != "true") {
        return Err(CallFailure::wrong(format!("the queue {name} is not FIFO; there are only FIFO queues here")));
    }
    Ok(())
}
