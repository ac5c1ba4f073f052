use super::*;
use emporion_model::AccountId;
use emporion_ports::keys::Secret;
use emporion_ports::signals::{InProcessSignals, Signals as _};
use emporion_ports::users::Permissions;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::advance;

/// A directory of one key, which can fail, be changed and be counted.
#[derive(Default)]
struct Directory {
    asked: AtomicUsize,
    account: AtomicUsize,
    is_failing: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl KeyDirectory for Directory {
    async fn lookup(&self, name: &ApiKeyName) -> Result<Option<Arc<KeyRecord>>, KeyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let account = self.account.load(Ordering::SeqCst);
        tokio::task::yield_now().await;
        if self.is_failing.load(Ordering::SeqCst) {
            return Err(KeyError("down".to_owned()));
        }
        let record = KeyRecord {
            name: name.clone(),
            account: AccountId(account as u64),
            permissions: Permissions { read: true, trade: true },
            ip_rules: Vec::new(),
            verifying_key: VerifyingKey::Hmac(Secret::new(*b"secret")),
        };
        Ok((account > 0).then(|| Arc::new(record)))
    }
}

fn name() -> ApiKeyName {
    ApiKeyName::parse(&"a".repeat(64)).unwrap()
}

fn open(account: usize) -> (Arc<Directory>, Arc<InProcessSignals>, CachedKeys) {
    let directory = Arc::new(Directory { account: account.into(), ..Directory::default() });
    let signals = Arc::new(InProcessSignals::default());
    let cached = CachedKeys::start(Arc::<Directory>::clone(&directory), signals.listen());
    (directory, signals, cached)
}

async fn found(cached: &CachedKeys) -> Arc<KeyRecord> {
    cached.lookup(&name()).await.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_record_comes_back_as_the_same() {
    let (directory, _signals, cached) = open(7);
    let first = found(&cached).await;
    assert!(Arc::ptr_eq(&first, &found(&cached).await));
    assert_eq!(directory.asked.load(Ordering::SeqCst), 1);
    advance(FRESH).await;
    assert!(Arc::ptr_eq(&first, &found(&cached).await));
    assert_eq!(directory.asked.load(Ordering::SeqCst), 2);
    directory.account.store(8, Ordering::SeqCst);
    advance(FRESH).await;
    assert_eq!(found(&cached).await.account, AccountId(8));
}

#[tokio::test(start_paused = true)]
async fn keys_that_do_not_exist_are_remembered_as_briefly() {
    let (directory, _signals, cached) = open(0);
    for _ in 0..3 {
        assert!(cached.lookup(&name()).await.unwrap().is_none());
    }
    assert_eq!(directory.asked.load(Ordering::SeqCst), 1);
    directory.account.store(7, Ordering::SeqCst);
    advance(FRESH).await;
    assert_eq!(found(&cached).await.account, AccountId(7));
}

#[tokio::test(start_paused = true)]
async fn many_who_ask_at_once_are_one_question() {
    let (directory, _signals, cached) = open(7);
    let name = name();
    let all = futures_util::future::join_all((0..100).map(|_| cached.lookup(&name))).await;
    assert!(all.into_iter().all(|found| found.unwrap().is_some()));
    assert_eq!(directory.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_signal_and_a_lost_one_make_it_ask_again() {
    for signal in [Signal::KeyChanged(name()), Signal::AllKeysChanged] {
        let (directory, signals, cached) = open(7);
        found(&cached).await;
        directory.account.store(0, Ordering::SeqCst);
        signals.tell(signal);
        tokio::task::yield_now().await;
        assert!(cached.lookup(&name()).await.unwrap().is_none());
    }
    let (directory, signals, cached) = open(7);
    found(&cached).await;
    directory.account.store(0, Ordering::SeqCst);
    (0..5_000).for_each(|_| signals.tell(Signal::OffLanes(AccountId(1))));
    tokio::task::yield_now().await;
    assert!(cached.lookup(&name()).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_before_a_signal_is_not_kept_after_it() {
    let (directory, _signals, cached) = open(7);
    let name = name();
    let mut asking = cached.lookup(&name);
    assert!(futures_util::FutureExt::now_or_never(&mut asking).is_none());
    tokio::task::yield_now().await;
    directory.account.store(0, Ordering::SeqCst);
    cached.shared.cache.lock().forget(&name);
    assert!(cached.lookup(&name).await.unwrap().is_none());
    asking.await.unwrap();
    assert!(cached.lookup(&name).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn while_the_directory_fails_a_record_works_for_its_second_and_not_after_a_signal() {
    let (directory, _signals, cached) = open(7);
    found(&cached).await;
    directory.is_failing.store(true, Ordering::SeqCst);
    advance(USABLE - Duration::from_millis(1)).await;
    found(&cached).await;
    advance(Duration::from_millis(1)).await;
    assert!(cached.lookup(&name()).await.is_err());

    let (directory, signals, cached) = open(7);
    found(&cached).await;
    directory.is_failing.store(true, Ordering::SeqCst);
    signals.tell(Signal::KeyChanged(name()));
    tokio::task::yield_now().await;
    assert!(cached.lookup(&name()).await.is_err());
}
