//! Genesis, accounts, transfers, assets, symbols, options.

use super::{Market, Oracle, Person};
use emporion_model::event::WindowCount;
use emporion_model::{
    AccountId, AccountKind, Action, Asset, AssetId, Event, Genesis, Mode, Reject, Symbol, SymbolId, SymbolSpec,
    Transfer, TransferReason,
};

const RULES_VERSION: u16 = 1;

impl Oracle {
    pub(super) fn administer(&mut self, action: &Action) -> Result<(), Reject> {
        match action {
            Action::Genesis(genesis) => self.begin(genesis),
            Action::CreateAccount(AccountKind::Replayer) if self.mode != Some(Mode::Sandbox) => {
                Err(Reject::NotWithRealMoney)
            }
            Action::CreateAccount(kind) if is_client(*kind) => {
                let clients = self.people.keys().filter(|id| **id >= AccountId::FIRST_USER).count() as u64;
                self.open_account(AccountId(AccountId::FIRST_USER.0 + clients), *kind);
                Ok(())
            }
            Action::CreateAccount(_) => Err(Reject::BadDescription),
            Action::Transfer(transfer) => self.transfer(transfer),
            Action::SetFrozen(id, frozen) => {
                self.user(*id)?.frozen = *frozen;
                self.tell(Event::AccountFrozen(*id, *frozen))
            }
            Action::SetFeeTier(id, tier) => {
                self.user(*id)?.fee_tier = *tier;
                self.tell(Event::FeeTierSet(*id, *tier))
            }
            Action::SetOrderCountLimits(id, limits) => {
                self.user(*id)?.limits = *limits;
                self.tell(Event::OrderCountLimitsSet(*id, *limits))
            }
            Action::SetTradeGroup(id, group) => {
                self.user(*id)?.group = *group;
                self.tell(Event::TradeGroupSet(*id, *group))
            }
            Action::AddAsset(asset) => {
                asset.check().map_err(|_| Reject::BadDescription)?;
                let is_taken = self.assets.iter().any(|other| other.code == asset.code);
                if is_taken { Err(Reject::NameTaken) } else { self.add_asset(asset) }
            }
            Action::AddSymbol(spec) => self.check_symbol(spec).and_then(|()| self.add_symbol(spec)),
            Action::SetSymbolStatus(id, status) => {
                let market = self.markets.get_mut(usize::from(id.0)).ok_or(Reject::UnknownSymbol)?;
                let before = std::mem::replace(&mut market.spec.status, *status);
                if before == *status { Err(Reject::Unchanged) } else { self.tell(Event::SymbolStatusSet(*id, *status)) }
            }
            Action::SetOptions(options) => {
                options.check().map_err(|_| Reject::BadDescription)?;
                let before = std::mem::replace(&mut self.options, *options);
                if before == *options { Err(Reject::Unchanged) } else { self.tell(Event::OptionsSet(*options)) }
            }
            Action::SetRulesVersion(RULES_VERSION) => Err(Reject::Unchanged),
            Action::SetRulesVersion(_) => Err(Reject::RulesVersionUnknown),
            other => panic!("not an administrator's: {other:?}"),
        }
    }

    fn tell(&mut self, event: Event) -> Result<(), Reject> {
        self.events.push(event);
        Ok(())
    }

    fn user(&mut self, id: AccountId) -> Result<&mut Person, Reject> {
        self.people.get_mut(&id).filter(|person| is_client(person.kind)).ok_or(Reject::UnknownAccount)
    }

    fn begin(&mut self, genesis: &Genesis) -> Result<(), Reject> {
        if self.mode.is_some() {
            return Err(Reject::AlreadyBegan);
        }
        genesis.options.check().map_err(|_| Reject::BadDescription)?;
        self.mode = Some(genesis.mode);
        self.options = genesis.options;
        self.events.push(Event::Began(genesis.mode, RULES_VERSION));
        self.events.push(Event::OptionsSet(genesis.options));
        self.open_account(AccountId::EXTERNAL, AccountKind::External);
        self.open_account(AccountId::TREASURY, AccountKind::Treasury);
        self.open_account(AccountId::FEES, AccountKind::Fees);
        for asset in &genesis.assets {
            self.administer(&Action::AddAsset(asset.clone())).map_err(|_| Reject::BadDescription)?;
        }
        for spec in &genesis.symbols {
            self.check_symbol(spec).map_err(|_| Reject::BadDescription)?;
            self.add_symbol(spec)?;
        }
        Ok(())
    }

    fn open_account(&mut self, id: AccountId, kind: AccountKind) {
        let shown = (WindowCount::default(), WindowCount::default());
        let person = Person { kind, frozen: false, fee_tier: 0, group: None, limits: None, counted: Vec::new(), shown };
        self.people.insert(id, person);
        self.events.push(Event::AccountCreated(id, kind));
    }

    fn transfer(&mut self, transfer: &Transfer) -> Result<(), Reject> {
        use AccountKind::{External, Fees, Treasury, User};
        use TransferReason::{Adjustment, Deposit, Withdrawal};
        let person = |id| self.people.get(&id).ok_or(Reject::UnknownAccount);
        let (from, to) = (person(transfer.from)?, person(transfer.to)?);
        let asset = self.assets.get(usize::from(transfer.asset.0)).ok_or(Reject::UnknownAsset)?;
        if from.frozen && transfer.reason == Withdrawal {
            return Err(Reject::AccountFrozen);
        }
        let ways = match transfer.reason {
            Deposit => vec![(External, User), (External, Treasury)],
            Withdrawal => vec![(User, External), (Treasury, External)],
            Adjustment => vec![(Treasury, User), (User, Treasury), (Fees, Treasury)],
        };
        let alike = |kind| if kind == AccountKind::Replayer { User } else { kind };
        if !ways.contains(&(alike(from.kind), alike(to.kind))) {
            return Err(Reject::TransferNotAllowed);
        }
        if transfer.amount.0 <= 0 {
            return Err(Reject::AmountNotPositive);
        }
        let (least, refused) = match from.kind {
            External => (-asset.supply_cap.0, Reject::SupplyCapExceeded),
            _ => (0, Reject::InsufficientBalance),
        };
        if self.free(transfer.from, transfer.asset).saturating_sub(transfer.amount.0) < least {
            return Err(refused);
        }
        self.pay(transfer.from, transfer.to, transfer.asset, transfer.amount.0);
        self.tell(Event::Transferred(transfer.clone()))
    }

    fn add_asset(&mut self, asset: &Asset) -> Result<(), Reject> {
        let id = AssetId(self.assets.len() as u16);
        self.assets.push(asset.clone());
        self.tell(Event::AssetAdded(id, asset.clone()))
    }

    fn check_symbol(&self, spec: &SymbolSpec) -> Result<(), Reject> {
        let asset = |id: AssetId| self.assets.get(usize::from(id.0)).ok_or(Reject::UnknownAsset);
        spec.check(asset(spec.base)?, asset(spec.quote)?).map_err(|_| Reject::BadDescription)?;
        let is_taken = self.markets.iter().any(|market| market.spec.name == spec.name);
        if is_taken { Err(Reject::NameTaken) } else { Ok(()) }
    }

    fn add_symbol(&mut self, spec: &SymbolSpec) -> Result<(), Reject> {
        let id = SymbolId(self.markets.len() as u16);
        self.markets.push(Market { spec: spec.clone(), orders: 0, trades: 0, agg_trades: 0, prevented: 0 });
        self.tell(Event::SymbolAdded(Box::new(Symbol { id, spec: spec.clone() })))
    }
}

/// Whether orders may come from such an account.
pub(super) fn is_client(kind: AccountKind) -> bool {
    kind == AccountKind::User || kind == AccountKind::Replayer
}
