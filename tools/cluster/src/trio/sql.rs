//! The manager's own conversations with the nodes.

use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

/// Runs statements on nodes, each with a time limit; keeps no connection.
pub(super) struct Sql {
    runtime: tokio::runtime::Runtime,
    password: String,
    database: String,
}

impl Sql {
    pub(super) fn new(password: &str, database: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, password: password.to_owned(), database: database.to_owned() })
    }

    /// The rows of a statement, as texts, `None` for null. Waits for at most `limit`.
    pub(super) fn rows(&self, node: SocketAddr, statement: &str, limit: Duration) -> Result<Vec<Vec<Option<String>>>> {
        self.runtime.block_on(async {
            let answer = timeout(limit, self.ask(node, statement)).await;
            answer.with_context(|| format!("{node} does not answer within {} ms", limit.as_millis()))?
        })
    }

    /// The first value of the first row.
    pub(super) fn value(&self, node: SocketAddr, statement: &str, limit: Duration) -> Result<Option<String>> {
        Ok(self.rows(node, statement, limit)?.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
    }

    async fn ask(&self, node: SocketAddr, statement: &str) -> Result<Vec<Vec<Option<String>>>> {
        let client = self.connect(node).await?;
        let mut rows = Vec::new();
        for message in client.simple_query(statement).await? {
            if let SimpleQueryMessage::Row(row) = message {
                rows.push((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect());
            }
        }
        Ok(rows)
    }

    async fn connect(&self, node: SocketAddr) -> Result<Client> {
        let mut config = Config::new();
        config.host(node.ip().to_string()).port(node.port()).user("postgres").dbname(&self.database);
        config.password(&self.password).application_name("manager");
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }
}
