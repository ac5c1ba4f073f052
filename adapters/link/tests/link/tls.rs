//! Who is let in.

use crate::certificates::Authority;
use crate::parts::{connected, here, link, recorder, sealed, server};
use emporion_link::{LinkOptions, OrderLink, TlsFiles};
use std::path::PathBuf;

#[track_caller]
fn check(files: &TlsFiles, expected: &str) {
    let error = files.load().err().expect("the files are wrong").0;
    assert!(error.contains(expected), "{error}");
}

#[test]
fn every_wrong_file_is_one_sentence() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let good = ours.issue("good");
    assert!(good.load().is_ok());
    let missing = PathBuf::from("/nowhere/file.pem");
    check(&TlsFiles { ca: missing.clone(), ..good.clone() }, "(internal.ca) cannot be read");
    check(&TlsFiles { certificate: missing.clone(), ..good.clone() }, "(internal.certificate) cannot be read");
    check(&TlsFiles { key: missing, ..good.clone() }, "(internal.key) cannot be read");
    check(&TlsFiles { key: good.ca.clone(), ..good.clone() }, "holds no private key");
    check(&TlsFiles { certificate: good.key.clone(), ..good.clone() }, "holds no certificate");
    check(&TlsFiles { key: ours.issue("other").key, ..good.clone() }, "does not belong to the certificate");
    check(&TlsFiles { ca: theirs.issue("x").ca, ..good.clone() }, "would be refused by the other processes");
    check(&ours.issue_with("old", "emporion.internal", 2001), "would be refused by the other processes");
    check(&ours.issue_with("named", "example.com", 4096), "would be refused by the other processes");
}

#[tokio::test]
async fn strangers_are_refused_and_friends_are_not() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let recorder = recorder(true);
    let server = server(ours.tls("server"), here(&recorder), LinkOptions::default()).await;
    let (_, stranger) = link(theirs.tls("client"), server.address, LinkOptions::default());
    let (_, friend) = link(ours.tls("client"), server.address, LinkOptions::default());
    let (stranger, friend) = (OrderLink::new(stranger), OrderLink::new(friend));
    for number in 0..10 {
        connected(&friend, true).await;
        assert!(friend.submit_sealed(sealed(1, number)).await.is_ok());
        assert!(stranger.submit_sealed(sealed(2, number)).await.is_err());
        assert!(!*stranger.is_connected().borrow());
    }
    assert!(recorder.taken.lock().unwrap().iter().all(|(session, _)| session.0 == 1));
}

/// Both ends replace their files by those of another authority; no process restarts.
#[tokio::test]
async fn replaced_files_are_used_by_the_next_connection() {
    let (old, new) = (Authority::new(), Authority::new());
    let (server_files, client_files) = (old.issue("server"), old.issue("client"));
    let recorder = recorder(true);
    let server = server(server_files.load().unwrap(), here(&recorder), LinkOptions::default()).await;
    let (leader, first) = link(client_files.load().unwrap(), server.address, LinkOptions::default());
    let first = OrderLink::new(first);
    connected(&first, true).await;
    drop(leader);
    replace(&server_files, &new.issue("server"));
    let (_, second) = link(new.tls("client"), server.address, LinkOptions::default());
    let second = OrderLink::new(second);
    connected(&second, true).await;
    assert!(second.submit_sealed(sealed(1, 1)).await.is_ok());
    assert!(first.submit_sealed(sealed(1, 2)).await.is_ok(), "what is open stays open");
}

fn replace(files: &TlsFiles, by: &TlsFiles) {
    for (to, from) in [(&files.ca, &by.ca), (&files.certificate, &by.certificate), (&files.key, &by.key)] {
        std::fs::write(to, [&std::fs::read(from).unwrap()[..], b"\n"].concat()).unwrap();
    }
}
