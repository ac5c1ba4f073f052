//! The engine's state: all that a command can read or change.

use crate::accounts::{AccountIndex, Accounts};
use crate::book::Book;
use crate::dedup::Dedup;
use crate::orders::OrderTable;
use crate::series::Series;
use emporion_model::event::Event;
use emporion_model::{
    AccountId, AggTradeId, Asset, AssetId, ClientOrderId, ExecutionId, Mode, Options, OrderId, PreventedMatchId,
    Scales, Seq, SymbolId, SymbolSpec, TimeUs, TradeId,
};
use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;
use std::collections::VecDeque;

/// The constant half of the maps' seed; the other half comes from whoever makes the engine.
static HASH_SEED: SharedSeed = SharedSeed::from_u64(0x456d_706f_7269_6f6e);

/// The rules that this build knows. The engine state says which are in force.
pub const RULES_VERSIONS: std::ops::RangeInclusive<u16> = 1..=1;

#[derive(Debug)]
pub(crate) struct SymbolState {
    pub(crate) id: SymbolId,
    pub(crate) spec: SymbolSpec,
    pub(crate) scales: Scales,
    /// Ledger units in the smallest shown unit of base and of quote, to which fees round.
    pub(crate) base_display_unit: i128,
    pub(crate) quote_display_unit: i128,
    pub(crate) book: Book,
    pub(crate) series: Series,
    pub(crate) last_order_id: OrderId,
    pub(crate) last_trade_id: TradeId,
    pub(crate) last_agg_trade_id: AggTradeId,
    pub(crate) last_prevented_match_id: PreventedMatchId,
}

impl SymbolState {
    pub(crate) fn new(id: SymbolId, spec: SymbolSpec, assets: &[Asset]) -> Self {
        let base = &assets[usize::from(spec.base.0)];
        let quote = &assets[usize::from(spec.quote.0)];
        Self {
            id,
            scales: spec.scales(base, quote),
            base_display_unit: base.display_unit(),
            quote_display_unit: quote.display_unit(),
            spec,
            book: Book::default(),
            series: Series::default(),
            last_order_id: OrderId(0),
            last_trade_id: TradeId(0),
            last_agg_trade_id: AggTradeId(0),
            last_prevented_match_id: PreventedMatchId(0),
        }
    }
}

/// Work that goes on in steps, each with its own seq.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FollowUp {
    /// The rest of a mass cancel.
    CancelAll(AccountIndex, SymbolId, ClientOrderId),
}

emporion_model::codec::durable_tagged!(FollowUp { 0 => CancelAll(account, symbol, cancel_id) });

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) mode: Option<Mode>,
    pub(crate) seq: Seq,
    pub(crate) time: TimeUs,
    pub(crate) rules_version: u16,
    pub(crate) options: Options,
    pub(crate) assets: Vec<Asset>,
    pub(crate) symbols: Vec<SymbolState>,
    pub(crate) accounts: Accounts,
    pub(crate) next_account_id: AccountId,
    pub(crate) orders: OrderTable,
    pub(crate) last_execution_id: ExecutionId,
    pub(crate) dedup: Dedup,
    pub(crate) follow_ups: VecDeque<FollowUp>,
}

impl State {
    /// The state before genesis. The key seeds the hash maps, none of which is ever iterated, so it can
    /// change no outcome.
    pub(crate) fn empty(hash_key: u64) -> Self {
        let hasher = SeedableRandomState::with_seed(hash_key, &HASH_SEED);
        Self {
            mode: None,
            seq: Seq::ZERO,
            time: TimeUs(0),
            rules_version: *RULES_VERSIONS.end(),
            options: Options::default(),
            assets: Vec::new(),
            symbols: Vec::new(),
            accounts: Accounts::new(hasher.clone()),
            next_account_id: AccountId::FIRST_USER,
            orders: OrderTable::new(hasher.clone()),
            last_execution_id: ExecutionId(0),
            dedup: Dedup::new(hasher),
            follow_ups: VecDeque::new(),
        }
    }

    pub(crate) fn symbol(&self, id: SymbolId) -> Option<&SymbolState> {
        self.symbols.get(usize::from(id.0))
    }

    /// A symbol that validation has found.
    pub(crate) fn symbol_mut(&mut self, id: SymbolId) -> &mut SymbolState {
        &mut self.symbols[usize::from(id.0)]
    }

    pub(crate) fn asset(&self, id: AssetId) -> Option<&Asset> {
        self.assets.get(usize::from(id.0))
    }

    pub(crate) fn next_execution_id(&mut self) -> ExecutionId {
        self.last_execution_id.0 += 1;
        self.last_execution_id
    }

    /// Lets engine time pass: closes the buckets of earlier seconds and forgets what is too old.
    pub(crate) fn advance(&mut self, seq: Seq, time: TimeUs, events: &mut Vec<Event>) {
        assert_eq!(seq, self.seq.next(), "seqs are gapless");
        assert!(time >= self.time, "engine time never runs backwards");
        self.seq = seq;
        let a_second_passed = time.second() > self.time.second();
        self.time = time;
        if a_second_passed {
            let closed = self.symbols.iter_mut().filter_map(|symbol| symbol.series.advance(time.second()));
            events.extend(closed.map(Event::BucketClosed));
            self.dedup.forget_before(time);
        }
    }
}
