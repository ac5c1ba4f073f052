//! The venue, assets and symbols.

use emporion_model::{SymbolSpec, SymbolStatus, codec};
use emporion_ports::tables::TableChanges;
use rusqlite::Connection;

use super::require;
use crate::values::number;

const UPDATE_VENUE: &str = "update venue set mode = coalesce(?1, mode),
    rules_version = coalesce(?2, rules_version), options = coalesce(?3, options)";
const INSERT_ASSET: &str = "insert into assets (asset, code, description) values (?1, ?2, ?3)";
const INSERT_SYMBOL: &str =
    "insert into symbols (symbol, name, status, depth_id, description) values (?1, ?2, ?3, 0, ?4)";
const SET_STATUS: &str = "update symbols set status = ?2 where symbol = ?1";
const SET_DEPTH_ID: &str = "update symbols set depth_id = ?2 where symbol = ?1";

pub(super) fn write(connection: &Connection, changes: &TableChanges) -> rusqlite::Result<()> {
    if changes.mode.is_some() || changes.rules_version.is_some() || changes.options.is_some() {
        let options = changes.options.as_ref().map(codec::to_bytes);
        connection.execute(UPDATE_VENUE, (changes.mode.map(|mode| mode as i64), changes.rules_version, options))?;
    }
    for (id, asset) in &changes.assets {
        connection.execute(INSERT_ASSET, (id.0, asset.code.as_str(), codec::to_bytes(asset)))?;
    }
    for symbol in &changes.symbols {
        let spec = &symbol.spec;
        // The status has a column of its own. The description says the same whatever it was, so that a row that
        // changed since and one that is built again are alike.
        let description = codec::to_bytes(&SymbolSpec { status: SymbolStatus::Trading, ..spec.clone() });
        connection.execute(INSERT_SYMBOL, (symbol.id.0, spec.name.as_str(), spec.status as i64, description))?;
    }
    for (symbol, status) in &changes.symbol_statuses {
        require(connection.execute(SET_STATUS, (symbol.0, *status as i64))?)?;
    }
    let mut set_depth_id = connection.prepare_cached(SET_DEPTH_ID)?;
    for (symbol, seq) in &changes.depth_ids {
        require(set_depth_id.execute((symbol.0, number(seq.0)))?)?;
    }
    Ok(())
}
