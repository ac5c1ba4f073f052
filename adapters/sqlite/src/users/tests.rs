//! The contract suite on the file, and what is the file's own: opening, refusing, surviving, copying.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use emporion_model::event::Bucket;
use emporion_model::{Amount, Interval, Price, Quantity, SymbolId, TimeUs, TradeId};
use emporion_ports::imported::{ImportedKlines, KlineImport};
use emporion_ports::users::{
    Actor, NewUser, PasswordHash, Payload, SignUp, Stamp, StoreResult, UserName, UserStore, check_audit,
};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{SqliteUserStore, backup};
use crate::Durability;

emporion_ports::user_store_contract!(fresh);

mod imported_klines {
    use super::fresh;

    emporion_ports::imported_klines_contract!(fresh);
}

async fn fresh() -> (TempDir, SqliteUserStore) {
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("users.db")).unwrap();
    (folder, store)
}

fn open(path: &Path) -> StoreResult<SqliteUserStore> {
    SqliteUserStore::open(path, Durability::Ephemeral)
}

async fn sign_up(store: &SqliteUserStore, name: &str) -> SignUp {
    let name = UserName::parse(name).unwrap();
    let new = NewUser { name, password_hash: PasswordHash("$argon2id$".to_owned()) };
    let stamp = Stamp { at: TimeUs(1), actor: Actor::Anonymous, from: None };
    store.sign_up(&new, &Payload(vec![1]), &stamp).await.unwrap()
}

fn refusal(path: &Path) -> String {
    open(path).err().expect("the file is refused").to_string()
}

/// A closed file with one person in it.
async fn file_with_ann(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("users.db");
    sign_up(&open(&path).unwrap(), "ann").await;
    path
}

#[tokio::test]
async fn a_durable_file_remembers_everything() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("users.db");
    let reopen = || SqliteUserStore::open(&path, Durability::Durable).unwrap();
    assert!(matches!(sign_up(&reopen(), "ann").await, SignUp::Created(_)));
    let store = reopen();
    assert_eq!(sign_up(&store, "ann").await, SignUp::NameTaken);
    assert_eq!(store.outbox_head().await.unwrap().last_n, 1);
    assert_eq!(check_audit(&store).await.unwrap(), Ok(2));
}

#[tokio::test]
async fn durability_is_what_was_asked_for() {
    let folder = TempDir::new().unwrap();
    for (durability, synchronous) in [(Durability::Durable, 2), (Durability::Ephemeral, 0)] {
        let store = SqliteUserStore::open(&folder.path().join("users.db"), durability).unwrap();
        let read = |db: &Connection| {
            let synchronous: i64 = db.query_row("pragma synchronous", [], |row| row.get(0))?;
            let journal: String = db.query_row("pragma journal_mode", [], |row| row.get(0))?;
            Ok((synchronous, journal))
        };
        assert_eq!(store.connections.write(read).await.unwrap(), (synchronous, "wal".to_owned()));
    }
}

#[tokio::test]
async fn a_newer_incompatible_schema_is_refused_untouched() {
    let folder = TempDir::new().unwrap();
    let path = file_with_ann(&folder).await;
    Connection::open(&path).unwrap().execute_batch("update schema set version = 9, compatible_from = 8").unwrap();
    let before = fs::read(&path).unwrap();
    let expected = "users.db has schema 9, which needs a build that knows schema 8; this build knows schema 2: use a \
                    newer build";
    assert_eq!(refusal(&path), expected);
    assert_eq!(backup(&path, &folder.path().join("copy.db")).unwrap_err().to_string(), expected);
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(!folder.path().join("copy.db").exists());
}

#[tokio::test]
async fn what_is_no_database_is_refused_in_a_sentence() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("users.db");
    fs::write(&path, "this is a text and no database at all, and long enough to have a header").unwrap();
    assert_eq!(refusal(&path), "users.db is damaged: file is not a database");

    let nowhere = folder.path().join("no/such/folder/users.db");
    assert!(refusal(&nowhere).starts_with(&format!("{} cannot be opened: ", nowhere.display())));
}

#[tokio::test]
async fn a_damaged_page_is_found_at_start() {
    let folder = TempDir::new().unwrap();
    let path = file_with_ann(&folder).await;
    let mut bytes = fs::read(&path).unwrap();
    let page_bytes = 4096;
    bytes.chunks_mut(page_bytes).next_back().unwrap()[..8].fill(0x55);
    fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
    let sentence = refusal(&path);
    assert!(sentence.starts_with("users.db is damaged (") && sentence.ends_with("restore a backup"), "{sentence}");
    assert!(!sentence.contains('\n'), "{sentence}");
}

#[tokio::test]
async fn a_changed_audit_row_is_found_and_the_trail_is_append_only() {
    let folder = TempDir::new().unwrap();
    let path = file_with_ann(&folder).await;
    let database = Connection::open(&path).unwrap();
    for change in ["delete from audit", "update audit set actor = 'operator'"] {
        let refused = database.execute_batch(change).unwrap_err().to_string();
        assert_eq!(refused, "the audit trail is append-only");
    }
    database.execute_batch("drop trigger audit_rows_do_not_change; update audit set actor = 'operator'").unwrap();
    assert_eq!(check_audit(&open(&path).unwrap()).await.unwrap(), Err(1));
}

#[tokio::test]
async fn a_backup_is_the_live_state_at_one_moment() {
    let (folder, store) = fresh().await;
    let copy = folder.path().join("copy.db");
    sign_up(&store, "ann").await;
    store.backup_into(&copy).await.unwrap();
    sign_up(&store, "bob").await;

    let restored = open(&copy).unwrap();
    assert_eq!(restored.outbox_head().await.unwrap().last_n, 1);
    assert_eq!(check_audit(&restored).await.unwrap(), Ok(1));
    assert_eq!(sign_up(&restored, "ann").await, SignUp::NameTaken);
    assert!(matches!(sign_up(&restored, "bob").await, SignUp::Created(_)));
}

#[tokio::test]
async fn a_backup_overwrites_nothing_and_leaves_no_half_copy() {
    let (folder, store) = fresh().await;
    let taken = folder.path().join("taken.db");
    fs::write(&taken, "precious").unwrap();
    let refused = store.backup_into(&taken).await.unwrap_err().to_string();
    assert!(refused.ends_with("taken.db exists already; a backup overwrites nothing"), "{refused}");
    assert_eq!(fs::read(&taken).unwrap(), b"precious");
    assert!(store.backup_into(&folder.path().join("no/folder.db")).await.is_err());
}

#[tokio::test]
async fn a_failed_transaction_leaves_nothing_and_the_writer_goes_on() {
    let (_folder, store) = fresh().await;
    let failed: StoreResult<()> = store
        .connections
        .write(|db| {
            db.execute_batch("insert into outbox_head (source, last_n) values (1, 5)")?;
            Err(rusqlite::Error::InvalidQuery)
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(store.outbox_head().await.unwrap().last_n, 0);
    assert!(matches!(sign_up(&store, "ann").await, SignUp::Created(_)));
}

#[tokio::test]
async fn a_disk_error_is_the_last_write() {
    let (_folder, store) = fresh().await;
    let disk_error =
        || rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC), None);
    let failed: StoreResult<()> = store.connections.write(move |_| Err(disk_error())).await;
    assert!(failed.is_err());
    let refused = store.connections.write(|_| Ok(())).await.unwrap_err().to_string();
    assert_eq!(refused, "users.db failed: Error code 1034: disk I/O error");
    assert_eq!(store.outbox_head().await.unwrap().last_n, 0);
}

/// One kline of one second and one of a month.
async fn import(store: &SqliteUserStore) {
    for interval in [Interval::Second1, Interval::Month1] {
        let kline = Bucket {
            symbol: SymbolId(7),
            second: 1_483_228_800,
            open: Price(9),
            high: Price(9),
            low: Price(9),
            close: Price(9),
            last_quantity: Quantity(0),
            last_time: TimeUs(0),
            base: Amount(1),
            quote: Amount(1),
            taker_buy_base: Amount(1),
            taker_buy_quote: Amount(1),
            trades: 1,
            first_trade_id: TradeId(0),
            last_trade_id: TradeId(0),
        };
        let source = "file.csv".to_owned();
        let import = KlineImport { symbol: SymbolId(7), interval, source, klines: vec![kline], at: TimeUs(1) };
        store.import(import).await.unwrap();
    }
}

#[tokio::test]
async fn imported_klines_outlive_a_restart_and_are_in_a_backup() {
    let (folder, store) = fresh().await;
    import(&store).await;
    let copy = folder.path().join("copy.db");
    store.backup_into(&copy).await.unwrap();
    let ranges = store.ranges().await.unwrap();
    assert_eq!(ranges.len(), 2);
    drop(store);
    for path in [folder.path().join("users.db"), copy] {
        let opened = open(&path).unwrap();
        assert_eq!(opened.ranges().await.unwrap(), ranges);
        assert_eq!(opened.intervals(SymbolId(7)).await.unwrap(), [Interval::Second1, Interval::Month1]);
        assert_eq!(opened.intervals(SymbolId(6)).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_file_without_the_table_gets_it() {
    let folder = TempDir::new().unwrap();
    let path = file_with_ann(&folder).await;
    let old = "drop table imported_klines; update schema set version = 1, compatible_from = 1";
    Connection::open(&path).unwrap().execute_batch(old).unwrap();
    let store = open(&path).unwrap();
    import(&store).await;
    assert_eq!(store.ranges().await.unwrap().len(), 2);
    assert_eq!(sign_up(&store, "ann").await, SignUp::NameTaken);
}
