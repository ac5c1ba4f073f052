//! An engine of a few lines: opens accounts, credits deposits up to a cap, takes `(source, n)` as the real one
//! does, and misbehaves on request.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use emporion_model::{AccountId, Action, Amount, Asset, AssetCode, AssetId, Reject, SourceId};
use emporion_ports::commands::{EngineCommands, ServiceOutcome, SubmitError};
use tokio::sync::Notify;

/// What the engine does with the next command instead of just taking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Executes it, but the answer is lost.
    LoseAnswer,
    /// Loses it on the way.
    LoseCommand,
    /// Says that there is no room.
    Busy,
    /// Refuses it.
    Refuse(Reject),
    /// Never answers.
    Hang,
}

/// Supply caps are this many ledger units.
pub(crate) const SUPPLY_CAP: i128 = 1_000_000_000_000;

#[derive(Default)]
pub(crate) struct FakeEngine {
    state: Mutex<State>,
    executions: Notify,
}

#[derive(Default, Clone)]
struct State {
    last: Option<(Action, ServiceOutcome)>,
    last_n: u64,
    accounts: u64,
    balances: BTreeMap<(AccountId, AssetId), i128>,
    acts: VecDeque<Act>,
    executed: Vec<u64>,
}

impl FakeEngine {
    /// What to do with the next commands, one each.
    pub(crate) fn script(&self, acts: impl IntoIterator<Item = Act>) {
        self.state.lock().unwrap().acts.extend(acts);
    }

    pub(crate) fn balance(&self, account: u64, asset: u16) -> i128 {
        self.state.lock().unwrap().balances.get(&(AccountId(account), AssetId(asset))).copied().unwrap_or(0)
    }

    /// The numbers executed, in order.
    pub(crate) fn executed(&self) -> Vec<u64> {
        self.state.lock().unwrap().executed.clone()
    }

    /// The same engine at this moment, as a backup or a restart finds it: well again.
    pub(crate) fn copy(&self) -> Self {
        let state = State { acts: VecDeque::new(), ..self.state.lock().unwrap().clone() };
        Self { state: Mutex::new(state), executions: Notify::new() }
    }

    /// Ends with the next execution from now on.
    pub(crate) fn until_next_execution(self: &Arc<Self>) -> impl Future<Output = ()> + use<> {
        let engine = self.clone();
        async move { engine.executions.notified().await }
    }

    /// Opens accounts that no outbox asked for.
    pub(crate) fn open_accounts(&self, count: u64) {
        self.state.lock().unwrap().accounts += count;
    }

    /// Lets another outbox's command in under the next number.
    pub(crate) fn execute_strange_command(&self, action: Action) {
        let mut state = self.state.lock().unwrap();
        let n = state.last_n + 1;
        state.execute(n, action, None);
    }
}

impl State {
    fn execute(&mut self, n: u64, action: Action, refusal: Option<Reject>) -> ServiceOutcome {
        let outcome = refusal.map_or_else(|| self.outcome(&action), ServiceOutcome::Rejected);
        self.last_n = n;
        self.last = Some((action, outcome.clone()));
        self.executed.push(n);
        outcome
    }

    fn outcome(&mut self, action: &Action) -> ServiceOutcome {
        match action {
            Action::CreateAccount(_) => {
                self.accounts += 1;
                ServiceOutcome::AccountOpened(AccountId(AccountId::FIRST_USER.0 + self.accounts - 1))
            }
            Action::Transfer(transfer) => {
                let balance = self.balances.entry((transfer.to, transfer.asset)).or_default();
                let Amount(amount) = transfer.amount;
                if *balance + amount > SUPPLY_CAP {
                    return ServiceOutcome::Rejected(Reject::SupplyCapExceeded);
                }
                *balance += amount;
                ServiceOutcome::Done
            }
            other => panic!("the user service sends no {other:?}"),
        }
    }
}

#[async_trait]
impl EngineCommands for FakeEngine {
    async fn submit(&self, source: SourceId, n: u64, action: Action) -> Result<ServiceOutcome, SubmitError> {
        assert_eq!(source, SourceId::USERS);
        let act = self.state.lock().unwrap().acts.pop_front();
        match act {
            Some(Act::Hang) => std::future::pending().await,
            Some(Act::LoseCommand) => return Err(SubmitError::Unknown("lost on the way".to_owned())),
            Some(Act::Busy) => return Err(SubmitError::Busy("full".to_owned())),
            _ => {}
        }
        let mut state = self.state.lock().unwrap();
        let refusal = if let Some(Act::Refuse(reject)) = act { Some(reject) } else { None };
        let outcome = match &state.last {
            Some((taken, outcome)) if n == state.last_n => {
                if *taken != action {
                    return Err(SubmitError::OtherAction);
                }
                outcome.clone()
            }
            _ if n == state.last_n + 1 => {
                self.executions.notify_one();
                state.execute(n, action, refusal)
            }
            _ => return Err(SubmitError::OutOfOrder { last_n: state.last_n }),
        };
        if act == Some(Act::LoseAnswer) {
            Err(SubmitError::Unknown("lost on the way back".to_owned()))
        } else {
            Ok(outcome)
        }
    }

    async fn last_n(&self, _: SourceId) -> Result<u64, SubmitError> {
        Ok(self.state.lock().unwrap().last_n)
    }

    async fn asset(&self, code: AssetCode) -> Result<Option<(AssetId, Asset)>, SubmitError> {
        let assets = [("BTC", 12), ("USDT", 8)];
        let found = assets.iter().position(|(known, _)| *known == code.as_str());
        Ok(found.map(|index| {
            let (ledger_scale, supply_cap) = (assets[index].1, Amount(SUPPLY_CAP));
            (AssetId(index as u16), Asset { code, ledger_scale, display_scale: 8, supply_cap })
        }))
    }
}
