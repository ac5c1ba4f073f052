-- The journal with its head, partitions, snapshots, lease and followers.

-- One row, changed by every commit: room on its page keeps the change off the index and easy to clean up.
create table engine_head (
    id int2 primary key check (id = 1),
    history int8 not null,
    epoch int8 not null,
    seq int8 not null,
    chain bytea not null,
    engine_time_us int8 not null,
    rules_version int4 not null,
    -- The token of the takeover that made the epoch: tells it from another's when its answer was lost.
    leader text not null default ''
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

insert into engine_head values (1, 0, 0, 0, decode(repeat('00', 32), 'hex'), 0, 0);

-- One row a batch. Nothing but last_seq is unique: the head's compare-and-swap does the rest.
create table journal (
    last_seq int8 not null primary key,
    first_seq int8 not null,
    history int8 not null,
    epoch int8 not null,
    engine_time_us int8 not null,
    rules_version int4 not null,
    prev_chain bytea not null,
    chain bytea not null,
    payload bytea not null
) partition by range (last_seq);

-- Payloads are dense already.
alter table journal alter column payload set storage external;

-- How many seqs a partition holds. A change holds for partitions made afterwards.
create table journal_partitioning (
    id int2 primary key check (id = 1),
    span_seqs int8 not null check (span_seqs > 0)
);

insert into journal_partitioning values (1, 10000000);

create table journal_partitions (
    -- Holds the rows with lower <= last_seq < upper.
    lower int8 primary key,
    upper int8 not null unique check (upper > lower),
    name text not null unique,
    -- Its segment, once that was read back and verified.
    segment text,
    segment_sha256 bytea,
    last_chain bytea,
    dropped_at timestamptz
);

-- Makes the partition that holds seq `needed` and one more. Gives the seq from which on it is to be called again.
create function ensure_journal_partitions(needed int8) returns int8
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    span int8;
    next int8;
    name text;
begin
    perform pg_advisory_xact_lock(491001);
    select p.span_seqs into strict span from journal_partitioning p;
    loop
        select coalesce(max(p.upper), 0) into next from journal_partitions p;
        exit when next > needed + 1 and (select count(*) from journal_partitions p where p.upper > needed + 1) > 1;
        -- A new history begins far ahead.
        if needed >= next + span then
            next := needed - needed % span;
        end if;
        name := format('journal_%s', lpad(next::text, 20, '0'));
        execute format('create table %I (like journal including defaults including storage)', name);
        execute format('alter table journal attach partition %I for values from (%s) to (%s)', name, next, next + span);
        insert into journal_partitions (lower, upper, name) values (next, next + span, name);
    end loop;
    return (select max(p.lower) from journal_partitions p);
end $$;

select ensure_journal_partitions(0);

-- Refuses to go on where a commit would not be kept. Cheap: settings of the session, no table.
create function check_durable(p_streaming bool) returns void language plpgsql as $$
begin
    if current_setting('synchronous_commit') not in ('on', 'remote_apply') then
        raise exception 'synchronous_commit is %, not on', current_setting('synchronous_commit') using errcode = 'EM001';
    end if;
    if p_streaming and current_setting('synchronous_standby_names') = '' then
        raise exception 'synchronous_standby_names is empty' using errcode = 'EM002';
    end if;
end $$;

-- Appends a batch if the head is the one that it follows; gives whether it was, and the head as it is then.
create function commit_batch(
    p_history int8, p_epoch int8, p_first_seq int8, p_last_seq int8, p_time int8, p_rules_version int4,
    p_prev_chain bytea, p_chain bytea, p_payload bytea, p_streaming bool
) returns table (
    moved bool, history int8, epoch int8, seq int8, chain bytea, engine_time_us int8, rules_version int4, leader text
) language plpgsql as $$
#variable_conflict use_column
declare
    moved bool;
begin
    perform check_durable(p_streaming);
    update engine_head
        set seq = p_last_seq, chain = p_chain, engine_time_us = p_time, rules_version = p_rules_version
        where id = 1 and history = p_history and epoch = p_epoch and seq = p_first_seq - 1 and chain = p_prev_chain;
    moved := found;
    if moved then
        insert into journal
            (last_seq, first_seq, history, epoch, engine_time_us, rules_version, prev_chain, chain, payload)
            values (p_last_seq, p_first_seq, p_history, p_epoch, p_time, p_rules_version, p_prev_chain, p_chain,
                p_payload);
    end if;
    return query select moved, h.history, h.epoch, h.seq, h.chain, h.engine_time_us, h.rules_version, h.leader
        from engine_head h;
end $$;

-- Raises the epoch for the leader with this token, unless it is another than he saw: so a request that arrives late,
-- after its answer was given up, raises nothing a second time.
create function take_over(p_leader text, p_streaming bool, p_epoch int8) returns table (
    history int8, epoch int8, seq int8, chain bytea, engine_time_us int8, rules_version int4, leader text
) language plpgsql as $$
#variable_conflict use_column
begin
    perform check_durable(p_streaming);
    return query update engine_head set epoch = epoch + 1, leader = p_leader where id = 1 and epoch = p_epoch
        returning engine_head.history, engine_head.epoch, engine_head.seq, engine_head.chain,
            engine_head.engine_time_us, engine_head.rules_version, engine_head.leader;
end $$;

create table snapshots (
    id int8 generated always as identity primary key,
    seq int8 not null,
    state text not null check (state in ('unfinished', 'whole', 'quarantined')),
    begun_at timestamptz not null default now(),
    meta bytea not null,
    -- SHA-256 of meta and state.
    checksum bytea not null
);

create unique index on snapshots (seq) where state = 'whole';

create table snapshot_chunks (
    snapshot int8 not null references snapshots (id) on delete cascade,
    number int4 not null,
    bytes bytea not null,
    primary key (snapshot, number)
);

alter table snapshot_chunks alter column bytes set storage external;

create table lease (
    id int2 primary key check (id = 1),
    holder text not null,
    epoch int8 not null,
    address text not null,
    beat int8 not null,
    released bool not null
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

create table followers (
    name text primary key,
    seq int8 not null
) with (fillfactor = 50);
