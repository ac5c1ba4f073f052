//! What every [`Journal`], [`Snapshots`], [`Tables`] and [`Queries`] must do.
//!
//! An adapter's test module says `emporion_ports::store_contract!(open);`, where `open()` is an async function
//! that returns a fresh store as an `impl StoreUnderTest`.

mod journal;
mod lists;
mod rows;
mod sample;
mod snapshots;
mod tables;

use std::sync::Arc;

use async_trait::async_trait;
use emporion_model::Seq;

use crate::store::{Journal, Snapshots};
use crate::tables::{Queries, Tables};

pub use journal::*;
pub use lists::*;
pub use rows::*;
pub use snapshots::*;
pub use tables::*;

/// A store that the suite may crash and damage.
#[async_trait]
pub trait StoreUnderTest: Send + Sync {
    /// Its journal.
    fn journal(&self) -> Arc<dyn Journal>;

    /// Its snapshots.
    fn snapshots(&self) -> Arc<dyn Snapshots>;

    /// The writing side of its tables.
    fn tables(&self) -> Arc<dyn Tables>;

    /// The reading side of its tables.
    fn queries(&self) -> Arc<dyn Queries>;

    /// Opens what a process that is killed now would leave behind. The parts handed out before are of no use
    /// afterwards.
    async fn crash_and_reopen(&mut self);

    /// Flips a bit in the saved snapshot at `seq`.
    async fn damage_snapshot(&self, seq: Seq);
}

/// One test per case of the contract on the store that `$open` makes.
#[macro_export]
macro_rules! store_contract {
    ($open:path) => {
        $crate::store_contract!(@cases $open:
            an_empty_journal_is_at_the_beginning,
            a_commit_moves_the_head_and_keeps_the_row,
            a_commit_that_does_not_follow_leaves_nothing,
            a_row_sent_again_is_told_from_a_foreign_one,
            a_takeover_fences_the_epoch_before,
            rows_are_read_in_portions,
            what_was_committed_outlives_a_crash,
            a_snapshot_comes_back_as_it_was_saved,
            the_newest_snapshots_are_kept,
            a_damaged_snapshot_is_noticed_and_set_aside,
            empty_tables_stand_at_the_beginning,
            changes_that_do_not_follow_leave_nothing,
            changes_that_contradict_the_tables_leave_nothing,
            tables_outlive_a_crash,
            cleared_tables_begin_again,
            waiting_ends_with_the_projection,
            tables_are_the_same_however_they_were_cut,
            every_row_comes_back_as_it_was_written,
            a_change_changes_what_it_names,
            accounts_keep_what_was_not_changed,
            klines_grow_at_their_end,
            books_are_what_open_orders_work_for,
            orders_are_found_by_their_ids,
            orders_are_listed_by_range,
            trades_are_listed_by_range,
            aggregated_trades_are_whole_runs,
            fills_are_listed_in_seven_ways,
            prevented_matches_are_found_by_id_and_order,
            transfers_are_listed_by_range,
            klines_are_listed_by_range,
        );
    };
    (@cases $open:path: $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $case() {
                let mut store = $open().await;
                $crate::contract::store::$case(&mut store).await;
            }
        )+
    };
}
