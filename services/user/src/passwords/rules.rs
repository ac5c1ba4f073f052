//! What a person may choose as a password.
//!
//! At least 8 characters, at most 128 bytes, taken exactly as sent (no trimming, no folding, nothing cut
//! off), any characters; not one of the 3,000 most common and not the person's own name (OWASP ASVS 5.0,
//! 6.2.1, 6.2.4, 6.2.5, 6.2.8, 6.2.9).

use std::collections::BTreeSet;
use std::sync::LazyLock;

use emporion_ports::users::UserName;

const CHARACTERS_MIN: usize = 8;
const BYTES_MAX: usize = 128;

static COMMON: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| include_str!("common.txt").lines().filter(|line| !line.starts_with('#')).collect());

/// A password in the clear. No `Debug`.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Takes what was sent. `None` when it is longer than any password may be, so that nobody makes the
    /// venue hash a book.
    pub fn new(text: String) -> Option<Self> {
        (text.len() <= BYTES_MAX).then_some(Self(text))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Why a text may not become a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordProblem {
    /// Fewer than 8 characters.
    #[error("A password has at least 8 characters.")]
    TooShort,
    /// More than 128 bytes.
    #[error("A password has at most 128 bytes.")]
    TooLong,
    /// On the list of common passwords, whatever its case.
    #[error("This password is one of the most common ones.")]
    Common,
    /// The person's own name, whatever its case.
    #[error("A password must not be the name.")]
    IsName,
}

/// Checks a password that `name` wants to use from now on.
pub fn check_new(text: String, name: &UserName) -> Result<Password, PasswordProblem> {
    let folded = text.to_lowercase();
    if text.chars().count() < CHARACTERS_MIN {
        return Err(PasswordProblem::TooShort);
    }
    if folded == name.as_str() {
        return Err(PasswordProblem::IsName);
    }
    if COMMON.contains(folded.as_str()) {
        return Err(PasswordProblem::Common);
    }
    Password::new(text).ok_or(PasswordProblem::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<PasswordProblem>) {
        let name = UserName::parse("ann@example.org").unwrap();
        assert_eq!(check_new(text.to_owned(), &name).err(), expected, "{text:?}");
    }

    #[test]
    fn length_is_counted_in_characters_below_and_bytes_above() {
        check("", Some(PasswordProblem::TooShort));
        check("k7 Fq2!", Some(PasswordProblem::TooShort));
        check("k7 Fq2!x", None);
        check("ключ-ключ", None);
        check("ключ-кл", Some(PasswordProblem::TooShort));
        check(&"k7Fq".repeat(32), None);
        check(&format!("{}x", "k7Fq".repeat(32)), Some(PasswordProblem::TooLong));
        check(&"é".repeat(65), Some(PasswordProblem::TooLong));
    }

    #[test]
    fn common_passwords_and_the_name_are_refused_in_any_case() {
        for text in ["password", "PassWord", "12345678", "qwertyuiop"] {
            check(text, Some(PasswordProblem::Common));
        }
        check("Ann@Example.org", Some(PasswordProblem::IsName));
        check(" password ", None);
    }

    #[test]
    fn the_list_is_3000_passwords_that_the_other_rules_allow() {
        assert_eq!(COMMON.len(), 3_000);
        assert!(COMMON.iter().all(|text| text.len() >= CHARACTERS_MIN && text.to_lowercase() == **text));
    }

    #[test]
    fn a_password_is_taken_exactly() {
        let text = "  k7Fq2!xé  ";
        let name = UserName::parse("ann").unwrap();
        assert_eq!(check_new(text.to_owned(), &name).ok().unwrap().bytes(), text.as_bytes());
    }
}
