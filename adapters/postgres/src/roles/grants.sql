-- What each role may do with the schema as this build leaves it: first nothing, then what follows. To be run as the
-- owner, in one transaction. Partitions need no grants: they are reached through their tables, and made and dropped by
-- functions that run as the owner.

do $$
declare
    found record;
begin
    for found in
        select c.oid::regclass as name from pg_class c
            where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'S') and not c.relispartition
    loop
        execute format('revoke all on %s from public, emporion_sequencer, emporion_user, emporion_order,
            emporion_market_data', found.name);
    end loop;
    for found in select p.oid::regprocedure as name from pg_proc p where p.pronamespace = 'public'::regnamespace loop
        execute format('revoke all on function %s from public, emporion_sequencer, emporion_user, emporion_order,
            emporion_market_data', found.name);
    end loop;
end $$;

grant usage on schema public to emporion_sequencer, emporion_user, emporion_order, emporion_market_data;

-- Everybody: whether the schema is right, what is committed, who leads, and the tables that follow the journal. The user
-- service folds market data for operators.
grant select on schema_migrations, engine_head, journal, lease, projection_head, tables_kept_from, venue, assets,
    symbols, accounts, balances, order_counts, open_orders, closed_orders, trades, prevented_matches, transfers, klines,
    imported_klines
    to emporion_sequencer, emporion_user, emporion_order, emporion_market_data;

-- The sequencer: the journal only grows. A row that is there is never changed or removed by it.
grant insert on journal to emporion_sequencer;
grant update on engine_head to emporion_sequencer;
grant insert, update on lease to emporion_sequencer;
grant select, insert, update, delete on followers, snapshots, snapshot_chunks to emporion_sequencer;
grant update on projection_head, venue to emporion_sequencer;
grant insert, update, delete, truncate on assets, symbols, accounts, balances, order_counts, open_orders,
    closed_orders, trades, prevented_matches, transfers, klines to emporion_sequencer;
grant select on journal_partitioning, journal_partitions to emporion_sequencer;
grant execute on function check_durable(bool), take_over(text, bool, int8), ensure_journal_partitions(int8),
    commit_batch(int8, int8, int8, int8, int8, int4, bytea, bytea, bytea, bool), keep_table_partitions(int8, int8)
    to emporion_sequencer;

-- People: the audit trail only grows.
grant select, insert, update, delete on users, user_networks, sessions, outbox, account_links, api_keys,
    master_key_proofs, deposits to emporion_user;
grant select, update on outbox_head, audit_head to emporion_user;
grant select, insert on audit to emporion_user;
grant insert, update on imported_klines to emporion_user;

-- Retention is the sequencer's: it exports what it may read, and drops what the functions find exported and unneeded.
grant select, insert on journal_segments to emporion_sequencer;
grant execute on function journal_needed_from(), note_journal_partition_exported(int8, text, bytea, bytea),
    drop_journal_partition(int8) to emporion_sequencer;
