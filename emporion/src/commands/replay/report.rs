//! What a play came to, as the command prints it.

use super::plan::{Depth, Deviations, Planner};
use super::play::Tally;
use super::recording::Format;
use emporion_model::Side;
use serde::Serialize;

/// So many levels of each half are compared at the end.
const LEVELS: usize = 20;

/// The answer. Its names are stable: scripts read them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) symbol: String,
    /// How the file was recognised.
    pub(super) recording: &'static str,
    /// Whether the book was made up around the trades' prices.
    pub(super) is_book_synthetic: bool,
    /// Whether it was played to its end.
    pub(super) is_whole: bool,
    #[serde(flatten)]
    pub(super) tally: Tally,
    pub(super) deviations: Deviations,
    /// The venue's words about the first placement that it refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_refusal: Option<String>,
    /// How often the venue made it wait because requests were too many.
    pub(super) throttled: u64,
    /// The best levels at the end beside the recording's; missing when it was not played to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_book: Option<LastBook>,
}

/// How the venue's best levels compare with the recording's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LastBook {
    pub(super) bids_compared: usize,
    pub(super) bids_equal: usize,
    pub(super) asks_compared: usize,
    pub(super) asks_equal: usize,
}

impl LastBook {
    /// Compares level by level from the best.
    pub(super) fn compare(planner: &Planner, depth: &Depth) -> Self {
        let half = |side: Side| {
            let recorded: Vec<_> = planner.recorded(side).into_iter().take(LEVELS).collect();
            let levels = depth.half(side).levels.iter().map(|(price, quantity)| (*price, *quantity));
            let there: Vec<_> =
                if side == Side::Buy { levels.rev().take(LEVELS).collect() } else { levels.take(LEVELS).collect() };
            let equal = recorded.iter().zip(&there).filter(|(recorded, there)| recorded == there).count();
            (recorded.len().max(there.len()), equal)
        };
        let ((bids_compared, bids_equal), (asks_compared, asks_equal)) = (half(Side::Buy), half(Side::Sell));
        Self { bids_compared, bids_equal, asks_compared, asks_equal }
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Tally { line, books, trades, placements, cancels, late_ms_max } = &self.tally;
        writeln!(f, "recording   {}, played up to line {line}", self.recording)?;
        if self.is_book_synthetic {
            writeln!(f, "book        synthetic: the recording has none, so two quotes stood around each price")?;
        }
        writeln!(
            f,
            "trades      {} recorded, {} printed: {} equal, {} met by others; {} printed short",
            trades.recorded, trades.printed, trades.equal, trades.met_by_others, trades.short
        )?;
        writeln!(f, "orders      {placements} placed, {cancels} canceled for {books} changes of the book")?;
        writeln!(f, "time        at most {late_ms_max} ms late, {} waits for the venue's limits", self.throttled)?;
        writeln!(f, "deviations  {}", deviations(&self.deviations, self.first_refusal.as_deref()))?;
        let Some(book) = &self.last_book else { return Ok(()) };
        writeln!(
            f,
            "last book   {} of {} bids and {} of {} asks as recorded",
            book.bids_equal, book.bids_compared, book.asks_equal, book.asks_compared
        )
    }
}

fn deviations(deviations: &Deviations, first_refusal: Option<&str>) -> String {
    let Deviations { off_grid, kept_ahead, refused, crossed, taken_by_others } = *deviations;
    let refusal = first_refusal.map(|words| format!(" ({words})")).unwrap_or_default();
    let told = [
        (off_grid, "levels that do not fit the symbol's steps and bounds".to_owned()),
        (kept_ahead, "levels that could not shrink ahead of others".to_owned()),
        (refused, format!("levels refused{refusal}")),
        (crossed, "levels that met others on their way in".to_owned()),
        (taken_by_others, "levels that others took from".to_owned()),
    ];
    let told: Vec<_> =
        told.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if told.is_empty() { "none".to_owned() } else { told.join(", ") }
}

/// What people are told before it begins.
pub(super) fn opening(symbol: &str, format: Format, speed: &str, spread_ticks: u64) -> String {
    let book = if format.is_without_book() {
        format!("; it has no book, so a synthetic one is quoted {spread_ticks} ticks around each price")
    } else {
        String::new()
    };
    format!("Recognised: {}. Playing it on {symbol} at speed {speed}{book}.", format.name())
}

#[cfg(test)]
mod tests {
    use super::super::grid::example;
    use super::super::numbers::{Price, Quantity};
    use super::super::play::Trades;
    use super::super::recording::Changes;
    use super::*;

    #[test]
    fn a_report_says_what_is_otherwise() {
        let trades = Trades { recorded: 9, printed: 8, equal: 7, met_by_others: 1, short: 1 };
        let tally = Tally { line: 30, books: 5, trades, placements: 20, cancels: 4, late_ms_max: 6 };
        let report = Report {
            symbol: "BTCUSDT".to_owned(),
            recording: Format::Trades.name(),
            is_book_synthetic: true,
            is_whole: true,
            tally,
            deviations: Deviations { refused: 2, crossed: 1, ..Deviations::default() },
            first_refusal: Some("Market is closed.".to_owned()),
            throttled: 3,
            last_book: Some(LastBook { bids_compared: 1, bids_equal: 1, asks_compared: 2, asks_equal: 1 }),
        };
        let expected = "\
recording   CSV of trades, played up to line 30
book        synthetic: the recording has none, so two quotes stood around each price
trades      9 recorded, 8 printed: 7 equal, 1 met by others; 1 printed short
orders      20 placed, 4 canceled for 5 changes of the book
time        at most 6 ms late, 3 waits for the venue's limits
deviations  2 levels refused (Market is closed.), 1 levels that met others on their way in
last book   1 of 1 bids and 1 of 2 asks as recorded
";
        assert_eq!(report.to_string(), expected);
        assert_eq!(deviations(&Deviations::default(), None), "none");
    }

    #[test]
    fn books_are_compared_level_by_level_from_the_best() {
        let mut planner = Planner::new(example());
        let level = |price: &str, quantity: &str| (Price::parse(price).unwrap(), Quantity::parse(quantity).unwrap());
        let bids = vec![level("98", "1"), level("99", "2")];
        let _ = planner.follow(&Changes { bids, asks: vec![level("101", "3")] });
        let mut depth = Depth::default();
        depth.bids.levels.extend([level("99", "2"), level("98", "5")]);
        let expected = LastBook { bids_compared: 2, bids_equal: 1, asks_compared: 1, asks_equal: 0 };
        assert_eq!(LastBook::compare(&planner, &depth), expected);
    }
}
