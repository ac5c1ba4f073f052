//! What a venue does not do, and the one sentence that says so.

use crate::support::{Folder, Venue, check_refusal, emporion, refused};
use std::fs;
use std::net::TcpListener;

#[test]
fn wrong_configs_are_refused_in_a_sentence() {
    let folder = Folder::new();
    let data = folder.data();
    let config = folder.write("bad.toml", "[limits]\nprofil = \"off\"\n");
    let serve = |rest: &[&str], sentence: &str| refused(&[&["serve"], rest].concat(), 2, sentence);
    serve(&["--config", &config], "`limits.profil` in the file ");
    serve(&["--config", &folder.text("none.toml")], "cannot be read: ");
    serve(&["--data-dir", &data, "--role", "sequencer"], "`store.url` is empty, but role \"sequencer\" needs ");
    let output = emporion(&["serve", "--data-dir", &data]).env("EMPORION_LISTEN", "everywhere").output().unwrap();
    check_refusal(&output, 2, "`listen` from the environment variable EMPORION_LISTEN ");
    let output = emporion(&["audit", "--data-dir", &data]).env("EMPORION_PORT", "80").output().unwrap();
    check_refusal(&output, 2, "`port` from the environment variable EMPORION_PORT does not exist");
    let output = emporion(&["serve", "--data-dir", &data]).env("EMPORION_DEMO__SEED", "-1").output().unwrap();
    check_refusal(&output, 2, "`demo.seed` from the environment variable EMPORION_DEMO__SEED is -1");
    assert!(!folder.path("data").exists(), "nothing was made");
}

#[test]
fn an_account_that_the_config_names_must_exist() {
    let folder = Folder::new();
    let accounts = "[limits]\naccounts = [{ account = 1234, orders_per_ten_seconds = 1, orders_per_day = 1 }]\n";
    let config = folder.write("emporion.toml", accounts);
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data-dir", &folder.data(), "--config", &config];
    refused(&serve, 2, "`limits.accounts` names account 1234, which this venue does not have");
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    let folder = Folder::new();
    let venue = Venue::start(&folder);
    let data = folder.data();
    let in_use = format!("is in use by process {}: stop it first", venue.pid());
    let genesis = concat!(env!("CARGO_MANIFEST_DIR"), "/genesis.example.toml");
    refused(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data], 1, &in_use);
    refused(&["genesis", "--file", genesis, "--data-dir", &data], 1, &in_use);
    folder.audit();
    venue.stop();
}

#[test]
fn an_address_that_is_taken_is_refused() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let sentence = format!("`listen` is {address}, which cannot be listened to: ");
    refused(&["serve", "--listen", &address, "--data-dir", &folder.data()], 1, &sentence);
}

#[test]
fn a_folder_that_cannot_be_read_is_refused() {
    let folder = Folder::new();
    let file = folder.write("file", "");
    let below = format!("{file}/data");
    refused(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &below], 1, "cannot be used: ");
    for command in [&["audit"][..], &["backup", &folder.text("backup")]] {
        refused(&[command, &["--data-dir", &below]].concat(), 1, "cannot be opened: ");
        refused(&[command, &["--data-dir", &folder.data()]].concat(), 1, "cannot be opened: ");
    }
    assert!(!folder.path("data").exists(), "readers make nothing");
    fs::create_dir_all(folder.path("data/journal.db")).unwrap();
    refused(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &folder.data()], 1, "journal.db cannot be opened: ");
}

#[test]
fn a_demo_is_refused_where_the_money_is_real() {
    let folder = Folder::new();
    let example = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/genesis.example.toml")).unwrap();
    let live = folder.write("live.toml", &example.replace("mode = \"sandbox\"", "mode = \"live\""));
    let data = folder.data();
    crate::support::json(&["genesis", "--file", &live, "--data-dir", &data]);
    refused(&["serve", "--demo", "--listen", "127.0.0.1:0", "--data-dir", &data], 2, "--demo is for play money");
    let venue = Venue::start(&folder);
    assert_eq!(venue.get_ok("/api/v3/exchangeInfo")["symbols"].as_array().unwrap().len(), 1);
    venue.stop();
    folder.audit();
}
