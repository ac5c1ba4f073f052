//! API keys, as the user store keeps them.

use std::fmt;
use std::net::IpAddr;

use emporion_model::TimeUs;
use ipnet::IpNet;

use super::accounts::AccountLink;
use super::people::UserState;

/// The public half of an API key pair: what a client sends in `X-MBX-APIKEY`. 64 ASCII letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKeyName(String);

impl ApiKeyName {
    /// Length in bytes.
    pub const BYTES: usize = 64;

    /// Parses `text`; `None` when it is not 64 ASCII letters and digits.
    pub fn parse(text: &str) -> Option<Self> {
        let ok = text.len() == Self::BYTES && text.bytes().all(|b| b.is_ascii_alphanumeric());
        ok.then(|| Self(text.to_owned()))
    }

    /// The text that clients send.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a key's signatures are checked with.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyMaterial {
    /// The shared secret, sealed under the master key that the blob names. Not readable from the store alone.
    Hmac {
        /// The sealed blob.
        sealed: Vec<u8>,
    },
    /// An Ed25519 public key as SubjectPublicKeyInfo PEM.
    Ed25519 {
        /// The PEM text.
        public_pem: String,
    },
    /// An RSA public key as SubjectPublicKeyInfo PEM.
    Rsa {
        /// The PEM text.
        public_pem: String,
    },
}

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permissions {
    /// May read the account.
    pub read: bool,
    /// May place and cancel orders.
    pub trade: bool,
}

/// One entry of a key's list of allowed addresses: an address or a CIDR block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpRule(IpNet);

impl IpRule {
    /// Parses `192.0.2.7`, `192.0.2.0/24`, `2001:db8::1` or `2001:db8::/32`. `None` for other text and for a
    /// block whose address has bits outside its prefix, which is more often a slip than a wish.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self(IpNet::from(address.to_canonical())));
        }
        let net: IpNet = text.parse().ok()?;
        (net.trunc() == net).then_some(Self(net))
    }

    /// Whether `address` falls under this entry; an IPv4 address in IPv6 clothes counts as IPv4.
    pub fn allows(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl fmt::Display for IpRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

/// An API key to be.
#[derive(Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// The public half.
    pub name: ApiKeyName,
    /// What signatures are checked with.
    pub material: KeyMaterial,
    /// The owner's own note.
    pub label: String,
    /// What it may be used for.
    pub permissions: Permissions,
    /// Where it may be used from; empty means anywhere.
    pub ip_rules: Vec<IpRule>,
    /// When it stops working; `None` = never.
    pub expires_at: Option<TimeUs>,
}

/// An API key with the account that it stands for.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The key itself.
    pub key: NewApiKey,
    /// The account behind it; pending until the engine answered.
    pub account: AccountLink,
    /// The owner's state; `None` for an account without a person.
    pub owner: Option<UserState>,
    /// When it was made.
    pub created_at: TimeUs,
    /// When it was revoked.
    pub revoked_at: Option<TimeUs>,
}

impl ApiKey {
    /// Whether the key works at `now`: not revoked, not expired, its owner not suspended.
    pub fn works_at(&self, now: TimeUs) -> bool {
        let expired = self.key.expires_at.is_some_and(|at| at <= now);
        self.revoked_at.is_none() && !expired && self.owner != Some(UserState::Suspended)
    }
}

/// What came of adding a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddedKey {
    /// It is there.
    Added,
    /// The account already has as many working keys as it may.
    TooMany,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_names_are_64_letters_and_digits() {
        assert!(ApiKeyName::parse(&"aZ09".repeat(16)).is_some());
        for bad in ["", &"a".repeat(63), &"a".repeat(65), &"é".repeat(32), &"a-".repeat(32)] {
            assert!(ApiKeyName::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn ip_rules_hold_addresses_and_blocks() {
        let cases = [
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("192.0.2.7", "::ffff:192.0.2.7", true),
            ("::ffff:192.0.2.7", "192.0.2.7", true),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("0.0.0.0/0", "2001:db8::1", false),
        ];
        for (rule, address, expected) in cases {
            let allows = IpRule::parse(rule).unwrap().allows(address.parse().unwrap());
            assert_eq!(allows, expected, "{rule} {address}");
        }
    }

    #[test]
    fn ip_rules_print_what_they_parse() {
        for text in ["192.0.2.7", "10.0.0.0/8", "2001:db8::1", "2001:db8::/32"] {
            assert_eq!(IpRule::parse(text).unwrap().to_string(), text);
        }
        for bad in ["", "10.0.0.1/8", "10.0.0.0/33", "10.0.0", "localhost", "10.0.0.0/8 ", "/8"] {
            assert_eq!(IpRule::parse(bad), None, "{bad:?}");
        }
    }
}
