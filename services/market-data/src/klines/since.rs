//! All own trades from a minute on as one bucket, out of as few stored klines as that takes.

use super::{KlinesError, Source, reach};
use crate::cold_start::Tables;
use crate::fold::Market;
use crate::fold::series::KEPT_SECONDS;
use emporion_model::event::Bucket;
use emporion_model::{Price, Seq, SymbolId, TimeUs};
use emporion_ports::tables::KlineInterval;
use parking_lot::RwLock;

/// What was traded since some minute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Since {
    /// The trades, if there were any.
    pub(crate) traded: Option<Bucket>,
    /// The last price, however long ago; `None` for a symbol that never traded.
    pub(crate) last: Option<Price>,
    /// When: the market's time.
    pub(crate) time: TimeUs,
}

/// The own trades of a symbol from the second `open` on, which is the first of a minute; as after the command `seq`
/// or later.
pub(crate) async fn traded_since(
    tables: &Tables,
    seq: Seq,
    symbol: SymbolId,
    market: &RwLock<Market>,
    open: u64,
) -> Result<Since, KlinesError> {
    let seam = {
        let market = market.read();
        if open >= market.series().now().saturating_sub(KEPT_SECONDS) {
            return Ok(in_fold(&market, open, None));
        }
        market.series().complete_from()
    };
    reach(&*tables.projection, seam, seq).await?;
    let mut traded = None;
    for (resolution, start, until) in parts(open, seam) {
        let source = Source { tables: &*tables.klines, symbol, market, resolution, seam };
        source.each(start as i64, until as i64, |bucket| lengthen(&mut traded, bucket)).await?;
    }
    Ok(in_fold(&market.read(), open.max(seam), traded))
}

/// What the fold has from the second `open` on, after what was `traded` before.
fn in_fold(market: &Market, open: u64, mut traded: Option<Bucket>) -> Since {
    let series = market.series();
    series.buckets(KlineInterval::Minute, open..u64::MAX).for_each(|bucket| lengthen(&mut traded, bucket));
    Since { traded, last: series.last().map(|last| last.close), time: market.time() }
}

fn lengthen(traded: &mut Option<Bucket>, next: &Bucket) {
    match traded {
        Some(traded) => traded.append(next),
        None => *traded = Some(*next),
    }
}

/// How the time from the start of a minute to a midnight is cut into minutes, then quarters of an hour, then days.
fn parts(open: u64, midnight: u64) -> Vec<(KlineInterval, u64, u64)> {
    let resolutions = [KlineInterval::Minute, KlineInterval::QuarterHour, KlineInterval::Day];
    let longer = resolutions.iter().skip(1).map(Some).chain([None]);
    let mut start = open;
    let mut parts = Vec::new();
    for (&resolution, longer) in resolutions.iter().zip(longer) {
        let until = longer.map_or(midnight, |longer| start.next_multiple_of(longer.seconds())).min(midnight);
        if start < until {
            parts.push((resolution, start, until));
            start = until;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    #[test]
    fn time_is_cut_into_few_parts() {
        use KlineInterval::{Day, Minute, QuarterHour};
        let check = |open, midnight, expected: &[_]| assert_eq!(parts(open, midnight), expected, "{open}");
        check(0, 3 * DAY, &[(Day, 0, 3 * DAY)]);
        check(60, 3 * DAY, &[(Minute, 60, 900), (QuarterHour, 900, DAY), (Day, DAY, 3 * DAY)]);
        check(DAY - 900, 2 * DAY, &[(QuarterHour, DAY - 900, DAY), (Day, DAY, 2 * DAY)]);
        check(DAY - 60, 2 * DAY, &[(Minute, DAY - 60, DAY), (Day, DAY, 2 * DAY)]);
        check(DAY - 60, DAY, &[(Minute, DAY - 60, DAY)]);
        check(DAY, DAY, &[]);
    }
}
