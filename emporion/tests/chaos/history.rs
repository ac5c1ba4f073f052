//! What the journal says happened, held against what clients were told.

use emporion_bench::load::{Acknowledged, Kind};
use emporion_model::event::Event;
use emporion_model::journal::Head;
use emporion_model::{Action, Origin, Seq};
use emporion_ports::feed::CommittedBatch;
use emporion_ports::store::Journal;
use emporion_postgres::{Postgres, PostgresOptions};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What is read at a time, in bytes.
const READ_BYTES: usize = 4 << 20;

/// Everything that clients asked for and the journal holds.
#[derive(Default)]
pub(crate) struct History {
    /// Orders that were placed: seqs by client order id.
    placed: BTreeMap<String, Vec<Seq>>,
    /// Client order ids that cancels gave themselves, of those that cancelled something.
    cancelled: BTreeSet<String>,
}

impl History {
    /// Reads the journal from its beginning. Its rows must follow on one another, no command may stand there twice, and
    /// none may have taken effect after its deadline.
    pub(crate) async fn read(url: &str) -> Self {
        let postgres = Postgres::open(PostgresOptions::new(url)).await.unwrap();
        let (journal, mut history, mut head) = (postgres.journal(), Self::default(), Head::default());
        let mut commands = BTreeSet::new();
        loop {
            let rows = journal.rows_after(head.seq, READ_BYTES).await.unwrap();
            if rows.is_empty() {
                return history;
            }
            for row in rows {
                row.verify_after(&head).unwrap_or_else(|error| panic!("after seq {}: {error}", head.seq.0));
                assert!(row.epoch >= head.epoch, "a deposed leader wrote seq {}", row.first_seq.0);
                head = row.head();
                for (seq, entry) in CommittedBatch::from_row(&row).unwrap().numbered() {
                    let Origin::Client(id, deadline) = entry.command.origin else { continue };
                    assert!(commands.insert(id), "the command of seq {} was there before", seq.0);
                    if matches!(entry.events.last(), Some(Event::Rejected(_))) {
                        continue;
                    }
                    assert!(row.time <= deadline, "seq {} took effect after its deadline", seq.0);
                    history.note(seq, &entry.command.action);
                }
            }
        }
    }

    fn note(&mut self, seq: Seq, action: &Action) {
        match action {
            Action::PlaceOrder(order) => {
                self.placed.entry(order.client_order_id.to_string()).or_default().push(seq);
            }
            Action::CancelOrder(cancel) => drop(self.cancelled.insert(cancel.cancel_id.to_string())),
            _ => {}
        }
    }

    /// Every order and cancel that was acknowledged is there, and no order twice.
    pub(crate) fn check(&self, acknowledged: &[Acknowledged]) {
        assert!(!acknowledged.is_empty());
        for told in acknowledged {
            let answer: Value = serde_json::from_slice(&told.body).unwrap();
            let id = answer["clientOrderId"].as_str().unwrap();
            match told.kind {
                Kind::Cancel => assert!(self.cancelled.contains(id), "an acknowledged cancel is not there: {answer}"),
                _ => assert_eq!(self.placed.get(id).map(Vec::len), Some(1), "{answer}"),
            }
        }
        let twice: Vec<_> = self.placed.iter().filter(|(_, seqs)| seqs.len() > 1).collect();
        assert!(twice.is_empty(), "orders were placed twice: {twice:?}");
    }
}
