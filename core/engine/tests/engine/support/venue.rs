//! A venue that is checked after every command: engine ≡ oracle ≡ fold of the events, invariants hold; and
//! at its end: replay ≡ live.

use super::fold::Fold;
use crate::oracle::{Admitted, Oracle};
use emporion_engine::{Admission, BookLevel, Engine};
use emporion_model::codec::{Durable, Writer};
use emporion_model::{
    AccountId, AccountKind, Action, Amount, AssetId, Command, CommandId, Event, Genesis, Origin, Reject, Side,
    SourceId, SymbolId, SymbolStatus, TimeUs, Transfer, TransferReason,
};
use std::collections::BTreeMap;

/// Any hash key will do; a replay takes another one.
const LIVE_KEY: u64 = 0x5eed;

/// 2026-01-01 00:00:00 UTC.
pub(crate) const START: TimeUs = TimeUs(1_767_225_600_000_000);

pub(crate) struct Venue {
    pub(crate) engine: Engine,
    oracle: Oracle,
    fold: Fold,
    pub(crate) time: TimeUs,
    /// The commands that took a seq, with their times and the events they caused.
    pub(crate) log: Vec<(TimeUs, Command, Vec<Event>)>,
    command_ids: u64,
}

impl Venue {
    /// A venue after this genesis.
    pub(crate) fn begun(genesis: Genesis) -> Self {
        let mut venue = Self::empty();
        assert_eq!(venue.run(Action::Genesis(Box::new(genesis))), Ok(()));
        venue
    }

    pub(crate) fn empty() -> Self {
        Self {
            engine: Engine::new(LIVE_KEY),
            oracle: Oracle::default(),
            fold: Fold::default(),
            time: START,
            log: Vec::new(),
            command_ids: 0,
        }
    }

    pub(crate) fn wait(&mut self, microseconds: u64) {
        self.time = self.time.plus_us(microseconds);
    }

    /// A client's command, executable for the next five seconds.
    pub(crate) fn client(&mut self, action: Action) -> Result<(), Reject> {
        self.client_until(self.time.plus_us(5_000_000), action)
    }

    pub(crate) fn client_until(&mut self, deadline: TimeUs, action: Action) -> Result<(), Reject> {
        let origin = Origin::Client(self.fresh_command_id(), deadline);
        self.submit(Command { origin, action })
    }

    /// The operator's next command.
    pub(crate) fn operator(&mut self, action: Action) -> Result<(), Reject> {
        let n = self.engine.source_n(SourceId::OPERATOR) + 1;
        self.submit(Command { origin: Origin::Service(SourceId::OPERATOR, n), action })
    }

    /// The sequencer's own command.
    pub(crate) fn run(&mut self, action: Action) -> Result<(), Reject> {
        self.submit(Command { origin: Origin::Sequencer, action })
    }

    /// Opens accounts with this much of every asset: the third of them, if there are so many, for a recorded
    /// market, the others for users.
    pub(crate) fn open_accounts(&mut self, count: usize, each: i128) -> Vec<AccountId> {
        let assets = self.engine.assets().len() as u16;
        (0..count)
            .map(|place| {
                let kind = if place == 2 { AccountKind::Replayer } else { AccountKind::User };
                assert_eq!(self.operator(Action::CreateAccount(kind)), Ok(()));
                let (account, _) = self.engine.accounts().last().expect("one was opened");
                (0..assets).for_each(|asset| self.deposit(account, AssetId(asset), each));
                account
            })
            .collect()
    }

    pub(crate) fn deposit(&mut self, to: AccountId, asset: AssetId, amount: i128) {
        let reason = TransferReason::Deposit;
        let transfer = Transfer {
            reason,
            from: AccountId::EXTERNAL,
            to,
            asset,
            amount: Amount(amount),
            reference: "test".parse().expect("legal"),
        };
        assert_eq!(self.operator(Action::Transfer(transfer)), Ok(()));
    }

    pub(crate) fn set_status(&mut self, symbol: SymbolId, status: SymbolStatus) -> Result<(), Reject> {
        self.operator(Action::SetSymbolStatus(symbol, status))
    }

    /// Steps until no work waits, as the sequencer does before any other command.
    pub(crate) fn finish_work(&mut self) {
        while self.engine.has_work() {
            assert_eq!(self.run(Action::Step), Ok(()));
        }
    }

    pub(crate) fn fresh_command_id(&mut self) -> CommandId {
        self.command_ids += 1;
        CommandId(u128::from(self.command_ids).to_be_bytes())
    }

    /// Admits and applies a command. One that takes no seq is no reject.
    pub(crate) fn submit(&mut self, command: Command) -> Result<(), Reject> {
        let admitted = match self.engine.admit(self.time, &command) {
            Admission::New => Admitted::New,
            Admission::Duplicate(seq) => Admitted::Duplicate(seq),
            Admission::Drop => Admitted::Drop,
        };
        assert_eq!(admitted, self.oracle.admit(self.time, &command), "admission of {command:?}");
        if admitted != Admitted::New {
            return Ok(());
        }
        self.apply(command)
    }

    fn apply(&mut self, command: Command) -> Result<(), Reject> {
        let seq = self.engine.seq().next();
        let mut events = Vec::new();
        self.engine.apply(seq, self.time, &command, &mut events);
        assert_eq!(events, self.oracle.apply(seq, self.time, &command), "engine (left), oracle (right): {command:?}");
        events.iter().for_each(|event| self.fold.apply(event));
        let reject = match events.last() {
            Some(Event::Rejected(reject)) => Err(*reject),
            _ => Ok(()),
        };
        let rejects = events.iter().filter(|event| matches!(event, Event::Rejected(_))).count();
        assert_eq!(rejects, usize::from(reject.is_err()), "a reject is the last event and the only one");
        self.log.push((self.time, command, events));
        self.check();
        reject
    }

    fn check(&self) {
        assert_eq!(self.engine.check_invariants(), Ok(()));
        assert_eq!(self.engine.has_work(), self.oracle.has_work());
        assert_eq!(self.engine.remembered_commands(), self.oracle.remembered().count());
        self.check_orders();
        self.check_levels();
        self.check_balances();
    }

    fn check_orders(&self) {
        let mut count = 0;
        let mut engine_orders = self.engine.open_orders();
        for symbol in self.symbols() {
            for side in [Side::Buy, Side::Sell] {
                for expected in self.oracle.line(symbol, side) {
                    let order = engine_orders.next().expect("the engine has every order that the oracle has");
                    assert_eq!(
                        (order.order_id, order.account, order.client_order_id, order.side, order.kind),
                        (expected.id, expected.account, expected.client_order_id, expected.side, expected.kind)
                    );
                    assert_eq!(
                        (order.remaining.0, order.executed.0, order.executed_quote.0, order.prevented.0),
                        (expected.left, expected.executed, expected.executed_quote, expected.prevented)
                    );
                    assert_eq!(order.held.0, self.oracle.hold_of(expected).1);
                    let folded = &self.fold.open[&(symbol, order.order_id)];
                    assert_eq!((folded.executed, folded.prevented), (order.executed, order.prevented));
                    count += 1;
                }
            }
        }
        assert!(engine_orders.next().is_none(), "the oracle has every order that the engine has");
        assert_eq!(self.fold.open.len(), count, "every other order has ended in an event");
    }

    fn check_levels(&self) {
        let mut levels = BTreeMap::new();
        for symbol in self.symbols() {
            for side in [Side::Buy, Side::Sell] {
                let mut lines: Vec<BookLevel> = Vec::new();
                for order in self.oracle.line(symbol, side) {
                    match lines.last_mut().filter(|level| level.price == order.price) {
                        Some(level) => {
                            level.quantity += u128::from(order.left);
                            level.orders += 1;
                        }
                        None => {
                            lines.push(BookLevel { price: order.price, quantity: u128::from(order.left), orders: 1 });
                        }
                    }
                }
                assert!(self.engine.levels(symbol, side).eq(lines.iter().copied()), "{symbol} {side:?}");
                levels.extend(lines.iter().map(|level| ((symbol, side, level.price), level.quantity)));
            }
        }
        assert_eq!(self.fold.levels, levels, "the fold of the events");
    }

    fn check_balances(&self) {
        let zero = (0, 0);
        let mut engine: BTreeMap<_, _> =
            self.engine.balances().map(|cell| ((cell.account, cell.asset), (cell.free.0, cell.locked.0))).collect();
        engine.retain(|_, cell| *cell != zero);
        let mut folded = self.fold.balances.clone();
        folded.retain(|_, cell| *cell != zero);
        assert_eq!(engine, folded, "the fold of the events");
        for &account in self.oracle.people.keys() {
            for asset in (0..self.oracle.assets.len()).map(|place| AssetId(place as u16)) {
                let expected = self.oracle.balance(account, asset);
                let found = engine.get(&(account, asset)).copied().unwrap_or(zero);
                assert_eq!(found, (expected.free.0, expected.locked.0), "account {account}, asset {asset}");
            }
        }
    }

    fn symbols(&self) -> impl Iterator<Item = SymbolId> + use<> {
        (0..self.oracle.markets.len()).map(|place| SymbolId(place as u16))
    }

    /// Runs the same commands on another engine with another hash key, and from snapshots taken on the way:
    /// the same bytes of events, the same state hash.
    pub(crate) fn check_replay(&self) {
        let hash = self.engine.state_hash();
        let mut replayed = Engine::new(!LIVE_KEY);
        let cuts = [self.log.len() / 3, 2 * self.log.len() / 3, self.log.len()];
        for cut in cuts {
            self.replay_onto(&mut replayed, cut);
            let snapshot = replayed.snapshot();
            let mut restored = Engine::restore(&snapshot, LIVE_KEY ^ cut as u64).expect("our own snapshot");
            assert_eq!(restored.snapshot(), snapshot, "a snapshot is canonical");
            self.replay_onto(&mut restored, self.log.len());
            assert_eq!(restored.state_hash(), hash, "from the snapshot at {cut}");
            assert_eq!(restored.check_invariants(), Ok(()));
        }
        assert_eq!(replayed.state_hash(), hash);
    }

    /// Brings an engine up to the first `until` commands.
    fn replay_onto(&self, engine: &mut Engine, until: usize) {
        let from = engine.seq().0 as usize;
        for (time, command, expected) in &self.log[from..until] {
            let mut events = Vec::new();
            engine.apply(engine.seq().next(), *time, command, &mut events);
            assert_eq!(bytes_of(&events), bytes_of(expected), "replay of {command:?}");
        }
    }
}

fn bytes_of(events: &[Event]) -> Vec<u8> {
    let mut writer = Writer::default();
    events.iter().for_each(|event| event.encode(&mut writer));
    writer.into_bytes()
}
