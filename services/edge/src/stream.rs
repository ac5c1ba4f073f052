//! A connection that notices when its client stalls.
//!
//! One timer per connection covers the wait for the first byte, the time for a request's header, the pause
//! between two requests, and a client that does not read its answers. hyper's own header timeout covers
//! pauses too and so cannot be short without cutting kept-alive connections.

use crate::request_line::RequestLine;
use crate::serve::ServeOptions;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// What a connection waits for. Shared between the socket, which sees bytes, and the service, which sees
/// requests begin and end.
#[derive(Clone)]
pub(crate) struct Phase {
    opened: Instant,
    /// When what is awaited must have come, in milliseconds since `opened`; see `SERVING` and `WAITING`.
    state: Arc<AtomicU64>,
}

/// A request is being served: the client may wait in silence.
const SERVING: u64 = u64::MAX;

/// Set in the state while not a byte of the next request has come.
const WAITING: u64 = 1 << 62;

impl Phase {
    fn new(opened: Instant, first_byte: Duration) -> Self {
        let phase = Self { opened, state: Arc::default() };
        phase.expect_within(first_byte, WAITING);
        phase
    }

    /// A request's header is complete.
    pub(crate) fn request_began(&self) {
        self.state.store(SERVING, Ordering::Relaxed);
    }

    /// A request is answered; the next one is awaited.
    pub(crate) fn request_ended(&self, idle: Duration) {
        self.expect_within(idle, WAITING);
    }

    /// Notes that bytes came; whether they are the first of a request.
    fn bytes_came(&self, header: Duration) -> bool {
        let state = self.state.load(Ordering::Relaxed);
        let are_first = state != SERVING && state & WAITING != 0;
        if are_first {
            self.expect_within(header, 0);
        }
        are_first
    }

    fn expect_within(&self, timeout: Duration, flag: u64) {
        let due = self.opened.elapsed() + timeout;
        self.state
            .store(u64::try_from(due.as_millis()).unwrap_or(WAITING - 1).min(WAITING - 1) | flag, Ordering::Relaxed);
    }

    fn deadline(&self) -> Option<Instant> {
        let state = self.state.load(Ordering::Relaxed);
        (state != SERVING).then(|| self.opened + Duration::from_millis(state & !WAITING))
    }
}

/// A socket with its timer.
pub(crate) struct TimedStream {
    socket: TcpStream,
    phase: Phase,
    header: Duration,
    write: Duration,
    request_line: RequestLine,
    /// Bytes that came but did not fit into the reader's buffer once escaped.
    leftover: Vec<u8>,
    read_timer: Pin<Box<Sleep>>,
    /// Only while the client does not take what we write.
    write_timer: Option<Pin<Box<Sleep>>>,
}

impl TimedStream {
    pub(crate) fn new(socket: TcpStream, options: &ServeOptions) -> Self {
        let opened = Instant::now();
        Self {
            socket,
            phase: Phase::new(opened, options.first_byte_timeout),
            header: options.header_timeout,
            write: options.write_timeout,
            request_line: RequestLine::default(),
            leftover: Vec::new(),
            read_timer: Box::pin(sleep_until(opened + options.first_byte_timeout)),
            write_timer: None,
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.clone()
    }

    /// Pending until the phase's deadline. The timer is moved only when it would fire too late, or when it
    /// fired too early: on a busy connection almost never.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let Some(deadline) = self.phase.deadline() else { return Poll::Pending };
        if deadline < self.read_timer.deadline() {
            self.read_timer.as_mut().reset(deadline);
        }
        loop {
            ready!(self.read_timer.as_mut().poll(cx));
            if self.read_timer.deadline() >= deadline {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            self.read_timer.as_mut().reset(deadline);
        }
    }

    /// Looks at the bytes that came into `buffer` behind `before`.
    fn look_at(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        if self.phase.bytes_came(self.header) {
            self.request_line.begin();
        }
        if let Some(escaped) = self.request_line.escaped(&buffer.filled()[before..]) {
            buffer.set_filled(before);
            self.leftover = escaped;
            self.put_leftover(buffer);
        }
    }

    fn put_leftover(&mut self, buffer: &mut ReadBuf<'_>) {
        let fitting = self.leftover.len().min(buffer.remaining());
        buffer.put_slice(&self.leftover[..fitting]);
        self.leftover.drain(..fitting);
    }

    fn poll_written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_timer = None;
            return written;
        }
        let timeout = self.write;
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + timeout)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.leftover.is_empty() {
            self.put_leftover(buffer);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let Poll::Ready(read) = Pin::new(&mut self.socket).poll_read(cx, buffer) else {
            return self.poll_deadline(cx).map(Err);
        };
        if buffer.filled().len() > before {
            self.look_at(buffer, before);
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.poll_written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, pieces);
        self.poll_written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    /// Also arms the timer: hyper flushes after each answer, and then does not look at the socket again until
    /// something wakes it.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(error) = self.poll_deadline(cx) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
