//! The sequencer's promises, on a journal whose commits the test controls.

use super::*;
use crate::replay::{Recovered, begin, recover};
use crate::testing::{Commits, MemoryJournal, MemorySnapshots};
use emporion_model::asset::SUPPLY_CAP_MAX;
use emporion_model::options::Options;
use emporion_model::order::AccountKind;
use emporion_model::symbol::{FeeRates, LotFilter, NotionalFilter, PriceFilter};
use emporion_model::{
    AccountId, Amount, CancelAll, CommandId, Genesis, Mode, OrderKind, OrderType, PlaceOrder, Price, Quantity, Rate,
    Seq, Side, StpMode, SymbolId, SymbolRules, SymbolSpec, SymbolStatus, TimeInForce, TimeUs, Transfer, TransferReason,
};
use emporion_ports::feed::{InProcessFeed, Received};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const ALICE: AccountId = AccountId::FIRST_USER;
const SESSION: SessionId = SessionId(1);

/// A running sequencer over a journal in memory, with one funded account.
struct Venue {
    handle: SequencerHandle,
    end: oneshot::Receiver<SequencerEnd>,
    journal: Arc<MemoryJournal>,
    feed: Arc<InProcessFeed>,
    projected: mpsc::Receiver<Arc<CommittedBatch>>,
}

impl Venue {
    async fn start() -> Self {
        Self::with_clock(Clock::system()).await
    }

    async fn with_clock(clock: Clock) -> Self {
        let venue = Self::over(Arc::new(MemoryJournal::new()), clock).await;
        venue.service(1, Action::CreateAccount(AccountKind::User)).await.unwrap();
        for (n, asset) in [(2, AssetId(0)), (3, AssetId(1))] {
            let deposit = Transfer {
                reason: TransferReason::Deposit,
                from: AccountId::EXTERNAL,
                to: ALICE,
                asset,
                amount: Amount(1_000_000_000_000),
                reference: "".parse().unwrap(),
            };
            assert_eq!(venue.service(n, Action::Transfer(deposit)).await, Ok(ServiceOutcome::Done));
        }
        venue
    }

    /// Recovers from a journal, as a start does.
    async fn over(journal: Arc<MemoryJournal>, clock: Clock) -> Self {
        let recovered = recover(&*journal, &MemorySnapshots::default(), 0, &|_, _| {}).await.unwrap();
        let head = journal.take_over().await.unwrap();
        let mut recovered = Recovered { head, ..recovered };
        if head.seq == Seq::ZERO {
            recovered = begin(&*journal, recovered, genesis(), Clock::system().now()).await.unwrap();
        }
        let feed = Arc::new(InProcessFeed::new(1_024));
        let (projector, projected) = mpsc::channel(1_024);
        let sequencer = Sequencer {
            engine: recovered.engine,
            head: recovered.head,
            journal: Arc::clone(&journal) as Arc<dyn Journal>,
            feed: Arc::clone(&feed) as Arc<dyn Feed>,
            projector,
            committed: watch::Sender::new(Committed::default()),
            clock,
            limits: InboxLimits::default(),
        };
        let (handle, end) = sequencer.start(&Handle::current());
        Self { handle, end, journal, feed, projected }
    }

    async fn service(&self, n: u64, action: Action) -> Result<ServiceOutcome, SubmitError> {
        EngineCommands::submit(&self.handle, SourceId::USERS, n, action).await
    }

    async fn submit(&self, command: Command) -> Result<Outcome, QueueError> {
        OrderQueue::submit(&self.handle, SESSION, command).await
    }

    /// Waits until the sequencer has taken what was submitted.
    async fn taken(&self) {
        tokio::task::yield_now().await;
        while !self.handle.inbox.is_empty() {
            tokio::task::yield_now().await;
        }
    }

    /// Stops it; the two questions of every venue test: does money balance, does a replay agree?
    async fn check_and_stop(self) -> Arc<MemoryJournal> {
        self.handle.stop();
        assert_eq!(self.end.await, Ok(SequencerEnd::Stopped));
        let recovered = recover(&*self.journal, &MemorySnapshots::default(), 7, &|_, _| {}).await.unwrap();
        assert_eq!(recovered.engine.check_invariants(), Ok(()));
        assert_eq!(recovered.head.seq, recovered.engine.seq());
        self.journal
    }
}

fn genesis() -> Genesis {
    let asset = |code: &str| Asset {
        code: code.parse().unwrap(),
        ledger_scale: 8,
        display_scale: 8,
        supply_cap: Amount(SUPPLY_CAP_MAX),
    };
    let lot = LotFilter { min: Quantity(1), max: Quantity(1_000_000), step: Quantity(1) };
    let rules = SymbolRules {
        price: PriceFilter { min: Price(1), max: Price(1_000_000), tick: Price(1) },
        lot,
        market_lot: lot,
        notional: NotionalFilter {
            min: Amount(0),
            min_to_market: false,
            max: None,
            max_to_market: false,
            average_minutes: 5,
        },
        percent_price: None,
        orders_max: 1_000,
        position_max: None,
        order_types: vec![OrderType::Limit, OrderType::LimitMaker, OrderType::Market],
        quote_quantity_market: true,
        stp_default: StpMode::None,
        stp_allowed: vec![StpMode::None],
        fees: vec![FeeRates { maker: Rate(0), taker: Rate(0) }],
    };
    let symbol = SymbolSpec {
        name: "BTCUSDT".parse().unwrap(),
        base: AssetId(0),
        quote: AssetId(1),
        price_scale: 2,
        quantity_scale: 4,
        rules,
        status: SymbolStatus::Trading,
    };
    Genesis {
        rules_version: 1,
        mode: Mode::Sandbox,
        assets: vec![asset("BTC"), asset("USDT")],
        symbols: vec![symbol],
        options: Options { cancels_per_step_max: 2, ..Options::default() },
    }
}

fn client(number: u8, deadline: TimeUs, action: Action) -> Command {
    Command { origin: Origin::Client(CommandId([number; 16]), deadline), action }
}

fn soon() -> TimeUs {
    Clock::system().now().plus_us(5_000_000)
}

fn buy(number: u8) -> Command {
    client(number, soon(), Action::PlaceOrder(order(number)))
}

fn order(number: u8) -> PlaceOrder {
    PlaceOrder {
        account: ALICE,
        symbol: SymbolId(0),
        side: Side::Buy,
        client_order_id: format!("order-{number}").parse().unwrap(),
        kind: OrderKind::Limit(Price(100), Quantity(10), TimeInForce::Gtc),
        stp: None,
        strategy: None,
    }
}

#[tokio::test]
async fn an_outcome_is_committed_published_and_handed_to_the_projector() {
    let mut venue = Venue::start().await;
    let mut feed = venue.feed.subscribe();
    let outcome = venue.submit(buy(1)).await.unwrap();
    assert_eq!(outcome.reject(), None);
    assert!(outcome.events().any(|event| matches!(event, Event::OrderRested(_))));
    assert!(venue.handle.committed().borrow().seq >= outcome.seq());
    assert!(venue.journal.rows().iter().any(|row| row.last_seq >= outcome.seq()));
    loop {
        let Received::Batch(batch) = feed.next().await else { panic!("no batch is lost") };
        if batch.head.seq == outcome.seq() {
            break;
        }
    }
    while venue.projected.recv().await.unwrap().head.seq < outcome.seq() {}
    venue.check_and_stop().await;
}

#[tokio::test]
async fn nothing_is_shown_before_its_commit() {
    let venue = Venue::start().await;
    let mut feed = venue.feed.subscribe();
    let held = venue.journal.permits.forget_permits(usize::MAX);
    let (handle, command) = (venue.handle.clone(), buy(1));
    let answer = tokio::spawn(async move { OrderQueue::submit(&handle, SESSION, command).await });
    let refused = client(
        2,
        soon(),
        Action::CancelAll(CancelAll { account: ALICE, symbol: SymbolId(9), cancel_id: "c".parse().unwrap() }),
    );
    let handle = venue.handle.clone();
    let refusal = tokio::spawn(async move { OrderQueue::submit(&handle, SessionId(2), refused).await });
    let last_row = || venue.journal.rows().last().unwrap().last_seq;
    let shown = async {
        while let Received::Batch(batch) = feed.next().await {
            assert!(batch.head.seq <= last_row());
        }
    };
    assert!(tokio::time::timeout(Duration::from_millis(100), shown).await.is_err());
    assert!(!answer.is_finished() && !refusal.is_finished());
    let before = last_row();
    assert!(venue.handle.committed().borrow().seq <= before);
    venue.journal.permits.add_permits(held);
    assert!(answer.await.unwrap().unwrap().seq() > before);
    assert_eq!(refusal.await.unwrap().unwrap().reject(), Some(Reject::UnknownSymbol));
    venue.check_and_stop().await;
}

#[tokio::test]
async fn a_repeat_gets_the_first_outcome_and_no_seq() {
    let venue = Venue::start().await;
    let command = buy(1);
    let (first, joined) = tokio::join!(venue.submit(command.clone()), venue.submit(command.clone()));
    let (first, joined) = (first.unwrap(), joined.unwrap());
    let later = venue.submit(command).await.unwrap();
    assert_eq!((joined.seq(), later.seq()), (first.seq(), first.seq()));
    assert!(first.events().eq(later.events()) && first.events().eq(joined.events()));
    let committed = *venue.handle.committed().borrow();
    assert_eq!(committed.seq, first.seq());
    venue.check_and_stop().await;
}

#[tokio::test]
async fn a_repeat_after_a_restart_gets_the_first_outcome() {
    let venue = Venue::start().await;
    let command = buy(1);
    let first = venue.submit(command.clone()).await.unwrap();
    let venue = Venue::over(venue.check_and_stop().await, Clock::system()).await;
    assert_eq!(venue.submit(command).await.unwrap().seq(), first.seq());
    venue.check_and_stop().await;
}

#[tokio::test]
async fn late_commands_are_refused_and_very_late_ones_dropped() {
    let venue = Venue::start().await;
    let now = Clock::system().now();
    let late = client(1, TimeUs(now.0 - 1_000_000), Action::PlaceOrder(order(1)));
    assert_eq!(venue.submit(late).await.unwrap().reject(), Some(Reject::DeadlinePassed));
    let before = venue.handle.committed().borrow().seq;
    let dropped = client(2, TimeUs(now.0 - 61_000_000), Action::PlaceOrder(order(2)));
    assert_eq!(venue.submit(dropped).await.unwrap_err(), QueueError::Expired);
    assert_eq!(venue.handle.committed().borrow().seq, before);
    venue.check_and_stop().await;
}

#[tokio::test]
async fn a_command_that_waits_behind_a_stalled_commit_is_judged_by_a_later_time() {
    let ahead_us = Arc::new(AtomicU64::new(0));
    let (system, shift) = (Clock::system(), Arc::clone(&ahead_us));
    let clock = Clock::new(move || system.now().plus_us(shift.load(Ordering::SeqCst)));
    let venue = Venue::with_clock(clock.clone()).await;
    let held = venue.journal.permits.forget_permits(usize::MAX);
    let submit = |number, deadline| {
        let (handle, command) = (venue.handle.clone(), client(number, deadline, Action::PlaceOrder(order(number))));
        tokio::spawn(async move { OrderQueue::submit(&handle, SessionId(u64::from(number)), command).await })
    };
    let first = submit(1, soon());
    venue.taken().await;
    let second = submit(2, soon());
    venue.taken().await;
    ahead_us.store(200_000, Ordering::SeqCst);
    let late = submit(3, clock.now().plus_us(300_000));
    tokio::task::yield_now().await;
    assert!(!venue.handle.inbox.is_empty());
    ahead_us.store(900_000, Ordering::SeqCst);
    venue.journal.permits.add_permits(held);
    assert_eq!(first.await.unwrap().unwrap().reject(), None);
    assert_eq!(second.await.unwrap().unwrap().reject(), None);
    assert_eq!(late.await.unwrap().unwrap().reject(), Some(Reject::DeadlinePassed));
    venue.check_and_stop().await;
}

#[tokio::test]
async fn a_mass_cancel_answers_with_all_of_its_steps() {
    let venue = Venue::start().await;
    for number in 1..=5 {
        venue.submit(buy(number)).await.unwrap();
    }
    let cancel = CancelAll { account: ALICE, symbol: SymbolId(0), cancel_id: "all".parse().unwrap() };
    let outcome = venue.submit(client(9, soon(), Action::CancelAll(cancel))).await.unwrap();
    let closed = outcome.events().filter(|event| matches!(event, Event::OrderClosed(_))).count();
    assert_eq!(closed, 5);
    venue.check_and_stop().await;
}

#[tokio::test]
async fn services_keep_their_numbers() {
    let venue = Venue::start().await;
    let create = Action::CreateAccount(AccountKind::User);
    let opened = venue.service(4, create.clone()).await;
    assert_eq!(opened, Ok(ServiceOutcome::AccountOpened(AccountId(1_001))));
    assert_eq!(venue.service(4, create.clone()).await, opened);
    assert_eq!(venue.service(6, create.clone()).await, Err(SubmitError::OutOfOrder { last_n: 4 }));
    assert_eq!(venue.service(4, Action::SetFrozen(ALICE, true)).await, Err(SubmitError::OtherAction));
    assert_eq!(venue.service(3, create).await, Err(SubmitError::OutOfOrder { last_n: 4 }));
    let unknown = Action::SetFrozen(AccountId(5), true);
    assert_eq!(venue.service(5, unknown).await, Ok(ServiceOutcome::Rejected(Reject::UnknownAccount)));
    assert_eq!(venue.handle.last_n(SourceId::USERS).await, Ok(5));
    assert_eq!(venue.handle.asset("USDT".parse().unwrap()).await.unwrap().unwrap().0, AssetId(1));
    venue.check_and_stop().await;
}

/// Submits while commits go wrong; says what the client hears and whether the order is there afterwards.
async fn check_failure(commits: Commits, is_there: bool) {
    let venue = Venue::start().await;
    venue.journal.set_commits(commits);
    let command = buy(1);
    assert_eq!(venue.submit(command.clone()).await.unwrap_err(), QueueError::Unknown);
    assert!(matches!(venue.end.await, Ok(SequencerEnd::Failed(_))));
    let handle = venue.handle;
    assert_eq!(OrderQueue::submit(&handle, SESSION, buy(2)).await.unwrap_err(), QueueError::Busy);

    venue.journal.set_commits(Commits::Succeed);
    let recovered = Venue::over(venue.journal, Clock::system()).await;
    let rows_before = recovered.journal.rows().len();
    let outcome = recovered.submit(command).await.unwrap();
    let was_repeated = recovered.journal.rows()[..rows_before].iter().any(|row| row.last_seq >= outcome.seq());
    assert_eq!(was_repeated, is_there);
    recovered.check_and_stop().await;
}

#[tokio::test]
async fn a_failed_commit_is_unknown_and_memory_is_thrown_away() {
    check_failure(Commits::Fail, false).await;
    check_failure(Commits::FailAfterwards, true).await;
}

#[tokio::test]
async fn a_deposed_leader_writes_nothing_and_ends() {
    let venue = Venue::start().await;
    let rows = venue.journal.rows().len();
    let head = venue.journal.take_over().await.unwrap();
    assert_eq!(venue.submit(buy(1)).await.unwrap_err(), QueueError::Unknown);
    assert_eq!(venue.end.await, Ok(SequencerEnd::Fenced(head)));
    assert_eq!(venue.journal.rows().len(), rows);
}

#[tokio::test]
async fn a_stalled_commit_leaves_its_orders_unknown_and_refuses_new_ones_until_it_ends() {
    let venue = Venue::start().await;
    let held = venue.journal.permits.forget_permits(usize::MAX);
    let mut stalled = venue.handle.stalled();
    let command = buy(1);
    assert_eq!(venue.submit(command.clone()).await.unwrap_err(), QueueError::Unknown);
    stalled.wait_for(|stalled| *stalled).await.unwrap();
    assert_eq!(venue.submit(buy(2)).await.unwrap_err(), QueueError::Busy);
    assert_eq!(venue.submit(command.clone()).await.unwrap_err(), QueueError::Busy);
    let cancel = CancelAll { account: ALICE, symbol: SymbolId(0), cancel_id: "all".parse().unwrap() };
    let cancel = client(3, soon(), Action::CancelAll(cancel));
    let handle = venue.handle.clone();
    let canceled = tokio::spawn(async move { OrderQueue::submit(&handle, SessionId(2), cancel).await });
    tokio::task::yield_now().await;

    venue.journal.permits.add_permits(held);
    stalled.wait_for(|stalled| !*stalled).await.unwrap();
    let outcome = venue.submit(command).await.unwrap();
    assert_eq!(outcome.reject(), None);
    assert!(canceled.await.unwrap().unwrap().seq() > outcome.seq());
    venue.submit(buy(2)).await.unwrap();
    venue.check_and_stop().await;
}

#[tokio::test]
async fn a_stalled_commit_that_fails_ends_the_sequencer() {
    let venue = Venue::start().await;
    let held = venue.journal.permits.forget_permits(usize::MAX);
    assert_eq!(venue.submit(buy(1)).await.unwrap_err(), QueueError::Unknown);
    venue.journal.set_commits(Commits::Fail);
    venue.journal.permits.add_permits(held);
    assert!(matches!(venue.end.await, Ok(SequencerEnd::Failed(_))));
    assert!(!*venue.handle.stalled().borrow());
}

#[tokio::test]
async fn an_idle_second_is_journaled() {
    let venue = Venue::start().await;
    let before = venue.handle.committed().borrow().seq;
    let mut committed = venue.handle.committed();
    let tick = committed.wait_for(|committed| committed.seq > before).await.unwrap().seq;
    let row = venue.journal.row_of(tick).await.unwrap().unwrap();
    assert_eq!(row.entries().unwrap()[0].1.command.action, Action::Tick);
    venue.check_and_stop().await;
}
