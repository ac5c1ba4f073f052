//! Sessions and the networks they were opened from.

use emporion_model::TimeUs;
use emporion_ports::users::{AuditAction, NETWORKS_KEPT, NewSession, Session, Stamp, StoreResult, TokenHash, UserId};

use super::change::{Ask, Change};
use super::people;
use super::values::{time, us};

const MAY_OPEN: &str = "select from users where user_id = $1 and password_hash = $2 and state = 'active'";
const INSERT: &str = "insert into sessions (token_hash, user_id, created_us, seen_us) values ($1, $2, $3, $3)";
const CLOSE_LEAST_USED: &str = "delete from sessions where token_hash in
     (select token_hash from sessions where user_id = $1 order by seen_us desc, token_hash offset $2)";
const REMEMBER_NETWORK: &str = "insert into user_networks (user_id, network, seen_us) values ($1, $2, $3)
     on conflict (user_id, network) do update set seen_us = excluded.seen_us";
const FORGET_NETWORKS: &str = "delete from user_networks where user_id = $1 and network in
     (select network from user_networks where user_id = $1 order by seen_us desc, network offset $2)";
const BY_TOKEN: &str = "select user_id, created_us, seen_us from sessions where token_hash = $1";
const TOUCH: &str = "update sessions set seen_us = $2 where token_hash = $1 and seen_us < $2";
const CLOSE: &str = "delete from sessions where token_hash = $1 returning user_id";
const CLOSE_ALL: &str = "delete from sessions where user_id = $1";
/// Rows that somebody else is at are left for the next time, so that nobody waits for each other.
const PRUNE: &str = "delete from sessions where token_hash in
     (select token_hash from sessions where created_us < $1 or seen_us < $2 for update skip locked)
     returning user_id";

pub(super) async fn open(db: &mut Change<'_>, new: &NewSession, stamp: &Stamp) -> StoreResult<bool> {
    let (user_id, at) = (new.user_id.0, us(stamp.at));
    if db.row(MAY_OPEN, &[&user_id, &new.verified.0]).await?.is_none() {
        return Ok(false);
    }
    // Room first: the session being opened is never the one to go.
    db.execute(CLOSE_LEAST_USED, &[&user_id, &i64::from(new.sessions_max.saturating_sub(1))]).await?;
    db.execute(INSERT, &[&&new.token.0[..], &user_id, &at]).await?;
    db.execute(REMEMBER_NETWORK, &[&user_id, &new.network.to_string(), &at]).await?;
    db.execute(FORGET_NETWORKS, &[&user_id, &i64::from(NETWORKS_KEPT)]).await?;
    db.audit(stamp, AuditAction::LogIn, people::subject(new.user_id)).await?;
    Ok(true)
}

pub(super) async fn by_token(db: &mut impl Ask, token: &TokenHash) -> StoreResult<Option<Session>> {
    let Some(row) = db.row(BY_TOKEN, &[&&token.0[..]]).await? else { return Ok(None) };
    Ok(Some(Session {
        user_id: UserId(row.get("user_id")),
        created_at: time(&row, "created_us")?,
        seen_at: time(&row, "seen_us")?,
    }))
}

pub(super) async fn touch(db: &mut impl Ask, token: &TokenHash, seen_at: TimeUs) -> StoreResult<()> {
    db.rows(TOUCH, &[&&token.0[..], &us(seen_at)]).await?;
    Ok(())
}

pub(super) async fn close(db: &mut Change<'_>, token: &TokenHash, stamp: &Stamp) -> StoreResult<bool> {
    let Some(closed) = db.row(CLOSE, &[&&token.0[..]]).await? else { return Ok(false) };
    db.audit(stamp, AuditAction::LogOut, people::subject(UserId(closed.get("user_id")))).await?;
    Ok(true)
}

/// Closes all of a person's sessions; the caller audits why.
pub(super) async fn close_all(db: &mut Change<'_>, user_id: UserId) -> StoreResult<()> {
    db.execute(CLOSE_ALL, &[&user_id.0]).await?;
    Ok(())
}

pub(super) async fn prune(db: &mut impl Ask, created_before: TimeUs, seen_before: TimeUs) -> StoreResult<u64> {
    Ok(db.rows(PRUNE, &[&us(created_before), &us(seen_before)]).await?.len() as u64)
}
