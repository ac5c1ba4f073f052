//! Each database user does what its processes do, as the contracts of the ports have it, and is refused the rest.

use std::sync::Arc;

use async_trait::async_trait;
use emporion_cluster::parts::Postgres as Server;
use emporion_model::journal::Head;
use emporion_model::{AccountId, Seq, SymbolId, TimeUs};
use emporion_ports::committed::CommittedHead;
use emporion_ports::contract;
use emporion_ports::contract::leases::LeasesUnderTest;
use emporion_ports::contract::store::StoreUnderTest;
use emporion_ports::imported::ImportedKlines;
use emporion_ports::leases::Leases;
use emporion_ports::store::{Journal, Snapshots, StoreError};
use emporion_ports::tables::{
    AccountQueries, ListRange, OrderQueries, Projection, Queries, Tables, TradeQueries, VenueQueries,
};
use emporion_ports::users::check_audit;
use tokio_postgres::error::SqlState;

use super::{RolePasswords, create_roles};
use crate::connect::connect;
use crate::{Postgres, PostgresOptions, PostgresUsers, migrate};

const ROLES: [&str; 4] = ["emporion_sequencer", "emporion_user", "emporion_order", "emporion_market_data"];

/// A server of one's own: users belong to the whole of it.
pub(crate) async fn server() -> Arc<Server> {
    Arc::new(tokio::task::spawn_blocking(|| Server::start().unwrap()).await.unwrap())
}

fn passwords() -> RolePasswords {
    let of = |role: &str| format!("the-password-of-{role}");
    RolePasswords {
        owner: of("owner"),
        sequencer: of("sequencer"),
        user: of("user"),
        order: of("order"),
        market_data: of("market_data"),
    }
}

/// A database whose schema the owner made.
pub(crate) struct Database {
    server: Arc<Server>,
    url: String,
}

impl Database {
    pub(crate) async fn make(server: &Arc<Server>) -> Self {
        let database = Self::empty(server);
        create_roles(&database.url, &passwords()).await.unwrap();
        migrate(&database.of("emporion_owner")).await.unwrap();
        database
    }

    fn empty(server: &Arc<Server>) -> Self {
        Self { server: Arc::clone(server), url: server.database().unwrap() }
    }

    fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap()
    }

    pub(crate) fn sql(&self, statement: &str) -> String {
        self.server.sql(self.name(), statement).unwrap()
    }

    pub(crate) fn of(&self, role: &str) -> String {
        let password = role.replace("emporion_", "the-password-of-");
        self.url.replace("postgres@", &format!("{role}:{password}@"))
    }

    pub(crate) fn options(&self, role: &str) -> PostgresOptions {
        PostgresOptions { connections_max: 4, ..PostgresOptions::new(self.of(role)) }
    }

    pub(crate) async fn open(&self, role: &str) -> Postgres {
        Postgres::open(self.options(role)).await.unwrap()
    }

    /// What the server says to the statement: its error's code.
    async fn code(&self, role: &str, statement: &str) -> Option<SqlState> {
        let connection = connect(&self.of(role), "test", "").await.unwrap();
        let refused = connection.client.batch_execute(&format!("begin; {statement}; rollback")).await.err();
        refused.map(|error| error.code().unwrap_or_else(|| panic!("{role}: {statement}: {error}")).clone())
    }

    async fn check_refused(&self, role: &str, statement: &str) {
        let code = self.code(role, statement).await;
        assert_eq!(code, Some(SqlState::INSUFFICIENT_PRIVILEGE), "{role}: {statement}");
    }
}

/// What a sequencer's process has.
struct Sequencer {
    database: Database,
    postgres: Postgres,
    tables: Arc<crate::PgTables>,
}

impl Sequencer {
    async fn open(server: &Arc<Server>) -> Self {
        let database = Database::make(server).await;
        let postgres = database.open("emporion_sequencer").await;
        Self { tables: postgres.tables(), postgres, database }
    }
}

#[async_trait]
impl StoreUnderTest for Sequencer {
    fn journal(&self) -> Arc<dyn Journal> {
        self.postgres.journal()
    }

    fn snapshots(&self) -> Arc<dyn Snapshots> {
        self.postgres.snapshots()
    }

    fn tables(&self) -> Arc<dyn Tables> {
        self.tables.clone()
    }

    fn queries(&self) -> Arc<dyn Queries> {
        self.tables.clone()
    }

    async fn crash_and_reopen(&mut self) {
        self.postgres = self.database.open("emporion_sequencer").await;
        self.tables = self.postgres.tables();
    }

    async fn damage_snapshot(&self, seq: Seq) {
        self.database.sql(&format!(
            "update snapshot_chunks set bytes = set_byte(bytes, 500, get_byte(bytes, 500) # 16)
                where snapshot = (select id from snapshots where seq = {seq})"
        ));
    }
}

impl LeasesUnderTest for Sequencer {
    fn leases(&self) -> Arc<dyn Leases> {
        self.postgres.leases()
    }

    fn journal(&self) -> Arc<dyn Journal> {
        self.postgres.journal()
    }

    fn head(&self) -> Arc<dyn CommittedHead> {
        self.postgres.head()
    }
}

macro_rules! check_each {
    ($server:ident, $($case:path),+ $(,)?) => {
        $($case(&mut Sequencer::open(&$server).await).await;)+
    };
}

#[tokio::test]
async fn the_sequencer_commits_projects_and_keeps_snapshots() {
    use contract::store::*;
    let server = server().await;
    check_each!(
        server,
        a_commit_moves_the_head_and_keeps_the_row,
        a_takeover_fences_the_epoch_before,
        what_was_committed_outlives_a_crash,
        the_newest_snapshots_are_kept,
        a_damaged_snapshot_is_noticed_and_set_aside,
        every_row_comes_back_as_it_was_written,
        a_change_changes_what_it_names,
        cleared_tables_begin_again,
    );
    contract::leases::a_later_epoch_keeps_its_lease(&Sequencer::open(&server).await).await;
    let sequencer = Sequencer::open(&server).await;
    contract::leases::positions_never_move_back(&sequencer).await;
    assert_eq!(sequencer.tables.keep_partitions(None).await, Ok(0));
    let weeks = "select count(*) from pg_inherits where inhparent = 'trades'::regclass";
    assert!(sequencer.database.sql(weeks).parse::<u32>().unwrap() > 1);
    drop(sequencer.tables.scratch(&sequencer.tables).await.unwrap());
}

/// What a writer does of a commit in doubt, and of a partition that is not there.
#[tokio::test]
async fn the_sequencer_resolves_what_is_in_doubt() {
    let database = Database::make(&server().await).await;
    let role = "emporion_sequencer";
    for statement in [
        "select * from engine_head where id = 1 for update",
        "select pg_logical_emit_message(true, 'emporion', 'barrier')",
        "select pg_terminate_backend(pid) from unnest(pg_blocking_pids(pg_backend_pid())) as pid",
        "select ensure_journal_partitions(30000000)",
    ] {
        assert_eq!(database.code(role, statement).await, None, "{statement}");
    }
    let journal = database.open(role).await.journal();
    let old = connect(&database.of(role), "old", "").await.unwrap();
    let hold = "begin; set local idle_in_transaction_session_timeout = 0; select from engine_head for update";
    old.client.batch_execute(hold).await.unwrap();
    let head = journal.take_over().await.unwrap();
    assert_eq!(Head { epoch: head.epoch, ..Head::default() }, head);
}

#[tokio::test]
async fn the_user_service_keeps_people() {
    use contract::users::*;
    let server = server().await;
    macro_rules! check_users {
        ($($case:path),+ $(,)?) => {
            $(
                let database = Database::make(&server).await;
                let (postgres, options) = (database.open("emporion_user").await, database.options("emporion_user"));
                let store = PostgresUsers::new(&postgres, options);
                $case(&store).await;
                assert!(check_audit(&store).await.unwrap().is_ok());
            )+
        };
    }
    check_users!(
        a_person_signs_up_once,
        a_password_is_swapped_and_closes_the_sessions,
        sessions_beyond_the_limit_close_the_least_used,
        old_sessions_are_pruned,
        networks_of_log_ins_are_remembered,
        a_key_is_revoked_by_its_owner_only,
        master_key_proofs_are_kept,
        an_opened_account_sends_its_deposits,
        an_answer_is_recorded_once,
        only_old_answered_rows_are_pruned,
        the_turn_to_send_is_given_and_given_back,
        contract::imported::a_kline_with_the_same_start_is_replaced,
    );
}

#[tokio::test]
async fn every_role_reads_what_its_requests_need() {
    let database = Database::make(&server().await).await;
    for role in ROLES {
        let postgres = database.open(role).await;
        let (journal, tables) = (postgres.journal(), postgres.tables());
        assert_eq!(journal.rows_after(Seq::ZERO, 1).await, Ok(Vec::new()), "{role}");
        assert_eq!(journal.first_seq().await, Ok(None), "{role}");
        assert_eq!(journal.head().await.unwrap(), Head::default(), "{role}");
        assert_eq!(postgres.head().committed().await.unwrap().time, TimeUs(0), "{role}");
        assert_eq!(postgres.leases().lease().await, Ok(None), "{role}");
        assert_eq!(tables.venue().await.unwrap().value, None, "{role}");
        assert!(tables.book_snapshots().await.is_ok(), "{role}");
        assert!(tables.balances(AccountId(1)).await.unwrap().value.is_empty(), "{role}");
        assert!(tables.order_counts(AccountId(1)).await.is_ok(), "{role}");
        assert!(tables.open_orders(AccountId(1), Some(SymbolId(1))).await.is_ok(), "{role}");
        assert!(tables.trades(SymbolId(1), ListRange::Times { start: None, end: None }, 5).await.is_ok(), "{role}");
        assert!(tables.digests().await.is_ok(), "{role}");
        let users = PostgresUsers::new(&postgres, database.options(role));
        assert_eq!(users.intervals(SymbolId(1)).await, Ok(Vec::new()), "{role}");
    }
}

#[tokio::test]
async fn each_role_is_refused_what_is_not_its_own() {
    let database = Database::make(&server().await).await;
    let partition = database.sql("select name from journal_partitions order by lower limit 1");
    let straight_to_partition = format!("select from {partition}");
    // Nobody but the owner.
    for role in ROLES {
        for statement in [
            "update journal set payload = ''",
            "delete from journal",
            "truncate journal",
            "alter table journal disable trigger all",
            "drop table trades",
            "create table own (id int4)",
            "create function own() returns int4 language sql as 'select 1'",
            "update schema_migrations set version = 900",
            "update journal_partitioning set span_seqs = 1",
            "update journal_partitions set upper = 0",
            "delete from journal_partitions",
            "update audit set actor = ''",
            "delete from audit",
            "truncate audit",
            "alter table audit disable trigger audit_rows_stay_as_they_are",
            "create role other superuser",
            "alter role emporion_owner password null",
            "grant emporion_owner to current_user",
            "set role emporion_owner",
            "select pg_reload_conf()",
            "copy venue to program 'true'",
            &straight_to_partition,
        ] {
            database.check_refused(role, statement).await;
        }
    }
    // Nobody but the sequencer.
    for role in ["emporion_user", "emporion_order", "emporion_market_data"] {
        for statement in [
            "insert into journal values (1, 1, 0, 0, 0, 0, '', '', '')",
            "update engine_head set epoch = 9",
            "select from engine_head for update",
            "select commit_batch(0, 0, 1, 1, 1, 1, '', '', '', false)",
            "select take_over('me', false, 0)",
            "select ensure_journal_partitions(1)",
            "select keep_table_partitions(1, 1)",
            "insert into lease values (1, '', 9, '', 9, true)",
            "update lease set released = true",
            "insert into followers values ('me', 1)",
            "select from followers",
            "select from snapshots",
            "select from snapshot_chunks",
            "delete from snapshots",
            "update balances set free = 1000",
            "insert into balances values (1, 1, 1000, 0, 0)",
            "update projection_head set seq = 0",
            "truncate trades",
            "create temporary table own (id int4)",
        ] {
            database.check_refused(role, statement).await;
        }
    }
    // Nobody but the user service.
    for role in ["emporion_sequencer", "emporion_order", "emporion_market_data"] {
        for table in
            ["users", "user_networks", "sessions", "outbox", "outbox_head", "account_links", "api_keys", "deposits"]
        {
            database.check_refused(role, &format!("select from {table}")).await;
            database.check_refused(role, &format!("delete from {table}")).await;
        }
        for statement in [
            "select from master_key_proofs",
            "select from audit",
            "insert into users (name, password_hash, state, created_us, updated_us) values ('a', '', 'active', 1, 1)",
            "insert into outbox (source, n, payload, created_us) values (1, 1, '', 1)",
            "insert into audit values (1, 1, '', '', '', '', '')",
            "delete from imported_klines",
            "insert into imported_klines default values",
        ] {
            database.check_refused(role, statement).await;
        }
    }
    database.check_refused("emporion_user", "delete from audit_head").await;
}

#[tokio::test]
async fn none_is_a_superuser_and_all_log_in_by_scram() {
    let server = server().await;
    let database = Database::make(&server).await;
    let more = "select count(*) from pg_authid where rolname like 'emporion_%' and rolcanlogin
        and rolpassword like 'SCRAM-SHA-256$%' and not (rolsuper or rolcreaterole or rolcreatedb or rolreplication
            or rolbypassrls)";
    assert_eq!(database.sql(more), "5");
    let hba = database.sql("show hba_file");
    std::fs::write(hba, "local all all trust\nhost all postgres all trust\nhost all all all scram-sha-256\n").unwrap();
    database.sql("select pg_reload_conf()");
    let wrong = |role: &str| database.of(role).replace("the-password-of-", "another-one-for-");
    wait_until_refused(&wrong("emporion_order")).await;
    for role in ROLES {
        database.open(role).await;
        let refused = Postgres::open(PostgresOptions::new(wrong(role))).await.unwrap_err();
        let StoreError::Unusable(reason) = refused else { panic!("{refused}") };
        assert!(reason.contains("does not accept the user of the URL"), "{reason}");
        assert!(!reason.contains("another-one"), "{reason}");
    }
    // A new password is in force at once, the old one no longer.
    let changed = RolePasswords { order: "another-one-for-order".to_owned(), ..passwords() };
    create_roles(&database.url, &changed).await.unwrap();
    assert!(Postgres::open(database.options("emporion_order")).await.is_err());
    drop(Postgres::open(PostgresOptions::new(wrong("emporion_order"))).await.unwrap());
}

/// The server reads its file again when it comes to it.
async fn wait_until_refused(url: &str) {
    for _ in 0..600 {
        if Postgres::open(PostgresOptions::new(url)).await.is_err() {
            return;
        }
    }
    panic!("the server lets everybody in")
}

/// A database that was migrated before there were roles, by one who is no superuser but made it.
#[tokio::test]
async fn an_administrator_who_is_no_superuser_hands_a_migrated_database_over() {
    let server = server().await;
    server.sql("postgres", "create role administrator login createrole").unwrap();
    server.sql("postgres", "create database bought owner administrator").unwrap();
    let url = format!("{}/bought", server.address());
    let administrator = url.replace("postgres@", "administrator@");
    migrate(&administrator).await.unwrap();
    for _ in 0..2 {
        create_roles(&administrator, &passwords()).await.unwrap();
    }
    let database = Database { server, url };
    assert_eq!(migrate(&database.of("emporion_owner")).await.unwrap(), []);
    let left = "select count(*) from pg_class where relnamespace = 'public'::regnamespace
        and relowner <> 'emporion_owner'::regrole";
    assert_eq!(database.sql(left), "0");
    database.open("emporion_sequencer").await.journal().take_over().await.unwrap();
    database.check_refused("emporion_order", "update engine_head set epoch = 9").await;
}

/// What a grant by hand has loosened, the next migration tightens, and what is missing it gives.
#[tokio::test]
async fn every_migration_grants_again() {
    let database = Database::make(&server().await).await;
    database.sql(
        "grant all on balances, users to public; grant all on function take_over(text, bool, int8) to emporion_order;
        revoke select on lease from emporion_order",
    );
    assert_eq!(migrate(&database.of("emporion_owner")).await.unwrap(), []);
    database.check_refused("emporion_order", "update balances set free = 1").await;
    database.check_refused("emporion_order", "select from users").await;
    database.check_refused("emporion_order", "select take_over('me', false, 0)").await;
    assert_eq!(database.open("emporion_order").await.leases().lease().await, Ok(None));
}

#[tokio::test]
async fn what_cannot_be_made_is_named() {
    let server = server().await;
    let database = Database::empty(&server);
    let check = async |passwords: RolePasswords, text: &str| {
        let refused = create_roles(&database.url, &passwords).await.unwrap_err().to_string();
        assert!(refused.contains(text), "{refused}");
    };
    check(RolePasswords { user: "short".to_owned(), ..passwords() }, "user emporion_user cannot be used: it has 5")
        .await;
    server.sql("postgres", "create role emporion_order superuser").unwrap();
    check(passwords(), "emporion_order is there already and may do more").await;
    assert_eq!(database.sql("select count(*) from pg_roles where rolname like 'emporion_%'"), "1");
    server.sql("postgres", "drop role emporion_order; create role nobody login").unwrap();
    let nobody = database.url.replace("postgres@", "nobody@");
    let refused = create_roles(&nobody, &passwords()).await.unwrap_err().to_string();
    assert!(refused.contains("may not do"), "{refused}");
}
