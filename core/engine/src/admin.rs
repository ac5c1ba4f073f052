//! Commands of services and of the sequencer: genesis, accounts, transfers, symbols, options.

use crate::accounts::{Account, AccountIndex, EXTERNAL, Part};
use crate::state::{RULES_VERSIONS, State, SymbolState};
use emporion_model::event::Event;
use emporion_model::{
    AccountId, AccountKind, Amount, Asset, AssetId, Genesis, Mode, Reject, Symbol, SymbolId, SymbolSpec, Transfer,
    TransferReason,
};

/// The most accounts, symbols and assets a venue can hold.
const ACCOUNTS_MAX: usize = 50_000_000;
const SYMBOLS_MAX: usize = u16::MAX as usize;

/// A transfer whose two accounts are known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Posting {
    from: AccountIndex,
    to: AccountIndex,
}

pub(crate) fn validate_genesis(state: &State, genesis: &Genesis) -> Result<(), Reject> {
    if state.mode.is_some() {
        return Err(Reject::AlreadyBegan);
    }
    check_genesis(genesis).map_err(|_| Reject::BadDescription)
}

/// What is wrong with a genesis, in a sentence.
pub fn check_genesis(genesis: &Genesis) -> Result<(), String> {
    if genesis.assets.len() > SYMBOLS_MAX || genesis.symbols.len() > SYMBOLS_MAX {
        return Err("a venue holds at most 65,535 assets and symbols".to_owned());
    }
    if !RULES_VERSIONS.contains(&genesis.rules_version) {
        return Err(format!("its rules {} are not among those of this build", genesis.rules_version));
    }
    genesis.options.check()?;
    for (place, asset) in genesis.assets.iter().enumerate() {
        asset.check().map_err(|rule| format!("asset {}: {rule}", asset.code))?;
        if genesis.assets[..place].iter().any(|other| other.code == asset.code) {
            return Err(format!("asset {} stands twice", asset.code));
        }
    }
    for (place, spec) in genesis.symbols.iter().enumerate() {
        let asset = |id: AssetId| {
            genesis.assets.get(usize::from(id.0)).ok_or(format!("symbol {}: its asset is not listed", spec.name))
        };
        spec.check(asset(spec.base)?, asset(spec.quote)?).map_err(|rule| format!("symbol {}: {rule}", spec.name))?;
        if genesis.symbols[..place].iter().any(|other| other.name == spec.name) {
            return Err(format!("symbol {} stands twice", spec.name));
        }
    }
    Ok(())
}

pub(crate) fn apply_genesis(state: &mut State, genesis: &Genesis, events: &mut Vec<Event>) {
    state.mode = Some(genesis.mode);
    state.options = genesis.options;
    state.rules_version = genesis.rules_version;
    events.push(Event::Began(genesis.mode, genesis.rules_version));
    events.push(Event::OptionsSet(genesis.options));
    let own = [
        (AccountId::EXTERNAL, AccountKind::External),
        (AccountId::TREASURY, AccountKind::Treasury),
        (AccountId::FEES, AccountKind::Fees),
    ];
    for (id, kind) in own {
        state.accounts.add(Account::new(id, kind));
        events.push(Event::AccountCreated(id, kind));
    }
    genesis.assets.iter().for_each(|asset| add_asset(state, asset, events));
    genesis.symbols.iter().for_each(|spec| add_symbol(state, spec, events));
}

pub(crate) fn validate_account(state: &State, kind: AccountKind) -> Result<(), Reject> {
    if !kind.trades() {
        return Err(Reject::BadDescription);
    }
    if kind == AccountKind::Replayer && state.mode != Some(Mode::Sandbox) {
        return Err(Reject::NotWithRealMoney);
    }
    if state.accounts.len() >= ACCOUNTS_MAX {
        return Err(Reject::TableFull);
    }
    Ok(())
}

pub(crate) fn apply_account(state: &mut State, kind: AccountKind, events: &mut Vec<Event>) {
    let id = state.next_account_id;
    state.next_account_id.0 += 1;
    state.accounts.add(Account::new(id, kind));
    events.push(Event::AccountCreated(id, kind));
}

pub(crate) fn validate_transfer(state: &State, transfer: &Transfer) -> Result<Posting, Reject> {
    let from = state.accounts.index_of(transfer.from).ok_or(Reject::UnknownAccount)?;
    let to = state.accounts.index_of(transfer.to).ok_or(Reject::UnknownAccount)?;
    let asset = state.asset(transfer.asset).ok_or(Reject::UnknownAsset)?;
    let (payer, payee) = (state.accounts.get(from), state.accounts.get(to));
    if payer.frozen && transfer.reason == TransferReason::Withdrawal {
        return Err(Reject::AccountFrozen);
    }
    if !is_allowed(transfer.reason, payer.kind, payee.kind) {
        return Err(Reject::TransferNotAllowed);
    }
    if transfer.amount.0 <= 0 {
        return Err(Reject::AmountNotPositive);
    }
    check_covered(payer, asset, transfer)?;
    Ok(Posting { from, to })
}

/// Money enters and leaves only through the external account, and changes hands without a trade only
/// through the treasury. Nothing is made out of nothing.
fn is_allowed(reason: TransferReason, from: AccountKind, to: AccountKind) -> bool {
    use AccountKind::{External, Fees, Replayer, Treasury, User};
    matches!(
        (reason, from, to),
        (TransferReason::Deposit, External, User | Replayer | Treasury)
            | (TransferReason::Withdrawal, User | Replayer | Treasury, External)
            | (TransferReason::Adjustment, Treasury, User | Replayer)
            | (TransferReason::Adjustment, User | Replayer | Fees, Treasury)
    )
}

fn check_covered(payer: &Account, asset: &Asset, transfer: &Transfer) -> Result<(), Reject> {
    let left = payer.cell(transfer.asset).free.checked_sub(transfer.amount);
    if payer.kind == AccountKind::External {
        let floor = Amount(-asset.supply_cap.0);
        return if left.is_some_and(|left| left >= floor) { Ok(()) } else { Err(Reject::SupplyCapExceeded) };
    }
    if left.is_some_and(|left| left >= Amount::ZERO) { Ok(()) } else { Err(Reject::InsufficientBalance) }
}

pub(crate) fn apply_transfer(state: &mut State, transfer: &Transfer, posting: Posting, events: &mut Vec<Event>) {
    debug_assert_eq!(state.accounts.get(EXTERNAL).kind, AccountKind::External);
    state.accounts.post((posting.from, Part::Free), posting.to, transfer.asset, transfer.amount);
    events.push(Event::Transferred(transfer.clone()));
}

pub(crate) fn validate_user(state: &State, account: AccountId) -> Result<AccountIndex, Reject> {
    let index = state.accounts.index_of(account).ok_or(Reject::UnknownAccount)?;
    if state.accounts.get(index).kind.trades() { Ok(index) } else { Err(Reject::UnknownAccount) }
}

pub(crate) fn validate_asset(state: &State, asset: &Asset) -> Result<(), Reject> {
    asset.check().map_err(|_| Reject::BadDescription)?;
    if state.assets.iter().any(|other| other.code == asset.code) {
        return Err(Reject::NameTaken);
    }
    if state.assets.len() >= SYMBOLS_MAX { Err(Reject::TableFull) } else { Ok(()) }
}

pub(crate) fn add_asset(state: &mut State, asset: &Asset, events: &mut Vec<Event>) {
    let id = AssetId(u16::try_from(state.assets.len()).expect("the table's bound was checked"));
    state.assets.push(asset.clone());
    events.push(Event::AssetAdded(id, asset.clone()));
}

pub(crate) fn validate_symbol(state: &State, spec: &SymbolSpec) -> Result<(), Reject> {
    let base = state.asset(spec.base).ok_or(Reject::UnknownAsset)?;
    let quote = state.asset(spec.quote).ok_or(Reject::UnknownAsset)?;
    spec.check(base, quote).map_err(|_| Reject::BadDescription)?;
    if state.symbols.iter().any(|other| other.spec.name == spec.name) {
        return Err(Reject::NameTaken);
    }
    if state.symbols.len() >= SYMBOLS_MAX { Err(Reject::TableFull) } else { Ok(()) }
}

pub(crate) fn add_symbol(state: &mut State, spec: &SymbolSpec, events: &mut Vec<Event>) {
    let id = SymbolId(u16::try_from(state.symbols.len()).expect("the table's bound was checked"));
    state.symbols.push(SymbolState::new(id, spec.clone(), &state.assets));
    events.push(Event::SymbolAdded(Box::new(Symbol { id, spec: spec.clone() })));
}

pub(crate) fn validate_rules_version(state: &State, version: u16) -> Result<(), Reject> {
    if !RULES_VERSIONS.contains(&version) {
        return Err(Reject::RulesVersionUnknown);
    }
    if version == state.rules_version { Err(Reject::Unchanged) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_takes_no_more() {
        let asset = |code: String| Asset {
            code: code.parse().unwrap(),
            ledger_scale: 8,
            display_scale: 8,
            supply_cap: Amount(1),
        };
        let mut state = State::empty(1);
        state.assets = (1..SYMBOLS_MAX).map(|number| asset(format!("A{number}"))).collect();
        assert_eq!(validate_asset(&state, &asset("LAST".to_owned())), Ok(()));
        add_asset(&mut state, &asset("LAST".to_owned()), &mut Vec::new());
        assert_eq!(validate_asset(&state, &asset("MORE".to_owned())), Err(Reject::TableFull));
    }
}
