//! Key lookups in any of several user processes.

use crate::certificates::Authority;
use async_trait::async_trait;
use emporion_link::{Handlers, KeysLink, LinkOptions, LinkTls, serve};
use emporion_model::AccountId;
use emporion_ports::keys::{KeyDirectory, KeyError, KeyRecord, Secret, VerifyingKey};
use emporion_ports::signals::{InProcessSignals, Signal, Signals as _};
use emporion_ports::users::{ApiKeyName, IpRule, Permissions};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

struct Directory;

#[async_trait]
impl KeyDirectory for Directory {
    async fn lookup(&self, name: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, KeyError> {
        let record = || KeyRecord {
            name: name.clone(),
            account: AccountId(7),
            permissions: Permissions { read: true, trade: false },
            ip_rules: vec![IpRule::parse("10.0.0.0/8").unwrap()],
            verifying_key: VerifyingKey::Hmac(Secret::new(*b"secret")),
        };
        Ok(name.as_str().starts_with('a').then(|| Arc::new(record())))
    }
}

async fn user_process(tls: LinkTls) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let handlers = Handlers { sequencer: None, keys: Some(Arc::new(Directory)) };
    let running = tokio::spawn(serve(listener, tls, handlers, LinkOptions::default(), std::future::pending()));
    (address, running)
}

#[tokio::test]
async fn any_user_process_answers_and_without_one_keys_fail() {
    let authority = Authority::new();
    let (one, first) = user_process(authority.tls("one")).await;
    let (other, second) = user_process(authority.tls("other")).await;
    let signals = InProcessSignals::default();
    let keys = KeysLink::start(&[one, other], &authority.tls("client"), &LinkOptions::default(), signals.listen());
    let name = |letter: &str| ApiKeyName::parse(&letter.repeat(64)).unwrap();
    let known = name("a");
    let found = loop {
        if let Ok(found) = keys.lookup(&known).await {
            break found.unwrap();
        }
    };
    assert_eq!((found.account, found.permissions.trade, found.ip_rules.len()), (AccountId(7), false, 1));
    assert!(matches!(&found.verifying_key, VerifyingKey::Hmac(secret) if secret.expose() == b"secret"));
    assert!(keys.lookup(&name("b")).await.unwrap().is_none());
    first.abort();
    drop(first.await);
    while !keys.lookup(&known).await.is_ok_and(|found| found.is_some()) {}
    second.abort();
    drop(second.await);
    while keys.is_connected() {
        tokio::task::yield_now().await;
    }
    signals.tell(Signal::AllKeysChanged);
    while keys.lookup(&known).await.is_ok() {}
}
