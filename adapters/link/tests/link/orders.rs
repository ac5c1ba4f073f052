//! Clients' commands over the link, and what becomes of them when it breaks.

use crate::certificates::Authority;
use crate::parts::{Recorder, connected, here, link, number, pair, recorder, sealed, server};
use emporion_link::{CommandsLink, Leading, LinkError, LinkOptions, OrderLink};
use emporion_model::{Action, SourceId};
use emporion_ports::commands::{EngineCommands as _, ServiceOutcome, SubmitError};
use emporion_ports::orders::SessionId;
use emporion_ports::sealed::SealedCommand;
use futures_util::future::join_all;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test(flavor = "multi_thread")]
async fn many_commands_keep_their_order_and_each_gets_its_own_outcome() {
    let recorder = recorder(true);
    let options = LinkOptions { in_flight_max: 10_000, ..LinkOptions::default() };
    let (_authority, _server, _, orders) = pair(&recorder, options).await;
    let outcomes = join_all((0..10_000).map(|number| orders.submit_sealed(sealed(1, number)))).await;
    for (expected, outcome) in (0..).zip(outcomes) {
        assert_eq!(number(outcome.unwrap().command()), expected);
    }
    let taken = recorder.taken.lock().unwrap();
    assert!(taken.iter().map(|(_, number)| *number).eq(0..10_000), "in the order of their submission");
}

#[tokio::test]
async fn what_is_too_much_is_busy_at_once_and_never_delivered() {
    let recorder = recorder(false);
    let options = LinkOptions { in_flight_max: 4, ..LinkOptions::default() };
    let (_authority, server, _, orders) = pair(&recorder, options).await;
    let (_, more) = link(_authority.tls("more"), server.address, LinkOptions::default());
    let more = OrderLink::new(more);
    connected(&more, true).await;
    for (link, first) in [(orders, 0), (more, 100)] {
        let mut all: Vec<_> =
            (first..first + 10).map(|number| Box::pin(link.submit_sealed(sealed(1, number)))).collect();
        let mut busy = 0;
        while busy < 6 {
            let (answer, _, rest) = futures_util::future::select_all(all).await;
            assert!(matches!(answer, Err(LinkError::Busy(_))), "{answer:?}");
            all = rest;
            busy += 1;
        }
        recorder.is_open.send_replace(true);
        assert!(join_all(all).await.iter().all(Result::is_ok));
        recorder.is_open.send_replace(false);
    }
    assert_eq!(recorder.taken.lock().unwrap().len(), 8);
}

#[tokio::test]
async fn what_nobody_sealed_is_refused() {
    let recorder = recorder(true);
    let (_authority, _server, _, orders) = pair(&recorder, LinkOptions::default()).await;
    let good = sealed(1, 1);
    let wrong = SealedCommand { seal: [0; 32], ..good.clone() };
    let unknown = SealedCommand { key_id: 9, ..good.clone() };
    for refused in [wrong, unknown] {
        assert!(matches!(orders.submit_sealed(refused).await, Err(LinkError::Refused(_))));
    }
    assert!(orders.submit_sealed(good).await.is_ok());
    assert_eq!(recorder.taken.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn services_are_answered_over_the_same_connection() {
    let recorder = recorder(true);
    let (_authority, _server, leader, _) = pair(&recorder, LinkOptions::default()).await;
    let commands = CommandsLink::new(leader);
    let source = SourceId(1);
    assert_eq!(commands.submit(source, 1, Action::Tick).await, Ok(ServiceOutcome::Done));
    assert_eq!(commands.submit(source, 5, Action::Tick).await, Err(SubmitError::OutOfOrder { last_n: 1 }));
    assert_eq!(commands.last_n(source).await, Ok(1));
    assert_eq!(commands.asset("BTC".parse().unwrap()).await, Ok(None));
}

#[tokio::test]
async fn services_wait_for_somebody_who_leads() {
    let authority = Authority::new();
    let recorder = recorder(true);
    let server = server(authority.tls("server"), Leading::Elsewhere(None), LinkOptions::default()).await;
    let (_leader, link) = link(authority.tls("client"), server.address, LinkOptions::default());
    let commands = CommandsLink::new(link);
    let mut submitted = tokio::spawn(async move { commands.submit(SourceId(1), 1, Action::Tick).await });
    let is_early = tokio::time::timeout(Duration::from_millis(200), &mut submitted).await.is_ok();
    assert!(!is_early, "nobody led");
    server.leading.send_replace(here(&recorder));
    assert_eq!(submitted.await.unwrap(), Ok(ServiceOutcome::Done));
}

/// The first steps down and names the second; what it had begun is answered by it.
#[tokio::test]
async fn clients_follow_the_leader() {
    let authority = Authority::new();
    let (first, second) = (recorder(false), recorder(true));
    let one = server(authority.tls("one"), here(&first), LinkOptions::default()).await;
    let other = server(authority.tls("other"), Leading::Elsewhere(None), LinkOptions::default()).await;
    let (_leader, link) = link(authority.tls("client"), one.address, LinkOptions::default());
    let orders = OrderLink::new(link);
    connected(&orders, true).await;
    let begun = tokio::spawn({
        let orders = orders.clone();
        async move { orders.submit_sealed(sealed(1, 1)).await }
    });
    while first.taken.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    one.leading.send_replace(Leading::Elsewhere(Some(other.address.to_string())));
    connected(&orders, false).await;
    assert!(matches!(orders.submit_sealed(sealed(1, 2)).await, Err(LinkError::Busy(_))));
    other.leading.send_replace(here(&second));
    connected(&orders, true).await;
    assert!(orders.submit_sealed(sealed(1, 3)).await.is_ok());
    first.is_open.send_replace(true);
    assert!(begun.await.unwrap().is_ok());
    assert_eq!(*second.taken.lock().unwrap(), [(SessionId(1), 3)]);
}

#[tokio::test]
async fn a_server_that_stops_answers_what_it_has_begun() {
    let recorder = recorder(false);
    let (_authority, mut server, _, orders) = pair(&recorder, LinkOptions::default()).await;
    let begun = tokio::spawn({
        let orders = orders.clone();
        async move { orders.submit_sealed(sealed(1, 1)).await }
    });
    while recorder.taken.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    server.stop.take().unwrap().send(()).unwrap();
    connected(&orders, false).await;
    recorder.is_open.send_replace(true);
    assert!(begun.await.unwrap().is_ok());
    (&mut server.running).await.unwrap();
}

/// A way to a server whose connections are cut once `budget` more bytes have gone through it; below zero none is.
async fn cutting_proxy(to: SocketAddr) -> (SocketAddr, Arc<AtomicI64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, budget) = (listener.local_addr().unwrap(), Arc::new(AtomicI64::new(i64::MAX)));
    let left = Arc::clone(&budget);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let left = Arc::clone(&left);
            tokio::spawn(async move {
                let Ok(server) = TcpStream::connect(to).await else { return };
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                tokio::select! {
                    () = pump(from_client, to_server, &left) => {}
                    () = pump(from_server, to_client, &left) => {}
                }
            });
        }
    });
    (address, budget)
}

async fn pump(mut from: tokio::net::tcp::OwnedReadHalf, mut to: tokio::net::tcp::OwnedWriteHalf, budget: &AtomicI64) {
    let mut bytes = [0; 997];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let before = budget.fetch_sub(count as i64, Ordering::SeqCst);
        let passed = count.min(usize::try_from(before).unwrap_or(0));
        if to.write_all(&bytes[..passed]).await.is_err() || passed < count {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_anywhere_never_makes_a_delivered_command_busy() {
    let mut random = SmallRng::seed_from_u64(7);
    let authority = Authority::new();
    let recorder: Arc<Recorder> = recorder(true);
    let server = server(authority.tls("server"), here(&recorder), LinkOptions::default()).await;
    let (proxy, budget) = cutting_proxy(server.address).await;
    let (_leader, link) = link(authority.tls("client"), proxy, LinkOptions::default());
    let orders = OrderLink::new(link);
    let (mut busy, mut answered, mut unknown) = (BTreeSet::new(), BTreeSet::new(), 0);
    for round in 0..60u128 {
        budget.store(i64::MAX, Ordering::SeqCst);
        connected(&orders, true).await;
        budget.store(random.random_range(0..20_000), Ordering::SeqCst);
        let numbers = round * 100..round * 100 + 100;
        let all = numbers.clone().map(|number| orders.submit_sealed(sealed(1, number)));
        for (number, result) in numbers.zip(join_all(all).await) {
            match result {
                Ok(_) => drop(answered.insert(number)),
                Err(LinkError::Busy(_)) => drop(busy.insert(number)),
                Err(LinkError::Unknown(_)) => unknown += 1,
                Err(other) => panic!("{other}"),
            }
        }
        let mut is_connected = orders.is_connected();
        if unknown > 0 && *is_connected.borrow_and_update() {
            budget.store(0, Ordering::SeqCst);
            connected(&orders, false).await;
        }
    }
    let taken: Vec<u128> = recorder.taken.lock().unwrap().iter().map(|(_, number)| *number).collect();
    assert!(taken.is_sorted_by(|one, next| one < next), "in order, each once at most");
    let taken = BTreeSet::from_iter(taken);
    assert!(taken.is_disjoint(&busy) && taken.is_superset(&answered));
    assert!(unknown > 0 && !answered.is_empty(), "{unknown} unknown, {} answered", answered.len());
}

/// A peer that was there and says nothing more: nothing closes the connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_connection_is_found() {
    let recorder = recorder(false);
    let authority = Authority::new();
    let server = server(authority.tls("server"), here(&recorder), LinkOptions::default()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let (cut, is_cut) = tokio::sync::oneshot::channel::<()>();
    let to = server.address;
    let proxying = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(to).await.unwrap();
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
            _ = is_cut => {}
        }
        std::future::pending::<()>().await;
        drop((client, server, listener));
    });
    let (_leader, link) = link(authority.tls("client"), proxy, LinkOptions::default());
    let orders = OrderLink::new(link);
    connected(&orders, true).await;
    let begun = tokio::spawn({
        let orders = orders.clone();
        async move { orders.submit_sealed(sealed(1, 1)).await }
    });
    while recorder.taken.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    cut.send(()).unwrap();
    assert!(matches!(begun.await.unwrap(), Err(LinkError::Unknown(_))));
    connected(&orders, false).await;
    assert!(matches!(orders.submit_sealed(sealed(1, 2)).await, Err(LinkError::Busy(_))));
    proxying.abort();
}
