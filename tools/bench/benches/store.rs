//! `cargo bench -p emporion-bench --bench store`: commands a second into the journal by batch size, beside
//! what the disk does with the same bytes in the same run (one write and one fdatasync a batch).
#![allow(clippy::print_stdout, clippy::disallowed_methods, missing_docs, clippy::unwrap_used)]

use emporion_model::journal::{BatchBuilder, Head, JournalRow};
use emporion_model::*;
use emporion_ports::store::Journal;
use emporion_sqlite::{Durability, FolderLock, Store};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

const BATCH_SIZES: [usize; 6] = [1, 8, 32, 128, 512, 2_048];
const ROUND: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() {
    println!("journal rows with fsync; the raw limit writes the same bytes and calls fdatasync");
    println!("{:>8}{:>12}{:>14}{:>14}{:>10}{:>16}", "batch", "bytes", "store cps", "raw cps", "ratio", "store p50 us");
    let folder = tempfile::tempdir_in(target_folder()).unwrap();
    let lock = FolderLock::acquire(&folder.path().join("data")).unwrap();
    let store = Store::open(&lock, Durability::Durable).unwrap().journal;
    let mut head = store.take_over().await.unwrap();
    let mut raw = std::fs::File::create(folder.path().join("raw")).unwrap();
    for size in BATCH_SIZES {
        let (mut batches, mut store_time, mut raw_time, mut bytes) = (0u32, Duration::ZERO, Duration::ZERO, 0);
        let mut latencies = Vec::new();
        let until = Instant::now() + ROUND;
        while Instant::now() < until {
            let row = Arc::new(row(size, &head));
            head = row.head();
            bytes = row.payload.len();
            let start = Instant::now();
            raw.write_all(&row.payload).unwrap();
            raw.sync_data().unwrap();
            raw_time += start.elapsed();
            let start = Instant::now();
            store.commit(row).await.unwrap();
            latencies.push(start.elapsed());
            store_time += start.elapsed();
            batches += 1;
        }
        latencies.sort();
        let cps = |time: Duration| f64::from(batches) * size as f64 / time.as_secs_f64();
        let (ours, limit) = (cps(store_time), cps(raw_time));
        let p50 = latencies[latencies.len() / 2].as_micros();
        println!("{size:>8}{bytes:>12}{ours:>14.0}{limit:>14.0}{:>10.2}{p50:>16}", ours / limit);
    }
}

/// The same disk as the build's, not a memory file system.
fn target_folder() -> std::path::PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_path_buf()
}

/// A row of commands of the usual size with the events that they cause.
fn row(size: usize, head: &Head) -> JournalRow {
    let mut batch = BatchBuilder::default();
    for number in 0..size as u64 {
        let command = Command {
            origin: Origin::Client(CommandId([number as u8; 16]), TimeUs(1_700_000_000_000_000)),
            action: Action::PlaceOrder(PlaceOrder {
                account: AccountId(1_000 + number),
                symbol: SymbolId(0),
                side: Side::Buy,
                client_order_id: format!("x-0123456789-{number}").parse().unwrap(),
                kind: OrderKind::Limit(Price(5_000_000), Quantity(1_000 + number), TimeInForce::Gtc),
                stp: None,
                strategy: None,
            }),
        };
        batch.push(&command, &events(number));
    }
    batch.seal(head, TimeUs(head.time.0 + 1), 1)
}

/// What a resting order causes: placed, rested, counts, one balance.
fn events(number: u64) -> Vec<Event> {
    use emporion_model::event::*;
    let account = AccountId(1_000 + number);
    let window = WindowCount { start: TimeUs(1_700_000_000_000_000), count: 17 };
    vec![
        Event::OrderPlaced(OrderPlaced {
            symbol: SymbolId(0),
            order_id: OrderId(1_000_000 + number),
            account,
            client_order_id: format!("x-0123456789-{number}").parse().unwrap(),
            side: Side::Buy,
            kind: OrderKind::Limit(Price(5_000_000), Quantity(1_000 + number), TimeInForce::Gtc),
            stp: StpMode::None,
            trade_group: None,
            strategy: None,
            execution_id: ExecutionId(3_000_000 + number),
        }),
        Event::OrderRested(OrderRested {
            symbol: SymbolId(0),
            order_id: OrderId(1_000_000 + number),
            side: Side::Buy,
            price: Price(5_000_000),
            quantity: Quantity(1_000 + number),
        }),
        Event::OrderCountsChanged(OrderCounts { account, ten_seconds: window, day: window }),
        Event::BalanceChanged(Balance {
            account,
            asset: AssetId(1),
            free: Amount(1_234_567_890_123),
            locked: Amount(987_654_321_000),
        }),
    ]
}
