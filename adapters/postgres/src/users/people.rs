//! People: sign-up, credentials, password changes, suspension.

use emporion_ports::users::{
    AuditAction, Credential, NETWORKS_KEPT, Network, NewUser, PasswordHash, Payload, SignUp, Stamp, StoreResult, User,
    UserId, UserName, UserState,
};

use super::change::{Ask, Change};
use super::values::{broken, not_ours, parsed, time, us, user_state, user_state_text};
use super::{outbox, sessions};

/// Makes the person, the command and the link that waits for its answer, unless the name is taken: one statement
/// either way, so that the time tells little.
const SIGN_UP: &str = "with made as (
         insert into users (name, password_hash, state, created_us, updated_us)
         select $1::text, $2::text, 'active', $3::int8, $3::int8 where not exists (select from users where name = $1)
         returning user_id),
     numbered as (
         update outbox_head set last_n = last_n + 1 where source = $4::int4 and exists (select from made)
         returning last_n),
     command as (
         insert into outbox (source, n, payload, created_us) select $4, last_n, $5::bytea, $3 from numbered),
     link as (
         insert into account_links (user_id, label, state, open_n, created_us)
         select user_id, '', 'pending', last_n, $3 from made, numbered)
     select user_id, true as is_new from made
     union all select user_id, false from users where name = $1";
const ID_BY_NAME: &str = "select user_id from users where name = $1";
const USER: &str = "select user_id, name, state, created_us, updated_us from users where user_id = $1";
const CREDENTIAL_BY_NAME: &str = "select user_id, password_hash, state, array(
         select network from user_networks n where n.user_id = u.user_id order by seen_us desc limit $2) as networks
     from users u where name = $1";
const SWAP_PASSWORD: &str =
    "update users set password_hash = $3, updated_us = $4 where user_id = $1 and password_hash = $2";
const SET_STATE: &str = "update users set state = $2, updated_us = $3 where user_id = $1";

pub(super) async fn sign_up(db: &mut Change<'_>, new: &NewUser, open: &Payload, stamp: &Stamp) -> StoreResult<SignUp> {
    let (name, at) = (new.name.as_str(), us(stamp.at));
    let found = db.row(SIGN_UP, &[&name, &new.password_hash.0, &at, &outbox::SOURCE, &open.0]).await?;
    let found = found.ok_or_else(|| broken("a name is neither new nor taken"))?;
    let user_id = UserId(found.get("user_id"));
    if found.get("is_new") {
        db.audit(stamp, AuditAction::SignUp, subject(user_id)).await?;
        return Ok(SignUp::Created(user_id));
    }
    db.audit(stamp, AuditAction::SignUpRefused, subject(user_id)).await?;
    Ok(SignUp::NameTaken)
}

pub(super) async fn credential(db: &mut impl Ask, name: &UserName) -> StoreResult<Option<Credential>> {
    let found = db.row(CREDENTIAL_BY_NAME, &[&name.as_str(), &i64::from(NETWORKS_KEPT)]).await?;
    let Some(row) = found else { return Ok(None) };
    let networks: Vec<&str> = row.get("networks");
    let network = |text: &str| Network::parse(text).ok_or_else(|| not_ours("network"));
    Ok(Some(Credential {
        user_id: UserId(row.get("user_id")),
        password_hash: PasswordHash(row.get("password_hash")),
        state: parsed(&row, "state", user_state)?,
        networks: networks.into_iter().map(network).collect::<StoreResult<_>>()?,
    }))
}

pub(super) async fn user(db: &mut impl Ask, user_id: UserId) -> StoreResult<Option<User>> {
    let Some(row) = db.row(USER, &[&user_id.0]).await? else { return Ok(None) };
    Ok(Some(User {
        user_id: UserId(row.get("user_id")),
        name: parsed(&row, "name", UserName::parse)?,
        state: parsed(&row, "state", user_state)?,
        created_at: time(&row, "created_us")?,
        updated_at: time(&row, "updated_us")?,
    }))
}

pub(super) async fn change_password(
    db: &mut Change<'_>,
    user_id: UserId,
    from: &PasswordHash,
    to: &PasswordHash,
    stamp: &Stamp,
) -> StoreResult<bool> {
    if db.execute(SWAP_PASSWORD, &[&user_id.0, &from.0, &to.0, &us(stamp.at)]).await? == 0 {
        return Ok(false);
    }
    sessions::close_all(db, user_id).await?;
    db.audit(stamp, AuditAction::ChangePassword, subject(user_id)).await?;
    Ok(true)
}

pub(super) async fn set_state(
    db: &mut Change<'_>,
    name: &UserName,
    state: UserState,
    stamp: &Stamp,
) -> StoreResult<bool> {
    let Some(found) = db.row(ID_BY_NAME, &[&name.as_str()]).await? else { return Ok(false) };
    let user_id = UserId(found.get("user_id"));
    db.execute(SET_STATE, &[&user_id.0, &user_state_text(state), &us(stamp.at)]).await?;
    let action = match state {
        UserState::Active => AuditAction::Reinstate,
        UserState::Suspended => {
            sessions::close_all(db, user_id).await?;
            AuditAction::Suspend
        }
    };
    db.audit(stamp, action, subject(user_id)).await?;
    Ok(true)
}

/// How audit rows name a person.
pub(super) fn subject(UserId(id): UserId) -> String {
    format!("user:{id}")
}
