//! API keys.

use emporion_ports::users::{
    AccountLink, AddedKey, ApiKey, ApiKeyName, AuditAction, IpRule, KeyMaterial, LinkId, NewApiKey, Permissions, Stamp,
    UserId,
};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use super::values::{link_state, not_ours, parsed, time, time_if_any, us, user_state};
use super::{accounts, audit};

const COUNT_WORKING: &str = "select count(*) from api_keys
     where link_id = ?1 and revoked_us is null and (expires_us is null or expires_us > ?2)";
const INSERT: &str = "insert into api_keys (api_key, link_id, kind, sealed_secret, public_pem, label,
         can_read, can_trade, ip_rules, created_us, expires_us)
     values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
const REVOKE: &str = "update api_keys set revoked_us = ?3
     where api_key = ?2 and revoked_us is null and link_id in (select link_id from account_links where user_id = ?1)";

const PROOFS: &str = "select proof from master_key_proofs order by key_id";
const KEEP_PROOF: &str = "insert into master_key_proofs (key_id, proof) values (?1, ?2) on conflict do nothing";

/// Every key with its account and its owner's state; a `where` follows.
const KEYS: &str = "select k.api_key, k.kind, k.sealed_secret, k.public_pem, k.label as key_label, k.can_read,
         k.can_trade, k.ip_rules, k.created_us, k.expires_us, k.revoked_us,
         l.link_id, l.user_id, l.label, l.state as link_state, l.account_id, l.reject as link_reject, u.state as owner
     from api_keys k join account_links l using (link_id) left join users u using (user_id)";

pub(super) fn add(
    db: &Connection,
    user_id: UserId,
    new: &NewApiKey,
    working_max: u32,
    stamp: &Stamp,
) -> Result<AddedKey> {
    let link_id = accounts::main_link(db, user_id)?;
    let working: u32 = db.prepare_cached(COUNT_WORKING)?.query_row((link_id.0, us(stamp.at)), |row| row.get(0))?;
    if working >= working_max {
        return Ok(AddedKey::TooMany);
    }
    insert(db, link_id, new, stamp)?;
    Ok(AddedKey::Added)
}

/// Inserts a key of a link, with its audit row.
pub(super) fn insert(db: &Connection, link_id: LinkId, new: &NewApiKey, stamp: &Stamp) -> Result<()> {
    let (kind, sealed, public_pem) = match &new.material {
        KeyMaterial::Hmac { sealed } => ("hmac", Some(sealed), None),
        KeyMaterial::Ed25519 { public_pem } => ("ed25519", None, Some(public_pem)),
        KeyMaterial::Rsa { public_pem } => ("rsa", None, Some(public_pem)),
    };
    let ip_rules: Vec<String> = new.ip_rules.iter().map(IpRule::to_string).collect();
    db.prepare_cached(INSERT)?.execute(params![
        new.name.as_str(),
        link_id.0,
        kind,
        sealed,
        public_pem,
        new.label,
        new.permissions.read,
        new.permissions.trade,
        ip_rules.join(","),
        us(stamp.at),
        new.expires_at.map(us),
    ])?;
    audit::append(db, stamp, AuditAction::AddApiKey, subject(&new.name))
}

pub(super) fn by_name(db: &Connection, name: &ApiKeyName) -> Result<Option<ApiKey>> {
    let sql = format!("{KEYS} where k.api_key = ?1");
    db.prepare_cached(&sql)?.query_row([name.as_str()], row).optional()
}

/// A link's oldest key.
pub(super) fn first_of_link(db: &Connection, link_id: LinkId) -> Result<ApiKey> {
    let sql = format!("{KEYS} where k.link_id = ?1 order by k.number limit 1");
    db.prepare_cached(&sql)?.query_row([link_id.0], row)
}

pub(super) fn of_user(db: &Connection, user_id: UserId) -> Result<Vec<ApiKey>> {
    let sql = format!("{KEYS} where l.user_id = ?1 order by k.number");
    db.prepare_cached(&sql)?.query_map([user_id.0], row)?.collect()
}

pub(super) fn revoke(db: &Connection, user_id: UserId, name: &ApiKeyName, stamp: &Stamp) -> Result<bool> {
    if db.prepare_cached(REVOKE)?.execute(params![user_id.0, name.as_str(), us(stamp.at)])? == 0 {
        return Ok(false);
    }
    audit::append(db, stamp, AuditAction::RevokeApiKey, subject(name))?;
    Ok(true)
}

pub(super) fn master_key_proofs(db: &Connection) -> Result<Vec<Vec<u8>>> {
    db.prepare_cached(PROOFS)?.query_map([], |row| row.get(0))?.collect()
}

pub(super) fn keep_master_key_proof(db: &Connection, key_id: &str, proof: &[u8]) -> Result<()> {
    db.prepare_cached(KEEP_PROOF)?.execute(params![key_id, proof])?;
    Ok(())
}

fn subject(name: &ApiKeyName) -> String {
    format!("key:{}", name.as_str())
}

fn row(row: &Row<'_>) -> Result<ApiKey> {
    Ok(ApiKey {
        key: NewApiKey {
            name: parsed(row, "api_key", ApiKeyName::parse)?,
            material: material(row)?,
            label: row.get("key_label")?,
            permissions: Permissions { read: row.get("can_read")?, trade: row.get("can_trade")? },
            ip_rules: parsed(row, "ip_rules", ip_rules)?,
            expires_at: time_if_any(row, "expires_us")?,
        },
        account: AccountLink {
            link_id: LinkId(row.get("link_id")?),
            owner: accounts::owner(row)?,
            state: link_state(row)?,
        },
        owner: row
            .get::<_, Option<String>>("owner")?
            .map(|text| user_state(&text).ok_or_else(|| not_ours("owner")))
            .transpose()?,
        created_at: time(row, "created_us")?,
        revoked_at: time_if_any(row, "revoked_us")?,
    })
}

fn material(row: &Row<'_>) -> Result<KeyMaterial> {
    match row.get::<_, String>("kind")?.as_str() {
        "hmac" => Ok(KeyMaterial::Hmac { sealed: row.get("sealed_secret")? }),
        "ed25519" => Ok(KeyMaterial::Ed25519 { public_pem: row.get("public_pem")? }),
        "rsa" => Ok(KeyMaterial::Rsa { public_pem: row.get("public_pem")? }),
        _ => Err(not_ours("kind")),
    }
}

fn ip_rules(text: &str) -> Option<Vec<IpRule>> {
    text.split(',').filter(|rule| !rule.is_empty()).map(IpRule::parse).collect()
}
