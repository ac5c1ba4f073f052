//! The three kinds of keys and the check of a signature against one.

use super::SignedPayload;
use crate::{ApiError, Code};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::pkcs8::Document;
use ed25519_dalek::pkcs8::spki::der::asn1::UintRef;
use ed25519_dalek::pkcs8::spki::der::{Decode, Reader, SliceReader};
use ed25519_dalek::pkcs8::spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};
use ed25519_dalek::{Signature, VerifyingKey};
use ring::{hmac, signature as rsa};
use std::fmt;
use subtle::ConstantTimeEq;

/// Object identifiers of the public keys that are taken (RFC 8017, RFC 8410).
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The lengths of an RSA modulus that are taken, in bytes: 2048 to 4096 bits.
const RSA_MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// HMAC-SHA256 with a shared secret; the signature is hexadecimal, of either case.
    Hmac,
    /// Ed25519; the signature is base64.
    Ed25519,
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2048 to 4096 bits; the signature is base64.
    Rsa,
}

/// Why a text is not a public key that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFormatError;

impl fmt::Display for KeyFormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a public key is PEM (BEGIN PUBLIC KEY) and holds Ed25519 or RSA of 2048 to 4096 bits")
    }
}

impl std::error::Error for KeyFormatError {}

/// What checks the signatures of one API key: the parsed key, ready for use. It may hold a secret and so
/// has no `Debug`.
pub struct Verifier(Key);

enum Key {
    Hmac(hmac::Key),
    Ed25519(VerifyingKey),
    Rsa(rsa::UnparsedPublicKey<Vec<u8>>),
}

impl Verifier {
    /// Of a shared secret: its text's bytes, as the client uses them.
    pub fn hmac(secret: &[u8]) -> Self {
        Self(Key::Hmac(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// Of a public key in PEM, whose kind is told by what it holds.
    pub fn public_key(pem: &str) -> Result<Self, KeyFormatError> {
        let (label, document) = Document::from_pem(pem.trim()).map_err(|_| KeyFormatError)?;
        if label != "PUBLIC KEY" {
            return Err(KeyFormatError);
        }
        let info = SubjectPublicKeyInfoRef::from_der(document.as_bytes()).map_err(|_| KeyFormatError)?;
        let bytes = info.subject_public_key.as_bytes().ok_or(KeyFormatError)?;
        match info.algorithm.oid {
            ED25519 => ed25519(bytes),
            RSA_ENCRYPTION => rsa(bytes),
            _ => Err(KeyFormatError),
        }
    }

    /// The kind of key.
    pub fn key_type(&self) -> KeyType {
        match self.0 {
            Key::Hmac(_) => KeyType::Hmac,
            Key::Ed25519(_) => KeyType::Ed25519,
            Key::Rsa(_) => KeyType::Rsa,
        }
    }

    /// Whether the signature is this key's over the payload; -1022 if not.
    pub fn verify(&self, payload: &SignedPayload<'_>) -> Result<(), ApiError> {
        let verified = match &self.0 {
            Key::Hmac(key) => verify_hmac(key, payload),
            Key::Ed25519(key) => verify_ed25519(key, payload),
            Key::Rsa(key) => verify_rsa(key, payload),
        };
        verified.ok_or_else(|| Code::InvalidSignature.into())
    }
}

fn ed25519(bytes: &[u8]) -> Result<Verifier, KeyFormatError> {
    let bytes = bytes.try_into().map_err(|_| KeyFormatError)?;
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyFormatError)?;
    if key.is_weak() {
        return Err(KeyFormatError);
    }
    Ok(Verifier(Key::Ed25519(key)))
}

fn rsa(bytes: &[u8]) -> Result<Verifier, KeyFormatError> {
    let modulus_bytes = rsa_modulus_bytes(bytes).ok_or(KeyFormatError)?;
    if !RSA_MODULUS_BYTES.contains(&modulus_bytes) {
        return Err(KeyFormatError);
    }
    Ok(Verifier(Key::Rsa(rsa::UnparsedPublicKey::new(&rsa::RSA_PKCS1_2048_8192_SHA256, bytes.to_vec()))))
}

/// The length of the modulus in an `RSAPublicKey` (RFC 8017, A.1.1): a sequence of two integers.
fn rsa_modulus_bytes(bytes: &[u8]) -> Option<usize> {
    let mut reader = SliceReader::new(bytes).ok()?;
    let modulus = reader.sequence(|fields| {
        let modulus = UintRef::decode(fields)?;
        UintRef::decode(fields)?;
        Ok(modulus)
    });
    modulus.ok().map(|modulus| modulus.as_bytes().len())
}

fn verify_hmac(key: &hmac::Key, payload: &SignedPayload<'_>) -> Option<()> {
    let mut sent = [0; 32];
    hex::decode_to_slice(payload.signature(), &mut sent).ok()?;
    let mut context = hmac::Context::with_key(key);
    payload.parts().for_each(|part| context.update(part));
    bool::from(context.sign().as_ref().ct_eq(&sent)).then_some(())
}

fn verify_ed25519(key: &VerifyingKey, payload: &SignedPayload<'_>) -> Option<()> {
    let signature = Signature::from_slice(&base64_signature(payload.signature())?).ok()?;
    key.verify_strict(&payload.to_vec(), &signature).ok()
}

fn verify_rsa(key: &rsa::UnparsedPublicKey<Vec<u8>>, payload: &SignedPayload<'_>) -> Option<()> {
    key.verify(&payload.to_vec(), &base64_signature(payload.signature())?).ok()
}

/// Decodes percent escapes, then base64. A plus sign that a client forgot to escape stays one: base64 has no
/// space that it could have stood for.
fn base64_signature(raw: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        text.push(match byte {
            b'%' => {
                let (digits, after) = tail.split_at_checked(2)?;
                rest = after;
                let mut escaped = [0; 1];
                hex::decode_to_slice(digits, &mut escaped).ok()?;
                escaped[0]
            }
            _ => byte,
        });
    }
    BASE64.decode(text).ok()
}
