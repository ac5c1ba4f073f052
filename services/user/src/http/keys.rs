//! `/v1/api-keys`.

use axum::response::IntoResponse;
use emporion_api::v1::{self, KeyKind, Permission};
use emporion_edge::{Json, Request};
use emporion_model::TimeUs;
use emporion_ports::keys::Secret;
use emporion_ports::users::{IpRule, KeyMaterial, NewApiKey, Permissions};
use http::StatusCode;

use super::{Service, person};
use crate::api_keys::{WantedKey, WantedKind};
use crate::error::UserError;

pub(super) async fn add(service: Service, request: Request) -> Result<impl IntoResponse, v1::Error> {
    let person = person(&service, &request).await?;
    let wish: v1::AddApiKey = request.v1_body()?;
    let wanted = WantedKey {
        kind: wanted_kind(wish.kind, wish.public_key)?,
        label: wish.label,
        permissions: permissions(&wish.permissions)?,
        ip_list: wish.ip_list,
        expires_at: wish.expires_at_ms.map(TimeUs::from_millis),
    };
    let made = service.api_keys.make(wanted)?;
    service.people.confirm(&person, wish.password).await?;
    let created_at = service.api_keys.add(&person, &made.key).await?;
    let key = api_key(made.key, created_at, None);
    Ok((StatusCode::CREATED, Json(v1::AddedApiKey { key, secret_key: made.secret.as_ref().map(secret_text) })))
}

pub(super) async fn list(service: Service, request: Request) -> Result<impl IntoResponse, v1::Error> {
    request.refuse_query()?;
    let person = person(&service, &request).await?;
    let keys = service.api_keys.list(&person).await?;
    let api_keys = keys.into_iter().map(|stored| api_key(stored.key, stored.created_at, stored.revoked_at));
    Ok(Json(v1::ApiKeyList { api_keys: api_keys.collect() }))
}

pub(super) async fn revoke(service: Service, request: Request) -> Result<impl IntoResponse, v1::Error> {
    request.refuse_query()?;
    let person = person(&service, &request).await?;
    service.api_keys.revoke(&person, request.path_text().unwrap_or_default()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A secret for the one answer that shows it; secrets of keys are made of letters and digits.
pub(super) fn secret_text(secret: &Secret) -> String {
    String::from_utf8_lossy(secret.expose()).into_owned()
}

fn wanted_kind(kind: KeyKind, public_key: Option<String>) -> Result<WantedKind, UserError> {
    match (kind, public_key) {
        (KeyKind::Hmac, None) => Ok(WantedKind::Hmac),
        (KeyKind::Hmac, Some(_)) => Err(UserError::field("publicKey", "does not go with an HMAC key")),
        (KeyKind::Ed25519, Some(pem)) => Ok(WantedKind::Ed25519(pem)),
        (KeyKind::Rsa, Some(pem)) => Ok(WantedKind::Rsa(pem)),
        (KeyKind::Ed25519 | KeyKind::Rsa, None) => Err(UserError::field("publicKey", "is missing")),
    }
}

fn permissions(list: &[Permission]) -> Result<Permissions, UserError> {
    let times = |permission| list.iter().filter(|listed| **listed == permission).count();
    let (read, trade) = (times(Permission::Read), times(Permission::Trade));
    if read > 1 || trade > 1 {
        return Err(UserError::field("permissions", "names one twice"));
    }
    Ok(Permissions { read: read == 1, trade: trade == 1 })
}

fn api_key(key: NewApiKey, created_at: TimeUs, revoked_at: Option<TimeUs>) -> v1::ApiKey {
    let (kind, public_key) = match key.material {
        KeyMaterial::Hmac { .. } => (KeyKind::Hmac, None),
        KeyMaterial::Ed25519 { public_pem } => (KeyKind::Ed25519, Some(public_pem)),
        KeyMaterial::Rsa { public_pem } => (KeyKind::Rsa, Some(public_pem)),
    };
    let allowed = [(key.permissions.read, Permission::Read), (key.permissions.trade, Permission::Trade)];
    v1::ApiKey {
        api_key: key.name.as_str().to_owned(),
        kind,
        public_key,
        label: key.label,
        permissions: allowed.into_iter().filter_map(|(allowed, permission)| allowed.then_some(permission)).collect(),
        ip_list: key.ip_rules.iter().map(IpRule::to_string).collect(),
        created_at_ms: created_at.millis(),
        expires_at_ms: key.expires_at.map(TimeUs::millis),
        revoked_at_ms: revoked_at.map(TimeUs::millis),
    }
}
