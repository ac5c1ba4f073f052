//! What is not projecting or asking: partitions, one state to read at leisure, and tables to build beside these.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Object;
use emporion_ports::store::StoreError;
use tokio::sync::Mutex;

use super::{Lent, PgTables, Source};
use crate::pool::failed;

/// How far ahead weeks are made.
const AHEAD_US: i64 = 4 * 7 * 86_400 * 1_000_000;

impl PgTables {
    /// Makes the partitions of the next weeks and drops those that ended `retention` ago, by the engine time of the
    /// tables; `None` drops nothing. Weeks are dropped whole. To be called now and then, an hour apart; gives how many
    /// partitions were dropped. The database user needs `execute` on `keep_table_partitions`.
    ///
    /// # Errors
    /// One sentence. When the tables were in use for too long, nothing was done and the next call does it.
    pub async fn keep_partitions(&self, retention: Option<Duration>) -> Result<u64, StoreError> {
        let keep_us = retention.map(|retention| i64::try_from(retention.as_micros()).unwrap_or(i64::MAX));
        let connection = self.source.write().await?;
        let row = connection
            .query_one("select keep_table_partitions($1, $2)", &[&AHEAD_US, &keep_us])
            .await
            .map_err(failed)?;
        Ok(row.get::<_, i64>(0).cast_unsigned())
    }

    /// The tables as they are now, for as long as the handle lives and whatever is projected meanwhile: for an audit,
    /// which asks many questions of one state. It holds a connection to the read address and a transaction, which keeps
    /// old rows from being removed.
    ///
    /// # Errors
    /// One sentence: the database cannot be read.
    pub async fn at_one_state(&self) -> Result<Self, StoreError> {
        self.at_one_state_of(self.source.read().await?).await
    }

    pub(super) async fn at_one_state_of(&self, connection: Lent) -> Result<Self, StoreError> {
        const BEGIN: &str = "set statement_timeout = 0; set idle_in_transaction_session_timeout = 0;
            begin isolation level repeatable read read only;
            select seq from projection_head";
        Self::on_one(connection, BEGIN).await
    }

    /// Empty tables to build again beside these and to compare: temporary ones of one connection, which end with the
    /// handle. The database user needs `temporary` on the database. What retention dropped from `these` is left out of
    /// the fingerprints of both.
    ///
    /// # Errors
    /// One sentence: the database cannot be written.
    pub async fn scratch(&self, these: &Self) -> Result<Self, StoreError> {
        let kept_from: i64 = {
            let connection = these.source.write().await?;
            let row = connection.query_one("select time from tables_kept_from", &[]).await.map_err(failed)?;
            row.get(0)
        };
        let make = format!(
            "set statement_timeout = 0; set search_path = pg_temp; {} update tables_kept_from set time = {kept_from};",
            include_str!("../../migrations/0002_tables.sql")
        );
        Self::on_one(self.source.write().await?, &make).await
    }

    async fn on_one(lent: Lent, begin: &str) -> Result<Self, StoreError> {
        let Lent::Pooled(object) = lent else {
            return Err(StoreError::Unusable("these tables are on a connection of their own already".to_owned()));
        };
        let connection = Object::take(object);
        connection.statement_cache.clear();
        connection.batch_execute(begin).await.map_err(failed)?;
        Ok(Self::of(Source::One(Arc::new(Mutex::new(connection)))))
    }
}
