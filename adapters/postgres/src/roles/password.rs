//! What the server keeps of a password: a verifier of SCRAM-SHA-256 (RFC 5802, RFC 7677). It is made here, so that the
//! password itself is never sent and stands in no log of the server.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};

/// As many rounds as PostgreSQL makes of its own accord.
const ROUNDS: NonZeroU32 = NonZeroU32::new(4_096).expect("it is not zero");
const SALT_BYTES: usize = 16;

/// The verifier of a password, or what is wrong with it. Of visible ASCII, because other text would have to be
/// normalised first.
pub(super) fn verifier(password: &str) -> Result<String, String> {
    if !password.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it holds other characters than visible ASCII".to_owned());
    }
    if !(12..=128).contains(&password.len()) {
        return Err(format!("it has {} characters, but 12 to 128 are needed", password.len()));
    }
    let mut salt = [0; SALT_BYTES];
    SystemRandom::new().fill(&mut salt).map_err(|_| "this machine gives no random numbers".to_owned())?;
    Ok(verifier_with(password, &salt))
}

fn verifier_with(password: &str, salt: &[u8]) -> String {
    let mut salted = [0; digest::SHA256_OUTPUT_LEN];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, salt, password.as_bytes(), &mut salted);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let client = hmac::sign(&key, b"Client Key");
    let stored = digest::digest(&digest::SHA256, client.as_ref());
    let server = hmac::sign(&key, b"Server Key");
    let [salt, stored, server] = [salt, stored.as_ref(), server.as_ref()].map(|bytes| STANDARD.encode(bytes));
    format!("SCRAM-SHA-256${ROUNDS}:{salt}${stored}:{server}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange in RFC 7677: user "user", password "pencil".
    #[test]
    fn a_verifier_is_the_one_of_the_rfc() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        assert_eq!(
            verifier_with("pencil", &salt),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
             wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }

    #[test]
    fn a_password_that_cannot_be_used_is_not_repeated() {
        for (password, text) in
            [("short", "has 5"), ("with blanks in it", "visible"), ("mit-Umläuten-darin", "visible")]
        {
            let reason = verifier(password).unwrap_err();
            assert!(reason.contains(text) && !reason.contains(password), "{reason}");
        }
    }
}
