//! The engine with people on it: performs statements, and compares the venue before and after each.

use super::names::Names;
use super::report;
use super::statement::Statement;
use emporion_engine::{Admission, Engine};
use emporion_model::codec::{Durable, Writer};
use emporion_model::{
    AccountId, AccountKind, Action, CancelAll, CancelOrder, Command, CommandId, Event, Genesis, Origin, PlaceOrder,
    SourceId, SymbolId, TimeUs, Transfer,
};

/// 2026-01-01 00:00:00 UTC.
const START: TimeUs = TimeUs(1_767_225_600_000_000);

/// How long after it is sent a client's command may be executed.
const VALID_US: u64 = 5_000_000;

/// The hash keys of the engine and of its replay; they change nothing.
const KEYS: [u64; 2] = [1, 2];

pub(super) struct Stage {
    engine: Engine,
    names: Names,
    time: TimeUs,
    /// Every command that took a seq, with its time and its events.
    log: Vec<(TimeUs, Command, Vec<Event>)>,
    last_of_client: Option<Command>,
    command_ids: u64,
}

impl Stage {
    pub(super) fn begin(genesis: Genesis) -> Result<Self, String> {
        emporion_engine::check_genesis(&genesis)?;
        let mut stage = Self {
            engine: Engine::new(KEYS[0]),
            names: Names::default(),
            time: START,
            log: Vec::new(),
            last_of_client: None,
            command_ids: 0,
        };
        stage.submit(Command { origin: Origin::Sequencer, action: Action::Genesis(Box::new(genesis)) })?;
        Ok(stage)
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Performs a statement; gives what it caused, line by line.
    pub(super) fn perform(&mut self, statement: Statement) -> Result<Vec<String>, String> {
        self.meet_everybody(&statement)?;
        let (books, balances) = (report::books(&self.engine), report::balances(&self.engine, &self.names));
        let mut told = self.act(statement)?;
        while self.engine.has_work() {
            told.push("step".to_owned());
            told.extend(self.submit(Command { origin: Origin::Sequencer, action: Action::Step })?);
        }
        told.extend(report::books(&self.engine).into_iter().filter(|line| !books.contains(line)));
        for (cell, line) in report::balances(&self.engine, &self.names) {
            let is_new_zero = !balances.contains_key(&cell) && line.contains(": 0 free 0 locked");
            if balances.get(&cell) != Some(&line) && !is_new_zero {
                told.push(line);
            }
        }
        Ok(told)
    }

    fn act(&mut self, statement: Statement) -> Result<Vec<String>, String> {
        match statement {
            Statement::Transfer { reason, from, to, amount, asset } => {
                let (from, to) = (self.account(&from)?, self.account(&to)?);
                let reference = "scenario".parse().map_err(|error| format!("{error}"))?;
                self.operator(Action::Transfer(Transfer { reason, from, to, asset, amount, reference }))
            }
            Statement::Order { who, symbol, side, kind, stp, name, late_us } => {
                let account = self.account(&who)?;
                let order =
                    PlaceOrder { account, symbol: symbol.id, side, client_order_id: name, kind, stp, strategy: None };
                self.client(Action::PlaceOrder(order), late_us)
            }
            Statement::Cancel { who, order_id, name, restriction, late_us } => {
                let account = self.account(&who)?;
                let symbol = self.symbol_of_order(account, name);
                let cancel_id = "cancel".parse().map_err(|error| format!("{error}"))?;
                let cancel = CancelOrder { account, symbol, order_id, client_order_id: name, cancel_id, restriction };
                self.client(Action::CancelOrder(cancel), late_us)
            }
            Statement::CancelAll { who, symbol } => {
                let cancel_id = "cancel".parse().map_err(|error| format!("{error}"))?;
                let cancel = CancelAll { account: self.account(&who)?, symbol: symbol.id, cancel_id };
                self.client(Action::CancelAll(cancel), 0)
            }
            Statement::Again => self.again(),
            Statement::Status(symbol, status) => self.operator(Action::SetSymbolStatus(symbol.id, status)),
            Statement::Freeze(who, frozen) => self.operator(Action::SetFrozen(self.account(&who)?, frozen)),
            Statement::FeeTier(who, tier) => self.operator(Action::SetFeeTier(self.account(&who)?, tier)),
            Statement::Group(who, group) => self.operator(Action::SetTradeGroup(self.account(&who)?, Some(group))),
            Statement::Limits(who, limits) => {
                self.operator(Action::SetOrderCountLimits(self.account(&who)?, Some(limits)))
            }
            Statement::Options(options) => self.operator(Action::SetOptions(options)),
            Statement::Wait(microseconds) => {
                self.time = self.time.plus_us(microseconds);
                self.submit(Command { origin: Origin::Sequencer, action: Action::Tick })
            }
            Statement::Counts(who) => {
                let events = self.log.iter().flat_map(|(_, _, events)| events);
                Ok(vec![report::counts(self.account(&who)?, events, self.time)])
            }
        }
    }

    /// Opens accounts for people who are mentioned for the first time.
    fn meet_everybody(&mut self, statement: &Statement) -> Result<(), String> {
        for name in statement.people() {
            if self.names.account(name).is_none() {
                self.operator(Action::CreateAccount(AccountKind::User))?;
                let (id, _) = self.engine.accounts().last().ok_or("no account was opened")?;
                self.names.add(name, id);
            }
        }
        Ok(())
    }

    fn account(&self, name: &str) -> Result<AccountId, String> {
        self.names.account(name).ok_or_else(|| format!("nobody is called {name}"))
    }

    /// Where the account's order of this name rests; the first symbol when it has none.
    fn symbol_of_order(&self, account: AccountId, name: Option<emporion_model::ClientOrderId>) -> SymbolId {
        let mut open = self.engine.open_orders();
        let found = open.find(|order| order.account == account && Some(order.client_order_id) == name);
        found.map_or(SymbolId(0), |order| order.symbol)
    }

    fn client(&mut self, action: Action, late_us: u64) -> Result<Vec<String>, String> {
        self.command_ids += 1;
        let command_id = CommandId(u128::from(self.command_ids).to_be_bytes());
        let deadline = if late_us == 0 { self.time.plus_us(VALID_US) } else { TimeUs(self.time.0 - late_us) };
        let command = Command { origin: Origin::Client(command_id, deadline), action };
        self.last_of_client = Some(command.clone());
        self.submit(command)
    }

    fn again(&mut self) -> Result<Vec<String>, String> {
        let command = self.last_of_client.clone().ok_or("no client has sent anything yet")?;
        match self.engine.admit(self.time, &command) {
            Admission::New => self.submit(command),
            Admission::Duplicate(seq) => {
                let (_, _, events) = &self.log[seq.0 as usize - 1];
                let mut told = vec!["a repeat, executed once; the first answer stands:".to_owned()];
                told.extend(report::events(&self.engine, &self.names, events));
                Ok(told)
            }
            Admission::Drop => Ok(vec!["too old to be answered".to_owned()]),
        }
    }

    fn operator(&mut self, action: Action) -> Result<Vec<String>, String> {
        let n = self.engine.source_n(SourceId::OPERATOR) + 1;
        self.submit(Command { origin: Origin::Service(SourceId::OPERATOR, n), action })
    }

    fn submit(&mut self, command: Command) -> Result<Vec<String>, String> {
        let mut events = Vec::new();
        self.engine.apply(self.engine.seq().next(), self.time, &command, &mut events);
        self.engine.check_invariants()?;
        self.names.note(&events);
        let told = report::events(&self.engine, &self.names, &events);
        self.log.push((self.time, command, events));
        Ok(told)
    }

    /// The two questions at the end of every scenario: does the money of every asset balance, and does a
    /// replay come to the same state?
    pub(super) fn end(&self) -> Result<Vec<String>, String> {
        let mut told = report::sums(&self.engine)?;
        let mut replay = Engine::new(KEYS[1]);
        for (place, (time, command, events)) in self.log.iter().enumerate() {
            if place == self.log.len() / 2 {
                replay = Engine::restore(&replay.snapshot(), KEYS[0]).map_err(|error| error.to_string())?;
            }
            let mut replayed = Vec::new();
            replay.apply(replay.seq().next(), *time, command, &mut replayed);
            if bytes_of(&replayed) != bytes_of(events) {
                return Err(format!("the replay of {command:?} differs"));
            }
        }
        if replay.state_hash() != self.engine.state_hash() {
            return Err("the replay comes to another state".to_owned());
        }
        told.push(format!("replay of {} commands: the same events, the same state", self.log.len()));
        Ok(told)
    }
}

fn bytes_of(events: &[Event]) -> Vec<u8> {
    let mut writer = Writer::default();
    events.iter().for_each(|event| event.encode(&mut writer));
    writer.into_bytes()
}
