//! Which way each unanswered command of an account is on, so that none overtakes another.
//!
//! An account is on the direct way until a command of it is not taken there. From then on its commands go to its lane,
//! in the order in which they were submitted, once nothing of it is in flight on the direct way any more; and it comes
//! off the lanes when none is unanswered. What must not live here: sending, time, and who waits.

use super::sender::Parcel;
use emporion_model::AccountId;
use emporion_ports::orders::SessionId;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::Notify;

/// Where a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In flight on the direct way, nothing else tried yet.
    Direct,
    /// Nowhere: it waits for its turn to go to the lane.
    Parked,
    /// Its outcome on the direct way is unknown, and it waits for its turn to go to the lane.
    InDoubt,
    /// Handed to the lane; `true` when it may also have been taken by the direct way.
    OnLane(bool),
    /// It may have been taken by the direct way and cannot be sent again, because a later one of its session was
    /// executed: only the feed can tell.
    Overtaken,
    /// It will not be sent: the answer is "busy".
    Shed,
}

impl Place {
    /// Whether it keeps others behind it.
    fn has_a_turn(self) -> bool {
        !matches!(self, Self::Overtaken | Self::Shed)
    }
}

/// What became of a command that leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was executed.
    Taken,
    /// It may have been executed.
    Unknown,
    /// It never will be executed.
    NotTaken,
}

/// Whether a later command was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Later {
    NotTaken,
    MaybeTaken,
    Taken,
}

struct Entry {
    number: u64,
    session: SessionId,
    place: Place,
    /// What is known of later commands of its session.
    later: Later,
    parcel: Parcel,
    wake: Arc<Notify>,
}

/// Unanswered commands by account.
#[derive(Default)]
pub(super) struct Accounts {
    accounts: HashMap<AccountId, VecDeque<Entry>>,
    count: usize,
    last_number: u64,
}

/// Where commands go that have their turn.
pub(super) trait Turn {
    /// Whether a command of which nothing has left yet may still go to the lane.
    fn admits(&self, account: AccountId, parcel: &Parcel) -> bool;
    /// Hands it to the lane.
    fn to_lane(&self, account: AccountId, parcel: &Parcel);
}

impl Accounts {
    /// How many commands are unanswered.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether a new command of this account must go to the lane, behind what is there.
    pub(super) fn is_on_lanes(&self, account: AccountId) -> bool {
        let entries = self.accounts.get(&account);
        entries.is_some_and(|entries| {
            entries.iter().any(|entry| matches!(entry.place, Place::Parked | Place::InDoubt | Place::OnLane(_)))
        })
    }

    /// The accounts of which a command is on a lane.
    pub(super) fn on_lanes(&self) -> impl Iterator<Item = AccountId> {
        let is_there = |entries: &VecDeque<Entry>| entries.iter().any(|entry| matches!(entry.place, Place::OnLane(_)));
        self.accounts.iter().filter(move |(_, entries)| is_there(entries)).map(|(account, _)| *account)
    }

    /// Takes a new command in, to be sent directly or parked; its number and what to wait on.
    pub(super) fn enter(
        &mut self,
        account: AccountId,
        session: SessionId,
        parcel: Parcel,
        place: Place,
        turn: &impl Turn,
    ) -> (u64, Arc<Notify>) {
        self.last_number += 1;
        self.count += 1;
        let (number, wake) = (self.last_number, Arc::new(Notify::new()));
        let entry = Entry { number, session, place, later: Later::NotTaken, parcel, wake: Arc::clone(&wake) };
        self.accounts.entry(account).or_default().push_back(entry);
        self.advance(account, turn);
        (number, wake)
    }

    /// Where a command is, and whether it is the account's oldest that is unanswered.
    pub(super) fn place_of(&self, account: AccountId, number: u64) -> (Place, bool) {
        let mut entries = self.accounts[&account].iter().filter(|entry| entry.place.has_a_turn());
        let is_oldest = entries.next().is_some_and(|entry| entry.number == number);
        let entry = self.accounts[&account].iter().find(|entry| entry.number == number);
        (entry.expect("it has not left").place, is_oldest)
    }

    /// The direct way did not take a command in this attempt.
    pub(super) fn not_sent(&mut self, account: AccountId, number: u64, turn: &impl Turn) {
        self.change(account, number, |place| match place {
            Place::Direct => Place::Parked,
            other => other,
        });
        self.advance(account, turn);
    }

    /// The direct way may have taken a command.
    pub(super) fn in_doubt(&mut self, account: AccountId, number: u64, turn: &impl Turn) {
        self.change(account, number, |place| match place {
            Place::OnLane(_) => Place::OnLane(true),
            _ => Place::InDoubt,
        });
        self.overtake(account, number, Later::MaybeTaken);
        self.advance(account, turn);
    }

    /// A command leaves; whether the account leaves the lanes with it.
    pub(super) fn leave(&mut self, account: AccountId, number: u64, end: End, turn: &impl Turn) -> bool {
        match end {
            End::Taken => self.overtake(account, number, Later::Taken),
            End::Unknown => self.overtake(account, number, Later::MaybeTaken),
            End::NotTaken => {}
        }
        let was_on_lanes = self.is_on_lanes(account);
        let entries = self.accounts.get_mut(&account).expect("it has not left");
        entries.retain(|entry| entry.number != number);
        self.count -= 1;
        if let Some(entry) = entries.iter().find(|entry| entry.place.has_a_turn()) {
            entry.wake.notify_one();
        }
        if entries.is_empty() {
            self.accounts.remove(&account);
        }
        self.advance(account, turn);
        was_on_lanes && !self.is_on_lanes(account)
    }

    fn change(&mut self, account: AccountId, number: u64, change: impl FnOnce(Place) -> Place) {
        let entries = self.accounts.get_mut(&account).expect("it has not left");
        let entry = entries.iter_mut().find(|entry| entry.number == number).expect("it has not left");
        entry.place = change(entry.place);
    }

    /// Tells the earlier commands of its session, of which those that are nowhere yet may have lost their place.
    fn overtake(&mut self, account: AccountId, number: u64, later: Later) {
        let Some(entries) = self.accounts.get_mut(&account) else { return };
        let Some(session) = entries.iter().find(|entry| entry.number == number).map(|entry| entry.session) else {
            return;
        };
        let earlier = entries.iter_mut().filter(|entry| entry.number < number && entry.session == session);
        earlier.for_each(|entry| entry.later = entry.later.max(later));
    }

    /// Hands on what has its turn.
    fn advance(&mut self, account: AccountId, turn: &impl Turn) {
        let Some(entries) = self.accounts.get_mut(&account) else { return };
        if entries.iter().any(|entry| entry.place == Place::Direct) {
            return;
        }
        for entry in entries.iter_mut() {
            let place = match entry.place {
                Place::Parked if entry.later > Later::NotTaken || !turn.admits(account, &entry.parcel) => Place::Shed,
                Place::Parked => Place::OnLane(false),
                Place::InDoubt if entry.later == Later::Taken => Place::Overtaken,
                // The direct way takes nothing behind what it has lost, so a later one that may have been taken
                // was not taken without this one.
                Place::InDoubt => Place::OnLane(true),
                _ => continue,
            };
            if matches!(place, Place::OnLane(_)) {
                turn.to_lane(account, &entry.parcel);
            }
            entry.place = place;
            entry.wake.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sender::Leaving;
    use super::*;
    use emporion_model::{CommandId, TimeUs};
    use emporion_ports::sealed::SealedCommand;
    use parking_lot::Mutex;

    const ACCOUNT: AccountId = AccountId(1_000);
    const SESSION: SessionId = SessionId(1);

    #[derive(Default)]
    struct Lane(Mutex<Vec<u64>>, bool);

    impl Turn for Lane {
        fn admits(&self, _: AccountId, _: &Parcel) -> bool {
            !self.1
        }

        fn to_lane(&self, _: AccountId, parcel: &Parcel) {
            self.0.lock().push(parcel.deadline.0);
        }
    }

    /// Accounts with commands 1, 2, … in flight on the direct way, of these sessions.
    fn in_flight(sessions: &[u64], lane: &Lane) -> Accounts {
        let mut accounts = Accounts::default();
        for (number, session) in (1..).zip(sessions) {
            accounts.enter(ACCOUNT, SessionId(*session), parcel(number), Place::Direct, lane);
        }
        accounts
    }

    fn parcel(number: u64) -> Parcel {
        let sealed = SealedCommand { key_id: 1, bytes: Vec::new(), seal: [0; 32] };
        Parcel {
            sealed,
            command_id: CommandId([0; 16]),
            deadline: TimeUs(number),
            leaving: Arc::new(Leaving::default()),
        }
    }

    #[test]
    fn what_is_in_flight_settles_before_anything_goes_to_the_lane() {
        let lane = Lane::default();
        let mut accounts = in_flight(&[1, 2, 1], &lane);
        accounts.not_sent(ACCOUNT, 3, &lane);
        accounts.enter(ACCOUNT, SESSION, parcel(4), Place::Parked, &lane);
        accounts.in_doubt(ACCOUNT, 1, &lane);
        assert!(lane.0.lock().is_empty());
        assert!(!accounts.leave(ACCOUNT, 2, End::Taken, &lane));
        assert_eq!(*lane.0.lock(), [1, 3, 4]);
        assert_eq!(accounts.place_of(ACCOUNT, 1), (Place::OnLane(true), true));
        assert_eq!(accounts.place_of(ACCOUNT, 3), (Place::OnLane(false), false));
        assert!(!accounts.leave(ACCOUNT, 4, End::Taken, &lane));
        assert!(!accounts.leave(ACCOUNT, 1, End::Taken, &lane));
        assert!(accounts.leave(ACCOUNT, 3, End::Taken, &lane));
        assert!(!accounts.is_on_lanes(ACCOUNT));
        assert_eq!(accounts.count(), 0);
    }

    #[test]
    fn an_overtaken_command_is_shed_and_those_of_other_sessions_are_not() {
        let lane = Lane::default();
        let mut accounts = in_flight(&[1, 2, 1], &lane);
        accounts.not_sent(ACCOUNT, 1, &lane);
        accounts.not_sent(ACCOUNT, 2, &lane);
        accounts.leave(ACCOUNT, 3, End::Taken, &lane);
        assert_eq!(accounts.place_of(ACCOUNT, 1).0, Place::Shed);
        assert_eq!(accounts.place_of(ACCOUNT, 2), (Place::OnLane(false), true));
    }

    #[test]
    fn what_was_overtaken_in_doubt_is_not_sent_again() {
        let lane = Lane::default();
        let mut accounts = in_flight(&[1, 1], &lane);
        accounts.in_doubt(ACCOUNT, 1, &lane);
        accounts.leave(ACCOUNT, 2, End::Taken, &lane);
        assert_eq!(accounts.place_of(ACCOUNT, 1), (Place::Overtaken, false));
        assert!(lane.0.lock().is_empty() && !accounts.is_on_lanes(ACCOUNT));
    }

    #[test]
    fn a_later_one_that_was_not_taken_overtakes_nothing() {
        let lane = Lane::default();
        let mut accounts = in_flight(&[1, 1], &lane);
        accounts.not_sent(ACCOUNT, 2, &lane);
        accounts.not_sent(ACCOUNT, 1, &lane);
        assert_eq!(*lane.0.lock(), [1, 2]);
    }

    #[test]
    fn what_may_have_left_goes_on_even_when_the_lanes_are_full() {
        let lane = Lane(Mutex::default(), true);
        let mut accounts = in_flight(&[1, 2], &lane);
        accounts.in_doubt(ACCOUNT, 1, &lane);
        accounts.not_sent(ACCOUNT, 2, &lane);
        assert_eq!(*lane.0.lock(), [1]);
        assert_eq!(accounts.place_of(ACCOUNT, 2).0, Place::Shed);
    }
}
