//! `emporion klines …`: asks the running venue, as its operator.
//!
//! A file is read twice: first the venue checks all of it, and only when everything is in order it is imported.

mod file;

use super::lines::BadLine;
use super::{block_on, config_of};
use crate::cli;
use crate::client::OperatorClient;
use crate::output::Output;
use crate::progress::Progress;
use crate::{Exit, Failure};
use emporion_api::v1::{ImportKlines, ImportedKlineList, ImportedKlineRange, KlinesImported};
use emporion_model::Interval;
use file::{KlineFile, KlineLine};
use serde::Serialize;
use std::path::Path;

const KLINES: &str = "/v1/operator/klines";

/// The longest source that the venue keeps.
const SOURCE_BYTES_MAX: usize = 255;

/// What `import` prints; the names are stable.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Imported {
    symbol: String,
    interval: &'static str,
    source: String,
    klines: u64,
    first_open_time: u64,
    last_open_time: u64,
}

pub(super) fn run(klines: cli::Klines, output: Output) -> Result<(), Failure> {
    match klines {
        cli::Klines::Import { file, symbol, interval, venue } => import(&file, symbol, &interval, &venue, output),
        cli::Klines::List { venue } => list(&venue, output),
    }
}

fn list(venue: &cli::VenueArgs, output: Output) -> Result<(), Failure> {
    let client = OperatorClient::find(&config_of(venue)?)?;
    let list: ImportedKlineList = block_on(client.get(KLINES))?;
    output.answer(&list, || list.ranges.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn line(range: &ImportedKlineRange) -> String {
    let ImportedKlineRange { symbol, interval, first_open_time, last_open_time, klines, source } = range;
    let (first, last) = (utc(*first_open_time), utc(*last_open_time));
    format!("{symbol:<16} {interval:<4} {klines:>10}  {first} to {last}  {source}")
}

fn import(path: &Path, symbol: String, interval: &str, venue: &cli::VenueArgs, output: Output) -> Result<(), Failure> {
    let interval = Interval::named(interval).ok_or_else(|| {
        let names: Vec<_> = Interval::ALL.iter().map(|interval| interval.as_str()).collect();
        Failure::usage(format!("the interval is {interval:?} but must be one of {}", names.join(", ")))
    })?;
    let client = OperatorClient::find(&config_of(venue)?)?;
    let import = Import { client, path, symbol, interval, progress: Progress::of("importing klines") };
    let imported = block_on(import.run())?;
    drop(import);
    output.answer(&imported, || {
        let Imported { symbol, interval, klines, first_open_time, last_open_time, .. } = &imported;
        let (first, last) = (utc(*first_open_time), utc(*last_open_time));
        format!("imported {klines} klines of {symbol} {interval}, {first} to {last}")
    })
}

/// An import on its way.
struct Import<'i> {
    client: OperatorClient,
    path: &'i Path,
    symbol: String,
    interval: Interval,
    progress: Progress,
}

/// Whether the venue keeps what it is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Check,
    Import,
}

/// The klines that a pass has sent so far.
#[derive(Clone, Copy, Default)]
struct Sent {
    klines: u64,
    /// The first and the last open time.
    range: Option<(u64, u64)>,
}

impl Import<'_> {
    async fn run(&self) -> Result<Imported, Failure> {
        let mut checked = Sent::default();
        self.pass(Pass::Check, &mut checked).await?;
        let mut imported = Sent::default();
        self.pass(Pass::Import, &mut imported).await.map_err(|failure| Failure {
            exit: Exit::Failed,
            sentence: format!("{} of {} klines were imported, then {failure}", imported.klines, checked.klines),
        })?;
        let (first_open_time, last_open_time) =
            imported.range.ok_or_else(|| self.bad_line(&BadLine::new(1, "there is no kline in it")))?;
        Ok(Imported {
            symbol: self.symbol.clone(),
            interval: self.interval.as_str(),
            source: self.source(),
            klines: imported.klines,
            first_open_time,
            last_open_time,
        })
    }

    async fn pass(&self, pass: Pass, sent: &mut Sent) -> Result<(), Failure> {
        let unread = |error| Failure::usage(format!("the klines {} cannot be read: {error}", self.path.display()));
        let mut file = KlineFile::open(self.path, self.interval).map_err(unread)?;
        loop {
            let part = file.part().map_err(|bad| self.bad_line(&bad))?;
            let (Some(first), Some(last)) = (part.first(), part.last()) else { break };
            let (first, last) = (first.kline.open_time, last.kline.open_time);
            self.send(pass, &part).await?;
            sent.klines += part.len() as u64;
            sent.range = Some((sent.range.map_or(first, |(first, _)| first), last));
            let (done, total) = file.progress();
            self.progress.set(if pass == Pass::Check { done } else { total + done }, 2 * total);
        }
        if sent.klines == 0 {
            return Err(self.bad_line(&BadLine::new(1, "there is no kline in it")));
        }
        Ok(())
    }

    async fn send(&self, pass: Pass, part: &[KlineLine]) -> Result<KlinesImported, Failure> {
        let wish = ImportKlines {
            symbol: self.symbol.clone(),
            interval: self.interval.as_str().to_owned(),
            source: self.source(),
            check_only: pass == Pass::Check,
            klines: part.iter().map(|line| line.kline.clone()).collect(),
        };
        let answer = self.client.post(KLINES, &wish).await;
        answer.map_err(|failure| match refused_line(&failure.sentence, part) {
            Some(bad) => self.bad_line(&bad),
            None => failure,
        })
    }

    /// The file's name, as far as the venue keeps it.
    fn source(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let mut source = String::new();
        for char in name.chars().filter(|char| !char.is_control()) {
            if source.len() + char.len_utf8() > SOURCE_BYTES_MAX {
                break;
            }
            source.push(char);
        }
        if source.is_empty() { "file".to_owned() } else { source }
    }

    fn bad_line(&self, bad: &BadLine) -> Failure {
        let (path, BadLine { line, what }) = (self.path.display(), bad);
        Failure::usage(format!("the klines {path} are not right at line {line}: {what}"))
    }
}

/// The line that the venue means, which calls it by its place in the request: `klines[N]: …`.
fn refused_line(sentence: &str, part: &[KlineLine]) -> Option<BadLine> {
    let (_, refused) = sentence.split_once("klines[")?;
    let (index, what) = refused.split_once("]: ")?;
    let line = part.get(index.parse::<usize>().ok()?)?;
    Some(BadLine::new(line.line, what))
}

/// A time in milliseconds as a date and a time of day, UTC.
fn utc(millis: u64) -> String {
    let seconds = millis / 1_000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01, in years that begin in March, so that the leap day is a year's last.
    let day = days + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year}-{month:02}-{day_of_month:02} {:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_dates() {
        for (second, text) in [
            (0, "1970-01-01 00:00:00"),
            (1_483_228_800, "2017-01-01 00:00:00"),
            (1_700_000_000, "2023-11-14 22:13:20"),
            (1_709_251_199, "2024-02-29 23:59:59"),
            (1_709_251_200, "2024-03-01 00:00:00"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ] {
            assert_eq!(utc(second * 1_000), text);
        }
    }
}
