//! One client's connection to the streams: what its address opened, and what it asks afterwards.

use super::control::{self, Outcome, Refusal, Request};
use super::event::Shape;
use super::hub::{Hub, Membership};
use super::name::Stream;
use async_trait::async_trait;
use emporion_api::{ApiError, Params, TimeUnit};
use emporion_edge::socket::{Opening, Outbox, Session};
use http::Uri;
use std::collections::BTreeSet;

/// The most streams of one connection.
pub(super) const STREAMS_MAX: usize = 1_024;

/// A connection's session. What its client gets is in the hub; it ends with the session.
pub(super) struct StreamSession {
    membership: Membership,
}

impl StreamSession {
    /// The session of a connection to `/ws`, to `/ws/` and names, or to `/stream` with names in its query.
    ///
    /// Names of which there is no stream are passed over in silence: CCXT opens `/ws/0`. Refused are a unit of time
    /// that is none (-1194), text that cannot be decoded, and more streams than a connection may have (-1101).
    pub(super) fn open(hub: &Hub, opening: &Opening, outbox: Outbox, shape: Shape) -> Result<Self, ApiError> {
        let address = Address::read(&opening.uri, shape)?;
        if address.streams.len() > STREAMS_MAX {
            return Err(ApiError::too_many_parameters(STREAMS_MAX, address.streams.len()));
        }
        let mut membership = hub.join(outbox, address.unit, shape);
        for stream in address.streams {
            membership.subscribe(stream);
        }
        Ok(Self { membership })
    }

    fn serve(&mut self, request: Request) -> Result<Outcome, Refusal> {
        match request {
            Request::Subscribe(names) => self.subscribe(&names)?,
            Request::Unsubscribe(names) => self.unsubscribe(&names),
            Request::ListSubscriptions => {
                return Ok(Outcome::Streams(self.membership.streams().iter().map(Stream::to_string).collect()));
            }
            Request::SetShape(shape) => self.membership.set_shape(shape),
            Request::GetShape => return Ok(Outcome::IsCombined(self.membership.shape() == Shape::Combined)),
        }
        Ok(Outcome::Done)
    }

    /// Names of which there is no stream are passed over, as Binance does it: clients ask for streams that are newer
    /// than we are. What nobody would call a name is refused, also as there. All or nothing is subscribed.
    fn subscribe(&mut self, names: &[String]) -> Result<(), Refusal> {
        let is_name = |name: &String| !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control());
        if !names.iter().all(is_name) {
            return Err(Refusal::INVALID_STREAM);
        }
        let streams: BTreeSet<_> = names.iter().filter_map(|name| Stream::parse(name)).collect();
        if self.membership.streams().union(&streams).count() > STREAMS_MAX {
            return Err(Refusal::TOO_MANY);
        }
        for stream in streams {
            self.membership.subscribe(stream);
        }
        Ok(())
    }

    fn unsubscribe(&mut self, names: &[String]) {
        for stream in names.iter().filter_map(|name| Stream::parse(name)) {
            self.membership.unsubscribe(stream);
        }
    }
}

#[async_trait]
impl Session for StreamSession {
    async fn receive(&mut self, text: &str) {
        let answer = control::answer(text, |request| self.serve(request));
        self.membership.answer(answer.into());
    }
}

/// What a connection's address asks for.
struct Address {
    streams: BTreeSet<Stream>,
    unit: TimeUnit,
}

impl Address {
    fn read(uri: &Uri, shape: Shape) -> Result<Self, ApiError> {
        let query = Params::parse(uri.query().unwrap_or_default().as_bytes(), b"")?;
        let streams = match shape {
            Shape::Raw => parse_names(&path_names(uri)?),
            // No name has a space, so it was the plus sign of a time zone, which somebody forgot to escape.
            Shape::Combined => parse_names(&query.get("streams").unwrap_or_default().replace(' ', "+")),
        };
        let unit = query.get("timeUnit").map(|unit| TimeUnit::parse(unit.as_bytes())).transpose()?;
        Ok(Self { streams, unit: unit.unwrap_or_default() })
    }
}

/// The names in a path, decoded as a parameter is; only there, a plus sign means itself.
fn path_names(uri: &Uri) -> Result<String, ApiError> {
    let names = uri.path().strip_prefix("/ws/").unwrap_or_default();
    let parameter = format!("streams={}", names.replace('+', "%2B").replace('&', "%26"));
    let decoded = Params::parse(parameter.as_bytes(), b"")?;
    Ok(decoded.get("streams").unwrap_or_default().to_owned())
}

fn parse_names(names: &str) -> BTreeSet<Stream> {
    names.split('/').filter_map(Stream::parse).collect()
}
