//! One connection of the server: the greeting, then requests in the order in which they come and answers in the order
//! in which they are ready.
//!
//! Each request's future is polled once before the next frame is taken, so commands are in the queue in the order in
//! which they were sent. What must not live here: what a request means.

use super::Server;
use super::links::Turn;
use crate::metrics::{self, Counted};
use crate::wire::{
    ANSWER_BYTES_MAX, Answer, Farewell, Frame, FrameError, FrameReader, Greeting, Hello, Kind, PROTOCOL,
    PROTOCOL_OLDEST, REQUEST_BYTES_MAX, Request, Text,
};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep_until, timeout};
use tokio_rustls::server::TlsStream;

/// Frames that wait for the socket. When it is full, the connection takes no further request until there is room.
const OUT_MAX: usize = 256;
/// How many of a client's ping times it may be silent. It lives while it pings.
const SILENT_TIMES: u32 = 3;

type Stream = TlsStream<TcpStream>;

pub(super) struct Connection {
    server: Arc<Server>,
    address: SocketAddr,
    draining: watch::Receiver<bool>,
    leading: Option<watch::Receiver<super::Leading>>,
}

/// What is under way for the peer.
struct Session {
    out: mpsc::Sender<Frame>,
    in_flight: FuturesUnordered<BoxFuture<'static, Frame>>,
    is_parting: bool,
}

/// Why a connection ended.
enum Ended {
    /// The peer broke off or broke the protocol.
    Frames(FrameError),
    /// The peer says nothing, or does not read.
    Silent,
    /// The peer opened a later connection.
    Replaced,
}

impl Connection {
    pub(super) fn new(server: Arc<Server>, address: SocketAddr, draining: watch::Receiver<bool>) -> Self {
        let leading = server.handlers.sequencer.as_ref().map(|door| door.leading.clone());
        Self { server, address, draining, leading }
    }

    /// Answers the peer until the connection ends.
    pub(super) async fn run(mut self, stream: Stream) {
        let _counted = Counted::connection("server");
        let (reader, mut writer) = tokio::io::split(stream);
        let mut frames = FrameReader::new(reader, REQUEST_BYTES_MAX);
        let greeting = timeout(self.server.options.connect_max, self.greet(&mut frames, &mut writer)).await;
        let mut turn = match greeting {
            Ok(Ok(Some(turn))) => turn,
            Ok(Ok(None)) => return,
            Ok(Err(error)) => {
                tracing::info!(address = %self.address, %error, "an internal peer ended before its greeting");
                return;
            }
            Err(_) => {
                tracing::info!(address = %self.address, "an internal peer did not greet in time");
                return;
            }
        };
        let ended = tokio::select! {
            ended = self.answer(frames, writer) => ended,
            () = is_over(&mut turn) => Ended::Replaced,
        };
        match ended {
            Ended::Frames(FrameError::Closed) => {}
            Ended::Frames(error) => {
                metrics::lost("server");
                tracing::info!(address = %self.address, %error, "an internal connection ended");
            }
            Ended::Silent => {
                metrics::lost("server");
                tracing::info!(address = %self.address, "an internal connection was ended: its peer is silent");
            }
            Ended::Replaced => {
                tracing::info!(address = %self.address, "an internal peer came back on a new connection")
            }
        }
    }

    /// Agrees on a protocol; `None` when there is none. A process that does not lead says so, and leaves the peer's
    /// earlier connection alone: it may wait for answers there.
    async fn greet(
        &mut self,
        frames: &mut FrameReader<ReadHalf<Stream>>,
        writer: &mut WriteHalf<Stream>,
    ) -> Result<Option<Option<Turn>>, FrameError> {
        let frame = frames.next().await?;
        if frame.kind != Kind::Hello {
            return Err(FrameError::Malformed(emporion_model::codec::CodecError::Invalid));
        }
        let hello: Hello = frame.read()?;
        let Some(protocol) = hello.agreed() else {
            let why = format!(
                "this process speaks the protocols {PROTOCOL_OLDEST} to {PROTOCOL}, the other {} to {}; update the \
                 older one",
                hello.oldest, hello.newest
            );
            metrics::refused_peer("protocol");
            tracing::warn!(address = %self.address, why, "an internal peer was refused");
            write(writer, &Frame::of(Kind::Greeting, 0, &Greeting::Refused(Text(why)))).await?;
            return Ok(None);
        };
        let leads = match self.leading.as_mut().map(watch::Receiver::borrow_and_update) {
            Some(leading) if leading.is_here() => Ok(()),
            Some(leading) => Err(leading.elsewhere()),
            None => Err(None),
        };
        let turn = match (&leads, &self.server.handlers.keys) {
            (Err(_), None) => None,
            _ => Some(self.server.links.turn(hello.link).await),
        };
        let greeting = match leads {
            Ok(()) => Greeting::Leads(protocol),
            Err(leader) => Greeting::Follows(protocol, leader),
        };
        write(writer, &Frame::of(Kind::Greeting, 0, &greeting)).await?;
        Ok(Some(turn))
    }

    async fn answer(&mut self, mut frames: FrameReader<ReadHalf<Stream>>, writer: WriteHalf<Stream>) -> Ended {
        let (out, queued) = mpsc::channel(OUT_MAX);
        let mut session = Session { out, in_flight: FuturesUnordered::new(), is_parting: false };
        let silent_max = self.server.options.silent_max * SILENT_TIMES;
        let mut writing = std::pin::pin!(write_all(writer, queued, silent_max));
        let mut silent_at = tokio::time::Instant::now() + silent_max;
        loop {
            let parts = !session.is_parting;
            let taken = tokio::select! {
                ended = &mut writing => return ended,
                frame = frames.next() => match frame {
                    Ok(frame) => {
                        silent_at = tokio::time::Instant::now() + silent_max;
                        self.take(&mut session, frame)
                    }
                    Err(error) => return Ended::Frames(error),
                },
                Some(answer) = session.in_flight.next(), if !session.in_flight.is_empty() => Ok(Some(answer)),
                leader = self.must_part(), if parts => {
                    session.is_parting = true;
                    Ok(Some(Frame::of(Kind::Farewell, 0, &Farewell { leader })))
                }
                () = sleep_until(silent_at) => return Ended::Silent,
            };
            match taken {
                Ok(None) => {}
                Ok(Some(frame)) => {
                    let sent = async { session.out.send(frame).await };
                    tokio::select! {
                        ended = &mut writing => return ended,
                        _ = sent => {}
                    }
                }
                Err(error) => return Ended::Frames(error),
            }
        }
    }

    /// Completes when nothing new is to be taken here, with the leader's address if another one leads.
    async fn must_part(&mut self) -> Option<Text> {
        let stepped_down = async {
            match &mut self.leading {
                Some(leading) if leading.borrow().is_here() => match leading.wait_for(|now| !now.is_here()).await {
                    Ok(now) => now.elsewhere(),
                    Err(_) => None,
                },
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            leader = stepped_down => leader,
            _ = self.draining.wait_for(|is_draining| *is_draining) => None,
        }
    }

    /// Begins what a frame asks for; the answer, if it is there already.
    fn take(&self, session: &mut Session, frame: Frame) -> Result<Option<Frame>, FrameError> {
        let number = frame.number;
        match frame.kind {
            Kind::Ping => return Ok(Some(Frame::bare(Kind::Pong))),
            Kind::Request => {}
            _ => return Err(FrameError::Malformed(emporion_model::codec::CodecError::Invalid)),
        }
        let request: Request = frame.read()?;
        if session.is_parting {
            let leader = self.leading.as_ref().and_then(|leading| leading.borrow().elsewhere());
            return Ok(Some(answer_frame(number, &Answer::NotLeading(leader))));
        }
        if session.in_flight.len() >= self.server.options.in_flight_max {
            metrics::busy("server");
            return Ok(Some(answer_frame(number, &Answer::Busy)));
        }
        let server = Arc::clone(&self.server);
        let counted = Counted::request("server");
        let mut answer = Box::pin(async move {
            let answer = server.handlers.answer(request).await;
            drop(counted);
            answer_frame(number, &answer)
        });
        match (&mut answer).now_or_never() {
            Some(frame) => Ok(Some(frame)),
            None => {
                session.in_flight.push(answer);
                Ok(None)
            }
        }
    }
}

async fn is_over(turn: &mut Option<Turn>) {
    match turn {
        Some(turn) => turn.is_over().await,
        None => std::future::pending().await,
    }
}

/// An outcome that is too large to travel is unknown to the peer, who finds it in the journal.
fn answer_frame(number: u64, answer: &Answer) -> Frame {
    let frame = Frame::of(Kind::Answer, number, answer);
    if frame.body.len() + 32 > ANSWER_BYTES_MAX {
        tracing::error!(bytes = frame.body.len(), "an outcome is too large for the internal stream");
        return Frame::of(Kind::Answer, number, &Answer::Unknown);
    }
    frame
}

/// Writes what is queued, all that waits at once, until the peer does not read.
async fn write_all(mut writer: WriteHalf<Stream>, mut queued: mpsc::Receiver<Frame>, silent_max: Duration) -> Ended {
    let mut frames = Vec::with_capacity(OUT_MAX);
    while queued.recv_many(&mut frames, OUT_MAX).await > 0 {
        let bytes: Vec<u8> = frames.drain(..).flat_map(|frame| frame.to_bytes()).collect();
        let written = async {
            writer.write_all(&bytes).await?;
            writer.flush().await
        };
        match timeout(silent_max, written).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Ended::Frames(error.into()),
            Err(_) => return Ended::Silent,
        }
    }
    Ended::Frames(FrameError::Closed)
}

async fn write(writer: &mut (impl AsyncWrite + Unpin), frame: &Frame) -> Result<(), FrameError> {
    writer.write_all(&frame.to_bytes()).await?;
    writer.flush().await?;
    Ok(())
}
