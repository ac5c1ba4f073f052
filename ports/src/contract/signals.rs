//! What every way of [`Signals`] must do while nothing interrupts it.
//!
//! An adapter's test module says `emporion_ports::signals_contract!(open);`, where `open()` is an async function that
//! returns signals which get through. A listener may always say `None`, since that only makes it ask again; here a
//! signal that does not come at all is a failure, one that comes twice is not.

use std::sync::Arc;

use emporion_model::{AccountId, TimeUs};

use crate::signals::{Signal, SignalReceiver, Signals};
use crate::users::ApiKeyName;

/// One test per case of the contract on the signals that `$open` makes.
#[macro_export]
macro_rules! signals_contract {
    ($open:path) => {
        $crate::signals_contract!(@cases $open:
            every_listener_hears_every_signal,
            nobody_has_to_listen,
            a_wait_that_is_given_up_loses_nothing,
        );
    };
    (@cases $open:path: $($case:ident,)+) => {
        $(#[tokio::test]
        async fn $case() {
            $crate::contract::signals::$case($open().await).await;
        })+
    };
}

/// One signal of each kind.
pub fn each_signal() -> Vec<Signal> {
    vec![
        Signal::KeyChanged(ApiKeyName::parse(&"aZ09".repeat(16)).unwrap()),
        Signal::AllKeysChanged,
        Signal::OnLanes { account: AccountId(u64::MAX), until: TimeUs(1 << 50) },
        Signal::OffLanes(AccountId(0)),
        Signal::Leader("[::1]:7001".into()),
    ]
}

/// Waits until `signal` is heard.
pub async fn hear(listener: &mut dyn SignalReceiver, signal: &Signal) {
    while listener.next().await.as_ref() != Some(signal) {}
}

/// All kinds arrive, in order, at everybody.
pub async fn every_listener_hears_every_signal(signals: Arc<dyn Signals>) {
    let (mut one, mut other) = (signals.listen(), signals.listen());
    for signal in each_signal() {
        signals.tell(signal.clone());
        hear(&mut *one, &signal).await;
    }
    for signal in each_signal() {
        hear(&mut *other, &signal).await;
    }
}

/// Telling without listeners is no fault.
pub async fn nobody_has_to_listen(signals: Arc<dyn Signals>) {
    signals.tell(Signal::AllKeysChanged);
    drop(signals.listen());
    signals.tell(Signal::AllKeysChanged);
    let mut listener = signals.listen();
    signals.tell(Signal::OffLanes(AccountId(1)));
    hear(&mut *listener, &Signal::OffLanes(AccountId(1))).await;
}

/// A listener that is asked, dropped while it waits, and asked again has lost nothing.
pub async fn a_wait_that_is_given_up_loses_nothing(signals: Arc<dyn Signals>) {
    let mut listener = signals.listen();
    for account in 0..4 {
        let signal = Signal::OffLanes(AccountId(account));
        tokio::select! {
            biased;
            () = hear(&mut *listener, &signal) => panic!("heard before it was told"),
            () = std::future::ready(()) => {}
        }
        signals.tell(signal.clone());
        hear(&mut *listener, &signal).await;
    }
}
