//! What an operator does: accounts without a person, deposits of record, suspensions.
//!
//! Everything here can be repeated: a name or a reference is written down once, and a repeat waits for, and
//! returns, what became of the first.

use std::sync::Arc;

use emporion_edge::Clock;
use emporion_model::decimal;
use emporion_model::{AccountId, AccountKind, Amount, Asset, AssetCode, AssetId};
use emporion_ports::commands::EngineCommands;
use emporion_ports::keys::Secret;
use emporion_ports::users::{
    AccountName, Actor, Deposit, DepositState, KeyMaterial, LinkState, NewDeposit, NewOperatorAccount, OperatorAccount,
    Payload, Permissions, Stamp, UserName, UserState, UserStore,
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::api_keys::{WantedKey, WantedKind, make};
use crate::error::UserError;
use crate::key_directory::StoredKeys;
use crate::outbox::{Outbox, credit, open_account};
use crate::seal::MasterKeys;

const FIRST_DEPOSITS_MAX: usize = 100;
const REFERENCE_BYTES_MAX: usize = 64;

/// The hash of the operator's token. The token itself is not kept.
#[derive(Clone)]
pub struct OperatorToken([u8; 32]);

impl OperatorToken {
    /// Of this token.
    pub fn new(token: &str) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Whether `token` is it, in a time that does not depend on where they differ.
    pub fn matches(&self, token: &str) -> bool {
        self.0.ct_eq(&Sha256::digest(token)[..]).into()
    }
}

/// An account to be made.
pub struct AccountWish {
    /// Its name.
    pub name: String,
    /// Its kind; one that orders may come from.
    pub kind: AccountKind,
    /// What it begins with: asset codes and decimal amounts.
    pub deposits: Vec<(String, String)>,
    /// An Ed25519 public key as PEM; `None` asks for an HMAC key.
    pub ed25519_public_pem: Option<String>,
}

/// An account that is open and whose first deposits are decided.
pub struct MadeAccount {
    /// The engine's account.
    pub account_id: AccountId,
    /// The key's public half.
    pub api_key: String,
    /// The secret of an HMAC key.
    pub secret: Option<Secret>,
    /// The deposits, decided, in the order asked for, each with its asset's scale.
    pub deposits: Vec<(Deposit, u8)>,
}

/// A deposit into an open account.
pub struct DepositWish {
    /// Unique over all deposits.
    pub reference: String,
    /// Into which account.
    pub account_id: AccountId,
    /// The asset's code.
    pub asset: String,
    /// The decimal amount.
    pub amount: String,
}

/// The operator's side of the user service.
pub struct Operator {
    store: Arc<dyn UserStore>,
    engine: Arc<dyn EngineCommands>,
    outbox: Arc<Outbox>,
    master_keys: Arc<MasterKeys>,
    directory: Arc<StoredKeys>,
    clock: Clock,
}

impl Operator {
    /// On these parts.
    pub fn new(
        store: Arc<dyn UserStore>,
        engine: Arc<dyn EngineCommands>,
        outbox: Arc<Outbox>,
        master_keys: Arc<MasterKeys>,
        directory: Arc<StoredKeys>,
        clock: Clock,
    ) -> Self {
        Self { store, engine, outbox, master_keys, directory, clock }
    }

    /// Makes an account without a person, its key and its first deposits, and waits until the engine decided
    /// all of them. The key may read and trade, from anywhere.
    pub async fn make_account(&self, wish: AccountWish) -> Result<MadeAccount, UserError> {
        let name = AccountName::parse(&wish.name)
            .ok_or(UserError::field("name", "is not 1 to 48 ASCII letters, digits and . _ -"))?;
        let deposits = self.first_deposits(&name, &wish.deposits).await?;
        let request_digest = digest(&name, wish.kind, &deposits, wish.ed25519_public_pem.as_deref());
        let kind = wish.ed25519_public_pem.map_or(WantedKind::Hmac, WantedKind::Ed25519);
        let scales = deposits.iter().map(|(_, scale)| *scale).collect::<Vec<_>>();
        let deposits = deposits.into_iter().map(|(deposit, _)| deposit).collect();
        self.request(name.clone(), request_digest, open_account(wish.kind), kind, deposits).await?;
        let mut settling = self.outbox.settling();
        loop {
            if let Some(account) = self.decided_account(&name).await? {
                return self.made(account, scales);
            }
            settling.moved_on().await?;
        }
    }

    /// Credits a deposit of record to an open account and waits until the engine decided.
    pub async fn deposit(&self, wish: DepositWish) -> Result<Deposit, UserError> {
        if !is_reference(&wish.reference) {
            return Err(UserError::field("reference", "is not 1 to 64 ASCII letters, digits and . _ -"));
        }
        let (asset_id, asset) = self.asset(&wish.asset).await?;
        let amount = amount(&wish.amount, &asset)?;
        let new = NewDeposit { reference: wish.reference, asset_id, asset: asset.code, amount };
        self.outbox.require_running()?;
        let command = credit(wish.account_id, &new);
        let stands = self.store.request_deposit(wish.account_id, &new, &command, &self.stamp()).await?;
        let stands = stands.ok_or(UserError::NotFound("account"))?;
        self.outbox.row_written();
        if stands.deposit != new || stands.account_id != Some(wish.account_id) {
            return Err(UserError::Conflict("The reference stands for another deposit."));
        }
        let mut settling = self.outbox.settling();
        loop {
            if let Some(deposit) = self.decided_deposit(&new.reference).await? {
                return Ok(deposit);
            }
            settling.moved_on().await?;
        }
    }

    /// Suspends a person, or lets him in again. From then on his sessions are closed and his keys refused.
    pub async fn set_user_state(&self, name: &str, state: UserState) -> Result<(), UserError> {
        let no_such = || UserError::NotFound("person");
        let name = UserName::parse(name).ok_or_else(no_such)?;
        if !self.store.set_user_state(&name, state, &self.stamp()).await? {
            return Err(no_such());
        }
        let credential = self.store.credential(&name).await?.ok_or_else(no_such)?;
        for key in self.store.api_keys(credential.user_id).await? {
            self.directory.changed(&key.key.name);
        }
        Ok(())
    }

    /// Writes the account down, or finds that the same request did so before.
    async fn request(
        &self,
        name: AccountName,
        request_digest: [u8; 32],
        open: Payload,
        kind: WantedKind,
        deposits: Vec<NewDeposit>,
    ) -> Result<(), UserError> {
        self.outbox.require_running()?;
        let wanted = WantedKey {
            kind,
            label: name.as_str().to_owned(),
            permissions: Permissions { read: true, trade: true },
            ip_list: Vec::new(),
            expires_at: None,
        };
        let key = make(&self.master_keys, wanted, self.clock.now()).map_err(as_operator_names_it)?.key;
        let new = NewOperatorAccount { name, request_digest, open, key, deposits };
        let stands = self.store.request_account(&new, &self.stamp()).await?;
        self.directory.changed(&stands.key.key.name);
        self.outbox.row_written();
        if stands.request_digest == request_digest {
            return Ok(());
        }
        Err(UserError::Conflict("The name stands for an account that was asked for with other values."))
    }

    /// The account once the engine decided it and all of its deposits.
    async fn decided_account(&self, name: &AccountName) -> Result<Option<OperatorAccount>, UserError> {
        let account = self.store.operator_account(name).await?.ok_or(UserError::NotFound("account"))?;
        match &account.key.account.state {
            LinkState::Refused(reject) => Err(UserError::AccountRefused(reject.clone())),
            LinkState::Pending => Ok(None),
            LinkState::Open(_) => Ok(account.deposits.iter().all(is_decided).then_some(account)),
        }
    }

    async fn decided_deposit(&self, reference: &str) -> Result<Option<Deposit>, UserError> {
        let deposit = self.store.deposit(reference).await?.ok_or(UserError::NotFound("deposit"))?;
        Ok(is_decided(&deposit).then_some(deposit))
    }

    fn made(&self, account: OperatorAccount, scales: Vec<u8>) -> Result<MadeAccount, UserError> {
        let OperatorAccount { key, deposits, .. } = account;
        let account_id = key.account.account_id().ok_or(UserError::UnknownOutcome)?;
        let api_key = key.key.name.as_str().to_owned();
        let secret = match &key.key.material {
            KeyMaterial::Hmac { sealed } => Some(self.master_keys.open(&api_key, sealed)?),
            KeyMaterial::Ed25519 { .. } | KeyMaterial::Rsa { .. } => None,
        };
        Ok(MadeAccount { account_id, api_key, secret, deposits: deposits.into_iter().zip(scales).collect() })
    }

    /// The deposits asked for with an account, each with its asset's scale.
    async fn first_deposits(
        &self,
        name: &AccountName,
        wishes: &[(String, String)],
    ) -> Result<Vec<(NewDeposit, u8)>, UserError> {
        if wishes.len() > FIRST_DEPOSITS_MAX {
            return Err(UserError::field("deposits", "has more than 100 entries"));
        }
        let mut deposits = Vec::with_capacity(wishes.len());
        for (index, (code, text)) in wishes.iter().enumerate() {
            let (asset_id, asset) = self.asset(code).await?;
            let amount = amount(text, &asset)?;
            // The colon keeps these apart from the references that operators choose.
            let reference = format!("account:{}:{index}", name.as_str());
            deposits.push((NewDeposit { reference, asset_id, asset: asset.code, amount }, asset.ledger_scale));
        }
        Ok(deposits)
    }

    async fn asset(&self, code: &str) -> Result<(AssetId, Asset), UserError> {
        let unknown = UserError::field("asset", "is not an asset of this venue");
        let Ok(code) = code.parse::<AssetCode>() else { return Err(unknown) };
        let found = self.engine.asset(code).await.map_err(|error| {
            tracing::warn!(%error, "the engine's assets could not be read");
            UserError::Busy
        })?;
        found.ok_or(unknown)
    }

    fn stamp(&self) -> Stamp {
        Stamp { at: self.clock.now(), actor: Actor::Operator, from: None }
    }
}

/// The one field of a key that an operator gives has another name for him.
fn as_operator_names_it(error: UserError) -> UserError {
    match error {
        UserError::InvalidField { field: "publicKey", problem } => UserError::field("ed25519PublicKey", problem),
        other => other,
    }
}

fn is_decided(deposit: &Deposit) -> bool {
    matches!(deposit.state, DepositState::Done | DepositState::Refused(_))
}

fn is_reference(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=REFERENCE_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

fn amount(text: &str, asset: &Asset) -> Result<Amount, UserError> {
    let problem = |problem| UserError::field("amount", problem);
    let atoms = decimal::parse(text, asset.ledger_scale).map_err(|error| match error {
        decimal::DecimalError::Malformed => problem("is not a plain decimal number such as 12.34"),
        decimal::DecimalError::TooManyDecimals => problem("has more decimals than the asset"),
        decimal::DecimalError::TooLarge => problem("is too large"),
    })?;
    match i128::try_from(atoms) {
        Ok(0) => Err(problem("must be above zero")),
        Ok(atoms) => Ok(Amount(atoms)),
        Err(_) => Err(problem("is too large")),
    }
}

/// A digest of everything that was asked for, each text behind its length.
fn digest(name: &AccountName, kind: AccountKind, deposits: &[(NewDeposit, u8)], public_pem: Option<&str>) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut text = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    text(name.as_str());
    text(public_pem.unwrap_or_default().trim());
    if kind != AccountKind::User {
        text(&format!("{kind:?}"));
    }
    for (deposit, _) in deposits {
        text(deposit.asset.as_str());
        text(&deposit.amount.0.to_string());
    }
    hash.finalize().into()
}
