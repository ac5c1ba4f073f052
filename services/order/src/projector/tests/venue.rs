//! A venue to project: the engine under seeded commands, batch by batch.

use std::sync::Arc;

use emporion_engine::Engine;
use emporion_model::asset::SUPPLY_CAP_MAX;
use emporion_model::journal::{BatchBuilder, Entry, Head, JournalRow};
use emporion_model::symbol::{FeeRates, LotFilter, NotionalFilter, PriceFilter};
use emporion_model::{
    AccountId, AccountKind, Action, Amount, Asset, AssetId, CancelAll, CancelOrder, Command, CommandId, Genesis,
    MarketSize, Mode, Options, OrderCountLimits, OrderId, OrderKind, OrderType, Origin, PlaceOrder, Price, Quantity,
    Rate, Side, SourceId, StpMode, SymbolId, SymbolRules, SymbolSpec, SymbolStatus, TimeInForce, TimeUs, TradeGroupId,
    Transfer, TransferReason,
};
use emporion_ports::feed::CommittedBatch;

const USERS: u64 = 4;
const SYMBOLS: u64 = 2;

/// The engine and what came out of it.
pub(crate) struct Venue {
    pub(crate) engine: Engine,
    pub(crate) rows: Vec<JournalRow>,
    pub(crate) batches: Vec<Arc<CommittedBatch>>,
    head: Head,
    time: TimeUs,
    random: u64,
    commands: u64,
    services: u64,
}

impl Venue {
    /// A venue with two symbols and a few rich users.
    pub(crate) fn begun(seed: u64) -> Self {
        let mut venue = Self {
            engine: Engine::new(seed),
            rows: vec![],
            batches: vec![],
            head: Head::default(),
            time: TimeUs(1_700_000_000_000_000),
            random: seed,
            commands: 0,
            services: 0,
        };
        venue.batch(vec![Command { origin: Origin::Sequencer, action: Action::Genesis(Box::new(genesis())) }]);
        for user in 0..USERS {
            let open = venue.service(Action::CreateAccount(AccountKind::User));
            let deposits = [0, 1, 2].map(|asset| venue.service(Action::Transfer(deposit(user, asset))));
            venue.batch([vec![open], deposits.to_vec()].concat());
        }
        venue
    }

    /// Applies this many batches of a few random commands each, a little time apart.
    pub(crate) fn trade(&mut self, batches: usize) {
        for _ in 0..batches {
            self.time = self.time.plus_us(self.below(700_000));
            let commands = (0..=self.below(6)).map(|_| self.any_command()).collect();
            self.batch(commands);
        }
    }

    fn batch(&mut self, commands: Vec<Command>) {
        let (mut builder, mut entries) = (BatchBuilder::default(), Vec::new());
        for command in commands {
            self.apply(command, &mut builder, &mut entries);
            while self.engine.has_work() {
                let step = Command { origin: Origin::Sequencer, action: Action::Step };
                self.apply(step, &mut builder, &mut entries);
            }
        }
        let row = builder.seal(&self.head, self.time, self.engine.rules_version());
        self.head = row.head();
        let batch = CommittedBatch { head: row.head(), first_seq: row.first_seq, entries };
        self.rows.push(row);
        self.batches.push(Arc::new(batch));
    }

    fn apply(&mut self, command: Command, builder: &mut BatchBuilder, entries: &mut Vec<Entry>) {
        let mut events = Vec::new();
        self.engine.apply(self.engine.seq().next(), self.time, &command, &mut events);
        builder.push(&command, &events);
        entries.push(Entry { command, events });
    }

    fn any_command(&mut self) -> Command {
        let account = self.user();
        let symbol = self.symbol();
        match self.below(20) {
            0..12 => {
                let place = self.any_order(account, symbol);
                self.client(Action::PlaceOrder(place))
            }
            12..16 => {
                let (order_id, cancel_id) = (Some(OrderId(1 + self.below(200))), "away".parse().unwrap());
                let cancel =
                    CancelOrder { account, symbol, order_id, client_order_id: None, cancel_id, restriction: None };
                self.client(Action::CancelOrder(cancel))
            }
            16 => self.client(Action::CancelAll(CancelAll { account, symbol, cancel_id: "all".parse().unwrap() })),
            17 => {
                let (asset, user) = (self.below(3) as u16, account.0 - AccountId::FIRST_USER.0);
                self.service(Action::Transfer(deposit(user, asset)))
            }
            18 => {
                let action = self.any_account_change(account);
                self.service(action)
            }
            _ => {
                let status = if self.below(6) == 0 { SymbolStatus::Halt } else { SymbolStatus::Trading };
                self.service(Action::SetSymbolStatus(symbol, status))
            }
        }
    }

    fn any_order(&mut self, account: AccountId, symbol: SymbolId) -> PlaceOrder {
        let (price, quantity) = (Price(95 + self.below(10)), Quantity(1 + self.below(20)));
        let time_in_force = [TimeInForce::Gtc, TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok];
        let kind = match self.below(10) {
            0 => OrderKind::Market(MarketSize::Base(quantity)),
            1 => OrderKind::Market(MarketSize::Quote(Amount(i128::from(quantity.0) * 10_000))),
            2 => OrderKind::LimitMaker(price, quantity),
            _ => OrderKind::Limit(price, quantity, time_in_force[self.below(4) as usize]),
        };
        PlaceOrder {
            account,
            symbol,
            side: Side::ALL[self.below(2) as usize],
            client_order_id: format!("c-{}", self.below(50)).parse().unwrap(),
            kind,
            stp: Some(StpMode::ALL[self.below(StpMode::ALL.len() as u64) as usize]),
            strategy: None,
        }
    }

    fn any_account_change(&mut self, account: AccountId) -> Action {
        match self.below(4) {
            0 => Action::SetFrozen(account, self.below(8) == 0),
            1 => Action::SetFeeTier(account, self.below(2) as u8),
            2 => Action::SetTradeGroup(account, [None, Some(TradeGroupId(7))][self.below(2) as usize]),
            _ => {
                Action::SetOrderCountLimits(account, [None, Some(OrderCountLimits::default())][self.below(2) as usize])
            }
        }
    }

    fn client(&mut self, action: Action) -> Command {
        self.commands += 1;
        let id = CommandId(u128::from(self.commands).to_le_bytes());
        Command { origin: Origin::Client(id, self.time.plus_us(5_000_000)), action }
    }

    fn service(&mut self, action: Action) -> Command {
        self.services += 1;
        Command { origin: Origin::Service(SourceId::USERS, self.services), action }
    }

    fn user(&mut self) -> AccountId {
        AccountId(AccountId::FIRST_USER.0 + self.below(USERS))
    }

    fn symbol(&mut self) -> SymbolId {
        SymbolId(self.below(SYMBOLS) as u16)
    }

    /// The next of the seed's numbers (splitmix64), below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn deposit(user: u64, asset: u16) -> Transfer {
    Transfer {
        reason: TransferReason::Deposit,
        from: AccountId::EXTERNAL,
        to: AccountId(AccountId::FIRST_USER.0 + user),
        asset: AssetId(asset),
        amount: Amount(100_000_000_000),
        reference: "ticket".parse().unwrap(),
    }
}

fn genesis() -> Genesis {
    let asset = |code: &str| Asset {
        code: code.parse().unwrap(),
        ledger_scale: 8,
        display_scale: 8,
        supply_cap: Amount(SUPPLY_CAP_MAX),
    };
    let assets = ["BTC", "USDT", "ETH"].map(asset).to_vec();
    let symbols = vec![symbol("BTCUSDT", 0), symbol("ETHUSDT", 2)];
    let options = Options { cancels_per_step_max: 2, ..Options::default() };
    Genesis { rules_version: 1, mode: Mode::Sandbox, assets, symbols, options }
}

fn symbol(name: &str, base: u16) -> SymbolSpec {
    let lot = LotFilter { min: Quantity(1), max: Quantity(1_000_000), step: Quantity(1) };
    let rules = SymbolRules {
        price: PriceFilter { min: Price(1), max: Price(1_000_000), tick: Price(1) },
        lot,
        market_lot: lot,
        notional: NotionalFilter {
            min: Amount(0),
            min_to_market: false,
            max: None,
            max_to_market: false,
            average_minutes: 5,
        },
        percent_price: None,
        orders_max: 1_000,
        position_max: None,
        order_types: OrderType::ALL.to_vec(),
        quote_quantity_market: true,
        stp_default: StpMode::None,
        stp_allowed: StpMode::ALL.to_vec(),
        fees: [100_000, 50_000].map(|rate| FeeRates { maker: Rate(rate), taker: Rate(rate) }).to_vec(),
    };
    SymbolSpec {
        name: name.parse().unwrap(),
        base: AssetId(base),
        quote: AssetId(1),
        price_scale: 2,
        quantity_scale: 4,
        rules,
        status: SymbolStatus::Trading,
    }
}
