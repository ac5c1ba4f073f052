//! The client's half: building a query and signing it. For our own bots, the bench and the command line.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{Signer as _, SigningKey};
use ring::hmac;
use std::fmt::{Display, Write};

use super::KeyFormatError;

/// A query string or form body in the making. Values are percent-encoded as they are added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(String);

impl Query {
    /// One without parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one parameter more.
    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        write!(self.0, "{name}={}", percent_encode(&value.to_string())).expect("a String takes all text");
        self
    }

    /// The text as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// With its signature as the last parameter.
    pub fn signed(self, signer: &Signer) -> String {
        let signature = signer.sign(self.0.as_bytes());
        self.with("signature", signature).0
    }
}

/// What a client signs with. It holds a secret and so has no `Debug`.
pub struct Signer(Secret);

enum Secret {
    Hmac(hmac::Key),
    Ed25519(Box<SigningKey>),
}

impl Signer {
    /// With a shared secret, used as the bytes of its text.
    pub fn hmac(secret: &str) -> Self {
        Self(Secret::Hmac(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())))
    }

    /// With an Ed25519 private key in PKCS#8 PEM.
    pub fn ed25519_pem(pem: &str) -> Result<Self, KeyFormatError> {
        let key = SigningKey::from_pkcs8_pem(pem.trim()).map_err(|_| KeyFormatError)?;
        Ok(Self(Secret::Ed25519(Box::new(key))))
    }

    /// The signature over `payload`: hexadecimal for HMAC, base64 for Ed25519, not percent-encoded.
    pub fn sign(&self, payload: &[u8]) -> String {
        match &self.0 {
            Secret::Hmac(key) => hex::encode(hmac::sign(key, payload)),
            Secret::Ed25519(key) => BASE64.encode(key.sign(payload).to_bytes()),
        }
    }
}

/// `text` with everything but unreserved characters (RFC 3986, 2.3) escaped.
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes all text");
        }
    }
    encoded
}
