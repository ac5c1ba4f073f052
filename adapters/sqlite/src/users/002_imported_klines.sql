-- History that this venue did not trade. It stands here because nothing can rebuild it. Starts are seconds since
-- 1970, lengths the public API's words; amounts are what they are in the tables' klines.
create table imported_klines (
    symbol          integer not null,
    interval        text    not null,
    start           integer not null,
    open            integer not null,
    high            integer not null,
    low             integer not null,
    close           integer not null,
    base            blob    not null,
    quote           blob    not null,
    taker_buy_base  blob    not null,
    taker_buy_quote blob    not null,
    trades          integer not null,
    source          text    not null,
    imported_us     integer not null,
    primary key (symbol, interval, start)
) strict, without rowid;
