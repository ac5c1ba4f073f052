//! Session tokens and how long they work.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use emporion_model::TimeUs;
use emporion_ports::users::{Session, TokenHash};
use sha2::{Digest, Sha256};

use crate::random;

/// 256 bits, which nobody guesses.
const TOKEN_BYTES: usize = 32;
/// A use is written down only when the last one noted is this old: reading sessions costs no writes then.
const NOTE_USE_AFTER_US: u64 = 60 * 1_000_000;

/// A session token in the clear. No `Debug`.
pub struct SessionToken(String);

impl SessionToken {
    /// A new one.
    pub(crate) fn new() -> Self {
        Self(URL_SAFE_NO_PAD.encode(random::bytes::<TOKEN_BYTES>()))
    }

    /// For the one answer that shows it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn hash(&self) -> TokenHash {
        hash(&self.0)
    }
}

/// What the store knows a token by. Any text has a hash; only that of a token is found.
pub(crate) fn hash(token: &str) -> TokenHash {
    TokenHash(Sha256::digest(token).into())
}

/// How long sessions work and how many a person may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Seconds without use after which a session ends; uses are noted with a minute's precision.
    pub idle_s: u32,
    /// Seconds after which it ends in any case.
    pub absolute_s: u32,
    /// Sessions that a person may have; a further log-in closes the one unused for longest.
    pub sessions_max: u32,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { idle_s: 30 * 60, absolute_s: 12 * 60 * 60, sessions_max: 20 }
    }
}

impl SessionLimits {
    /// When a session opened at `created_at` ends at the latest.
    pub(crate) fn end_of(&self, created_at: TimeUs) -> TimeUs {
        created_at.plus_us(seconds_us(self.absolute_s))
    }

    /// Whether `session` still works.
    pub(crate) fn is_live(&self, session: &Session, now: TimeUs) -> bool {
        now < self.end_of(session.created_at) && now < session.seen_at.plus_us(seconds_us(self.idle_s))
    }

    /// Whether this use should be written down.
    pub(crate) fn should_note(session: &Session, now: TimeUs) -> bool {
        now.since(session.seen_at) >= NOTE_USE_AFTER_US
    }

    /// Sessions created before the first or last seen before the second time have ended.
    pub(crate) fn ended_before(&self, now: TimeUs) -> (TimeUs, TimeUs) {
        let before = |seconds| TimeUs(now.0.saturating_sub(seconds_us(seconds)));
        (before(self.absolute_s), before(self.idle_s))
    }
}

fn seconds_us(seconds: u32) -> u64 {
    u64::from(seconds) * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use emporion_ports::users::UserId;

    #[test]
    fn tokens_are_256_bits_and_differ() {
        let (one, two) = (SessionToken::new(), SessionToken::new());
        assert_eq!(URL_SAFE_NO_PAD.decode(one.expose()).unwrap().len(), TOKEN_BYTES);
        assert_ne!(one.hash(), two.hash());
        assert_eq!(one.hash(), hash(one.expose()));
    }

    #[test]
    fn a_session_ends_by_disuse_and_by_age() {
        let limits = SessionLimits { idle_s: 10, absolute_s: 100, sessions_max: 1 };
        let check = |created_s: u64, seen_s: u64, now_s: u64, live: bool| {
            let [created_at, seen_at, now] = [created_s, seen_s, now_s].map(TimeUs::from_second);
            let session = Session { user_id: UserId(1), created_at, seen_at };
            assert_eq!(limits.is_live(&session, now), live, "{created_s} {seen_s} {now_s}");
            let (created_before, seen_before) = limits.ended_before(now);
            assert!(!live || (created_at >= created_before && seen_at >= seen_before), "only dead ones are pruned");
        };
        check(1_000, 1_000, 1_009, true);
        check(1_000, 1_000, 1_010, false);
        check(1_000, 1_095, 1_099, true);
        check(1_000, 1_095, 1_100, false);
        check(1_000, 1_000, 900, true);
    }
}
