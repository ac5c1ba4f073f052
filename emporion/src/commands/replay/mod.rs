//! `emporion replay`: a recorded market, played through real orders of two accounts.
//!
//! The recording becomes records, the planner turns them into orders, the player carries these to the venue when
//! they are due. `docs/replay.md` says what comes out, and where it differs from what was recorded.

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
use emporion_model::SymbolName;
use plan::Planner;
use play::{End, Market, Player, Speed};
use recording::{Format, Opened, bad_line};
use report::{LastBook, Report};
use std::io::Write;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
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
        let grid = grid_of(&config, &arguments.symbol).await?;
        let venue = Venue::open(&config, &grid).await?;
        let planner = Planner::new(grid);
        let stop = stop_on_signal()?;
        announce(arguments, opened.format, speed);
        let mut player = Player::new(venue, planner, speed, LOOK_EVERY, stop);
        let format = opened.format;
        let end = play(&mut player, opened, arguments.spread_ticks).await;
        conclude(player, end, format, arguments, output).await
    })
}

/// A flag that a signal raises.
fn stop_on_signal() -> Result<watch::Receiver<bool>, Failure> {
    let unheard = |error| Failure::failed(format!("signals cannot be listened to: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unheard)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(unheard)?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        // Nobody is left to be stopped when this fails.
        let _ = stop.send(true);
    });
    Ok(stopped)
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
