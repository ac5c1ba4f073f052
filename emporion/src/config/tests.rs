//! Every way to be wrong, and the sentence that it gives.

use super::*;
use emporion_edge::LimitPolicy;
use emporion_model::{ClientOrderIdReuse, OrderCountLimits};
use std::path::Path;

fn load(file: Option<&str>, variables: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("emporion.toml");
    let file = file.map(|text| {
        std::fs::write(&path, text).unwrap();
        path.clone()
    });
    let loaded = Config::load(Sources::for_test(file, variables));
    loaded.map_err(|failure| failure.sentence.replace(&folder.path().display().to_string(), ""))
}

#[track_caller]
fn check(file: &str, expected: &str) {
    let sentence = load(Some(file), &[]).unwrap_err();
    assert_eq!(sentence, expected, "{file}");
}

#[track_caller]
fn check_variable(name: &str, value: &str, expected: &str) {
    let sentence = load(None, &[(name, value)]).unwrap_err();
    assert_eq!(sentence, expected, "{name}={value}");
}

#[test]
fn the_defaults_are_whole() {
    let config = load(None, &[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.options(), emporion_model::Options::default());
    assert_eq!(config.limits.requests(), emporion_edge::LimitsOptions::default());
    assert_eq!(config.http.serve(config.sockets.options()), emporion_edge::ServeOptions::default());
    assert_eq!(config.queue.limits(), emporion_order::sequencer::InboxLimits::default());
}

#[test]
fn later_places_win() {
    let flagged = |flags: bool| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("emporion.toml");
        std::fs::write(&path, "listen = \"127.0.0.1:1\"\nrole = \"all\"\n[limits]\nprofile = \"off\"\n").unwrap();
        let variables = [("EMPORION_LISTEN", "127.0.0.1:2"), ("EMPORION_DEMO__SEED", "7")];
        let sources = Sources::for_test(Some(path), &variables).demo(true);
        Config::load(sources.flag("listen", flags.then(|| "127.0.0.1:3".to_owned()))).unwrap()
    };
    assert_eq!(flagged(false).listen.port(), 2);
    assert_eq!(flagged(true).listen.port(), 3);
    assert_eq!(flagged(false).demo.seed, 7);
    assert_eq!(flagged(false).limits.profile, Profile::Off, "a file says more than the demo");
    let demo = Config::load(Sources::default().demo(true)).unwrap();
    assert_eq!(demo.limits.profile, Profile::Relaxed);
}

#[test]
fn limits_are_the_profiles_unless_they_are_given() {
    let file = "[limits]
        weight_per_minute = 12
        orders_per_day = \"off\"
        networks = [{ addresses = \"10.0.0.0/8\", weight_per_minute = \"off\", requests_per_five_minutes = \"profile\" }]
        accounts = [
            { account = 1000, orders_per_ten_seconds = 5, orders_per_day = \"off\" },
            { account = 1001, orders_per_ten_seconds = \"venue\", orders_per_day = \"venue\" },
        ]";
    let limits = load(Some(file), &[]).unwrap().limits;
    let policy = |weight| LimitPolicy { weight_per_minute: weight, ..LimitPolicy::BINANCE };
    assert_eq!(limits.requests().policy, policy(Some(12)));
    assert_eq!(limits.requests().overrides[0].policy, policy(None));
    assert_eq!(limits.order_counts(), OrderCountLimits { per_ten_seconds: Some(100), per_day: None });
    let own = OrderCountLimits { per_ten_seconds: Some(5), per_day: None };
    assert_eq!(limits.accounts[0].order_counts(), Some(own));
    assert_eq!(limits.accounts[1].order_counts(), None);
}

#[test]
fn options_of_the_engine_follow_the_config() {
    let file = "[orders]\nclient_order_id_reuse = \"never_within\"\nclient_order_id_reuse_s = 120\n";
    let options = load(Some(file), &[("EMPORION_LIMITS__PROFILE", "off")]).unwrap().options();
    assert_eq!(options.client_order_id_reuse, ClientOrderIdReuse::NeverWithin(120));
    assert_eq!(options.order_counts, OrderCountLimits { per_ten_seconds: None, per_day: None });
}

#[test]
fn lists_can_stand_in_the_environment() {
    let key = format!("[\"a:{}\"]", "0123456789abcdef".repeat(4));
    let config = load(None, &[("EMPORION_USERS__MASTER_KEYS", &key)]).unwrap();
    assert!(config.users.master_keys().unwrap().is_ok());
    assert!(!format!("{config:?}").contains("0123456789abcdef"), "no secret is printed");
}

#[test]
fn every_wrong_value_is_one_sentence() {
    check("listn = \"x\"", "`listn` in the file /emporion.toml does not exist: `emporion config` prints all keys");
    check(
        "[limits]\nprofil = \"off\"",
        "`limits.profil` in the file /emporion.toml does not exist: `emporion config` prints all keys",
    );
    check("listen = \"here\"", "`listen` in the file /emporion.toml is not right: invalid socket address syntax");
    check(
        "listen = 8080",
        "`listen` in the file /emporion.toml is 8080 but must be an address and port such as 127.0.0.1:8080",
    );
    check(
        "role = \"order\"",
        "`store.url` is empty, but role \"order\" needs the PostgreSQL that all processes of the venue share",
    );
    check(
        "[store]\nurl = \"mysql://secret@here\"",
        "`store.url` in the file /emporion.toml must be postgres://USER:PASSWORD@HOST:PORT/DATABASE, or empty for the \
         files in data_dir",
    );
    check(
        "[store]\nsegments = \"s3://Journal\"",
        "`store.segments` in the file /emporion.toml is \"s3://Journal\", but a place in S3 is s3://BUCKET or \
         s3://BUCKET/PREFIX",
    );
    check(
        "[store]\nsegments_endpoint = \"localhost:9000\"",
        "`store.segments_endpoint` in the file /emporion.toml must begin with http:// or https://, or be empty for AWS",
    );
    check(
        "[store]\nsegments_access_key = \"a\"",
        "`store.segments_access_key` in the file /emporion.toml and `store.segments_secret_key` belong together: give \
         both or neither",
    );
    check(
        "[internal]\nvenue_keys = [\"1:abc\"]",
        "`internal.venue_keys` in the file /emporion.toml is not right: a key is not 64 hexadecimal digits; each is \
         \"number:64 hexadecimal digits\"",
    );
    check(
        "[sqs]\nurl = \"https://queue/name\"",
        "`sqs.url` in the file /emporion.toml is \"https://queue/name\" but must be the URL of a FIFO queue, which ends \
         with .fifo",
    );
    check(
        "[sockets]\nlifetime_s = 5",
        "`sockets.lifetime_s` in the file /emporion.toml is 5 but must be 60 to 31536000",
    );
    check(
        "role = \"al\"",
        "`role` in the file /emporion.toml is \"al\" but must be \"all\", \"order\", \"sequencer\", \"market-data\" or \"user\"",
    );
    check(
        "[limits]\nprofile = \"fast\"",
        "`limits.profile` in the file /emporion.toml is \"fast\" but must be \"binance\", \"relaxed\" or \"off\"",
    );
    check(
        "[limits]\norders_per_day = 0",
        "`limits.orders_per_day` in the file /emporion.toml is 0 but must be \"profile\", \"off\" or a whole number from 1 to 4294967295",
    );
    check(
        "[limits]\nnetworks = [{ addresses = \"10.0.0.1/8\", weight_per_minute = 1, requests_per_five_minutes = 1 }]",
        "`limits.networks.0.addresses` in the file /emporion.toml is \"10.0.0.1/8\" but must be an address such as 192.0.2.7 or a block such as 192.0.2.0/24",
    );
    check(
        "[limits]\naccounts = [{ account = 3, orders_per_ten_seconds = 1, orders_per_day = 1 }]",
        "`limits.accounts` in the file /emporion.toml names account 3, but accounts of users begin at 1000",
    );
    check(
        "[http]\nconnections_max = 0",
        "`http.connections_max` in the file /emporion.toml is 0 but must be 1 to 1000000",
    );
    check(
        "[http]\nconnections_max = -1",
        "`http.connections_max` in the file /emporion.toml is -1 but must be a whole number of 0 or more",
    );
    check(
        "[http]\nconnections_max = \"many\"",
        "`http.connections_max` in the file /emporion.toml is \"many\" but must be a whole number of 0 or more",
    );
    check(
        "[snapshots]\nevery_commands = 1.5",
        "`snapshots.every_commands` in the file /emporion.toml is a float `1.5` but must be a whole number of 0 or more",
    );
    check(
        "[orders]\nclient_order_id_reuse_s = 5",
        "`orders.client_order_id_reuse_s` in the file /emporion.toml is 5 but must be 120 to 86400",
    );
    check(
        "[log]\nlevel = \"loud\"",
        "`log.level` in the file /emporion.toml is \"loud\" but must be off, error, warn, info, debug or trace, or a list such as \"info,emporion_order=debug\"",
    );
    check("demo = 3", "`demo` in the file /emporion.toml is 3 but must be a section");
    check(
        "[users]\nmaster_keys = [\"a:12\"]",
        "`users.master_keys` in the file /emporion.toml is not right: master key \"a\" is not valid: it is not 64 hexadecimal digits",
    );
    check_variable(
        "EMPORION_HTTP__BODY_BYTES_MAX",
        "1",
        "`http.body_bytes_max` from the environment variable EMPORION_HTTP__BODY_BYTES_MAX is 1 but must be 1024 to 16777216",
    );
    check_variable(
        "EMPORION_LISTENN",
        "1",
        "`listenn` from the environment variable EMPORION_LISTENN does not exist: `emporion config` prints all keys",
    );
    check_variable(
        "EMPORION_DEMO__SEED",
        "x",
        "`demo.seed` from the environment variable EMPORION_DEMO__SEED is \"x\" but must be a whole number of 0 or more",
    );
}

#[test]
fn no_sentence_repeats_a_secret() {
    for wrong in [
        "\"secretsecretsecret\"",
        "\"a:secretsecretsecret\"",
        "[\"secretsecretsecret\"]",
        "[{ a = \"secretsecretsecret\" }]",
    ] {
        let sentence = load(None, &[("EMPORION_USERS__MASTER_KEYS", wrong)]).unwrap_err();
        assert!(!sentence.contains("secretsecret"), "{sentence}");
        let sentence = load(Some(&format!("[users]\nmaster_keys = {wrong}")), &[]).unwrap_err();
        assert!(!sentence.contains("secretsecret"), "{sentence}");
    }
}

#[test]
fn a_file_that_cannot_be_used_is_told() {
    let missing = Config::load(Sources::for_test(Some(Path::new("/nowhere/emporion.toml").into()), &[]));
    let sentence = missing.unwrap_err().sentence;
    assert!(sentence.starts_with("the config file /nowhere/emporion.toml cannot be read: "), "{sentence}");
    check("[limits", "the config file /emporion.toml is not TOML at line 1: invalid table header, expected `.`, `]`");
}

#[test]
fn the_manual_names_every_variable_that_it_shows() {
    for word in DEFAULTS.split_whitespace().filter(|word| word.starts_with("EMPORION_") && word.contains('=')) {
        let name = word.split('=').next().unwrap();
        let key = name.trim_start_matches("EMPORION_").to_ascii_lowercase().replace("__", ".");
        assert!(
            figment::Figment::from(<figment::providers::Toml as figment::providers::Format>::string(DEFAULTS))
                .contains(&key),
            "{name}"
        );
    }
}
