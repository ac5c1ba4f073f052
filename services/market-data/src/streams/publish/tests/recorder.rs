//! An audience that writes down what it hears.

use crate::streams::event::{Shape, StreamEvent};
use crate::streams::name::Stream;
use crate::streams::publish::Audience;
use emporion_api::TimeUnit;
use emporion_model::{Interval, SymbolName};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Something told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) stream: Stream,
    pub(super) text: String,
    pub(super) is_lossless: bool,
}

#[derive(Clone, Default)]
pub(super) struct Recorder(Rc<Notes>);

#[derive(Default)]
struct Notes {
    wanted: RefCell<BTreeSet<Stream>>,
    newcomers: RefCell<BTreeSet<Stream>>,
    heard: RefCell<Vec<Heard>>,
}

impl Recorder {
    pub(super) fn want(&self, stream: Stream) {
        self.0.wanted.borrow_mut().insert(stream);
    }

    /// Lets another subscriber come to a stream, who is to be greeted.
    pub(super) fn come(&self, stream: Stream) {
        self.want(stream);
        if stream.has_present_value() {
            self.0.newcomers.borrow_mut().insert(stream);
        }
    }

    fn take_newcomers_where(&self, is_taken: impl Fn(&Stream) -> bool) -> BTreeSet<Stream> {
        let (taken, kept) = self.0.newcomers.take().into_iter().partition(is_taken);
        self.0.newcomers.replace(kept);
        taken
    }

    pub(super) fn leave(&self, stream: Stream) {
        self.0.wanted.borrow_mut().remove(&stream);
    }

    /// What was told since the last time, in milliseconds.
    pub(super) fn take(&self) -> Vec<Heard> {
        self.0.heard.take()
    }

    /// The texts of [`Recorder::take`].
    pub(super) fn texts(&self) -> Vec<String> {
        self.take().into_iter().map(|heard| heard.text).collect()
    }
}

impl Audience for Recorder {
    fn is_wanted(&self, stream: Stream) -> bool {
        self.0.wanted.borrow().contains(&stream)
    }

    fn wanted_klines(&self) -> Vec<(SymbolName, Interval, i32)> {
        self.0.wanted.borrow().iter().filter_map(|stream| stream.kline()).collect()
    }

    fn take_newcomers(&self) -> BTreeSet<Stream> {
        self.take_newcomers_where(|stream| stream.kline().is_none())
    }

    fn take_kline_newcomers(&self) -> BTreeSet<Stream> {
        self.take_newcomers_where(|stream| stream.kline().is_some())
    }

    fn publish(&self, event: StreamEvent) {
        assert!(self.is_wanted(event.stream()), "{} is told to nobody", event.stream());
        let text = event.text(TimeUnit::Millisecond, Shape::Raw).as_str().to_owned();
        self.0.heard.borrow_mut().push(Heard { stream: event.stream(), text, is_lossless: event.is_lossless() });
    }
}
