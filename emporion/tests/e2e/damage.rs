//! Files that are not what was written: found at the start or by an audit, told in a sentence, and left as they
//! are.

use crate::support::{Folder, Trader, Venue, emporion, refused, run, stderr};
use rusqlite::Connection;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

/// Flipped bits in each file.
const FLIPS: usize = 8;
const ORDERS: usize = 40;

/// A venue that traded and was stopped, and what it must show after that.
struct Traded {
    folder: Folder,
    trader: Trader,
    report: Value,
}

fn traded() -> Traded {
    let folder = Folder::new();
    let config = folder.write("emporion.toml", "[snapshots]\nevery_commands = 1000\n[limits]\nprofile = \"off\"\n");
    let venue = Venue::start_with(&folder, &["--data-dir", &folder.data(), "--config", &config]);
    let trader = Trader::open(&folder, "a", &["USDT=1000000"]);
    for price in 0..ORDERS {
        trader.limit(&venue, "BUY", "0.01", &(20_000 + price).to_string());
    }
    venue.stop();
    let report = folder.audit();
    Traded { folder, trader, report }
}

/// Flips a bit of the byte at `place`.
fn flip(path: &Path, place: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[place] ^= 1 << (place % 8);
    fs::write(path, bytes).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_folder(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// The contents of all files of a folder that hold what must not be lost.
fn contents(folder: &Folder) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder.path("data")).unwrap().map(|entry| entry.unwrap().path());
    let kept = entries.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.contains(".db") && !name.ends_with("-shm")
    });
    kept.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// A venue with one flipped bit shows what it showed before, or is refused and left as it is.
fn check_flip(traded: &Traded, file: &str, place: usize) {
    let folder = Folder::new();
    copy_folder(&traded.folder.path("data"), &folder.path("data"));
    flip(&folder.path("data").join(file), place);
    let before = contents(&folder);
    let about = format!("byte {place} of {file}");
    let audit = run(&["audit", "--json", "--data-dir", &folder.data()]);
    let audited = check_audit(&audit, traded, &about);
    match serve(&folder, &about) {
        Served::Refused => {
            assert_eq!(contents(&folder), before, "{about}: something was overwritten");
            assert!(!audited || file.starts_with("users"), "{about}: an audit found nothing, but a start was refused");
        }
        Served::Answers(venue) => {
            let open = traded.trader.send(&venue, "GET", "/api/v3/openOrders", &[]);
            // A damaged secret or key is a key that does not work; never one that sees something else.
            let is_whole = open.1.as_array().is_some_and(|orders| orders.len() == ORDERS);
            assert!(is_whole || (file.starts_with("users") && open.0 >= 400), "{about}: {open:?}");
            venue.stop();
            folder.audit();
        }
    }
}

/// Whether an audit found nothing. What it did not find is what was there before; what it found is a sentence.
fn check_audit(audit: &Output, traded: &Traded, about: &str) -> bool {
    if audit.status.success() {
        let report: Value = serde_json::from_slice(&audit.stdout).unwrap();
        assert_eq!(report["stateHash"], traded.report["stateHash"], "{about}: an audit took another state for whole");
        return true;
    }
    let stderr = stderr(audit);
    assert!(stderr.lines().last().unwrap().starts_with("emporion: "), "{about}: {stderr}");
    assert!(matches!(audit.status.code(), Some(1 | 3)), "{about}: {stderr}");
    false
}

enum Served {
    Refused,
    Answers(Venue),
}

/// Starts the venue if it can be started.
fn serve(folder: &Folder, about: &str) -> Served {
    let data = folder.data();
    match Venue::try_start(folder, &["--data-dir", &data, "--rate-limits", "off"]) {
        Ok(venue) => Served::Answers(venue),
        Err((exit, log)) => {
            let last = log.lines().last().unwrap_or_default();
            assert!(last.starts_with("emporion: ") && exit == Some(1), "{about}: {exit:?} {log}");
            Served::Refused
        }
    }
}

fn check_flips(file: &str) {
    let traded = traded();
    let length = fs::metadata(traded.folder.path("data").join(file)).unwrap().len() as usize;
    for number in 0..FLIPS {
        check_flip(&traded, file, length * (2 * number + 1) / (2 * FLIPS));
    }
}

#[test]
fn a_flipped_bit_in_the_journal_is_never_served() {
    check_flips("journal.db-wal");
}

#[test]
fn a_flipped_bit_in_the_tables_is_never_served() {
    check_flips("tables.db-wal");
}

#[test]
fn a_flipped_bit_in_the_users_opens_no_account() {
    check_flips("users.db");
}

#[test]
fn a_row_that_was_changed_by_hand_is_found() {
    let traded = traded();
    let change = |file: &str, sql: &str| {
        let folder = Folder::new();
        copy_folder(&traded.folder.path("data"), &folder.path("data"));
        let changed = Connection::open(folder.path("data").join(file)).unwrap().execute(sql, []).unwrap();
        assert!(changed > 0, "{sql}");
        folder
    };
    let audited = |folder: &Folder, sentence: &str| refused(&["audit", "--data-dir", &folder.data()], 3, sentence);
    let folder = change("journal.db", "update journal set payload = zeroblob(length(payload)) where last_seq = 20");
    audited(&folder, "the journal row of seq 20 to 20 is damaged: its chain is not that of its contents");
    refused(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &folder.data()], 1, "the journal row of seq 20 to 20");
    let folder = change("journal.db", "delete from journal where last_seq = 20");
    audited(&folder, "it does not follow the row before it");
    let folder = change("journal.db", "update engine_head set seq = seq + 1");
    audited(&folder, "the journal ends at seq ");
    let folder = change("tables.db", "update balances set free = locked");
    audited(&folder, "in the tables are not the engine's");
    let folder = change("tables.db", "update orders set placed_at = placed_at + 1");
    audited(&folder, "rows that are not the");
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let traded = traded();
    for file in ["journal.db", "tables.db", "users.db"] {
        let folder = Folder::new();
        copy_folder(&traded.folder.path("data"), &folder.path("data"));
        let sql = "update schema set version = 999, compatible_from = 999";
        Connection::open(folder.path("data").join(file)).unwrap().execute(sql, []).unwrap();
        let before = contents(&folder);
        let sentence = format!("{file} has schema 999, which needs a build that knows schema 999");
        refused(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &folder.data()], 1, &sentence);
        assert_eq!(contents(&folder).get(&folder.path("data").join(file)), before.get(&folder.path("data").join(file)));
    }
}

#[test]
fn a_journal_without_its_end_is_refused_and_left_alone() {
    let traded = traded();
    let log = traded.folder.path("data/journal.db-wal");
    let bytes = fs::read(&log).unwrap();
    fs::write(&log, &bytes[..bytes.len() / 2]).unwrap();
    let before = contents(&traded.folder);
    let data = traded.folder.data();
    refused(
        &["serve", "--listen", "127.0.0.1:0", "--data-dir", &data],
        1,
        "the journal lost its end, so restore a backup",
    );
    assert_eq!(contents(&traded.folder), before);
    fs::remove_file(traded.folder.path("data/journal.db")).unwrap();
    refused(
        &["serve", "--listen", "127.0.0.1:0", "--data-dir", &data],
        1,
        "journal.db ends at seq 0, but what was committed",
    );
    let output = emporion(&["audit", "--data-dir", &data]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
}
