create table engine_head (
    one integer primary key check (one = 1),
    history integer not null,
    epoch integer not null,
    seq integer not null,
    chain blob not null,
    time integer not null,
    rules_version integer not null
) strict;

insert into engine_head values (1, 0, 0, 0, zeroblob(32), 0, 0);

create table journal (
    last_seq integer primary key,
    first_seq integer not null,
    history integer not null,
    epoch integer not null,
    time integer not null,
    rules_version integer not null,
    prev_chain blob not null,
    chain blob not null,
    payload blob not null
) strict;
