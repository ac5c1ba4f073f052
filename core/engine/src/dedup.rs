//! What the venue has seen: command ids until their deadline + 60 s, the last number of each service, and,
//! where the options ask for it, client order ids.

use crate::accounts::AccountIndex;
use emporion_model::codec::durable_struct;
use emporion_model::{ClientOrderId, CommandId, Seq, SourceId, TimeUs};
use foldhash::fast::SeedableRandomState;
use std::collections::{BTreeMap, HashMap};

/// How long after its deadline a command id is remembered.
pub(crate) const REMEMBERED_US: u64 = 60_000_000;

/// The most client order ids that are remembered; beyond it new orders are refused, never let through.
pub(crate) const CLIENT_ORDER_IDS_MAX: usize = 4_000_000;

/// Where a service's own numbering stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourceState {
    pub(crate) n: u64,
    pub(crate) digest: [u8; 32],
    pub(crate) seq: Seq,
}

durable_struct!(SourceState { n, digest, seq });

#[derive(Debug)]
pub(crate) struct Dedup {
    seq_of: HashMap<CommandId, Seq, SeedableRandomState>,
    /// The ids by the second after which they may be forgotten, in the order in which they came.
    expiring: BTreeMap<u64, Vec<CommandId>>,
    pub(crate) sources: BTreeMap<SourceId, SourceState>,
    placed_until: HashMap<(AccountIndex, ClientOrderId), TimeUs, SeedableRandomState>,
    placed_expiring: BTreeMap<TimeUs, Vec<(AccountIndex, ClientOrderId)>>,
}

impl Dedup {
    pub(crate) fn new(hasher: SeedableRandomState) -> Self {
        Self {
            seq_of: HashMap::with_hasher(hasher.clone()),
            expiring: BTreeMap::new(),
            sources: BTreeMap::new(),
            placed_until: HashMap::with_hasher(hasher),
            placed_expiring: BTreeMap::new(),
        }
    }

    /// The seq under which this command was applied.
    pub(crate) fn seq_of(&self, command_id: CommandId) -> Option<Seq> {
        self.seq_of.get(&command_id).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.seq_of.len()
    }

    pub(crate) fn remember(&mut self, command_id: CommandId, deadline: TimeUs, seq: Seq) {
        let second = deadline.plus_us(REMEMBERED_US).second();
        self.expiring.entry(second).or_default().push(command_id);
        self.seq_of.insert(command_id, seq);
    }

    pub(crate) fn forget_before(&mut self, now: TimeUs) {
        while let Some(entry) = self.expiring.first_entry().filter(|entry| *entry.key() < now.second()) {
            for command_id in entry.remove() {
                self.seq_of.remove(&command_id);
            }
        }
        while let Some(entry) = self.placed_expiring.first_entry().filter(|entry| *entry.key() < now) {
            let until = *entry.key();
            for key in entry.remove() {
                if self.placed_until.get(&key) == Some(&until) {
                    self.placed_until.remove(&key);
                }
            }
        }
    }

    /// Whether a client order id was placed so recently that it may not be used again.
    pub(crate) fn is_recent(&self, account: AccountIndex, id: &ClientOrderId, now: TimeUs) -> bool {
        self.placed_until.get(&(account, *id)).is_some_and(|until| *until >= now)
    }

    pub(crate) fn client_order_ids_are_full(&self) -> bool {
        self.placed_until.len() >= CLIENT_ORDER_IDS_MAX
    }

    pub(crate) fn remember_client_order_id(&mut self, account: AccountIndex, id: ClientOrderId, until: TimeUs) {
        self.placed_until.insert((account, id), until);
        self.placed_expiring.entry(until).or_default().push((account, id));
    }

    /// The remembered commands as a snapshot holds them: by expiry, then in the order in which they came.
    pub(crate) fn snapshot(&self) -> Vec<(u64, Vec<(CommandId, Seq)>)> {
        let with_seq = |id: &CommandId| (*id, self.seq_of[id]);
        self.expiring.iter().map(|(second, ids)| (*second, ids.iter().map(with_seq).collect())).collect()
    }

    /// The remembered client order ids as a snapshot holds them.
    pub(crate) fn snapshot_placed(&self) -> Vec<(TimeUs, Vec<(AccountIndex, ClientOrderId)>)> {
        self.placed_expiring.iter().map(|(until, keys)| (*until, keys.clone())).collect()
    }

    pub(crate) fn restore(&mut self, remembered: Vec<(u64, Vec<(CommandId, Seq)>)>) {
        for (second, ids) in remembered {
            self.seq_of.extend(ids.iter().copied());
            self.expiring.insert(second, ids.into_iter().map(|(id, _)| id).collect());
        }
    }

    pub(crate) fn restore_placed(&mut self, placed: Vec<(TimeUs, Vec<(AccountIndex, ClientOrderId)>)>) {
        for (until, keys) in placed {
            self.placed_until.extend(keys.iter().map(|key| (*key, until)));
            self.placed_expiring.insert(until, keys);
        }
    }
}
