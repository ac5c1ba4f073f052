//! Raw lines of a combined stream: `<local ns> <JSON>`, where the JSON is a stream's message or, once, the answer
//! of `GET /api/v3/depth`. Diffs and snapshot are put together by the documented procedure.

use super::{BadLine, Changes, Record, Trade, What};
use crate::commands::lines::Lines;
use std::collections::VecDeque;

/// The snapshot must come within so many lines: until then everything is kept in memory.
const LINES_BEFORE_SNAPSHOT_MAX: u64 = 100_000;

/// A recording past its snapshot.
pub(in super::super) struct Streams {
    lines: Lines,
    /// What was read to find the snapshot and is still to be given.
    ready: VecDeque<Record>,
    sync: Sync,
}

/// What must hold from line to line.
struct Sync {
    symbol: Option<String>,
    /// The last update that the book holds, and whether a diff brought it.
    last: u64,
    is_joined: bool,
    last_trade: Option<u64>,
}

/// Whether a line could be one of these.
pub(super) fn is_line(text: &str) -> bool {
    text.split_once(' ').is_some_and(|(time, json)| {
        !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit()) && json.trim_start().starts_with('{')
    })
}

impl Streams {
    /// Reads up to the snapshot, which is played first: what was recorded before it and is not in it follows.
    pub(super) fn begin(mut lines: Lines, number: u64, first: &str) -> Result<Self, BadLine> {
        let mut before = Vec::new();
        let mut parsed = parse(number, first)?;
        let mut last_number = number;
        let (at_ns, snapshot) = loop {
            match parsed {
                (at_ns, Message::Snapshot(snapshot)) => break (at_ns, snapshot),
                (_, Message::Other) => {}
                (at_ns, message) => before.push((last_number, at_ns, message)),
            }
            let Some((number, text)) = lines.next()? else {
                let what = "the file ends without a depth snapshot, so its book is not known";
                return Err(BadLine::new(last_number, what));
            };
            if number > LINES_BEFORE_SNAPSHOT_MAX {
                return Err(BadLine::new(number, "there is no depth snapshot up to here, so its book is not known"));
            }
            last_number = number;
            parsed = parse(number, text)?;
        };
        let begins_ns = before.first().map_or(at_ns, |(_, at_ns, _)| *at_ns);
        let sync = Sync { symbol: None, last: snapshot.last_update_id, is_joined: false, last_trade: None };
        let book = What::Book(snapshot.changes);
        let mut streams = Self { lines, ready: VecDeque::new(), sync };
        streams.ready.push_back(Record { line: last_number, at_ns: begins_ns, what: book });
        for (line, at_ns, message) in before {
            if let Some(what) = streams.sync.take(line, message)? {
                streams.ready.push_back(Record { line, at_ns, what });
            }
        }
        Ok(streams)
    }

    pub(super) fn next(&mut self) -> Result<Option<Record>, BadLine> {
        if let Some(record) = self.ready.pop_front() {
            return Ok(Some(record));
        }
        while let Some((line, text)) = self.lines.next()? {
            let (at_ns, message) = parse(line, text)?;
            if let Some(what) = self.sync.take(line, message)? {
                return Ok(Some(Record { line, at_ns, what }));
            }
        }
        Ok(None)
    }
}

impl Sync {
    /// What a message means for who knows the book so far; `None` when it is nothing new.
    fn take(&mut self, line: u64, message: Message) -> Result<Option<What>, BadLine> {
        match message {
            // A later snapshot says nothing that the diffs do not.
            Message::Snapshot(_) | Message::Other => Ok(None),
            Message::Diff(diff) => {
                self.check_symbol(line, &diff.symbol)?;
                self.diff(line, diff)
            }
            Message::Trade(trade) => {
                self.check_symbol(line, &trade.symbol)?;
                if self.last_trade.is_some_and(|last| trade.id <= last) {
                    return Err(BadLine::new(line, format!("the trade {} was there before", trade.id)));
                }
                self.last_trade = Some(trade.id);
                Ok(Some(What::Trade(trade.trade)))
            }
        }
    }

    fn check_symbol(&mut self, line: u64, symbol: &str) -> Result<(), BadLine> {
        let known = self.symbol.get_or_insert_with(|| symbol.to_owned());
        if known == symbol {
            return Ok(());
        }
        Err(BadLine::new(line, format!("it is of {symbol}, but the lines before are of {known}")))
    }

    fn diff(&mut self, line: u64, diff: Diff) -> Result<Option<What>, BadLine> {
        let (first, last, expected) = (diff.first, diff.last, self.last + 1);
        if first > last {
            return Err(BadLine::new(line, format!("its updates go from {first} to {last}, backwards")));
        }
        if !self.is_joined && last < expected {
            return Ok(None);
        }
        let follows = if self.is_joined { first == expected } else { first <= expected };
        if !follows {
            let what = format!("its updates begin with {first}, but {expected} should follow: there is a gap");
            return Err(BadLine::new(line, what));
        }
        (self.is_joined, self.last) = (true, last);
        Ok(Some(What::Book(diff.changes)))
    }
}

enum Message {
    Snapshot(Snapshot),
    Diff(Diff),
    Trade(Named),
    /// A stream that says nothing about depth or trades which these do not.
    Other,
}

struct Snapshot {
    last_update_id: u64,
    changes: Changes,
}

struct Diff {
    symbol: String,
    first: u64,
    last: u64,
    changes: Changes,
}

/// A trade with the names that recordings give it.
struct Named {
    symbol: String,
    id: u64,
    trade: Trade,
}

fn parse(line: u64, text: &str) -> Result<(u64, Message), BadLine> {
    let cut = || BadLine::new(line, "it is not a time in nanoseconds, a space and a JSON object");
    let (time, json) = text.split_once(' ').filter(|_| is_line(text)).ok_or_else(cut)?;
    let at_ns = time.parse().map_err(|_| cut())?;
    let foreign = |error: serde_json::Error| {
        // The parser's own place counts from the JSON's beginning and would mislead beside a line of the file.
        let error = error.to_string();
        let what = error.split(" at line ").next().unwrap_or_default();
        BadLine::new(line, format!("its JSON is not a stream's message or a depth snapshot: {what}"))
    };
    let head: json::Head<'_> = serde_json::from_str(json).map_err(foreign)?;
    let Some(stream) = &head.stream else {
        if head.last_update_id.is_none() {
            return Err(BadLine::new(line, "its JSON has neither `stream` nor `lastUpdateId`"));
        }
        let snapshot: json::Snapshot<'_> = serde_json::from_str(json).map_err(foreign)?;
        return Ok((at_ns, Message::Snapshot(snapshot.typed(line)?)));
    };
    let message = match stream.split_once('@').map_or("", |(_, kind)| kind) {
        "depth" | "depth@100ms" => {
            let diff: json::Wrapped<json::Diff<'_>> = serde_json::from_str(json).map_err(foreign)?;
            Message::Diff(diff.data.typed(line)?)
        }
        "trade" => {
            let trade: json::Wrapped<json::Trade<'_>> = serde_json::from_str(json).map_err(foreign)?;
            Message::Trade(trade.data.typed(line)?)
        }
        _ => Message::Other,
    };
    Ok((at_ns, message))
}

/// The JSON as it is written.
mod json {
    use super::super::{BadLine, positive_price, positive_quantity, quantity};
    use super::{Changes, Named};
    use crate::commands::replay::numbers::{Price, Quantity};
    use emporion_model::Side;
    use serde::Deserialize;
    use std::borrow::Cow;

    #[derive(Deserialize)]
    pub(super) struct Head<'a> {
        #[serde(borrow)]
        pub(super) stream: Option<Cow<'a, str>>,
        #[serde(rename = "lastUpdateId")]
        pub(super) last_update_id: Option<u64>,
    }

    #[derive(Deserialize)]
    pub(super) struct Wrapped<T> {
        pub(super) data: T,
    }

    #[derive(Deserialize)]
    struct Level<'a>(#[serde(borrow)] Cow<'a, str>, #[serde(borrow)] Cow<'a, str>);

    #[derive(Deserialize)]
    pub(super) struct Snapshot<'a> {
        #[serde(rename = "lastUpdateId")]
        last_update_id: u64,
        #[serde(borrow)]
        bids: Vec<Level<'a>>,
        #[serde(borrow)]
        asks: Vec<Level<'a>>,
    }

    impl Snapshot<'_> {
        pub(super) fn typed(&self, line: u64) -> Result<super::Snapshot, BadLine> {
            let changes = Changes { bids: levels(line, &self.bids)?, asks: levels(line, &self.asks)? };
            Ok(super::Snapshot { last_update_id: self.last_update_id, changes })
        }
    }

    #[derive(Deserialize)]
    pub(super) struct Diff<'a> {
        #[serde(rename = "s", borrow)]
        symbol: Cow<'a, str>,
        #[serde(rename = "U")]
        first: u64,
        #[serde(rename = "u")]
        last: u64,
        #[serde(rename = "b", borrow)]
        bids: Vec<Level<'a>>,
        #[serde(rename = "a", borrow)]
        asks: Vec<Level<'a>>,
    }

    impl Diff<'_> {
        pub(super) fn typed(self, line: u64) -> Result<super::Diff, BadLine> {
            let changes = Changes { bids: levels(line, &self.bids)?, asks: levels(line, &self.asks)? };
            Ok(super::Diff { symbol: self.symbol.into_owned(), first: self.first, last: self.last, changes })
        }
    }

    #[derive(Deserialize)]
    pub(super) struct Trade<'a> {
        #[serde(rename = "s", borrow)]
        symbol: Cow<'a, str>,
        #[serde(rename = "t")]
        id: u64,
        #[serde(rename = "p", borrow)]
        price: Cow<'a, str>,
        #[serde(rename = "q", borrow)]
        quantity: Cow<'a, str>,
        #[serde(rename = "m")]
        buyer_is_maker: bool,
    }

    impl Trade<'_> {
        pub(super) fn typed(self, line: u64) -> Result<Named, BadLine> {
            let taker = if self.buyer_is_maker { Side::Sell } else { Side::Buy };
            let (price, quantity) = (positive_price(line, &self.price)?, positive_quantity(line, &self.quantity)?);
            let trade = super::Trade { price, quantity, taker };
            Ok(Named { symbol: self.symbol.into_owned(), id: self.id, trade })
        }
    }

    fn levels(line: u64, levels: &[Level<'_>]) -> Result<Vec<(Price, Quantity)>, BadLine> {
        levels.iter().map(|Level(at, much)| Ok((positive_price(line, at)?, quantity(line, much)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::replay::numbers::{Price, Quantity};
    use emporion_model::Side;
    use std::io::Cursor;

    const SNAPSHOT: &str = r#"5 {"lastUpdateId":10,"bids":[["99.0","1.0"]],"asks":[["101.0","2.0"]]}"#;

    fn diff(first: u64, last: u64) -> String {
        format!(
            r#"7 {{"stream":"x@depth@100ms","data":{{"s":"X","U":{first},"u":{last},"b":[["98","{last}"]],"a":[]}}}}"#
        )
    }

    fn trade(id: u64, is_buyer_maker: bool) -> String {
        format!(
            r#"8 {{"stream":"x@trade","data":{{"s":"X","t":{id},"p":"99","q":"0.5","m":{is_buyer_maker},"M":true}}}}"#
        )
    }

    fn read(lines: &[&str]) -> Result<Vec<Record>, BadLine> {
        let mut lines = Lines::of(Cursor::new(lines.join("\n").into_bytes())).unwrap();
        let (number, first) = lines.next().unwrap().map(|(number, text)| (number, text.to_owned())).unwrap();
        let mut streams = Streams::begin(lines, number, &first)?;
        std::iter::from_fn(|| streams.next().transpose()).collect()
    }

    fn of_diff(last: u128) -> What {
        let bids = vec![(Price(98_0000_0000), Quantity(last * 1_0000_0000))];
        What::Book(Changes { bids, asks: vec![] })
    }

    fn of_trade(taker: Side) -> What {
        What::Trade(Trade { price: Price(99_0000_0000), quantity: Quantity(5000_0000), taker })
    }

    #[test]
    fn the_snapshot_comes_first_and_then_what_is_not_in_it() {
        let lines = [
            &*diff(7, 8),
            &trade(1, true),
            r#"4 {"stream":"x@bookTicker","data":{"u":9,"b":"99"}}"#,
            &diff(9, 12),
            SNAPSHOT,
            &trade(2, false),
            &diff(13, 13),
            SNAPSHOT,
            &diff(14, 20),
        ];
        let records = read(&lines).unwrap();
        let bids = vec![(Price(99_0000_0000), Quantity(1_0000_0000))];
        let asks = vec![(Price(101_0000_0000), Quantity(2_0000_0000))];
        let expected = [
            (5, 7, What::Book(Changes { bids, asks })),
            (2, 8, of_trade(Side::Sell)),
            (4, 7, of_diff(12)),
            (6, 8, of_trade(Side::Buy)),
            (7, 7, of_diff(13)),
            (9, 7, of_diff(20)),
        ];
        let expected = expected.map(|(line, at_ns, what)| Record { line, at_ns, what });
        assert_eq!(records, expected);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        #[track_caller]
        fn check(lines: &[&str], line: u64, what: &str) {
            let bad = read(lines).unwrap_err();
            assert_eq!(bad.line, line, "{bad:?}");
            assert!(bad.what.contains(what), "{bad:?}");
        }
        check(&[&diff(7, 8), &trade(1, true)], 2, "ends without a depth snapshot");
        check(&[SNAPSHOT, &diff(12, 13)], 2, "begin with 12, but 11 should follow");
        check(&[&diff(12, 13), SNAPSHOT], 1, "there is a gap");
        check(&[SNAPSHOT, &diff(9, 13), &diff(13, 14)], 3, "begin with 13, but 14 should follow");
        check(&[SNAPSHOT, &diff(9, 13), &diff(15, 16)], 3, "there is a gap");
        check(&[SNAPSHOT, &diff(12, 11)], 2, "backwards");
        check(&[SNAPSHOT, &trade(3, true), &trade(3, true)], 3, "the trade 3 was there before");
        check(&[SNAPSHOT, &trade(3, true), &diff(11, 11).replace("\"X\"", "\"Y\"")], 3, "of Y, but the lines before");
        check(&[SNAPSHOT, "hello"], 2, "not a time in nanoseconds");
        check(&[SNAPSHOT, r#"9 {"a":"#], 2, "not a stream's message or a depth snapshot: EOF");
        check(&[SNAPSHOT, r#"9 {"a":1}"#], 2, "neither `stream` nor `lastUpdateId`");
        check(&[SNAPSHOT, r#"9 {"stream":"x@trade","data":{"s":"X"}}"#], 2, "missing field `t`");
        check(&[SNAPSHOT, &trade(1, true).replace("0.5", "-1")], 2, "the quantity \"-1\" is not a plain decimal");
        check(&[SNAPSHOT, &trade(1, true).replace("0.5", "0.0")], 2, "a quantity is zero");
        check(&[&SNAPSHOT.replace("99.0", "0")], 1, "a price is zero");
        check(&[&SNAPSHOT.replace("99.0", "9.123456789")], 1, "more decimals");
    }
}
