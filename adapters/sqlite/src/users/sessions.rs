//! Sessions and the networks they were opened from.

use emporion_model::TimeUs;
use emporion_ports::users::{AuditAction, NETWORKS_KEPT, NewSession, Session, Stamp, TokenHash, UserId};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::values::{time, us};
use super::{audit, people};

const MAY_OPEN: &str = "select 1 from users where user_id = ?1 and password_hash = ?2 and state = 'active'";
const INSERT: &str = "insert into sessions (token_hash, user_id, created_us, seen_us) values (?1, ?2, ?3, ?3)";
const CLOSE_LEAST_USED: &str = "delete from sessions where token_hash in
     (select token_hash from sessions where user_id = ?1 order by seen_us desc, token_hash limit -1 offset ?2)";
const REMEMBER_NETWORK: &str = "insert into user_networks (user_id, network, seen_us) values (?1, ?2, ?3)
     on conflict do update set seen_us = excluded.seen_us";
const FORGET_NETWORKS: &str = "delete from user_networks where user_id = ?1 and network in
     (select network from user_networks where user_id = ?1 order by seen_us desc, network limit -1 offset ?2)";
const BY_TOKEN: &str = "select user_id, created_us, seen_us from sessions where token_hash = ?1";
const TOUCH: &str = "update sessions set seen_us = ?2 where token_hash = ?1 and seen_us < ?2";
const CLOSE: &str = "delete from sessions where token_hash = ?1 returning user_id";
const CLOSE_ALL: &str = "delete from sessions where user_id = ?1";
const PRUNE: &str = "delete from sessions where created_us < ?1 or seen_us < ?2";

pub(super) fn open(db: &Connection, new: &NewSession, stamp: &Stamp) -> Result<bool> {
    let person = params![new.user_id.0, new.verified.0];
    if !db.prepare_cached(MAY_OPEN)?.exists(person)? {
        return Ok(false);
    }
    // Room first: the session being opened is never the one to go.
    db.prepare_cached(CLOSE_LEAST_USED)?.execute(params![new.user_id.0, new.sessions_max.saturating_sub(1)])?;
    db.prepare_cached(INSERT)?.execute(params![new.token.0, new.user_id.0, us(stamp.at)])?;
    let network = params![new.user_id.0, new.network.to_string(), us(stamp.at)];
    db.prepare_cached(REMEMBER_NETWORK)?.execute(network)?;
    db.prepare_cached(FORGET_NETWORKS)?.execute(params![new.user_id.0, NETWORKS_KEPT])?;
    audit::append(db, stamp, AuditAction::LogIn, people::subject(new.user_id))?;
    Ok(true)
}

pub(super) fn by_token(db: &Connection, token: &TokenHash) -> Result<Option<Session>> {
    let read = |row: &Row<'_>| {
        Ok(Session {
            user_id: UserId(row.get("user_id")?),
            created_at: time(row, "created_us")?,
            seen_at: time(row, "seen_us")?,
        })
    };
    db.prepare_cached(BY_TOKEN)?.query_row([token.0], read).optional()
}

pub(super) fn touch(db: &Connection, token: &TokenHash, seen_at: TimeUs) -> Result<()> {
    db.prepare_cached(TOUCH)?.execute(params![token.0, us(seen_at)])?;
    Ok(())
}

pub(super) fn close(db: &Connection, token: &TokenHash, stamp: &Stamp) -> Result<bool> {
    let closed = db.prepare_cached(CLOSE)?.query_row([token.0], |row| row.get(0).map(UserId)).optional()?;
    let Some(user_id) = closed else { return Ok(false) };
    audit::append(db, stamp, AuditAction::LogOut, people::subject(user_id))?;
    Ok(true)
}

/// Closes all of a person's sessions; the caller audits why.
pub(super) fn close_all(db: &Connection, user_id: UserId) -> Result<()> {
    db.prepare_cached(CLOSE_ALL)?.execute([user_id.0])?;
    Ok(())
}

pub(super) fn prune(db: &Connection, created_before: TimeUs, seen_before: TimeUs) -> Result<u64> {
    let deleted = db.prepare_cached(PRUNE)?.execute([us(created_before), us(seen_before)])?;
    Ok(deleted as u64)
}
