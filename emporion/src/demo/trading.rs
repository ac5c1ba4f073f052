//! Lets the bots act: at first until every market lives, then at an even pace for as long as the demo runs.

use super::bot::{Bot, Told};
use super::market::{Crew, Public};
use crate::Failure;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// Orders that a step places on average, in tenths.
pub(super) const ORDERS_PER_STEP_TENTHS: u64 = 25;
/// The part of them that takes, in hundredths.
pub(super) const TAKES_PER_HUNDRED: u64 = 18;
/// How long a market may take to live; order counts may let its first quotes through only piece by piece.
const LIVE_MAX: Duration = Duration::from_secs(60);
/// Before the second look at a market; doubled each time, because looks count against the limits too.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// On markets of these assets in USDT bots act at every step; on all others at one step of [`STRIDE`].
const BUSIEST: [&str; 2] = ["BTC", "ETH"];
const STRIDE: u32 = 3;

/// How many steps lie between two at which bots act on a market of these assets.
pub(super) fn stride(base: &str, quote: &str) -> u32 {
    if quote == "USDT" && BUSIEST.contains(&base) { 1 } else { STRIDE }
}

/// Between two steps, when all bots together place so many orders a second on markets with these strides.
pub(super) fn round(strides: impl Iterator<Item = u32>, orders_per_second: u64) -> Duration {
    let thirds: u64 = strides.map(|stride| u64::from(STRIDE / stride)).sum();
    let step_us = ORDERS_PER_STEP_TENTHS.saturating_mul(100_000).saturating_mul(thirds.max(1));
    Duration::from_micros(step_us / u64::from(STRIDE) / orders_per_second)
}

/// A bot that has begun, its next step, and what it was told about the last one.
pub(super) struct Begun {
    bot: Bot,
    step: u64,
    told: Told,
}

/// Lets every bot begin, all at the same time, and waits until each of their markets has quotes on both sides and a
/// trade. Those that take no orders are not waited for.
///
/// # Errors
/// One sentence: a market stayed dead.
pub(super) async fn open(bots: Vec<Bot>, public: &Public, crew: &Arc<Crew>) -> Result<Vec<Begun>, Failure> {
    let mut opening = JoinSet::new();
    for bot in bots {
        opening.spawn(open_one(bot, public.clone(), crew.clone()));
    }
    let mut begun = Vec::new();
    while let Some(opened) = opening.join_next().await {
        begun.push(opened.map_err(|_| Failure::bug("a bot broke one of its own rules"))??);
    }
    begun.sort_by(|one, other| one.bot.market().symbol.cmp(&other.bot.market().symbol));
    Ok(begun)
}

async fn open_one(mut bot: Bot, public: Public, crew: Arc<Crew>) -> Result<Begun, Failure> {
    let market = bot.market().clone();
    for maker in &crew.makers {
        maker.cancel_all(&market).await;
    }
    let first = bot.begin();
    let mut told = crew.perform(&market, &first).await;
    let (deadline, mut pause, mut step) = (Instant::now() + LIVE_MAX, LOOK_AGAIN, 1);
    while let Err(missing) = public.look(&market).await {
        if Instant::now() > deadline {
            return Err(Failure::failed(format!("the demo cannot bring {} to life: {missing}", market.symbol)));
        }
        rest(pause).await;
        pause = (2 * pause).min(Duration::from_secs(2));
        let again = bot.next(step, &told);
        told = crew.perform(&market, &again).await;
        step += 1;
    }
    Ok(Begun { bot, step, told })
}

#[expect(clippy::disallowed_methods, reason = "the pause itself is meant: the bots spare the venue's limits")]
async fn rest(pause: Duration) {
    tokio::time::sleep(pause).await;
}

/// Lets every bot go on, one after the other within each of its rounds, so that the load is even. A bot that is late,
/// or slower than others, leaves steps out: prices of symbols that share assets stay together.
pub(super) fn trade(begun: Vec<Begun>, round: Duration, crew: &Arc<Crew>) -> JoinSet<()> {
    let mut trading = JoinSet::new();
    let count = u32::try_from(begun.len()).unwrap_or(u32::MAX).max(1);
    let first = begun.iter().map(|begun| begun.step).max().unwrap_or(1);
    let start = Instant::now();
    for (Begun { mut bot, mut told, .. }, place) in begun.into_iter().zip(1..) {
        let crew = crew.clone();
        trading.spawn(async move {
            let own_round = round * bot.market().stride();
            let mut rounds = interval_at(start + own_round * place / count, own_round);
            rounds.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                let due = rounds.tick().await;
                let step = first + rounds_between(start, due, round);
                let decided = bot.next(step, &told);
                told = crew.perform(bot.market(), &decided).await;
            }
        });
    }
    trading
}

fn rounds_between(start: Instant, due: Instant, round: Duration) -> u64 {
    let passed = due.duration_since(start).as_micros() / round.as_micros().max(1);
    u64::try_from(passed).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_as_long_as_the_orders_per_second_say() {
        let strides = |busy: usize, others: usize| std::iter::repeat_n(1, busy).chain(std::iter::repeat_n(3, others));
        assert_eq!(round(strides(12, 0), 40), Duration::from_millis(750));
        assert_eq!(round(strides(0, 12), 40), Duration::from_millis(250), "of which three lie between two actions");
        assert_eq!(round(strides(2, 9), 100), Duration::from_millis(125));
        assert_eq!(round(strides(12, 0), 10_000), Duration::from_millis(3));
        assert!(round(strides(0, 1), 10_000) > Duration::ZERO && round(strides(0, 0), 10_000) > Duration::ZERO);
    }

    #[test]
    fn the_busiest_markets_act_at_every_step() {
        let strides = [("BTC", "USDT"), ("ETH", "USDT"), ("ETH", "BTC"), ("DOGE", "USDT")];
        assert_eq!(strides.map(|(base, quote)| stride(base, quote)), [1, 1, 3, 3]);
    }

    #[test]
    fn rounds_that_were_missed_count() {
        let (start, round) = (Instant::now(), Duration::from_millis(750));
        assert_eq!(rounds_between(start, start, round), 0);
        assert_eq!(rounds_between(start, start + 4 * round, round), 4);
    }
}
