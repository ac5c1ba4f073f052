-- The tables follow the journal and can be built from it again. Amounts, prices and quantities are whole numbers of the
-- smallest units, exact as numeric. Ids, seqs and times fit int8; times are microseconds since 1970, except in klines,
-- where they are seconds. Enums are the numbers of the durable codec; descriptions are in the codec's form.
--
-- Rows that change often leave room in their pages, so that a new version stays in its page and no index is touched,
-- and are vacuumed early and without pauses.

create table projection_head (
    one boolean primary key default true check (one),
    history int8 not null,
    seq int8 not null,
    chain bytea not null,
    time int8 not null
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
        autovacuum_vacuum_cost_delay = 0);

insert into projection_head (history, seq, chain, time) values (0, 0, decode(repeat('00', 32), 'hex'), 0);

-- What lies before this time may have been dropped from the partitioned tables.
create table tables_kept_from (
    one boolean primary key default true check (one),
    time int8 not null
);

insert into tables_kept_from (time) values (0);

-- Mode, rules and options are null before the venue began.
create table venue (
    one boolean primary key default true check (one),
    mode int2,
    rules_version int4,
    options bytea
);

insert into venue (mode) values (null);

create table assets (
    asset int4 primary key,
    code text not null,
    description bytea not null
);

create table symbols (
    symbol int4 primary key,
    name text not null,
    status int2 not null,
    depth_id int8 not null,
    description bytea not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
        autovacuum_vacuum_cost_delay = 0);

create table accounts (
    account int8 primary key,
    kind int2 not null,
    frozen boolean not null,
    fee_tier int2 not null,
    order_count_limits bytea not null,
    trade_group int8,
    created_at int8 not null
) with (fillfactor = 90);

create table balances (
    account int8 not null,
    asset int4 not null,
    free numeric not null,
    locked numeric not null,
    updated_at int8 not null,
    primary key (account, asset)
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500,
        autovacuum_vacuum_cost_delay = 0);

create table order_counts (
    account int8 primary key,
    ten_seconds_start int8 not null,
    ten_seconds_count int8 not null,
    day_start int8 not null,
    day_count int8 not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500,
        autovacuum_vacuum_cost_delay = 0);

-- New and partially filled orders. One that closes moves to closed_orders in the same transaction.
create table open_orders (
    account int8 not null,
    symbol int4 not null,
    order_id int8 not null,
    client_order_id text collate "C" not null,
    side int2 not null,
    order_type int2 not null,
    price numeric,
    quantity numeric,
    quote_quantity numeric,
    time_in_force int2 not null,
    stp int2 not null,
    trade_group int8,
    strategy_id int8,
    strategy_type int8,
    status int2 not null,
    expiry_reason int2,
    executed numeric not null,
    executed_quote numeric not null,
    prevented numeric not null,
    prevented_match_id int8,
    cancel_id text collate "C",
    placed_at int8 not null,
    updated_at int8 not null,
    primary key (account, symbol, order_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
        autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

create index open_orders_by_client_order_id on open_orders (account, symbol, client_order_id, order_id);

-- Partitioned by the week in which an order closed, which is when it last changed: an order is dropped so long after
-- its end, however old it is. What no week is made for lies in the rest.
create table closed_orders (
    account int8 not null,
    symbol int4 not null,
    order_id int8 not null,
    client_order_id text collate "C" not null,
    side int2 not null,
    order_type int2 not null,
    price numeric,
    quantity numeric,
    quote_quantity numeric,
    time_in_force int2 not null,
    stp int2 not null,
    trade_group int8,
    strategy_id int8,
    strategy_type int8,
    status int2 not null,
    expiry_reason int2,
    executed numeric not null,
    executed_quote numeric not null,
    prevented numeric not null,
    prevented_match_id int8,
    cancel_id text collate "C",
    placed_at int8 not null,
    updated_at int8 not null,
    primary key (account, symbol, order_id, updated_at)
) partition by range (updated_at);

create table closed_orders_rest partition of closed_orders default;

create index closed_orders_by_client_order_id on closed_orders (account, symbol, client_order_id, order_id);
create index closed_orders_by_placed_at on closed_orders (account, symbol, placed_at, order_id);

create table trades (
    symbol int4 not null,
    trade_id int8 not null,
    agg_trade_id int8 not null,
    price numeric not null,
    quantity numeric not null,
    notional numeric not null,
    taker_side int2 not null,
    time int8 not null,
    maker_account int8 not null,
    maker_order_id int8 not null,
    maker_fee_asset int4 not null,
    maker_fee numeric not null,
    taker_account int8 not null,
    taker_order_id int8 not null,
    taker_fee_asset int4 not null,
    taker_fee numeric not null,
    primary key (symbol, trade_id, time)
) partition by range (time);

create table trades_rest partition of trades default;

create index trades_by_time on trades (symbol, time, agg_trade_id);
create index trades_by_agg_trade_id on trades (symbol, agg_trade_id);
create index trades_of_maker on trades (maker_account, symbol, time, trade_id);
create index trades_of_taker on trades (taker_account, symbol, time, trade_id);
create index trades_of_maker_order on trades (symbol, maker_order_id);
create index trades_of_taker_order on trades (symbol, taker_order_id);

create table prevented_matches (
    symbol int4 not null,
    prevented_match_id int8 not null,
    price numeric not null,
    taker_side int2 not null,
    taker_account int8 not null,
    taker_order_id int8 not null,
    taker_quantity numeric not null,
    taker_execution_id int8 not null,
    maker_account int8 not null,
    maker_order_id int8 not null,
    maker_quantity numeric not null,
    maker_execution_id int8 not null,
    time int8 not null,
    primary key (symbol, prevented_match_id, time)
) partition by range (time);

create table prevented_matches_rest partition of prevented_matches default;

create index prevented_matches_of_maker_order on prevented_matches (symbol, maker_order_id, prevented_match_id);
create index prevented_matches_of_taker_order on prevented_matches (symbol, taker_order_id, prevented_match_id);

-- Few, and kept for ever: what came in and went out explains every balance.
create table transfers (
    seq int8 primary key,
    time int8 not null,
    reason int2 not null,
    from_account int8 not null,
    to_account int8 not null,
    asset int4 not null,
    amount numeric not null,
    reference text not null
);

create index transfers_from on transfers (from_account, time, seq);
create index transfers_to on transfers (to_account, time, seq);

create table klines (
    symbol int4 not null,
    seconds int4 not null,
    start int8 not null,
    open numeric not null,
    high numeric not null,
    low numeric not null,
    close numeric not null,
    last_quantity numeric not null,
    last_time int8 not null,
    base numeric not null,
    quote numeric not null,
    taker_buy_base numeric not null,
    taker_buy_quote numeric not null,
    trades int8 not null,
    first_trade_id int8 not null,
    last_trade_id int8 not null,
    primary key (symbol, seconds, start)
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
