//! What a parameter's text can be: numbers, decimals, times, names, lists, and the alphabets they keep.
//!
//! The legal ranges are quoted in error texts as Binance quotes them; the checks beside them are ours.

use super::Param;
use crate::{ApiError, Code};
use emporion_model::decimal::{self, DecimalError};
use emporion_model::{ClientOrderId, Interval, SymbolName, TimeUs};

const INTEGER_RANGE: &str = "^[0-9]{1,20}$";
const DECIMAL_RANGE: &str = r"^([0-9]{1,20})(\.[0-9]{1,20})?$";
const CLIENT_ORDER_ID_RANGE: &str = r"^[\.A-Z\:/a-z0-9_-]{1,36}$";
const SYMBOL_RANGE: &str = r"^[\w\-._&&[^a-z]]{1,50}$";
const SYMBOLS_RANGE: &str = r#"^\[("[\w\-._&&[^a-z]]{1,50}"(,"[\w\-._&&[^a-z]]{1,50}"){0,})?\]$"#;
const BOOLEAN_RANGE: &str = "^(true|false)$";

/// Times from here on are microseconds: as milliseconds this would be the year 5138, as microseconds it is
/// 1973.
const FIRST_MICROSECOND_TIME: u64 = 100_000_000_000_000;

impl Param<'_> for u64 {
    fn read(name: &'static str, text: &str) -> Result<Self, ApiError> {
        if text.len() > 20 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ApiError::illegal_chars(name, INTEGER_RANGE));
        }
        text.parse().map_err(|_| ApiError::overflowed(name))
    }
}

impl Param<'_> for u32 {
    fn read(name: &'static str, text: &str) -> Result<Self, ApiError> {
        Self::try_from(u64::read(name, text)?).map_err(|_| ApiError::overflowed(name))
    }
}

impl Param<'_> for bool {
    fn read(name: &'static str, text: &str) -> Result<Self, ApiError> {
        match text {
            _ if text.eq_ignore_ascii_case("true") => Ok(true),
            _ if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(ApiError::illegal_chars(name, BOOLEAN_RANGE)),
        }
    }
}

/// A point in time, sent in milliseconds or microseconds and told apart by its size.
impl Param<'_> for TimeUs {
    fn read(name: &'static str, text: &str) -> Result<Self, ApiError> {
        let number = u64::read(name, text)?;
        Ok(if number < FIRST_MICROSECOND_TIME { Self::from_millis(number) } else { Self(number) })
    }
}

impl Param<'_> for ClientOrderId {
    fn read(name: &'static str, text: &str) -> Result<Self, ApiError> {
        text.parse().map_err(|_| ApiError::illegal_chars(name, CLIENT_ORDER_ID_RANGE))
    }
}

/// A symbol's name by its alphabet; whether the symbol exists is for the service to say, also with -1121.
impl Param<'_> for SymbolName {
    fn read(name: &'static str, text: &str) -> Result<Self, ApiError> {
        if !is_symbol_text(text) {
            return Err(ApiError::illegal_chars(name, SYMBOL_RANGE));
        }
        text.parse().map_err(|_| Code::BadSymbol.into())
    }
}

fn is_symbol_text(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    (1..=50).contains(&text.len()) && text.bytes().all(legal)
}

/// A number kept as the text that was sent, known to follow the grammar of decimals; its scale is known
/// only where its symbol or asset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberText<'p> {
    name: &'static str,
    text: &'p str,
}

impl<'p> Param<'p> for NumberText<'p> {
    fn read(name: &'static str, text: &'p str) -> Result<Self, ApiError> {
        match decimal::significant_decimals(text) {
            Ok(_) => Ok(Self { name, text }),
            Err(_) => Err(ApiError::illegal_chars(name, DECIMAL_RANGE)),
        }
    }
}

impl<'p> NumberText<'p> {
    /// The text as it was sent.
    pub fn as_str(&self) -> &'p str {
        self.text
    }

    /// The number in units of `10^-scale`. More decimals than that are -1111, more digits than `T` holds
    /// are -1108.
    pub fn scaled<T: TryFrom<u128>>(&self, scale: u8) -> Result<T, ApiError> {
        let number = decimal::parse(self.text, scale).map_err(|error| match error {
            DecimalError::TooManyDecimals => ApiError::too_much_precision(self.name),
            DecimalError::TooLarge => ApiError::overflowed(self.name),
            DecimalError::Malformed => ApiError::illegal_chars(self.name, DECIMAL_RANGE),
        })?;
        T::try_from(number).map_err(|_| ApiError::overflowed(self.name))
    }
}

/// A JSON array of symbols without spaces, such as `["BTCUSDT","BNBUSDT"]`: at least one, none twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbols(pub Vec<SymbolName>);

impl Param<'_> for Symbols {
    fn read(name: &'static str, text: &str) -> Result<Self, ApiError> {
        let illegal = || ApiError::illegal_chars(name, SYMBOLS_RANGE);
        let texts = json_texts(text).ok_or_else(illegal)?;
        if texts.is_empty() {
            return Err(ApiError::empty_parameter(name));
        }
        if !texts.iter().all(|text| is_symbol_text(text)) {
            return Err(illegal());
        }
        let mut symbols: Vec<SymbolName> =
            texts.iter().map(|text| text.parse().map_err(|_| Code::BadSymbol)).collect::<Result<_, _>>()?;
        let sent = symbols.clone();
        symbols.sort_unstable();
        if symbols.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Code::DuplicateSymbols.into());
        }
        Ok(Self(sent))
    }
}

/// One plain word, or a JSON array of such words without spaces: `SPOT` or `["SPOT","MARGIN"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts<'p>(pub Vec<&'p str>);

impl<'p> Param<'p> for Texts<'p> {
    fn read(name: &'static str, text: &'p str) -> Result<Self, ApiError> {
        let is_word =
            |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let texts = if text.starts_with('[') { json_texts(text).unwrap_or_default() } else { vec![text] };
        if texts.is_empty() || !texts.iter().all(is_word) {
            return Err(ApiError::invalid_parameter(name));
        }
        Ok(Self(texts))
    }
}

/// The strings of a JSON array that has no spaces and no escapes.
fn json_texts(text: &str) -> Option<Vec<&str>> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    if inner.is_empty() {
        return Some(Vec::new());
    }
    inner.split(',').map(|quoted| quoted.strip_prefix('"')?.strip_suffix('"')).collect()
}

impl Param<'_> for Interval {
    fn read(_: &'static str, text: &str) -> Result<Self, ApiError> {
        Self::named(text).ok_or_else(|| Code::BadInterval.into())
    }
}

/// An offset from UTC in minutes, `-12:00` to `+14:00`; sent as hours (`0`, `-3`) or hours and minutes
/// (`05:45`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeZone {
    /// Minutes east of Greenwich.
    pub minutes: i32,
}

impl Param<'_> for TimeZone {
    fn read(name: &'static str, text: &str) -> Result<Self, ApiError> {
        let minutes = offset_minutes(text).filter(|minutes| (-12 * 60..=14 * 60).contains(minutes));
        minutes.map(|minutes| Self { minutes }).ok_or_else(|| ApiError::invalid_parameter(name))
    }
}

fn offset_minutes(text: &str) -> Option<i32> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "00"));
    let number = |text: &str, digits_min: usize| {
        let legal = (digits_min..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        legal.then(|| text.parse::<i32>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours, 1)?, number(minutes, 2)?);
    (minutes < 60).then_some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<'p, T: Param<'p> + PartialEq + std::fmt::Debug>(text: &'p str, expected: Result<T, &str>) {
        let got = T::read("x", text);
        let got = got.as_ref().map_err(|error| format!("{} {}", error.code.number(), error.message));
        assert_eq!(got, expected.as_ref().map_err(|error| error.to_string()), "{text:?}");
    }

    #[test]
    fn integers() {
        let illegal = Err("-1100 Illegal characters found in parameter 'x'; legal range is '^[0-9]{1,20}$'.");
        check::<u64>("0", Ok(0));
        check::<u64>("18446744073709551615", Ok(u64::MAX));
        check::<u64>("18446744073709551616", Err("-1108 Parameter 'x' overflowed."));
        check::<u32>("4294967296", Err("-1108 Parameter 'x' overflowed."));
        for text in ["-1", "+1", "1.0", "1e3", " 1", "０", "x", "000000000000000000001"] {
            check::<u64>(text, illegal);
        }
    }

    #[test]
    fn times_are_milliseconds_or_microseconds() {
        check("0", Ok(TimeUs(0)));
        check("1499827319559", Ok(TimeUs(1_499_827_319_559_000)));
        check("1499827319559123", Ok(TimeUs(1_499_827_319_559_123)));
        check("99999999999999", Ok(TimeUs(99_999_999_999_999_000)));
        check("100000000000000", Ok(TimeUs(100_000_000_000_000)));
    }

    #[test]
    fn decimals_stay_text_until_their_scale_is_known() {
        let number = |text| NumberText::read("quantity", text);
        assert_eq!(number("1.50").expect("legal").scaled::<u64>(8), Ok(150_000_000));
        assert_eq!(number("1.50").expect("legal").scaled::<u64>(0), Err(ApiError::too_much_precision("quantity")));
        assert_eq!(
            number("99999999999999999999").expect("legal").scaled::<u64>(8),
            Err(ApiError::overflowed("quantity"))
        );
        for text in ["1e-05", "-1", "+1", ".5", "1.", "NaN", "1,5", "0x10", "١", "1 "] {
            assert_eq!(
                number(text).expect_err("illegal").message,
                r"Illegal characters found in parameter 'quantity'; legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'."
            );
        }
    }

    #[test]
    fn symbols_keep_their_alphabet() {
        let illegal = r"-1100 Illegal characters found in parameter 'x'; legal range is '^[\w\-._&&[^a-z]]{1,50}$'.";
        check("BTCUSDT", Ok("BTCUSDT".parse::<SymbolName>().expect("legal")));
        check::<SymbolName>("BTC-USDT", Err("-1121 Invalid symbol."));
        for text in ["btcusdt", "BTC/USDT", "BTC USDT", "ＢＴＣ", "'", &"A".repeat(51)] {
            check::<SymbolName>(text, Err(illegal));
        }
    }

    #[test]
    fn symbol_lists_are_json_without_spaces() {
        let symbols = |texts: &[&str]| Symbols(texts.iter().map(|text| text.parse().expect("legal")).collect());
        check(r#"["BTCUSDT"]"#, Ok(symbols(&["BTCUSDT"])));
        check(r#"["ETHUSDT","BTCUSDT"]"#, Ok(symbols(&["ETHUSDT", "BTCUSDT"])));
        check::<Symbols>("[]", Err("-1105 Parameter 'x' was empty."));
        check::<Symbols>(r#"["A","B","A"]"#, Err("-1151 Symbol is present multiple times in the list."));
        for text in [r#"["A", "B"]"#, "A", "[A]", r#"["A""#, r#"["A",]"#, r#"["a"]"#, r#"["A"]]"#, r#"[""]"#, "[\"]"] {
            assert_eq!(Symbols::read("x", text).map_err(|error| error.code), Err(Code::IllegalChars), "{text}");
        }
    }

    #[test]
    fn word_lists_may_be_one_word() {
        check("SPOT", Ok(Texts(vec!["SPOT"])));
        check(r#"["SPOT","MARGIN"]"#, Ok(Texts(vec!["SPOT", "MARGIN"])));
        for text in ["[]", "[SPOT]", "SP OT", r#"["SPOT", "MARGIN"]"#] {
            check::<Texts<'_>>(text, Err("-1130 Data sent for parameter 'x' is not valid."));
        }
    }

    #[test]
    fn booleans_client_ids_and_intervals() {
        check("true", Ok(true));
        check("False", Ok(false));
        check::<bool>("1", Err("-1100 Illegal characters found in parameter 'x'; legal range is '^(true|false)$'."));
        check("x-TKT5PX2F_1", Ok("x-TKT5PX2F_1".parse::<ClientOrderId>().expect("legal")));
        let illegal = r"-1100 Illegal characters found in parameter 'x'; legal range is '^[\.A-Z\:/a-z0-9_-]{1,36}$'.";
        check::<ClientOrderId>("a b", Err(illegal));
        check::<ClientOrderId>(&"a".repeat(37), Err(illegal));
        check("1m", Ok(Interval::Minute1));
        check("1M", Ok(Interval::Month1));
        for text in ["1D", "2m", "60", "1 m"] {
            check::<Interval>(text, Err("-1120 Invalid interval."));
        }
    }

    #[test]
    fn time_zones_are_bounded_offsets() {
        for (text, minutes) in
            [("0", 0), ("8", 480), ("-1:00", -60), ("05:45", 345), ("-12:00", -720), ("+14:00", 840), ("14", 840)]
        {
            check(text, Ok(TimeZone { minutes }));
        }
        for text in ["-12:01", "14:01", "15", "1:60", "1:5", "1:", ":30", "-", "UTC", "1:00:00", "é"] {
            check::<TimeZone>(text, Err("-1130 Data sent for parameter 'x' is not valid."));
        }
    }
}
