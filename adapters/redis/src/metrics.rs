//! What is counted about Redis. Labels are words of this crate, never names from outside.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::time::Duration;

/// Describes this crate's metrics to the recorder; once per process, after the recorder is installed.
pub fn describe() {
    describe_gauge!("redis_up", "Whether Redis answered when it was last asked: 1 or 0.");
    describe_counter!("redis_failures_total", "Calls to Redis that failed or took too long, by what they were for.");
    describe_histogram!(
        "feed_publish_seconds",
        Unit::Seconds,
        "From the hand-over of a batch until it is in the stream."
    );
    describe_counter!("feed_refills_total", "Batches that were brought into the stream out of the journal.");
    describe_counter!("feed_left_out_total", "Batches that were not handed over because the publisher was behind.");
    describe_counter!("feed_read_interruptions_total", "How often the reader of the stream lost its connection.");
    describe_counter!("signals_lost_total", "Signals that did not get as far as Redis.");
}

pub(crate) fn up(is_up: bool) {
    gauge!("redis_up").set(f64::from(u8::from(is_up)));
}

pub(crate) fn failed(what: &'static str) {
    counter!("redis_failures_total", "for" => what).increment(1);
}

pub(crate) fn published(took: Duration) {
    histogram!("feed_publish_seconds").record(took);
}

pub(crate) fn refilled(batches: usize) {
    counter!("feed_refills_total").increment(batches as u64);
}

pub(crate) fn left_out() {
    counter!("feed_left_out_total").increment(1);
}

pub(crate) fn read_interrupted() {
    counter!("feed_read_interruptions_total").increment(1);
}

pub(crate) fn signal_lost() {
    counter!("signals_lost_total").increment(1);
}
