//! A process that commits through two proxies, somebody else who does so directly, and the truth.

use std::sync::Arc;
use std::time::Duration;

use emporion_cluster::fault_proxy::{Direction, FaultProxy};
use emporion_cluster::parts;
use emporion_model::journal::{BatchBuilder, Head, JournalRow};
use emporion_model::{Action, Command, Epoch, Origin, TimeUs};
use emporion_ports::store::{CommitError, Journal};
use emporion_postgres::{Postgres, PostgresJournal, PostgresOptions, migrate};

use super::Talk;

/// How a commit finds its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// It is there.
    Connected,
    /// It was reset: the commit is in doubt at once, is resolved on a new connection and sent again on another.
    Disconnected,
    /// It is there, and is cut before the first byte of the answer: what is tried is the resolution.
    AnswerLost,
}

/// Where a conversation is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) direction: Direction,
    pub(crate) offset: u64,
}

/// An offset that no conversation reaches.
const NEVER: u64 = u64::MAX / 2;

/// What became of the cases.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    cases: u64,
    cut: u64,
    committed: u64,
    fenced: u64,
    violations: Vec<String>,
    /// Bytes of the last uncut conversation, to the server and back.
    passed: [u64; 2],
}

impl Tally {
    #[expect(clippy::print_stderr, reason = "the figures of a long run")]
    pub(crate) fn report(self) {
        let Self { cases, cut, committed, fenced, violations, .. } = self;
        eprintln!("{cases} cases, {cut} cut: {committed} committed, {fenced} fenced, {} violations", violations.len());
        assert!(violations.is_empty(), "{violations:#?}");
        // The last two offsets of each direction may lie behind the end of a conversation that is a byte shorter.
        assert!((cut + 4) * 10 > cases * 8, "{cut} of {cases} were cut");
    }
}

pub(crate) struct Bench {
    /// Cuts the first answer of [`Start::AnswerLost`].
    outer: FaultProxy,
    /// Behind the outer one; cuts what is tried.
    inner: FaultProxy,
    journal: Arc<PostgresJournal>,
    /// Another process, with a connection of its own to the database.
    rival: Arc<PostgresJournal>,
    /// The bytes of a commit on a connection that is there, to the server and back.
    commit_bytes: [u64; 2],
    _server: parts::Postgres,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        let made = tokio::task::spawn_blocking(|| {
            let server = parts::Postgres::get().unwrap();
            let url = server.database().unwrap();
            (server, url)
        });
        let (server, url) = made.await.unwrap();
        migrate(&url).await.unwrap();
        let place = url.split('@').next_back().unwrap().split('/').next().unwrap().to_owned();
        let inner = FaultProxy::start(Some(place.parse().unwrap())).unwrap();
        let outer = FaultProxy::start(Some(inner.address())).unwrap();
        let journal = open(url.replace(&place, &outer.address().to_string())).await;
        let rival = open(url).await;
        let mut bench = Self { outer, inner, journal, rival, commit_bytes: [0, 0], _server: server };
        // Whoever takes over makes partitions beside it, once.
        bench.rival.take_over().await.unwrap();
        bench.journal.take_over().await.unwrap();
        bench.go_on().await.unwrap();
        bench.quiet().await;
        let mut tally = Tally::default();
        let case = Case { direction: Direction::ToServer, offset: NEVER };
        bench.check(Talk::Commit(Start::Connected), case, &mut tally).await;
        bench.commit_bytes = tally.passed;
        bench
    }

    /// How many bytes the conversation has in this direction when it is not cut.
    pub(crate) async fn length(&self, talk: Talk, direction: Direction) -> u64 {
        let mut longest = 0;
        for _ in 0..3 {
            let mut tally = Tally::default();
            self.check(talk, Case { direction, offset: NEVER }, &mut tally).await;
            assert!(tally.violations.is_empty(), "{tally:#?}");
            longest = longest.max(tally.passed[direction as usize]);
        }
        longest
    }

    /// Tries one case and compares what was said with what is there.
    pub(crate) async fn check(&self, talk: Talk, case: Case, tally: &mut Tally) {
        let before = self.rival.head().await.unwrap();
        let cuts = self.inner.cuts();
        let mut skipped = [0, 0];
        if let Talk::Commit(start) | Talk::Contested(start) = talk {
            self.prepare(start).await;
            skipped = if start == Start::AnswerLost { self.commit_bytes } else { skipped };
        }
        let passed = self.passed();
        self.inner.cut_after(case.direction, case.offset + skipped[case.direction as usize]);
        let result = match talk {
            Talk::Commit(_) => self.commit(before, tally).await,
            Talk::Contested(_) => self.contested(before, case, cuts, tally).await,
            Talk::TakeOver => self.take_over(before, tally).await,
        };
        tally.cases += 1;
        tally.cut += self.inner.cuts() - cuts;
        if case.offset == NEVER {
            let after = self.quiet().await;
            tally.passed = [0, 1].map(|way| (after[way] - passed[way]).saturating_sub(skipped[way]));
        }
        self.inner.heal();
        self.outer.heal();
        if let Err(violation) = result {
            tally.violations.push(format!("{case:?}: {violation}"));
            self.journal.take_over().await.unwrap();
        }
        if let Err(violation) = self.go_on().await {
            tally.violations.push(format!("{case:?}: then {violation}"));
            self.journal.take_over().await.unwrap();
            self.go_on().await.unwrap();
        }
    }

    async fn prepare(&self, start: Start) {
        match start {
            Start::Connected => {}
            Start::Disconnected => {
                self.outer.reset();
                while self.outer.connections() + self.inner.connections() > 0 {
                    pause().await;
                }
            }
            Start::AnswerLost => self.outer.cut_after(Direction::ToClient, 0),
        }
    }

    /// Nobody else writes: the row must be there.
    async fn commit(&self, before: Head, tally: &mut Tally) -> Result<(), String> {
        let row = ticks(&before, 2);
        self.journal.commit(Arc::clone(&row)).await.map_err(|error| format!("nobody else wrote, yet: {error}"))?;
        tally.committed += 1;
        self.expect_rows(&before, &[&row]).await
    }

    /// Somebody else takes over and appends a row, at once or after the cut.
    async fn contested(&self, before: Head, case: Case, cuts: u64, tally: &mut Tally) -> Result<(), String> {
        let row = ticks(&before, 2);
        let (journal, committed) = (Arc::clone(&self.journal), Arc::clone(&row));
        let commit = tokio::spawn(async move { journal.commit(committed).await });
        while case.offset.is_multiple_of(2) && self.inner.cuts() == cuts && !commit.is_finished() {
            pause().await;
        }
        let head = self.rival.take_over().await.map_err(|error| format!("the other's takeover: {error}"))?;
        let other = ticks(&head, 1);
        self.rival.commit(Arc::clone(&other)).await.map_err(|error| format!("the other's commit: {error}"))?;
        let result = commit.await.map_err(|error| error.to_string())?;
        let is_there = head.chain == row.chain;
        let truth: &[&JournalRow] = if is_there { &[&row, &other] } else { &[&other] };
        self.expect_rows(&before, truth).await?;
        match result {
            Ok(()) if is_there => tally.committed += 1,
            Err(CommitError::Fenced { found }) if (found.chain == row.chain) == is_there => tally.fenced += 1,
            result => return Err(format!("the row is there: {is_there}, yet: {result:?}")),
        }
        self.journal.take_over().await.map(drop).map_err(|error| format!("a takeover: {error}"))
    }

    async fn take_over(&self, before: Head, tally: &mut Tally) -> Result<(), String> {
        let head = self.journal.take_over().await.map_err(|error| format!("nobody else wrote, yet: {error}"))?;
        let expected = Head { epoch: Epoch(before.epoch.0 + 1), ..before };
        let there = self.rival.head().await.map_err(|error| error.to_string())?;
        if (head, there) != (expected, expected) {
            return Err(format!("{head:?} was said, {there:?} is there, {expected:?} was expected"));
        }
        tally.committed += 1;
        Ok(())
    }

    /// Appends a row on the connection that is then there.
    async fn go_on(&self) -> Result<(), String> {
        let before = self.rival.head().await.map_err(|error| error.to_string())?;
        let row = ticks(&before, 1);
        self.journal.commit(Arc::clone(&row)).await.map_err(|error| format!("a following commit: {error}"))?;
        self.expect_rows(&before, &[&row]).await
    }

    /// The journal after `before` is these rows and nothing else, and the head is at the last of them.
    async fn expect_rows(&self, before: &Head, expected: &[&JournalRow]) -> Result<(), String> {
        let found = self.rival.rows_after(before.seq, usize::MAX).await.map_err(|error| error.to_string())?;
        let head = self.rival.head().await.map_err(|error| error.to_string())?;
        let last = expected.last().map(|row| row.head());
        if found.iter().ne(expected.iter().copied()) || Some((head.seq, head.chain)) != last.map(|h| (h.seq, h.chain)) {
            return Err(format!("{expected:?} were expected, {found:?} are there, the head is {head:?}"));
        }
        Ok(())
    }

    /// The journal is whole from its first row to its head, and its epochs never fall.
    pub(crate) async fn check_whole(&self) {
        let (mut at, head) = (Head::default(), self.rival.head().await.unwrap());
        while at.seq < head.seq {
            let rows = self.rival.rows_after(at.seq, usize::MAX).await.unwrap();
            assert!(!rows.is_empty(), "rows are missing after {}", at.seq);
            for row in rows {
                assert!(row.epoch >= at.epoch);
                row.verify_after(&Head { epoch: row.epoch, ..at }).unwrap();
                at = row.head();
            }
        }
        assert_eq!((at.seq, at.chain), (head.seq, head.chain));
    }

    fn passed(&self) -> [u64; 2] {
        [Direction::ToServer, Direction::ToClient].map(|direction| self.inner.passed(direction))
    }

    /// How many bytes have passed in each direction once no more do.
    async fn quiet(&self) -> [u64; 2] {
        loop {
            let before = self.passed();
            for _ in 0..50 {
                pause().await;
            }
            if self.passed() == before {
                return before;
            }
        }
    }
}

async fn open(url: String) -> Arc<PostgresJournal> {
    let mut options = PostgresOptions::new(url);
    options.connections_max = 2;
    Postgres::open(options).await.unwrap().journal()
}

/// A row of ticks after `head`.
fn ticks(head: &Head, count: usize) -> Arc<JournalRow> {
    let mut batch = BatchBuilder::default();
    for _ in 0..count {
        batch.push(&Command { origin: Origin::Sequencer, action: Action::Tick }, &[]);
    }
    Arc::new(batch.seal(head, TimeUs(head.time.0 + 1), 1))
}

#[expect(clippy::disallowed_methods, reason = "a proxy does not tell what passes through it")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}
