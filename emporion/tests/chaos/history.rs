//! What the journal says happened, held against what clients were told.

use crate::load::{Told, decimals};
use emporion_model::event::Event;
use emporion_model::journal::Head;
use emporion_model::{Action, OrderKind, Origin, Seq, Side};
use emporion_ports::feed::CommittedBatch;
use emporion_ports::store::Journal;
use emporion_postgres::{Postgres, PostgresOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// What is read at a time, in bytes.
const READ_BYTES: usize = 4 << 20;

/// Everything that clients asked for and the journal holds.
#[derive(Default)]
pub(crate) struct History {
    /// Orders that were placed, by client order id.
    placed: BTreeMap<String, Vec<Placed>>,
    /// The ids that cancels gave themselves, of those that cancelled something.
    cancelled: BTreeMap<String, Seq>,
    /// The highest id of a trade at each price, in hundredths.
    trades: BTreeMap<u64, u64>,
    /// Rows that a deposed leader wrote.
    pub(crate) stale_writes: usize,
    /// Commands that stand there twice, or took effect after their deadline.
    pub(crate) repeated: Vec<Seq>,
    pub(crate) late: Vec<Seq>,
    pub(crate) head: Head,
}

/// An order in the journal.
struct Placed {
    seq: Seq,
    order_id: u64,
    is_buy: bool,
    price: u64,
    trades: Vec<u64>,
}

/// How what clients were told differs from the journal: each a sentence.
#[derive(Default)]
pub(crate) struct Differences {
    pub(crate) lost: Vec<String>,
    pub(crate) doubled: Vec<String>,
    pub(crate) altered: Vec<String>,
    pub(crate) out_of_order: Vec<String>,
}

impl History {
    /// Reads the journal from its beginning. Its rows must follow on one another.
    pub(crate) async fn read(url: &str) -> Self {
        let postgres = Postgres::open(PostgresOptions::new(url)).await.unwrap();
        let (journal, mut history) = (postgres.journal(), Self::default());
        let mut commands = BTreeSet::new();
        loop {
            let rows = journal.rows_after(history.head.seq, READ_BYTES).await.unwrap();
            if rows.is_empty() {
                return history;
            }
            for row in rows {
                row.verify_after(&history.head).unwrap_or_else(|error| panic!("{:?}: {error}", history.head.seq));
                history.stale_writes += usize::from(row.epoch < history.head.epoch);
                history.head = row.head();
                for (seq, entry) in CommittedBatch::from_row(&row).unwrap().numbered() {
                    let Origin::Client(id, deadline) = entry.command.origin else { continue };
                    if !commands.insert(id) {
                        history.repeated.push(seq);
                    }
                    if matches!(entry.events.last(), Some(Event::Rejected(_))) {
                        continue;
                    }
                    if row.time > deadline {
                        history.late.push(seq);
                    }
                    history.note(seq, &entry.command.action, &entry.events);
                }
            }
        }
    }

    fn note(&mut self, seq: Seq, action: &Action, events: &[Event]) {
        if let Action::CancelOrder(cancel) = action {
            self.cancelled.insert(cancel.cancel_id.to_string(), seq);
        }
        let Action::PlaceOrder(order) = action else { return };
        let mut placed = Placed {
            seq,
            order_id: 0,
            is_buy: order.side == Side::Buy,
            price: order.kind.price().map_or(0, |price| price.0),
            trades: Vec::new(),
        };
        debug_assert!(matches!(order.kind, OrderKind::Limit(..)), "only such orders are sent");
        for event in events {
            match event {
                Event::OrderPlaced(event) => placed.order_id = event.order_id.0,
                Event::Traded(trade) => {
                    placed.trades.push(trade.trade_id.0);
                    self.trades.insert(trade.price.0, trade.trade_id.0);
                }
                _ => {}
            }
        }
        self.placed.entry(order.client_order_id.to_string()).or_default().push(placed);
    }

    /// Whether a price was of a trade that is at least as new as this one.
    pub(crate) fn has_price_since(&self, price: u64, trade: u64) -> bool {
        self.trades.get(&price).is_some_and(|last| *last >= trade)
    }

    /// Every order and cancel that was acknowledged must be there as it was, no order twice, and one that was sent
    /// after another was acknowledged behind that one.
    pub(crate) fn compare(&self, told: &[Told]) -> Differences {
        let mut differences = Differences::default();
        let mut seqs: Vec<(Instant, Instant, Seq)> = Vec::new();
        for told in told {
            let answer = &told.answer;
            let seq = if told.is_cancel {
                self.cancelled.get(answer["clientOrderId"].as_str().unwrap()).copied()
            } else {
                let placed = self.placed.get(&told.order.id).and_then(|placed| placed.first());
                if placed.is_some_and(|placed| !placed.is_as(told)) {
                    differences.altered.push(format!("{:?} was acknowledged with {answer}", told.order));
                }
                placed.map(|placed| placed.seq)
            };
            match seq {
                Some(seq) => seqs.push((told.sent, told.told, seq)),
                None => differences.lost.push(format!("{:?}: {answer}", told.order)),
            }
        }
        let twice = self.placed.iter().filter(|(_, placed)| placed.len() > 1);
        differences.doubled.extend(twice.map(|(id, placed)| format!("{id} is there {} times", placed.len())));
        differences.out_of_order = out_of_order(seqs);
        differences
    }
}

impl Placed {
    fn is_as(&self, told: &Told) -> bool {
        let answer = &told.answer;
        let fills = answer["fills"].as_array().into_iter().flatten();
        let trades: Vec<u64> = fills.filter_map(|fill| fill["tradeId"].as_u64()).collect();
        answer["orderId"] == self.order_id
            && (self.is_buy, self.price) == (told.order.is_buy, told.order.price)
            && (answer["side"] == "BUY", decimals(&answer["price"])) == (self.is_buy, self.price * 1_000_000)
            && trades == self.trades
    }
}

/// Those of (sent, acknowledged, seq) that stand before another one that was acknowledged when they were sent.
fn out_of_order(mut seqs: Vec<(Instant, Instant, Seq)>) -> Vec<String> {
    let mut by_end: Vec<(Instant, Seq)> = seqs.iter().map(|(_, told, seq)| (*told, *seq)).collect();
    by_end.sort_unstable();
    seqs.sort_unstable();
    let (mut ended, mut newest, mut wrong) = (by_end.into_iter().peekable(), Seq::ZERO, Vec::new());
    for (sent, _, seq) in seqs {
        while let Some((_, seq)) = ended.next_if(|(told, _)| *told < sent) {
            newest = newest.max(seq);
        }
        if seq < newest {
            wrong.push(format!("seq {} was sent after seq {} was acknowledged", seq.0, newest.0));
        }
    }
    wrong
}

#[test]
fn what_overtakes_what_was_acknowledged_is_found() {
    let start = Instant::now();
    let at = |ms| start + std::time::Duration::from_millis(ms);
    let order = [(at(0), at(5), Seq(2)), (at(4), at(6), Seq(1)), (at(7), at(9), Seq(3))];
    assert_eq!(out_of_order(order.to_vec()), Vec::<String>::new());
    let overtaken = [(at(0), at(5), Seq(2)), (at(6), at(7), Seq(1))];
    assert_eq!(out_of_order(overtaken.to_vec()).len(), 1);
}
