//! `emporion replay`: a recorded market, played through real orders of two accounts.
//!
//! The recording becomes records, the planner turns them into orders, the player carries these to the venue when
//! they are due. `docs/replay.md` says what comes out, and where it differs from what was recorded.

mod claim;
mod grid;
mod numbers;
mod plan;
mod play;
mod recording;
mod report;
#[cfg(test)]
mod simulation;
mod socket;
mod venue;

use super::{block_on, config_of};
use crate::Failure;
use crate::cli::ReplayArgs;
use crate::output::Output;
use crate::progress::{AboveBars, Progress};
use crate::serve::Signals;
use claim::Claim;
use emporion_model::SymbolName;
use plan::Planner;
use play::{End, Market, Player, Speed};
use recording::{Format, Opened, bad_line};
use report::{LastBook, Report};
use std::io::Write;
use std::time::Duration;
use tokio::sync::watch;
use venue::{Venue, grid_of};

/// Others are looked for in the book at most this often: a little less than the time between two recorded diffs.
const LOOK_EVERY: Duration = Duration::from_millis(90);

pub(super) fn run(arguments: &ReplayArgs, output: Output) -> Result<(), Failure> {
    let speed = Speed::parse(&arguments.speed);
    let speed = speed.map_err(|why| Failure::usage(format!("the speed {:?} {why}", arguments.speed)))?;
    let symbol: Result<SymbolName, _> = arguments.symbol.parse();
    symbol.map_err(|error| Failure::usage(format!("the symbol {error}")))?;
    let config = config_of(&arguments.venue)?;
    let opened = Opened::open(&arguments.file)?;
    block_on(async {
        let signals = Signals::listen()?;
        let (stop, stopped) = watch::channel(false);
        let whole = async {
            let grid = grid_of(&config, &arguments.symbol).await?;
            let _claim = Claim::take(&config.data_dir, &grid.symbol)?;
            let venue = Venue::open(&config, &grid).await?;
            announce(arguments, opened.format, speed);
            let mut player = Player::new(venue, Planner::new(grid), speed, LOOK_EVERY, stopped);
            let format = opened.format;
            let end = play(&mut player, opened, arguments.spread_ticks).await;
            conclude(player, end, format, arguments, output).await
        };
        tokio::select! {
            done = whole => done,
            name = second_signal(signals, stop) => Err(Failure::failed(format!(
                "the play was ended at once by a second signal, {name}: the maker's orders may still be there"
            ))),
        }
    })
}

/// Raises the flag at the first signal, and waits for a second one, whose name it gives.
async fn second_signal(mut signals: Signals, stop: watch::Sender<bool>) -> &'static str {
    signals.next().await;
    // Nobody is left to be stopped when this fails.
    let _ = stop.send(true);
    signals.next().await
}

fn announce(arguments: &ReplayArgs, format: Format, speed: Speed) {
    let say = |line: &str| {
        // Nobody reads it when standard error is closed.
        let _ = writeln!(AboveBars, "{line}");
    };
    say(&report::opening(&arguments.symbol, format, &arguments.speed, arguments.spread_ticks));
    if speed.is_compressing() {
        say("Trades get the time at which they are played, so at this speed klines are shorter than recorded.");
    }
}

async fn play(player: &mut Player<Venue>, opened: Opened, spread_ticks: u64) -> End {
    let (bar, read) = (Progress::of("playing the recording"), opened.progress.clone());
    let records = opened.records(player.planner.grid(), spread_ticks);
    player
        .play(records, || {
            let (done, total) = read.now();
            bar.set(done, total);
        })
        .await
}

/// Says what was done; when it was not done to the end, cancels what the maker has.
async fn conclude(
    mut player: Player<Venue>,
    end: End,
    format: Format,
    arguments: &ReplayArgs,
    output: Output,
) -> Result<(), Failure> {
    let last_book = match end {
        End::Whole => Some(LastBook::compare(&player.planner, &player.market.depth().await?)),
        _ => None,
    };
    let canceled = match end {
        End::Whole => String::new(),
        _ => match player.market.cancel_all().await {
            Ok(()) => "the maker's orders are canceled".to_owned(),
            Err(failure) => format!("the maker's orders are still there, because {failure}"),
        },
    };
    let (line, trades) = (player.tally.line, player.tally.trades.recorded);
    let so_far = format!("it was played up to line {line}, {trades} trades, and {canceled}");
    let report = Report {
        symbol: arguments.symbol.clone(),
        recording: format.name(),
        is_book_synthetic: format.is_without_book(),
        is_whole: end == End::Whole,
        deviations: player.planner.deviations(),
        tally: player.tally,
        first_refusal: player.market.first_refusal,
        throttled: player.market.throttled,
        last_book,
    };
    let failure = match end {
        End::Whole => return output.answer(&report, || report.to_string()),
        End::Stopped => {
            output.answer(&report, || report.to_string())?;
            return Err(Failure::failed(format!("the play was stopped by a signal: {so_far}")));
        }
        End::BadLine(bad) => bad_line(&arguments.file, &bad),
        End::Failed(failure) => failure,
    };
    let Failure { exit, sentence } = failure;
    Err(Failure { exit, sentence: format!("{sentence}; {so_far}") })
}
