//! What happened in a stream, on its way to all who subscribed to it.

use super::name::Stream;
use emporion_api::TimeUnit;
use emporion_edge::socket::Utf8Bytes;
use std::cell::OnceCell;

/// How a subscriber wants events to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// As they are: `/ws`.
    Raw,
    /// Under the stream's name: `/stream`.
    Combined,
}

/// One event. It is encoded when the first subscriber needs it, once for each unit of time and each shape, and all
/// share the text.
pub(crate) struct StreamEvent {
    stream: Stream,
    is_lossless: bool,
    encode: Box<dyn Fn(TimeUnit) -> String + Send + Sync>,
    milliseconds: Texts,
    microseconds: Texts,
}

#[derive(Default)]
struct Texts {
    raw: OnceCell<Utf8Bytes>,
    combined: OnceCell<Utf8Bytes>,
}

impl StreamEvent {
    /// What happened in `stream`, which `encode` writes as JSON. It is called while the event is published, so it
    /// must not ask the hub anything.
    pub(crate) fn new(stream: Stream, encode: impl Fn(TimeUnit) -> String + Send + Sync + 'static) -> Self {
        Self {
            stream,
            is_lossless: !stream.is_conflated(),
            encode: Box::new(encode),
            milliseconds: Texts::default(),
            microseconds: Texts::default(),
        }
    }

    /// An event that no newer one replaces, although its stream has such: a kline's last.
    pub(crate) fn lossless(self) -> Self {
        Self { is_lossless: true, ..self }
    }

    /// Where it happened.
    pub(crate) fn stream(&self) -> Stream {
        self.stream
    }

    /// Whether every subscriber must get it.
    pub(crate) fn is_lossless(&self) -> bool {
        self.is_lossless
    }

    /// Its text; a clone shares the bytes.
    pub(crate) fn text(&self, unit: TimeUnit, shape: Shape) -> Utf8Bytes {
        let texts = match unit {
            TimeUnit::Millisecond => &self.milliseconds,
            TimeUnit::Microsecond => &self.microseconds,
        };
        let raw = texts.raw.get_or_init(|| (self.encode)(unit).into());
        let combined = || format!(r#"{{"stream":"{}","data":{raw}}}"#, self.stream).into();
        match shape {
            Shape::Raw => raw.clone(),
            Shape::Combined => texts.combined.get_or_init(combined).clone(),
        }
    }
}
