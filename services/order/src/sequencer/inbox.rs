//! What waits for the sequencer: three bounded lanes, and word of the commit that is under way.
//!
//! Cancels have a lane of their own, which goes first, and room of their own in the lane of orders, so that a
//! flood of orders never keeps a cancel out. A cancel takes the fast lane only while its session has no
//! unanswered command. When a lane is full, the answer is "busy", at once.

use super::reply::Reply;
use emporion_model::{Action, Command, Origin, TimeUs};
use emporion_ports::orders::SessionId;
use emporion_ports::store::CommitError;
use parking_lot::{Condvar, Mutex};
use std::collections::{HashMap, VecDeque};
use std::time::Instant;

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboxLimits {
    /// Orders that wait.
    pub orders_max: usize,
    /// Cancels that wait, over all lanes, beyond the orders.
    pub cancels_max: usize,
    /// Services' commands that wait.
    pub services_max: usize,
    /// Unanswered commands of one session.
    pub session_max: u32,
}

impl Default for InboxLimits {
    fn default() -> Self {
        Self { orders_max: 20_000, cancels_max: 5_000, services_max: 1_000, session_max: 5_000 }
    }
}

/// A command on its way to the engine.
pub(super) struct Waiting {
    pub(super) command: Command,
    pub(super) session: Option<SessionId>,
    pub(super) since: Instant,
    pub(super) reply: Reply,
}

/// A command was not taken in and never will be executed.
#[derive(Debug)]
pub(super) struct Full;

/// What the sequencer was woken with.
#[derive(Default)]
pub(super) struct Woken {
    pub(super) commands: Vec<Waiting>,
    pub(super) committed: Option<Result<(), CommitError>>,
    pub(super) is_closed: bool,
}

#[derive(Default)]
struct Lanes {
    cancels: VecDeque<Waiting>,
    orders: VecDeque<Waiting>,
    services: VecDeque<Waiting>,
    /// How many of the waiting commands in the lane of orders are cancels.
    slow_cancels: usize,
    unanswered: HashMap<SessionId, u32>,
    committed: Option<Result<(), CommitError>>,
    is_closed: bool,
    refuses_orders: bool,
}

pub(super) struct Inbox {
    lanes: Mutex<Lanes>,
    wake: Condvar,
    limits: InboxLimits,
}

impl Inbox {
    pub(super) fn new(limits: InboxLimits) -> Self {
        Self { lanes: Mutex::new(Lanes::default()), wake: Condvar::new(), limits }
    }

    /// Takes a command in, unless there is no room for it, it would wait for more than half of its time, or the
    /// sequencer has stopped.
    pub(super) fn push(&self, waiting: Waiting, now: TimeUs) -> Result<(), Full> {
        let mut lanes = self.lanes.lock();
        if lanes.is_closed {
            return Err(Full);
        }
        let pushed = match waiting.session {
            None => lanes.push_service(waiting, &self.limits),
            Some(session) => lanes.push_client(session, waiting, &self.limits, now),
        };
        drop(lanes);
        if pushed.is_ok() {
            self.wake.notify_one();
        }
        pushed
    }

    /// Notes how a commit ended.
    pub(super) fn committed(&self, result: Result<(), CommitError>) {
        self.lanes.lock().committed = Some(result);
        self.wake.notify_one();
    }

    /// Notes that commands were answered.
    pub(super) fn answered(&self, sessions: impl Iterator<Item = SessionId>) {
        let mut lanes = self.lanes.lock();
        for session in sessions {
            if let Some(count) = lanes.unanswered.get_mut(&session) {
                *count -= 1;
                if *count == 0 {
                    lanes.unanswered.remove(&session);
                }
            }
        }
    }

    /// Whether orders are refused at once, while cancels still take up their room.
    pub(super) fn refuse_orders(&self, refuses: bool) {
        self.lanes.lock().refuses_orders = refuses;
    }

    /// Lets nothing more in. What waits is still handed out.
    pub(super) fn close(&self) {
        self.lanes.lock().is_closed = true;
        self.wake.notify_one();
    }

    /// Waits until there is word of a commit, a command for which there is `room`, or `until`; and, unless a
    /// commit is under way, the end. How much room there is, is asked when a command is there.
    pub(super) fn wait(&self, room: impl Fn() -> usize, is_committing: bool, until: Instant) -> Woken {
        let mut lanes = self.lanes.lock();
        loop {
            let woken = lanes.take(room());
            if woken.committed.is_some() || !woken.commands.is_empty() || (woken.is_closed && !is_committing) {
                return woken;
            }
            if self.wake.wait_until(&mut lanes, until).timed_out() {
                return lanes.take(room());
            }
        }
    }

    /// Whether nothing waits.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let lanes = self.lanes.lock();
        [&lanes.cancels, &lanes.orders, &lanes.services].iter().all(|lane| lane.is_empty())
    }

    /// All that still waits, after the end.
    pub(super) fn drain(&self) -> Vec<Waiting> {
        self.lanes.lock().take(usize::MAX).commands
    }
}

impl Lanes {
    fn push_service(&mut self, waiting: Waiting, limits: &InboxLimits) -> Result<(), Full> {
        if self.services.len() >= limits.services_max {
            return Err(Full);
        }
        self.services.push_back(waiting);
        Ok(())
    }

    fn push_client(
        &mut self,
        session: SessionId,
        waiting: Waiting,
        limits: &InboxLimits,
        now: TimeUs,
    ) -> Result<(), Full> {
        let unanswered = self.unanswered.get(&session).copied().unwrap_or(0);
        if unanswered >= limits.session_max {
            return Err(Full);
        }
        let is_cancel = is_cancel(&waiting.command);
        let overtakes = is_cancel && unanswered == 0;
        let has_room = match is_cancel {
            true => self.cancels.len() + self.slow_cancels < limits.cancels_max,
            false => !self.refuses_orders && self.orders.len() - self.slow_cancels < limits.orders_max,
        };
        if !has_room || (!overtakes && self.would_wait_too_long(&waiting, now)) {
            return Err(Full);
        }
        self.slow_cancels += usize::from(is_cancel && !overtakes);
        *self.unanswered.entry(session).or_default() += 1;
        if overtakes { &mut self.cancels } else { &mut self.orders }.push_back(waiting);
        Ok(())
    }

    /// The age of what waits longest is how long a command waits at present.
    fn would_wait_too_long(&self, waiting: &Waiting, now: TimeUs) -> bool {
        let Origin::Client(_, deadline) = waiting.command.origin else { return false };
        let age_us = self.orders.front().map_or(0, |oldest| oldest.since.elapsed().as_micros());
        age_us * 2 > u128::from(deadline.since(now))
    }

    fn take(&mut self, commands_max: usize) -> Woken {
        let mut commands = Vec::new();
        for lane in [&mut self.cancels, &mut self.services, &mut self.orders] {
            let room = commands_max - commands.len();
            commands.extend(lane.drain(..lane.len().min(room)));
        }
        if self.slow_cancels > 0 {
            self.slow_cancels = self.orders.iter().filter(|waiting| is_cancel(&waiting.command)).count();
        }
        Woken { commands, committed: self.committed.take(), is_closed: self.is_closed }
    }
}

fn is_cancel(command: &Command) -> bool {
    matches!(command.action, Action::CancelOrder(_) | Action::CancelAll(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use emporion_model::{
        AccountId, CancelAll, CommandId, MarketSize, OrderKind, PlaceOrder, Quantity, Side, SymbolId,
    };
    use std::time::Duration;

    const NOW: TimeUs = TimeUs(1_000_000_000);
    const LIMITS: InboxLimits = InboxLimits { orders_max: 3, cancels_max: 2, services_max: 1, session_max: 3 };

    fn waiting(session: u64, is_cancel: bool, number: u8) -> Waiting {
        let (account, symbol) = (AccountId(1_000), SymbolId(0));
        let id = "x".parse().unwrap();
        let action = if is_cancel {
            Action::CancelAll(CancelAll { account, symbol, cancel_id: id })
        } else {
            Action::PlaceOrder(PlaceOrder {
                account,
                symbol,
                side: Side::Buy,
                client_order_id: id,
                kind: OrderKind::Market(MarketSize::Base(Quantity(1))),
                stp: None,
                strategy: None,
            })
        };
        let origin = Origin::Client(CommandId([number; 16]), NOW.plus_us(5_000_000));
        let reply = Reply::Client(tokio::sync::oneshot::channel().0);
        Waiting { command: Command { origin, action }, session: Some(SessionId(session)), since: Instant::now(), reply }
    }

    /// Pushes `(session, is cancel)`; says which were taken, and in which order they come out.
    #[track_caller]
    fn check(pushed: &[(u64, bool)], refused: &[u8], out: &[u8]) {
        let inbox = Inbox::new(LIMITS);
        let mut given_back = Vec::new();
        for (number, &(session, is_cancel)) in (0u8..).zip(pushed) {
            if inbox.push(waiting(session, is_cancel, number), NOW).is_err() {
                given_back.push(number);
            }
        }
        let numbers: Vec<u8> = inbox.drain().iter().map(number).collect();
        assert_eq!((given_back.as_slice(), numbers.as_slice()), (refused, out));
    }

    fn number(waiting: &Waiting) -> u8 {
        match waiting.command.origin {
            Origin::Client(CommandId(id), _) => id[0],
            _ => panic!("only clients here"),
        }
    }

    #[test]
    fn cancels_overtake_the_orders_of_others_only() {
        check(&[(1, false), (2, true)], &[], &[1, 0]);
        check(&[(1, false), (1, true), (2, true)], &[], &[2, 0, 1]);
        check(&[(1, true), (1, false), (1, true)], &[], &[0, 1, 2]);
    }

    #[test]
    fn full_lanes_refuse_at_once_and_cancels_have_room_of_their_own() {
        let flood = [(1, false), (2, false), (3, false), (4, false), (5, true), (6, true), (7, true)];
        check(&flood, &[3, 6], &[4, 5, 0, 1, 2]);
    }

    #[test]
    fn one_session_cannot_fill_the_queue() {
        let inbox = Inbox::new(InboxLimits { orders_max: 10, ..LIMITS });
        let taken = (0..5).filter(|number| inbox.push(waiting(1, false, *number), NOW).is_ok()).count();
        assert_eq!(taken, 3);
        inbox.answered([SessionId(1)].into_iter());
        assert!(inbox.push(waiting(1, false, 9), NOW).is_ok());
    }

    #[test]
    fn a_backlog_that_would_eat_half_of_the_time_refuses() {
        let inbox = Inbox::new(LIMITS);
        let mut old = waiting(1, false, 0);
        old.since = Instant::now() - Duration::from_secs(3);
        assert!(inbox.push(old, NOW).is_ok());
        assert!(inbox.push(waiting(2, false, 1), NOW).is_err());
        assert!(inbox.push(waiting(3, true, 2), NOW).is_ok());
    }

    #[test]
    fn while_orders_are_refused_cancels_still_have_their_room() {
        let inbox = Inbox::new(LIMITS);
        inbox.refuse_orders(true);
        assert!(inbox.push(waiting(1, false, 0), NOW).is_err());
        assert!(inbox.push(waiting(1, true, 1), NOW).is_ok());
        assert!(inbox.push(waiting(1, true, 2), NOW).is_ok());
        assert!(inbox.push(waiting(2, true, 3), NOW).is_err());
        inbox.refuse_orders(false);
        assert!(inbox.push(waiting(2, false, 4), NOW).is_ok());
    }

    #[test]
    fn a_closed_inbox_lets_nothing_in() {
        let inbox = Inbox::new(LIMITS);
        assert!(inbox.push(waiting(1, false, 0), NOW).is_ok());
        inbox.close();
        assert!(inbox.push(waiting(2, false, 1), NOW).is_err());
        assert_eq!(inbox.drain().len(), 1);
    }
}
