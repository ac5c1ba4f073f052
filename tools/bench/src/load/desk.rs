//! One task that owns the accounts' plans and the open connections: it hands out each request when it is due and takes
//! the answers back.
//!
//! A request that is due while every connection waits for an answer waits too, and its latency counts from when it was
//! due, so nothing is omitted that a stall delayed.

use super::client::{Answer, Connection};
use super::mix::Kind;
use super::outcome::{Outcome, Sent};
use super::pace::{Due, Pace, Phase};
use super::plan::{Call, Plan, Request};
use super::report::Tally;
use super::{Account, Acknowledged, Check, Load, LoadConfig, Market, Work};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

pub(super) struct Desk<'a> {
    config: &'a LoadConfig,
    market: &'a Market,
    recv_window: Duration,
    accounts: &'a [Arc<Account>],
    plans: &'a mut [Plan],
    work: Work,
    check: Check,
    spike_notice: Option<oneshot::Sender<()>>,
    /// Whose turn it is.
    turn: usize,
    /// Connections that wait for nothing; the last one used is used first, so that few stay open at a low rate.
    idle: Vec<Connection>,
    opened: u64,
    under_way: JoinSet<Done>,
    tally: Tally,
    sent: Vec<Sent>,
}

/// A request that was answered.
struct Done {
    connection: Connection,
    account: usize,
    request: Request,
    due: Due,
    latency: Duration,
    answer: Answer,
}

impl<'a> Desk<'a> {
    pub(super) fn new(load: &'a mut Load, work: Work, check: Check) -> Self {
        Self {
            config: &load.config,
            market: &load.market,
            recv_window: load.recv_window,
            accounts: &load.accounts,
            plans: &mut load.plans,
            work,
            check,
            spike_notice: load.spike_notice.take(),
            turn: 0,
            idle: Vec::new(),
            opened: 0,
            under_way: JoinSet::new(),
            tally: Tally::default(),
            sent: Vec::new(),
        }
    }

    /// Sends at a pace until all is answered; says how long that took.
    pub(super) async fn serve(&mut self, pace: Pace) -> Duration {
        let start = Instant::now();
        let mut dues = pace.start();
        let mut is_ended = false;
        while !is_ended || !self.under_way.is_empty() {
            let has_room = !self.idle.is_empty() || self.opened < self.config.connections;
            tokio::select! {
                biased;
                Some(done) = self.under_way.join_next() => {
                    self.settle(done.expect("sending does not panic")).await;
                }
                due = dues.recv(), if has_room && !is_ended => match due {
                    Some(due) => self.begin(due),
                    None => is_ended = true,
                },
            }
        }
        start.elapsed()
    }

    /// What came of it, and how many connections that took.
    pub(super) fn close(self) -> (Tally, Vec<Sent>, u64) {
        (self.tally, self.sent, self.opened)
    }

    fn begin(&mut self, due: Due) {
        self.tally.record_wait(due.at.elapsed());
        if due.phase == Phase::Spike
            && let Some(notice) = self.spike_notice.take()
        {
            // Who asked for it may be gone.
            let _ = notice.send(());
        }
        let account = self.turn;
        self.turn = (self.turn + 1) % self.accounts.len();
        let request = match self.work {
            Work::Mix => self.plans[account].next(self.market),
            Work::Ping => Request::ping(),
        };
        let connection = self.idle.pop().unwrap_or_else(|| {
            self.opened += 1;
            Connection::new(self.config.target).with_recv_window(self.recv_window)
        });
        let signing = Arc::clone(&self.accounts[account]);
        self.under_way.spawn(send(connection, (account, signing), request, due));
    }

    async fn settle(&mut self, done: Done) {
        let Done { connection, account, request, due, latency, answer } = done;
        self.idle.push(connection);
        self.tally.record((due.phase, request.kind), latency, code(&answer));
        let outcome = Outcome::of(&answer);
        let kind = request.kind;
        if self.check == Check::Orders
            && let Some(order) = &request.order
        {
            self.sent.push(Sent { account, kind, order: order.clone(), outcome, answered_at: Instant::now() });
        }
        self.plans[account].settle(request, rests(kind, outcome, &answer));
        if let Some(acknowledged) = &self.config.acknowledged
            && answer.is_success()
            && kind != Kind::Read
        {
            // Whoever checks may have heard enough.
            let _ = acknowledged.send(Acknowledged { account, kind, body: answer.body }).await;
        }
    }
}

async fn send(mut connection: Connection, by: (usize, Arc<Account>), request: Request, due: Due) -> Done {
    let (account, signing) = by;
    let answer = match &request.call {
        Call::Public(path) => connection.get(path).await,
        Call::Signed(method, path, query) => connection.signed(method.clone(), path, query.clone(), signing.by()).await,
    };
    Done { connection, account, request, due, latency: due.at.elapsed(), answer }
}

fn code(answer: &Answer) -> String {
    match answer.status {
        0 => "broken".to_owned(),
        status if answer.is_success() => status.to_string(),
        status => answer.error_code().map_or(format!("http{status}"), |code| code.to_string()),
    }
}

/// Whether the order of a request rests after it: a placement that says so, a cancel that was not executed.
fn rests(kind: Kind, outcome: Outcome, answer: &Answer) -> bool {
    match (kind, outcome) {
        (Kind::Cancel, Outcome::Shed | Outcome::Late) => true,
        (Kind::Place, Outcome::Acknowledged) => {
            let order: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            matches!(order["status"].as_str(), Some("NEW" | "PARTIALLY_FILLED"))
        }
        _ => false,
    }
}
