//! Secrets out of the operating system's random numbers.

use ring::rand::{SecureRandom, SystemRandom};

const LETTERS_AND_DIGITS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// `N` unpredictable bytes.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("an operating system without random numbers runs no venue");
    bytes
}

/// `length` unpredictable letters and digits, each equally likely: 5.95 bits a character.
pub(crate) fn letters_and_digits(length: usize) -> String {
    // The bytes from 248 on are thrown away: 248 is the largest multiple of 62 below 256.
    let fair = |byte: &u8| usize::from(*byte) < 4 * LETTERS_AND_DIGITS.len();
    let letter = |byte: u8| char::from(LETTERS_AND_DIGITS[usize::from(byte) % LETTERS_AND_DIGITS.len()]);
    std::iter::repeat_with(bytes::<64>).flatten().filter(fair).take(length).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn texts_have_the_length_and_use_the_whole_alphabet() {
        assert_eq!(letters_and_digits(64).len(), 64);
        let seen: BTreeSet<char> = letters_and_digits(10_000).chars().collect();
        assert_eq!(seen.len(), 62);
        assert_ne!(letters_and_digits(64), letters_and_digits(64));
    }
}
