//! How the vocabulary stands in columns. Exact in both directions, for every value.

use std::str::FromStr;

use emporion_model::codec::{self, Durable};
use emporion_model::{
    AccountId, AccountKind, AggTradeId, Amount, AssetId, ExpiryReason, Mode, OrderId, OrderStatus, OrderType,
    PreventedMatchId, Price, Quantity, Seq, Side, StpMode, SymbolId, SymbolStatus, TimeInForce, TimeUs, TradeGroupId,
    TradeId, TransferReason,
};
use rusqlite::Row;
use rusqlite::types::{FromSql, Type};

/// A number without sign as SQLite's signed one, bit by bit. Ids, seqs and times stay far below 2^63, where
/// both have the same order; prices and quantities are never ordered or added up in SQL.
pub(crate) fn number(value: u64) -> i64 {
    value.cast_signed()
}

/// What [`number`] wrote.
pub(crate) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

/// Something that stands in one column.
pub(crate) trait Column: Sized {
    /// The value in this column.
    fn read(row: &Row<'_>, column: usize) -> rusqlite::Result<Self>;
}

/// The value in `column`, whatever it is.
pub(crate) fn get<T: Column>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    T::read(row, column)
}

macro_rules! columns {
    ($($name:ident: $read:expr),+ $(,)?) => {$(
        impl Column for $name {
            fn read(row: &Row<'_>, column: usize) -> rusqlite::Result<Self> {
                let read: fn(&Row<'_>, usize) -> rusqlite::Result<_> = $read;
                read(row, column).map(Self)
            }
        }
    )+};
}

fn plain<T: FromSql>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    row.get(column)
}

columns! {
    AccountId: unsigned,
    AggTradeId: unsigned,
    Amount: plain,
    AssetId: plain,
    OrderId: unsigned,
    PreventedMatchId: unsigned,
    Price: unsigned,
    Quantity: unsigned,
    Seq: unsigned,
    SymbolId: plain,
    TimeUs: unsigned,
    TradeGroupId: unsigned,
    TradeId: unsigned,
}

impl<T: Column> Column for Option<T> {
    fn read(row: &Row<'_>, column: usize) -> rusqlite::Result<Self> {
        let is_null = row.get_ref(column)?.data_type() == Type::Null;
        if is_null { Ok(None) } else { T::read(row, column).map(Some) }
    }
}

macro_rules! enums {
    ($($name:ident),+ $(,)?) => {
        $(
            impl Column for $name {
                fn read(row: &Row<'_>, column: usize) -> rusqlite::Result<Self> {
                    let code: i64 = row.get(column)?;
                    let value = usize::try_from(code).ok().and_then(|index| Self::ALL.get(index)).copied();
                    value.ok_or(rusqlite::Error::IntegralValueOutOfRange(column, code))
                }
            }
        )+

        #[cfg(test)]
        mod tests {
            use super::*;

            #[test]
            fn the_number_of_an_enum_is_its_durable_one() {
                $(
                    for (index, value) in $name::ALL.iter().enumerate() {
                        assert_eq!(*value as usize, index);
                        let mut writer = codec::Writer::default();
                        value.encode(&mut writer);
                        assert_eq!(writer.as_bytes(), [index as u8]);
                    }
                )+
            }
        }
    };
}

enums! {
    AccountKind,
    ExpiryReason,
    Mode,
    OrderStatus,
    OrderType,
    Side,
    StpMode,
    SymbolStatus,
    TimeInForce,
    TransferReason,
}

/// A text that was checked when it was made.
pub(crate) fn text<T: FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// A text that may be missing.
pub(crate) fn optional_text<T: FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let is_null = row.get_ref(column)?.data_type() == Type::Null;
    if is_null { Ok(None) } else { text(row, column).map(Some) }
}

/// A description in the codec's form.
pub(crate) fn description<T: Durable>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let bytes = row.get_ref(column)?.as_blob()?;
    codec::from_bytes(bytes)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, Box::new(error)))
}
