//! One connection of a client: what is asked on it, what was written, and what is answered.
//!
//! A request is marked as written before its first byte goes to the socket. So when the connection is lost, it is known
//! which requests the server cannot have. What must not live here: where connections come from.

use crate::metrics::{self, Counted};
use crate::options::LinkOptions;
use crate::wire::{
    ANSWER_BYTES_MAX, Answer, Farewell, Frame, FrameError, FrameReader, Kind, REQUEST_BYTES_MAX, Request,
};
use emporion_model::codec::CodecError;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, interval};

/// Bytes that are written together.
const WRITE_BYTES: usize = 64 * 1_024;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// Nothing of the request was written.
    NeverSent(&'static str),
    /// The server may have it.
    Unknown(&'static str),
}

/// Whether requests may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Open,
    /// The server, or this process, wants nothing new on it; the leader's address, if it was told.
    Parting(Option<String>),
    Ended,
}

pub(super) struct Session {
    state: Mutex<State>,
    standing: watch::Sender<Standing>,
    /// There is something to write, or to stop for.
    wake: Notify,
    options: LinkOptions,
}

#[derive(Default)]
struct State {
    last_number: u64,
    pending: HashMap<u64, Pending>,
    queue: VecDeque<(u64, Vec<u8>)>,
    queue_bytes: usize,
    is_pinging: bool,
    is_ended: bool,
}

struct Pending {
    reply: oneshot::Sender<Result<Answer, Lost>>,
    is_written: bool,
    since: Instant,
    _counted: Counted,
}

impl Session {
    pub(super) fn new(options: LinkOptions) -> Arc<Self> {
        let standing = watch::Sender::new(Standing::Open);
        Arc::new(Self { state: Mutex::default(), standing, wake: Notify::new(), options })
    }

    pub(super) fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Queues a request at once, behind those that were asked before. Dropping the answer does not take it back.
    pub(super) fn ask(&self, request: &Request) -> Result<oneshot::Receiver<Result<Answer, Lost>>, Lost> {
        if *self.standing.borrow() != Standing::Open {
            return Err(Lost::NeverSent("the connection takes nothing new"));
        }
        let mut state = self.state.lock();
        if state.is_ended {
            return Err(Lost::NeverSent("the connection has ended"));
        }
        if state.pending.len() >= self.options.in_flight_max {
            metrics::busy("client");
            return Err(Lost::NeverSent("too many requests are under way"));
        }
        let number = state.last_number + 1;
        let bytes = Frame::of(Kind::Request, number, request).to_bytes();
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(Lost::NeverSent("the request is larger than the internal stream takes"));
        }
        if state.queue_bytes + bytes.len() > self.options.queue_bytes_max {
            metrics::busy("client");
            return Err(Lost::NeverSent("too much waits for the socket"));
        }
        let (reply, answer) = oneshot::channel();
        let _counted = Counted::request("client");
        state.last_number = number;
        state.queue_bytes += bytes.len();
        state.pending.insert(number, Pending { reply, is_written: false, since: Instant::now(), _counted });
        state.queue.push_back((number, bytes));
        drop(state);
        self.wake.notify_one();
        Ok(answer)
    }

    /// Asks nothing more; the connection ends once all is answered.
    pub(super) fn part(&self, leader: Option<String>) {
        self.standing.send_if_modified(|standing| {
            let parts = *standing == Standing::Open;
            if parts {
                *standing = Standing::Parting(leader);
            }
            parts
        });
        self.wake.notify_one();
    }

    /// Speaks until the connection ends; then every request has an answer or an error.
    pub(super) async fn run<R, W>(self: Arc<Self>, mut frames: FrameReader<R>, writer: W)
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let _end = EndOnDrop(&self);
        let _counted = Counted::connection("client");
        let heard = Notify::new();
        // Reading comes first, so that a process that was held up hears what came before it counts the silence.
        let why = tokio::select! {
            biased;
            error = self.read(&mut frames, &heard) => Some(error.to_string()),
            ended = self.write(writer) => ended.err().map(|error| error.to_string()),
            () = self.keep_alive(&heard) => Some("the peer does not answer pings".to_owned()),
        };
        if let Some(why) = why {
            metrics::lost("client");
            tracing::warn!(why, "an internal connection was lost");
        }
    }

    async fn read<R: AsyncRead + Unpin>(&self, frames: &mut FrameReader<R>, heard: &Notify) -> FrameError {
        loop {
            match frames.next().await.and_then(|frame| Ok(self.take(&frame)?)) {
                Ok(()) => heard.notify_one(),
                Err(error) => return error,
            }
        }
    }

    fn take(&self, frame: &Frame) -> Result<(), CodecError> {
        match frame.kind {
            Kind::Pong => Ok(()),
            Kind::Farewell => {
                self.part(frame.read::<Farewell>()?.leader.map(|leader| leader.0));
                Ok(())
            }
            Kind::Answer => {
                let answer: Answer = frame.read()?;
                let mut state = self.state.lock();
                let pending = state.pending.remove(&frame.number);
                let is_empty = state.pending.is_empty();
                drop(state);
                if is_empty {
                    self.wake.notify_one();
                }
                if let Some(pending) = pending {
                    // An error says that nobody waits any more.
                    let _ = pending.reply.send(Ok(answer));
                }
                Ok(())
            }
            Kind::Hello | Kind::Greeting | Kind::Ping | Kind::Request => Err(CodecError::Invalid),
        }
    }

    /// Writes what is queued; ends well when the connection is to part and all is answered.
    async fn write<W: AsyncWrite + Unpin>(&self, mut writer: W) -> Result<(), FrameError> {
        loop {
            let bytes = self.take_queued();
            if !bytes.is_empty() {
                writer.write_all(&bytes).await?;
                writer.flush().await?;
                continue;
            }
            let is_parting = *self.standing.borrow() != Standing::Open;
            if is_parting && self.state.lock().pending.is_empty() {
                return Ok(writer.shutdown().await?);
            }
            self.wake.notified().await;
        }
    }

    /// The next bytes to write, whose requests are marked as written from here on.
    fn take_queued(&self) -> Vec<u8> {
        let mut state = self.state.lock();
        let mut bytes = Vec::new();
        if std::mem::take(&mut state.is_pinging) {
            bytes = Frame::bare(Kind::Ping).to_bytes();
        }
        while bytes.len() < WRITE_BYTES {
            let Some((number, frame)) = state.queue.pop_front() else { break };
            state.queue_bytes -= frame.len();
            // Who was given up meanwhile was told that nothing was written.
            if let Some(pending) = state.pending.get_mut(&number) {
                pending.is_written = true;
                bytes.extend_from_slice(&frame);
            }
        }
        bytes
    }

    /// Pings, and completes when a ping stays unanswered for too long. Only pings that were sent count, so that a process
    /// that was held up itself accuses nobody.
    async fn keep_alive(&self, heard: &Notify) {
        let mut ticks = interval(self.options.ping_every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut unanswered: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                () = heard.notified() => unanswered = None,
                _ = ticks.tick() => {
                    if unanswered.is_some_and(|since| since.elapsed() >= self.options.silent_max) {
                        return;
                    }
                    unanswered.get_or_insert_with(Instant::now);
                    self.state.lock().is_pinging = true;
                    self.give_up_old();
                    self.wake.notify_one();
                }
            }
        }
    }

    fn give_up_old(&self) {
        let mut state = self.state.lock();
        let old: Vec<u64> = state
            .pending
            .iter()
            .filter(|(_, pending)| pending.since.elapsed() >= self.options.answer_max)
            .map(|(number, _)| *number)
            .collect();
        for number in old {
            if let Some(pending) = state.pending.remove(&number) {
                pending.lose("no answer came in time");
            }
        }
    }

    fn end(&self) {
        let mut state = self.state.lock();
        state.is_ended = true;
        state.queue.clear();
        for (_, pending) in state.pending.drain() {
            pending.lose("the connection was lost");
        }
        drop(state);
        self.standing.send_replace(Standing::Ended);
    }
}

impl Pending {
    fn lose(self, why: &'static str) {
        let lost = if self.is_written { Lost::Unknown(why) } else { Lost::NeverSent(why) };
        // An error says that nobody waits any more.
        let _ = self.reply.send(Err(lost));
    }
}

struct EndOnDrop<'a>(&'a Session);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The frames of a client's connection.
pub(super) fn frames<R: AsyncRead + Unpin>(reader: R) -> FrameReader<R> {
    FrameReader::new(reader, ANSWER_BYTES_MAX)
}
