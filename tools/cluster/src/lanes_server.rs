//! The lanes' twin over the network: queues in memory that speak SQS's protocol, AWS JSON 1.0 over HTTP/1.1.
//!
//! What lives here: connections. The calls of SQS that lanes need are in `calls`, queues and their attributes in
//! `queues`, the rules of a queue in the twin itself. Credentials are not looked at, nor are digests of bodies given,
//! and messages are not forgotten when their retention is over. What must not live here: what a message means.

mod calls;
mod dead;
mod failure;
mod queues;

use anyhow::{Context, Result};
use bytes::Bytes;
use emporion_ports::lanes::{ClockMs, InProcessLanes};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use queues::Queues;
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

pub use failure::CallFailure;

/// The most bytes of a call: a batch of SQS and its names.
const CALL_BYTES_MAX: usize = 4 * 1024 * 1024;

/// After a connection could not be accepted, as when there are no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the queues of a server are like.
#[derive(Clone)]
pub struct LanesServerOptions {
    /// Where to listen, such as `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// The time of the queues.
    pub clock: ClockMs,
    /// The quota of each kind of call for each queue; `None`: no quota.
    pub calls_per_second: Option<NonZeroU32>,
    /// Every call takes so long before it does anything.
    pub latency: Duration,
}

/// A server of queues in memory; it and its connections end when this is dropped.
pub struct LanesServer {
    queues: Arc<Queues>,
    accepting: AbortHandle,
}

impl LanesServer {
    /// Listens and serves, on the runtime that calls this.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub async fn start(options: LanesServerOptions) -> Result<Self> {
        let listen = options.listen;
        let listener = TcpListener::bind(listen).await.with_context(|| format!("{listen} cannot be listened on"))?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let queues = Arc::new(Queues::new(endpoint, options));
        let accepting = tokio::spawn(accept_all(listener, Arc::clone(&queues))).abort_handle();
        Ok(Self { queues, accepting })
    }

    /// Where it listens: `http://host:port`.
    pub fn endpoint(&self) -> &str {
        self.queues.endpoint()
    }

    /// Makes a queue with high throughput, unless it is there, and gives its URL.
    ///
    /// # Errors
    /// When its name is none, or a queue of this name was made otherwise.
    pub fn create(&self, name: &str) -> Result<String, CallFailure> {
        Ok(self.queues.url(&self.queues.create_for_lanes(name)?.name))
    }

    /// The queue of this name, to make it misbehave, or to tell it of a jump of its clock.
    pub fn lanes(&self, name: &str) -> Option<Arc<InProcessLanes>> {
        self.queues.find(name).ok().map(|queue| Arc::clone(&queue.lanes))
    }
}

impl Drop for LanesServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The connections end with this task.
async fn accept_all(listener: TcpListener, queues: Arc<Queues>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&queues)));
                }
                Err(_) => pause(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, queues: Arc<Queues>) {
    // Answers are small, and each is waited for.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(Arc::clone(&queues), request));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    // A connection that ends in the middle of a call is its client's affair.
    let _ = connection.await;
}

async fn answer(queues: Arc<Queues>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let call = target.strip_prefix("AmazonSQS.").unwrap_or_default().to_owned();
    let outcome = match Limited::new(request.into_body(), CALL_BYTES_MAX).collect().await {
        Ok(body) => calls::run(&queues, &call, &body.to_bytes()).await,
        Err(error) => Err(CallFailure::wrong(format!("the call cannot be read: {error}"))),
    };
    let response = Response::builder().header("content-type", "application/x-amz-json-1.0");
    let response = match outcome {
        Ok(answer) => response.body(Full::from(answer.to_string())),
        Err(failure) => response
            .status(failure.status())
            .header("x-amzn-query-error", failure.query_error())
            .body(Full::from(failure.body().to_string())),
    };
    Ok(response.expect("its status and headers are constants"))
}

#[expect(clippy::disallowed_methods, reason = "nobody tells when there are resources again")]
async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

impl fmt::Debug for LanesServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LanesServer").field("endpoint", &self.endpoint()).finish_non_exhaustive()
    }
}

impl fmt::Debug for LanesServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LanesServerOptions").field("listen", &self.listen).finish_non_exhaustive()
    }
}
