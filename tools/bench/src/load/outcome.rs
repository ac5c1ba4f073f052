//! What became of orders and cancels, told by the answers and held against what the venue has in the end.
//!
//! What must not live here: how the venue is asked.

use super::client::Answer;
use super::mix::Kind;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

/// What an answer says about its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It took effect.
    Acknowledged,
    /// Not executed: it came after its deadline.
    Late,
    /// Not executed: there was no room.
    Shed,
    /// Not executed, for another reason.
    Refused,
    /// Nobody knows yet.
    Unknown,
}

impl Outcome {
    pub(super) fn of(answer: &Answer) -> Self {
        match (answer.error_code(), answer.status) {
            (_, status) if (200..300).contains(&status) => Self::Acknowledged,
            (Some(-1021), _) => Self::Late,
            (Some(-1003 | -1008 | -1015), _) => Self::Shed,
            (Some(-1000 | -1001 | -1006 | -1007), _) => Self::Unknown,
            (Some(_), _) => Self::Refused,
            // A load balancer that found nobody, or did not want to.
            (None, 429 | 503) => Self::Shed,
            (None, 400..500) => Self::Refused,
            (None, _) => Self::Unknown,
        }
    }
}

/// An order or cancel that was answered, or whose connection broke.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) account: usize,
    pub(super) kind: Kind,
    /// The client order id of the order that it placed or was to cancel.
    pub(super) order: String,
    pub(super) outcome: Outcome,
    pub(super) answered_at: Instant,
}

/// An order as an account's list has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// How many orders bear its client order id.
    pub(super) count: u64,
    pub(super) is_canceled: bool,
}

/// What a question for an order ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Final {
    There {
        is_canceled: bool,
    },
    Never,
    /// The venue never gave an answer.
    Open,
}

/// What became of all orders and cancels of a load. The last four should be 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcomes {
    /// Acknowledged.
    pub acknowledged: u64,
    /// Refused because they came after their deadline.
    pub late: u64,
    /// Refused because there was no room.
    pub shed: u64,
    /// Refused for other reasons.
    pub refused: u64,
    /// Nobody knew at first.
    pub unknown: u64,
    /// Of these, asked for afterwards: they took effect.
    pub unknown_executed: u64,
    /// They never did.
    pub unknown_never: u64,
    /// The venue could not say in the time that it promises.
    pub unknown_open: u64,
    /// Acknowledged, and not there in the end, or not canceled.
    pub acknowledged_lost: u64,
    /// Client order ids that stand there more than once.
    pub doubled: u64,
    /// Said to be refused or never executed, and there all the same.
    pub contradicted: u64,
}

impl Outcomes {
    /// Holds what was told against the accounts' lists, given what the questions for the unknown ended with.
    pub(super) fn judge(
        sent: &[Sent],
        listed: &BTreeMap<String, Listed>,
        finals: &BTreeMap<(String, Kind), Final>,
    ) -> Self {
        let mut outcomes = Self::default();
        for sent in sent {
            let there = listed.get(&sent.order);
            let has_effect = there.is_some_and(|listed| sent.kind != Kind::Cancel || listed.is_canceled);
            match sent.outcome {
                Outcome::Acknowledged => {
                    outcomes.acknowledged += 1;
                    outcomes.acknowledged_lost += u64::from(!has_effect);
                }
                Outcome::Late => outcomes.late += 1,
                Outcome::Shed => outcomes.shed += 1,
                Outcome::Refused => outcomes.refused += 1,
                Outcome::Unknown => {
                    outcomes.unknown += 1;
                    let found = finals.get(&(sent.order.clone(), sent.kind));
                    outcomes.settle(sent.kind, *found.unwrap_or(&Final::Open), has_effect);
                }
            }
            // A cancel that failed may be followed by one that does not.
            let is_denied = matches!(sent.outcome, Outcome::Late | Outcome::Shed | Outcome::Refused);
            outcomes.contradicted += u64::from(is_denied && has_effect && sent.kind != Kind::Cancel);
            outcomes.doubled += u64::from(sent.kind != Kind::Cancel && there.is_some_and(|listed| listed.count > 1));
        }
        outcomes
    }

    fn settle(&mut self, kind: Kind, found: Final, has_effect: bool) {
        let took_effect = match found {
            Final::Open => return self.unknown_open += 1,
            Final::There { is_canceled } => kind != Kind::Cancel || is_canceled,
            Final::Never => false,
        };
        if took_effect {
            self.unknown_executed += 1;
            self.acknowledged_lost += u64::from(!has_effect);
        } else {
            self.unknown_never += 1;
            self.contradicted += u64::from(has_effect && kind != Kind::Cancel);
        }
    }

    /// Whether the venue kept its word.
    pub const fn is_kept(&self) -> bool {
        self.unknown_open + self.acknowledged_lost + self.doubled + self.contradicted == 0
    }
}

impl fmt::Display for Outcomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, late, shed, refused, unknown, .. } = self;
        writeln!(
            f,
            "orders and cancels: {acknowledged} executed, {late} late, {shed} shed, {refused} refused, {unknown} unknown"
        )?;
        let Self { unknown_executed, unknown_never, unknown_open, .. } = self;
        writeln!(
            f,
            "  unknown, then: {unknown_executed} executed, {unknown_never} never, {unknown_open} still unknown"
        )?;
        let Self { acknowledged_lost, doubled, contradicted, .. } = self;
        writeln!(f, "  acknowledged and lost: {acknowledged_lost}; doubled: {doubled}; contradicted: {contradicted}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn answers_say_what_became_of_a_command() {
        let check = |status: u16, body: &'static str, expected: Outcome| {
            assert_eq!(Outcome::of(&Answer { status, body: Bytes::from(body) }), expected, "{status} {body}");
        };
        check(200, r#"{"orderId":1}"#, Outcome::Acknowledged);
        check(400, r#"{"code":-1021,"msg":""}"#, Outcome::Late);
        check(503, r#"{"code":-1008,"msg":""}"#, Outcome::Shed);
        check(503, "<html>", Outcome::Shed);
        check(400, r#"{"code":-2010,"msg":""}"#, Outcome::Refused);
        check(504, r#"{"code":-1007,"msg":""}"#, Outcome::Unknown);
        check(502, "<html>", Outcome::Unknown);
        check(0, "", Outcome::Unknown);
    }

    fn judge(kind: Kind, outcome: Outcome, listed: Option<(u64, bool)>, found: Option<Final>) -> Outcomes {
        let sent = Sent { account: 0, kind, order: "a".to_owned(), outcome, answered_at: Instant::now() };
        let listed = listed.map(|(count, is_canceled)| ("a".to_owned(), Listed { count, is_canceled }));
        let finals = found.map(|found| (("a".to_owned(), kind), found));
        Outcomes::judge(&[sent], &listed.into_iter().collect(), &finals.into_iter().collect())
    }

    #[test]
    fn a_venue_that_keeps_its_word_is_told_from_one_that_does_not() {
        let there = Final::There { is_canceled: false };
        for (kind, outcome, listed, found) in [
            (Kind::Place, Outcome::Acknowledged, Some((1, false)), None),
            (Kind::Cancel, Outcome::Acknowledged, Some((1, true)), None),
            (Kind::Place, Outcome::Shed, None, None),
            (Kind::Cancel, Outcome::Shed, Some((1, true)), None),
            (Kind::Place, Outcome::Unknown, Some((1, false)), Some(there)),
            (Kind::Place, Outcome::Unknown, None, Some(Final::Never)),
            (Kind::Cancel, Outcome::Unknown, Some((1, false)), Some(there)),
        ] {
            let outcomes = judge(kind, outcome, listed, found);
            assert!(outcomes.is_kept(), "{kind:?} {outcome:?} {listed:?} {found:?}: {outcomes:?}");
        }
        let broken = |outcomes: Outcomes| {
            let Outcomes { unknown_open, acknowledged_lost, doubled, contradicted, .. } = outcomes;
            [unknown_open, acknowledged_lost, doubled, contradicted]
        };
        let place = |outcome, listed, found| broken(judge(Kind::Place, outcome, listed, found));
        assert_eq!(place(Outcome::Unknown, None, None), [1, 0, 0, 0]);
        assert_eq!(place(Outcome::Acknowledged, None, None), [0, 1, 0, 0]);
        assert_eq!(broken(judge(Kind::Cancel, Outcome::Acknowledged, Some((1, false)), None)), [0, 1, 0, 0]);
        assert_eq!(place(Outcome::Unknown, None, Some(there)), [0, 1, 0, 0]);
        assert_eq!(place(Outcome::Acknowledged, Some((2, false)), None), [0, 0, 1, 0]);
        assert_eq!(place(Outcome::Shed, Some((1, false)), None), [0, 0, 0, 1]);
        assert_eq!(place(Outcome::Unknown, Some((1, false)), Some(Final::Never)), [0, 0, 0, 1]);
    }
}
