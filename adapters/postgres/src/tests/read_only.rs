//! A server that stops being one that writes, under open connections, and becomes one again.

use emporion_cluster::parts::Postgres as Server;
use emporion_model::Epoch;
use emporion_ports::leases::Leases;
use emporion_ports::store::{Journal, StoreError};

use super::ticks;
use crate::{Postgres, PostgresOptions, migrate};

#[tokio::test]
async fn connections_to_a_server_that_stopped_writing_are_thrown_away() {
    let server = tokio::task::spawn_blocking(|| Server::start().unwrap()).await.unwrap();
    let url = server.database().unwrap();
    migrate(&url).await.unwrap();
    let postgres = Postgres::open(PostgresOptions { connections_max: 2, ..PostgresOptions::new(url) }).await.unwrap();
    let (journal, leases) = (postgres.journal(), postgres.leases());
    let head = journal.take_over().await.unwrap();
    let beat = async || leases.beat("me", Epoch(1), "here:1", false).await;
    assert_eq!(beat().await, Ok(true));
    let pids = || {
        let pids = "select coalesce(string_agg(pid::text, ',' order by pid), '') from pg_stat_activity
            where application_name = 'emporion'";
        server.sql("postgres", pids).unwrap()
    };
    let set = |value: &str| {
        // As the server itself is set, this session may be read-only too.
        let set = format!("alter system set default_transaction_read_only = {value}");
        server.sql("postgres", &set).unwrap();
        server.sql("postgres", "select pg_reload_conf()").unwrap();
    };
    let before = pids();
    assert!(!before.is_empty());
    set("on");
    let refused = loop {
        match beat().await {
            Ok(_) => {}
            Err(refused) => break refused,
        }
    };
    let StoreError::Unusable(reason) = &refused else { panic!("{refused}") };
    assert!(reason.contains("not a primary that can be written"), "{reason}");
    // No new connection is made to it either, and the refused ones are gone.
    let StoreError::Unusable(reason) = leases.lease().await.unwrap_err() else { panic!("it is read") };
    assert!(reason.contains("not a primary that can be written"), "{reason}");
    set("off");
    while beat().await.is_err() {}
    let after = pids();
    assert!(!after.is_empty() && before.split(',').all(|pid| !after.split(',').any(|other| other == pid)));
    // Of the commit that fell into it, too, nothing is lost.
    let row = ticks(&head, 2);
    journal.commit(row.clone()).await.unwrap();
    assert_eq!(journal.head().await.unwrap(), row.head());
}
