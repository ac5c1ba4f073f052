//! People and their sessions, as the user store keeps them.

use std::fmt;
use std::net::IpAddr;

use emporion_model::TimeUs;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A person's number in the user store. Says nothing about engine accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub i64);

/// What a person logs in with: an e-mail address or a name, in its one normal form.
///
/// 3 to 254 bytes of lower-case ASCII letters, digits and `. _ - + @`, beginning with a letter or a
/// digit. Upper case is folded, so `Ann` and `ann` are one person; anything outside ASCII is refused,
/// so that no two names look alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

impl UserName {
    /// Longest name in bytes: the longest address that mail can carry (RFC 5321).
    pub const BYTES_MAX: usize = 254;
    /// Shortest name in bytes.
    pub const BYTES_MIN: usize = 3;

    /// Parses `text`; `None` when it breaks the rule above.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (Self::BYTES_MIN..=Self::BYTES_MAX).contains(&text.len());
        let begins = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-+@".contains(&b);
        (fits && begins && text.bytes().all(allowed)).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The normal form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A password's argon2id hash in PHC form. No `Debug`: it must not reach a log.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

/// Whether a person may use the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserState {
    /// May log in; the keys work.
    Active,
    /// May not log in, has no session, and the keys are refused.
    Suspended,
}

/// A person to be.
#[derive(Clone)]
pub struct NewUser {
    /// The wanted name.
    pub name: UserName,
    /// The hash of the chosen password.
    pub password_hash: PasswordHash,
}

/// What a sign-up did. The public answer is the same for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// The person now exists, with an account pending in the outbox.
    Created(UserId),
    /// The name was taken; nothing but the audit row was written.
    NameTaken,
}

/// A person, without anything that proves who he is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The person's number.
    pub user_id: UserId,
    /// The name in normal form.
    pub name: UserName,
    /// Whether he may use the venue.
    pub state: UserState,
    /// When he signed up.
    pub created_at: TimeUs,
    /// When the row last changed.
    pub updated_at: TimeUs,
}

/// What a log-in is checked against.
#[derive(Clone)]
pub struct Credential {
    /// Whose it is.
    pub user_id: UserId,
    /// The hash to verify the password with.
    pub password_hash: PasswordHash,
    /// A suspended person is refused after the verification, never before it.
    pub state: UserState,
    /// Networks of the newest successful log-ins, at most [`NETWORKS_KEPT`].
    pub networks: Vec<Network>,
}

/// How many networks of successful log-ins are remembered for each person.
pub const NETWORKS_KEPT: u32 = 8;

/// The neighbourhood of an address: /24 for IPv4, /48 for IPv6. The unit of anti-automation budgets, as
/// one attacker commonly holds that much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpNet);

impl Network {
    /// The network around `address`; an IPv4 address in IPv6 clothes counts as IPv4.
    pub fn of(address: IpAddr) -> Self {
        let net: IpNet = match address.to_canonical() {
            IpAddr::V4(v4) => Ipv4Net::new_assert(v4, 24).trunc().into(),
            IpAddr::V6(v6) => Ipv6Net::new_assert(v6, 48).trunc().into(),
        };
        Self(net)
    }

    /// Reads the text that [`fmt::Display`] writes; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let net: IpNet = text.parse().ok()?;
        (Self::of(net.addr()).0 == net).then_some(Self(net))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// SHA-256 of a session token. The token itself is never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// A session to be.
#[derive(Clone)]
pub struct NewSession {
    /// SHA-256 of the token that the client holds.
    pub token: TokenHash,
    /// Whose session it is.
    pub user_id: UserId,
    /// The hash that the password was verified against. The session is opened only while it is still the
    /// person's hash, so that a log-in racing a password change leaves no session behind.
    pub verified: PasswordHash,
    /// Where the log-in came from; remembered as a known network.
    pub network: Network,
    /// How many sessions a person may have; the longest unused ones beyond it are closed.
    pub sessions_max: u32,
}

/// An open session. Idle and absolute limits are judged by the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Whose session it is.
    pub user_id: UserId,
    /// When it was opened.
    pub created_at: TimeUs,
    /// When it was last used; coarse, see the service.
    pub seen_at: TimeUs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_normal_form() {
        let cases = [
            ("Ann", Some("ann")),
            ("ann+bot@Example.org", Some("ann+bot@example.org")),
            ("7of9", Some("7of9")),
            ("an", None),
            ("", None),
            (".ann", None),
            ("ann smith", None),
            ("аnn", None),
            ("ann\0", None),
        ];
        for (text, expected) in cases {
            let name = UserName::parse(text);
            assert_eq!(name.as_ref().map(UserName::as_str), expected, "{text:?}");
        }
        assert!(UserName::parse(&"a".repeat(254)).is_some());
        assert!(UserName::parse(&"a".repeat(255)).is_none());
    }

    #[test]
    fn networks_are_neighbourhoods() {
        let cases = [
            ("192.0.2.77", "192.0.2.0/24"),
            ("::ffff:192.0.2.77", "192.0.2.0/24"),
            ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ];
        for (address, expected) in cases {
            let network = Network::of(address.parse().unwrap());
            assert_eq!(network.to_string(), expected);
            assert_eq!(Network::parse(expected), Some(network));
        }
        assert_eq!(Network::parse("192.0.2.0/25"), None);
        assert_eq!(Network::parse("192.0.2.1/24"), None);
    }
}
