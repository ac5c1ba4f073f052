//! `emporion audit`: replays the journal, checks every rule, and compares the tables with what comes out. Reads
//! only, also beside a venue that runs.
//!
//! The tables are copied first, so that they stand still; the replay passes the seq that they stand at, where the
//! engine's balances, orders and counts are compared with theirs. A replay from the beginning also builds all
//! tables again and compares their fingerprints, which covers every closed order, trade and kline.

mod audited;
mod journal;
mod tables;

use super::{Hash, block_on, config_of};
use crate::Failure;
use crate::cli::VenueArgs;
use crate::config::Config;
use crate::output::Output;
use crate::progress::Progress;
use audited::Audited;
use emporion_engine::{AssetSum, Engine};
use emporion_model::decimal::format;
use emporion_model::journal::Head;
use emporion_model::{Amount, Seq};
use emporion_order::replay::Replayer;
use emporion_ports::store::StoreError;
use serde::Serialize;

/// How many bytes of journal are replayed at a time.
const READ_BYTES: usize = 4 << 20;
/// Rows between two checks of all invariants, each of which looks at the whole state.
const ROWS_PER_CHECK: u64 = 1_000;

/// What an audit found. Its names are stable.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// The last seq that was replayed.
    seq: u64,
    /// Where the replay began: 0, or a snapshot's seq.
    from_seq: u64,
    /// The journal's chain there.
    chain: String,
    /// The hash of the whole state.
    state_hash: Hash,
    /// The seq at which the tables were compared; missing when they stand beyond the replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    tables_seq: Option<u64>,
    /// Whether every table was built again, too.
    tables_rebuilt: bool,
    /// Each asset's books in one line, in its full precision.
    assets: Vec<AssetLine>,
}

#[derive(Serialize)]
struct AssetLine {
    asset: String,
    users: String,
    treasury: String,
    fees: String,
    external: String,
    /// Zero, or the audit fails.
    total: String,
}

pub(super) fn run(from_snapshot: bool, at_seq: Option<u64>, venue: &VenueArgs, output: Output) -> Result<(), Failure> {
    let config = config_of(venue)?;
    let report = block_on(audit(&config, from_snapshot, at_seq.map(Seq)))?;
    output.answer(&report, || report.to_text())
}

async fn audit(config: &Config, from_snapshot: bool, at_seq: Option<Seq>) -> Result<Report, Failure> {
    let store = Audited::open(config).await?;
    let tables = &*store.tables;
    let stand = tables.projected().await.map_err(found)?;
    // Read after the tables, so that it is not behind them.
    let head = store.journal.head().await.map_err(found)?;
    if stand.seq > head.seq {
        let (tables, journal) = (stand.seq, head.seq);
        let sentence =
            format!("the journal ends at seq {journal}, but the tables hold what was committed up to {tables}");
        return Err(Failure::differs(sentence));
    }
    let until = until(&store, head, at_seq).await?;
    let mut replay = Replay::begin(&store, from_snapshot).await?;
    let from = replay.replayer.head.seq;
    let tables_seq = (from..=until.seq).contains(&stand.seq).then_some(stand.seq);
    if let Some(seq) = tables_seq {
        replay.advance(&store, seq).await?;
        tables::compare_with_engine(&replay.replayer.engine, tables).await?;
        let at = &replay.replayer.head;
        if (at.chain, at.history) != (stand.chain, stand.history) {
            return Err(Failure::differs(format!("the tables stand at another chain than the journal at seq {seq}")));
        }
    }
    replay.advance(&store, until.seq).await?;
    let tables_rebuilt = tables_seq.is_some() && from == Seq::ZERO;
    if tables_rebuilt {
        tables::compare_with_rebuilt(&store, stand).await?;
    }
    let Replayer { engine, head } = replay.replayer;
    Ok(Report {
        seq: head.seq.0,
        from_seq: from.0,
        chain: head.chain.to_string(),
        state_hash: Hash(engine.state_hash()),
        tables_seq: tables_seq.map(|seq| seq.0),
        tables_rebuilt,
        assets: engine.asset_sums().iter().map(|sum| asset_line(&engine, sum)).collect(),
    })
}

/// The head at which the replay ends: the journal's, or that of the row that holds `at_seq`.
async fn until(store: &Audited, head: Head, at_seq: Option<Seq>) -> Result<Head, Failure> {
    let Some(seq) = at_seq else { return Ok(head) };
    let row = store.journal.row_of(seq).await?;
    let row = row.ok_or_else(|| Failure::usage(format!("the journal has no seq {seq}: it ends at {}", head.seq)))?;
    Ok(row.head())
}

/// A replay that checks as it goes.
struct Replay {
    replayer: Replayer,
    rows: u64,
    progress: Progress,
}

impl Replay {
    /// At the journal's beginning, or at the oldest snapshot that is kept.
    async fn begin(store: &Audited, from_snapshot: bool) -> Result<Self, Failure> {
        let oldest = if from_snapshot { store.snapshots.list().await?.last().copied() } else { None };
        let replayer = match oldest {
            Some(seq) => restore(store, seq).await?,
            None => Replayer::from_start(0),
        };
        if let Some(first) = store.journal.first_seq().await?.filter(|first| *first > replayer.head.seq.next()) {
            return Err(Failure::usage(format!("the journal begins at seq {first} now: use --from-snapshot")));
        }
        Ok(Self { replayer, rows: 0, progress: Progress::of("replaying the journal") })
    }

    /// Replays the rows up to the one that ends with `until`.
    async fn advance(&mut self, store: &Audited, until: Seq) -> Result<(), Failure> {
        while self.replayer.head.seq < until {
            let rows = store.journal.rows_after(self.replayer.head.seq, READ_BYTES).await.map_err(found)?;
            if rows.is_empty() {
                let at = self.replayer.head.seq;
                return Err(Failure::differs(format!(
                    "the journal ends at seq {at} but its head is beyond seq {until}"
                )));
            }
            for row in rows.iter().take_while(|row| row.last_seq <= until) {
                self.replayer.follow(row).map_err(|error| Failure::differs(error.to_string()))?;
                self.rows += 1;
                if self.rows.is_multiple_of(ROWS_PER_CHECK) {
                    check(&self.replayer)?;
                }
                self.progress.set(row.last_seq.0, until.0);
            }
            if self.replayer.head.seq < until && rows.iter().any(|row| row.last_seq > until) {
                return Err(Failure::differs(format!("no row of the journal ends with seq {until}")));
            }
        }
        check(&self.replayer)
    }
}

fn check(replayer: &Replayer) -> Result<(), Failure> {
    let seq = replayer.head.seq;
    replayer.engine.check_invariants().map_err(|broken| Failure::differs(format!("at seq {seq}: {broken}")))
}

/// The engine of a snapshot, which must be whole and of this journal.
async fn restore(store: &Audited, seq: Seq) -> Result<Replayer, Failure> {
    let snapshot = store.snapshots.load(seq).await.map_err(found)?;
    let about = |problem: String| Failure::differs(format!("the snapshot at seq {seq}: {problem}"));
    if Engine::hash_of(&snapshot.bytes) != snapshot.meta.state_hash {
        return Err(about("its state hash is not that of its state".to_owned()));
    }
    let engine = Engine::restore(&snapshot.bytes, 0).map_err(|error| about(error.to_string()))?;
    let row = store.journal.row_of(seq).await?;
    if row.is_some_and(|row| row.head().chain != snapshot.meta.head.chain) {
        return Err(about("it is not of this journal".to_owned()));
    }
    Ok(Replayer { engine, head: snapshot.meta.head })
}

/// Damage is what an audit looks for; any other trouble keeps it from looking.
fn found(error: StoreError) -> Failure {
    match error {
        StoreError::Damaged(problem) => Failure::differs(problem),
        error => error.into(),
    }
}

fn asset_line(engine: &Engine, sum: &AssetSum) -> AssetLine {
    let asset = &engine.assets()[usize::from(sum.asset.0)];
    let text = |amount: Amount| format(amount.0, asset.ledger_scale, asset.ledger_scale);
    AssetLine {
        asset: asset.code.to_string(),
        users: text(sum.users),
        treasury: text(sum.treasury),
        fees: text(sum.fees),
        external: text(sum.external),
        total: text(sum.total()),
    }
}

impl Report {
    fn to_text(&self) -> String {
        let tables = match (self.tables_seq, self.tables_rebuilt) {
            (Some(seq), true) => format!("agree at seq {seq}, every row of them"),
            (Some(seq), false) => format!("agree at seq {seq} in balances, open orders and counts"),
            (None, _) => "not compared: they stand at a seq that was not replayed".to_owned(),
        };
        let mut lines = vec![
            format!("seq         {} (from {})", self.seq, self.from_seq),
            format!("state hash  {}", self.state_hash),
            format!("tables      {tables}"),
        ];
        for AssetLine { asset, users, treasury, fees, external, total } in &self.assets {
            let sums = format!("users {users}, treasury {treasury}, fees {fees}, external {external}, total {total}");
            lines.push(format!("{asset:<12}{sums}"));
        }
        lines.join("\n")
    }
}
