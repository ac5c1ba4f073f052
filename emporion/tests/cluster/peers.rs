//! Who does not belong to the venue gets nothing in at a sequencer's internal listener, and it is counted and logged.

use crate::harness::{counted, described, eventually};
use emporion_cluster::{Cluster, certificates};
use emporion_link::{LeaderLink, LinkError, LinkOptions, OrderLink, TlsFiles};
use emporion_model::{Action, Command, CommandId, Origin, TimeUs};
use emporion_ports::orders::SessionId;
use emporion_ports::sealed::{GatewayCommand, VenueKeys};
use std::path::Path;
use std::process::{Command as Program, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

pub(crate) fn strangers_get_nothing_in(cluster: &Cluster) {
    let leader = cluster.leader().unwrap().to_owned();
    let strangers = tempfile::tempdir().unwrap();
    certificates::make(strangers.path(), &["stranger"]).unwrap();
    let refused = || counted(cluster, &leader, "link_refused_peers_total", "reason=\"certificate\"");
    let before = refused();
    say_hello(cluster, &leader, None);
    eventually(|| (refused() == before + 1).then_some(()));
    say_hello(cluster, &leader, Some((strangers.path(), "stranger")));
    eventually(|| (refused() == before + 2).then_some(()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(wrong_seals_are_refused(cluster, &leader));
    assert_eq!(refused(), before + 2, "who has a certificate of the venue is let in");
    let log = std::fs::read_to_string(cluster.folder().join(format!("log/{leader}.log"))).unwrap();
    for said in ["an internal peer was refused: the TLS handshake failed", "a client's command was refused"] {
        assert!(log.contains(said), "{said:?} is not in {log}");
    }
    assert_eq!(cluster.leader(), Some(leader.as_str()));
}

/// Opens a TLS connection with nobody's certificate, or with one out of a folder, whatever the server shows.
fn say_hello(cluster: &Cluster, process: &str, certificate: Option<(&Path, &str)>) {
    let mut openssl = Program::new("openssl");
    openssl.args(["s_client", "-quiet", "-connect", &described(cluster, process, "internal")]);
    if let Some((folder, name)) = certificate {
        openssl.arg("-cert").arg(folder.join(format!("{name}.pem")));
        openssl.arg("-key").arg(folder.join(format!("{name}.key")));
    }
    let output = openssl.stdin(Stdio::null()).stdout(Stdio::null()).output().expect("openssl is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("alert"), "the server lets it in: {said}");
}

/// A process with a certificate of the venue, but without its keys.
async fn wrong_seals_are_refused(cluster: &Cluster, leader: &str) {
    let folder = cluster.folder().join("certificates");
    let files = TlsFiles {
        ca: folder.join("ca.pem"),
        certificate: folder.join("order-1.pem"),
        key: folder.join("order-1.key"),
    };
    let address = watch::Sender::new(Some(described(cluster, leader, "internal")));
    let options = LinkOptions::default();
    let link = OrderLink::new(LeaderLink::start(Arc::new(address.subscribe()), files.load().unwrap(), options));
    let mut connected = link.is_connected();
    let waited = timeout(Duration::from_secs(60), connected.wait_for(|connected| *connected)).await;
    waited.expect("the link connects within a minute").unwrap();
    for (key_id, reason) in [(1, "wrong"), (9, "unknown key")] {
        let label = format!("reason=\"{reason}\"");
        let refused = || counted(cluster, leader, "link_bad_seals_total", &label);
        let before = refused();
        let answer = link.submit_sealed(VenueKeys::new(&[(key_id, [7; 32])]).unwrap().seal(&command())).await;
        assert!(matches!(answer, Err(LinkError::Refused(_))), "{answer:?}");
        assert_eq!(refused(), before + 1);
    }
}

fn command() -> GatewayCommand {
    let origin = Origin::Client(CommandId([5; 16]), TimeUs(i64::MAX as u64));
    GatewayCommand { session: SessionId(1), taken_at: TimeUs(1), command: Command { origin, action: Action::Tick } }
}
