//! Sealing of secrets that must be read again: the HMAC secrets of API keys.
//!
//! AES-256-GCM under a master key out of the config. A blob is `version (1) · length of the master key's id
//! (1) · id · nonce (12) · ciphertext and tag`; everything before the ciphertext and the name of what the
//! secret belongs to are authenticated with it, so that no blob opens in another's place. It is an envelope
//! around bytes, not a record; records are written by the model's codec alone.
//!
//! Rotation: put a new master key first. It seals from then on; the others still open what they sealed, and
//! stay for as long as anything was sealed under them.

use emporion_ports::keys::Secret;
use emporion_ports::users::{StoreResult, UserStore};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::random;

const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;
const ID_BYTES_MAX: usize = 32;
/// What a proof seals; any known text would do.
const PROOF_TEXT: &[u8] = b"emporion";
const PROOF_OWNER: &str = "master key proof";

/// Why sealing or opening failed, in one sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The config lists no master key.
    #[error("no master key is configured: API secrets cannot be sealed")]
    NoKeys,
    /// A configured id or key is malformed; the text names the id, never the key.
    #[error("master key {id:?} is not valid: {problem}")]
    BadKey {
        /// The configured id.
        id: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A blob names a master key that is not configured.
    #[error("master key {id:?} is not configured, but API secrets are sealed under it: add it again")]
    Missing {
        /// The id that the blob names.
        id: String,
    },
    /// The named master key does not open the blob.
    #[error("master key {id:?} does not open what was sealed under it: its value was changed or the store is damaged")]
    Wrong {
        /// The id that the blob names.
        id: String,
    },
    /// The blob is not one.
    #[error("a sealed secret is damaged")]
    Damaged,
}

/// The configured master keys. No `Debug`.
pub struct MasterKeys {
    /// The first seals; every one opens.
    keys: Vec<(String, LessSafeKey)>,
}

impl MasterKeys {
    /// Takes `(id, 64 hexadecimal digits)` pairs, the one to seal with first. An id is 1 to 32 ASCII letters,
    /// digits, `-`, `_` and `.`.
    ///
    /// # Errors
    /// [`SealError::NoKeys`] for an empty list, [`SealError::BadKey`] for a malformed or doubled one.
    pub fn new(pairs: &[(String, Secret)]) -> Result<Self, SealError> {
        let mut keys: Vec<(String, LessSafeKey)> = Vec::with_capacity(pairs.len());
        for (id, key) in pairs {
            let bad = |problem| SealError::BadKey { id: id.clone(), problem };
            if !is_id(id) {
                return Err(bad("its id is not 1 to 32 letters, digits, '-', '_' and '.'"));
            }
            if keys.iter().any(|(other, _)| other == id) {
                return Err(bad("its id is used twice"));
            }
            let mut bytes = [0; KEY_BYTES];
            hex::decode_to_slice(key.expose(), &mut bytes).map_err(|_| bad("it is not 64 hexadecimal digits"))?;
            let key = UnboundKey::new(&AES_256_GCM, &bytes).expect("32 bytes are a key of AES-256");
            keys.push((id.clone(), LessSafeKey::new(key)));
        }
        if keys.is_empty() { Err(SealError::NoKeys) } else { Ok(Self { keys }) }
    }

    /// Seals `secret` for `owner`, the only name under which it opens again.
    pub fn seal(&self, owner: &str, secret: &Secret) -> Vec<u8> {
        let (id, key) = &self.keys[0];
        let nonce: [u8; NONCE_LEN] = random::bytes();
        let mut header = vec![VERSION, u8::try_from(id.len()).expect("ids are at most 32 bytes")];
        header.extend_from_slice(id.as_bytes());
        header.extend_from_slice(&nonce);
        let mut sealed = secret.expose().to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(bound(&header, owner)),
            &mut sealed,
        )
        .expect("a secret is far shorter than the cipher's limit");
        header.extend_from_slice(&sealed);
        header
    }

    /// Opens what [`Self::seal`] made for the same `owner`.
    ///
    /// # Errors
    /// [`SealError::Missing`], [`SealError::Wrong`] or [`SealError::Damaged`].
    pub fn open(&self, owner: &str, blob: &[u8]) -> Result<Secret, SealError> {
        let Blob { id, nonce, header, sealed } = split(blob).ok_or(SealError::Damaged)?;
        let found = self.keys.iter().find(|(known, _)| known == id);
        let (_, key) = found.ok_or_else(|| SealError::Missing { id: id.to_owned() })?;
        let mut secret = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = key.open_in_place(nonce, Aad::from(bound(header, owner)), &mut secret);
        let opened = opened.map_err(|_| SealError::Wrong { id: id.to_owned() })?;
        Ok(Secret::new(&*opened))
    }

    /// Checks these keys against everything the store ever sealed, and leaves a proof of the sealing one. To be
    /// called before anything is sealed; a wrong or missing key is then a sentence at start, not a failure of
    /// some keys later.
    pub async fn prove(&self, store: &dyn UserStore) -> StoreResult<Result<(), SealError>> {
        for proof in store.master_key_proofs().await? {
            if let Err(error) = self.open(PROOF_OWNER, &proof) {
                return Ok(Err(error));
            }
        }
        let proof = self.seal(PROOF_OWNER, &Secret::new(PROOF_TEXT));
        store.keep_master_key_proof(&self.keys[0].0, &proof).await?;
        Ok(Ok(()))
    }
}

/// The parts of a blob.
struct Blob<'b> {
    id: &'b str,
    nonce: [u8; NONCE_LEN],
    header: &'b [u8],
    sealed: &'b [u8],
}

fn split(blob: &[u8]) -> Option<Blob<'_>> {
    let (&[version, id_bytes], rest) = blob.split_first_chunk()?;
    let (id, rest) = rest.split_at_checked(usize::from(id_bytes))?;
    let (nonce, sealed) = rest.split_first_chunk()?;
    let header = &blob[..blob.len() - sealed.len()];
    let id = std::str::from_utf8(id).ok()?;
    (version == VERSION).then_some(Blob { id, nonce: *nonce, header, sealed })
}

/// What is authenticated beside the ciphertext. The header has a fixed shape, so the two cannot be mixed up.
fn bound(header: &[u8], owner: &str) -> Vec<u8> {
    [header, owner.as_bytes()].concat()
}

fn is_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(pairs: &[(&str, &str)]) -> Result<MasterKeys, SealError> {
        let pairs: Vec<_> = pairs.iter().map(|(id, key)| ((*id).to_owned(), Secret::new(*key))).collect();
        MasterKeys::new(&pairs)
    }

    fn hex_key(digit: char) -> String {
        digit.to_string().repeat(64)
    }

    fn one(id: &str, digit: char) -> MasterKeys {
        keys(&[(id, &hex_key(digit))]).unwrap()
    }

    fn sentence(opened: Result<Secret, SealError>) -> String {
        opened.err().expect("it does not open").to_string()
    }

    #[test]
    fn what_was_sealed_opens_for_its_owner_only() {
        let keys = one("2026", 'a');
        let blob = keys.seal("KEY1", &Secret::new("hush"));
        assert_eq!(keys.open("KEY1", &blob).unwrap().expose(), b"hush");
        assert!(keys.open("KEY2", &blob).is_err());
        assert_ne!(keys.seal("KEY1", &Secret::new("hush")), blob, "every seal has its own nonce");
    }

    #[test]
    fn no_changed_bit_opens() {
        let keys = one("2026", 'a');
        let blob = keys.seal("KEY1", &Secret::new("hush"));
        for bit in 0..8 * blob.len() {
            let mut changed = blob.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(keys.open("KEY1", &changed).is_err(), "bit {bit}");
        }
        for length in 0..blob.len() {
            assert!(keys.open("KEY1", &blob[..length]).is_err(), "length {length}");
        }
    }

    #[test]
    fn the_newest_seals_and_all_open() {
        let old = one("2026", 'a');
        let both = keys(&[("2027", &hex_key('b')), ("2026", &hex_key('a'))]).unwrap();
        let sealed_before = old.seal("KEY1", &Secret::new("hush"));
        assert_eq!(both.open("KEY1", &sealed_before).unwrap().expose(), b"hush");
        let sealed_now = both.seal("KEY1", &Secret::new("hush"));
        assert!(one("2027", 'b').open("KEY1", &sealed_now).is_ok());
        assert_eq!(
            sentence(old.open("KEY1", &sealed_now)),
            "master key \"2027\" is not configured, but API secrets are sealed under it: add it again"
        );
    }

    #[test]
    fn a_wrong_key_says_so() {
        let blob = one("2026", 'a').seal("KEY1", &Secret::new("hush"));
        assert_eq!(
            sentence(one("2026", 'b').open("KEY1", &blob)),
            "master key \"2026\" does not open what was sealed under it: its value was changed or the store is damaged"
        );
    }

    #[test]
    fn malformed_keys_are_refused_without_showing_them() {
        let cases: [(&[(&str, &str)], &str); 5] = [
            (&[], "no master key is configured: API secrets cannot be sealed"),
            (&[("a", "abcd")], "master key \"a\" is not valid: it is not 64 hexadecimal digits"),
            (&[("a", &"g".repeat(64))], "master key \"a\" is not valid: it is not 64 hexadecimal digits"),
            (
                &[("", &hex_key('a'))],
                "master key \"\" is not valid: its id is not 1 to 32 letters, digits, '-', '_' and '.'",
            ),
            (&[("a", &hex_key('a')), ("a", &hex_key('b'))], "master key \"a\" is not valid: its id is used twice"),
        ];
        for (pairs, expected) in cases {
            assert_eq!(keys(pairs).err().expect("refused").to_string(), expected);
        }
    }
}
