create table engine_head (
    id int2 primary key check (id = 1),
    history int8 not null,
    epoch int8 not null,
    seq int8 not null,
    chain bytea not null,
    engine_time_us int8 not null,
    rules_version int4 not null
);
