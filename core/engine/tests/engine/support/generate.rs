//! Random commands. An [`Op`] is a small, shrinkable wish that becomes a command only when it is carried out,
//! because which order to cancel or how to repeat a command depends on what the venue then holds.

use super::venue::Venue;
use super::worlds::{asset, client_id, symbol};
use emporion_model::{
    AccountId, AccountKind, Action, Amount, AssetId, CancelAll, CancelOrder, CancelRestriction, ClientOrderId,
    ClientOrderIdReuse, Command, Genesis, MarketSize, Options, OrderCountLimits, OrderId, OrderKind, Origin,
    PlaceOrder, Price, Quantity, Side, SourceId, StpMode, Strategy as Label, SymbolId, SymbolStatus, TimeInForce,
    TradeGroupId, Transfer, TransferReason,
};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use std::ops::Range;

/// How a generator's venue and commands look.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) genesis: Genesis,
    pub(crate) accounts: usize,
    /// What each account begins with, of every asset.
    pub(crate) deposit: i128,
    /// Prices are these multiples of the unit, now and then off by one.
    pub(crate) prices: (Range<u64>, u64),
    pub(crate) quantities: (Range<u64>, u64),
    /// Quote amounts of market orders.
    pub(crate) amounts: Range<i128>,
    pub(crate) stp: Vec<Option<StpMode>>,
    pub(crate) weights: Weights,
    pub(crate) length: Range<usize>,
    pub(crate) work: Work,
}

/// When work that waits is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Before any other command, as the sequencer does it.
    First,
    /// When a step happens to come: the engine is sound even if nobody keeps the sequencer's promise.
    Whenever,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weights {
    pub(crate) limit: u32,
    pub(crate) maker: u32,
    pub(crate) market_base: u32,
    pub(crate) market_quote: u32,
    pub(crate) cancel: u32,
    pub(crate) cancel_all: u32,
    pub(crate) money: u32,
    pub(crate) admin: u32,
    pub(crate) time: u32,
    pub(crate) repeat: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// By the account with this place, on this symbol, under the client order id of this number.
    Place {
        account: usize,
        symbol: u16,
        side: Side,
        kind: OrderKind,
        stp: Option<StpMode>,
        name: u8,
    },
    Cancel {
        account: usize,
        pick: usize,
        by: By,
        restriction: Option<CancelRestriction>,
    },
    CancelAll {
        account: usize,
        symbol: u16,
    },
    Transfer {
        reason: TransferReason,
        from: usize,
        to: usize,
        asset: u16,
        amount: i128,
    },
    Admin(Action),
    AccountAdmin(usize, Setting),
    Wait(u64),
    Tick,
    Step,
    /// Sends an earlier command once more, as it was or with another action or number.
    Repeat(usize),
    SkipNumber,
    /// Places after the deadline, by so many microseconds.
    Late(u64),
}

/// How a cancel names its order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    Id,
    ClientId,
    Both,
    Disagreeing,
    Nothing,
}

#[derive(Clone, Debug)]
pub(crate) enum Setting {
    Frozen(bool),
    FeeTier(u8),
    Limits(Option<OrderCountLimits>),
    Group(Option<TradeGroupId>),
}

impl Profile {
    pub(crate) fn venue(&self) -> (Venue, Vec<AccountId>) {
        let mut venue = Venue::begun(self.genesis.clone());
        let accounts = venue.open_accounts(self.accounts, self.deposit);
        (venue, accounts)
    }

    pub(crate) fn ops(&self) -> impl Strategy<Value = Vec<Op>> + use<> {
        let weights = self.weights;
        let choices: Vec<(u32, BoxedStrategy<Op>)> = vec![
            (weights.limit, self.place(self.limit())),
            (weights.maker, self.place(self.maker())),
            (weights.market_base, self.place(self.market_base())),
            (weights.market_quote, self.place(self.market_quote())),
            (weights.cancel, self.cancel()),
            (weights.cancel_all, self.cancel_all()),
            (weights.money, self.transfer()),
            (weights.admin, prop_oneof![self.settings(), self.venue_admin()].boxed()),
            (weights.time, passing_time()),
            (weights.repeat, repeats()),
        ];
        let choices: Vec<_> = choices.into_iter().filter(|(weight, _)| *weight > 0).collect();
        prop::collection::vec(Union::new_weighted(choices), self.length.clone())
    }

    fn account(&self) -> Range<usize> {
        0..self.accounts
    }

    fn symbol(&self) -> Range<u16> {
        0..self.genesis.symbols.len() as u16
    }

    fn place(&self, kind: BoxedStrategy<OrderKind>) -> BoxedStrategy<Op> {
        let side = select(vec![Side::Buy, Side::Sell]);
        (self.account(), self.symbol(), side, kind, select(self.stp.clone()), any::<u8>())
            .prop_map(|(account, symbol, side, kind, stp, name)| Op::Place { account, symbol, side, kind, stp, name })
            .boxed()
    }

    fn price(&self) -> BoxedStrategy<Price> {
        number(&self.prices).prop_map(Price).boxed()
    }

    fn quantity(&self) -> BoxedStrategy<Quantity> {
        number(&self.quantities).prop_map(Quantity).boxed()
    }

    fn limit(&self) -> BoxedStrategy<OrderKind> {
        let time_in_force =
            prop_oneof![6 => Just(TimeInForce::Gtc), 1 => Just(TimeInForce::Ioc), 1 => Just(TimeInForce::Fok)];
        (self.price(), self.quantity(), time_in_force).prop_map(|(p, q, t)| OrderKind::Limit(p, q, t)).boxed()
    }

    fn maker(&self) -> BoxedStrategy<OrderKind> {
        (self.price(), self.quantity()).prop_map(|(p, q)| OrderKind::LimitMaker(p, q)).boxed()
    }

    fn market_base(&self) -> BoxedStrategy<OrderKind> {
        self.quantity().prop_map(|quantity| OrderKind::Market(MarketSize::Base(quantity))).boxed()
    }

    fn market_quote(&self) -> BoxedStrategy<OrderKind> {
        self.amounts.clone().prop_map(|amount| OrderKind::Market(MarketSize::Quote(Amount(amount)))).boxed()
    }

    fn cancel(&self) -> BoxedStrategy<Op> {
        let by = prop_oneof![
            8 => Just(By::Id), 8 => Just(By::ClientId), 2 => Just(By::Both), 1 => Just(By::Disagreeing), 1 => Just(By::Nothing)
        ];
        let restrictions =
            vec![None, None, None, Some(CancelRestriction::OnlyNew), Some(CancelRestriction::OnlyPartiallyFilled)];
        (self.account(), any::<usize>(), by, select(restrictions))
            .prop_map(|(account, pick, by, restriction)| Op::Cancel { account, pick, by, restriction })
            .boxed()
    }

    fn cancel_all(&self) -> BoxedStrategy<Op> {
        (self.account(), self.symbol()).prop_map(|(account, symbol)| Op::CancelAll { account, symbol }).boxed()
    }

    /// From and to are user accounts, or with the three highest numbers the venue's own.
    fn transfer(&self) -> BoxedStrategy<Op> {
        let party = || 0..self.accounts + 3;
        let amount = prop_oneof![1 => -1i128..2, 6 => 1..self.deposit, 1 => Just(1i128 << 91), 1 => Just(i128::MAX)];
        (select(TransferReason::ALL), party(), party(), 0..self.genesis.assets.len() as u16 + 1, amount)
            .prop_map(|(reason, from, to, asset, amount)| Op::Transfer { reason, from, to, asset, amount })
            .boxed()
    }

    fn settings(&self) -> BoxedStrategy<Op> {
        let limit = || prop::option::of(0u32..8);
        let limits =
            (limit(), limit()).prop_map(|(per_ten_seconds, per_day)| OrderCountLimits { per_ten_seconds, per_day });
        let group = prop::option::of((1u64..3).prop_map(TradeGroupId));
        let setting = prop_oneof![
            any::<bool>().prop_map(Setting::Frozen),
            (0u8..4).prop_map(Setting::FeeTier),
            prop::option::of(limits).prop_map(Setting::Limits),
            group.prop_map(Setting::Group),
        ];
        (0..self.accounts + 1, setting).prop_map(|(account, setting)| Op::AccountAdmin(account, setting)).boxed()
    }

    fn venue_admin(&self) -> BoxedStrategy<Op> {
        let status = prop_oneof![4 => Just(SymbolStatus::Trading), 1 => select(SymbolStatus::ALL)];
        let options = (1u32..6, 1u32..4, 5u32..40, 0u8..3).prop_map(|(fills, cancels, orders, reuse)| Options {
            order_counts: OrderCountLimits::default(),
            client_order_id_reuse: match reuse {
                0 => ClientOrderIdReuse::NeverWithin(120),
                _ => ClientOrderIdReuse::WhenClosed,
            },
            fills_per_order_max: fills,
            cancels_per_step_max: cancels,
            open_orders_max: orders,
        });
        let symbols = self.genesis.symbols.len() as u16;
        prop_oneof![
            4 => (0..symbols + 1, status).prop_map(|(id, status)| Action::SetSymbolStatus(SymbolId(id), status)),
            3 => options.prop_map(Action::SetOptions),
            1 => (0u8..3).prop_map(|scale| Action::AddAsset(asset(&format!("NEW{scale}"), 8 + scale, 8))),
            1 => (0u8..3).prop_map(|scale| Action::AddSymbol(Box::new(symbol(&format!("NEW{scale}"), scale, 2 * scale)))),
            1 => select(AccountKind::ALL).prop_map(Action::CreateAccount),
            1 => (0u16..3).prop_map(Action::SetRulesVersion),
        ]
        .prop_map(Op::Admin)
        .boxed()
    }
}

fn number((range, unit): &(Range<u64>, u64)) -> BoxedStrategy<u64> {
    let unit = *unit;
    let multiple = range.clone().prop_map(move |multiple| multiple * unit);
    if unit == 1 {
        return multiple.boxed();
    }
    prop_oneof![30 => multiple.clone(), 1 => multiple.prop_map(|number| number + 1)].boxed()
}

/// The lengths of the venue's windows: a second, order counts, memories, the average price.
const WINDOWS_US: &[u64] = &[1_000_000, 10_000_000, 60_000_000, 65_000_000, 120_000_000, 300_000_000];

fn passing_time() -> BoxedStrategy<Op> {
    prop_oneof![
        4 => (0u64..400_000).prop_map(Op::Wait),
        3 => (500_000u64..4_000_000).prop_map(Op::Wait),
        2 => (8_000_000u64..80_000_000).prop_map(Op::Wait),
        1 => (100_000_000u64..90_000_000_000).prop_map(Op::Wait),
        3 => select(WINDOWS_US).prop_map(Op::Wait),
        2 => Just(Op::Tick),
        1 => Just(Op::Step),
    ]
    .boxed()
}

fn repeats() -> BoxedStrategy<Op> {
    prop_oneof![
        4 => any::<usize>().prop_map(Op::Repeat),
        1 => Just(Op::SkipNumber),
        1 => prop_oneof![0u64..3, 59_999_998u64..60_000_003].prop_map(Op::Late),
    ]
    .boxed()
}

/// Carries an op out, finishing work that waits first, as the sequencer does.
pub(crate) fn carry_out(venue: &mut Venue, accounts: &[AccountId], op: &Op) {
    if !matches!(op, Op::Wait(_)) {
        venue.finish_work();
    }
    carry_out_at_once(venue, accounts, op);
}

/// Carries an op out beside any work that waits.
pub(crate) fn carry_out_at_once(venue: &mut Venue, accounts: &[AccountId], op: &Op) {
    let _either_way = act(venue, accounts, op);
}

fn act(venue: &mut Venue, accounts: &[AccountId], op: &Op) -> Result<(), emporion_model::Reject> {
    match op.clone() {
        Op::Place { account, symbol, side, kind, stp, name } => {
            let symbol = SymbolId(symbol);
            let label = (name % 5 == 0).then_some(Label { id: Some(u64::from(name)), kind: None });
            let client_order_id = name_of(name, venue.log.len());
            venue.client(Action::PlaceOrder(PlaceOrder {
                account: accounts[account],
                symbol,
                side,
                client_order_id,
                kind,
                stp,
                strategy: label,
            }))
        }
        Op::Cancel { account, pick, by, restriction } => {
            let cancel = cancel(venue, accounts[account], pick, by, restriction);
            venue.client(Action::CancelOrder(cancel))
        }
        Op::CancelAll { account, symbol } => venue.client(Action::CancelAll(CancelAll {
            account: accounts[account],
            symbol: SymbolId(symbol),
            cancel_id: client_id("all"),
        })),
        Op::Transfer { reason, from, to, asset, amount } => venue.operator(Action::Transfer(Transfer {
            reason,
            from: party(accounts, from),
            to: party(accounts, to),
            asset: AssetId(asset),
            amount: Amount(amount),
            reference: "random".parse().expect("legal"),
        })),
        Op::Admin(action) => venue.operator(action),
        Op::AccountAdmin(account, setting) => {
            let id = accounts.get(account).copied().unwrap_or(AccountId::FEES);
            venue.operator(match setting {
                Setting::Frozen(frozen) => Action::SetFrozen(id, frozen),
                Setting::FeeTier(tier) => Action::SetFeeTier(id, tier),
                Setting::Limits(limits) => Action::SetOrderCountLimits(id, limits),
                Setting::Group(group) => Action::SetTradeGroup(id, group),
            })
        }
        Op::Wait(microseconds) => {
            venue.wait(microseconds);
            Ok(())
        }
        Op::Tick => venue.run(Action::Tick),
        Op::Step => venue.run(Action::Step),
        Op::Repeat(pick) => repeat(venue, pick),
        Op::SkipNumber => {
            let n = venue.engine.source_n(SourceId::USERS) + 2;
            let action = Action::CreateAccount(AccountKind::User);
            venue.submit(Command { origin: Origin::Service(SourceId::USERS, n), action })
        }
        Op::Late(by) => {
            let deadline = emporion_model::TimeUs(venue.time.0 - by);
            let cancel_id = client_id("late");
            venue.client_until(
                deadline,
                Action::CancelAll(CancelAll { account: accounts[0], symbol: SymbolId(0), cancel_id }),
            )
        }
    }
}

/// Few names, so that they meet again; some are made unique by the log's length.
fn name_of(name: u8, salt: usize) -> ClientOrderId {
    let text = if name < 64 { format!("n{}", name % 16) } else { format!("u{name}-{salt}") };
    client_id(&text)
}

/// Any open order, usually of this account.
fn cancel(
    venue: &Venue,
    account: AccountId,
    pick: usize,
    by: By,
    restriction: Option<CancelRestriction>,
) -> CancelOrder {
    let open: Vec<_> = venue.engine.open_orders().collect();
    let own: Vec<_> = open.iter().filter(|order| order.account == account).collect();
    let picked = match (own.len(), open.len()) {
        (0, 0) => None,
        (0, len) => Some(&open[pick % len]),
        (len, _) => Some(own[pick % len]),
    };
    let (symbol, id, client_order_id) = picked.map_or((SymbolId(0), OrderId(1), client_id("n1")), |order| {
        (order.symbol, order.order_id, order.client_order_id)
    });
    let (order_id, client_order_id) = match by {
        By::Id => (Some(id), None),
        By::ClientId => (None, Some(client_order_id)),
        By::Both => (Some(id), Some(client_order_id)),
        By::Disagreeing => (Some(id), Some(client_id("other"))),
        By::Nothing => (None, None),
    };
    CancelOrder { account, symbol, order_id, client_order_id, cancel_id: client_id("c"), restriction }
}

fn party(accounts: &[AccountId], place: usize) -> AccountId {
    let own = [AccountId::EXTERNAL, AccountId::TREASURY, AccountId::FEES];
    accounts.get(place).copied().unwrap_or_else(|| own[place - accounts.len()])
}

fn repeat(venue: &mut Venue, pick: usize) -> Result<(), emporion_model::Reject> {
    let len = venue.log.len();
    let mut command = venue.log[pick % len].1.clone();
    if pick.is_multiple_of(3) {
        command.action = Action::CreateAccount(AccountKind::User);
    }
    venue.submit(command)
}
