//! People: sign-up, credentials, password changes, suspension.

use emporion_ports::users::{
    AuditAction, Credential, NETWORKS_KEPT, Network, NewUser, PasswordHash, Payload, SignUp, Stamp, User, UserId,
    UserName, UserState,
};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::values::{broken, parsed, time, us, user_state, user_state_text};
use super::{accounts, audit, sessions};

const INSERT_USER: &str = "insert into users (name, password_hash, state, created_us, updated_us)
     values (?1, ?2, 'active', ?3, ?3) on conflict (name) do nothing returning user_id";
const ID_BY_NAME: &str = "select user_id from users where name = ?1";
const USER: &str = "select user_id, name, state, created_us, updated_us from users where user_id = ?1";
const CREDENTIAL_BY_NAME: &str = "select user_id, password_hash, state from users where name = ?1";
const NETWORKS: &str = "select network from user_networks where user_id = ?1 order by seen_us desc limit ?2";
const SWAP_PASSWORD: &str =
    "update users set password_hash = ?3, updated_us = ?4 where user_id = ?1 and password_hash = ?2";
const SET_STATE: &str = "update users set state = ?2, updated_us = ?3 where user_id = ?1";

pub(super) fn sign_up(db: &Connection, new: &NewUser, open: &Payload, stamp: &Stamp) -> Result<SignUp> {
    let values = params![new.name.as_str(), new.password_hash.0, us(stamp.at)];
    let created = db.prepare_cached(INSERT_USER)?.query_row(values, |row| row.get(0).map(UserId)).optional()?;
    let Some(user_id) = created else {
        let owner = id_by_name(db, &new.name)?.ok_or_else(|| broken("a taken name has no owner"))?;
        audit::append(db, stamp, AuditAction::SignUpRefused, subject(owner))?;
        return Ok(SignUp::NameTaken);
    };
    accounts::open_for_user(db, user_id, open, stamp)?;
    audit::append(db, stamp, AuditAction::SignUp, subject(user_id))?;
    Ok(SignUp::Created(user_id))
}

pub(super) fn credential(db: &Connection, name: &UserName) -> Result<Option<Credential>> {
    let read = |row: &Row<'_>| {
        Ok(Credential {
            user_id: UserId(row.get("user_id")?),
            password_hash: PasswordHash(row.get("password_hash")?),
            state: parsed(row, "state", user_state)?,
            networks: Vec::new(),
        })
    };
    let found = db.prepare_cached(CREDENTIAL_BY_NAME)?.query_row([name.as_str()], read).optional()?;
    let Some(mut credential) = found else { return Ok(None) };
    let network = |row: &Row<'_>| parsed(row, "network", Network::parse);
    credential.networks = db
        .prepare_cached(NETWORKS)?
        .query_map(params![credential.user_id.0, NETWORKS_KEPT], network)?
        .collect::<Result<_>>()?;
    Ok(Some(credential))
}

pub(super) fn user(db: &Connection, user_id: UserId) -> Result<Option<User>> {
    let read = |row: &Row<'_>| {
        Ok(User {
            user_id: UserId(row.get("user_id")?),
            name: parsed(row, "name", UserName::parse)?,
            state: parsed(row, "state", user_state)?,
            created_at: time(row, "created_us")?,
            updated_at: time(row, "updated_us")?,
        })
    };
    db.prepare_cached(USER)?.query_row([user_id.0], read).optional()
}

pub(super) fn change_password(
    db: &Connection,
    user_id: UserId,
    from: &PasswordHash,
    to: &PasswordHash,
    stamp: &Stamp,
) -> Result<bool> {
    let changed = db.prepare_cached(SWAP_PASSWORD)?.execute(params![user_id.0, from.0, to.0, us(stamp.at)])?;
    if changed == 0 {
        return Ok(false);
    }
    sessions::close_all(db, user_id)?;
    audit::append(db, stamp, AuditAction::ChangePassword, subject(user_id))?;
    Ok(true)
}

pub(super) fn set_state(db: &Connection, name: &UserName, state: UserState, stamp: &Stamp) -> Result<bool> {
    let Some(user_id) = id_by_name(db, name)? else { return Ok(false) };
    db.prepare_cached(SET_STATE)?.execute(params![user_id.0, user_state_text(state), us(stamp.at)])?;
    let action = match state {
        UserState::Active => AuditAction::Reinstate,
        UserState::Suspended => {
            sessions::close_all(db, user_id)?;
            AuditAction::Suspend
        }
    };
    audit::append(db, stamp, action, subject(user_id))?;
    Ok(true)
}

/// How audit rows name a person.
pub(super) fn subject(UserId(id): UserId) -> String {
    format!("user:{id}")
}

fn id_by_name(db: &Connection, name: &UserName) -> Result<Option<UserId>> {
    db.prepare_cached(ID_BY_NAME)?.query_row([name.as_str()], |row| row.get(0).map(UserId)).optional()
}
