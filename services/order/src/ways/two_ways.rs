//! The gateway's end of the queue: every command directly to the sequencer, or over the lanes when that is not to be
//! had, and its outcome from whichever way tells first.
//!
//! "Busy" is said only of what is provably not executed; whatever may have left this process is sent again under its id
//! until its deadline. What must not live here: transports.

use super::accounts::{Accounts, End, Place, Turn};
use super::answers::{Answers, Expected};
use super::backlog::MeasuredBacklog;
use super::direct::{Direct, DirectError};
use super::message::{account_of, lane_of};
use super::sender::{LaneSender, Leaving, Parcel, SenderOptions};
use async_trait::async_trait;
use emporion_edge::Clock;
use emporion_model::{AccountId, Command, CommandId, Origin, TimeUs};
use emporion_ports::lanes::Lanes;
use emporion_ports::orders::{OrderQueue, Outcome, QueueError, SessionId};
use emporion_ports::sealed::{GatewayCommand, SealedCommand, VenueKeys};
use emporion_ports::signals::{Signal, Signals};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep_until};

/// How long after its deadline a command may at most be answered, as clients are promised.
const GRACE: Duration = Duration::from_secs(2);

/// How long a mark of an account that is on the lanes holds, and how often it is renewed while it is needed.
const MARK_US: u64 = 5_000_000;
const MARK_EVERY: Duration = Duration::from_secs(2);

/// How many accounts of other processes are remembered as being on the lanes.
const MARKS_MAX: usize = 100_000;

/// How often the queue is asked how much waits.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// How long to wait before the direct way is tried again.
const RETRY: Duration = Duration::from_millis(50);

/// How long a lane has for a command before the direct way is tried beside it: whoever received the lane last may have
/// died with it, and then it is locked until its visibility is over.
const LANE_PATIENCE: Duration = Duration::from_millis(200);

/// Which commands go over the lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueMode {
    /// Those that the direct way does not take.
    Spill,
    /// All.
    Always,
}

/// How the two ways are used.
#[derive(Clone, Copy, Debug)]
pub struct WaysOptions {
    /// Which commands go over the lanes.
    pub mode: QueueMode,
    /// How many lanes there are; the same in every process.
    pub lanes: u32,
    /// How many commands may be unanswered; more are refused as "busy".
    pub unanswered_max: usize,
    /// With less time than this left, a command does not go to a lane.
    pub lane_time_min: Duration,
    /// For how long commands of a lane are collected before they are sent together.
    pub flush_after: Duration,
    /// How many commands a message holds at most.
    pub message_commands_max: usize,
    /// How many calls of the queue may send at a time.
    pub senders_max: usize,
}

impl Default for WaysOptions {
    fn default() -> Self {
        Self {
            mode: QueueMode::Spill,
            lanes: 64,
            unanswered_max: 20_000,
            lane_time_min: Duration::from_millis(50),
            flush_after: Duration::from_millis(3),
            message_commands_max: 200,
            senders_max: 8,
        }
    }
}

/// What the two ways work with.
pub struct WaysParts {
    /// The direct way.
    pub direct: Arc<dyn Direct>,
    /// The lanes.
    pub lanes: Arc<dyn Lanes>,
    /// Outcomes by the feed; somebody runs [`Answers::run`].
    pub answers: Arc<Answers>,
    /// The venue's keys, which seal commands.
    pub keys: VenueKeys,
    /// Words between processes.
    pub signals: Arc<dyn Signals>,
    /// The wall clock.
    pub clock: Clock,
}

/// The queue over two ways; cheap to clone. [`Self::run`] must run beside it.
#[derive(Clone)]
pub struct TwoWays(pub(super) Arc<Inner>);

pub(super) struct Inner {
    direct: Arc<dyn Direct>,
    queue: Arc<dyn Lanes>,
    pub(super) answers: Arc<Answers>,
    pub(super) keys: VenueKeys,
    signals: Arc<dyn Signals>,
    pub(super) clock: Clock,
    pub(super) options: WaysOptions,
    pub(super) sender: Arc<LaneSender>,
    pub(super) backlog: MeasuredBacklog,
    accounts: Mutex<Accounts>,
    /// Until when accounts are on the lanes because another process said so.
    marks: Mutex<HashMap<AccountId, TimeUs>>,
}

type Attempt = Pin<Box<dyn Future<Output = Result<Outcome, DirectError>> + Send>>;

/// An unanswered command.
struct Flight {
    ways: Arc<Inner>,
    account: AccountId,
    number: u64,
    command_id: CommandId,
    deadline: TimeUs,
    sealed: SealedCommand,
    leaving: Arc<Leaving>,
    wake: Arc<Notify>,
    expected: Expected,
    direct: Option<Attempt>,
    end: End,
}

impl TwoWays {
    /// The two ways over these parts.
    pub fn new(parts: WaysParts, options: WaysOptions) -> Self {
        let WaysParts { direct, lanes, answers, keys, signals, clock } = parts;
        let WaysOptions { flush_after, message_commands_max: commands_max, senders_max, .. } = options;
        let sender_options = SenderOptions { flush_after, commands_max, senders_max };
        let sender = LaneSender::new(Arc::clone(&lanes), clock.clone(), sender_options);
        let (backlog, accounts, marks) = (MeasuredBacklog::default(), Mutex::default(), Mutex::default());
        let queue = lanes;
        Self(Arc::new(Inner {
            direct,
            queue,
            answers,
            keys,
            signals,
            clock,
            options,
            sender,
            backlog,
            accounts,
            marks,
        }))
    }

    /// Sends over the lanes, listens to other processes and measures the backlog, for ever.
    pub async fn run(&self) {
        tokio::join!(self.0.sender.run(), self.0.listen(), self.0.keep_marks(), self.0.count());
    }

    /// How long a command handed to the slowest lane now would wait, as far as this process can tell.
    pub fn lane_wait(&self) -> Duration {
        self.0.backlog.wait()
    }
}

#[async_trait]
impl OrderQueue for TwoWays {
    async fn submit(&self, session: SessionId, command: Command) -> Result<Outcome, QueueError> {
        let mut flight = self.0.take(session, command)?;
        flight.start().await;
        if flight.place().0 == Place::Shed {
            metrics::counter!("order_commands_total", "way" => "shed").increment(1);
            return Err(QueueError::Busy);
        }
        let (answer, answered) = oneshot::channel();
        // A caller who goes away does not take the command back.
        tokio::spawn(async move {
            let result = flight.answer().await;
            drop(flight);
            let _ = answer.send(result);
        });
        answered.await.unwrap_or(Err(QueueError::Unknown))
    }
}

impl Inner {
    /// Takes a command in: on the direct way, if its account is not on the lanes.
    fn take(self: &Arc<Self>, session: SessionId, command: Command) -> Result<Flight, QueueError> {
        let (Origin::Client(command_id, deadline), account) = (command.origin, account_of(&command)) else {
            return Err(QueueError::Busy);
        };
        let expected = self.answers.expect(command_id).ok_or(QueueError::Busy)?;
        let sealed = self.keys.seal(&GatewayCommand { session, taken_at: self.clock.now(), command });
        let leaving = Arc::new(Leaving::default());
        let parcel = Parcel { sealed: sealed.clone(), deadline, leaving: Arc::clone(&leaving), command_id };
        let is_direct = self.options.mode == QueueMode::Spill && self.is_connected() && !self.is_marked(account);
        let mut accounts = self.accounts.lock();
        if accounts.count() >= self.options.unanswered_max {
            return Err(QueueError::Busy);
        }
        let place = if is_direct && !accounts.is_on_lanes(account) { Place::Direct } else { Place::Parked };
        let (number, wake) = accounts.enter(account, session, parcel, place, &**self);
        drop(accounts);
        let (ways, direct, end) = (Arc::clone(self), None, End::NotTaken);
        let mut flight =
            Flight { ways, account, number, command_id, deadline, sealed, leaving, wake, expected, direct, end };
        flight.direct = (place == Place::Direct).then(|| flight.attempt());
        Ok(flight)
    }

    fn is_connected(&self) -> bool {
        *self.direct.connected().borrow()
    }

    fn is_marked(&self, account: AccountId) -> bool {
        self.marks.lock().get(&account).is_some_and(|until| *until > self.clock.now())
    }

    fn lane_of(&self, account: AccountId) -> u32 {
        lane_of(account, self.options.lanes)
    }

    async fn listen(&self) {
        let mut signals = self.signals.listen();
        loop {
            let signal = signals.next().await;
            let (mut marks, now) = (self.marks.lock(), self.clock.now());
            match signal {
                Some(Signal::OnLanes { account, until }) if marks.len() < MARKS_MAX || marks.contains_key(&account) => {
                    marks.insert(account, until.min(now.plus_us(MARK_US)));
                }
                Some(Signal::OffLanes(account)) => drop(marks.remove(&account)),
                _ => {}
            }
        }
    }

    async fn keep_marks(&self) {
        let mut ticks = tokio::time::interval(MARK_EVERY);
        loop {
            ticks.tick().await;
            let now = self.clock.now();
            self.marks.lock().retain(|_, until| *until > now);
            if self.options.mode == QueueMode::Spill {
                let accounts: Vec<_> = self.accounts.lock().on_lanes().collect();
                accounts.into_iter().for_each(|account| self.mark(account));
            }
        }
    }

    fn mark(&self, account: AccountId) {
        self.signals.tell(Signal::OnLanes { account, until: self.clock.now().plus_us(MARK_US) });
    }

    async fn count(&self) {
        let mut ticks = tokio::time::interval(COUNT_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Ok(backlog) = self.queue.backlog().await {
                self.backlog.counted(backlog);
            }
            metrics::gauge!("lane_wait_seconds").set(self.backlog.wait().as_secs_f64());
        }
    }
}

impl Turn for Inner {
    fn admits(&self, account: AccountId, parcel: &Parcel) -> bool {
        let left = Duration::from_micros(parcel.deadline.since(self.clock.now()));
        left >= self.options.lane_time_min && self.backlog.wait_on(self.lane_of(account)) * 2 <= left
    }

    fn to_lane(&self, account: AccountId, parcel: &Parcel) {
        let lane = self.lane_of(account);
        self.backlog.sent(lane, parcel.command_id);
        self.sender.push(lane, parcel.clone());
        if self.options.mode == QueueMode::Spill {
            self.mark(account);
        }
    }
}

impl Flight {
    fn attempt(&self) -> Attempt {
        let (direct, sealed) = (Arc::clone(&self.ways.direct), self.sealed.clone());
        Box::pin(async move { direct.submit(sealed).await })
    }

    fn place(&self) -> (Place, bool) {
        self.ways.accounts.lock().place_of(self.account, self.number)
    }

    /// Sends it on the direct way, if that is its way, without waiting: what is submitted after it is sent after it.
    async fn start(&mut self) {
        let Some(attempt) = self.direct.as_mut() else { return };
        let polled = std::future::poll_fn(|context| Poll::Ready(attempt.as_mut().poll(context))).await;
        match polled {
            Poll::Ready(Err(DirectError::NotSent)) => self.not_sent(),
            Poll::Ready(result) => self.direct = Some(Box::pin(async move { result })),
            Poll::Pending => {}
        }
    }

    fn not_sent(&mut self) {
        self.direct = None;
        self.ways.accounts.lock().not_sent(self.account, self.number, &*self.ways);
    }

    fn in_doubt(&mut self) {
        self.direct = None;
        self.ways.accounts.lock().in_doubt(self.account, self.number, &*self.ways);
    }

    async fn answer(&mut self) -> Result<Outcome, QueueError> {
        let result = self.wait().await;
        self.end = match result {
            Ok(_) => End::Taken,
            Err(QueueError::Unknown) => End::Unknown,
            Err(QueueError::Busy | QueueError::Expired) => End::NotTaken,
        };
        let way = match (self.place().0, &result) {
            (_, Err(QueueError::Busy)) => "shed",
            (Place::Direct, _) => "direct",
            _ => "lanes",
        };
        metrics::counter!("order_commands_total", "way" => way).increment(1);
        self.ways.backlog.settled(self.command_id, result.is_ok());
        result
    }

    /// Waits for the outcome, and tries on.
    async fn wait(&mut self) -> Result<Outcome, QueueError> {
        let left = Duration::from_micros(self.deadline.since(self.ways.clock.now()));
        let deadline = Instant::now() + left;
        let (mut is_past, mut next_try) = (false, Instant::now() + LANE_PATIENCE);
        let mut connected = self.ways.direct.connected();
        loop {
            let (place, is_oldest) = self.place();
            if place == Place::Shed {
                return Err(QueueError::Busy);
            }
            // A later one must not be tried while an earlier one may be on its way: it could overtake.
            let may_be_direct = self.ways.options.mode == QueueMode::Spill && matches!(place, Place::OnLane(_));
            let tries = may_be_direct && is_oldest && self.direct.is_none() && !is_past;
            let tries = tries && *connected.borrow_and_update();
            if tries && next_try <= Instant::now() {
                self.direct = Some(self.attempt());
            }
            tokio::select! {
                biased;
                outcome = self.expected.outcome() => return Ok(outcome),
                result = ended(&mut self.direct) => {
                    next_try = Instant::now() + RETRY;
                    match result {
                        Ok(outcome) => return Ok(outcome),
                        Err(DirectError::NotSent) => {
                            next_try = Instant::now() + LANE_PATIENCE;
                            self.not_sent();
                        }
                        Err(DirectError::Unknown) => self.in_doubt(),
                        Err(DirectError::Expired) => return Err(QueueError::Expired),
                    }
                }
                () = self.wake.notified() => {}
                true = changed(&mut connected) => {}
                () = sleep_until(next_try), if tries && self.direct.is_none() => {}
                () = sleep_until(deadline), if !is_past => {
                    is_past = true;
                    let has_not_left = matches!(place, Place::Parked | Place::OnLane(false));
                    if has_not_left && self.leaving.take_back() {
                        return Err(QueueError::Busy);
                    }
                }
                () = sleep_until(deadline + GRACE), if is_past => return Err(QueueError::Unknown),
            }
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // What is still in the sender's hands need not be sent any more.
        self.leaving.take_back();
        self.ways.backlog.settled(self.command_id, false);
        let left = self.ways.accounts.lock().leave(self.account, self.number, self.end, &*self.ways);
        if left && self.ways.options.mode == QueueMode::Spill {
            self.ways.signals.tell(Signal::OffLanes(self.account));
        }
    }
}

/// The end of an attempt on the direct way; never, if there is none.
async fn ended(attempt: &mut Option<Attempt>) -> Result<Outcome, DirectError> {
    match attempt {
        Some(attempt) => attempt.await,
        None => std::future::pending().await,
    }
}

/// The next word of the connection; never, if nobody says any more.
async fn changed(connected: &mut watch::Receiver<bool>) -> bool {
    match connected.changed().await {
        Ok(()) => true,
        Err(_) => std::future::pending().await,
    }
}
