//! The life of one socket, in one task: what comes in, what goes out, and what ends it.

use super::farewell::farewell;
use super::outbox::KEPT_CAPACITY_MAX;
use super::pulse::Pulse;
use super::{Cut, Outbox, Session, SocketPolicy};
use crate::Clock;
use crate::metrics::{self, SocketCounts};
use crate::serve::ServeOptions;
use crate::stream::TimedStream;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

/// The largest message of a client, in bytes; no protocol here needs more.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Bytes read at once. Most connections send next to nothing, and there may be ten thousand.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Bytes gathered before they are written. Each connection keeps room for about twice as many.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;

/// What our own pings, pongs and frame headers may add to the bytes that wait.
const CONTROL_BYTES_MAX: usize = 4 * 1024;

/// How long a close frame may take to be written, and then the client to end its side.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The window in which a client's messages are counted.
const WINDOW: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<TimedStream>;

/// A socket whose request is answered; it begins once the answer is written.
pub(crate) struct Accepted {
    pub(super) upgrade: OnUpgrade,
    pub(super) session: Box<dyn Session>,
    pub(super) outbox: Outbox,
    pub(super) policy: SocketPolicy,
    /// As the path table has it.
    pub(super) path: &'static str,
    /// Whether messages are wrapped with the name of their stream.
    pub(super) is_combined: bool,
    pub(super) clock: Clock,
}

/// Why a connection ended.
enum End {
    /// We end it.
    Cut(Cut),
    /// The client ended it, or it broke.
    Gone,
}

impl Accepted {
    /// Lives through the socket's whole life.
    pub(crate) async fn run(self, options: &ServeOptions, draining: watch::Receiver<()>) {
        let Self { upgrade, session, outbox, policy, path, is_combined, clock } = self;
        let socket = match upgrade.await {
            Ok(upgraded) => socket(upgraded, policy).await,
            Err(error) => return tracing::debug!(%error, "a connection was gone before it became a socket"),
        };
        let counts = SocketCounts::opened(path);
        let pulse = Pulse::new(&options.socket);
        let (mut sink, mut frames) = socket.split();
        let end = tokio::select! {
            cut = outbox.cut_off() => End::Cut(cut),
            end = read(&mut frames, session, &pulse, policy.messages_per_second_max) => end,
            end = write(&mut sink, &outbox, &pulse, &clock, options.socket.ping_interval, &counts) => end,
            () = pulse.stopped() => End::Cut(Cut::NO_PONG),
            never = farewell(&outbox, &clock, is_combined, options, draining) => match never {},
        };
        // Whoever still pushes learns that nobody takes it.
        outbox.cut(Cut::RESTART);
        finish(frames.reunite(sink).expect("the halves of one socket"), end).await;
    }
}

async fn socket(upgraded: Upgraded, policy: SocketPolicy) -> Socket {
    let parts = upgraded.downcast::<TokioIo<TimedStream>>().expect("every connection here is such a stream");
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES + policy.outbox.bytes_max + CONTROL_BYTES_MAX)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let stream = parts.io.into_inner();
    WebSocketStream::from_partially_read(stream, parts.read_buf.to_vec(), Role::Server, Some(config)).await
}

/// Gives the session what the client sends. Pings and the close frame are answered by the stream itself, while
/// the next frame is awaited.
async fn read(
    frames: &mut SplitStream<Socket>,
    mut session: Box<dyn Session>,
    pulse: &Pulse,
    messages_max: Option<u32>,
) -> End {
    let mut window = Window::default();
    while let Some(frame) = frames.next().await {
        match frame {
            Err(error) => return error.into(),
            Ok(Message::Close(_)) => continue,
            Ok(Message::Binary(_)) => return End::Cut(Cut::BINARY),
            Ok(_) if messages_max.is_some_and(|max| window.count() > max) => return End::Cut(Cut::TOO_MANY),
            Ok(Message::Text(text)) => pulse.hold(session.receive(&text)).await,
            Ok(Message::Pong(payload)) => pulse.ponged(&payload),
            Ok(Message::Ping(_) | Message::Frame(_)) => {}
        }
    }
    End::Gone
}

/// Writes what is in the outbox, all that waits at once, and pings.
async fn write(
    sink: &mut SplitSink<Socket, Message>,
    outbox: &Outbox,
    pulse: &Pulse,
    clock: &Clock,
    ping_interval: Duration,
    counts: &SocketCounts,
) -> End {
    let mut texts = Vec::new();
    let mut pings = interval_at(Instant::now() + ping_interval, ping_interval);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let written = tokio::select! {
            taken = outbox.take(&mut texts) => match taken {
                Ok(()) => write_all(sink, &mut texts, counts).await,
                Err(cut) => return End::Cut(cut),
            },
            _ = pings.tick() => {
                let payload = Bytes::from(clock.now().millis().to_string());
                pulse.pinged(payload.clone());
                sink.send(Message::Ping(payload)).await
            }
        };
        if let Err(error) = written {
            return error.into();
        }
    }
}

async fn write_all(
    sink: &mut SplitSink<Socket, Message>,
    texts: &mut Vec<Utf8Bytes>,
    counts: &SocketCounts,
) -> Result<(), Error> {
    let (messages, mut bytes) = (texts.len(), 0);
    for text in texts.drain(..) {
        bytes += text.len();
        sink.feed(Message::Text(text)).await?;
    }
    if texts.capacity() > KEPT_CAPACITY_MAX {
        *texts = Vec::new();
    }
    sink.flush().await?;
    counts.sent(messages, bytes);
    Ok(())
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        match error {
            Error::Capacity(_) => Self::Cut(Cut::TOO_LARGE),
            Error::Utf8(_) => Self::Cut(Cut::NOT_UTF8),
            Error::WriteBufferFull(_) => Self::Cut(Cut::SLOW),
            Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => Self::Cut(Cut::STALLED),
            // What we still wanted to say when the client had closed, or the other way round.
            Error::Protocol(
                ProtocolError::ResetWithoutClosingHandshake
                | ProtocolError::SendAfterClosing
                | ProtocolError::ReceivedAfterClosing,
            ) => Self::Gone,
            Error::Protocol(_) => Self::Cut(Cut::PROTOCOL),
            error => {
                tracing::debug!(%error, "a socket broke");
                Self::Gone
            }
        }
    }
}

/// Says goodbye, if the client takes it, and closes.
async fn finish(mut socket: Socket, end: End) {
    let said = async {
        match end {
            End::Cut(cut) => {
                metrics::socket_cut(cut.reason);
                let frame = CloseFrame { code: cut.code.into(), reason: Utf8Bytes::from_static(cut.reason) };
                socket.close(Some(frame)).await
            }
            End::Gone => socket.flush().await,
        }
    };
    if let Ok(Ok(())) = timeout(CLOSE_TIMEOUT, said).await {
        let _ = timeout(CLOSE_TIMEOUT, read_to_end(socket.into_inner())).await;
    }
}

/// Reads what the client has still sent: a socket that is closed over unread bytes is reset, and the client then
/// never sees our last words.
async fn read_to_end(mut stream: TimedStream) {
    if stream.shutdown().await.is_ok() {
        let mut scratch = vec![0; READ_BUFFER_BYTES];
        while stream.read(&mut scratch).await.is_ok_and(|read| read > 0) {}
    }
}

/// Counts messages in windows that begin with their first message.
#[derive(Default)]
struct Window {
    began: Option<Instant>,
    messages: u32,
}

impl Window {
    /// Counts one more and gives how many this window has.
    fn count(&mut self) -> u32 {
        let now = Instant::now();
        if self.began.is_none_or(|began| now - began >= WINDOW) {
            *self = Self { began: Some(now), messages: 0 };
        }
        self.messages = self.messages.saturating_add(1);
        self.messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn messages_are_counted_by_the_second() {
        let mut window = Window::default();
        let mut counts = Vec::new();
        for milliseconds in [0, 999, 1, 500, 499, 1, 5_000] {
            tokio::time::advance(Duration::from_millis(milliseconds)).await;
            counts.push(window.count());
        }
        assert_eq!(counts, [1, 2, 1, 2, 3, 1, 1]);
    }
}
