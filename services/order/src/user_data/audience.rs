//! Who listens to which account, and accounts on their way out of the tables.
//!
//! An account's first subscriber has its open orders loaded. Until they are there, the batches that touch the
//! account are kept, and folded afterwards as far as the tables did not hold them.

use super::Subscriber;
use super::account::Account;
use super::delivery::{self, parties};
use crate::gateway::directory::Folded;
use emporion_api::ApiError;
use emporion_model::{AccountId, Seq};
use emporion_ports::feed::CommittedBatch;
use emporion_ports::tables::{At, OrderRow};
use std::collections::HashMap;
use std::sync::Arc;

/// How many accounts may be loaded at a time.
const LOADS_MAX: usize = 1_024;
/// How many events the batches may have together that are kept for an account while it is loaded.
const KEPT_EVENTS_MAX: usize = 100_000;

/// All who listen. Dropping it cuts them.
pub(super) struct Audience {
    listed: Folded,
    live: HashMap<AccountId, Account>,
    loading: HashMap<AccountId, Loading>,
}

/// An account whose open orders are being read. It stays until they are there, even when nobody waits any more.
#[derive(Default)]
struct Loading {
    waiting: Vec<Subscriber>,
    kept: Kept,
}

/// The batches after the beginning of a load that touch its account.
#[derive(Default)]
struct Kept {
    batches: Vec<Arc<CommittedBatch>>,
    events: usize,
}

impl Audience {
    /// Nobody yet, on a venue where this is listed.
    pub(super) fn new(listed: Folded) -> Self {
        Self { listed, live: HashMap::new(), loading: HashMap::new() }
    }

    /// Tells everybody what happened in the next batch.
    pub(super) fn fold(&mut self, batch: &Arc<CommittedBatch>) {
        self.listed.fold(batch);
        self.keep(batch);
        delivery::deliver(batch, &self.listed.listings, &mut self.live);
    }

    /// Takes a new subscriber. If it must wait for its account, and nobody did yet, the account's open orders are
    /// to be loaded from a state that holds the seq.
    pub(super) fn add(&mut self, subscriber: Subscriber) -> Option<(AccountId, Seq)> {
        let (account, seq) = (subscriber.account, self.listed.seq);
        if subscriber.is_gone() {
            return None;
        }
        if let Some(live) = self.live.get_mut(&account) {
            live.add(subscriber, seq);
            return None;
        }
        if let Some(loading) = self.loading.get_mut(&account) {
            loading.waiting.push(subscriber);
            return None;
        }
        if self.loading.len() >= LOADS_MAX {
            subscriber.refuse(ApiError::busy(1));
            return None;
        }
        self.loading.insert(account, Loading { waiting: vec![subscriber], kept: Kept::default() });
        Some((account, seq))
    }

    /// Begins the events of those who waited for an account's orders.
    pub(super) fn loaded(&mut self, account: AccountId, answer: Result<At<Vec<OrderRow>>, ApiError>) {
        let Some(Loading { mut waiting, kept }) = self.loading.remove(&account) else { return };
        waiting.retain(|subscriber| !subscriber.is_gone());
        let answer = if kept.is_too_much() { Err(ApiError::busy(1)) } else { answer };
        match answer {
            Ok(orders) if !waiting.is_empty() => self.begin(account, waiting, orders, &kept.batches),
            Ok(_) => {}
            Err(error) => waiting.into_iter().for_each(|subscriber| subscriber.refuse(error.clone())),
        }
    }

    /// Takes those off who listen no longer; an account that nobody listens to is forgotten.
    pub(super) fn remove(&mut self, ended: Vec<(AccountId, u64)>) {
        for (id, listener) in ended {
            if let Some(loading) = self.loading.get_mut(&id) {
                loading.waiting.retain(|subscriber| subscriber.listener.id() != listener);
            }
            if let Some(account) = self.live.get_mut(&id) {
                account.remove(listener);
                if !account.is_heard() {
                    self.live.remove(&id);
                }
            }
        }
    }

    fn begin(
        &mut self,
        id: AccountId,
        waiting: Vec<Subscriber>,
        orders: At<Vec<OrderRow>>,
        kept: &[Arc<CommittedBatch>],
    ) {
        let since = orders.seq;
        let mut account = Account::new(since, orders.value);
        for subscriber in waiting {
            account.add(subscriber, since);
        }
        let mut alone = HashMap::from([(id, account)]);
        for batch in kept {
            delivery::deliver(batch, &self.listed.listings, &mut alone);
        }
        self.live.extend(alone);
    }

    fn keep(&mut self, batch: &Arc<CommittedBatch>) {
        if self.loading.is_empty() {
            return;
        }
        let mut touched: Vec<AccountId> =
            batch.entries.iter().flat_map(|entry| &entry.events).flat_map(parties).flatten().collect();
        touched.sort_unstable();
        touched.dedup();
        for account in touched {
            if let Some(loading) = self.loading.get_mut(&account) {
                loading.kept.push(batch);
            }
        }
    }
}

impl Kept {
    fn push(&mut self, batch: &Arc<CommittedBatch>) {
        self.events += batch.entries.iter().map(|entry| entry.events.len()).sum::<usize>();
        self.batches.push(batch.clone());
        if self.is_too_much() {
            self.batches = Vec::new();
        }
    }

    /// Whether batches were thrown away.
    fn is_too_much(&self) -> bool {
        self.events > KEPT_EVENTS_MAX
    }
}

impl Drop for Audience {
    fn drop(&mut self) {
        self.live.values().for_each(Account::cut);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user_data::account::Listener;
    use emporion_api::TimeUnit;
    use emporion_edge::socket::{Cut, Outbox, OutboxLimits};
    use emporion_edge::user_data::Sink;
    use emporion_model::TimeUs;
    use emporion_model::event::{Balance, Event};
    use emporion_model::journal::{Entry, Head};
    use emporion_model::{Action, Amount, AssetId, Command, Origin};
    use tokio::sync::oneshot;

    const ALICE: AccountId = AccountId(1_000);

    fn audience() -> Audience {
        Audience::new(Folded { seq: Seq(5), listings: Arc::default() })
    }

    fn subscriber(id: u64, outbox: &Outbox) -> (Subscriber, oneshot::Receiver<Result<Seq, ApiError>>) {
        let (begun, answer) = oneshot::channel();
        let listener = Listener::new(id, Sink::new(outbox.clone(), id, TimeUnit::Millisecond));
        (Subscriber { account: ALICE, listener, begun }, answer)
    }

    fn outbox() -> Outbox {
        Outbox::new(OutboxLimits::default())
    }

    fn no_orders(seq: u64) -> Result<At<Vec<OrderRow>>, ApiError> {
        Ok(At { seq: Seq(seq), time: TimeUs(0), value: Vec::new() })
    }

    /// A batch of one command that changes this many balances.
    fn batch(seq: u64, balances: usize) -> Arc<CommittedBatch> {
        let balance = Balance { account: ALICE, asset: AssetId(0), free: Amount(0), locked: Amount(0) };
        let command = Command { origin: Origin::Sequencer, action: Action::Tick };
        let entries = vec![Entry { command, events: vec![Event::BalanceChanged(balance); balances] }];
        Arc::new(CommittedBatch { head: Head { seq: Seq(seq), ..Head::default() }, first_seq: Seq(seq), entries })
    }

    #[test]
    fn an_account_is_loaded_once_and_forgotten_with_its_last_listener() {
        let (mut audience, outbox) = (audience(), outbox());
        let (first, mut first_begun) = subscriber(1, &outbox);
        let (second, mut second_begun) = subscriber(2, &outbox);
        let (third, mut third_begun) = subscriber(3, &outbox);
        assert_eq!(audience.add(first), Some((ALICE, Seq(5))));
        assert_eq!(audience.add(second), None);
        audience.loaded(ALICE, no_orders(7));
        assert_eq!(audience.add(third), None);
        for begun in [&mut first_begun, &mut second_begun, &mut third_begun] {
            assert_eq!(begun.try_recv(), Ok(Ok(Seq(7))));
        }
        audience.remove(vec![(ALICE, 1), (ALICE, 3)]);
        assert!(!audience.live.is_empty());
        audience.remove(vec![(ALICE, 2)]);
        assert!(audience.live.is_empty());
        assert!(!outbox.is_ending());
    }

    #[test]
    fn who_stops_waiting_is_never_heard_of_again() {
        let (mut audience, outbox) = (audience(), outbox());
        let (first, begun) = subscriber(1, &outbox);
        audience.add(first);
        drop(begun);
        audience.remove(vec![(ALICE, 1)]);
        let (late, begun) = subscriber(2, &outbox);
        drop(begun);
        assert_eq!(audience.add(late), None);
        let (waits, mut begun) = subscriber(3, &outbox);
        assert_eq!(audience.add(waits), None, "the first one's load still goes on");
        audience.loaded(ALICE, no_orders(5));
        assert_eq!(begun.try_recv(), Ok(Ok(Seq(5))));
        audience.remove(vec![(ALICE, 3)]);
        assert!(audience.live.is_empty() && audience.loading.is_empty());
    }

    #[test]
    fn a_load_that_fails_or_has_too_much_to_keep_is_refused() {
        let busy = ApiError::busy(1);
        for (answer, kept_events) in [(Err(busy.clone()), 0), (no_orders(5), KEPT_EVENTS_MAX + 1)] {
            let (mut audience, outbox) = (audience(), outbox());
            let (subscriber, mut begun) = subscriber(1, &outbox);
            audience.add(subscriber);
            audience.keep(&batch(6, kept_events));
            audience.loaded(ALICE, answer);
            assert_eq!(begun.try_recv(), Ok(Err(busy.clone())));
            assert!(audience.live.is_empty() && audience.loading.is_empty());
        }
    }

    #[test]
    fn no_more_accounts_than_may_be_are_loaded_at_a_time() {
        let (mut audience, outbox) = (audience(), outbox());
        let mut waiting = Vec::new();
        for number in 0..=LOADS_MAX as u64 {
            let (subscriber, begun) = subscriber(number, &outbox);
            audience.add(Subscriber { account: AccountId(1_000 + number), ..subscriber });
            waiting.push(begun);
        }
        assert_eq!(waiting.pop().unwrap().try_recv(), Ok(Err(ApiError::busy(1))));
        assert!(waiting.iter_mut().all(|begun| begun.try_recv().is_err()));
    }

    #[tokio::test]
    async fn who_listens_is_cut_with_the_audience_and_who_waits_is_not() {
        let (mut audience, listening, waiting) = (audience(), outbox(), outbox());
        let (first, _begun) = subscriber(1, &listening);
        audience.add(first);
        audience.loaded(ALICE, no_orders(5));
        let (second, begun) = subscriber(2, &waiting);
        audience.add(Subscriber { account: AccountId(1_001), ..second });
        drop(audience);
        assert_eq!(listening.cut_off().await, Cut::RESTART);
        assert!(!waiting.is_ending());
        assert!(begun.await.is_err());
    }
}
