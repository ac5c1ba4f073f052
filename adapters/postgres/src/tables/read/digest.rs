//! Fingerprints of whole tables.

use deadpool_postgres::ClientWrapper;
use emporion_ports::store::StoreError;
use emporion_ports::tables::TableDigest;
use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};

use crate::pool::failed;

/// Every table with what the journal says, the order of its keys, and the time by which its rows are dropped.
const TABLES: [(&str, &str, Option<&str>); 12] = [
    ("venue", "one", None),
    ("assets", "asset", None),
    ("symbols", "symbol", None),
    ("accounts", "account", None),
    ("balances", "account, asset", None),
    ("order_counts", "account", None),
    ("open_orders", "account, symbol, order_id", None),
    ("closed_orders", "account, symbol, order_id", Some("updated_at")),
    ("trades", "symbol, trade_id", Some("time")),
    ("prevented_matches", "symbol, prevented_match_id", Some("time")),
    ("transfers", "seq", None),
    ("klines", "symbol, seconds, start", None),
];

/// All of them, without what may have been dropped. The caller sees to it that they are of one state.
pub(crate) async fn digests(connection: &ClientWrapper) -> Result<Vec<TableDigest>, StoreError> {
    let mut digests = Vec::with_capacity(TABLES.len());
    for (table, key, dropped_by) in TABLES {
        digests.push(digest(connection, table, key, dropped_by).await?);
    }
    Ok(digests)
}

async fn digest(
    connection: &ClientWrapper,
    table: &str,
    key: &str,
    dropped_by: Option<&str>,
) -> Result<TableDigest, StoreError> {
    let kept = dropped_by.map_or(String::new(), |time| format!("where {time} >= (select time from tables_kept_from)"));
    // A row's own text is unambiguous: it quotes, and tells null from empty.
    let sql = format!("select r::text from {table} r {kept} order by {key}");
    let rows = connection.query_raw(&sql, std::iter::empty::<i32>()).await.map_err(failed)?;
    let mut rows = std::pin::pin!(rows);
    let (mut hash, mut count) = (Sha256::new(), 0);
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        let text: &str = row.try_get(0).map_err(failed)?;
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
        count += 1;
    }
    Ok(TableDigest { table: table.to_owned(), rows: count, digest: hash.finalize().into() })
}
