//! The pure venue: books, matching, holds, fees, ledger, snapshot and state hash.
//!
//! A state machine without I/O, clock, randomness, floats or `unsafe`: the same commands give the same
//! bytes, always. Time and ids come in with the command; effects go out as events. Every command runs in two
//! stages: `validate`, which only reads, then `apply`, which cannot fail. Nothing here knows the wire, the
//! store or other processes.

mod accounts;
mod admin;
pub mod book;
mod cancel;
mod dedup;
mod execute;
pub mod filters;
mod inspect;
mod matching;
mod orders;
mod place;
mod rounding;
mod series;
mod snapshot;
mod state;

pub use admin::check_genesis;
pub use inspect::{AssetSum, BookLevel, OpenOrder};
pub use snapshot::SnapshotError;
pub use state::RULES_VERSIONS;

use dedup::REMEMBERED_US;
use emporion_model::event::Event;
use emporion_model::journal::digest;
use emporion_model::{Command, Origin, Reject, Seq, SourceId, TimeUs};
use matching::Step;
use state::State;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The venue. One per process that leads or follows.
#[derive(Debug)]
pub struct Engine {
    state: State,
    /// What the present taker meets; one buffer for all commands.
    steps: Vec<Step>,
}

/// What to do with a command that has come in, before it takes a seq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is new: apply it under the next seq.
    New,
    /// It was applied under this seq: repeat that outcome once it is committed.
    Duplicate(Seq),
    /// It is past its deadline by so much that nobody waits any more: no seq, no event.
    Drop,
}

impl Engine {
    /// The venue before genesis. `hash_key` should be unpredictable where clients are not trusted; it changes
    /// no outcome.
    pub fn new(hash_key: u64) -> Self {
        Self { state: State::empty(hash_key), steps: Vec::new() }
    }

    /// Judges a command that would be applied at `time`.
    pub fn admit(&self, time: TimeUs, command: &Command) -> Admission {
        let first = match command.origin {
            Origin::Client(_, deadline) if time > deadline.plus_us(REMEMBERED_US) => return Admission::Drop,
            Origin::Client(command_id, _) => self.state.dedup.seq_of(command_id),
            Origin::Service(source, n) => {
                let known = self.state.dedup.sources.get(&source).filter(|known| known.n == n);
                known.filter(|known| known.digest == digest(&command.action)).map(|known| known.seq)
            }
            Origin::Sequencer => None,
        };
        first.map_or(Admission::New, Admission::Duplicate)
    }

    /// Applies a command under `seq`, the one after the last, at `time`, not before the last one's. What
    /// changed is appended to `events`; the command was refused when the last of them is
    /// [`Event::Rejected`].
    ///
    /// A panic in validation, which only reads, becomes [`Reject::Internal`] on every replay alike.
    pub fn apply(&mut self, seq: Seq, time: TimeUs, command: &Command, events: &mut Vec<Event>) {
        self.state.advance(seq, time, events);
        self.steps.clear();
        let (state, steps) = (&self.state, &mut self.steps);
        let verdict = catch_unwind(AssertUnwindSafe(|| execute::validate(state, command, steps)));
        let outcome = match verdict.unwrap_or(Err(Reject::Internal)) {
            Ok(plan) => {
                execute::apply(&mut self.state, command, plan, &self.steps, events);
                None
            }
            Err(reject) => {
                events.push(Event::Rejected(reject));
                Some(reject)
            }
        };
        execute::remember(&mut self.state, command, outcome);
    }

    /// Whether work waits that must go on, by [`emporion_model::Action::Step`], before any other command.
    pub fn has_work(&self) -> bool {
        !self.state.follow_ups.is_empty()
    }

    /// The last number that this source has used; 0 before its first.
    pub fn source_n(&self, source: SourceId) -> u64 {
        self.state.dedup.sources.get(&source).map_or(0, |known| known.n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use emporion_model::symbol::{FeeRates, LotFilter, NotionalFilter, PriceFilter};
    use emporion_model::{
        AccountId, AccountKind, Action, Amount, Asset, AssetId, CommandId, Genesis, MarketSize, Mode, Options,
        OrderKind, OrderType, PlaceOrder, Price, Quantity, Rate, Side, StpMode, SymbolId, SymbolRules, SymbolSpec,
        SymbolStatus, TimeInForce, Transfer, TransferReason,
    };

    fn apply(engine: &mut Engine, origin: Origin, action: Action) -> Vec<Event> {
        let mut events = Vec::new();
        engine.apply(engine.seq().next(), TimeUs(1), &Command { origin, action }, &mut events);
        events
    }

    fn place(engine: &mut Engine, command_id: u8, side: Side, kind: OrderKind) -> Vec<Event> {
        let order = PlaceOrder {
            account: AccountId::FIRST_USER,
            symbol: SymbolId(0),
            side,
            client_order_id: format!("order-{command_id}").parse().unwrap(),
            kind,
            stp: None,
            strategy: None,
        };
        let origin = Origin::Client(CommandId([command_id; 16]), TimeUs(2));
        apply(engine, origin, Action::PlaceOrder(order))
    }

    /// One account, one symbol, one ask of 5 at 100.
    fn engine_with_an_ask() -> Engine {
        let asset = |code: &str| Asset {
            code: code.parse().unwrap(),
            ledger_scale: 8,
            display_scale: 8,
            supply_cap: Amount(1_000_000_000),
        };
        let lot = LotFilter { min: Quantity(1), max: Quantity(1_000), step: Quantity(1) };
        let notional = NotionalFilter {
            min: Amount(0),
            min_to_market: false,
            max: None,
            max_to_market: false,
            average_minutes: 5,
        };
        let rules = SymbolRules {
            price: PriceFilter { min: Price(1), max: Price(1_000), tick: Price(1) },
            lot,
            market_lot: lot,
            notional,
            percent_price: None,
            orders_max: 10,
            position_max: None,
            order_types: OrderType::ALL.to_vec(),
            quote_quantity_market: true,
            stp_default: StpMode::None,
            stp_allowed: vec![StpMode::None],
            fees: vec![FeeRates { maker: Rate(0), taker: Rate(0) }],
        };
        let spec = SymbolSpec {
            name: "BTCUSDT".parse().unwrap(),
            base: AssetId(0),
            quote: AssetId(1),
            price_scale: 2,
            quantity_scale: 4,
            rules,
            status: SymbolStatus::Trading,
        };
        let genesis = Genesis {
            rules_version: 1,
            mode: Mode::Sandbox,
            assets: vec![asset("BTC"), asset("USDT")],
            symbols: vec![spec],
            options: Options::default(),
        };
        let mut engine = Engine::new(1);
        apply(&mut engine, Origin::Sequencer, Action::Genesis(Box::new(genesis)));
        apply(&mut engine, Origin::Service(SourceId::USERS, 1), Action::CreateAccount(AccountKind::User));
        for (n, asset) in [(2, AssetId(0)), (3, AssetId(1))] {
            let transfer = Transfer {
                reason: TransferReason::Deposit,
                from: AccountId::EXTERNAL,
                to: AccountId::FIRST_USER,
                asset,
                amount: Amount(500_000_000),
                reference: "test".parse().unwrap(),
            };
            apply(&mut engine, Origin::Service(SourceId::USERS, n), Action::Transfer(transfer));
        }
        place(&mut engine, 1, Side::Sell, OrderKind::Limit(Price(100), Quantity(5), TimeInForce::Gtc));
        engine
    }

    /// A fault put into the state makes validation panic. The command is refused and nothing else changes:
    /// the state is that after any other reject of a command with this id.
    #[test]
    fn a_panic_in_validation_is_a_reject_that_changes_nothing() {
        let market = OrderKind::Market(MarketSize::Base(Quantity(1)));
        let nothing = OrderKind::Market(MarketSize::Base(Quantity(0)));
        let mut faulty = engine_with_an_ask();
        let sound_factor = std::mem::replace(&mut faulty.state.symbols[0].scales.quote_factor, i128::MAX);
        assert_eq!(place(&mut faulty, 2, Side::Buy, market), [Event::Rejected(Reject::Internal)]);
        faulty.state.symbols[0].scales.quote_factor = sound_factor;

        let mut sound = engine_with_an_ask();
        assert_eq!(place(&mut sound, 2, Side::Buy, nothing), [Event::Rejected(Reject::LotSize)]);
        assert_eq!(faulty.state_hash(), sound.state_hash());
        assert_eq!(faulty.check_invariants(), Ok(()));

        assert!(matches!(place(&mut faulty, 3, Side::Buy, market)[1], Event::Traded(_)), "the venue trades on");
    }
}
