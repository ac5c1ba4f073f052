//! Binance's public CSV of klines, plain or gzip: lines with their numbers. Whether a kline makes sense and belongs
//! where it is said to is for the venue to judge; here a line only has to be one.

use crate::commands::lines::{BadLine, FileProgress, Lines};
use emporion_api::v1::KlineToImport;
use emporion_model::{Calendar, Interval, decimal};
use std::io;
use std::path::Path;

const COLUMNS: usize = 12;

/// The klines of one request take about so many bytes of JSON. What a listener takes by default is a little more.
const PART_BYTES: usize = 60_000;

/// The most that is written around the numbers of a kline.
const KLINE_BYTES_AROUND: usize = 30;

/// Times from here on are microseconds, as in the files since 2025.
const FIRST_MICROSECOND_TIME: u64 = 100_000_000_000_000;

/// A kline and the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KlineLine {
    pub(super) line: u64,
    pub(super) kline: KlineToImport,
}

/// A file on its way from its first to its last line.
pub(super) struct KlineFile {
    lines: Lines,
    progress: FileProgress,
    interval: Interval,
    last_open_time: Option<u64>,
}

impl KlineFile {
    /// Opens a file of klines that are this long.
    pub(super) fn open(path: &Path, interval: Interval) -> io::Result<Self> {
        let (lines, progress) = Lines::open(path)?;
        Ok(Self { lines, progress, interval, last_open_time: None })
    }

    /// The next klines, as many as one request takes; none at the end.
    pub(super) fn part(&mut self) -> Result<Vec<KlineLine>, BadLine> {
        let (mut part, mut bytes) = (Vec::new(), 0);
        while bytes < PART_BYTES
            && let Some((line, text)) = self.lines.next()?
        {
            let is_header = line == 1 && text.starts_with(char::is_alphabetic);
            if is_header {
                continue;
            }
            let kline = kline(text, self.interval, self.last_open_time).map_err(|what| BadLine::new(line, what))?;
            bytes += KLINE_BYTES_AROUND + text.len();
            self.last_open_time = Some(kline.open_time);
            part.push(KlineLine { line, kline });
        }
        Ok(part)
    }

    /// How many bytes are read, and how many there are.
    pub(super) fn progress(&self) -> (u64, u64) {
        self.progress.now()
    }
}

/// The kline on a line.
fn kline(line: &str, interval: Interval, last_open_time: Option<u64>) -> Result<KlineToImport, String> {
    let columns: Vec<&str> = line.split(',').collect();
    let columns: [&str; COLUMNS] =
        columns.try_into().map_err(|all: Vec<_>| format!("it has {} columns but a kline has {COLUMNS}", all.len()))?;
    let (open_us, close_us) = (micros("the open time", columns[0])?, micros("the close time", columns[6])?);
    let (open_time, close_time) = (open_us / 1_000, close_us / 1_000);
    if open_us % 1_000 != 0 {
        return Err(format!("the open time {open_us} is not a whole millisecond"));
    }
    if last_open_time.is_some_and(|last| last >= open_time) {
        return Err(format!("the open time {open_time} is not after that of the kline before"));
    }
    let text = |column: usize, what: &str| {
        let text = columns[column].to_owned();
        let decimals = decimal::significant_decimals(&text);
        decimals.map(|_| text).map_err(|error| format!("the {what} {error}"))
    };
    let kline = KlineToImport {
        open_time,
        open: text(1, "open price")?,
        high: text(2, "high price")?,
        low: text(3, "low price")?,
        close: text(4, "close price")?,
        volume: text(5, "volume")?,
        quote_volume: text(7, "quote volume")?,
        trades: integer("the number of trades", columns[8])?,
        taker_buy_volume: text(9, "volume that takers bought")?,
        taker_buy_quote_volume: text(10, "quote volume that takers bought for")?,
    };
    check_length(interval, open_time, close_time)?;
    Ok(kline)
}

/// Refuses longer klines than were announced, whose starts alone do not tell. Shorter ones begin where none does.
fn check_length(interval: Interval, open_time: u64, close_time: u64) -> Result<(), String> {
    let calendar = Calendar::utc(interval);
    let second = i64::try_from(open_time / 1_000).map_err(|_| "the open time is too large".to_owned())?;
    let end = calendar.shift(calendar.start_of(second), 1);
    if u64::try_from(end).is_ok_and(|end| close_time / 1_000 < end) {
        return Ok(());
    }
    let name = interval.as_str();
    Err(format!(
        "the kline from {open_time} to {close_time} is longer than one of {name}: the file is of another interval"
    ))
}

/// A time in microseconds, which stands there as that or in milliseconds.
fn micros(what: &str, text: &str) -> Result<u64, String> {
    let number = integer(what, text)?;
    Ok(if number < FIRST_MICROSECOND_TIME { number * 1_000 } else { number })
}

fn integer(what: &str, text: &str) -> Result<u64, String> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_plain);
    number.ok_or_else(|| format!("{what} is {text:.40?} but must be a whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    const HEADER: &str = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,\
                          taker_buy_quote_volume,ignore\n";
    const FIRST: &str = "1735689600000,1.5,2,1,1.75,10,1735689659999,15,3,4,6,0\n";
    const SECOND: &str = "1735689660000000,1.5,2,1,1.75,10,1735689719999999,15,3,4,6,0\n";

    fn read(bytes: &[u8]) -> Result<Vec<(u64, u64)>, (u64, String)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("klines");
        std::fs::write(&path, bytes).unwrap();
        let mut file = KlineFile::open(&path, Interval::Minute1).unwrap();
        let mut klines = Vec::new();
        loop {
            let part = file.part().map_err(|bad| (bad.line, bad.what))?;
            if part.is_empty() {
                let (done, total) = file.progress();
                assert!(done == total || bytes.is_empty());
                return Ok(klines);
            }
            let json: Vec<_> = part.iter().map(|line| line.kline.clone()).collect();
            assert!(serde_json::to_string(&json).unwrap().len() < 62_000);
            klines.extend(part.iter().map(|line| (line.line, line.kline.open_time)));
        }
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_file_may_have_a_header_be_compressed_and_count_in_microseconds() {
        let (first, second) = (1_735_689_600_000, 1_735_689_660_000);
        let plain = format!("{FIRST}{SECOND}");
        let headed = format!("{HEADER}{plain}");
        assert_eq!(read(plain.as_bytes()), Ok(vec![(1, first), (2, second)]));
        assert_eq!(read(headed.as_bytes()), Ok(vec![(2, first), (3, second)]));
        assert_eq!(read(&gzip(&headed)), Ok(vec![(2, first), (3, second)]));
        assert_eq!(read(&[gzip(FIRST), gzip(SECOND)].concat()), Ok(vec![(1, first), (2, second)]));
        assert_eq!(read(plain.replace('\n', "\r\n\r\n").trim_end().as_bytes()), Ok(vec![(1, first), (3, second)]));
        assert_eq!(read(format!("\u{feff}{headed}").as_bytes()), Ok(vec![(2, first), (3, second)]));
        assert_eq!(read(b""), Ok(vec![]));
        assert_eq!(read(HEADER.as_bytes()), Ok(vec![]));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let check = |text: &str, line: u64, what: &str| {
            let got = read(text.as_bytes());
            assert_eq!(got, Err((line, what.to_owned())), "{text}");
        };
        check(&format!("{FIRST}1,2,3\n"), 2, "it has 3 columns but a kline has 12");
        check(&format!("{HEADER}{}", FIRST.replace("0\n", "0,\n")), 2, "it has 13 columns but a kline has 12");
        check(&format!("{FIRST}{HEADER}"), 2, "the open time is \"open_time\" but must be a whole number");
        let odd = "the open time 1735689660000001 is not a whole millisecond";
        check(&SECOND.replace("1735689660000000", "1735689660000001"), 1, odd);
        check(&FIRST.replace(",3,", ",3.5,"), 1, "the number of trades is \"3.5\" but must be a whole number");
        let number = "the volume is not a plain decimal number such as 12.34";
        check(&FIRST.replace(",10,", ",1e1,"), 1, number);
        check(&FIRST.replace(",10,", &format!(",{},", "1".repeat(100))), 1, number);
        check(&FIRST.replace(",10,", &format!(",{},", "1".repeat(100_000))), 1, number);
        check(&FIRST.replace(",3,", ",,"), 1, "the number of trades is \"\" but must be a whole number");
        let before = "the open time 1735689600000 is not after that of the kline before";
        check(&format!("{FIRST}{SECOND}{FIRST}"), 3, before);
        check(&format!("{FIRST}{FIRST}"), 2, before);
        let longer = "the kline from 1735689600000 to 1735693199999 is longer than one of 1m: the file is of another \
                      interval";
        check(&FIRST.replace("1735689659999", "1735693199999"), 1, longer);
        assert_eq!(read(b"1735689600000,\xff\n"), Err((1, "it is not text".to_owned())));
    }

    #[test]
    fn a_compressed_file_that_was_cut_off_is_told_from_a_whole_one() {
        let text: String = (0..5_000u64)
            .map(|n| {
                let open = 1_735_689_600_000 + n * 60_000;
                format!("{open},{}.5,99999,1,1.75,10,{},15,3,4,6,0\n", n * n % 7_919, open + 59_999)
            })
            .collect();
        let whole = gzip(&text);
        assert_eq!(read(&whole).unwrap().len(), 5_000);
        for cut in [whole.len() / 2, whole.len() - 4] {
            let (line, what) = read(&whole[..cut]).unwrap_err();
            assert_eq!(what, "the gzip file ends here, in the middle: it is truncated");
            assert!(line > 1, "{line}");
        }
    }
}
