//! The durable codec: the only place that turns the vocabulary into bytes that outlive a process.
//!
//! The format is append-only. Integers are LEB128 varints in their shortest form (signed ones zigzag),
//! texts and lists carry their length, an `Option` a 0 or 1, an enum the number that its declaration
//! gives: a number is never used again for something else. Structs are their fields in order. What is
//! written begins with [`FORMAT`]; a later format that adds a field reads the older one by that number.
//! Decoding is strict: every value has one encoding, and bytes left over are an error.

use std::fmt;

/// The format that this build writes.
pub const FORMAT: u16 = 1;

/// The oldest format that this build reads.
pub const FORMAT_OLDEST: u16 = 1;

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// They end too early.
    Truncated,
    /// They go on after the end.
    Trailing,
    /// A number is too large, not in its shortest form, or not one that its type knows.
    Invalid,
    /// They were written in a format that this build does not read.
    Format(u16),
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the bytes end too early"),
            Self::Trailing => f.write_str("bytes are left over after the end"),
            Self::Invalid => f.write_str("a value is not one that its type knows"),
            Self::Format(found) => write!(f, "format {found} is not one of {FORMAT_OLDEST} to {FORMAT}"),
        }
    }
}

impl std::error::Error for CodecError {}

/// A value with a durable form.
pub trait Durable: Sized {
    /// Appends the value's bytes.
    fn encode(&self, writer: &mut Writer);

    /// Takes the value from the front of what is left.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError>;
}

/// The bytes of `value` behind the format's number.
pub fn to_bytes(value: &impl Durable) -> Vec<u8> {
    let mut writer = Writer::with_format();
    value.encode(&mut writer);
    writer.into_bytes()
}

/// The value that [`to_bytes`] wrote.
pub fn from_bytes<T: Durable>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut reader = Reader::with_format(bytes)?;
    let value = T::decode(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

/// Collects bytes.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A writer that has written the format's number.
    pub fn with_format() -> Self {
        let mut writer = Self::default();
        writer.unsigned(u128::from(FORMAT));
        writer
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// What was written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Forgets what was written and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// A number without sign.
    pub fn unsigned(&mut self, mut value: u128) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// A length and the bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.unsigned(bytes.len() as u128);
        self.bytes.extend_from_slice(bytes);
    }

    /// The bytes alone; their number is known to the reader.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
}

/// Takes bytes apart.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of bytes without a format number before them.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// A reader that has read the format's number and can read what follows it.
    pub fn with_format(bytes: &'a [u8]) -> Result<Self, CodecError> {
        let mut reader = Self::new(bytes);
        let format = u16::decode(&mut reader)?;
        if !(FORMAT_OLDEST..=FORMAT).contains(&format) {
            return Err(CodecError::Format(format));
        }
        Ok(reader)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Nothing may be left.
    pub fn finish(self) -> Result<(), CodecError> {
        if self.is_empty() { Ok(()) } else { Err(CodecError::Trailing) }
    }

    /// A number without sign, in its shortest form.
    pub fn unsigned(&mut self) -> Result<u128, CodecError> {
        let mut value: u128 = 0;
        for shift in (0..128).step_by(7) {
            let [byte] = self.raw()?;
            let digits = u128::from(byte & 0x7f);
            if shift == 126 && digits > 3 {
                return Err(CodecError::Invalid);
            }
            value |= digits << shift;
            if byte & 0x80 == 0 {
                let shortest = byte != 0 || shift == 0;
                return if shortest { Ok(value) } else { Err(CodecError::Invalid) };
            }
        }
        Err(CodecError::Invalid)
    }

    /// A length and as many bytes.
    pub fn bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let length = usize::decode(self)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(CodecError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// `N` bytes.
    pub fn raw<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(CodecError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }
}

macro_rules! durable_unsigned {
    ($($type:ty),*) => {$(
        impl Durable for $type {
            fn encode(&self, writer: &mut Writer) {
                writer.unsigned(*self as u128);
            }

            fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
                reader.unsigned()?.try_into().map_err(|_| CodecError::Invalid)
            }
        }
    )*};
}

durable_unsigned!(u8, u16, u32, u64, u128, usize);

impl Durable for i128 {
    fn encode(&self, writer: &mut Writer) {
        writer.unsigned(((self << 1) ^ (self >> 127)) as u128);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let zigzag = reader.unsigned()?;
        Ok((zigzag >> 1) as i128 ^ -((zigzag & 1) as i128))
    }
}

impl Durable for bool {
    fn encode(&self, writer: &mut Writer) {
        writer.unsigned(u128::from(*self));
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        match reader.unsigned()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(CodecError::Invalid),
        }
    }
}

impl<const N: usize> Durable for [u8; N] {
    fn encode(&self, writer: &mut Writer) {
        writer.raw(self);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        reader.raw()
    }
}

impl<T: Durable> Durable for Option<T> {
    fn encode(&self, writer: &mut Writer) {
        self.is_some().encode(writer);
        if let Some(value) = self {
            value.encode(writer);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        bool::decode(reader)?.then(|| T::decode(reader)).transpose()
    }
}

impl<T: Durable> Durable for Vec<T> {
    fn encode(&self, writer: &mut Writer) {
        self.len().encode(writer);
        for item in self {
            item.encode(writer);
        }
    }

    /// Memory grows with what was really read, never with what a length claims.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let length = usize::decode(reader)?;
        if length > reader.rest.len() {
            return Err(CodecError::Truncated);
        }
        (0..length).map(|_| T::decode(reader)).collect()
    }
}

impl<A: Durable, B: Durable> Durable for (A, B) {
    fn encode(&self, writer: &mut Writer) {
        self.0.encode(writer);
        self.1.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok((A::decode(reader)?, B::decode(reader)?))
    }
}

/// A tuple struct of one field is that field.
#[macro_export]
#[doc(hidden)]
macro_rules! __durable_newtype {
    ($name:ident($repr:ty)) => {
        impl $crate::codec::Durable for $name {
            fn encode(&self, writer: &mut $crate::codec::Writer) {
                self.0.encode(writer);
            }

            fn decode(reader: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::CodecError> {
                <$repr as $crate::codec::Durable>::decode(reader).map(Self)
            }
        }
    };
}

/// A struct is its fields in the order given here.
#[macro_export]
#[doc(hidden)]
macro_rules! __durable_struct {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::codec::Durable for $name {
            fn encode(&self, writer: &mut $crate::codec::Writer) {
                $($crate::codec::Durable::encode(&self.$field, writer);)+
            }

            fn decode(
                reader: &mut $crate::codec::Reader<'_>,
            ) -> Result<Self, $crate::codec::CodecError> {
                $(let $field = $crate::codec::Durable::decode(reader)?;)+
                Ok(Self { $($field),+ })
            }
        }
    };
}

/// An enum without fields is the number given here.
#[macro_export]
#[doc(hidden)]
macro_rules! __durable_enum {
    ($name:ident { $($variant:ident = $number:literal),+ $(,)? }) => {
        impl $name {
            /// Every value, in the order of their durable numbers.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
        }

        impl $crate::codec::Durable for $name {
            fn encode(&self, writer: &mut $crate::codec::Writer) {
                writer.unsigned(match self {
                    $(Self::$variant => $number,)+
                });
            }

            fn decode(
                reader: &mut $crate::codec::Reader<'_>,
            ) -> Result<Self, $crate::codec::CodecError> {
                match reader.unsigned()? {
                    $($number => Ok(Self::$variant),)+
                    _ => Err($crate::codec::CodecError::Invalid),
                }
            }
        }
    };
}

/// An enum with fields is the number given here and the variant's fields in order.
#[macro_export]
#[doc(hidden)]
macro_rules! __durable_tagged {
    ($name:ident { $($number:literal => $variant:ident $(($($field:ident),+))?),+ $(,)? }) => {
        impl $crate::codec::Durable for $name {
            fn encode(&self, writer: &mut $crate::codec::Writer) {
                match self {
                    $(Self::$variant $(($($field),+))? => {
                        writer.unsigned($number);
                        $($($crate::codec::Durable::encode($field, writer);)+)?
                    })+
                }
            }

            fn decode(
                reader: &mut $crate::codec::Reader<'_>,
            ) -> Result<Self, $crate::codec::CodecError> {
                match reader.unsigned()? {
                    $($number => {
                        $($(let $field = $crate::codec::Durable::decode(reader)?;)+)?
                        Ok(Self::$variant $(($($field),+))?)
                    })+
                    _ => Err($crate::codec::CodecError::Invalid),
                }
            }
        }
    };
}

pub use __durable_enum as durable_enum;
pub use __durable_newtype as durable_newtype;
pub use __durable_struct as durable_struct;
pub use __durable_tagged as durable_tagged;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: Durable + PartialEq + fmt::Debug>(value: T, expected: &[u8]) {
        let mut writer = Writer::default();
        value.encode(&mut writer);
        assert_eq!(writer.as_bytes(), expected);
        let mut reader = Reader::new(expected);
        assert_eq!(T::decode(&mut reader), Ok(value));
        assert!(reader.is_empty());
    }

    #[test]
    fn numbers_have_one_short_form() {
        check(0u64, &[0]);
        check(127u64, &[127]);
        check(128u64, &[128, 1]);
        check(u64::MAX, &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
        check(0i128, &[0]);
        check(-1i128, &[1]);
        check(1i128, &[2]);
        check(i128::MIN, &[[255u8; 18].as_slice(), &[3]].concat());
        check(u128::MAX, &[[255u8; 18].as_slice(), &[3]].concat());
        check(Some(7u8), &[1, 7]);
        check(vec![1u8, 2], &[2, 1, 2]);
    }

    #[test]
    fn other_forms_are_refused() {
        let decode = |bytes: &[u8]| u64::decode(&mut Reader::new(bytes));
        assert_eq!(decode(&[]), Err(CodecError::Truncated));
        assert_eq!(decode(&[128]), Err(CodecError::Truncated));
        assert_eq!(decode(&[128, 0]), Err(CodecError::Invalid));
        assert_eq!(decode(&[255; 19]), Err(CodecError::Invalid));
        assert_eq!(decode(&[255, 255, 255, 255, 255, 255, 255, 255, 255, 2]), Err(CodecError::Invalid));
        assert_eq!(Vec::<u8>::decode(&mut Reader::new(&[200, 1, 1])), Err(CodecError::Truncated));
        assert_eq!(from_bytes::<bool>(&[1, 1, 0]), Err(CodecError::Trailing));
        assert_eq!(from_bytes::<bool>(&[2, 1]), Err(CodecError::Format(2)));
    }
}
