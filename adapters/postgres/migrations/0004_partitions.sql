-- Makes the weeks of the partitioned tables from now until ahead_us later, and the weeks of what lies in the rest; drops
-- the weeks that ended keep_us ago (null: never). Now is the engine time of the tables. Weeks begin on Thursdays, as
-- 1970 did. Gives how many partitions were dropped. Runs as the owner of the tables, because only an owner may.
create function keep_table_partitions(ahead_us int8, keep_us int8) returns int8
language plpgsql security definer as $$
declare
    week constant int8 := 604800000000;
    now_us int8;
    kept_from int8;
    of record;
    part record;
    first int8;
    name text;
    dropped int8 := 0;
begin
    -- Neither behind readers nor before them for long: who calls tries again.
    perform set_config('lock_timeout', '1s', true);
    select time into strict now_us from projection_head;
    if keep_us is not null then
        update tables_kept_from set time = greatest(time, (now_us - keep_us) / week * week);
    end if;
    select time into strict kept_from from tables_kept_from;
    for of in
        select * from (values ('closed_orders', 'updated_at'), ('trades', 'time'), ('prevented_matches', 'time'))
            as t (name, key)
    loop
        for part in
            select c.oid::regclass as name,
                substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \(''(-?\d+)''\)')::int8 as until
            from pg_inherits i join pg_class c on c.oid = i.inhrelid
            where i.inhparent = of.name::regclass
        loop
            if part.until <= kept_from then
                execute format('drop table %s', part.name);
                dropped := dropped + 1;
            end if;
        end loop;
        execute format('delete from %I where %I < $1', of.name || '_rest', of.key) using kept_from;
        for first in execute format(
            'select generate_series($1 / $3 * $3, $2, $3) union select distinct %I / $3 * $3 from %I order by 1',
            of.key, of.name || '_rest'
        ) using greatest(now_us, kept_from), now_us + ahead_us, week loop
            name := of.name || to_char(to_timestamp(first / 1000000) at time zone 'utc', '_YYYYMMDD');
            continue when to_regclass(name) is not null;
            execute format('create table %I (like %I including all)', name, of.name);
            execute format(
                'with moved as (delete from %I where %I >= %s and %I < %s returning *) insert into %I select * from moved',
                of.name || '_rest', of.key, first, of.key, first + week, name
            );
            execute format(
                'alter table %I attach partition %I for values from (%s) to (%s)', of.name, name, first, first + week
            );
        end loop;
    end loop;
    return dropped;
end
$$;

-- Whoever may call it must not be able to put tables of his own in the place of these.
do $$
begin
    execute format('alter function keep_table_partitions(int8, int8) set search_path = %I, pg_temp', current_schema());
end
$$;

revoke all on function keep_table_partitions(int8, int8) from public;
