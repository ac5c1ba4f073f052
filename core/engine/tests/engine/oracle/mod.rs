//! A second venue, written from the rules and for nothing but clarity, that the engine must agree with event
//! by event.
//!
//! It does everything the slow way: one list of open orders that is searched and sorted when it is needed,
//! balances in a map, holds never kept but always the sum over the open orders, averages and buckets out of
//! the list of trades. It validates by trying: a command runs on the state, and what is refused is undone by
//! taking the copy from before. Nothing of the engine's code is used here.

mod admin;
mod filters;
mod history;
mod matching;
mod money;
mod orders;

use emporion_model::event::{OrderCounts, WindowCount};
use emporion_model::{
    AccountId, AccountKind, Action, Asset, AssetId, CancelAll, ClientOrderId, Command, CommandId, Event, Mode, Options,
    OrderCountLimits, Origin, Reject, Seq, SourceId, SymbolSpec, TimeUs, TradeGroupId,
};
use history::Deal;
pub(crate) use orders::Resting;
use std::collections::{BTreeMap, BTreeSet};

const MINUTE_US: u64 = 60_000_000;

#[derive(Clone, Debug)]
pub(crate) struct Market {
    pub(crate) spec: SymbolSpec,
    orders: u64,
    trades: u64,
    agg_trades: u64,
    prevented: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) kind: AccountKind,
    frozen: bool,
    fee_tier: u8,
    group: Option<TradeGroupId>,
    limits: Option<OrderCountLimits>,
    /// What happened to the counts: when, and by how much.
    counted: Vec<(TimeUs, i64)>,
    shown: (WindowCount, WindowCount),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle {
    seq: Seq,
    time: TimeUs,
    mode: Option<Mode>,
    options: Options,
    pub(crate) assets: Vec<Asset>,
    pub(crate) markets: Vec<Market>,
    pub(crate) people: BTreeMap<AccountId, Person>,
    /// Free and locked together.
    money: BTreeMap<(AccountId, AssetId), i128>,
    /// Every open order, in the order of placement.
    pub(crate) open: Vec<Resting>,
    deals: Vec<Deal>,
    executions: u64,
    seen: Vec<(CommandId, TimeUs, Seq)>,
    services: BTreeMap<SourceId, (u64, Action, Seq)>,
    client_ids: Vec<(AccountId, ClientOrderId, TimeUs)>,
    waiting: Vec<CancelAll>,
    // What the present command does.
    events: Vec<Event>,
    touched: BTreeSet<(AccountId, AssetId)>,
    placed: BTreeSet<AccountId>,
    rewarded: BTreeSet<AccountId>,
}

/// What is to be done with a command before it takes a seq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    New,
    Duplicate(Seq),
    Drop,
}

impl Oracle {
    pub(crate) fn admit(&self, time: TimeUs, command: &Command) -> Admitted {
        match &command.origin {
            Origin::Client(_, deadline) if time.0 > deadline.0 + MINUTE_US => Admitted::Drop,
            Origin::Client(id, _) => {
                let known = self.remembered().find(|(seen, _)| seen == id);
                known.map_or(Admitted::New, |(_, seq)| Admitted::Duplicate(seq))
            }
            Origin::Service(source, n) => match self.services.get(source) {
                Some((last, action, seq)) if last == n && *action == command.action => Admitted::Duplicate(*seq),
                _ => Admitted::New,
            },
            Origin::Sequencer => Admitted::New,
        }
    }

    /// The command ids that are remembered: until the second in which deadline + 60 s lies is over.
    pub(crate) fn remembered(&self) -> impl Iterator<Item = (CommandId, Seq)> {
        let now = self.time.second();
        let alive = move |deadline: &TimeUs| (deadline.0 + MINUTE_US) / 1_000_000 >= now;
        self.seen.iter().filter(move |(_, deadline, _)| alive(deadline)).map(|&(id, _, seq)| (id, seq))
    }

    pub(crate) fn has_work(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Applies a command; gives what happened.
    pub(crate) fn apply(&mut self, seq: Seq, time: TimeUs, command: &Command) -> Vec<Event> {
        self.seq = seq;
        self.let_time_pass(time);
        let before = self.clone();
        let verdict = self.check_origin(command).and_then(|()| self.attempt(&command.action));
        if let Err(reject) = verdict {
            *self = before;
            self.events.push(Event::Rejected(reject));
        }
        self.remember(command, verdict.err());
        self.tell_counts();
        self.tell_balances();
        std::mem::take(&mut self.events)
    }

    fn check_origin(&self, command: &Command) -> Result<(), Reject> {
        let trades = matches!(command.action, Action::PlaceOrder(_) | Action::CancelOrder(_) | Action::CancelAll(_));
        let runs = matches!(command.action, Action::Genesis(_) | Action::Tick | Action::Step);
        let is_fitting = match command.origin {
            Origin::Client(..) => trades,
            Origin::Sequencer => runs,
            Origin::Service(..) => !trades && !runs,
        };
        let last = |source| self.services.get(source).map_or(0, |(n, _, _)| *n);
        match &command.origin {
            _ if !is_fitting => Err(Reject::OriginNotAllowed),
            _ if self.mode.is_none() && !matches!(command.action, Action::Genesis(_)) => Err(Reject::NotBegun),
            Origin::Client(_, deadline) if self.time > *deadline => Err(Reject::DeadlinePassed),
            Origin::Service(source, n) if *n <= last(source) => Err(Reject::SourceConflict),
            Origin::Service(source, n) if *n > last(source) + 1 => Err(Reject::SourceGap),
            _ => Ok(()),
        }
    }

    fn attempt(&mut self, action: &Action) -> Result<(), Reject> {
        match action {
            Action::Tick => Ok(()),
            Action::Step => self.step(),
            Action::PlaceOrder(order) => self.place(order),
            Action::CancelOrder(cancel) => self.cancel(cancel),
            Action::CancelAll(cancel) => self.cancel_all(cancel),
            _ => self.administer(action),
        }
    }

    fn remember(&mut self, command: &Command, reject: Option<Reject>) {
        match command.origin {
            Origin::Client(id, deadline) => self.seen.push((id, deadline, self.seq)),
            Origin::Service(source, n) => {
                let is_unnumbered = matches!(
                    reject,
                    Some(Reject::SourceGap | Reject::SourceConflict | Reject::OriginNotAllowed | Reject::NotBegun)
                );
                if !is_unnumbered {
                    self.services.insert(source, (n, command.action.clone(), self.seq));
                }
            }
            Origin::Sequencer => {}
        }
    }

    fn tell_counts(&mut self) {
        let (placed, rewarded) = (std::mem::take(&mut self.placed), std::mem::take(&mut self.rewarded));
        for &account in placed.union(&rewarded) {
            let counts = self.counts(account);
            let person = self.people.get_mut(&account).expect("a counted account exists");
            if person.shown != counts || placed.contains(&account) {
                person.shown = counts;
                let (ten_seconds, day) = counts;
                self.events.push(Event::OrderCountsChanged(OrderCounts { account, ten_seconds, day }));
            }
        }
    }

    fn tell_balances(&mut self) {
        for (account, asset) in std::mem::take(&mut self.touched) {
            self.events.push(Event::BalanceChanged(self.balance(account, asset)));
        }
    }

    fn next_execution(&mut self) -> emporion_model::ExecutionId {
        self.executions += 1;
        emporion_model::ExecutionId(self.executions)
    }
}
