//! Secrets stay where they belong: not in the store's file, not in the log.

use std::io::Write;
use std::sync::{Arc, Mutex};

use emporion_edge::Clock;
use emporion_ports::keys::Secret;
use emporion_ports::signals::InProcessSignals;
use emporion_ports::users::UserStore;
use emporion_user::operator::OperatorToken;
use emporion_user::seal::MasterKeys;
use emporion_user::{StartError, UserOptions, UserParts, UserService};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{FakeEngine, OPERATOR_TOKEN, PASSWORD, Venue, credentials, users_db};

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Does everything that handles a secret, and returns the secrets.
async fn use_every_secret(venue: &Venue) -> Vec<String> {
    let token = venue.person("ann").await;
    let wrong = "a canary of a wrong password";
    venue.call("POST", "/v1/sessions", None, credentials("ann", wrong)).await.check(401);
    venue.call("POST", "/v1/users", None, credentials("bob", "short")).await.check(400);
    let wish = json!({"password": PASSWORD, "kind": "HMAC", "label": "desk", "permissions": ["READ"]});
    let key = venue.call("POST", "/v1/api-keys", Some(&token), wish).await.check(201);
    let made = venue.operator("POST", "/v1/operator/accounts", json!({"name": "bot"})).await.check(200);
    venue.call("GET", "/v1/me", Some("a canary of a token"), Value::Null).await.check(401);
    let change = json!({"currentPassword": PASSWORD, "newPassword": "a canary of a new password"});
    venue.call("PUT", "/v1/me/password", Some(&token), change).await.check(204);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    vec![
        token,
        wrong.to_owned(),
        PASSWORD.to_owned(),
        text(&key["secretKey"]),
        text(&made["secretKey"]),
        OPERATOR_TOKEN.to_owned(),
        "a canary".to_owned(),
        "5a".repeat(32),
    ]
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn no_secret_is_stored_in_the_clear() {
    let venue = Venue::start().await;
    let secrets = use_every_secret(&venue).await;
    let folder = venue.folder.path().to_owned();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for secret in &secrets {
            assert!(!contains(&bytes, secret), "{secret} in {}", path.display());
        }
    }
    assert!(contains(&std::fs::read(users_db(&venue.folder).with_extension("db-wal")).unwrap(), "argon2id"));
}

#[tokio::test]
async fn no_secret_is_logged() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_max_level(tracing::Level::TRACE).finish();
    let secrets = {
        let _listening = tracing::subscriber::set_default(subscriber);
        let venue = Venue::start().await;
        use_every_secret(&venue).await
    };
    let logged = log.0.lock().unwrap().clone();
    assert!(contains(&logged, "a log-in failed"), "the log was listened to");
    for secret in &secrets {
        assert!(!contains(&logged, secret), "{secret}");
    }
}

/// Starts a service on the store of `venue` with these master keys and returns its refusal.
async fn refusal(venue: &Venue, pairs: &[(&str, &str)]) -> Option<String> {
    let pairs: Vec<_> = pairs.iter().map(|(id, byte)| ((*id).to_owned(), Secret::new(byte.repeat(32)))).collect();
    let parts = UserParts {
        store: venue.store.clone() as Arc<dyn UserStore>,
        engine: Arc::new(FakeEngine::default()),
        master_keys: MasterKeys::new(&pairs).unwrap(),
        operator_token: OperatorToken::new(OPERATOR_TOKEN),
        signals: Arc::new(InProcessSignals::default()),
        clock: Clock::system(),
        options: UserOptions::default(),
    };
    let refusal: Option<StartError> = UserService::start(parts).await.err();
    refusal.map(|error| error.to_string())
}

#[tokio::test]
async fn a_wrong_or_missing_master_key_is_a_sentence_at_start() {
    let venue = Venue::start().await;
    let missing = "master key \"2026\" is not configured, but API secrets are sealed under it: add it again";
    let wrong =
        "master key \"2026\" does not open what was sealed under it: its value was changed or the store is damaged";
    assert_eq!(refusal(&venue, &[("2027", "5b")]).await.as_deref(), Some(missing));
    assert_eq!(refusal(&venue, &[("2026", "5b")]).await.as_deref(), Some(wrong));
    assert_eq!(refusal(&venue, &[("2027", "5b"), ("2026", "5a")]).await, None);
    let missing_newer = missing.replace("2026", "2027");
    assert_eq!(refusal(&venue, &[("2026", "5a")]).await, Some(missing_newer));
}
