//! The conversations of commits and takeovers with a real PostgreSQL, cut at each of their bytes in both directions.
//!
//! Whatever was cut, and wherever: what the journal says of a batch is what the database holds, once or not at all.
//! The ignored tests try every byte, with `cargo test -p emporion-postgres --test byte_cuts -- --ignored --nocapture`;
//! the others an evenly spread sample that begins at a random byte.

#![expect(clippy::unwrap_used, reason = "a test's surroundings may fail as a test may")]

mod bench;

use bench::{Bench, Case, Start, Tally};
use emporion_cluster::fault_proxy::Direction;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Everything that is tried in one test.
#[derive(Clone, Copy)]
enum Talk {
    Commit(Start),
    /// While somebody else takes over and commits.
    Contested(Start),
    TakeOver,
}

/// Cuts the conversation at every `step`-th byte, and at its first and last ones.
async fn cut(talk: Talk, step: u64) {
    let bench = Bench::start().await;
    let mut tally = Tally::default();
    for direction in [Direction::ToServer, Direction::ToClient] {
        let length = bench.length(talk, direction).await;
        assert!(length > 50, "there was a conversation");
        let first = StdRng::from_os_rng().random_range(0..step);
        let mut offsets: Vec<u64> = (first..=length).step_by(step as usize).collect();
        offsets.extend([0, length - 1, length]);
        for offset in offsets {
            bench.check(talk, Case { direction, offset }, &mut tally).await;
        }
    }
    bench.check_whole().await;
    tally.report();
}

macro_rules! conversations {
    ($($talk:expr, $step:literal, $sample:ident, $all:ident;)*) => {$(
        #[tokio::test]
        async fn $sample() {
            cut($talk, $step).await;
        }

        #[tokio::test]
        #[ignore = "minutes: every byte"]
        async fn $all() {
            cut($talk, 1).await;
        }
    )*};
}

conversations! {
    Talk::Commit(Start::Connected), 40,
        a_commit_that_is_cut_is_committed_once_or_not_at_all,
        a_commit_that_is_cut_at_any_byte_is_committed_once_or_not_at_all;
    Talk::Commit(Start::Disconnected), 400,
        a_resolution_and_a_resend_that_are_cut_commit_once,
        a_resolution_and_a_resend_that_are_cut_at_any_byte_commit_once;
    Talk::Commit(Start::AnswerLost), 300,
        a_resolution_of_a_lost_answer_that_is_cut_finds_the_commit,
        a_resolution_of_a_lost_answer_that_is_cut_at_any_byte_finds_the_commit;
    Talk::Contested(Start::Connected), 250,
        a_commit_that_is_cut_while_another_takes_over_is_told_truly,
        a_commit_that_is_cut_at_any_byte_while_another_takes_over_is_told_truly;
    Talk::Contested(Start::AnswerLost), 400,
        a_lost_answer_below_anothers_rows_is_told_truly,
        a_lost_answer_below_anothers_rows_and_cut_at_any_byte_is_told_truly;
    Talk::TakeOver, 300,
        a_takeover_that_is_cut_happens_once,
        a_takeover_that_is_cut_at_any_byte_happens_once;
}
