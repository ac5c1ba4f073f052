//! How the vocabulary stands in columns: exact in both directions, for every value.

use std::error::Error;
use std::str::FromStr;

use bytes::BytesMut;
use emporion_model::codec::{self, Durable};
use emporion_model::{
    AccountId, AccountKind, AggTradeId, Amount, AssetId, ExecutionId, ExpiryReason, Mode, OrderId, OrderStatus,
    OrderType, PreventedMatchId, Price, Quantity, Seq, Side, StpMode, SymbolId, SymbolStatus, TimeInForce, TimeUs,
    TradeGroupId, TradeId, TransferReason,
};
use emporion_ports::store::StoreError;
use emporion_ports::tables::KlineInterval;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

/// A whole number as PostgreSQL's `numeric`, which people can read and which never rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numeric(pub(super) i128);

/// The wire's digits.
const BASE: u128 = 10_000;
const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;

impl ToSql for Numeric {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let mut digits = Vec::with_capacity(10);
        let mut rest = self.0.unsigned_abs();
        while rest > 0 {
            digits.push((rest % BASE) as u16);
            rest /= BASE;
        }
        let sign = if self.0 < 0 { NEGATIVE } else { POSITIVE };
        let count = digits.len() as u16;
        for word in [count, count.saturating_sub(1), sign, 0].into_iter().chain(digits.into_iter().rev()) {
            out.extend_from_slice(&word.to_be_bytes());
        }
        Ok(IsNull::No)
    }

    accepts!(NUMERIC);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Numeric {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let words: Vec<u16> = raw.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]])).collect();
        let [count, weight, sign, _, digits @ ..] = &words[..] else { return Err("a cut number".into()) };
        let weight = i32::from(weight.cast_signed());
        if digits.len() != usize::from(*count) || ![POSITIVE, NEGATIVE].contains(sign) {
            return Err("not a number".into());
        }
        let places = usize::try_from(weight + 1).unwrap_or(0);
        if digits.len() > places && digits[places..].iter().any(|digit| *digit != 0) {
            return Err("not a whole number".into());
        }
        let mut value: u128 = 0;
        for place in 0..if digits.is_empty() { 0 } else { places } {
            let digit = u128::from(digits.get(place).copied().unwrap_or(0));
            value = value.checked_mul(BASE).and_then(|value| value.checked_add(digit)).ok_or("too large a number")?;
        }
        let signed = if *sign == NEGATIVE { 0_i128.checked_sub_unsigned(value) } else { i128::try_from(value).ok() };
        Ok(Self(signed.ok_or("too large a number")?))
    }

    accepts!(NUMERIC);
}

/// A number without sign as PostgreSQL's signed one, bit by bit. Ids, seqs and times stay far below 2^63, where both
/// have the same order.
pub(super) fn number(value: u64) -> i64 {
    value.cast_signed()
}

/// The end of a range; beyond every id and time that is stored, if it is beyond 2^63.
pub(super) fn bound(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn quantity(value: Quantity) -> Numeric {
    Numeric(i128::from(value.0))
}

pub(super) fn price(value: Price) -> Numeric {
    Numeric(i128::from(value.0))
}

pub(super) fn amount(value: Amount) -> Numeric {
    Numeric(value.0)
}

/// Something that stands in one column.
pub(super) trait Cell: Sized {
    type Raw: for<'a> FromSql<'a>;

    fn of(raw: Self::Raw) -> Option<Self>;
}

macro_rules! cells {
    ($($name:ty: $raw:ty => $of:expr),+ $(,)?) => {$(
        impl Cell for $name {
            type Raw = $raw;

            fn of(raw: $raw) -> Option<Self> {
                let of: fn($raw) -> Option<Self> = $of;
                of(raw)
            }
        }
    )+};
}

macro_rules! int8 {
    ($($name:ident),+ $(,)?) => { cells! { $($name: i64 => |raw| Some($name(raw.cast_unsigned())),)+ } };
}

macro_rules! enums {
    ($($name:ident),+ $(,)?) => { cells! { $(
        $name: i16 => |raw| usize::try_from(raw).ok().and_then(|index| $name::ALL.get(index)).copied(),
    )+ } };
}

int8! { AccountId, AggTradeId, ExecutionId, OrderId, PreventedMatchId, Seq, TimeUs, TradeGroupId, TradeId }

enums! {
    AccountKind, ExpiryReason, Mode, OrderStatus, OrderType, Side, StpMode, SymbolStatus, TimeInForce, TransferReason,
}

cells! {
    AssetId: i32 => |raw| u16::try_from(raw).ok().map(AssetId),
    SymbolId: i32 => |raw| u16::try_from(raw).ok().map(SymbolId),
    Price: Numeric => |raw| u64::try_from(raw.0).ok().map(Price),
    Quantity: Numeric => |raw| u64::try_from(raw.0).ok().map(Quantity),
    Amount: Numeric => |raw| Some(Amount(raw.0)),
    bool: bool => Some,
    u64: i64 => |raw| Some(raw.cast_unsigned()),
    u32: i64 => |raw| u32::try_from(raw).ok(),
    u16: i32 => |raw| u16::try_from(raw).ok(),
    u8: i16 => |raw| u8::try_from(raw).ok(),
    KlineInterval: i32 => |raw| {
        KlineInterval::ALL.into_iter().find(|interval| u64::try_from(raw) == Ok(interval.seconds()))
    },
    [u8; 32]: Vec<u8> => |raw| raw.try_into().ok(),
}

/// A value of which nothing is read.
struct Any;

impl<'a> FromSql<'a> for Any {
    fn from_sql(_: &Type, _: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The columns of a row, read one after the other.
pub(super) struct Cells<'a> {
    row: &'a Row,
    next: usize,
}

impl<'a> Cells<'a> {
    pub(super) fn new(row: &'a Row, first: usize) -> Self {
        Self { row, next: first }
    }

    /// Whether the next column is null.
    pub(super) fn is_null(&self) -> bool {
        matches!(self.row.try_get::<_, Option<Any>>(self.next), Ok(None))
    }

    /// The next column.
    pub(super) fn get<T: Cell>(&mut self) -> Result<T, StoreError> {
        let raw = self.raw::<T::Raw>()?;
        T::of(raw).ok_or_else(|| self.damaged(&"a value that nobody writes"))
    }

    /// The next column, which may be null.
    pub(super) fn maybe<T: Cell>(&mut self) -> Result<Option<T>, StoreError> {
        let raw = self.raw::<Option<T::Raw>>()?;
        raw.map(|raw| T::of(raw).ok_or_else(|| self.damaged(&"a value that nobody writes"))).transpose()
    }

    /// The next column: a text that was checked when it was made.
    pub(super) fn text<T: FromStr>(&mut self) -> Result<T, StoreError> {
        let text = self.raw::<&str>()?;
        text.parse().map_err(|_| self.damaged(&"a text that nobody writes"))
    }

    /// The next column: such a text, which may be null.
    pub(super) fn maybe_text<T: FromStr>(&mut self) -> Result<Option<T>, StoreError> {
        let text = self.raw::<Option<&str>>()?;
        text.map(|text| text.parse().map_err(|_| self.damaged(&"a text that nobody writes"))).transpose()
    }

    /// The next column: a description in the codec's form.
    pub(super) fn description<T: Durable>(&mut self) -> Result<T, StoreError> {
        let bytes = self.raw::<&[u8]>()?;
        codec::from_bytes(bytes).map_err(|error| self.damaged(&error))
    }

    fn raw<T: FromSql<'a>>(&mut self) -> Result<T, StoreError> {
        let value = self.row.try_get(self.next);
        self.next += 1;
        value.map_err(|error| self.damaged(&error))
    }

    fn damaged(&self, reason: &dyn std::fmt::Display) -> StoreError {
        let column = self.row.columns().get(self.next - 1).map_or("?", |column| column.name());
        StoreError::Damaged(format!("the tables are damaged: column {column}: {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_come_back_exactly() {
        let mut numbers = vec![i128::MIN, i128::MIN + 1, -10_000, -1, 0, 1, 9_999, 10_000, 100_000_000, i128::MAX];
        numbers.extend((0..39).map(|exponent| 10_i128.pow(exponent)));
        for value in numbers {
            let mut bytes = BytesMut::new();
            Numeric(value).to_sql(&Type::NUMERIC, &mut bytes).unwrap();
            assert_eq!(Numeric::from_sql(&Type::NUMERIC, &bytes).unwrap(), Numeric(value));
        }
    }

    #[test]
    fn fractions_and_numbers_that_are_too_large_are_refused() {
        let wire = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        for words in [&[1, 0xffff, 0, 1, 5_000][..], &[1, 10, 0, 0, 1], &[0, 0, 0xc000, 0], &[2, 0, 0, 0, 1], &[1]] {
            assert!(Numeric::from_sql(&Type::NUMERIC, &wire(words)).is_err(), "{words:?}");
        }
        assert_eq!(Numeric::from_sql(&Type::NUMERIC, &wire(&[1, 2, 0, 0, 3])).unwrap(), Numeric(300_000_000));
    }
}
