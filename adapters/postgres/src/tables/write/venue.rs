//! The venue, assets and symbols.

use emporion_model::{SymbolSpec, SymbolStatus, codec};
use emporion_ports::tables::TableChanges;

use super::{Write, column, push};
use crate::tables::values::number;

const UPDATE_VENUE: &str = "update venue set mode = coalesce($1, mode),
    rules_version = coalesce($2, rules_version), options = coalesce($3, options)";
const INSERT_ASSETS: &str = "insert into assets (asset, code, description)
    select * from unnest($1::int4[], $2::text[], $3::bytea[])";
const INSERT_SYMBOLS: &str = "insert into symbols (symbol, name, status, depth_id, description)
    select symbol, name, status, 0, description
    from unnest($1::int4[], $2::text[], $3::int2[], $4::bytea[]) as c (symbol, name, status, description)";
const SET_STATUSES: &str = "update symbols s set status = c.status
    from unnest($1::int4[], $2::int2[]) as c (symbol, status) where s.symbol = c.symbol";
const SET_DEPTH_IDS: &str = "update symbols s set depth_id = c.depth_id
    from unnest($1::int4[], $2::int8[]) as c (symbol, depth_id) where s.symbol = c.symbol";

pub(super) fn write(changes: &TableChanges, writes: &mut Vec<Write>) {
    if changes.mode.is_some() || changes.rules_version.is_some() || changes.options.is_some() {
        let values: Vec<super::Value> = vec![
            Box::new(changes.mode.map(|mode| mode as i16)),
            Box::new(changes.rules_version.map(i32::from)),
            Box::new(changes.options.as_ref().map(codec::to_bytes)),
        ];
        writes.push(Write { sql: UPDATE_VENUE, values, rows: 1 });
    }
    push(writes, INSERT_ASSETS, &changes.assets, |rows| {
        vec![
            column(rows, |(id, _)| i32::from(id.0)),
            column(rows, |(_, asset)| asset.code.as_str().to_owned()),
            column(rows, |(_, asset)| codec::to_bytes(asset)),
        ]
    });
    push(writes, INSERT_SYMBOLS, &changes.symbols, |rows| {
        vec![
            column(rows, |symbol| i32::from(symbol.id.0)),
            column(rows, |symbol| symbol.spec.name.as_str().to_owned()),
            column(rows, |symbol| symbol.spec.status as i16),
            // The status has a column of its own. The description says the same whatever it was, so that a row that
            // changed since and one that is built again are alike.
            column(rows, |symbol| {
                codec::to_bytes(&SymbolSpec { status: SymbolStatus::Trading, ..symbol.spec.clone() })
            }),
        ]
    });
    push(writes, SET_STATUSES, &changes.symbol_statuses, |rows| {
        vec![column(rows, |(symbol, _)| i32::from(symbol.0)), column(rows, |(_, status)| *status as i16)]
    });
    push(writes, SET_DEPTH_IDS, &changes.depth_ids, |rows| {
        vec![column(rows, |(symbol, _)| i32::from(symbol.0)), column(rows, |(_, seq)| number(seq.0))]
    });
}
