-- Partitions of the journal leave the database as segments, which are files elsewhere: one partition's rows in one or
-- more of them, each following the one before by its chain.

create table journal_segments (
    name text primary key,
    -- The partition whose rows it holds.
    lower int8 not null references journal_partitions (lower),
    history int8 not null,
    first_seq int8 not null,
    last_seq int8 not null unique,
    prev_chain bytea not null,
    last_chain bytea not null,
    sha256 bytea not null,
    exported_at timestamptz not null default now()
);

create index journal_segments_by_lower on journal_segments (lower, last_seq);

-- Below what seq nobody needs the journal's rows: the older of the two kept snapshots, the tables, and everybody who
-- follows. Zero while there are not two snapshots.
create function journal_needed_from() returns int8 language sql stable security definer set search_path = public, pg_temp
as $$
    select least(
        (select case when count(*) = 2 then min(s.seq) else 0 end from
            (select seq from snapshots where state = 'whole' order by seq desc limit 2) s),
        (select case when p.history = h.history then p.seq else 0 end from projection_head p, engine_head h),
        (select coalesce(min(f.seq), 9223372036854775807) from followers f)
    )
$$;

-- Notes that everything in the partition is in its segments, which were read back and verified. Nothing is dropped that
-- was not noted.
create function note_journal_partition_exported(p_lower int8, p_segment text, p_sha256 bytea, p_last_chain bytea)
returns void language sql security definer set search_path = public, pg_temp as $$
    update journal_partitions set segment = p_segment, segment_sha256 = p_sha256, last_chain = p_last_chain
        where lower = p_lower and dropped_at is null
$$;

-- Drops a partition that was exported and that nobody needs; gives whether it did. Commits wait behind it, so it waits
-- for a lock only for a moment, and is called again later.
create function drop_journal_partition(p_lower int8) returns bool
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    part journal_partitions;
begin
    perform set_config('lock_timeout', '100ms', true);
    perform pg_advisory_xact_lock(491001);
    select * into part from journal_partitions p where p.lower = p_lower and p.dropped_at is null;
    if not found or part.segment_sha256 is null or part.upper > journal_needed_from() then
        return false;
    end if;
    execute format('drop table %I', part.name);
    update journal_partitions set dropped_at = now() where lower = p_lower;
    return true;
end $$;
