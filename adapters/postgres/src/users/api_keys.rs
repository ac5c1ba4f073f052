//! API keys.

use emporion_ports::users::{
    AccountLink, AddedKey, ApiKey, ApiKeyName, AuditAction, IpRule, KeyMaterial, LinkId, NewApiKey, Permissions, Stamp,
    StoreResult, UserId,
};
use tokio_postgres::Row;

use super::accounts;
use super::change::{Ask, Change};
use super::values::{broken, link_state, not_ours, parsed, time, time_if_any, us, user_state};

const COUNT_WORKING: &str = "select count(*) from api_keys
     where link_id = $1 and revoked_us is null and (expires_us is null or expires_us > $2)";
const INSERT: &str = "insert into api_keys (api_key, link_id, kind, sealed_secret, public_pem, label,
         can_read, can_trade, ip_rules, created_us, expires_us)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const REVOKE: &str = "update api_keys set revoked_us = $3
     where api_key = $2 and revoked_us is null and link_id in (select link_id from account_links where user_id = $1)";

const PROOFS: &str = "select proof from master_key_proofs order by key_id";
const KEEP_PROOF: &str = "insert into master_key_proofs (key_id, proof) values ($1, $2) on conflict do nothing";

/// Every key with its account and its owner's state.
macro_rules! select_keys {
    ($rest:literal) => {
        concat!(
            "select k.api_key, k.kind, k.sealed_secret, k.public_pem, k.label as key_label, k.can_read,
                 k.can_trade, k.ip_rules, k.created_us, k.expires_us, k.revoked_us,
                 l.link_id, l.user_id, l.label, l.state as link_state, l.account_id, l.reject as link_reject,
                 u.state as owner
             from api_keys k join account_links l using (link_id) left join users u using (user_id) where ",
            $rest
        )
    };
}

const BY_NAME: &str = select_keys!("k.api_key = $1");
const FIRST_OF_LINK: &str = select_keys!("k.link_id = $1 order by k.number limit 1");
const OF_USER: &str = select_keys!("l.user_id = $1 order by k.number");

pub(super) async fn add(
    db: &mut Change<'_>,
    user_id: UserId,
    new: &NewApiKey,
    working_max: u32,
    stamp: &Stamp,
) -> StoreResult<AddedKey> {
    let link_id = accounts::main_link(db, user_id).await?;
    let counted = db.row(COUNT_WORKING, &[&link_id.0, &us(stamp.at)]).await?;
    let working: i64 = counted.ok_or_else(|| broken("keys cannot be counted"))?.get(0);
    if working >= i64::from(working_max) {
        return Ok(AddedKey::TooMany);
    }
    insert(db, link_id, new, stamp).await?;
    Ok(AddedKey::Added)
}

/// Inserts a key of a link, with its audit row.
pub(super) async fn insert(db: &mut Change<'_>, link_id: LinkId, new: &NewApiKey, stamp: &Stamp) -> StoreResult<()> {
    let (kind, sealed, public_pem) = match &new.material {
        KeyMaterial::Hmac { sealed } => ("hmac", Some(sealed), None),
        KeyMaterial::Ed25519 { public_pem } => ("ed25519", None, Some(public_pem)),
        KeyMaterial::Rsa { public_pem } => ("rsa", None, Some(public_pem)),
    };
    let ip_rules = new.ip_rules.iter().map(IpRule::to_string).collect::<Vec<_>>().join(",");
    db.execute(
        INSERT,
        &[
            &new.name.as_str(),
            &link_id.0,
            &kind,
            &sealed,
            &public_pem,
            &new.label,
            &new.permissions.read,
            &new.permissions.trade,
            &ip_rules,
            &us(stamp.at),
            &new.expires_at.map(us),
        ],
    )
    .await?;
    db.audit(stamp, AuditAction::AddApiKey, subject(&new.name)).await
}

pub(super) async fn by_name(db: &mut impl Ask, name: &ApiKeyName) -> StoreResult<Option<ApiKey>> {
    db.row(BY_NAME, &[&name.as_str()]).await?.as_ref().map(key).transpose()
}

/// A link's oldest key.
pub(super) async fn first_of_link(db: &mut impl Ask, link_id: LinkId) -> StoreResult<ApiKey> {
    key(&db.row(FIRST_OF_LINK, &[&link_id.0]).await?.ok_or_else(|| broken("an operator's account has no key"))?)
}

pub(super) async fn of_user(db: &mut impl Ask, user_id: UserId) -> StoreResult<Vec<ApiKey>> {
    db.rows(OF_USER, &[&user_id.0]).await?.iter().map(key).collect()
}

pub(super) async fn revoke(
    db: &mut Change<'_>,
    user_id: UserId,
    name: &ApiKeyName,
    stamp: &Stamp,
) -> StoreResult<bool> {
    if db.execute(REVOKE, &[&user_id.0, &name.as_str(), &us(stamp.at)]).await? == 0 {
        return Ok(false);
    }
    db.audit(stamp, AuditAction::RevokeApiKey, subject(name)).await?;
    Ok(true)
}

pub(super) async fn master_key_proofs(db: &mut impl Ask) -> StoreResult<Vec<Vec<u8>>> {
    Ok(db.rows(PROOFS, &[]).await?.iter().map(|row| row.get("proof")).collect())
}

pub(super) async fn keep_master_key_proof(db: &mut Change<'_>, key_id: &str, proof: &[u8]) -> StoreResult<()> {
    db.execute(KEEP_PROOF, &[&key_id, &proof]).await?;
    Ok(())
}

fn subject(name: &ApiKeyName) -> String {
    format!("key:{}", name.as_str())
}

fn key(row: &Row) -> StoreResult<ApiKey> {
    let owner: Option<&str> = row.get("owner");
    Ok(ApiKey {
        key: NewApiKey {
            name: parsed(row, "api_key", ApiKeyName::parse)?,
            material: material(row)?,
            label: row.get("key_label"),
            permissions: Permissions { read: row.get("can_read"), trade: row.get("can_trade") },
            ip_rules: parsed(row, "ip_rules", ip_rules)?,
            expires_at: time_if_any(row, "expires_us")?,
        },
        account: AccountLink {
            link_id: LinkId(row.get("link_id")),
            owner: accounts::owner(row)?,
            state: link_state(row)?,
        },
        owner: owner.map(|text| user_state(text).ok_or_else(|| not_ours("owner"))).transpose()?,
        created_at: time(row, "created_us")?,
        revoked_at: time_if_any(row, "revoked_us")?,
    })
}

fn material(row: &Row) -> StoreResult<KeyMaterial> {
    match row.get("kind") {
        "hmac" => Ok(KeyMaterial::Hmac { sealed: row.get("sealed_secret") }),
        "ed25519" => Ok(KeyMaterial::Ed25519 { public_pem: row.get("public_pem") }),
        "rsa" => Ok(KeyMaterial::Rsa { public_pem: row.get("public_pem") }),
        _ => Err(not_ours("kind")),
    }
}

fn ip_rules(text: &str) -> Option<Vec<IpRule>> {
    text.split(',').filter(|rule| !rule.is_empty()).map(IpRule::parse).collect()
}
