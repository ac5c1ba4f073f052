//! Sign-up, log-in, and what a person sees of himself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/users`
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SignUp {
    /// An e-mail address or a name: 3 to 254 ASCII letters, digits and `. _ - + @`, beginning with a letter or a
    /// digit. Case does not count.
    #[schema(example = "ann@example.org")]
    pub name: String,
    /// At least 8 characters, at most 128 bytes, not a common one.
    #[schema(format = Password)]
    pub password: String,
}

/// `POST /v1/sessions`
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LogIn {
    /// The name, as at sign-up.
    #[schema(example = "ann@example.org")]
    pub name: String,
    /// The password, exactly.
    #[schema(format = Password)]
    pub password: String,
}

/// A session just opened.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The token for `Authorization: Bearer`. Shown this once.
    pub token: String,
    /// When the session ends at the latest. It ends earlier when it is not used for a while.
    pub expires_at_ms: u64,
}

/// `GET /v1/me`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// The name in its normal form.
    pub name: String,
    /// When the person signed up.
    pub created_at_ms: u64,
    /// The person's accounts, the main one first.
    pub accounts: Vec<Account>,
}

/// One of a person's accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The sub-account's label; empty for the main account.
    pub label: String,
    /// How far it is.
    pub state: AccountState,
    /// Its number, once it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<u64>,
}

/// How far an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum AccountState {
    /// On its way to the engine; API keys do not work yet.
    Pending,
    /// Open.
    Open,
    /// The engine refused it.
    Refused,
}

/// `PUT /v1/me/password`
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ChangePassword {
    /// The password so far, exactly.
    #[schema(format = Password)]
    pub current_password: String,
    /// The password from now on; the rules are those of sign-up.
    #[schema(format = Password)]
    pub new_password: String,
}
