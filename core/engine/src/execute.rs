//! The two stages of every command: `validate`, which only reads and may refuse, and `apply`, which cannot
//! fail. Live commands and replayed ones run the same lines.

use crate::accounts::AccountIndex;
use crate::admin::{self, Posting};
use crate::book::OrderIndex;
use crate::cancel::{self, MassCancel};
use crate::matching::Step;
use crate::place::{self, Placement};
use crate::state::{FollowUp, State};
use emporion_model::event::Event;
use emporion_model::journal::digest;
use emporion_model::{Action, Command, Origin, Reject};

/// What a valid command will do.
#[derive(Debug)]
pub(crate) enum Plan {
    Nothing,
    Genesis,
    Place(Placement),
    Cancel(OrderIndex),
    CancelAll(MassCancel),
    Step,
    CreateAccount,
    Transfer(Posting),
    Account(AccountIndex),
    AddAsset,
    AddSymbol,
    SymbolStatus,
    Options,
    RulesVersion,
}

/// Checks a command against the state. What a taker would meet goes into `steps`.
pub(crate) fn validate(state: &State, command: &Command, steps: &mut Vec<Step>) -> Result<Plan, Reject> {
    check_origin(state, command)?;
    match &command.action {
        Action::Tick => Ok(Plan::Nothing),
        Action::Step if state.follow_ups.is_empty() => Err(Reject::NothingToDo),
        Action::Step => Ok(Plan::Step),
        Action::Genesis(genesis) => admin::validate_genesis(state, genesis).map(|()| Plan::Genesis),
        Action::PlaceOrder(order) => place::validate(state, order, steps).map(Plan::Place),
        Action::CancelOrder(cancel) => cancel::validate(state, cancel).map(Plan::Cancel),
        Action::CancelAll(cancel) => cancel::validate_all(state, cancel).map(Plan::CancelAll),
        Action::CreateAccount(kind) => admin::validate_account(state, *kind).map(|()| Plan::CreateAccount),
        Action::Transfer(transfer) => admin::validate_transfer(state, transfer).map(Plan::Transfer),
        Action::SetFrozen(account, _)
        | Action::SetFeeTier(account, _)
        | Action::SetOrderCountLimits(account, _)
        | Action::SetTradeGroup(account, _) => admin::validate_user(state, *account).map(Plan::Account),
        Action::AddAsset(asset) => admin::validate_asset(state, asset).map(|()| Plan::AddAsset),
        Action::AddSymbol(spec) => admin::validate_symbol(state, spec).map(|()| Plan::AddSymbol),
        Action::SetSymbolStatus(symbol, status) => {
            let found = state.symbol(*symbol).ok_or(Reject::UnknownSymbol)?;
            if found.spec.status == *status { Err(Reject::Unchanged) } else { Ok(Plan::SymbolStatus) }
        }
        Action::SetOptions(options) => {
            options.check().map_err(|_| Reject::BadDescription)?;
            if state.options == *options { Err(Reject::Unchanged) } else { Ok(Plan::Options) }
        }
        Action::SetRulesVersion(version) => admin::validate_rules_version(state, *version).map(|()| Plan::RulesVersion),
    }
}

/// A client trades, a service administers, the sequencer keeps time; none does another's work.
fn check_origin(state: &State, command: &Command) -> Result<(), Reject> {
    use Action::{CancelAll, CancelOrder, Genesis, PlaceOrder, Step, Tick};
    let is_own = match (&command.origin, &command.action) {
        (Origin::Client(..), PlaceOrder(_) | CancelOrder(_) | CancelAll(_)) => true,
        (Origin::Sequencer, Genesis(_) | Tick | Step) => true,
        (Origin::Service(..), PlaceOrder(_) | CancelOrder(_) | CancelAll(_) | Genesis(_) | Tick | Step) => false,
        (Origin::Service(..), _) => true,
        _ => false,
    };
    if !is_own {
        return Err(Reject::OriginNotAllowed);
    }
    if state.mode.is_none() && !matches!(command.action, Genesis(_)) {
        return Err(Reject::NotBegun);
    }
    match command.origin {
        Origin::Client(_, deadline) if state.time > deadline => Err(Reject::DeadlinePassed),
        Origin::Service(source, n) => check_source(state, source, n),
        _ => Ok(()),
    }
}

/// Only the next number is taken. The same number with the same command never comes here: the sequencer
/// repeats its outcome.
fn check_source(state: &State, source: emporion_model::SourceId, n: u64) -> Result<(), Reject> {
    let last = state.dedup.sources.get(&source).map_or(0, |known| known.n);
    match n {
        _ if n == last + 1 => Ok(()),
        _ if n > last => Err(Reject::SourceGap),
        _ => Err(Reject::SourceConflict),
    }
}

/// Carries a plan out and tells what changed.
pub(crate) fn apply(state: &mut State, command: &Command, plan: Plan, steps: &[Step], events: &mut Vec<Event>) {
    match (&command.action, plan) {
        (Action::Genesis(genesis), Plan::Genesis) => admin::apply_genesis(state, genesis, events),
        (Action::PlaceOrder(order), Plan::Place(placement)) => place::apply(state, order, &placement, steps, events),
        (Action::CancelOrder(cancel), Plan::Cancel(index)) => cancel::apply(state, index, cancel.cancel_id, events),
        (Action::CancelAll(_), Plan::CancelAll(mass)) => cancel::apply_all(state, &mass, events),
        (Action::Step, Plan::Step) => apply_step(state, events),
        (Action::CreateAccount(kind), Plan::CreateAccount) => admin::apply_account(state, *kind, events),
        (Action::Transfer(transfer), Plan::Transfer(posting)) => {
            admin::apply_transfer(state, transfer, posting, events);
        }
        (Action::AddAsset(asset), Plan::AddAsset) => admin::add_asset(state, asset, events),
        (Action::AddSymbol(spec), Plan::AddSymbol) => admin::add_symbol(state, spec, events),
        (action, plan) => apply_setting(state, action, plan, events),
    }
    state.accounts.take_counted(|account| events.push(Event::OrderCountsChanged(crate::inspect::counts(account))));
    state.accounts.take_touched(|account, asset, cell| {
        events.push(Event::BalanceChanged(crate::inspect::balance(account, asset, cell)));
    });
}

fn apply_setting(state: &mut State, action: &Action, plan: Plan, events: &mut Vec<Event>) {
    let event = match (*action).clone() {
        Action::SetFrozen(id, frozen) => {
            state.accounts.get_mut(planned(&plan)).frozen = frozen;
            Event::AccountFrozen(id, frozen)
        }
        Action::SetFeeTier(id, tier) => {
            state.accounts.get_mut(planned(&plan)).fee_tier = tier;
            Event::FeeTierSet(id, tier)
        }
        Action::SetOrderCountLimits(id, limits) => {
            state.accounts.get_mut(planned(&plan)).limits = limits;
            Event::OrderCountLimitsSet(id, limits)
        }
        Action::SetTradeGroup(id, group) => {
            state.accounts.get_mut(planned(&plan)).trade_group = group;
            Event::TradeGroupSet(id, group)
        }
        Action::SetSymbolStatus(symbol, status) => {
            state.symbol_mut(symbol).spec.status = status;
            Event::SymbolStatusSet(symbol, status)
        }
        Action::SetOptions(options) => {
            state.options = options;
            Event::OptionsSet(options)
        }
        Action::SetRulesVersion(version) => {
            state.rules_version = version;
            Event::RulesVersionSet(version)
        }
        _ => return,
    };
    events.push(event);
}

fn planned(plan: &Plan) -> AccountIndex {
    match plan {
        Plan::Account(index) => *index,
        _ => unreachable!("a setting of an account is planned with its account"),
    }
}

fn apply_step(state: &mut State, events: &mut Vec<Event>) {
    match state.follow_ups.pop_front() {
        None => {}
        Some(FollowUp::CancelAll(account, symbol, cancel_id)) => {
            cancel::apply_all(state, &MassCancel { account, symbol, cancel_id }, events);
        }
    }
}

/// Notes that a command was seen, whatever became of it, so that a repeat gets the first outcome.
pub(crate) fn remember(state: &mut State, command: &Command, outcome: Option<Reject>) {
    match command.origin {
        Origin::Client(command_id, deadline) => state.dedup.remember(command_id, deadline, state.seq),
        Origin::Service(source, n) => {
            let numbering = [Reject::SourceGap, Reject::SourceConflict, Reject::OriginNotAllowed, Reject::NotBegun];
            if outcome.is_none_or(|reject| !numbering.contains(&reject)) {
                let known = crate::dedup::SourceState { n, digest: digest(&command.action), seq: state.seq };
                state.dedup.sources.insert(source, known);
            }
        }
        Origin::Sequencer => {}
    }
}
