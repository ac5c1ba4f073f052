-- People, keys, sessions, links to engine accounts, the outbox, the audit trail; and imported klines, which stand here
-- because nothing can rebuild them. Times are microseconds since 1970.

create table users (
    user_id       int8 generated always as identity primary key,
    name          text not null unique,
    password_hash text not null,
    state         text not null check (state in ('active', 'suspended')),
    created_us    int8 not null,
    updated_us    int8 not null
);

-- Where a person logged in from, newest first by seen_us; a few rows each.
create table user_networks (
    user_id int8 not null references users,
    network text not null,
    seen_us int8 not null,
    primary key (user_id, network)
);

create table sessions (
    token_hash bytea primary key check (length(token_hash) = 32),
    user_id    int8  not null references users,
    created_us int8  not null,
    seen_us    int8  not null
);

create index sessions_by_user on sessions (user_id, seen_us);

-- The outbox. Its numbers are given under the lock of the head's row, in the order of commits and without a gap;
-- last_n outlives the rows, so that no number is ever given twice.
create table outbox_head (
    source int4 primary key,
    last_n int8 not null
);

create table outbox (
    source      int4  not null references outbox_head,
    n           int8  not null,
    payload     bytea not null,
    created_us  int8  not null,
    answered_us int8,
    answer      text check (answer in ('account_opened', 'done', 'refused')),
    account_id  int8,
    reject      text,
    primary key (source, n),
    check ((answer is null) = (answered_us is null)),
    check ((answer is not distinct from 'account_opened') = (account_id is not null)),
    check ((answer is not distinct from 'refused') = (reject is not null))
);

create index outbox_unanswered on outbox (source, n) where answer is null;

-- An owner's engine account: a person's (user_id, label = the sub-account, '' for the main one) or an operator's (no
-- user_id, label = the name). open_n is the outbox row that asks for it.
create table account_links (
    link_id        int8 generated always as identity primary key,
    user_id        int8 references users,
    label          text not null,
    state          text not null check (state in ('pending', 'open', 'refused')),
    open_n         int8 not null unique,
    account_id     int8 unique,
    reject         text,
    request_digest bytea,
    created_us     int8 not null,
    check ((state = 'open') = (account_id is not null)),
    check ((user_id is null) = (request_digest is not null))
);

create unique index account_links_by_user on account_links (user_id, label) where user_id is not null;
create unique index account_links_by_name on account_links (label) where user_id is null;

create table api_keys (
    number        int8 generated always as identity primary key,
    api_key       text not null unique,
    link_id       int8 not null references account_links,
    kind          text not null check (kind in ('hmac', 'ed25519', 'rsa')),
    sealed_secret bytea,
    public_pem    text,
    label         text not null,
    can_read      bool not null,
    can_trade     bool not null,
    ip_rules      text not null,
    created_us    int8 not null,
    expires_us    int8,
    revoked_us    int8,
    check ((kind = 'hmac') = (sealed_secret is not null)),
    check ((kind = 'hmac') = (public_pem is null))
);

create index api_keys_by_link on api_keys (link_id);

-- One blob per master key that ever sealed a secret, to tell a wrong or missing master key at start.
create table master_key_proofs (
    key_id text  primary key,
    proof  bytea not null
);

-- Deposits of record, amounts in ledger units. first marks those that an account was asked for with; n is the outbox
-- row, null while the account is pending.
create table deposits (
    deposit_id int8 generated always as identity primary key,
    reference  text not null unique,
    link_id    int8 not null references account_links,
    first      bool not null,
    asset_id   int4 not null,
    asset      text not null,
    amount     numeric(39, 0) not null,
    state      text not null check (state in ('waiting', 'sent', 'done', 'refused')),
    n          int8 unique,
    reject     text,
    created_us int8 not null,
    check ((state = 'refused') = (reject is not null))
);

create index deposits_by_link on deposits (link_id);

-- The last row of the audit trail. Every change locks it first, so changes happen one after the other.
create table audit_head (
    id    int2  primary key check (id = 1),
    seq   int8  not null,
    chain bytea not null check (length(chain) = 32)
);

create table audit (
    seq     int8  primary key,
    at_us   int8  not null,
    actor   text  not null,
    address text  not null,
    action  text  not null,
    subject text  not null,
    chain   bytea not null check (length(chain) = 32)
);

create function refuse_audit_change() returns trigger language plpgsql as $$
begin
    raise exception 'the audit trail is append-only';
end $$;

create trigger audit_rows_stay_as_they_are before update or delete or truncate on audit
    for each statement execute function refuse_audit_change();

insert into outbox_head values (1, 0);
insert into audit_head values (1, 0, decode(repeat('00', 32), 'hex'));

-- History that this venue did not trade. Starts are seconds since 1970, spans the public API's words for intervals;
-- prices and counts are unsigned numbers, bit by bit.
create table imported_klines (
    symbol          int4 not null,
    span            text collate "C" not null,
    start           int8 not null,
    open            int8 not null,
    high            int8 not null,
    low             int8 not null,
    close           int8 not null,
    base            numeric(39, 0) not null,
    quote           numeric(39, 0) not null,
    taker_buy_base  numeric(39, 0) not null,
    taker_buy_quote numeric(39, 0) not null,
    trades          int8 not null,
    source          text not null,
    imported_us     int8 not null,
    primary key (symbol, span, start)
);
