//! Which streams there are, and how clients name them.
//!
//! A name is exact: the symbol in lower case, the rest in the case that the documents print. Each stream has one name
//! that we use ourselves; a few others are understood.

use emporion_model::{Interval, SymbolName};
use std::fmt;

/// A stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Stream {
    /// Of one symbol, listed or not.
    Of(SymbolName, Kind),
    /// Of all symbols together.
    All(AllKind),
}

/// What a symbol's streams tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Each trade.
    Trade,
    /// The trades of one taker order at one price.
    AggTrade,
    /// The levels that changed.
    Depth(Speed),
    /// The best 5, 10 or 20 levels of each side.
    PartialDepth(u8, Speed),
    /// The best level of each side.
    BookTicker,
    /// The kline of now, and minutes east of Greenwich.
    Kline(Interval, i32),
    /// The statistics of the last 24 hours in short.
    MiniTicker,
    /// The statistics of the last 24 hours.
    Ticker,
    /// The average price of the last minutes.
    AvgPrice,
}

/// What the streams of all symbols tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum AllKind {
    /// A [`Kind::MiniTicker`] for each symbol where it changed.
    MiniTickers,
    /// A [`Kind::Ticker`] for each symbol where it changed.
    Tickers,
}

/// How often a stream of the book tells what changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Speed {
    /// Every 100 milliseconds.
    Ms100,
    /// Every second.
    Ms1000,
}

/// The one time zone besides UTC in which the documents offer klines. Any other would have to be counted for its
/// subscriber alone, and there are thousands of them.
const EAST: (&str, i32) = ("+08:00", 8 * 60);

const MINI_TICKERS: &str = "!miniTicker@arr";
const TICKERS: &str = "!ticker@arr";

impl Stream {
    /// The stream of this name, if there can be one.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            // As python-binance writes it.
            MINI_TICKERS | "!miniTicker@arr@1000ms" => Some(Self::All(AllKind::MiniTickers)),
            TICKERS => Some(Self::All(AllKind::Tickers)),
            _ => {
                let (symbol, kind) = name.split_once('@')?;
                Some(Self::Of(lower_case_symbol(symbol)?, Kind::parse(kind)?))
            }
        }
    }

    /// The kline and its time zone, if it is a stream of klines.
    pub(crate) fn kline(self) -> Option<(SymbolName, Interval, i32)> {
        match self {
            Self::Of(symbol, Kind::Kline(interval, east_minutes)) => Some((symbol, interval, east_minutes)),
            _ => None,
        }
    }

    /// Whether the stream tells how something stands, so that there is something to tell whoever comes; not what
    /// happens.
    pub(crate) fn has_present_value(self) -> bool {
        self.is_conflated() || matches!(self, Self::All(_))
    }

    /// Whether a newer event of the stream says all that an older one said, so that only the newest has to wait for
    /// a client that reads slowly.
    pub(crate) fn is_conflated(self) -> bool {
        match self {
            Self::Of(_, kind) => !matches!(kind, Kind::Trade | Kind::AggTrade | Kind::Depth(_)),
            // Each tells the symbols that changed since the one before: none may be left out.
            Self::All(_) => false,
        }
    }
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "trade" => Self::Trade,
            "aggTrade" => Self::AggTrade,
            "bookTicker" => Self::BookTicker,
            "miniTicker" => Self::MiniTicker,
            "ticker" => Self::Ticker,
            "avgPrice" => Self::AvgPrice,
            _ => match text.strip_prefix("kline_") {
                Some(kline) => parse_kline(kline)?,
                None => parse_depth(text.strip_prefix("depth")?)?,
            },
        })
    }
}

fn lower_case_symbol(text: &str) -> Option<SymbolName> {
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    is_lower.then(|| text.to_ascii_uppercase().parse().ok()).flatten()
}

fn parse_kline(text: &str) -> Option<Kind> {
    let (interval, east_minutes) = match text.split_once('@') {
        None => (text, 0),
        Some((interval, zone)) if zone == EAST.0 => (interval, EAST.1),
        Some(_) => return None,
    };
    Some(Kind::Kline(Interval::named(interval)?, east_minutes))
}

fn parse_depth(text: &str) -> Option<Kind> {
    let (levels, speed) = match text.split_once('@') {
        None => (text, Speed::Ms1000),
        Some((levels, "1000ms")) => (levels, Speed::Ms1000),
        Some((levels, "100ms")) => (levels, Speed::Ms100),
        Some(_) => return None,
    };
    Some(match levels {
        "" => Kind::Depth(speed),
        "5" => Kind::PartialDepth(5, speed),
        "10" => Kind::PartialDepth(10, speed),
        "20" => Kind::PartialDepth(20, speed),
        _ => return None,
    })
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(symbol, kind) => write!(f, "{}@{kind}", symbol.as_str().to_ascii_lowercase()),
            Self::All(AllKind::MiniTickers) => f.write_str(MINI_TICKERS),
            Self::All(AllKind::Tickers) => f.write_str(TICKERS),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trade => f.write_str("trade"),
            Self::AggTrade => f.write_str("aggTrade"),
            Self::Depth(speed) => write!(f, "depth{speed}"),
            Self::PartialDepth(levels, speed) => write!(f, "depth{levels}{speed}"),
            Self::BookTicker => f.write_str("bookTicker"),
            Self::Kline(interval, 0) => write!(f, "kline_{}", interval.as_str()),
            Self::Kline(interval, east_minutes) => {
                let (sign, minutes) = (if *east_minutes < 0 { '-' } else { '+' }, east_minutes.abs());
                write!(f, "kline_{}@{sign}{:02}:{:02}", interval.as_str(), minutes / 60, minutes % 60)
            }
            Self::MiniTicker => f.write_str("miniTicker"),
            Self::Ticker => f.write_str("ticker"),
            Self::AvgPrice => f.write_str("avgPrice"),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ms100 => "@100ms",
            Self::Ms1000 => "",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn symbol(name: &str) -> SymbolName {
        name.parse().unwrap()
    }

    fn bitcoin(kind: Kind) -> Stream {
        Stream::Of(symbol("BTCUSDT"), kind)
    }

    #[test]
    fn each_stream_has_its_name() {
        for (name, stream) in [
            ("btcusdt@trade", bitcoin(Kind::Trade)),
            ("btcusdt@aggTrade", bitcoin(Kind::AggTrade)),
            ("btcusdt@depth", bitcoin(Kind::Depth(Speed::Ms1000))),
            ("btcusdt@depth@100ms", bitcoin(Kind::Depth(Speed::Ms100))),
            ("btcusdt@depth5", bitcoin(Kind::PartialDepth(5, Speed::Ms1000))),
            ("btcusdt@depth10@100ms", bitcoin(Kind::PartialDepth(10, Speed::Ms100))),
            ("btcusdt@depth20@100ms", bitcoin(Kind::PartialDepth(20, Speed::Ms100))),
            ("btcusdt@bookTicker", bitcoin(Kind::BookTicker)),
            ("btcusdt@kline_1s", bitcoin(Kind::Kline(Interval::Second1, 0))),
            ("btcusdt@kline_1m", bitcoin(Kind::Kline(Interval::Minute1, 0))),
            ("btcusdt@kline_1M", bitcoin(Kind::Kline(Interval::Month1, 0))),
            ("btcusdt@kline_1h@+08:00", bitcoin(Kind::Kline(Interval::Hour1, 480))),
            ("btcusdt@miniTicker", bitcoin(Kind::MiniTicker)),
            ("btcusdt@ticker", bitcoin(Kind::Ticker)),
            ("btcusdt@avgPrice", bitcoin(Kind::AvgPrice)),
            ("1inchbtc@trade", Stream::Of(symbol("1INCHBTC"), Kind::Trade)),
            ("!miniTicker@arr", Stream::All(AllKind::MiniTickers)),
            ("!ticker@arr", Stream::All(AllKind::Tickers)),
        ] {
            assert_eq!(Stream::parse(name), Some(stream), "{name}");
            assert_eq!(stream.to_string(), name);
        }
    }

    #[test]
    fn a_second_may_be_said() {
        for (name, canonical) in
            [("btcusdt@depth@1000ms", "btcusdt@depth"), ("btcusdt@depth20@1000ms", "btcusdt@depth20")]
        {
            assert_eq!(Stream::parse(name).unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn nothing_else_is_a_name() {
        for name in [
            "",
            "0",
            "@",
            "@trade",
            "btcusdt",
            "btcusdt@",
            "BTCUSDT@trade",
            "Btcusdt@trade",
            "btc-usdt@trade",
            "ａ@trade",
            "abcdefghijklmnopqrstuvwxy@trade",
            "btcusdt@Trade",
            "btcusdt@aggtrade",
            "btcusdt@trade ",
            "btcusdt@trade@100ms",
            "btcusdt@depth0",
            "btcusdt@depth05",
            "btcusdt@depth500",
            "btcusdt@depth@",
            "btcusdt@depth@0ms",
            "btcusdt@depth@100ms@100ms",
            "btcusdt@depth@1000ms@1000ms",
            "btcusdt@kline",
            "btcusdt@kline_",
            "btcusdt@kline_1S",
            "btcusdt@kline_2m",
            "btcusdt@kline_1h@",
            "btcusdt@kline_1h@08:00",
            "btcusdt@kline_1h@+00:00",
            "btcusdt@kline_1h@+09:00",
            "btcusdt@kline_1h@ 08:00",
            "btcusdt@ticker_1h",
            "!ticker_1h@arr",
            "!trade@arr",
            "!miniTicker",
        ] {
            assert_eq!(Stream::parse(name), None, "{name:?}");
        }
    }

    #[test]
    fn only_values_are_replaced_by_newer_ones() {
        for (name, is_conflated) in [
            ("a@trade", false),
            ("a@aggTrade", false),
            ("a@depth", false),
            ("a@depth@100ms", false),
            ("a@depth5", true),
            ("a@bookTicker", true),
            ("a@kline_1m", true),
            ("a@miniTicker", true),
            ("a@ticker", true),
            ("a@avgPrice", true),
            ("!miniTicker@arr", false),
            ("!ticker@arr", false),
        ] {
            let stream = Stream::parse(name).unwrap();
            assert_eq!(stream.is_conflated(), is_conflated, "{name}");
            assert_eq!(stream.has_present_value(), is_conflated || name.starts_with('!'), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*", kind in "[a-z0-9_@:+]{0,20}") {
            let _ = Stream::parse(&text);
            if let Some(stream) = Stream::parse(&format!("btcusdt@{kind}")) {
                prop_assert_eq!(Stream::parse(&stream.to_string()), Some(stream));
            }
        }

        #[test]
        fn names_round_trip(
            symbol in "[A-Z0-9]{1,24}",
            kind in prop_oneof![
                Just(Kind::Trade), Just(Kind::AggTrade), Just(Kind::BookTicker), Just(Kind::MiniTicker),
                Just(Kind::Ticker), Just(Kind::AvgPrice),
                prop_oneof![Just(Speed::Ms100), Just(Speed::Ms1000)].prop_map(Kind::Depth),
                prop::sample::select(vec![5u8, 10, 20]).prop_map(|levels| Kind::PartialDepth(levels, Speed::Ms100)),
                (prop::sample::select(Interval::ALL.to_vec()), prop::sample::select(vec![0, 480]))
                    .prop_map(|(interval, east)| Kind::Kline(interval, east)),
            ],
        ) {
            let stream = Stream::Of(symbol.parse().unwrap(), kind);
            prop_assert_eq!(Stream::parse(&stream.to_string()), Some(stream));
        }
    }
}
