//! What is counted about links. Labels are words of this crate, never a peer's.

use metrics::{counter, describe_counter, describe_gauge, gauge};

/// Describes this crate's metrics to the recorder; once per process, after the recorder is installed.
pub fn describe() {
    describe_gauge!("link_in_flight", "Unanswered requests on internal connections by side (client, server).");
    describe_gauge!("link_connections", "Internal connections by side (client, server).");
    describe_counter!("link_refused_peers_total", "Internal peers refused by reason, the right certificate first.");
    describe_counter!("link_bad_seals_total", "Clients' commands refused because of their seal, by reason.");
    describe_counter!("link_busy_total", "Requests answered busy by the link's own bounds, by side.");
    describe_counter!("link_reconnects_total", "Internal connections that a client opened after its first one.");
    describe_counter!("link_lost_total", "Internal connections that ended other than by agreement, by side.");
    describe_counter!("link_key_lookups_total", "Lookups of API keys by where the answer came from.");
}

/// One more of `side`'s connections or requests, until it is dropped.
pub(crate) struct Counted {
    name: &'static str,
    side: &'static str,
}

impl Counted {
    pub(crate) fn connection(side: &'static str) -> Self {
        Self::one("link_connections", side)
    }

    pub(crate) fn request(side: &'static str) -> Self {
        Self::one("link_in_flight", side)
    }

    fn one(name: &'static str, side: &'static str) -> Self {
        gauge!(name, "side" => side).increment(1);
        Self { name, side }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        gauge!(self.name, "side" => self.side).decrement(1);
    }
}

pub(crate) fn refused_peer(reason: &'static str) {
    counter!("link_refused_peers_total", "reason" => reason).increment(1);
}

pub(crate) fn bad_seal(reason: &'static str) {
    counter!("link_bad_seals_total", "reason" => reason).increment(1);
}

pub(crate) fn busy(side: &'static str) {
    counter!("link_busy_total", "side" => side).increment(1);
}

pub(crate) fn reconnected() {
    counter!("link_reconnects_total").increment(1);
}

pub(crate) fn lost(side: &'static str) {
    counter!("link_lost_total", "side" => side).increment(1);
}

pub(crate) fn key_lookup(from: &'static str) {
    counter!("link_key_lookups_total", "from" => from).increment(1);
}
