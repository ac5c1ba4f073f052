//! One value of every kind that is written down, with the name of its golden line.

use emporion_model::event::{
    Balance, Bucket, Fill, OrderClosed, OrderCounts, OrderPlaced, OrderRested, SelfTradePrevented, Trade, WindowCount,
};
use emporion_model::symbol::{
    FeeRates, LotFilter, Multiplier, NotionalFilter, PercentPriceFilter, PriceFilter, SymbolStatus,
};
use emporion_model::{
    AccountId, AccountKind, Action, AggTradeId, Amount, Asset, AssetId, CancelAll, CancelOrder, CancelRestriction,
    ClientOrderId, ClientOrderIdReuse, CloseReason, Command, CommandId, Event, ExecutionId, ExpiryReason, Genesis,
    MarketSize, Mode, Options, OrderCountLimits, OrderId, OrderKind, OrderType, Origin, PlaceOrder, PreventedMatchId,
    Price, Quantity, Rate, Reject, Side, SourceId, StpMode, Strategy, Symbol, SymbolId, SymbolRules, SymbolSpec,
    TimeInForce, TimeUs, TradeGroupId, TradeId, Transfer, TransferReason,
};

type Samples<T> = Vec<(String, T)>;

fn named<T>(samples: Vec<(&str, T)>) -> Samples<T> {
    samples.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn id(text: &str) -> ClientOrderId {
    text.parse().unwrap()
}

pub(crate) fn commands() -> Samples<Command> {
    let client = Origin::Client(CommandId(*b"0123456789abcdef"), TimeUs(1_767_225_605_000_000));
    let operator = Origin::Service(SourceId::OPERATOR, 7);
    let origin_of = |action: &Action| match action {
        Action::Tick | Action::Step | Action::Genesis(_) => Origin::Sequencer,
        Action::PlaceOrder(_) | Action::CancelOrder(_) | Action::CancelAll(_) => client,
        _ => operator,
    };
    actions().into_iter().map(|(name, action)| (name, Command { origin: origin_of(&action), action })).collect()
}

fn actions() -> Samples<Action> {
    let user = AccountId::FIRST_USER;
    let limits = OrderCountLimits { per_ten_seconds: Some(50), per_day: None };
    let mut samples = named(vec![
        ("Tick", Action::Tick),
        ("Step", Action::Step),
        ("Genesis", Action::Genesis(Box::new(genesis()))),
        ("CancelOrder by id", Action::CancelOrder(cancel(Some(OrderId(300)), None, None))),
        (
            "CancelOrder by client order id while new",
            Action::CancelOrder(cancel(None, Some(id("x-1")), Some(CancelRestriction::OnlyNew))),
        ),
        (
            "CancelOrder by both while partially filled",
            Action::CancelOrder(cancel(
                Some(OrderId(300)),
                Some(id("x-1")),
                Some(CancelRestriction::OnlyPartiallyFilled),
            )),
        ),
        ("CancelAll", Action::CancelAll(CancelAll { account: user, symbol: SymbolId(1), cancel_id: id("all") })),
        ("SetFrozen on", Action::SetFrozen(user, true)),
        ("SetFrozen off", Action::SetFrozen(user, false)),
        ("SetFeeTier", Action::SetFeeTier(user, 3)),
        ("SetOrderCountLimits", Action::SetOrderCountLimits(user, Some(limits))),
        ("SetOrderCountLimits back", Action::SetOrderCountLimits(user, None)),
        ("SetTradeGroup", Action::SetTradeGroup(user, Some(TradeGroupId(9)))),
        ("SetTradeGroup none", Action::SetTradeGroup(user, None)),
        ("AddAsset", Action::AddAsset(asset("ETH", 18, 8))),
        ("AddSymbol", Action::AddSymbol(Box::new(spec()))),
        ("SetOptions", Action::SetOptions(Options::default())),
        ("SetRulesVersion", Action::SetRulesVersion(2)),
    ]);
    samples.extend(order_kinds().into_iter().map(|(name, kind)| (format!("PlaceOrder {name}"), place(kind))));
    samples
        .extend(AccountKind::ALL.iter().map(|kind| (format!("CreateAccount {kind:?}"), Action::CreateAccount(*kind))));
    samples.extend(TransferReason::ALL.iter().map(|reason| (format!("Transfer {reason:?}"), transfer(*reason))));
    samples.extend(
        SymbolStatus::ALL
            .iter()
            .map(|status| (format!("SetSymbolStatus {status:?}"), Action::SetSymbolStatus(SymbolId(1), *status))),
    );
    samples
}

fn order_kinds() -> Samples<OrderKind> {
    let (price, quantity) = (Price(6_500_000), Quantity(12_345));
    let limits = TimeInForce::ALL.iter().map(|tif| (format!("Limit {tif:?}"), OrderKind::Limit(price, quantity, *tif)));
    let others = named(vec![
        ("LimitMaker", OrderKind::LimitMaker(price, quantity)),
        ("Market by base", OrderKind::Market(MarketSize::Base(quantity))),
        ("Market by quote", OrderKind::Market(MarketSize::Quote(Amount(25_000_000)))),
    ]);
    limits.chain(others).collect()
}

fn place(kind: OrderKind) -> Action {
    Action::PlaceOrder(PlaceOrder {
        account: AccountId(1_001),
        symbol: SymbolId(0),
        side: Side::Sell,
        client_order_id: id("x-TKT5PX2F-1"),
        kind,
        stp: Some(StpMode::Decrement),
        strategy: Some(Strategy { id: Some(37), kind: Some(1_000_000) }),
    })
}

fn cancel(
    order_id: Option<OrderId>,
    client_order_id: Option<ClientOrderId>,
    restriction: Option<CancelRestriction>,
) -> CancelOrder {
    CancelOrder {
        account: AccountId(1_001),
        symbol: SymbolId(0),
        order_id,
        client_order_id,
        cancel_id: id("c-1"),
        restriction,
    }
}

fn transfer(reason: TransferReason) -> Action {
    Action::Transfer(transferred(reason))
}

fn transferred(reason: TransferReason) -> Transfer {
    let (from, to) = match reason {
        TransferReason::Deposit => (AccountId::EXTERNAL, AccountId(1_001)),
        TransferReason::Withdrawal => (AccountId(1_001), AccountId::EXTERNAL),
        TransferReason::Adjustment => (AccountId::FEES, AccountId::TREASURY),
    };
    let reference = "ticket 4711".parse().unwrap();
    Transfer { reason, from, to, asset: AssetId(1), amount: Amount(1_000_000_000_000), reference }
}

fn asset(code: &str, ledger_scale: u8, display_scale: u8) -> Asset {
    Asset { code: code.parse().unwrap(), ledger_scale, display_scale, supply_cap: Amount(1 << 96) }
}

fn spec() -> SymbolSpec {
    let lot = LotFilter { min: Quantity(1), max: Quantity(900_000_000), step: Quantity(1) };
    let rules = SymbolRules {
        price: PriceFilter { min: Price(1), max: Price(100_000_000), tick: Price(1) },
        lot,
        market_lot: LotFilter { min: Quantity(0), step: Quantity(0), ..lot },
        notional: NotionalFilter {
            min: Amount(500_000_000),
            min_to_market: true,
            max: Some(Amount(900_000_000_000_000)),
            max_to_market: false,
            average_minutes: 5,
        },
        percent_price: Some(PercentPriceFilter {
            bid_up: Multiplier(50_000),
            bid_down: Multiplier(2_000),
            ask_up: Multiplier(50_000),
            ask_down: Multiplier(2_000),
            average_minutes: 0,
        }),
        orders_max: 200,
        position_max: Some(Amount(1_000_000_000_000)),
        order_types: OrderType::ALL.to_vec(),
        quote_quantity_market: true,
        stp_default: StpMode::ExpireMaker,
        stp_allowed: StpMode::ALL.to_vec(),
        fees: vec![
            FeeRates { maker: Rate(100_000), taker: Rate(100_000) },
            FeeRates { maker: Rate(0), taker: Rate(1) },
        ],
    };
    SymbolSpec {
        name: "BTCUSDT".parse().unwrap(),
        base: AssetId(0),
        quote: AssetId(1),
        price_scale: 2,
        quantity_scale: 5,
        rules,
        status: SymbolStatus::Trading,
    }
}

fn genesis() -> Genesis {
    let never_within = ClientOrderIdReuse::NeverWithin(600);
    Genesis {
        rules_version: 1,
        mode: Mode::Live,
        assets: vec![asset("BTC", 12, 8), asset("USDT", 8, 8)],
        symbols: vec![spec()],
        options: Options { client_order_id_reuse: never_within, ..Options::default() },
    }
}

pub(crate) fn events() -> Samples<Event> {
    let user = AccountId(1_001);
    let mut samples = named(vec![
        ("Began live", Event::Began(Mode::Live, 1)),
        ("Began sandbox", Event::Began(Mode::Sandbox, 1)),
        ("OrderRested", Event::OrderRested(rested())),
        ("Traded", Event::Traded(trade())),
        ("SelfTradePrevented", Event::SelfTradePrevented(prevented())),
        ("OrderCountsChanged", Event::OrderCountsChanged(counts())),
        ("BalanceChanged", Event::BalanceChanged(balance(AccountId(1_001), 5, 7))),
        ("BalanceChanged below zero", Event::BalanceChanged(balance(AccountId::EXTERNAL, -(1 << 96), 0))),
        ("BucketClosed", Event::BucketClosed(bucket())),
        ("AccountCreated", Event::AccountCreated(user, AccountKind::User)),
        ("AccountFrozen", Event::AccountFrozen(user, true)),
        ("FeeTierSet", Event::FeeTierSet(user, 2)),
        ("OrderCountLimitsSet", Event::OrderCountLimitsSet(user, Some(OrderCountLimits::default()))),
        ("TradeGroupSet", Event::TradeGroupSet(user, Some(TradeGroupId(1)))),
        ("Transferred", Event::Transferred(transferred(TransferReason::Deposit))),
        ("AssetAdded", Event::AssetAdded(AssetId(0), asset("BTC", 12, 8))),
        ("SymbolAdded", Event::SymbolAdded(Box::new(Symbol { id: SymbolId(0), spec: spec() }))),
        ("SymbolStatusSet", Event::SymbolStatusSet(SymbolId(0), SymbolStatus::Break)),
        ("OptionsSet", Event::OptionsSet(Options::default())),
        ("RulesVersionSet", Event::RulesVersionSet(2)),
    ]);
    samples.extend(Reject::ALL.iter().map(|reject| (format!("Rejected {reject:?}"), Event::Rejected(*reject))));
    samples.extend(StpMode::ALL.iter().map(|stp| (format!("OrderPlaced {stp:?}"), Event::OrderPlaced(placed(*stp)))));
    samples.extend(
        close_reasons()
            .into_iter()
            .map(|(name, reason)| (format!("OrderClosed {name}"), Event::OrderClosed(closed(reason)))),
    );
    samples
}

fn close_reasons() -> Samples<CloseReason> {
    let expiries =
        ExpiryReason::ALL.iter().map(|reason| (format!("Expired {reason:?}"), CloseReason::Expired(*reason)));
    let others = [("Canceled", CloseReason::Canceled), ("ExpiredInMatch", CloseReason::ExpiredInMatch)];
    expiries.chain(others.map(|(name, reason)| (name.to_owned(), reason))).collect()
}

fn placed(stp: StpMode) -> OrderPlaced {
    OrderPlaced {
        symbol: SymbolId(0),
        order_id: OrderId(300),
        account: AccountId(1_001),
        client_order_id: id("x-1"),
        side: Side::Buy,
        kind: OrderKind::Limit(Price(6_500_000), Quantity(12_345), TimeInForce::Gtc),
        stp,
        trade_group: Some(TradeGroupId(9)),
        strategy: None,
        execution_id: ExecutionId(1_000_001),
    }
}

fn rested() -> OrderRested {
    OrderRested {
        symbol: SymbolId(0),
        order_id: OrderId(300),
        side: Side::Buy,
        price: Price(6_500_000),
        quantity: Quantity(345),
    }
}

fn trade() -> Trade {
    let fill = |account, order_id, execution_id, fee_asset, fee, filled| Fill {
        account: AccountId(account),
        order_id: OrderId(order_id),
        execution_id: ExecutionId(execution_id),
        fee_asset: AssetId(fee_asset),
        fee: Amount(fee),
        executed: Quantity(12_000),
        executed_quote: Amount(780_000_000_000),
        filled,
    };
    Trade {
        symbol: SymbolId(0),
        trade_id: TradeId(28_457),
        agg_trade_id: AggTradeId(26_129),
        price: Price(6_500_000),
        quantity: Quantity(12_000),
        notional: Amount(780_000_000_000),
        taker_side: Side::Buy,
        maker: fill(1_000, 299, 1_000_002, 1, 780_000_000, true),
        taker: fill(1_001, 300, 1_000_003, 0, 12_000, false),
    }
}

fn prevented() -> SelfTradePrevented {
    SelfTradePrevented {
        symbol: SymbolId(0),
        prevented_match_id: PreventedMatchId(3),
        price: Price(6_500_000),
        taker_side: Side::Sell,
        taker_account: AccountId(1_001),
        taker_order_id: OrderId(301),
        taker_quantity: Quantity(5),
        taker_execution_id: ExecutionId(1_000_004),
        maker_account: AccountId(1_001),
        maker_order_id: OrderId(300),
        maker_quantity: Quantity(5),
        maker_execution_id: ExecutionId(1_000_005),
    }
}

fn closed(reason: CloseReason) -> OrderClosed {
    let is_canceled = reason == CloseReason::Canceled;
    OrderClosed {
        symbol: SymbolId(0),
        order_id: OrderId(300),
        account: AccountId(1_001),
        side: Side::Buy,
        reason,
        cancel_id: is_canceled.then(|| id("c-1")),
        price: is_canceled.then_some(Price(6_500_000)),
        removed: Quantity(if is_canceled { 345 } else { 0 }),
        execution_id: ExecutionId(1_000_006),
    }
}

fn counts() -> OrderCounts {
    let window = |start, count| WindowCount { start: TimeUs(start), count };
    OrderCounts {
        account: AccountId(1_001),
        ten_seconds: window(1_767_225_600_000_000, 3),
        day: window(1_767_225_600_000_000, 250),
    }
}

fn balance(account: AccountId, free: i128, locked: i128) -> Balance {
    Balance { account, asset: AssetId(1), free: Amount(free), locked: Amount(locked) }
}

fn bucket() -> Bucket {
    Bucket {
        symbol: SymbolId(0),
        second: 1_767_225_600,
        open: Price(6_500_000),
        high: Price(6_500_100),
        low: Price(6_499_900),
        close: Price(6_500_001),
        last_quantity: Quantity(12_000),
        last_time: TimeUs(1_767_225_600_999_999),
        base: Amount(24_000_000),
        quote: Amount(1_560_000_000_000),
        taker_buy_base: Amount(12_000_000),
        taker_buy_quote: Amount(780_000_000_000),
        trades: 2,
        first_trade_id: TradeId(28_456),
        last_trade_id: TradeId(28_457),
    }
}
