//! Fingerprints of whole tables.

use emporion_ports::tables::TableDigest;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};

/// Every table with what the journal says, and the order of its keys.
const TABLES: [(&str, &str); 11] = [
    ("venue", "one"),
    ("assets", "asset"),
    ("symbols", "symbol"),
    ("accounts", "account"),
    ("balances", "account, asset"),
    ("order_counts", "account"),
    ("orders", "account, symbol, order_id"),
    ("trades", "symbol, trade_id"),
    ("prevented_matches", "symbol, prevented_match_id"),
    ("transfers", "seq"),
    ("klines", "symbol, interval, start"),
];

pub(crate) fn digests(connection: &Connection) -> rusqlite::Result<Vec<TableDigest>> {
    TABLES.iter().map(|(table, key)| digest(connection, table, key)).collect()
}

fn digest(connection: &Connection, table: &str, key: &str) -> rusqlite::Result<TableDigest> {
    let mut statement = connection.prepare(&format!("select * from {table} order by {key}"))?;
    let columns = statement.column_count();
    let (mut hash, mut count) = (Sha256::new(), 0);
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            update(&mut hash, row.get_ref(column)?);
        }
        count += 1;
    }
    Ok(TableDigest { table: table.to_owned(), rows: count, digest: hash.finalize().into() })
}

/// The type and the length go in as well, so that no two rows give the same bytes.
fn update(hash: &mut Sha256, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => hash.update([0]),
        ValueRef::Integer(number) => {
            hash.update([1]);
            hash.update(number.to_le_bytes());
        }
        ValueRef::Real(number) => {
            hash.update([2]);
            hash.update(number.to_le_bytes());
        }
        ValueRef::Text(bytes) => update_bytes(hash, 3, bytes),
        ValueRef::Blob(bytes) => update_bytes(hash, 4, bytes),
    }
}

fn update_bytes(hash: &mut Sha256, kind: u8, bytes: &[u8]) {
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}
