//! Databases for tests.

use emporion_cluster::parts;

use crate::{PostgresOptions, migrate};

/// The server of a test's database; the database is of no use once this is dropped.
pub(crate) type Guard = parts::Postgres;

/// A new database with the whole schema.
pub(crate) async fn database() -> (Guard, PostgresOptions) {
    let (server, options) = empty_database().await;
    migrate(&options.url).await.unwrap();
    (server, options)
}

/// A new database with nothing in it.
pub(crate) async fn empty_database() -> (Guard, PostgresOptions) {
    let made = tokio::task::spawn_blocking(|| {
        let server = Guard::get().unwrap();
        let url = server.database().unwrap();
        (server, url)
    });
    let (server, url) = made.await.unwrap();
    let mut options = PostgresOptions::new(url);
    options.connections_max = 4;
    (server, options)
}
