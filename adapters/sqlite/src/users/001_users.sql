create table users (
    user_id       integer primary key autoincrement,
    name          text    not null unique,
    password_hash text    not null,
    state         text    not null check (state in ('active', 'suspended')),
    created_us    integer not null,
    updated_us    integer not null
) strict;

-- Where a person logged in from, newest first by seen_us; a few rows each.
create table user_networks (
    user_id integer not null references users,
    network text    not null,
    seen_us integer not null,
    primary key (user_id, network)
) strict, without rowid;

create table sessions (
    token_hash blob    primary key check (length(token_hash) = 32),
    user_id    integer not null references users,
    created_us integer not null,
    seen_us    integer not null
) strict, without rowid;

create index sessions_by_user on sessions (user_id, seen_us);

-- The outbox. last_n outlives the rows, so that no number is ever given twice.
create table outbox_head (
    source integer primary key,
    last_n integer not null
) strict;

create table outbox (
    source      integer not null,
    n           integer not null,
    payload     blob    not null,
    created_us  integer not null,
    answered_us integer,
    answer      text check (answer in ('account_opened', 'done', 'refused')),
    account_id  integer,
    reject      text,
    primary key (source, n),
    check ((answer is null) = (answered_us is null)),
    check ((answer is 'account_opened') = (account_id is not null)),
    check ((answer is 'refused') = (reject is not null))
) strict, without rowid;

create index outbox_unanswered on outbox (source, n) where answer is null;

-- An owner's engine account: a person's (user_id, label = the sub-account, '' for the main one) or an
-- operator's (no user_id, label = the name). open_n is the outbox row that asks for it.
create table account_links (
    link_id        integer primary key,
    user_id        integer references users,
    label          text    not null,
    state          text    not null check (state in ('pending', 'open', 'refused')),
    open_n         integer not null unique,
    account_id     integer unique,
    reject         text,
    request_digest blob,
    created_us     integer not null,
    check ((state = 'open') = (account_id is not null)),
    check ((user_id is null) = (request_digest is not null))
) strict;

create unique index account_links_by_user on account_links (user_id, label) where user_id is not null;
create unique index account_links_by_name on account_links (label) where user_id is null;

create table api_keys (
    number        integer primary key,
    api_key       text    not null unique,
    link_id       integer not null references account_links,
    kind          text    not null check (kind in ('hmac', 'ed25519', 'rsa')),
    sealed_secret blob,
    public_pem    text,
    label         text    not null,
    can_read      integer not null check (can_read in (0, 1)),
    can_trade     integer not null check (can_trade in (0, 1)),
    ip_rules      text    not null,
    created_us    integer not null,
    expires_us    integer,
    revoked_us    integer,
    check ((kind = 'hmac') = (sealed_secret is not null)),
    check ((kind = 'hmac') = (public_pem is null))
) strict;

create index api_keys_by_link on api_keys (link_id);

-- One blob per master key that ever sealed a secret, to tell a wrong or missing master key at start.
create table master_key_proofs (
    key_id text primary key,
    proof  blob not null
) strict, without rowid;

-- Deposits of record. amount is a decimal integer of ledger units: it may exceed 64 bits. first marks those
-- that an account was asked for with; n is the outbox row, null while the account is pending.
create table deposits (
    deposit_id integer primary key,
    reference  text    not null unique,
    link_id    integer not null references account_links,
    first      integer not null check (first in (0, 1)),
    asset_id   integer not null,
    asset      text    not null,
    amount     text    not null,
    state      text    not null check (state in ('waiting', 'sent', 'done', 'refused')),
    n          integer unique,
    reject     text,
    created_us integer not null,
    check ((state = 'refused') = (reject is not null))
) strict;

create index deposits_by_link on deposits (link_id);

create table audit (
    seq     integer primary key,
    at_us   integer not null,
    actor   text    not null,
    address text    not null,
    action  text    not null,
    subject text    not null,
    chain   blob    not null check (length(chain) = 32)
) strict;

create trigger audit_rows_stay before delete on audit
begin
    select raise(abort, 'the audit trail is append-only');
end;

create trigger audit_rows_do_not_change before update on audit
begin
    select raise(abort, 'the audit trail is append-only');
end;
