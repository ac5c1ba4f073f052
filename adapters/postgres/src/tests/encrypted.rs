//! Encrypted connections to a real server, believed as far as the URL says.

use std::fs;
use std::path::Path;

use emporion_cluster::certificates;
use emporion_cluster::parts::Postgres as Server;
use emporion_ports::store::{Journal, StoreError};
use rcgen::{CertificateParams, KeyPair};

use crate::{Postgres, PostgresOptions, migrate};

/// Puts a certificate into the server's folder, and waits until it is the one that is shown.
async fn show(server: &Server, certificate: &str, key: &str) {
    let folder = server.sql("postgres", "show data_directory").unwrap();
    // The files belong to the server's user already, and nobody else may read the key.
    for (setting, name, text) in [("ssl_cert_file", "shown.pem", certificate), ("ssl_key_file", "shown.key", key)] {
        let write = format!("copy (select 1) to '{folder}/{name}'; alter system set {setting} = '{name}'");
        for statement in write.split("; ") {
            server.sql("postgres", statement).unwrap();
        }
        let path = Path::new(&folder).join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    server.sql("postgres", "alter system set ssl = on").unwrap();
    server.sql("postgres", "select pg_reload_conf()").unwrap();
}

async fn opened(url: String) -> Result<Postgres, StoreError> {
    Postgres::open(PostgresOptions::new(url)).await
}

async fn check_refused(url: String, text: &str) {
    match opened(url).await {
        Err(StoreError::Failed(reason)) => assert!(reason.contains(text), "{reason}"),
        other => panic!("{other:?}, expected {text:?}"),
    }
}

/// The server reads its files again when it comes to it.
async fn wait_for(url: String, is_wanted: impl Fn(&Result<Postgres, StoreError>) -> bool) {
    for _ in 0..600 {
        if is_wanted(&opened(url.clone()).await) {
            return;
        }
    }
    panic!("the server does not show its certificate")
}

#[tokio::test]
async fn a_server_is_believed_as_far_as_the_url_says() {
    let server = tokio::task::spawn_blocking(|| Server::start().unwrap()).await.unwrap();
    let url = server.database().unwrap();
    migrate(&url).await.unwrap();
    check_refused(format!("{url}?sslmode=require"), "TLS").await;

    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (folder.path().join("right"), folder.path().join("wrong"));
    for folder in [&right, &wrong] {
        certificates::make(folder, &["database"]).unwrap();
    }
    let read = |name: &str| fs::read_to_string(right.join(name)).unwrap();
    show(&server, &read("database.pem"), &read("database.key")).await;
    wait_for(format!("{url}?sslmode=require"), Result::is_ok).await;
    let with = |mode: &str, root: &Path| format!("{url}?sslmode={mode}&sslrootcert={}/ca.pem", root.display());
    for mode in ["require", "verify-ca", "verify-full"] {
        let postgres = opened(with(mode, &right)).await.unwrap();
        // The connections of the pool and the one of the journal.
        postgres.journal().take_over().await.unwrap();
        let is_encrypted = "select bool_and(s.ssl) from pg_stat_ssl s join pg_stat_activity a using (pid)
            where a.application_name like 'emporion%'";
        assert_eq!(server.sql("postgres", is_encrypted).unwrap(), "t", "{mode}");
        check_refused(with(mode, &wrong), "certificate").await;
    }
    // The system's roots know nothing of this one.
    check_refused(format!("{url}?sslmode=verify-full"), "certificate").await;

    // Another name, signed by itself.
    let key = KeyPair::generate().unwrap();
    let other = CertificateParams::new(vec!["other.example".to_owned()]).unwrap().self_signed(&key).unwrap();
    fs::write(right.join("ca.pem"), other.pem()).unwrap();
    show(&server, &other.pem(), &key.serialize_pem()).await;
    wait_for(with("verify-ca", &right), Result::is_ok).await;
    check_refused(with("verify-full", &right), "certificate").await;
    drop(opened(format!("{url}?sslmode=require")).await.unwrap());
}
