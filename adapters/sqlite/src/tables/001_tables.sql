-- Amounts are 16 bytes, big-endian with the sign bit flipped. Enums are the numbers of the durable codec.
-- Times are microseconds since 1970, except in klines, where they are seconds.

create table projection_head (
    one integer primary key check (one = 1),
    history integer not null,
    seq integer not null,
    chain blob not null,
    time integer not null
) strict;

insert into projection_head values (1, 0, 0, zeroblob(32), 0);

-- mode, rules and options are null before the venue began. Options, assets' and symbols' descriptions are in
-- the codec's form.
create table venue (
    one integer primary key check (one = 1),
    mode integer,
    rules_version integer,
    options blob
) strict;

insert into venue values (1, null, null, null);

create table assets (
    asset integer primary key,
    code text not null,
    description blob not null
) strict;

create table symbols (
    symbol integer primary key,
    name text not null,
    status integer not null,
    depth_id integer not null,
    description blob not null
) strict;

create table accounts (
    account integer primary key,
    kind integer not null,
    frozen integer not null,
    fee_tier integer not null,
    order_count_limits blob not null,
    trade_group integer,
    created_at integer not null
) strict;

create table balances (
    account integer not null,
    asset integer not null,
    free blob not null,
    locked blob not null,
    updated_at integer not null,
    primary key (account, asset)
) strict, without rowid;

create table order_counts (
    account integer primary key,
    ten_seconds_start integer not null,
    ten_seconds_count integer not null,
    day_start integer not null,
    day_count integer not null
) strict;

-- Rows lie in the order in which they came: kept together by account they cost a third more to write, for every
-- order then touches a page of its own. Open and closed orders are in one table, because moving an order to
-- another one when it closes costs as much as the partial index does (examples/rates.rs).
create table orders (
    account integer not null,
    symbol integer not null,
    order_id integer not null,
    client_order_id text not null,
    side integer not null,
    order_type integer not null,
    price integer,
    quantity integer,
    quote_quantity blob,
    time_in_force integer not null,
    stp integer not null,
    trade_group integer,
    strategy_id integer,
    strategy_type integer,
    status integer not null,
    expiry_reason integer,
    executed integer not null,
    executed_quote blob not null,
    prevented integer not null,
    prevented_match_id integer,
    cancel_id text,
    placed_at integer not null,
    updated_at integer not null,
    primary key (account, symbol, order_id)
) strict;

create index orders_by_client_order_id on orders (account, symbol, client_order_id, order_id);

-- New and partially filled: the hot part of the table.
create index open_orders on orders (account, symbol, order_id) where status <= 1;

create table trades (
    symbol integer not null,
    trade_id integer not null,
    agg_trade_id integer not null,
    price integer not null,
    quantity integer not null,
    notional blob not null,
    taker_side integer not null,
    time integer not null,
    maker_account integer not null,
    maker_order_id integer not null,
    maker_fee_asset integer not null,
    maker_fee blob not null,
    taker_account integer not null,
    taker_order_id integer not null,
    taker_fee_asset integer not null,
    taker_fee blob not null,
    primary key (symbol, trade_id)
) strict, without rowid;

create index trades_of_maker on trades (maker_account, symbol, trade_id);
create index trades_of_taker on trades (taker_account, symbol, trade_id);
create index trades_of_maker_order on trades (symbol, maker_order_id, trade_id);
create index trades_of_taker_order on trades (symbol, taker_order_id, trade_id);

create table prevented_matches (
    symbol integer not null,
    prevented_match_id integer not null,
    price integer not null,
    taker_side integer not null,
    taker_account integer not null,
    taker_order_id integer not null,
    taker_quantity integer not null,
    taker_execution_id integer not null,
    maker_account integer not null,
    maker_order_id integer not null,
    maker_quantity integer not null,
    maker_execution_id integer not null,
    time integer not null,
    primary key (symbol, prevented_match_id)
) strict, without rowid;

create index prevented_matches_of_maker_order on prevented_matches (symbol, maker_order_id, prevented_match_id);
create index prevented_matches_of_taker_order on prevented_matches (symbol, taker_order_id, prevented_match_id);

create table transfers (
    seq integer primary key,
    time integer not null,
    reason integer not null,
    from_account integer not null,
    to_account integer not null,
    asset integer not null,
    amount blob not null,
    reference text not null
) strict;

create index transfers_from on transfers (from_account, seq);
create index transfers_to on transfers (to_account, seq);

create table klines (
    symbol integer not null,
    interval integer not null,
    start integer not null,
    open integer not null,
    high integer not null,
    low integer not null,
    close integer not null,
    last_quantity integer not null,
    last_time integer not null,
    base blob not null,
    quote blob not null,
    taker_buy_base blob not null,
    taker_buy_quote blob not null,
    trades integer not null,
    first_trade_id integer not null,
    last_trade_id integer not null,
    primary key (symbol, interval, start)
) strict, without rowid;
