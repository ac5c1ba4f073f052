//! Any value of every durable type, at its type's whole range: the codec does not judge, it writes.

use emporion_model::event::{
    Balance, Bucket, Fill, OrderClosed, OrderCounts, OrderPlaced, OrderRested, SelfTradePrevented, Trade, WindowCount,
};
use emporion_model::symbol::{FeeRates, LotFilter, Multiplier, NotionalFilter, PercentPriceFilter, PriceFilter};
use emporion_model::{
    AccountId, AccountKind, Action, AggTradeId, Amount, Asset, AssetId, CancelAll, CancelOrder, CancelRestriction,
    ClientOrderId, ClientOrderIdReuse, CloseReason, Command, CommandId, Event, ExecutionId, ExpiryReason, Genesis,
    MarketSize, Mode, Options, OrderCountLimits, OrderId, OrderKind, OrderType, Origin, PlaceOrder, PreventedMatchId,
    Price, Quantity, Rate, Reference, Reject, Side, SourceId, StpMode, Strategy as Label, Symbol, SymbolId,
    SymbolRules, SymbolSpec, SymbolStatus, TimeInForce, TimeUs, TradeGroupId, TradeId, Transfer, TransferReason,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

/// Numbers of every length in bits, so that every length of a varint is met.
fn number() -> impl Strategy<Value = u64> + Clone {
    (any::<u64>(), 0u32..64).prop_map(|(number, shift)| number >> shift)
}

fn amount() -> impl Strategy<Value = Amount> + Clone {
    (any::<i128>(), 0u32..128).prop_map(|(number, shift)| Amount(number >> shift))
}

fn price() -> impl Strategy<Value = Price> {
    number().prop_map(Price)
}

fn quantity() -> impl Strategy<Value = Quantity> {
    number().prop_map(Quantity)
}

fn account() -> impl Strategy<Value = AccountId> {
    number().prop_map(AccountId)
}

fn asset_id() -> impl Strategy<Value = AssetId> {
    any::<u16>().prop_map(AssetId)
}

fn symbol_id() -> impl Strategy<Value = SymbolId> {
    any::<u16>().prop_map(SymbolId)
}

fn order_id() -> impl Strategy<Value = OrderId> {
    number().prop_map(OrderId)
}

fn execution_id() -> impl Strategy<Value = ExecutionId> {
    number().prop_map(ExecutionId)
}

fn time() -> impl Strategy<Value = TimeUs> {
    number().prop_map(TimeUs)
}

fn client_order_id() -> impl Strategy<Value = ClientOrderId> {
    "[a-zA-Z0-9.:/_-]{1,36}".prop_map(|text| text.parse().unwrap())
}

fn reference() -> impl Strategy<Value = Reference> {
    "[ -~]{0,64}".prop_map(|text| text.parse().unwrap())
}

fn side() -> impl Strategy<Value = Side> {
    select(Side::ALL)
}

fn stp() -> impl Strategy<Value = StpMode> {
    select(StpMode::ALL)
}

fn label() -> impl Strategy<Value = Label> {
    (of(number()), of(any::<u32>())).prop_map(|(id, kind)| Label { id, kind })
}

fn order_kind() -> impl Strategy<Value = OrderKind> {
    prop_oneof![
        (price(), quantity(), select(TimeInForce::ALL)).prop_map(|(p, q, t)| OrderKind::Limit(p, q, t)),
        (price(), quantity()).prop_map(|(p, q)| OrderKind::LimitMaker(p, q)),
        quantity().prop_map(|quantity| OrderKind::Market(MarketSize::Base(quantity))),
        amount().prop_map(|amount| OrderKind::Market(MarketSize::Quote(amount))),
    ]
}

fn limits() -> impl Strategy<Value = OrderCountLimits> {
    (of(any::<u32>()), of(any::<u32>()))
        .prop_map(|(per_ten_seconds, per_day)| OrderCountLimits { per_ten_seconds, per_day })
}

fn options() -> impl Strategy<Value = Options> {
    let reuse =
        prop_oneof![Just(ClientOrderIdReuse::WhenClosed), any::<u32>().prop_map(ClientOrderIdReuse::NeverWithin)];
    (limits(), reuse, any::<u32>(), any::<u32>(), any::<u32>()).prop_map(
        |(order_counts, client_order_id_reuse, fills_per_order_max, cancels_per_step_max, open_orders_max)| Options {
            order_counts,
            client_order_id_reuse,
            fills_per_order_max,
            cancels_per_step_max,
            open_orders_max,
        },
    )
}

fn asset() -> impl Strategy<Value = Asset> {
    ("[A-Z0-9]{1,12}", any::<u8>(), any::<u8>(), amount()).prop_map(
        |(code, ledger_scale, display_scale, supply_cap)| Asset {
            code: code.parse().unwrap(),
            ledger_scale,
            display_scale,
            supply_cap,
        },
    )
}

fn lot() -> impl Strategy<Value = LotFilter> {
    (quantity(), quantity(), quantity()).prop_map(|(min, max, step)| LotFilter { min, max, step })
}

fn price_filter() -> impl Strategy<Value = PriceFilter> {
    (price(), price(), price()).prop_map(|(min, max, tick)| PriceFilter { min, max, tick })
}

fn notional() -> impl Strategy<Value = NotionalFilter> {
    (amount(), any::<bool>(), of(amount()), any::<bool>(), any::<u8>()).prop_map(
        |(min, min_to_market, max, max_to_market, average_minutes)| NotionalFilter {
            min,
            min_to_market,
            max,
            max_to_market,
            average_minutes,
        },
    )
}

fn percent_price() -> impl Strategy<Value = PercentPriceFilter> {
    (any::<[u32; 4]>(), any::<u8>()).prop_map(|(multipliers, average_minutes)| {
        let [bid_up, bid_down, ask_up, ask_down] = multipliers.map(Multiplier);
        PercentPriceFilter { bid_up, bid_down, ask_up, ask_down, average_minutes }
    })
}

fn rules() -> impl Strategy<Value = SymbolRules> {
    let filters = (price_filter(), lot(), lot(), notional(), of(percent_price()), any::<u32>(), of(amount()));
    let fees =
        (any::<u32>(), any::<u32>()).prop_map(|(maker, taker)| FeeRates { maker: Rate(maker), taker: Rate(taker) });
    let rest = (vec(select(OrderType::ALL), 0..4), any::<bool>(), stp(), vec(stp(), 0..6), vec(fees, 0..4));
    (filters, rest).prop_map(|(filters, rest)| {
        let (price, lot, market_lot, notional, percent_price, orders_max, position_max) = filters;
        let (order_types, quote_quantity_market, stp_default, stp_allowed, fees) = rest;
        SymbolRules {
            price,
            lot,
            market_lot,
            notional,
            percent_price,
            orders_max,
            position_max,
            order_types,
            quote_quantity_market,
            stp_default,
            stp_allowed,
            fees,
        }
    })
}

fn spec() -> impl Strategy<Value = SymbolSpec> {
    let scales = (any::<u8>(), any::<u8>());
    ("[A-Z0-9]{1,24}", asset_id(), asset_id(), scales, rules(), select(SymbolStatus::ALL)).prop_map(
        |(name, base, quote, (price_scale, quantity_scale), rules, status)| SymbolSpec {
            name: name.parse().unwrap(),
            base,
            quote,
            price_scale,
            quantity_scale,
            rules,
            status,
        },
    )
}

fn genesis() -> impl Strategy<Value = Genesis> {
    (select(Mode::ALL), vec(asset(), 0..4), vec(spec(), 0..3), options())
        .prop_map(|(mode, assets, symbols, options)| Genesis { mode, assets, symbols, options, rules_version: 1 })
}

fn place_order() -> impl Strategy<Value = PlaceOrder> {
    (account(), symbol_id(), side(), client_order_id(), order_kind(), of(stp()), of(label())).prop_map(
        |(account, symbol, side, client_order_id, kind, stp, strategy)| PlaceOrder {
            account,
            symbol,
            side,
            client_order_id,
            kind,
            stp,
            strategy,
        },
    )
}

fn cancel_order() -> impl Strategy<Value = CancelOrder> {
    let restriction = of(select(CancelRestriction::ALL));
    (account(), symbol_id(), of(order_id()), of(client_order_id()), client_order_id(), restriction).prop_map(
        |(account, symbol, order_id, client_order_id, cancel_id, restriction)| CancelOrder {
            account,
            symbol,
            order_id,
            client_order_id,
            cancel_id,
            restriction,
        },
    )
}

fn transfer() -> impl Strategy<Value = Transfer> {
    (select(TransferReason::ALL), account(), account(), asset_id(), amount(), reference()).prop_map(
        |(reason, from, to, asset, amount, reference)| Transfer { reason, from, to, asset, amount, reference },
    )
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::Tick),
        Just(Action::Step),
        genesis().prop_map(|genesis| Action::Genesis(Box::new(genesis))),
        place_order().prop_map(Action::PlaceOrder),
        cancel_order().prop_map(Action::CancelOrder),
        (account(), symbol_id(), client_order_id())
            .prop_map(|(account, symbol, cancel_id)| Action::CancelAll(CancelAll { account, symbol, cancel_id })),
        select(AccountKind::ALL).prop_map(Action::CreateAccount),
        transfer().prop_map(Action::Transfer),
        (account(), any::<bool>()).prop_map(|(account, frozen)| Action::SetFrozen(account, frozen)),
        (account(), any::<u8>()).prop_map(|(account, tier)| Action::SetFeeTier(account, tier)),
        (account(), of(limits())).prop_map(|(account, limits)| Action::SetOrderCountLimits(account, limits)),
        (account(), of(number().prop_map(TradeGroupId)))
            .prop_map(|(account, group)| Action::SetTradeGroup(account, group)),
        asset().prop_map(Action::AddAsset),
        spec().prop_map(|spec| Action::AddSymbol(Box::new(spec))),
        (symbol_id(), select(SymbolStatus::ALL)).prop_map(|(symbol, status)| Action::SetSymbolStatus(symbol, status)),
        options().prop_map(Action::SetOptions),
        any::<u16>().prop_map(Action::SetRulesVersion),
    ]
}

pub(crate) fn command() -> impl Strategy<Value = Command> {
    let origin = prop_oneof![
        (any::<[u8; 16]>(), time()).prop_map(|(id, deadline)| Origin::Client(CommandId(id), deadline)),
        (any::<u16>(), number()).prop_map(|(source, n)| Origin::Service(SourceId(source), n)),
        Just(Origin::Sequencer),
    ];
    (origin, action()).prop_map(|(origin, action)| Command { origin, action })
}

fn order_placed() -> impl Strategy<Value = OrderPlaced> {
    let group = of(number().prop_map(TradeGroupId));
    (place_order(), order_id(), stp(), group, execution_id()).prop_map(
        |(order, order_id, stp, trade_group, execution_id)| OrderPlaced {
            symbol: order.symbol,
            order_id,
            account: order.account,
            client_order_id: order.client_order_id,
            side: order.side,
            kind: order.kind,
            stp,
            trade_group,
            strategy: order.strategy,
            execution_id,
        },
    )
}

fn fill() -> impl Strategy<Value = Fill> {
    let sums = (quantity(), amount(), any::<bool>());
    (account(), order_id(), execution_id(), asset_id(), amount(), sums).prop_map(
        |(account, order_id, execution_id, fee_asset, fee, (executed, executed_quote, filled))| Fill {
            account,
            order_id,
            execution_id,
            fee_asset,
            fee,
            executed,
            executed_quote,
            filled,
        },
    )
}

fn trade() -> impl Strategy<Value = Trade> {
    let ids = (symbol_id(), number(), number());
    (ids, price(), quantity(), amount(), side(), fill(), fill()).prop_map(
        |((symbol, trade_id, agg_trade_id), price, quantity, notional, taker_side, maker, taker)| Trade {
            symbol,
            trade_id: TradeId(trade_id),
            agg_trade_id: AggTradeId(agg_trade_id),
            price,
            quantity,
            notional,
            taker_side,
            maker,
            taker,
        },
    )
}

fn prevented() -> impl Strategy<Value = SelfTradePrevented> {
    let party = || (account(), order_id(), quantity(), execution_id());
    (symbol_id(), number(), price(), side(), party(), party()).prop_map(
        |(symbol, id, price, taker_side, taker, maker)| SelfTradePrevented {
            symbol,
            prevented_match_id: PreventedMatchId(id),
            price,
            taker_side,
            taker_account: taker.0,
            taker_order_id: taker.1,
            taker_quantity: taker.2,
            taker_execution_id: taker.3,
            maker_account: maker.0,
            maker_order_id: maker.1,
            maker_quantity: maker.2,
            maker_execution_id: maker.3,
        },
    )
}

fn closed() -> impl Strategy<Value = OrderClosed> {
    let reason = prop_oneof![
        Just(CloseReason::Canceled),
        select(ExpiryReason::ALL).prop_map(CloseReason::Expired),
        Just(CloseReason::ExpiredInMatch),
    ];
    let end = (reason, of(client_order_id()), of(price()), quantity(), execution_id());
    (symbol_id(), order_id(), account(), side(), end).prop_map(
        |(symbol, order_id, account, side, (reason, cancel_id, price, removed, execution_id))| OrderClosed {
            symbol,
            order_id,
            account,
            side,
            reason,
            cancel_id,
            price,
            removed,
            execution_id,
        },
    )
}

fn bucket() -> impl Strategy<Value = Bucket> {
    let prices = (price(), price(), price(), price());
    let sums = (amount(), amount(), amount(), amount());
    (symbol_id(), number(), prices, quantity(), time(), sums, number(), (number(), number())).prop_map(
        |(symbol, second, prices, last_quantity, last_time, sums, trades, (first, last))| Bucket {
            symbol,
            second,
            open: prices.0,
            high: prices.1,
            low: prices.2,
            close: prices.3,
            last_quantity,
            last_time,
            base: sums.0,
            quote: sums.1,
            taker_buy_base: sums.2,
            taker_buy_quote: sums.3,
            trades,
            first_trade_id: TradeId(first),
            last_trade_id: TradeId(last),
        },
    )
}

fn rested() -> impl Strategy<Value = OrderRested> {
    (symbol_id(), order_id(), side(), price(), quantity())
        .prop_map(|(symbol, order_id, side, price, quantity)| OrderRested { symbol, order_id, side, price, quantity })
}

fn counts() -> impl Strategy<Value = OrderCounts> {
    let window = || (time(), any::<u32>()).prop_map(|(start, count)| WindowCount { start, count });
    (account(), window(), window()).prop_map(|(account, ten_seconds, day)| OrderCounts { account, ten_seconds, day })
}

fn balance() -> impl Strategy<Value = Balance> {
    (account(), asset_id(), amount(), amount()).prop_map(|(account, asset, free, locked)| Balance {
        account,
        asset,
        free,
        locked,
    })
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let facts = prop_oneof![
        select(Reject::ALL).prop_map(Event::Rejected),
        (select(Mode::ALL), any::<u16>()).prop_map(|(mode, version)| Event::Began(mode, version)),
        order_placed().prop_map(Event::OrderPlaced),
        rested().prop_map(Event::OrderRested),
        trade().prop_map(Event::Traded),
        prevented().prop_map(Event::SelfTradePrevented),
        closed().prop_map(Event::OrderClosed),
        counts().prop_map(Event::OrderCountsChanged),
        balance().prop_map(Event::BalanceChanged),
        bucket().prop_map(Event::BucketClosed),
    ];
    let settings = prop_oneof![
        (account(), select(AccountKind::ALL)).prop_map(|(account, kind)| Event::AccountCreated(account, kind)),
        (account(), any::<bool>()).prop_map(|(account, frozen)| Event::AccountFrozen(account, frozen)),
        (account(), any::<u8>()).prop_map(|(account, tier)| Event::FeeTierSet(account, tier)),
        (account(), of(limits())).prop_map(|(account, limits)| Event::OrderCountLimitsSet(account, limits)),
        (account(), of(number().prop_map(TradeGroupId)))
            .prop_map(|(account, group)| Event::TradeGroupSet(account, group)),
        transfer().prop_map(Event::Transferred),
        (asset_id(), asset()).prop_map(|(id, asset)| Event::AssetAdded(id, asset)),
        (symbol_id(), spec()).prop_map(|(id, spec)| Event::SymbolAdded(Box::new(Symbol { id, spec }))),
        (symbol_id(), select(SymbolStatus::ALL)).prop_map(|(symbol, status)| Event::SymbolStatusSet(symbol, status)),
        options().prop_map(Event::OptionsSet),
        any::<u16>().prop_map(Event::RulesVersionSet),
    ];
    prop_oneof![facts, settings]
}
