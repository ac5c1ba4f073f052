//! What the venue has seen: command ids until their deadline + 60 s, the last number of each service, and,
//! where the options ask for it, client order ids.

use crate::accounts::AccountIndex;
use emporion_model::codec::durable_struct;
use emporion_model::{ClientOrderId, CommandId, Seq, SourceId, TimeUs};
use foldhash::fast::SeedableRandomState;
use hashbrown::HashTable;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

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

/// A remembered command in the table: a part of its id's hash, and its place.
type Known = (u32, u32);

#[derive(Debug)]
pub(crate) struct Dedup {
    /// The commands by id. The ids are in `commands`; with the hash beside the place the table grows without
    /// reading them.
    known: HashTable<Known>,
    commands: Vec<(CommandId, Seq)>,
    free: Vec<u32>,
    hasher: SeedableRandomState,
    /// Places by the second after which they may be forgotten, in the order in which they came.
    expiring: BTreeMap<u64, Vec<u32>>,
    pub(crate) sources: BTreeMap<SourceId, SourceState>,
    placed_until: HashMap<(AccountIndex, ClientOrderId), TimeUs, SeedableRandomState>,
    placed_expiring: BTreeMap<TimeUs, Vec<(AccountIndex, ClientOrderId)>>,
}

impl Dedup {
    pub(crate) fn new(hasher: SeedableRandomState) -> Self {
        Self {
            known: HashTable::new(),
            commands: Vec::new(),
            free: Vec::new(),
            hasher: hasher.clone(),
            expiring: BTreeMap::new(),
            sources: BTreeMap::new(),
            placed_until: HashMap::with_hasher(hasher),
            placed_expiring: BTreeMap::new(),
        }
    }

    /// The seq under which this command was applied.
    pub(crate) fn seq_of(&self, command_id: CommandId) -> Option<Seq> {
        let hash = self.hash_of(command_id);
        let is_it = |known: &Known| self.commands[known.1 as usize].0 == command_id;
        self.known.find(spread(hash), is_it).map(|known| self.commands[known.1 as usize].1)
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    pub(crate) fn remember(&mut self, command_id: CommandId, deadline: TimeUs, seq: Seq) {
        self.remember_until(deadline.plus_us(REMEMBERED_US).second(), command_id, seq);
    }

    fn remember_until(&mut self, second: u64, command_id: CommandId, seq: Seq) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.commands.push((command_id, seq));
            u32::try_from(self.commands.len() - 1).expect("two minutes hold far fewer than 2^32 commands")
        });
        self.commands[place as usize] = (command_id, seq);
        let hash = self.hash_of(command_id);
        self.known.insert_unique(spread(hash), (hash, place), |known| spread(known.0));
        self.expiring.entry(second).or_default().push(place);
    }

    fn forget(&mut self, place: u32) {
        let hash = self.hash_of(self.commands[place as usize].0);
        let entry = self.known.find_entry(spread(hash), |known| known.1 == place);
        entry.expect("what expires is known").remove();
        self.free.push(place);
    }

    fn hash_of(&self, command_id: CommandId) -> u32 {
        (self.hasher.hash_one(command_id.0) >> 32) as u32
    }

    pub(crate) fn forget_before(&mut self, now: TimeUs) {
        while let Some(entry) = self.expiring.first_entry().filter(|entry| *entry.key() < now.second()) {
            entry.remove().into_iter().for_each(|place| self.forget(place));
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
        let commands = |places: &[u32]| places.iter().map(|place| self.commands[*place as usize]).collect();
        self.expiring.iter().map(|(second, places)| (*second, commands(places))).collect()
    }

    /// The remembered client order ids as a snapshot holds them.
    pub(crate) fn snapshot_placed(&self) -> Vec<(TimeUs, Vec<(AccountIndex, ClientOrderId)>)> {
        self.placed_expiring.iter().map(|(until, keys)| (*until, keys.clone())).collect()
    }

    pub(crate) fn restore(&mut self, remembered: Vec<(u64, Vec<(CommandId, Seq)>)>) {
        for (second, commands) in remembered {
            commands.into_iter().for_each(|(id, seq)| self.remember_until(second, id, seq));
        }
    }

    pub(crate) fn restore_placed(&mut self, placed: Vec<(TimeUs, Vec<(AccountIndex, ClientOrderId)>)>) {
        for (until, keys) in placed {
            self.placed_until.extend(keys.iter().map(|key| (*key, until)));
            self.placed_expiring.insert(until, keys);
        }
    }
}

/// The hash that the table wants out of the part that is kept: it uses the lowest and the highest bits.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}
