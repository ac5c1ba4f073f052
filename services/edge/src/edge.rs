//! The way of a request to its handler and of the outcome back: count, read, authenticate; then headers and
//! metrics.

use crate::auth::SignedRequest;
use crate::limits::LimitsOptions;
use crate::request::Transport;
use crate::respond::{V1Failure, error_response};
use crate::{Authenticator, Caller, Clock, Limits, Peer, Readiness, Request, client_address, metrics};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use emporion_api::paths::Weight;
use emporion_api::signing::API_KEY_HEADER;
use emporion_api::{ApiError, Code, Endpoint, Params, TimeUnit, v1};
use emporion_model::TimeUs;
use emporion_ports::counts::RequestCounts;
use emporion_ports::keys::KeyDirectory;
use emporion_ports::users::IpRule;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

const API_KEY: HeaderName = HeaderName::from_static(API_KEY_HEADER);
const USED_WEIGHT: HeaderName = HeaderName::from_static("x-mbx-used-weight");
const USED_WEIGHT_1M: HeaderName = HeaderName::from_static("x-mbx-used-weight-1m");

/// What a request for something that does not exist weighs.
pub(crate) const STRAY_WEIGHT: u32 = 1;

/// How a process treats its requests.
#[derive(Clone)]
pub struct EdgeOptions {
    /// Request limits.
    pub limits: LimitsOptions,
    /// Where requests are counted together with other processes; `None`: this process is the only one.
    pub shared_counts: Option<Arc<dyn RequestCounts>>,
    /// The proxies in front of the process whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpRule>,
    /// The largest body, in bytes.
    pub body_bytes_max: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
}

impl Default for EdgeOptions {
    fn default() -> Self {
        Self {
            limits: LimitsOptions::default(),
            shared_counts: None,
            trusted_proxies: Vec::new(),
            body_bytes_max: 64 * 1024,
            body_timeout: Duration::from_secs(10),
        }
    }
}

/// What all requests of a process share.
pub struct Edge {
    options: EdgeOptions,
    limits: Limits,
    authenticator: Authenticator,
    readiness: Readiness,
    clock: Clock,
}

/// A request on its way; goes back to [`Edge::conclude`] with the outcome.
pub(crate) struct Ticket {
    endpoint: Option<&'static Endpoint>,
    is_v1: bool,
    started: Instant,
    pub(crate) address: IpAddr,
    pub(crate) began_at: TimeUs,
    used_weight: u32,
    weight_on_failure: u32,
}

/// A request that may be served, and who signed it if its endpoint asks for that.
pub(crate) type Admitted = (Request, Option<Caller>);

impl Edge {
    /// Made once per process.
    pub fn new(
        options: EdgeOptions,
        directory: Arc<dyn KeyDirectory>,
        readiness: Readiness,
        clock: Clock,
    ) -> Arc<Self> {
        metrics::describe();
        let mut limits = Limits::new(options.limits.clone());
        if let Some(counts) = &options.shared_counts {
            limits = limits.shared(counts.clone());
        }
        Arc::new(Self { options, limits, authenticator: Authenticator::new(directory), readiness, clock })
    }

    /// The request limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether the process wants requests.
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// What tells the time here.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What checks signatures.
    pub(crate) fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// Counts, reads and authenticates a request for `endpoint`.
    pub(crate) async fn admit(
        &self,
        endpoint: &'static Endpoint,
        request: axum::extract::Request,
    ) -> (Ticket, Result<Admitted, ApiError>) {
        let mut ticket = self.ticket(Some(endpoint), &request);
        let (head, body) = request.into_parts();
        let read = self.read(endpoint, ticket.address, head, body).await;
        let (weight, weight_on_failure) = weigh(endpoint, read.as_ref().ok().map(|request| &request.params));
        ticket.weight_on_failure = weight_on_failure;
        if let Err(refusal) = self.charge(&mut ticket, weight).await {
            return (ticket, Err(refusal));
        }
        let admitted = match read {
            Ok(request) => self.authenticate(request).await,
            Err(error) => Err(error),
        };
        (ticket, admitted)
    }

    /// Counts a request for a WebSocket: its weight, and one attempt to connect.
    pub(crate) async fn admit_socket(&self, ticket: &mut Ticket, weight: u32) -> Result<(), ApiError> {
        let charge = self.limits.charge_connection(ticket.address, weight, ticket.began_at).await;
        ticket.used_weight = charge.used_weight;
        charge.verdict
    }

    /// Counts a request for something that does not exist.
    pub(crate) async fn admit_stray(&self, ticket: &mut Ticket) -> Result<(), ApiError> {
        self.charge(ticket, STRAY_WEIGHT).await
    }

    /// Turns the outcome into the answer.
    pub(crate) async fn conclude(&self, ticket: Ticket, outcome: Result<Response, ApiError>) -> Response {
        let mut used_weight = ticket.used_weight;
        if outcome.is_err() && ticket.weight_on_failure > 0 {
            used_weight = self.limits.add(ticket.address, ticket.weight_on_failure, ticket.began_at).await;
        }
        let mut response = outcome.unwrap_or_else(|error| {
            if ticket.is_v1 { V1Failure(v1::Error::from(&error)).into_response() } else { error_response(&error) }
        });
        if ticket.is_v1 {
            // Many of these answers hold secrets: no cache may keep one.
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        let used_weight = HeaderValue::from(used_weight);
        response.headers_mut().insert(USED_WEIGHT, used_weight.clone());
        response.headers_mut().insert(USED_WEIGHT_1M, used_weight);
        metrics::answered(ticket.endpoint, response.status(), ticket.started.elapsed());
        response
    }

    /// What is known of a request before anything of it is counted.
    pub(crate) fn ticket(&self, endpoint: Option<&'static Endpoint>, request: &axum::extract::Request) -> Ticket {
        let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
        Ticket {
            endpoint,
            is_v1: request.uri().path().starts_with("/v1/"),
            started: Instant::now(),
            address: client_address(peer, request.headers(), &self.options.trusted_proxies),
            began_at: self.clock.now(),
            used_weight: 0,
            weight_on_failure: 0,
        }
    }

    async fn charge(&self, ticket: &mut Ticket, weight: u32) -> Result<(), ApiError> {
        let charge = self.limits.charge(ticket.address, weight, ticket.began_at).await;
        ticket.used_weight = charge.used_weight;
        charge.verdict
    }

    async fn read(
        &self,
        endpoint: &'static Endpoint,
        address: IpAddr,
        head: http::request::Parts,
        body: Body,
    ) -> Result<Request, ApiError> {
        let body = self.read_body(&head.headers, body).await?;
        let time_unit = head.headers.get(TimeUnit::HEADER).map(|value| TimeUnit::parse(value.as_bytes()));
        let form: &[u8] = if endpoint.takes_form() { &body } else { &[] };
        let params = Params::parse(head.uri.query().unwrap_or_default().as_bytes(), form)?;
        Ok(Request {
            transport: Transport::Http,
            endpoint,
            params,
            address,
            received_at: self.clock.now(),
            time_unit: time_unit.transpose()?.unwrap_or_default(),
            uri: head.uri,
            headers: head.headers,
            body,
        })
    }

    /// The whole body. Its length must be stated: with one way to say where a request ends, no two servers on
    /// the way can disagree about it. It also bounds what is read here.
    async fn read_body(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
        if headers.contains_key(header::TRANSFER_ENCODING) {
            return Err(ApiError::length_required());
        }
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        if body.size_hint().lower() > self.options.body_bytes_max as u64 {
            return Err(ApiError::body_too_large());
        }
        match tokio::time::timeout(self.options.body_timeout, body.collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(_)) => Err(Code::MandatoryParam.into()),
            Err(_) => Err(ApiError::body_too_slow()),
        }
    }

    async fn authenticate(&self, request: Request) -> Result<Admitted, ApiError> {
        let security = request.endpoint.security;
        if !security.is_signed() {
            return Ok((request, None));
        }
        let signed = SignedRequest {
            api_key: request.headers.get(API_KEY).map(HeaderValue::as_bytes),
            address: request.address,
            query: request.raw_query().as_bytes(),
            body: &request.body,
            params: &request.params,
            received_at: request.received_at,
        };
        let caller = self.authenticator.authenticate(security, signed).await?;
        Ok((request, Some(caller)))
    }
}

/// What a request with these parameters weighs at once, and what it weighs in addition when it fails.
pub(crate) fn weigh(endpoint: &Endpoint, params: Option<&Params>) -> (u32, u32) {
    match endpoint.weight {
        Weight::Fixed(weight) => (weight, 0),
        Weight::OnFailure(weight) => (0, weight),
        Weight::By(weight) => (params.map_or_else(|| weight(&Params::default()), weight), 0),
    }
}
