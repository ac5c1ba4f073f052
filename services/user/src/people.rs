//! People: sign-up, log-in, sessions, passwords.
//!
//! Whether a name exists is told to nobody who does not know its password: sign-up answers alike and does the
//! same work either way (one hash, one committed transaction), and so does a failed log-in.
//!
//! Tries are rationed per network and per name. The budget of a name is shared by strangers only: networks from
//! which its owner logged in before have budgets of their own, so an attacker who uses up the name's budget
//! keeps nobody out but other strangers, and those for a minute at a time.

use std::net::IpAddr;
use std::sync::Arc;

use emporion_edge::Clock;
use emporion_model::{AccountKind, TimeUs};
use emporion_ports::users::{
    AccountLink, Actor, Credential, Network, NewSession, NewUser, SignUp, Stamp, TokenHash, User, UserId, UserName,
    UserState, UserStore,
};

use crate::budgets::{Budget, Budgets};
use crate::error::UserError;
use crate::outbox::{Outbox, open_account};
use crate::passwords::{HashPool, Hashing, Password, check_new};
use crate::sessions::{self, SessionLimits, SessionToken};

/// The rations of tries. A refill of 0 seconds is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeopleBudgets {
    /// Sign-ups from one network.
    pub sign_up_per_network: Budget,
    /// Failed log-ins from one network.
    pub log_in_per_network: Budget,
    /// Failed log-ins under one name from networks that it never logged in from.
    pub log_in_per_name: Budget,
    /// Failed log-ins under one name from a network that it logged in from before.
    pub log_in_per_known_network: Budget,
    /// Wrong passwords given by a person who has a session.
    pub confirm_per_user: Budget,
}

impl Default for PeopleBudgets {
    fn default() -> Self {
        Self {
            sign_up_per_network: Budget { tries: 10, refill_s: 60 },
            log_in_per_network: Budget { tries: 30, refill_s: 2 },
            log_in_per_name: Budget { tries: 10, refill_s: 60 },
            log_in_per_known_network: Budget { tries: 10, refill_s: 30 },
            confirm_per_user: Budget { tries: 10, refill_s: 60 },
        }
    }
}

/// How people are treated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeopleOptions {
    /// How much hashing may go on.
    pub hashing: Hashing,
    /// How long sessions work.
    pub sessions: SessionLimits,
    /// How often something may be tried.
    pub budgets: PeopleBudgets,
}

/// A session just opened.
pub struct OpenedSession {
    /// Shown once.
    pub token: SessionToken,
    /// When it ends at the latest.
    pub expires_at: TimeUs,
}

/// A person with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub user_id: UserId,
    token: TokenHash,
    from: IpAddr,
}

impl Person {
    /// The stamp of a change that this person makes.
    pub(crate) fn stamp(&self, at: TimeUs) -> Stamp {
        Stamp { at, actor: Actor::User(self.user_id), from: Some(self.from) }
    }
}

/// Everything about people.
pub struct People {
    store: Arc<dyn UserStore>,
    outbox: Arc<Outbox>,
    clock: Clock,
    hashes: HashPool,
    limits: SessionLimits,
    sign_ups: Budgets<Network>,
    log_ins: Budgets<Network>,
    names: Budgets<str>,
    known: Budgets<(UserId, Network)>,
    confirms: Budgets<UserId>,
}

impl People {
    /// Computes a hash, so blocks for some tens of milliseconds.
    pub fn new(store: Arc<dyn UserStore>, outbox: Arc<Outbox>, clock: Clock, options: PeopleOptions) -> Self {
        let PeopleOptions { hashing, sessions: limits, budgets } = options;
        Self {
            store,
            outbox,
            clock,
            hashes: HashPool::new(hashing),
            limits,
            sign_ups: Budgets::new(budgets.sign_up_per_network),
            log_ins: Budgets::new(budgets.log_in_per_network),
            names: Budgets::new(budgets.log_in_per_name),
            known: Budgets::new(budgets.log_in_per_known_network),
            confirms: Budgets::new(budgets.confirm_per_user),
        }
    }

    /// Signs a person up, unless the name is taken, which nobody is told: the one who owns the name keeps his
    /// password, the other one cannot log in.
    pub async fn sign_up(&self, name: &str, password: String, from: IpAddr) -> Result<(), UserError> {
        let name = UserName::parse(name).ok_or(UserError::field("name", NAME_RULE))?;
        let password = check_new(password, &name)?;
        self.outbox.require_running()?;
        self.sign_ups.take(&Network::of(from), self.clock.now())?;
        let password_hash = self.hashes.hash(password).await?;
        let stamp = Stamp { at: self.clock.now(), actor: Actor::Anonymous, from: Some(from) };
        let outcome =
            self.store.sign_up(&NewUser { name, password_hash }, &open_account(AccountKind::User), &stamp).await?;
        if let SignUp::Created(user_id) = outcome {
            tracing::info!(user_id = user_id.0, "a person signed up");
        }
        self.outbox.row_written();
        Ok(())
    }

    /// Opens a session for who knows the password.
    pub async fn log_in(&self, name: &str, password: String, from: IpAddr) -> Result<OpenedSession, UserError> {
        let network = Network::of(from);
        self.log_ins.take(&network, self.clock.now())?;
        let verified = self.verify(name, password, network).await;
        if !verified.as_ref().is_err_and(is_wrong_try) {
            self.log_ins.give_back(&network);
        }
        let credential = verified.inspect_err(|error| tracing::info!(%network, %error, "a log-in failed"))?;
        if credential.state == UserState::Suspended {
            return Err(UserError::Suspended);
        }
        self.open_session(credential, network, from).await
    }

    /// The person behind a session token, whose use is noted.
    pub async fn person(&self, token: &str, from: IpAddr) -> Result<Person, UserError> {
        let (token, now) = (sessions::hash(token), self.clock.now());
        let session = self.store.session(&token).await?.ok_or(UserError::Unauthenticated)?;
        if !self.limits.is_live(&session, now) {
            return Err(UserError::Unauthenticated);
        }
        if SessionLimits::should_note(&session, now) {
            self.store.touch_session(&token, now).await?;
        }
        Ok(Person { user_id: session.user_id, token, from })
    }

    /// Closes the session that the person came with.
    pub async fn log_out(&self, person: &Person) -> Result<(), UserError> {
        self.store.close_session(&person.token, &person.stamp(self.clock.now())).await?;
        Ok(())
    }

    /// The person and his accounts.
    pub async fn me(&self, person: &Person) -> Result<(User, Vec<AccountLink>), UserError> {
        let user = self.store.user(person.user_id).await?.ok_or(UserError::Unauthenticated)?;
        Ok((user, self.store.accounts(person.user_id).await?))
    }

    /// Replaces the password and closes all the person's sessions, this one too.
    pub async fn change_password(&self, person: &Person, current: String, new: String) -> Result<(), UserError> {
        let user = self.store.user(person.user_id).await?.ok_or(UserError::Unauthenticated)?;
        let new = check_new(new, &user.name)?;
        let credential = self.confirm(person, current).await?;
        let to = self.hashes.hash(new).await?;
        let stamp = person.stamp(self.clock.now());
        let changed = self.store.change_password(person.user_id, &credential.password_hash, &to, &stamp).await?;
        // It was changed meanwhile, so what was confirmed is no longer the password.
        if changed { Ok(()) } else { Err(UserError::InvalidCredentials) }
    }

    /// Checks the password of a person who has a session, before something that a stolen session must not do.
    pub async fn confirm(&self, person: &Person, password: String) -> Result<Credential, UserError> {
        self.confirms.take(&person.user_id, self.clock.now())?;
        let user = self.store.user(person.user_id).await?.ok_or(UserError::Unauthenticated)?;
        let credential = self.store.credential(&user.name).await?.ok_or(UserError::Unauthenticated)?;
        let password = Password::new(password).ok_or(UserError::InvalidCredentials)?;
        let verified = self.hashes.verify(password, Some(&credential.password_hash)).await;
        if verified != Ok(false) {
            self.confirms.give_back(&person.user_id);
        }
        if verified? { Ok(credential) } else { Err(UserError::InvalidCredentials) }
    }

    /// Forgets sessions that have ended.
    pub async fn prune_sessions(&self) -> Result<u64, UserError> {
        let (created_before, seen_before) = self.limits.ended_before(self.clock.now());
        Ok(self.store.prune_sessions(created_before, seen_before).await?)
    }

    /// The credential of `name` if `password` is his, at the same cost whoever `name` is.
    async fn verify(&self, name: &str, password: String, network: Network) -> Result<Credential, UserError> {
        let password = Password::new(password).ok_or(UserError::InvalidCredentials)?;
        let credential = match UserName::parse(name) {
            Some(name) => self.store.credential(&name).await?,
            None => None,
        };
        let friend = credential.as_ref().filter(|found| found.networks.contains(&network)).map(|found| found.user_id);
        let (name, now) = (name.to_ascii_lowercase(), self.clock.now());
        match friend {
            Some(user_id) => self.known.take(&(user_id, network), now)?,
            None => self.names.take(name.as_str(), now)?,
        }
        let verified = self.hashes.verify(password, credential.as_ref().map(|found| &found.password_hash)).await;
        if verified != Ok(false) {
            match friend {
                Some(user_id) => self.known.give_back(&(user_id, network)),
                None => self.names.give_back(name.as_str()),
            }
        }
        credential.filter(|_| verified == Ok(true)).ok_or(match verified {
            Ok(_) => UserError::InvalidCredentials,
            Err(busy) => busy.into(),
        })
    }

    async fn open_session(
        &self,
        credential: Credential,
        network: Network,
        from: IpAddr,
    ) -> Result<OpenedSession, UserError> {
        let (token, now) = (SessionToken::new(), self.clock.now());
        let user_id = credential.user_id;
        let new = NewSession {
            token: token.hash(),
            user_id,
            verified: credential.password_hash,
            network,
            sessions_max: self.limits.sessions_max,
        };
        let stamp = Stamp { at: now, actor: Actor::User(user_id), from: Some(from) };
        // Not opened: the password was changed, or the person suspended, while this one was being verified.
        if !self.store.open_session(&new, &stamp).await? {
            return Err(UserError::InvalidCredentials);
        }
        Ok(OpenedSession { token, expires_at: self.limits.end_of(now) })
    }
}

/// Whether this is what an attacker's tries end in.
fn is_wrong_try(error: &UserError) -> bool {
    matches!(error, UserError::InvalidCredentials | UserError::TooManyAttempts(_))
}

const NAME_RULE: &str = "is not 3 to 254 ASCII letters, digits and . _ - + @, beginning with a letter or a digit";
