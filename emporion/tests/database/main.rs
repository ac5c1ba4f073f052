//! What a process of the venue as services says of a database that it cannot use, and that it then ends.
#![allow(clippy::unwrap_used)]

#[path = "../e2e/support.rs"]
#[expect(dead_code, reason = "it holds what the tests of one process need, too")]
mod support;

use emporion_cluster::certificates;
use emporion_cluster::parts::{MiniStack, Postgres as Server, Redis, free_port};
use emporion_model::journal::BatchBuilder;
use emporion_model::{Action, Command, Origin, TimeUs};
use emporion_ports::store::Journal;
use emporion_postgres::{Postgres, PostgresOptions, migrate};
use emporion_sqs::{NewQueue, SqsOptions, create_queue};
use std::fs;
use std::path::{Path, PathBuf};
use support::refused;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A folder with certificates and configs of sequencers.
struct Process {
    folder: TempDir,
    redis: String,
    queue: String,
    sqs: String,
}

impl Process {
    /// Without other parts than a database: whoever cannot use that gets no further.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificates::make(&folder.path().join("certificates"), &["sequencer"]).unwrap();
        let nowhere = "127.0.0.1:9";
        Self {
            folder,
            redis: format!("redis://{nowhere}"),
            queue: format!("http://{nowhere}/000000000000/orders.fifo"),
            sqs: format!("http://{nowhere}"),
        }
    }

    /// Checks that a sequencer with this database ends with these words.
    #[track_caller]
    fn check(&self, url: &str, durability: &str, sentence: &str) {
        let certificates = self.folder.path().join("certificates");
        let config = self.folder.path().join("emporion.toml");
        let text = format!(
            "role = \"sequencer\"\nlisten = \"127.0.0.1:0\"\ndata_dir = \"{data}\"\n\n\
             [store]\nurl = \"{url}\"\ndurability = \"{durability}\"\n\n[redis]\nurl = \"{redis}\"\n\n\
             [sqs]\nurl = \"{queue}\"\nendpoint = \"{sqs}\"\nregion = \"us-east-1\"\naccess_key = \"test\"\n\
             secret_key = \"test\"\n\n[internal]\nlisten = \"127.0.0.1:0\"\nca = \"{ca}/ca.pem\"\n\
             certificate = \"{ca}/sequencer.pem\"\nkey = \"{ca}/sequencer.key\"\nvenue_keys = [\"1:{key}\"]\n",
            data = self.folder.path().join("data").display(),
            redis = self.redis,
            queue = self.queue,
            sqs = self.sqs,
            ca = certificates.display(),
            key = "5a".repeat(32),
        );
        fs::write(&config, text).unwrap();
        refused(&["serve", "--config", config.to_str().unwrap()], 1, sentence);
    }
}

#[test]
fn a_database_that_cannot_be_used_is_told_and_the_process_ends() {
    let (server, process, runtime) = (Server::get().unwrap(), Process::new(), Runtime::new().unwrap());
    let url = server.database().unwrap();
    let name = url.rsplit('/').next().unwrap();
    process.check(&format!("postgres://u:secret@127.0.0.1:{}/d", free_port().unwrap()), "single", "cannot be reached");
    process.check(&url.replace("postgres@", "nobody:secret@"), "single", "does not accept the user of the URL");
    process.check(&format!("{url}_none"), "single", "the database of the URL is not there");
    process.check(&url, "single", "run `emporion migrate`");
    runtime.block_on(migrate(&url)).unwrap();
    process.check(&url, "streaming", "synchronous_standby_names");
    server.sql(name, "insert into schema_migrations values (900, 'later', '', now(), 900)").unwrap();
    process.check(&url, "single", "use a newer release");
    server.sql(name, "delete from schema_migrations where version = 900").unwrap();
    server.sql(name, &format!("alter database {name} set default_transaction_read_only = on")).unwrap();
    process.check(&url, "single", "read-only");
}

#[test]
fn a_database_that_asks_for_a_client_certificate_is_told() {
    let (server, process, runtime) = (Server::start().unwrap(), Process::new(), Runtime::new().unwrap());
    let url = server.database().unwrap();
    runtime.block_on(migrate(&url)).unwrap();
    let certificates = process.folder.path().join("certificates");
    certificates::make(&certificates, &["sequencer", "database"]).unwrap();
    let sql = |statement: &str| server.sql("postgres", statement).unwrap();
    let data = PathBuf::from(sql("show data_directory"));
    for (setting, file) in
        [("ssl_ca_file", "ca.pem"), ("ssl_cert_file", "database.pem"), ("ssl_key_file", "database.key")]
    {
        give(&data.join(file), &fs::read(certificates.join(file)).unwrap(), &server);
        sql(&format!("alter system set {setting} = '{file}'"));
    }
    sql("alter system set ssl = on");
    let hba = data.join("pg_hba.conf");
    let rules = fs::read_to_string(&hba).unwrap();
    fs::write(&hba, format!("hostssl all all 127.0.0.1/32 trust clientcert=verify-ca\n{rules}")).unwrap();
    sql("select pg_reload_conf()");
    // The server reads its files again when it comes to it.
    while runtime.block_on(Postgres::open(PostgresOptions::new(format!("{url}?sslmode=disable")))).is_ok()
        && server.sql("postgres", "select 1 from pg_hba_file_rules where options is not null").unwrap().is_empty()
    {}
    let mut refusal = None;
    for _ in 0..600 {
        refusal = runtime.block_on(Postgres::open(PostgresOptions::new(format!("{url}?sslmode=require")))).err();
        if refusal.as_ref().is_some_and(|error| error.to_string().contains("client certificate")) {
            break;
        }
    }
    process.check(&format!("{url}?sslmode=require"), "single", "client certificate");
    assert!(refusal.is_some());
}

/// Writes a file that belongs to the server's user, as it must, and that nobody else may read.
fn give(path: &Path, bytes: &[u8], server: &Server) {
    server.sql("postgres", &format!("copy (select 1) to '{}'", path.display())).unwrap();
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// It neither leads nor waits to: it knows nothing of what stands there.
#[test]
fn a_sequencer_on_a_journal_under_newer_rules_ends() {
    let (server, redis, emulator) = (Server::get().unwrap(), Redis::get().unwrap(), MiniStack::get().unwrap());
    let url = server.database().unwrap();
    let name = url.rsplit('/').next().unwrap();
    let runtime = Runtime::new().unwrap();
    let newer = emporion_engine::RULES_VERSIONS.end() + 1;
    let queue = runtime.block_on(async {
        migrate(&url).await.unwrap();
        let journal = Postgres::open(PostgresOptions::new(url.clone())).await.unwrap().journal();
        let mut batch = BatchBuilder::default();
        batch.push(&Command { origin: Origin::Sequencer, action: Action::Tick }, &[]);
        let row = batch.seal(&journal.take_over().await.unwrap(), TimeUs(1), newer);
        journal.commit(row.into()).await.unwrap();
        let options = SqsOptions::emulator(emulator.endpoint(), emulator.endpoint());
        create_queue(&options, &NewQueue::new(&format!("newer-{}.fifo", std::process::id()))).await.unwrap()
    });
    let head = || server.sql(name, "select epoch, seq, rules_version from engine_head").unwrap();
    let before = head();
    let redis = format!("redis://{}", redis.server().unwrap());
    let process = Process { redis, queue, sqs: emulator.endpoint().to_owned(), ..Process::new() };
    process.check(&url, "single", &format!("the journal is under rules {newer}, which this build does not know"));
    assert_eq!(head(), before, "the lead was not taken");
}
